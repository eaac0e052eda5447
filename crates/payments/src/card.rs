//! Cards: the number that must not leak, its check digit, and what may be kept of it.

use crate::money::Currency;
use crate::ranges::Issued;
use std::fmt;
use zeroize::Zeroize;

/// A card brand that Kassa takes. Its names are the gateway ids of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Brand {
    /// American Express.
    Amex,
    /// Maestro: debit, 12–19 digits, always authenticated.
    Maestro,
    /// Mastercard and Debit Mastercard.
    Mastercard,
    /// Visa and the brands that travel with it.
    Visa,
}

impl Brand {
    /// Every brand.
    pub const ALL: [Self; 4] = [Self::Amex, Self::Maestro, Self::Mastercard, Self::Visa];

    /// The gateway id, such as `MAESTRO`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Amex => "AMEX",
            Self::Maestro => "MAESTRO",
            Self::Mastercard => "MASTERCARD",
            Self::Visa => "VISA",
        }
    }

    /// The name people know, such as `Maestro`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amex => "American Express",
            Self::Maestro => "Maestro",
            Self::Mastercard => "MasterCard",
            Self::Visa => "Visa",
        }
    }

    /// The brand with this gateway id, in any case.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|brand| brand.id().eq_ignore_ascii_case(id))
    }

    /// How many digits the verification code on the card has.
    #[must_use]
    pub fn cvc_length(self) -> usize {
        match self {
            Self::Amex => 4,
            Self::Maestro | Self::Mastercard | Self::Visa => 3,
        }
    }

    /// Whether cards of this brand are collected in `currency`: American Express in four of them, unless it
    /// settles with the merchant directly.
    #[must_use]
    pub fn is_collected_in(self, currency: Currency) -> bool {
        match self {
            Self::Amex => matches!(currency.code(), "CHF" | "EUR" | "GBP" | "USD"),
            Self::Maestro | Self::Mastercard | Self::Visa => true,
        }
    }

    /// Whether the code must be typed. Many Maestro cards have none printed.
    #[must_use]
    pub fn cvc_required(self) -> bool {
        !matches!(self, Self::Maestro)
    }
}

/// What an order was placed for: one brand, or any card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gateway {
    /// `CREDITCARD`: the page finds the brand from the card.
    AnyCard,
    /// One brand, such as `MAESTRO`.
    Brand(Brand),
}

impl Gateway {
    /// Every gateway.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::AnyCard).chain(Brand::ALL.into_iter().map(Self::Brand))
    }

    /// The gateway with this id; ids are not case sensitive.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        if id.eq_ignore_ascii_case("CREDITCARD") {
            Some(Self::AnyCard)
        } else {
            Brand::parse(id).map(Self::Brand)
        }
    }

    /// The gateway id of the API.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::AnyCard => "CREDITCARD",
            Self::Brand(brand) => brand.id(),
        }
    }

    /// Whether a card of `brand` pays an order placed for this gateway.
    #[must_use]
    pub fn takes(self, brand: Brand) -> bool {
        match self {
            Self::AnyCard => true,
            Self::Brand(ordered) => ordered == brand,
        }
    }
}

/// A primary account number: 12–19 digits with a right check digit.
///
/// It prints masked, cannot be serialised, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Pan(String);

impl Drop for Pan {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Why typed text is no card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanFault {
    /// Nothing was typed.
    Missing,
    /// Something else than digits, blanks and dashes, or not 12–19 digits.
    Malformed,
    /// The last digit does not match the others.
    CheckDigit,
}

impl Pan {
    /// Takes what a person typed: digits, with blanks or dashes between them.
    ///
    /// # Errors
    /// The fault to show beside the field.
    pub fn parse(text: &str) -> Result<Self, PanFault> {
        // Room for all of it at once: a text that grows leaves copies of itself behind.
        let mut digits = Self(String::with_capacity(text.len()));
        digits.0.extend(text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '\u{a0}')));
        if digits.0.is_empty() {
            return Err(PanFault::Missing);
        }
        if !(12..=19).contains(&digits.0.len()) || !digits.0.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PanFault::Malformed);
        }
        if luhn(&digits.0) { Ok(digits) } else { Err(PanFault::CheckDigit) }
    }

    /// All digits. Only the authorisation, the authentication and the vault may ask for them.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The last four digits, which may be shown.
    #[must_use]
    pub fn last4(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }

    /// The first six digits where they may be kept: not of a number under 13 digits, whose middle
    /// would be guessable from both ends.
    #[must_use]
    pub fn bin(&self) -> Option<&str> {
        if self.0.len() < 13 { None } else { self.0.get(..6) }
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan(…{})", self.last4())
    }
}

