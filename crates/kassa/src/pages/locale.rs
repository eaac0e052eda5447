//! The languages of the pages, and how each writes an amount.
//!
//! A language is one file in `locales/` and one line in [`FILES`]. A file with a missing or an unknown key does not
//! parse, which the tests below notice; so no page ever has a hole in it.

mod texts;

use std::sync::LazyLock;

use serde::Deserialize;

pub(crate) use texts::*;

/// Every language, the fallback first.
const FILES: &[&str] = &[include_str!("../../locales/en.toml"), include_str!("../../locales/nl.toml")];

static LOCALES: LazyLock<Vec<Locale>> =
    LazyLock::new(|| FILES.iter().map(|file| parse(file).expect("the tests parse every locale")).collect());

/// One language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Locale {
    /// The language tag, as in `<html lang>`: `nl`.
    pub(crate) tag: String,
    /// What the language calls itself: `Nederlands`.
    pub(crate) name: String,
    /// Which way it is written.
    pub(crate) dir: Direction,
    /// How it writes numbers.
    pub(crate) number: NumberFormat,
    /// What the pages say.
    pub(crate) texts: Texts,
}

/// Which way a language is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

/// How a language writes numbers and amounts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberFormat {
    decimal: String,
    group: String,
    /// An amount with a currency symbol: `{symbol}{number}`.
    symbol: String,
    /// An amount with a currency code: `{symbol} {number}`.
    code: String,
}

impl Locale {
    /// The locale for a wish like `nl_NL`, `nl-BE` or `nl`: that very tag, else its language, else English.
    pub(crate) fn find(wanted: &str) -> &'static Locale {
        let wanted = wanted.trim().replace('_', "-");
        let language = wanted.split('-').next().unwrap_or_default();
        let tagged = |tag: &str| LOCALES.iter().find(|locale| locale.tag.eq_ignore_ascii_case(tag));
        tagged(&wanted).or_else(|| tagged(language)).unwrap_or(&LOCALES[0])
    }

    /// All locales, for the language switch.
    pub(crate) fn all() -> &'static [Locale] {
        &LOCALES
    }

    /// The value of `<html dir>`.
    pub(crate) fn dir(&self) -> &'static str {
        match self.dir {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }

    /// An amount of `minor` units of a currency with `exponent` decimals, as this language writes it.
    pub(crate) fn amount(&self, minor: i64, currency: &str, exponent: u32) -> String {
        let sign = if minor < 0 { "-" } else { "" };
        let number = format!("{sign}{}", self.decimal(minor.unsigned_abs(), exponent));
        let (pattern, symbol) = match symbol(currency) {
            Some(symbol) => (&self.number.symbol, symbol),
            None => (&self.number.code, currency),
        };
        let amount = pattern.replace("{symbol}", symbol).replace("{number}", &number);
        match self.dir {
            Direction::Ltr => amount,
            // Isolated, or the text around it would reorder its parts.
            Direction::Rtl => format!("\u{2066}{amount}\u{2069}"),
        }
    }

    /// A decimal, written with a point, as this language writes it.
    pub(crate) fn quantity(&self, decimal: &str) -> String {
        decimal.replace('.', &self.number.decimal)
    }

    /// Shifts the decimal mark by moving digits, not by dividing: exact for every amount and exponent.
    fn decimal(&self, minor: u64, exponent: u32) -> String {
        let decimals = usize::try_from(exponent).expect("an exponent is a handful");
        let digits = format!("{minor:0>width$}", width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let mut number = String::with_capacity(digits.len() + digits.len() / 3 + 1);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                number.push_str(&self.number.group);
            }
            number.push(digit);
        }
        if !fraction.is_empty() {
            number.push_str(&self.number.decimal);
            number.push_str(fraction);
        }
        number
    }
}

/// Symbols that mean one currency only to everyone; `$` is the US dollar, other dollars go by their code.
fn symbol(currency: &str) -> Option<&'static str> {
    match currency {
        "EUR" => Some("€"),
        "GBP" => Some("£"),
        "JPY" => Some("¥"),
        "USD" => Some("$"),
        _ => None,
    }
}

