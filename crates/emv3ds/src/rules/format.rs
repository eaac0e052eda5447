//! What a value looks like.

use super::Rule;
use crate::ids;
use crate::message::Endpoint;
use crate::values::TwoDigits;
use crate::values::decode_base64;
use crate::version::ProtocolVersion;
use serde_json::Value;
use std::net::IpAddr;

/// The form of a field. Lengths are in characters, both ends included.
///
/// Numbers are strings of digits; only [`Format::Boolean`] and [`Format::True`] are no strings among the simple ones.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// Any text of this length.
    Text(usize, usize),
    /// This many digits.
    Digits(usize, usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A code of two digits from the first to the second, or 80–99, which are the directory server's own.
    Code(u8, u8),
    /// A transaction id.
    Uuid,
    /// Three numbers with dots between them.
    Version,
    /// A URL with its scheme and host.
    Url(usize),
    /// An `https` URL; where tests run, also `http` on this machine.
    SecureUrl(usize),
    /// Minutes from UTC, with or without a sign.
    Offset,
    /// An IPv4 or IPv6 address.
    Ip,
    /// An address with an `@` in it.
    Email(usize),
    /// `YYMM`.
    YearMonth,
    /// `YYYYMMDD`.
    Date,
    /// `YYYYMMDDHHMMSS`.
    DateTime,
    /// Base64 with padding, of this many bytes.
    Base64(usize, usize),
    /// `true` or `false`.
    Boolean,
    /// `true`: the field is there or it is not.
    True,
    /// An object with these fields.
    Object(&'static [Rule]),
    /// An object that is passed on unread.
    AnyObject,
    /// A list of this many.
    List(usize, usize, &'static Format),
    /// Whose JSON text has at most this many characters.
    Within(usize, &'static Format),
    /// The first if it is a text, else the second.
    TextOr(&'static Format, &'static Format),
    /// Card ranges, which are checked while they are read: any other value is none.
    CardRanges,
}

impl Format {
    /// Whether `value`, which is neither object nor list nor empty, has this form.
    pub(super) fn matches(&self, value: &Value, loopback_http: bool) -> bool {
        match (self, value) {
            (Self::Boolean, Value::Bool(_)) | (Self::True, Value::Bool(true)) => true,
            (Self::AnyObject, Value::Object(_)) => true,
            (form, Value::String(text)) => form.matches_text(text, loopback_http),
            _ => false,
        }
    }

    /// Whether a text has this form, for values that no message carries.
    pub(crate) fn takes(&self, text: &str, endpoint: &Endpoint) -> bool {
        self.matches_text(text, endpoint.loopback_http)
    }

    fn matches_text(&self, text: &str, loopback_http: bool) -> bool {
        match *self {
            Self::Text(least, most) => fits(text, least, most),
            Self::Digits(least, most) => fits(text, least, most) && is_digits(text),
            Self::OneOf(words) => words.contains(&text),
            Self::Code(first, last) => TwoDigits::parse(text)
                .is_some_and(|code| (first..=last).contains(&code.number()) || code.number() >= 80),
            Self::Uuid => ids::is_uuid(text),
            Self::Version => ProtocolVersion::parse(text).is_some(),
            Self::Url(most) => fits(text, 1, most) && host(text).is_some(),
            Self::SecureUrl(most) => fits(text, 1, most) && is_secure_url(text, loopback_http),
            Self::Offset => {
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                fits(text, 1, 5) && fits(digits, 1, 4) && is_digits(digits)
            }
            Self::Ip => fits(text, 1, 45) && text.parse::<IpAddr>().is_ok(),
            Self::Email(most) => {
                let parts = text.rsplit_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
                fits(text, 3, most) && parts.is_some() && !text.contains(char::is_whitespace)
            }
            Self::YearMonth => fits(text, 4, 4) && is_digits(text) && in_range(text, 2, 1, 12),
            Self::Date => fits(text, 8, 8) && is_date(text),
            Self::DateTime => fits(text, 14, 14) && is_date_time(text),
            Self::Base64(least, most) => {
                // Two bytes a byte are more than base64 needs, and end the reading of megabytes.
                let bytes = Some(text).filter(|text| text.len() / 2 <= most).and_then(decode_base64);
                bytes.is_some_and(|bytes| (least..=most).contains(&bytes.len()))
            }
            Self::Boolean
            | Self::True
            | Self::Object(_)
            | Self::AnyObject
            | Self::List(..)
            | Self::Within(..)
            | Self::TextOr(..)
            | Self::CardRanges => false,
        }
    }
}

fn fits(text: &str, least: usize, most: usize) -> bool {
    // No character has more than four bytes, so a text of megabytes is not counted.
    text.len() <= most.saturating_mul(4) && (least..=most).contains(&text.chars().count())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the two digits at `at` are within a range.
fn in_range(text: &str, at: usize, least: u8, most: u8) -> bool {
    let two = text.get(at..).and_then(|rest| rest.get(..2)).and_then(TwoDigits::parse);
    two.is_some_and(|two| (least..=most).contains(&two.number()))
}

fn is_date(text: &str) -> bool {
    let year = text.get(..4).and_then(|year| year.parse::<u16>().ok());
    let month = text.get(4..6).and_then(TwoDigits::parse).map(TwoDigits::number);
    let days = match (year, month) {
        (Some(_), Some(1 | 3 | 5 | 7 | 8 | 10 | 12)) => 31,
        (Some(_), Some(4 | 6 | 9 | 11)) => 30,
        (Some(year), Some(2)) if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        (Some(_), Some(2)) => 28,
        _ => return false,
    };
    is_digits(text) && in_range(text, 6, 1, days)
}

fn is_date_time(text: &str) -> bool {
    let date = text.get(..8).is_some_and(is_date);
    date && in_range(text, 8, 0, 23)
        && in_range(text, 10, 0, 59)
        && in_range(text, 12, 0, 59)
        && is_digits(text)
}

/// The scheme of a URL and its host, without a port.
fn host(url: &str) -> Option<(&str, &str)> {
    if url.contains(|letter: char| {
        letter.is_whitespace() || letter.is_control() || "\"<>\\^`{|}".contains(letter)
    }) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    // A name before an `@` would make people read another host.
    (known && !host.is_empty() && !authority.contains('@')).then_some((scheme, host))
}

fn is_secure_url(url: &str, loopback_http: bool) -> bool {
    host(url).is_some_and(|(scheme, host)| {
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        scheme.eq_ignore_ascii_case("https") || loopback_http && local
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secure_url_is_https_or_on_this_machine_in_tests() {
        let url = Format::SecureUrl(64);
        for (text, live, test) in [
            ("https://acs.example/challenge?x=1", true, true),
            ("HTTPS://acs.example", true, true),
            ("https://[2001:db8::1]:8443/a", true, true),
            ("http://127.0.0.1:8080/acs", false, true),
            ("http://localhost/acs", false, true),
            ("http://[::1]:1/acs", false, true),
            ("http://acs.example/", false, false),
            ("http://localhost.example/", false, false),
            ("http://127.0.0.1@acs.example/", false, false),
            ("https://shop.example@acs.example/", false, false),
            ("javascript://acs.example/%0aalert(1)", false, false),
            ("https://", false, false),
            ("//acs.example/", false, false),
            ("https://acs.example/\"><script>", false, false),
            ("https://acs.example/a b", false, false),
        ] {
            assert_eq!(url.matches_text(text, false), live, "{text}");
            assert_eq!(url.matches_text(text, true), test, "{text}");
        }
    }

    #[test]
    fn dates_are_days_that_exist() {
        for (text, good) in [
            ("20240229", true),
            ("20230229", false),
            ("21000229", false),
            ("20001231", true),
            ("20261301", false),
            ("20260431", false),
            ("2026043", false),
            ("2026 401", false),
        ] {
            assert_eq!(Format::Date.matches_text(text, false), good, "{text}");
        }
        assert!(Format::DateTime.matches_text("20261122235959", false));
        assert!(!Format::DateTime.matches_text("20261122246000", false));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Format::Text(1, 3).matches_text("äöü", false));
        assert!(!Format::Text(1, 3).matches_text("äöüß", false));
    }
}
