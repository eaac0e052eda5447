//! How many authorisation requests one core decodes and encodes again in a second, in each profile.
//!
//! `cargo bench -p iso8583`. It fails where profile B is below what one core has to do.
#![expect(clippy::print_stdout, clippy::float_arithmetic, reason = "a benchmark prints what it measured")]

use iso8583::Profile;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The best of these rounds counts: whatever else the machine does makes a round slower, never faster.
const ROUNDS: usize = 15;
const MESSAGES: u32 = 50_000;

/// What one core has to do in profile B.
const FLOOR: f64 = 500_000.0;

fn main() {
    let rates: BTreeMap<&str, f64> =
        Profile::BUILT_IN.into_iter().map(|letter| (letter, measure(letter))).collect();
    let b = rates["B"];
    println!("V01 decoded and encoded, messages a second on one core, best of {ROUNDS}:");
    for (letter, rate) in &rates {
        println!("  profile {letter}: {rate:>9.0}  ({:.2} of B)", rate / b);
    }
    assert!(b >= FLOOR, "profile B is below {FLOOR} messages a second");
}

fn measure(letter: &str) -> f64 {
    let profile = Profile::built_in(letter).expect("it is built in");
    let wire = authorisation(letter);
    let round = || {
        let started = Instant::now();
        for _ in 0..MESSAGES {
            let message = profile.decode(black_box(&wire)).expect("it is a message");
            let again = profile.encode(black_box(&message)).expect("it was one before");
            assert_eq!(black_box(again).len(), wire.len());
        }
        started.elapsed()
    };
    let best: Duration = (0..ROUNDS).map(|_| round()).min().expect("there are rounds");
    f64::from(MESSAGES) / best.as_secs_f64()
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