fn parse(file: &str) -> Result<Locale, toml::de::Error> {
    toml::from_str(file)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A made-up right-to-left language: English words, written from the right.
    pub(crate) fn right_to_left() -> Locale {
        parse(&FILES[0].replace("dir = \"ltr\"", "dir = \"rtl\"")).unwrap()
    }

    #[test]
    fn every_locale_parses_and_has_its_own_tag() {
        let tags: BTreeSet<String> = FILES.iter().map(|file| parse(file).unwrap().tag).collect();
        assert_eq!(tags.len(), FILES.len());
        assert_eq!(Locale::all()[0].tag, "en");
    }

    #[test]
    fn a_missing_or_unknown_key_is_an_error() {
        let english = FILES[0];
        let missing: String =
            english.lines().filter(|line| !line.starts_with("heading")).collect::<Vec<_>>().join("\n");
        assert!(parse(&missing).unwrap_err().to_string().contains("missing field `heading`"));
        let unknown = english.replace("[texts.field]", "[texts.field]\nnumber_odd = \"odd\"");
        assert!(parse(&unknown).unwrap_err().to_string().contains("unknown field `number_odd`"));
    }

    #[test]
    fn every_locale_has_the_placeholders_of_english_and_no_empty_text() {
        let english = texts(FILES[0]);
        for file in FILES {
            for ((key, ours), (_, theirs)) in texts(file).iter().zip(&english) {
                assert!(!ours.trim().is_empty(), "{key} is empty in {}", parse(file).unwrap().tag);
                assert_eq!(placeholders(ours), placeholders(theirs), "{key} in {}", parse(file).unwrap().tag);
            }
        }
    }

    #[test]
    fn a_wish_finds_its_language_or_english() {
        for (wanted, tag) in [
            ("nl_NL", "nl"),
            ("nl-BE", "nl"),
            ("NL", "nl"),
            (" nl ", "nl"),
            ("en_US", "en"),
            ("xx_XX", "en"),
            ("", "en"),
            ("nld", "en"),
            ("../nl", "en"),
        ] {
            assert_eq!(Locale::find(wanted).tag, tag, "{wanted:?}");
        }
    }

    #[test]
    fn amounts_are_written_as_the_language_writes_them() {
        for (tag, minor, currency, exponent, expected) in [
            ("nl", 1_000, "EUR", 2, "€ 10,00"),
            ("nl", 123_450, "EUR", 2, "€ 1.234,50"),
            ("nl", 1_250, "CHF", 2, "CHF 12,50"),
            ("en", 123_450, "EUR", 2, "€1,234.50"),
            ("en", 5, "USD", 2, "$0.05"),
            ("en", 0, "GBP", 2, "£0.00"),
            ("en", 100_000_000, "EUR", 2, "€1,000,000.00"),
            ("en", 1_250, "CHF", 2, "CHF 12.50"),
            ("en", 1_234_567, "JPY", 0, "¥1,234,567"),
            ("nl", 123, "JPY", 0, "¥ 123"),
            ("en", 12_345, "KWD", 3, "KWD 12.345"),
            ("nl", 1_234_567, "KWD", 3, "KWD 1.234,567"),
            ("en", -150, "EUR", 2, "€-1.50"),
            ("en", i64::MIN, "EUR", 2, "€-92,233,720,368,547,758.08"),
        ] {
            assert_eq!(Locale::find(tag).amount(minor, currency, exponent), expected);
        }
    }

    #[test]
    fn an_amount_is_kept_together_in_a_right_to_left_language() {
        assert_eq!(right_to_left().amount(1_000, "EUR", 2), "\u{2066}€10.00\u{2069}");
    }

    fn texts(file: &str) -> Vec<(String, String)> {
        fn walk(path: &str, value: &toml::Value, found: &mut Vec<(String, String)>) {
            match value {
                toml::Value::Table(table) => {
                    for (key, value) in table {
                        walk(&format!("{path}.{key}"), value, found);
                    }
                }
                other => found.push((path.to_owned(), other.as_str().unwrap().to_owned())),
            }
        }
        let table: toml::Table = toml::from_str(file).unwrap();
        let mut found = Vec::new();
        walk("texts", &table["texts"], &mut found);
        found.sort();
        found
    }

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
    }
}
