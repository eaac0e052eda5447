//! Random bytes, handed to whoever draws ids and keys, so that tests can decide what is drawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A source of random bytes. Clones share their state.
#[derive(Debug, Clone)]
pub struct Random(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    /// SHA-256 of the seed and a counter: always the same, and never for a real payment.
    Seeded {
        seed: u64,
        drawn: Arc<AtomicU64>,
    },
}

impl Random {
    /// The operating system's.
    #[must_use]
    pub fn system() -> Self {
        Random(Source::System)
    }

    /// The same bytes for the same seed, for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Random(Source::Seeded { seed, drawn: Arc::default() })
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// When the operating system has no random bytes: there is no safe way on.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => {
                getrandom::fill(bytes).expect("the operating system hands out random bytes");
            }
            Source::Seeded { seed, drawn } => {
                for chunk in bytes.chunks_mut(32) {
                    let count = drawn.fetch_add(1, Ordering::Relaxed);
                    let block = Sha256::new()
                        .chain_update(seed.to_be_bytes())
                        .chain_update(count.to_be_bytes())
                        .finalize();
                    chunk.copy_from_slice(&block[..chunk.len()]);
                }
            }
        }
    }

    /// A text of digits and letters, each equally likely.
    #[must_use]
    pub fn alphanumeric(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        let mut bytes = [0; 64];
        while text.len() < length {
            self.fill(&mut bytes);
            // 248 is the largest multiple of 62 in a byte; above it some characters would be likelier.
            let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < 248);
            text.extend(fair.map(|byte| char::from(ALPHANUMERIC[byte % 62])).take(length - text.len()));
        }
        zeroize::Zeroize::zeroize(&mut bytes);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_what_is_drawn() {
        let draw = |random: &Random| {
            let mut bytes = [0; 40];
            random.fill(&mut bytes);
            bytes
        };
        let random = Random::seeded(7);
        let first = draw(&random);
        assert_ne!(first, draw(&random), "not the same twice");
        assert_eq!(first, draw(&Random::seeded(7)));
        assert_ne!(first, draw(&Random::seeded(8)));
        let shared = Random::seeded(7);
        assert_eq!(first, draw(&shared.clone()));
        assert_ne!(first, draw(&shared), "clones share their state");
        assert_ne!(draw(&Random::system()), draw(&Random::system()));
    }

    #[test]
    fn texts_use_every_letter_and_digit() {
        let text = Random::seeded(1).alphanumeric(5_000);
        assert_eq!(text.len(), 5_000);
        for letter in ALPHANUMERIC {
            let count = text.bytes().filter(|byte| byte == letter).count();
            assert!((40..=130).contains(&count), "{}: {count}", char::from(*letter));
        }
        assert_eq!(text.bytes().filter(u8::is_ascii_alphanumeric).count(), 5_000);
        assert_eq!(Random::seeded(1).alphanumeric(0), "");
    }
}
