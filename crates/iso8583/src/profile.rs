//! A profile: how one host speaks ISO 8583, read from TOML.
//!
//! The four that are built in, in `profiles/`, are the usual ways. An operator's own file starts as a copy of the one
//! that is nearest and says under `[fields]` what its host does differently.

mod keys;
mod parse;

use crate::encoding::{Bits, CodePage, Numeric};
use crate::error::Fault;
use crate::field::{Field, Secret};
use crate::framing::Framing;
use std::fmt;

/// How one host speaks ISO 8583: encodings, fields and framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub(crate) name: String,
    pub(crate) mti: Numeric,
    pub(crate) bitmap: Bits,
    /// By number. 0, 1 and 65 are never there: they are no data elements.
    pub(crate) fields: Vec<Option<Field>>,
    pub(crate) framing: Framing,
    pub(crate) match_on: Vec<u8>,
    pub(crate) match_check: Vec<u8>,
    /// The most bytes that a byte on the wire becomes in a message.
    pub(crate) unpacks_to: usize,
}

/// What is wrong in a profile's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    pub(crate) key: String,
    pub(crate) reason: String,
}

impl Profile {
    /// The letters of the built-in profiles.
    pub const BUILT_IN: [&str; 4] = ["A", "B", "C", "D"];

    /// The built-in profile of this letter, in either case: A is ASCII, B ASCII with a raw bitmap, C packed decimals,
    /// D EBCDIC.
    #[must_use]
    pub fn built_in(letter: &str) -> Option<Self> {
        let text = match letter {
            "A" | "a" => include_str!("../profiles/a.toml"),
            "B" | "b" => include_str!("../profiles/b.toml"),
            "C" | "c" => include_str!("../profiles/c.toml"),
            "D" | "d" => include_str!("../profiles/d.toml"),
            _ => return None,
        };
        Some(Self::parse(text).expect("the built-in profiles are tested"))
    }

    /// The profile that a file describes.
    ///
    /// # Errors
    /// The first key that is wrong, and what it should be.
    pub fn parse(toml: &str) -> Result<Self, ProfileError> {
        parse::parse(toml)
    }

    /// What the file calls the profile.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its messages are cut out of a stream.
    #[must_use]
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// The name of a field, if the profile defines it.
    #[must_use]
    pub fn field_name(&self, number: u8) -> Option<&str> {
        self.field(number).map(|field| field.name.as_str())
    }

    /// Whether a field must not be shown as it is. One that is not defined must not.
    #[must_use]
    pub fn is_secret(&self, number: u8) -> bool {
        self.field(number).is_none_or(|field| field.secret != Secret::Nothing)
    }

    pub(crate) fn field(&self, number: u8) -> Option<&Field> {
        self.fields.get(usize::from(number))?.as_ref()
    }

    pub(crate) fn defined(&self, number: u8) -> Result<&Field, Fault> {
        self.field(number).ok_or(Fault::Undefined)
    }

    /// How many bytes the message type takes.
    pub(crate) fn mti_length(&self) -> usize {
        match self.mti {
            Numeric::Characters(CodePage::Ascii | CodePage::Cp037 | CodePage::Cp500) => 4,
            Numeric::Bcd => 2,
        }
    }

    /// How many bytes one bitmap takes.
    pub(crate) fn bitmap_length(&self) -> usize {
        self.bitmap.wire_length(8)
    }
}

impl ProfileError {
    /// The key that is wrong, such as `fields.2.pad`; empty if the file is no TOML.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.key, self.reason)
        }
    }
}

impl std::error::Error for ProfileError {}
