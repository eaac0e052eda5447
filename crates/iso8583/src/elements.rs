//! Fields that have an inside, each read and built in a module of its own.

mod additional_amounts;
mod original_data;
mod replacement_amounts;
mod sub_elements;

pub use additional_amounts::{AdditionalAmount, Sign};
pub use original_data::OriginalDataElements;
pub use replacement_amounts::ReplacementAmounts;
pub use sub_elements::SubElements;

use crate::message::Message;
use std::fmt;

/// Why the inside of a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The field's number.
    pub number: u8,
    /// The character of its value, counted from 0, at which it went wrong.
    pub offset: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DE {} is malformed at character {}", self.number, self.offset)
    }
}

impl std::error::Error for Malformed {}

impl Message {
    /// DE 4, the amount in minor units of the currency of DE 49.
    #[must_use]
    pub fn amount_minor(&self) -> Option<u64> {
        number(self.text(4)?)
    }

    /// Sets DE 4. It has twelve digits; a profile refuses to encode more.
    pub fn set_amount_minor(&mut self, minor: u64) -> &mut Self {
        self.set(4, format!("{minor:012}"))
    }

    /// DE 11, the system trace audit number.
    #[must_use]
    pub fn stan(&self) -> Option<u32> {
        number(self.text(11)?)?.try_into().ok()
    }

    /// Sets DE 11. It has six digits; a profile refuses to encode more.
    pub fn set_stan(&mut self, stan: u32) -> &mut Self {
        self.set(11, format!("{stan:06}"))
    }

    /// DE 39, what became of it: `00` is approved.
    #[must_use]
    pub fn response_code(&self) -> Option<&str> {
        self.text(39)
    }
}

/// The value of digits and nothing else.
fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None }
}
