//! Nothing that arrives makes the codec take more memory than a frame may have.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use allocation_counter::measure;
use iso8583::{Deframer, Profile};

/// What a message has beside its values: where each of 128 fields is.
const INDEX: u64 = 128 * 32;

fn profiles() -> [Profile; 4] {
    Profile::BUILT_IN.map(|letter| Profile::built_in(letter).unwrap())
}

/// A message of every field up to DE 64 that begins well, and whose first length is the longest there is.
fn hostile(profile: &Profile, length: usize) -> Vec<u8> {
    let (mti, bitmap, nines) = match profile.name() {
        "A" => (&b"0100"[..], &b"0000000000010000"[..], &b"999"[..]),
        "C" => (&b"\x01\0"[..], &b"\0\0\0\0\0\x01\0\0"[..], &b"\x09\x99"[..]),
        "D" => (&b"\xF0\xF1\xF0\xF0"[..], &b"\0\0\0\0\0\x01\0\0"[..], &b"\xF9\xF9\xF9"[..]),
        _ => (&b"0100"[..], &b"\0\0\0\0\0\x01\0\0"[..], &b"999"[..]),
    };
    let mut wire = [mti, bitmap, nines].concat();
    wire.resize(wire.len() + length, b'0');
    wire
}

#[test]
fn a_message_takes_no_more_than_twice_its_bytes() {
    for profile in profiles() {
        for length in [0, 10, 998, 4000, 8000] {
            let wire = hostile(&profile, length);
            let taken = measure(|| drop(profile.decode(&wire)));
            let limit = 2 * wire.len() as u64 + INDEX;
            assert!(taken.bytes_max <= limit, "{} bytes for {}", taken.bytes_max, wire.len());
        }
        let wire = hostile(&profile, 9000);
        assert_eq!(measure(|| drop(profile.decode(&wire))).bytes_max, 0, "over the limit");
    }
}

#[test]
fn a_stream_takes_no_more_than_a_frame() {
    let profile = Profile::built_in("B").unwrap();
    let limit = profile.framing().limit_bytes();
    let mut deframer = Deframer::new(profile.framing());
    let stream = [&[0x20, 0][..], &vec![b'0'; 8192]].concat().repeat(50);
    let taken = measure(|| {
        let mut received = stream.as_slice();
        let mut frames = 0;
        while let Some(frame) = deframer.feed(&mut received).unwrap() {
            assert_eq!(frame.message().len(), limit);
            frames += 1;
        }
        assert_eq!(frames, 50);
    });
    assert_eq!(taken.bytes_max, limit as u64);
}

#[test]
fn a_length_over_the_limit_takes_nothing() {
    let text = include_str!("../profiles/b.toml").replace("binary-2", "binary-4");
    let profile = Profile::parse(&text).unwrap();
    let mut deframer = Deframer::new(profile.framing());
    let taken = measure(|| {
        deframer.feed(&mut &[0xFF; 4096][..]).unwrap_err();
    });
    assert_eq!(taken.bytes_max, 0);
}
