//! The codec from outside: real messages, what is refused, what is shown, and that no bytes upset it.
//!
//! `TEST_FRAMES` says how many random messages are tried.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod any_bytes;
mod elements;
mod framing;
mod mac;
mod masked;
mod matching;
mod mti;
mod profiles;
mod refused;
mod round_trip;
mod vectors;

/// How many random messages are tried where nobody says.
const FRAMES: u32 = 2_000;

/// How properties are tried.
fn property() -> proptest::test_runner::TestRunner {
    #[expect(clippy::disallowed_methods, reason = "how much to try is for whoever tests")]
    let cases = std::env::var("TEST_FRAMES").map_or(FRAMES, |number| number.parse().unwrap());
    let config = proptest::prelude::ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    proptest::test_runner::TestRunner::new(config)
}
