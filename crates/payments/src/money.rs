//! Amounts: whole minor units of one currency, never floats, never added across currencies.

use std::fmt;

/// An ISO 4217 currency that card orders can be placed in.
///
/// The set is the reference gateway's list for Maestro, Mastercard and Visa, plus the three-decimal
/// currencies that the card schemes settle in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static Entry);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Entry {
    code: &'static str,
    numeric: u16,
    exponent: u32,
}

const fn entry(code: &'static str, numeric: u16, exponent: u32) -> Entry {
    Entry { code, numeric, exponent }
}

/// Sorted by code, for the binary search in [`Currency::parse`].
static CURRENCIES: [Entry; 46] = [
    entry("AED", 784, 2),
    entry("AUD", 36, 2),
    entry("BGN", 975, 2),
    entry("BHD", 48, 3),
    entry("BRL", 986, 2),
    entry("CAD", 124, 2),
    entry("CHF", 756, 2),
    entry("CLP", 152, 0),
    entry("CNY", 156, 2),
    entry("COP", 170, 2),
    entry("CZK", 203, 2),
    entry("DKK", 208, 2),
    entry("EUR", 978, 2),
    entry("GBP", 826, 2),
    entry("HKD", 344, 2),
    entry("HRK", 191, 2),
    entry("HUF", 348, 2),
    entry("ILS", 376, 2),
    entry("INR", 356, 2),
    entry("ISK", 352, 0),
    entry("JOD", 400, 3),
    entry("JPY", 392, 0),
    entry("KRW", 410, 0),
    entry("KWD", 414, 3),
    entry("MXN", 484, 2),
    entry("MYR", 458, 2),
    entry("NOK", 578, 2),
    entry("NZD", 554, 2),
    entry("OMR", 512, 3),
    entry("PEN", 604, 2),
    entry("PHP", 608, 2),
    entry("PLN", 985, 2),
    entry("RON", 946, 2),
    entry("RUB", 643, 2),
    entry("SEK", 752, 2),
    entry("SGD", 702, 2),
    entry("THB", 764, 2),
    entry("TND", 788, 3),
    entry("TRY", 949, 2),
    entry("TWD", 901, 2),
    entry("UAH", 980, 2),
    entry("USD", 840, 2),
    entry("UYU", 858, 2),
    entry("VEF", 937, 2),
    entry("XPF", 953, 0),
    entry("ZAR", 710, 2),
];

impl Currency {
    /// The currency with this three-letter code, upper case as ISO 4217 prints it.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let at = CURRENCIES.binary_search_by(|entry| entry.code.cmp(code)).ok()?;
        CURRENCIES.get(at).map(Self)
    }

    /// Every currency, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        CURRENCIES.iter().map(Self)
    }

    /// The three-letter code, such as `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code
    }

    /// The three-digit number that card messages carry, such as 978.
    #[must_use]
    pub fn numeric(self) -> u16 {
        self.0.numeric
    }

    /// How many decimals the minor unit stands for: 0 (JPY), 2 (EUR) or 3 (KWD).
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

/// The largest amount an order may have, in minor units.
pub const AMOUNT_MAX_MINOR: i64 = 99_999_999_999;

/// A sum of money: whole minor units of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Minor units: cents for EUR, yen for JPY.
    pub minor: i64,
    /// The currency of those units.
    pub currency: Currency,
}

impl Amount {
    /// `minor` units of `currency`.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum, or `None` when the currencies differ or the sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { minor: self.minor.checked_add(other.minor)?, ..self })
    }

    /// Whether no money is meant: a card check (zero authorisation).
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_currency_is_found_by_its_code() {
        for entry in &CURRENCIES {
            let found = Currency::parse(entry.code).expect(entry.code);
            assert_eq!(found.code(), entry.code);
            assert!(matches!(found.exponent(), 0 | 2 | 3));
        }
        assert!(CURRENCIES.windows(2).all(|pair| pair[0].code < pair[1].code), "sorted for the search");
    }

    #[test]
    fn currencies_that_no_card_order_takes_are_refused() {
        for code in ["FOOBAR", "AMD", "AZN", "CDF", "eur", "", "EU", "XXX", "978"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }

    #[test]
    fn amounts_of_two_currencies_do_not_add() {
        let (eur, jpy) = (Currency::parse("EUR").unwrap(), Currency::parse("JPY").unwrap());
        assert_eq!(Amount::new(1, eur).checked_add(Amount::new(1, jpy)), None);
        assert_eq!(Amount::new(1, eur).checked_add(Amount::new(2, eur)), Some(Amount::new(3, eur)));
        assert_eq!(Amount::new(i64::MAX, eur).checked_add(Amount::new(1, eur)), None);
    }
}
