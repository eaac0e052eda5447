//! A message for people to read, without what they must not see.

use crate::elements::SubElements;
use crate::field::Secret;
use crate::message::Message;
use crate::profile::Profile;
use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// A message for people to read, one field a line. Made by [`Message::masked`].
///
/// Of a card number it shows the first six digits and the last four, of one with twelve digits only the last four.
/// Other secret fields are hidden, and whatever looks like a card number in another field is masked as well.
#[derive(Clone, Copy)]
pub struct Masked<'a> {
    message: &'a Message,
    profile: &'a Profile,
}

/// What is shown in place of a secret.
const HIDDEN: &str = "(hidden)";
/// What is shown before bytes that are no text.
const HEX: &str = "0x";

impl Message {
    /// This message for people to read: the names of its fields are the profile's, and its secrets are masked.
    #[must_use]
    pub fn masked<'a>(&'a self, profile: &'a Profile) -> Masked<'a> {
        Masked { message: self, profile }
    }
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mti = self.message.mti();
        write!(f, "{mti} {}", mti.meaning())?;
        for (number, value) in self.message.fields() {
            let name = self.profile.field_name(number).unwrap_or("not defined");
            write!(f, "\n{number:>4} {name:<45} {}", *self.show(number, value))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Masked<'_> {
    fn show(&self, number: u8, value: &[u8]) -> Zeroizing<String> {
        let secret = self.profile.field(number).map_or(&Secret::All, |field| &field.secret);
        let shown = match secret {
            Secret::All => HIDDEN.to_owned(),
            Secret::Pan => mask(value),
            Secret::Nothing => without_card_numbers(readable(value)),
            Secret::SubElements(tags) => {
                let text = std::str::from_utf8(value).ok();
                match text.and_then(|text| SubElements::parse(text).ok()) {
                    Some(elements) => show_sub_elements(&elements, tags),
                    // Laid out in another way: anything could be in it.
                    None => HIDDEN.to_owned(),
                }
            }
        };
        self.without_pan(value, Zeroizing::new(shown))
    }

    /// What is shown for `value`, with the message's own card number masked in it.
    fn without_pan(&self, value: &[u8], shown: Zeroizing<String>) -> Zeroizing<String> {
        let Some(pan) = self.message.text(2).filter(|pan| pan.len() >= 12) else { return shown };
        let in_bytes = shown.starts_with(HEX) && value.windows(pan.len()).any(|part| part == pan.as_bytes());
        if !shown.contains(pan) && !in_bytes {
            return shown;
        }
        let masked = Zeroizing::new(shown.replace(pan, &mask(pan.as_bytes())));
        // What is left can be the number again, if all its digits are the same.
        if in_bytes || masked.contains(pan) { Zeroizing::new(HIDDEN.to_owned()) } else { masked }
    }
}

/// The first six and the last four characters, and how many there are between them.
fn mask(pan: &[u8]) -> String {
    let (first, last) = match pan.len() {
        0..12 => (0, 0),
        12 => (0, 4),
        _ => (6, 4),
    };
    let hidden = |at: usize| at >= first && at + last < pan.len();
    let letter =
        |(at, byte): (usize, &u8)| if hidden(at) || !byte.is_ascii_digit() { '*' } else { char::from(*byte) };
    pan.iter().enumerate().map(letter).collect()
}

/// `text` with every run of digits masked that could be a card number, whoever put it there: 13 to 19 of them, the
/// first of an issuer, the last a right check digit.
fn without_card_numbers(text: String) -> String {
    let mut shown = String::with_capacity(text.len());
    let text = Zeroizing::new(text);
    for run in text.split_inclusive(|letter: char| !letter.is_ascii_digit()) {
        let digits = run.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let rest = run.get(digits.len()..).unwrap_or_default();
        if (13..=19).contains(&digits.len()) && matches!(digits.as_bytes(), [b'2'..=b'9', ..]) && luhn(digits)
        {
            shown.push_str(&mask(digits.as_bytes()));
        } else {
            shown.push_str(digits);
        }
        shown.push_str(rest);
    }
    shown
}

/// ISO/IEC 7812-1 annex B: from the right, every second digit doubled, the sum a multiple of ten.
fn luhn(digits: &str) -> bool {
    let weighed = |(at, digit): (usize, u8)| match (at % 2, u32::from(digit & 0xF)) {
        (0, digit) => digit,
        (_, digit @ 0..=4) => digit * 2,
        (_, digit) => digit * 2 - 9,
    };
    digits.bytes().rev().enumerate().map(weighed).sum::<u32>().is_multiple_of(10)
}

/// Printable text as it is, with a mark where it ends in a blank; anything else in hexadecimal.
fn readable(value: &[u8]) -> String {
    if !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return value.iter().fold(String::from(HEX), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02X}");
            hex
        });
    }
    let text: String = value.iter().map(|byte| char::from(*byte)).collect();
    if text.ends_with(' ') { format!("{text}|") } else { text }
}

fn show_sub_elements(elements: &SubElements, hidden: &[String]) -> String {
    let mut shown = readable(elements.category().encode_utf8(&mut [0; 4]).as_bytes());
    for (tag, data) in elements.iter() {
        let is_hidden = hidden.iter().any(|secret| secret == tag);
        let data =
            if is_hidden { HIDDEN.to_owned() } else { without_card_numbers(readable(data.as_bytes())) };
        shown.push_str(&format!(" {tag}={data}"));
    }
    shown
}
