//! Whatever arrives, it is a message or refused. What is a message prints without its secrets, and what can be sent
//! again is the same message.

use crate::property;
use crate::vectors::{profiles, vectors};
use iso8583::{Deframer, Function, Profile};
use proptest::prelude::*;

/// What is done to a message to spoil it: at which byte, and how.
#[derive(Clone, Debug)]
enum Spoiled {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

fn spoiled() -> impl Strategy<Value = Spoiled> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Spoiled::Set(at, byte)),
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Spoiled::Flip(at, bit)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Spoiled::Insert(at, byte)),
        1 => at().prop_map(Spoiled::Cut),
        1 => (at(), at()).prop_map(|(one, other)| Spoiled::Swap(one, other)),
    ]
}

fn spoil(wire: &mut Vec<u8>, how: &Spoiled) {
    if wire.is_empty() {
        return;
    }
    match how {
        Spoiled::Set(at, byte) => *at.get_mut(wire.as_mut_slice()) = *byte,
        Spoiled::Flip(at, bit) => *at.get_mut(wire.as_mut_slice()) ^= 1 << bit,
        Spoiled::Insert(at, byte) => wire.insert(at.index(wire.len()), *byte),
        Spoiled::Cut(at) => wire.truncate(at.index(wire.len())),
        Spoiled::Swap(one, other) => {
            let (one, other) = (one.index(wire.len()), other.index(wire.len()));
            wire.swap(one, other);
        }
    }
}

/// Reads it, and whether it was a message.
fn check(profile: &Profile, wire: &[u8]) -> Result<bool, TestCaseError> {
    let message = match profile.decode(wire) {
        Ok(message) => message,
        Err(error) => {
            prop_assert!(error.offset <= wire.len(), "{}", error);
            return Ok(false);
        }
    };
    if let Some(pan) = message.text(2).filter(|pan| pan.len() >= 12) {
        prop_assert!(!message.masked(profile).to_string().contains(pan));
    }
    let key = profile.match_key(&message);
    prop_assert_eq!(key.is_some(), message.has(11) && message.mti().function() != Function::Notification);
    if message.has(52) || message.has(53) {
        prop_assert!(profile.encode(&message).is_err());
    } else {
        let again = profile.encode(&message).unwrap();
        prop_assert!(profile.decode(&again).unwrap() == message);
    }
    Ok(true)
}

#[test]
fn any_bytes_are_a_message_or_refused() {
    let profiles = profiles();
    // A right beginning, so that more than the first check is met.
    let head =
        prop_oneof![Just(&b""[..]), Just(&b"0100"[..]), Just(&b"\x01\0"[..]), Just(&b"\xF0\xF1\xF0\xF0"[..])];
    let wires = (head, prop::collection::vec(any::<u8>(), 0..400));
    let tried = property().run(&wires, |(head, tail)| {
        let wire = [head, &tail].concat();
        profiles.iter().try_for_each(|profile| check(profile, &wire).map(drop))
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_spoiled_message_is_a_message_or_refused() {
    let (profiles, vectors) = (profiles(), vectors());
    let read = std::cell::Cell::new([0_u32; 2]);
    let which = (0..vectors.len(), 0..profiles.len(), prop::collection::vec(spoiled(), 1..4));
    let tried = property().run(&which, |(vector, profile, how)| {
        let profile = &profiles[profile];
        let mut wire = vectors[vector].wire(profile).to_vec();
        how.iter().for_each(|how| spoil(&mut wire, how));
        let mut counts = read.get();
        counts[usize::from(check(profile, &wire)?)] += 1;
        read.set(counts);
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(read.get().iter().all(|count| *count > 100), "both happen: {:?}", read.get());
}

#[test]
fn any_stream_is_frames_or_refused() {
    let profiles = profiles();
    let streams = (0..profiles.len(), prop::collection::vec(any::<u8>(), 0..64), 1..9_usize);
    let tried = property().run(&streams, |(profile, stream, size)| {
        let framing = profiles[profile].framing();
        let mut deframer = Deframer::new(framing);
        for mut received in stream.chunks(size) {
            while let Ok(Some(frame)) = deframer.feed(&mut received) {
                prop_assert!(frame.message().len() + frame.header().len() <= framing.limit_bytes());
            }
        }
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}
