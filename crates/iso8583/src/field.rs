//! A data element as a profile defines it: its format and length in the notation of the standard, and how they are
//! written.

use crate::encoding::{Bits, CodePage, Padding, Prefix};

/// A data element of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) length: Length,
    pub(crate) encoding: Encoding,
    pub(crate) prefix: Prefix,
    pub(crate) counts: Counts,
    /// For the sign of an amount whose digits are packed.
    pub(crate) text: CodePage,
    pub(crate) secret: Secret,
}

/// Which characters a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `a`, `n`, `s`, `an`, `as`, `ns`, `ans` and `z`.
    Text(Characters),
    /// `x+n`: C or D, and then digits.
    SignedAmount,
    /// `b`: any bytes.
    Bits,
}

/// A set of characters, one bit for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Characters(u8);

/// How long a value is: digits, characters or, of format `b`, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Fixed(usize),
    /// LLVAR has two digits, LLLVAR three.
    Variable {
        digits: u8,
        max: usize,
    },
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Characters(CodePage),
    Bcd(Padding),
    Bits(Bits),
}

/// What the length before a packed value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Digits,
    Bytes,
}

/// What a masked print leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    Nothing,
    /// All but the first six and the last four digits.
    Pan,
    /// Everything.
    All,
    /// These sub-elements, by tag.
    SubElements(Vec<String>),
}

impl Characters {
    const DIGITS: u8 = 1;
    const LETTERS: u8 = 2;
    const SPECIAL: u8 = 4;
    /// Text is padded with blanks to the length of its field; numbers are not.
    const BLANK: u8 = 8;
    const SEPARATOR: u8 = 16;

    pub(crate) const NUMERIC: Self = Self(Self::DIGITS);
    pub(crate) const TRACK: Self = Self(Self::DIGITS | Self::SEPARATOR);

    /// The set that letters of the standard's notation name, such as `ans`.
    pub(crate) fn parse(notation: &str) -> Option<Self> {
        match notation {
            "n" => Some(Self::NUMERIC),
            "z" => Some(Self::TRACK),
            "a" => Some(Self(Self::LETTERS | Self::BLANK)),
            "s" => Some(Self(Self::SPECIAL | Self::BLANK)),
            "an" => Some(Self(Self::LETTERS | Self::DIGITS | Self::BLANK)),
            "as" => Some(Self(Self::LETTERS | Self::SPECIAL | Self::BLANK)),
            "ns" => Some(Self(Self::DIGITS | Self::SPECIAL | Self::BLANK)),
            "ans" => Some(Self(Self::LETTERS | Self::DIGITS | Self::SPECIAL | Self::BLANK)),
            _ => None,
        }
    }

    /// Where the first character is that is not in the set.
    pub(crate) fn find_foreign(self, ascii: &[u8]) -> Option<usize> {
        ascii.iter().position(|letter| {
            let kind = KINDS.get(usize::from(*letter)).copied().unwrap_or(0);
            kind & self.0 == 0
        })
    }
}

/// The kinds of each byte; none for what is not printable.
static KINDS: [u8; 256] = kinds();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses to build what is out of range"
)]
const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut letter = b' ';
    while letter <= b'~' {
        kinds[letter as usize] = match letter {
            b' ' => Characters::BLANK,
            b'0'..=b'9' => Characters::DIGITS,
            b'A'..=b'Z' | b'a'..=b'z' => Characters::LETTERS,
            b'=' => Characters::SPECIAL | Characters::SEPARATOR,
            _ => Characters::SPECIAL,
        };
        letter += 1;
    }
    kinds
}

impl Format {
    /// Where the first character is that the format does not have.
    pub(crate) fn find_foreign(self, value: &[u8]) -> Option<usize> {
        match self {
            Self::Text(characters) => characters.find_foreign(value),
            Self::SignedAmount => match value {
                [b'C' | b'D', digits @ ..] => Characters::NUMERIC.find_foreign(digits).map(|at| at + 1),
                _ => Some(0),
            },
            Self::Bits => None,
        }
    }

    /// Whether half a byte may be the separator of track data.
    pub(crate) fn is_track(self) -> bool {
        self == Self::Text(Characters::TRACK)
    }
}

/// Format and length, from the notation of the standard: `n 6`, `n ..19`, `ans ...999`, `b 64`, `x+n 8`.
///
/// # Errors
/// What is expected instead.
pub(crate) fn parse_notation(notation: &str) -> Result<(Format, Length), &'static str> {
    const EXPECTED: &str = "expected a format such as \"n 6\", \"n ..19\", \"ans ...999\" or \"b 64\"";
    let length_at = notation.find(|letter: char| letter == '.' || letter.is_ascii_digit()).ok_or(EXPECTED)?;
    let (kind, length) = notation.split_at(length_at);
    let format = match kind.trim() {
        "b" => Format::Bits,
        "x+n" => Format::SignedAmount,
        kind => Format::Text(Characters::parse(kind).ok_or(EXPECTED)?),
    };
    let digits = length.trim_start_matches('.');
    let number: usize = digits.parse().ok().filter(|number| (1..=9999).contains(number)).ok_or(EXPECTED)?;
    let length = match (length.len() - digits.len(), format) {
        (0, Format::Bits) if number.is_multiple_of(8) => Length::Fixed(number / 8),
        (0, Format::Bits) => return Err("expected whole bytes: a number of bits that eight divides"),
        (0, Format::SignedAmount) => Length::Fixed(number + 1),
        (0, Format::Text(_)) => Length::Fixed(number),
        (_, Format::SignedAmount) => return Err("expected a fixed length"),
        (dots @ 2..=4, Format::Bits | Format::Text(_)) => {
            Length::Variable { digits: u8::try_from(dots).unwrap_or(4), max: number }
        }
        (_, _) => return Err(EXPECTED),
    };
    Ok((format, length))
}
