//! DE 48 as Mastercard lays it out: a category letter, then sub-elements of a tag, a length and data.

use super::Malformed;
use std::fmt;
use zeroize::Zeroizing;

/// DE 48 as Mastercard lays it out: the transaction category, then sub-elements of a tag of two digits, a length of
/// two digits, and data. Some of these have sub-fields inside, in the same way.
///
/// A verification code or a cryptogram may be among them, so the text is wiped when it is dropped, and `Debug` shows
/// only the tags.
///
/// ```
/// use iso8583::SubElements;
///
/// let mut private = SubElements::new('T');
/// private.push("42", "0103212")?;
/// assert_eq!(private.as_str(), "T42070103212");
/// assert_eq!(private.sub_field("42", "01"), Some("212"));
/// # Ok::<(), iso8583::Malformed>(())
/// ```
pub struct SubElements(Zeroizing<String>);

const NUMBER: u8 = 48;
/// The longest LLLVAR. Room for all of it at once: what grows leaves copies behind.
const LENGTH_MAX: usize = 999;

impl SubElements {
    /// A transaction category without sub-elements: `T` where the card is not present.
    #[must_use]
    pub fn new(category: char) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH_MAX));
        text.push(category);
        Self(text)
    }

    /// Reads DE 48.
    ///
    /// # Errors
    /// Not laid out in this way.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let category = text.chars().next().ok_or(Malformed { number: NUMBER, offset: 0 })?;
        if text.len() > LENGTH_MAX {
            return Err(Malformed { number: NUMBER, offset: LENGTH_MAX });
        }
        let mut private = Self::new(category);
        private.0.push_str(text.get(category.len_utf8()..).unwrap_or_default());
        let mut rest = private.body();
        while !rest.is_empty() {
            let offset = text.len() - rest.len();
            (_, _, rest) = split(rest).ok_or(Malformed { number: NUMBER, offset })?;
        }
        Ok(private)
    }

    /// Appends a sub-element.
    ///
    /// # Errors
    /// The tag is not two digits, the data is over 99 characters, or DE 48 becomes too long.
    pub fn push(&mut self, tag: &str, data: &str) -> Result<(), Malformed> {
        let is_tag = tag.len() == 2 && tag.bytes().all(|digit| digit.is_ascii_digit());
        if !is_tag || data.len() > 99 || self.0.len() + 4 + data.len() > LENGTH_MAX {
            return Err(Malformed { number: NUMBER, offset: self.0.len() });
        }
        let length = data.len();
        self.0.push_str(tag);
        self.0.push_str(&format!("{length:02}"));
        self.0.push_str(data);
        Ok(())
    }

    /// The transaction category.
    #[must_use]
    pub fn category(&self) -> char {
        self.0.chars().next().unwrap_or(' ')
    }

    /// The data of the first sub-element with this tag.
    #[must_use]
    pub fn get(&self, tag: &str) -> Option<&str> {
        find(self.body(), tag)
    }

    /// The data of a sub-field inside a sub-element.
    #[must_use]
    pub fn sub_field(&self, tag: &str, sub_tag: &str) -> Option<&str> {
        find(self.get(tag)?, sub_tag)
    }

    /// The sub-elements, each with its tag.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        parts(self.body())
    }

    /// As the value of DE 48.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn body(&self) -> &str {
        self.0.get(self.category().len_utf8()..).unwrap_or_default()
    }
}

impl AsRef<[u8]> for SubElements {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SubElements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags: Vec<&str> = self.iter().map(|(tag, _)| tag).collect();
        write!(f, "SubElements({tags:?})")
    }
}

fn find<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    parts(text).find(|(found, _)| *found == tag).map(|(_, data)| data)
}

/// The parts of `text`, as far as it is laid out in tags and lengths.
fn parts(mut text: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        let (tag, data, rest) = split(text)?;
        text = rest;
        Some((tag, data))
    })
}

/// The first tag, its data, and what follows.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (tag, rest) = text.split_at_checked(2)?;
    let (length, rest) = rest.split_at_checked(2)?;
    super::number(tag)?;
    let (data, rest) = rest.split_at_checked(usize::try_from(super::number(length)?).ok()?)?;
    Some((tag, data, rest))
}
