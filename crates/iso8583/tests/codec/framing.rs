//! Frames: the ways of a length, the TPDU and header, and streams that arrive in pieces.

use crate::vectors::{bytes, vectors};
use iso8583::{Deframer, Frame, FrameError, Framing, Profile};

/// Profile B with another `[framing]`.
fn framing(keys: &str) -> Framing {
    let profile = include_str!("../../profiles/b.toml").split("[framing]").next().unwrap();
    Profile::parse(&format!("{profile}[framing]\n{keys}")).unwrap().framing().clone()
}

/// An echo in profile B.
fn echo() -> Vec<u8> {
    let vector = vectors().into_iter().find(|vector| vector.name.starts_with("V15")).unwrap();
    vector.wire["B"].clone()
}

/// All frames of a stream that arrives in pieces of `size`.
fn frames(framing: &Framing, stream: &[u8], size: usize) -> Result<Vec<Frame>, FrameError> {
    let mut deframer = Deframer::new(framing);
    let mut frames = Vec::new();
    for mut received in stream.chunks(size) {
        while let Some(frame) = deframer.feed(&mut received)? {
            frames.push(frame);
        }
        assert_eq!(received, [0_u8; 0]);
    }
    assert!(deframer.is_between_frames());
    Ok(frames)
}

/// Keys, and what is before the echo on the wire.
const FRAMINGS: &[(&str, &str)] = &[
    ("length = 'binary-2'", "0027"),
    ("length = 'binary-2'\ncounts_itself = true", "0029"),
    ("length = 'binary-4'", "00000027"),
    ("length = 'bcd-2'", "0039"),
    ("length = 'ascii-4'", "30303339"),
    ("length = 'ascii-4'\ncounts_itself = true", "30303433"),
    ("length = 'binary-2'\ntpdu = { destination = '0001', source = '0000' }", "002C6000010000"),
    ("length = 'binary-2'\nheader = '0000'\ncounts_header = false", "00270000"),
    ("length = 'binary-2'\nheader = '49534F303135303030303530'", "003349534F303135303030303530"),
    ("length = 'binary-4'\nheader = 'AB'\ncounts_itself = true\ncounts_header = false", "0000002BAB"),
];

#[test]
fn an_echo_is_framed_as_each_host_wants_it() {
    for (keys, before) in FRAMINGS {
        let framing = framing(keys);
        let stream = framing.frame(&echo()).unwrap();
        assert_eq!(stream, [bytes(before), echo()].concat(), "{keys}");
        for size in 1..stream.len() {
            let frames = frames(&framing, &stream.repeat(3), size).unwrap();
            assert_eq!(frames.len(), 3);
            assert!(frames.iter().all(|frame| frame.message() == echo() && !frame.is_keep_alive()), "{keys}");
        }
    }
}

#[test]
fn a_length_of_zero_keeps_the_connection_alive() {
    for (keys, _) in FRAMINGS {
        let framing = framing(keys);
        let stream = [framing.keep_alive(), framing.frame(&echo()).unwrap(), framing.keep_alive()].concat();
        for size in [1, 3, stream.len()] {
            let alive: Vec<bool> =
                frames(&framing, &stream, size).unwrap().iter().map(Frame::is_keep_alive).collect();
            assert_eq!(alive, [true, false, true], "{keys}");
        }
    }
    let itself = framing("length = 'binary-2'\ncounts_itself = true");
    assert!(frames(&itself, &[0, 2], 2).unwrap()[0].is_keep_alive());
}

#[test]
fn an_answer_goes_back_where_the_request_came_from() {
    let framing = framing("length = 'binary-2'\ntpdu = { destination = '0001', source = '0000' }");
    let request = frames(&framing, &framing.frame(&echo()).unwrap(), 99).unwrap().remove(0);
    assert_eq!(request.header(), bytes("6000010000"));
    let answer = framing.frame_answer(&request, &echo()).unwrap();
    assert_eq!(answer[..7], bytes("002C6000000001"));
}

/// Keys, stream, error.
const NO_FRAMES: &[(&str, &str, &str)] = &[
    ("length = 'binary-2'", "2001", "a frame of 8193 bytes is over the limit of 8192"),
    ("length = 'binary-4'", "FFFFFFFF", "a frame of 4294967295 bytes is over the limit of 8192"),
    ("length = 'binary-2'\nlimit_bytes = 100", "0065", "a frame of 101 bytes is over the limit of 100"),
    ("length = 'binary-2'", "000B", "a frame of 11 bytes is too short for a message, which has at least 12"),
    (
        "length = 'binary-2'\ncounts_itself = true",
        "0001",
        "a frame of 0 bytes is too short for a message, which has at least 12",
    ),
    ("length = 'bcd-2'", "003A", "the frame's length is not in digits"),
    ("length = 'ascii-4'", "3030332F", "the frame's length is not in digits"),
    (
        "length = 'binary-2'\ntpdu = { destination = '0001', source = '0000' }",
        "002C30",
        "the frame's TPDU does not begin with 60",
    ),
];

#[test]
fn a_stream_that_makes_no_sense_is_refused_for_good() {
    for (keys, stream, expected) in NO_FRAMES {
        let framing = framing(keys);
        let mut deframer = Deframer::new(&framing);
        let error = deframer.feed(&mut bytes(stream).as_slice()).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{keys}");
        assert!(!deframer.is_between_frames());
        let sound = framing.frame(&echo()).unwrap();
        assert_eq!(deframer.feed(&mut sound.as_slice()), Err(error), "it is not read on");
    }
}

#[test]
fn half_a_frame_is_told_from_none() {
    let framing = framing("length = 'binary-2'");
    let stream = framing.frame(&echo()).unwrap();
    for end in 0..stream.len() {
        let mut deframer = Deframer::new(&framing);
        assert_eq!(deframer.feed(&mut &stream[..end]), Ok(None));
        assert_eq!(deframer.is_between_frames(), end == 0);
    }
}

#[test]
fn what_the_other_side_would_refuse_is_not_framed() {
    let binary = framing("length = 'binary-2'");
    assert!(binary.frame(&[0; 8192]).is_ok());
    assert_eq!(binary.frame(&[0; 8193]), Err(FrameError::TooLong { length: 8193, limit: 8192 }));
    assert_eq!(binary.frame(&[0; 11]), Err(FrameError::TooShort { length: 11, minimum: 12 }));
    let digits = framing("length = 'ascii-4'\nlimit_bytes = 60000");
    assert_eq!(digits.frame(&[0; 10_000]), Err(FrameError::TooLong { length: 10_000, limit: 9_999 }));
    let itself = framing("length = 'ascii-4'\nlimit_bytes = 60000\ncounts_itself = true");
    assert!(itself.frame(&[0; 9_995]).is_ok());
    assert_eq!(itself.frame(&[0; 9_996]), Err(FrameError::TooLong { length: 9_996, limit: 9_999 }));
}
