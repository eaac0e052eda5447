//! Any stream in pieces of any size: no frame is over the limit, and the pieces make no difference. The first byte
//! chooses the profile, the second the size of the pieces.
#![no_main]

use iso8583::{Deframer, Frame, FrameError, Profile};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static PROFILES: LazyLock<[Profile; 4]> =
    LazyLock::new(|| Profile::BUILT_IN.map(|letter| Profile::built_in(letter).unwrap()));

fuzz_target!(|bytes: &[u8]| {
    let [choice, size, stream @ ..] = bytes else { return };
    let profile = &PROFILES[usize::from(choice % 4)];
    let (frames, error) = read(profile, stream, usize::from(*size).max(1));
    assert!((frames, error) == read(profile, stream, stream.len().max(1)));
});

fn read(profile: &Profile, stream: &[u8], size: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut deframer = Deframer::new(profile.framing());
    let mut frames = Vec::new();
    for mut received in stream.chunks(size) {
        loop {
            match deframer.feed(&mut received) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    assert!(
        frames
            .iter()
            .all(|frame| frame.message().len() + frame.header().len() <= profile.framing().limit_bytes())
    );
    (frames, None)
}