/// ISO/IEC 7812-1 annex B: from the right, every second digit doubled, the sum a multiple of ten.
fn luhn(digits: &str) -> bool {
    let sum = digits.bytes().rev().enumerate().fold(0_u32, |sum, (at, byte)| {
        let digit = u32::from(byte.saturating_sub(b'0'));
        let weighed = match (at % 2 == 1, digit) {
            (false, digit) => digit,
            (true, digit @ 0..=4) => digit.saturating_mul(2),
            (true, digit) => digit.saturating_mul(2).saturating_sub(9),
        };
        sum.saturating_add(weighed)
    });
    sum.is_multiple_of(10)
}

/// The month a card ends, printed `YYMM` by the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// Full year, such as 2030.
    pub year: i16,
    /// 1–12.
    pub month: i8,
}

impl Expiry {
    /// Takes `MM/YY` in the forms people type: `12/30`, `12 / 2030`, `1230`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|letter| *letter != ' ').collect();
        let (month, year) = match text.split_once(['/', '-', '.']) {
            Some(parts) => parts,
            None => text.split_at_checked(2)?,
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(month) || !digits(year) || month.len() > 2 || !matches!(year.len(), 2 | 4) {
            return None;
        }
        let year: i16 = year.parse().ok()?;
        Self::new(if year < 100 { year.saturating_add(2000) } else { year }, month.parse().ok()?)
    }

    /// Takes the `YYMM` of the API and of card messages.
    #[must_use]
    pub fn parse_yymm(text: &str) -> Option<Self> {
        let (year, month) = text.split_at_checked(2).filter(|_| text.len() == 4)?;
        Self::new(year.parse::<i16>().ok()?.checked_add(2000)?, month.parse().ok()?)
    }

    fn new(year: i16, month: i8) -> Option<Self> {
        let known = (1..=12).contains(&month) && (2000..=2099).contains(&year);
        known.then_some(Self { year, month })
    }

    /// Whether the month has passed in the month `now`.
    #[must_use]
    pub fn is_before(self, now: Self) -> bool {
        self < now
    }

    /// `YYMM`, as the API and card messages print it.
    #[must_use]
    pub fn yymm(self) -> String {
        format!("{:02}{:02}", self.year % 100, self.month)
    }
}

/// What may be kept of a card that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardSummary {
    /// The brand that pays.
    pub brand: Brand,
    /// First six digits, where they may be kept.
    pub bin: Option<String>,
    /// Last four digits.
    pub last4: String,
    /// The month the card ends.
    pub expiry: Expiry,
    /// The name typed by the customer.
    pub holder: String,
    /// What the card ranges said about it when it was submitted.
    pub issued: Issued,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_numbers_are_checked_before_anything_is_sent() {
        assert_eq!(Pan::parse(" 6799 9900 0000 0000 011 ").unwrap().last4(), "0011");
        assert_eq!(Pan::parse(""), Err(PanFault::Missing));
        assert_eq!(Pan::parse("67999900000"), Err(PanFault::Malformed));
        assert_eq!(Pan::parse("67999900000000000112"), Err(PanFault::Malformed));
        assert_eq!(Pan::parse("6799990000000000x11"), Err(PanFault::Malformed));
        assert_eq!(Pan::parse("6799990000000000012"), Err(PanFault::CheckDigit));
    }

    #[test]
    fn a_pan_never_prints_whole() {
        let pan = Pan::parse("6799990000000000011").unwrap();
        assert_eq!(format!("{pan:?}"), "Pan(…0011)");
        assert_eq!(Pan::parse("679999000004").unwrap().bin(), None, "12 digits keep only their last four");
    }

    #[test]
    fn expiry_is_read_in_the_forms_people_type() {
        let expected = Some(Expiry { year: 2030, month: 12 });
        for text in ["12/30", "12 / 30", "1230", "12/2030", "12-30"] {
            assert_eq!(Expiry::parse(text), expected, "{text}");
        }
        assert_eq!(Expiry::parse("1/30").map(|expiry| expiry.yymm()).as_deref(), Some("3001"));
        for text in ["", "13/30", "00/30", "12", "12/3", "ab/cd", "12/1999"] {
            assert_eq!(Expiry::parse(text), None, "{text}");
        }
        assert_eq!(Expiry::parse_yymm("3012"), expected);
    }
}
