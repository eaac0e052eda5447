//! Identities: one type each, so that none can stand in for another.

use crate::time::Timestamp;
use std::fmt;

/// A site (webshop) of an account. Orders, keys and settings belong to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(pub i64);

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The shop's own reference of an order: 1–50 characters, unique per site, kept digit for digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(String);

/// The longest order id, in characters.
pub const ORDER_ID_MAX: usize = 50;

impl OrderId {
    /// Takes 1–50 characters without control characters; `None` otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let length = text.chars().count();
        let fits = (1..=ORDER_ID_MAX).contains(&length);
        let printable = !text.chars().any(char::is_control) && !text.trim().is_empty();
        (fits && printable).then(|| Self(text.to_owned()))
    }

    /// The id as the shop wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The PSP id of a transaction: an integer of 16 digits, below 2^53 so that JavaScript keeps it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub i64);

impl TransactionId {
    /// Unix seconds of creation followed by six random digits.
    #[must_use]
    pub fn new(created_at_unix: i64, random: u32) -> Self {
        Self(created_at_unix.saturating_mul(1_000_000).saturating_add(i64::from(random % 1_000_000)))
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The smallest number of 18 digits.
const TOKEN_ID_FIRST: u64 = 100_000_000_000_000_000;
/// How many there are.
const TOKEN_IDS: u128 = 900_000_000_000_000_000;
/// The length of a token's id.
pub const TOKEN_ID_LENGTH: usize = 18;

/// A stored card, such as `998163177297134120`: 18 digits, the first not a zero. Text in the API, because JavaScript
/// would round it as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(u64);

impl TokenId {
    /// One of the 900 million billion ids, each equally likely.
    #[must_use]
    pub fn draw(random: [u8; 16]) -> Self {
        let offset = u128::from_le_bytes(random) % TOKEN_IDS;
        Self(TOKEN_ID_FIRST.saturating_add(u64::try_from(offset).unwrap_or(0)))
    }

    /// Takes 18 digits, the first not a zero; `None` otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == TOKEN_ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && *number >= TOKEN_ID_FIRST);
        number.map(Self)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Letters and digits a session id is made of.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many leading characters of a session id name its site.
const SITE_CHARACTERS: usize = 5;
/// The length of a session id.
pub const SESSION_ID_LENGTH: usize = 35;
/// How many characters after these say when it was drawn, in milliseconds: enough until the year 2081.
const TIME_CHARACTERS: usize = 7;
/// Random characters in a session id: 136 bits.
pub const SESSION_RANDOM: usize = SESSION_ID_LENGTH - SITE_CHARACTERS - TIME_CHARACTERS;

/// A payment session: the unguessable name in a payment link, 35 characters `[A-Za-z0-9]`.
///
/// The first five characters name the site, so that a session is found by a key that starts with the site. The next
/// seven grow with time, so that new sessions are neighbours in the database: where every one has a place of its own,
/// each costs pages that nothing else writes. The rest is random.
///
/// Whoever knows it can pay, so its `Debug` form shows only the beginning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}…)", self.0.get(..8).unwrap_or_default())
    }
}

impl SessionId {
    /// A session of `site`, from random bytes (each byte below 62 × 4 gives one character; others are skipped).
    ///
    /// Returns `None` when `random` held too few usable bytes, or the site or the time does not fit.
    #[must_use]
    pub fn draw(site: SiteId, now: Timestamp, random: &[u8]) -> Option<Self> {
        let mut id = String::with_capacity(SESSION_ID_LENGTH);
        push_number(&mut id, site.0, SITE_CHARACTERS)?;
        push_number(&mut id, now.0, TIME_CHARACTERS)?;
        let usable = random.iter().filter(|byte| **byte < 248).take(SESSION_RANDOM);
        for byte in usable {
            id.push(letter(u64::from(byte % 62))?);
        }
        (id.len() == SESSION_ID_LENGTH).then_some(Self(id))
    }

    /// Takes 35 letters and digits; `None` otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = text.len() == SESSION_ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        known.then(|| Self(text.to_owned()))
    }

    /// The site that the first characters name.
    #[must_use]
    pub fn site(&self) -> SiteId {
        let number = self.0.bytes().take(SITE_CHARACTERS).fold(0_i64, |number, byte| {
            let digit = ALPHABET.iter().position(|letter| *letter == byte).unwrap_or(0);
            number.saturating_mul(62).saturating_add(i64::try_from(digit).unwrap_or(0))
        });
        SiteId(number)
    }

    /// The 35 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends a number with so many digits, the first one first; `None` when it has more.
fn push_number(id: &mut String, number: i64, digits: usize) -> Option<()> {
    let mut rest = u64::try_from(number).ok()?;
    let start = id.len();
    for _ in 0..digits {
        id.insert(start, letter(rest % 62)?);
        rest /= 62;
    }
    (rest == 0).then_some(())
}

fn letter(digit: u64) -> Option<char> {
    let at = usize::try_from(digit).ok()?;
    ALPHABET.get(at).map(|byte| char::from(*byte))
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    #[test]
    fn session_ids_of_a_site_grow_with_time_whatever_was_drawn() {
        let draw = |later: i64, random| {
            let at = Timestamp(NOW.0 + later);
            SessionId::draw(SiteId(1), at, &[random; 64]).unwrap()
        };
        for (earlier, later) in [(0, 1), (61, 62), (999, 1_000), (1, 1_000_000_000_000)] {
            assert!(draw(earlier, 61) < draw(later, 0), "{earlier} and {later}");
        }
        assert_eq!(SessionId::draw(SiteId(1), Timestamp(i64::MAX), &[7; 64]), None);
    }

    #[test]
    fn a_session_id_names_its_site() {
        for site in [0, 1, 61, 62, 916_132_831] {
            let id = SessionId::draw(SiteId(site), NOW, &[7; 64]).unwrap();
            assert_eq!(id.as_str().len(), SESSION_ID_LENGTH);
            assert_eq!(id.site(), SiteId(site));
            assert_eq!(SessionId::parse(id.as_str()), Some(id));
        }
        assert_eq!(SessionId::draw(SiteId(916_132_832), NOW, &[7; 64]), None, "one more does not fit");
        assert_eq!(SessionId::draw(SiteId(1), NOW, &[255; 64]), None, "too little randomness");
    }

    #[test]
    fn a_transaction_id_has_sixteen_digits_below_two_to_the_53() {
        let id = TransactionId::new(1_795_000_000, 4_294_967_295).0;
        assert_eq!(id.to_string().len(), 16);
        assert!(id < (1 << 53));
    }

    #[test]
    fn a_token_id_has_eighteen_digits() {
        for (byte, expected) in
            [(0, "100000000000000000"), (7, "155381380479911687"), (255, "574607431768211455")]
        {
            let id = TokenId::draw([byte; 16]);
            assert_eq!(id.to_string(), expected, "{byte}");
            assert_eq!(TokenId::parse(expected), Some(id));
        }
        assert!(TokenId::parse("998163177297134120").is_some());
        for bad in [
            "",
            "098163177297134120",
            "99816317729713412",
            "9981631772971341200",
            "+98163177297134120",
            "99816317729713412x",
        ] {
            assert_eq!(TokenId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn order_ids_are_kept_as_written_within_fifty_characters() {
        for good in ["000069038", "1722333.123", "a/b c#d", "é".repeat(50).as_str()] {
            assert_eq!(OrderId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a\nb", "x".repeat(51).as_str()] {
            assert_eq!(OrderId::parse(bad), None, "{bad:?}");
        }
    }
}
