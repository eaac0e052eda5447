//! How many authorisation requests one core decodes and encodes again in a second, in each profile.
//!
//! `cargo bench -p iso8583`. It fails where profile B is below what one core has to do.
#![expect(clippy::print_stdout, clippy::float_arithmetic, reason = "a benchmark prints what it measured")]

use iso8583::Profile;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The best round counts: whatever else the machine does makes a round slower, never faster. Rounds are shorter than
/// the turn a process gets, and the profiles take turns, so that a busy machine is fair to all of them.
const ROUNDS: usize = 500;
const MESSAGES: u32 = 2_000;

/// What one core has to do in profile B.
const FLOOR: f64 = 500_000.0;

fn main() {
    let mut best = [Duration::MAX; 4];
    let subjects = Profile::BUILT_IN.map(|letter| {
        let profile = Profile::built_in(letter).expect("it is built in");
        (profile, authorisation(letter))
    });
    for _ in 0..ROUNDS {
        for (best, (profile, wire)) in best.iter_mut().zip(&subjects) {
            *best = (*best).min(round(profile, wire));
        }
    }
    let [a, b, c, d] = best.map(|best| f64::from(MESSAGES) / best.as_secs_f64());
    println!("V01 decoded and encoded, messages a second on one core, best of {ROUNDS} rounds:");
    for (letter, rate) in Profile::BUILT_IN.iter().zip([a, b, c, d]) {
        println!("  profile {letter}: {rate:>9.0}  ({:.2} of B)", rate / b);
    }
    assert!(b >= FLOOR, "profile B is below {FLOOR} messages a second");
}

fn round(profile: &Profile, wire: &[u8]) -> Duration {
    let started = Instant::now();
    for _ in 0..MESSAGES {
        let message = profile.decode(black_box(wire)).expect("it is a message");
        let again = profile.encode(black_box(&message)).expect("it was one before");
        assert_eq!(black_box(again).len(), wire.len());
    }
    started.elapsed()
}

/// The first vector's bytes.
fn authorisation(letter: &str) -> Vec<u8> {
    let file: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(include_str!("../tests/vectors.json")).expect("the vectors are JSON");
    let (_, first) = file.first_key_value().expect("there are vectors");
    let hex = first["enc"][letter].as_str().expect("in each profile");
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("in hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}
