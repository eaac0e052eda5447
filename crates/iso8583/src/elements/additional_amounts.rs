//! DE 54: amounts beside the one in DE 4, such as what was asked for when only a part was approved.

use super::{Malformed, number};
use std::fmt;

/// One of the additional amounts of DE 54.
///
/// ```
/// use iso8583::{AdditionalAmount, Sign};
///
/// let amounts = AdditionalAmount::parse_all("0057978D000000003798")?;
/// assert_eq!(amounts.len(), 1);
/// assert_eq!(amounts[0].amount_type, AdditionalAmount::ORIGINAL);
/// assert_eq!((amounts[0].sign, amounts[0].minor), (Sign::Debit, 3798));
/// assert_eq!(amounts[0].to_string(), "0057978D000000003798");
/// # Ok::<(), iso8583::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditionalAmount<'a> {
    /// Two characters; `00` is no particular account.
    pub account_type: &'a str,
    /// Two characters, such as [`ORIGINAL`](Self::ORIGINAL).
    pub amount_type: &'a str,
    /// The numeric currency code.
    pub currency: &'a str,
    /// On which side of the account.
    pub sign: Sign,
    /// In minor units of the currency.
    pub minor: u64,
}

/// Which side of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `C`.
    Credit,
    /// `D`.
    Debit,
}

const NUMBER: u8 = 54;
const LENGTH: usize = 20;

impl<'a> AdditionalAmount<'a> {
    /// The amount type of what was asked for, beside the part in DE 4 that was approved.
    pub const ORIGINAL: &'static str = "57";

    /// Reads DE 54.
    ///
    /// # Errors
    /// Not a row of amounts of twenty characters each.
    pub fn parse_all(text: &'a str) -> Result<Vec<Self>, Malformed> {
        let parse = |start| {
            let amount = text.get(start..start + LENGTH).and_then(Self::parse);
            amount.ok_or(Malformed { number: NUMBER, offset: start })
        };
        (0..text.len()).step_by(LENGTH).map(parse).collect()
    }

    fn parse(text: &'a str) -> Option<Self> {
        let sign = match text.get(7..8)? {
            "C" => Sign::Credit,
            "D" => Sign::Debit,
            _ => return None,
        };
        let currency = text.get(4..7)?;
        number(currency)?;
        let (account_type, amount_type) = (text.get(0..2)?, text.get(2..4)?);
        Some(Self { account_type, amount_type, currency, sign, minor: number(text.get(8..)?)? })
    }
}

impl fmt::Display for AdditionalAmount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.sign {
            Sign::Credit => 'C',
            Sign::Debit => 'D',
        };
        write!(f, "{}{}{}{sign}{:012}", self.account_type, self.amount_type, self.currency, self.minor)
    }
}
