//! DE 95: what a partial reversal leaves.

use super::{Malformed, number};
use std::fmt;

/// DE 95, replacement amounts: what is left after a partial reversal, in place of DE 4 and DE 5.
///
/// ```
/// use iso8583::ReplacementAmounts;
///
/// let left = ReplacementAmounts { transaction_minor: 1000, settlement_minor: 0 };
/// assert_eq!(left.to_string(), "000000001000000000000000000000000000000000");
/// assert_eq!(ReplacementAmounts::parse(&left.to_string()), Ok(left));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplacementAmounts {
    /// In minor units of DE 49.
    pub transaction_minor: u64,
    /// In minor units of DE 50; 0 where the acquirer settles in the currency of the transaction.
    pub settlement_minor: u64,
}

impl ReplacementAmounts {
    const NUMBER: u8 = 95;
    const LENGTH: usize = 42;

    /// Reads DE 95. The fees after the two amounts are not looked at.
    ///
    /// # Errors
    /// Not 42 characters that begin with two amounts.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let amount = |start: usize| {
            let digits = text.get(start..start + 12).and_then(number);
            digits.ok_or(Malformed { number: Self::NUMBER, offset: start })
        };
        let amounts = Self { transaction_minor: amount(0)?, settlement_minor: amount(12)? };
        let offset = text.len().min(Self::LENGTH);
        if text.len() == Self::LENGTH { Ok(amounts) } else { Err(Malformed { number: Self::NUMBER, offset }) }
    }
}

/// As DE 95, without fees. An amount over twelve digits makes it too long to be encoded.
impl fmt::Display for ReplacementAmounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}{:012}{:018}", self.transaction_minor, self.settlement_minor, 0)
    }
}
