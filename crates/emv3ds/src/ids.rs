//! Transaction ids: what all the messages of one authentication are matched by.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{Hash, Hasher};

/// A transaction id in the form of RFC 4122: 36 characters, of any UUID version.
///
/// It is kept as it was written, because the other side may compare letter by letter, and is equal whatever its
/// case. It prints shortened: whole, it would let somebody join a payment's messages.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransId(String);

impl TransId {
    /// Takes the canonical form, `8-4-4-4-12` hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_owned()))
    }

    /// A new id (UUID version 4) out of 16 random bytes, which the caller draws.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut number = u128::from_be_bytes(random);
        number = number & !(0xf << 76) | 0x4 << 76;
        number = number & !(0x3 << 62) | 0x2 << 62;
        let (time_low, time_mid, version) = (number >> 96, number >> 80 & 0xffff, number >> 64 & 0xffff);
        let (variant, node) = (number >> 48 & 0xffff, number & 0xffff_ffff_ffff);
        Self(format!("{time_low:08x}-{time_mid:04x}-{version:04x}-{variant:04x}-{node:012x}"))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Whether `text` is a UUID in its canonical form.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl PartialEq for TransId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for TransId {}

impl Hash for TransId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Debug for TransId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransId({}…)", self.0.get(..8).unwrap_or_default())
    }
}

impl From<TransId> for String {
    fn from(id: TransId) -> Self {
        id.0
    }
}

impl TryFrom<String> for TransId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no transaction id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_id_says_that_it_is_one() {
        for random in [[0; 16], [0xff; 16]] {
            let id = TransId::from_random(random);
            assert!(is_uuid(id.text()), "{}", id.text());
            assert_eq!(id.text().get(14..15), Some("4"));
            assert!(["8", "9", "a", "b"].contains(&id.text().get(19..20).unwrap()), "{}", id.text());
        }
        assert_eq!(TransId::from_random([0xff; 16]).text(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn ids_are_equal_in_any_case_and_kept_as_written() {
        let small = TransId::parse("8a880dc0-d2d2-4067-bcb1-b08d1690b26e").unwrap();
        let large = TransId::parse("8A880DC0-D2D2-4067-BCB1-B08D1690B26E").unwrap();
        assert_eq!(small, large);
        assert_eq!(large.text(), "8A880DC0-D2D2-4067-BCB1-B08D1690B26E");
        assert_eq!(format!("{small:?}"), "TransId(8a880dc0…)");
        for text in ["", "8a880dc0d2d24067bcb1b08d1690b26e", "{8a880dc0-d2d2-4067-bcb1-b08d1690b26e}"] {
            assert_eq!(TransId::parse(text), None, "{text}");
        }
    }
}
