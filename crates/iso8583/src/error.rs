//! What is wrong with a message: where, and why. Never with what value.

use std::fmt;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The part that cannot be read.
    pub place: Place,
    /// The byte of the message, counted from 0, at which it went wrong.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// The part that cannot be written.
    pub place: Place,
    /// The byte of the field's value, counted from 0, at which it is wrong.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The message type identifier.
    Mti,
    /// The primary or the secondary bitmap.
    Bitmap,
    /// A data element, by its number.
    Field(u8),
    /// All of it.
    Message,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end before the part does.
    CutShort {
        /// How many bytes are missing, as far as is known.
        missing: usize,
    },
    /// There are bytes after the last field.
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The message is longer than a frame may be.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// No message type of ISO 8583:1987.
    UnknownType,
    /// Bit 65 announces a third bitmap.
    TertiaryBitmap,
    /// The profile has no field of this number.
    Undefined,
    /// A length prefix has something else than digits.
    LengthPrefix,
    /// A variable field is too long.
    TooLong {
        /// Its length: digits, characters or bytes, as its format counts.
        length: usize,
        /// The longest it may be.
        max: usize,
    },
    /// A fixed field has another length.
    WrongLength {
        /// Its length.
        length: usize,
        /// What it has to be.
        expected: usize,
    },
    /// A character that the format does not have, such as a letter in a numeric field.
    Character,
    /// The half byte beside an odd number of packed digits is not the profile's filler.
    Filler,
    /// PINs do not occur where cards are not present: DE 52 and 53 are never built.
    Pin,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.place, self.offset, self.fault)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of its value: {}", self.place, self.offset, self.fault)
    }
}

impl std::error::Error for DecodeError {}
impl std::error::Error for EncodeError {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mti => f.write_str("MTI"),
            Self::Bitmap => f.write_str("bitmap"),
            Self::Field(number) => write!(f, "DE {number}"),
            Self::Message => f.write_str("message"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort { missing } => write!(f, "cut short, at least {missing} bytes are missing"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes after the last field"),
            Self::TooLarge { limit } => write!(f, "longer than the frame limit of {limit} bytes"),
            Self::UnknownType => f.write_str("not a message type of ISO 8583:1987"),
            Self::TertiaryBitmap => f.write_str("bit 65 announces a tertiary bitmap"),
            Self::Undefined => f.write_str("the profile defines no such field"),
            Self::LengthPrefix => f.write_str("the length is not in digits"),
            Self::TooLong { length, max } => write!(f, "length {length} is over {max}"),
            Self::WrongLength { length, expected } => write!(f, "length {length} is not {expected}"),
            Self::Character => f.write_str("a character its format does not have"),
            Self::Filler => f.write_str("the padding is not the profile's filler"),
            Self::Pin => f.write_str("PIN data is never built"),
        }
    }
}
