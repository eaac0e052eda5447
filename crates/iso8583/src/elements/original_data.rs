//! DE 90: which message a reversal or a completion is about.

use super::Malformed;
use crate::message::Message;
use crate::mti::Mti;
use std::fmt;
use std::ops::Range;

/// DE 90, original data elements: type, STAN, transmission time, acquirer and forwarder of an earlier message.
///
/// ```
/// use iso8583::{Message, Mti, OriginalDataElements};
///
/// let original = Message::new(Mti::AUTHORISATION_REQUEST).with(7, "1122143015").with(11, "000123").with(32, "525000");
/// let elements = OriginalDataElements::of(&original).unwrap();
/// assert_eq!(elements.to_string(), "010000012311221430150000052500000000000000");
/// assert!(elements.refer_to(&original));
///
/// let reversal = Message::new(Mti::REVERSAL_REQUEST).with(90, elements);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalDataElements {
    mti: Mti,
    digits: String,
}

const NUMBER: u8 = 90;
const MTI: Range<usize> = 0..4;
const STAN: Range<usize> = 4..10;
const TRANSMISSION: Range<usize> = 10..20;
const ACQUIRER: Range<usize> = 20..31;
const FORWARDER: Range<usize> = 31..42;

impl OriginalDataElements {
    /// Those of `original`. `None` where it has no DE 7 or DE 11, or something of another length than is usual.
    #[must_use]
    pub fn of(original: &Message) -> Option<Self> {
        let (stan, transmission) = (original.text(11)?, original.text(7)?);
        let (acquirer, forwarder) = (original.text(32).unwrap_or(""), original.text(33).unwrap_or(""));
        let mti = original.mti().first();
        Self::parse(&format!("{mti}{stan:0>6}{transmission:0>10}{acquirer:0>11}{forwarder:0>11}")).ok()
    }

    /// Reads DE 90.
    ///
    /// # Errors
    /// Not 42 digits that begin with a message type.
    pub fn parse(digits: &str) -> Result<Self, Malformed> {
        let malformed = |offset| Malformed { number: NUMBER, offset };
        if let Some(offset) = digits.bytes().position(|digit| !digit.is_ascii_digit()) {
            return Err(malformed(offset));
        }
        if digits.len() != FORWARDER.end {
            return Err(malformed(digits.len().min(FORWARDER.end)));
        }
        let mti = digits.get(MTI).and_then(Mti::parse).ok_or_else(|| malformed(0))?;
        Ok(Self { mti, digits: digits.to_owned() })
    }

    /// The original's type.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// The original's DE 11.
    #[must_use]
    pub fn stan(&self) -> &str {
        self.part(STAN)
    }

    /// The original's DE 7.
    #[must_use]
    pub fn transmission(&self) -> &str {
        self.part(TRANSMISSION)
    }

    /// The original's DE 32, with zeros on the left.
    #[must_use]
    pub fn acquirer(&self) -> &str {
        self.part(ACQUIRER)
    }

    /// The original's DE 33, with zeros on the left.
    #[must_use]
    pub fn forwarder(&self) -> &str {
        self.part(FORWARDER)
    }

    /// Whether `message` is the original, or a repeat of it.
    #[must_use]
    pub fn refer_to(&self, message: &Message) -> bool {
        Self::of(message).is_some_and(|elements| elements == *self)
    }

    fn part(&self, range: Range<usize>) -> &str {
        self.digits.get(range).unwrap_or_default()
    }
}

impl fmt::Display for OriginalDataElements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

impl AsRef<[u8]> for OriginalDataElements {
    fn as_ref(&self) -> &[u8] {
        self.digits.as_bytes()
    }
}
