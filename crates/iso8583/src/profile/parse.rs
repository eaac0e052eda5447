//! A profile's file, key by key.

use super::keys::Keys;
use super::{Profile, ProfileError};
use crate::encoding::{Bits, CodePage, Numeric, Padding, Prefix, Side};
use crate::field::{Counts, Encoding, Field, Format, Length, Secret, parse_notation};
use crate::framing::{Framing, Header, LengthHeader, Tpdu};
use toml::{Table, Value};

/// The data elements of the standard.
const FIELDS: &str = include_str!("../../profiles/fields.toml");

/// Where nobody says how long a frame may be.
const LIMIT_BYTES: usize = 8 * 1024;
/// What length headers of four digits or more could announce, no host sends.
const LIMIT_BYTES_MAX: usize = 64 * 1024;

/// What an answer repeats of its request, where nobody says.
const MATCH_ON: [u8; 5] = [7, 11, 32, 33, 41];
const MATCH_CHECK: [u8; 1] = [37];

const NUMERIC: [(&str, Numeric); 4] = [
    ("ascii", Numeric::Characters(CodePage::Ascii)),
    ("ebcdic-cp037", Numeric::Characters(CodePage::Cp037)),
    ("ebcdic-cp500", Numeric::Characters(CodePage::Cp500)),
    ("bcd", Numeric::Bcd),
];
const TEXT: [(&str, CodePage); 3] =
    [("ascii", CodePage::Ascii), ("ebcdic-cp037", CodePage::Cp037), ("ebcdic-cp500", CodePage::Cp500)];
const BITS: [(&str, Bits); 4] = [
    ("ascii", Bits::Hex(CodePage::Ascii)),
    ("ebcdic-cp037", Bits::Hex(CodePage::Cp037)),
    ("ebcdic-cp500", Bits::Hex(CodePage::Cp500)),
    ("binary", Bits::Raw),
];
const PREFIX: [(&str, Prefix); 5] = [
    ("ascii", Prefix::Characters(CodePage::Ascii)),
    ("ebcdic-cp037", Prefix::Characters(CodePage::Cp037)),
    ("ebcdic-cp500", Prefix::Characters(CodePage::Cp500)),
    ("bcd", Prefix::Bcd),
    ("binary", Prefix::Binary),
];
const COUNTS: [(&str, Counts); 2] = [("digits", Counts::Digits), ("bytes", Counts::Bytes)];
const SIDES: [(&str, Side); 2] = [("left", Side::Left), ("right", Side::Right)];
const FILLERS: [(&str, u8); 2] = [("0", 0), ("F", 15)];
const LENGTHS: [(&str, LengthHeader); 4] = [
    ("binary-2", LengthHeader::Binary2),
    ("binary-4", LengthHeader::Binary4),
    ("bcd-2", LengthHeader::Bcd2),
    ("ascii-4", LengthHeader::Ascii4),
];

/// What fields are written like unless they say otherwise.
struct Habits {
    numeric: Numeric,
    text: CodePage,
    binary: Bits,
    prefix: Prefix,
    counts: Counts,
    padding: Padding,
}

pub(super) fn parse(toml: &str) -> Result<Profile, ProfileError> {
    let mut keys = Keys::new("", table(toml)?);
    let name = keys.text("name")?.ok_or_else(|| keys.missing("name"))?;
    let mti = keys.word("mti", &NUMERIC)?.ok_or_else(|| keys.missing("mti"))?;
    let bitmap = keys.word("bitmap", &BITS)?.ok_or_else(|| keys.missing("bitmap"))?;
    let habits = habits(&mut keys)?;
    let fields = fields(keys.table("fields")?, &habits)?;
    let packed = |field: &Field| matches!(field.encoding, Encoding::Bcd(_));
    let mut profile = Profile {
        name,
        mti,
        bitmap,
        unpacks_to: if fields.iter().flatten().any(packed) { 2 } else { 1 },
        fields,
        framing: Framing::default(),
        match_on: MATCH_ON.to_vec(),
        match_check: MATCH_CHECK.to_vec(),
    };
    if let Some(numbers) = match_fields(&mut keys, "match_on", &profile)? {
        profile.match_on = numbers;
    }
    if let Some(numbers) = match_fields(&mut keys, "match_check", &profile)? {
        profile.match_check = numbers;
    }
    let framing = keys.table("framing")?.ok_or_else(|| keys.missing("framing"))?;
    profile.framing = parse_framing(framing, profile.mti_length() + profile.bitmap_length())?;
    keys.finish()?;
    Ok(profile)
}

fn table(toml: &str) -> Result<Table, ProfileError> {
    toml.parse().map_err(|error: toml::de::Error| ProfileError {
        key: String::new(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

fn habits(keys: &mut Keys) -> Result<Habits, ProfileError> {
    Ok(Habits {
        numeric: keys.word("numeric", &NUMERIC)?.ok_or_else(|| keys.missing("numeric"))?,
        text: keys.word("text", &TEXT)?.ok_or_else(|| keys.missing("text"))?,
        binary: keys.word("binary", &BITS)?.ok_or_else(|| keys.missing("binary"))?,
        prefix: keys.word("length_prefix", &PREFIX)?.ok_or_else(|| keys.missing("length_prefix"))?,
        counts: keys.word("length_counts", &COUNTS)?.unwrap_or(Counts::Digits),
        padding: Padding {
            side: keys.word("pad", &SIDES)?.unwrap_or(Side::Left),
            filler: keys.word("filler", &FILLERS)?.unwrap_or(0),
        },
    })
}

/// The fields of the standard, each with the keys that the profile changes.
fn fields(changes: Option<Keys>, habits: &Habits) -> Result<Vec<Option<Field>>, ProfileError> {
    let mut standard = table(FIELDS)?;
    if let Some(mut changes) = changes {
        for number in changes.names() {
            let Some(Value::Table(changed)) = changes.value(&number) else {
                return Err(changes.wrong(&number, "expected a table such as { format = \"n 6\" }"));
            };
            match standard.get_mut(&number) {
                Some(Value::Table(field)) => field.extend(changed),
                _ => {
                    standard.insert(number, Value::Table(changed));
                }
            }
        }
    }
    let mut keys = Keys::new("fields", standard);
    let mut fields = vec![None; 129];
    for name in keys.names() {
        let is_element = |number: &u8| (2..=128).contains(number) && *number != 65;
        let number = name.parse::<u8>().ok().filter(is_element);
        let place = number.and_then(|number| fields.get_mut(usize::from(number)));
        let place =
            place.ok_or_else(|| keys.wrong(&name, "expected a data element, 2 to 64 or 66 to 128"))?;
        *place = keys.table(&name)?.map(|keys| field(keys, habits)).transpose()?;
    }
    Ok(fields)
}

fn field(mut keys: Keys, habits: &Habits) -> Result<Field, ProfileError> {
    let name = keys.text("name")?.ok_or_else(|| keys.missing("name"))?;
    let notation = keys.text("format")?.ok_or_else(|| keys.missing("format"))?;
    let (format, length) = parse_notation(&notation).map_err(|expected| keys.wrong("format", expected))?;
    let padding = padding(&mut keys)?;
    let encoding = match format {
        Format::Bits => Encoding::Bits(keys.word("encoding", &BITS)?.unwrap_or(habits.binary)),
        Format::Text(_) | Format::SignedAmount => {
            let is_numeric = format == Format::SignedAmount || numeric_notation(&notation);
            let habit = if is_numeric { habits.numeric } else { Numeric::Characters(habits.text) };
            match keys.word("encoding", &NUMERIC)?.unwrap_or(habit) {
                Numeric::Characters(page) => Encoding::Characters(page),
                Numeric::Bcd => Encoding::Bcd(Padding {
                    side: padding.0.unwrap_or(habits.padding.side),
                    filler: padding.1.unwrap_or(habits.padding.filler),
                }),
            }
        }
    };
    if padding != (None, None) && !matches!(encoding, Encoding::Bcd(_)) {
        let key = if padding.0.is_some() { "pad" } else { "filler" };
        return Err(keys.wrong(key, "only a field in bcd is padded"));
    }
    let prefix = keys.word("length_prefix", &PREFIX)?.unwrap_or(habits.prefix);
    match length {
        Length::Variable { digits, max } if max > prefix.greatest(digits) => {
            return Err(keys.wrong("format", "its length does not fit into its length prefix"));
        }
        Length::Variable { .. } | Length::Fixed(_) => {}
    }
    let field = Field {
        name,
        format,
        length,
        encoding,
        prefix,
        counts: keys.word("length_counts", &COUNTS)?.unwrap_or(habits.counts),
        text: habits.text,
        secret: secret(&mut keys)?,
    };
    keys.finish()?;
    Ok(field)
}

/// Whether a notation is of numbers or track data, which are packed where numbers are.
fn numeric_notation(notation: &str) -> bool {
    let kind =
        notation.trim_end_matches(|letter: char| letter == '.' || letter == ' ' || letter.is_ascii_digit());
    matches!(kind, "n" | "z")
}

fn padding(keys: &mut Keys) -> Result<(Option<Side>, Option<u8>), ProfileError> {
    Ok((keys.word("pad", &SIDES)?, keys.word("filler", &FILLERS)?))
}

fn secret(keys: &mut Keys) -> Result<Secret, ProfileError> {
    let expected = "expected true, false, \"pan\" or a list of sub-elements such as [\"92\"]";
    match keys.value("secret") {
        None | Some(Value::Boolean(false)) => Ok(Secret::Nothing),
        Some(Value::Boolean(true)) => Ok(Secret::All),
        Some(Value::String(word)) if word == "pan" => Ok(Secret::Pan),
        Some(Value::Array(tags)) => tags
            .iter()
            .map(|tag| tag.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(Secret::SubElements)
            .ok_or_else(|| keys.wrong("secret", expected)),
        Some(_) => Err(keys.wrong("secret", expected)),
    }
}

/// A list of fields that tell one exchange from another. They end up in logs, so none of them is secret.
fn match_fields(keys: &mut Keys, key: &str, profile: &Profile) -> Result<Option<Vec<u8>>, ProfileError> {
    let expected = "expected a list of fields that are defined and not secret";
    let numbers = match keys.value(key) {
        None => return Ok(None),
        Some(Value::Array(numbers)) => numbers,
        Some(_) => return Err(keys.wrong(key, expected)),
    };
    let usable = |number: &u8| !profile.is_secret(*number);
    let numbers: Option<Vec<u8>> = numbers
        .iter()
        .map(|number| number.as_integer().and_then(|number| u8::try_from(number).ok()).filter(usable))
        .collect();
    match numbers {
        Some(numbers) if !numbers.is_empty() => Ok(Some(numbers)),
        _ => Err(keys.wrong(key, expected)),
    }
}

fn parse_framing(mut keys: Keys, minimum_bytes: usize) -> Result<Framing, ProfileError> {
    let length = keys.word("length", &LENGTHS)?.ok_or_else(|| keys.missing("length"))?;
    let limit_bytes = keys.number("limit_bytes")?.unwrap_or(LIMIT_BYTES);
    if !(minimum_bytes..=LIMIT_BYTES_MAX).contains(&limit_bytes) {
        return Err(keys.wrong("limit_bytes", format!("expected {minimum_bytes} to {LIMIT_BYTES_MAX}")));
    }
    let header = match (keys.table("tpdu")?, keys.text("header")?) {
        (None, None) => Header::None,
        (Some(tpdu), None) => Header::Tpdu(parse_tpdu(tpdu)?),
        (None, Some(hex)) => match hex_bytes(&hex) {
            Some(bytes) => Header::Fixed(bytes),
            None => return Err(keys.wrong("header", "expected bytes in hexadecimal")),
        },
        (Some(_), Some(_)) => return Err(keys.wrong("header", "a frame has a header or a TPDU, not both")),
    };
    let framing = Framing {
        length,
        counts_itself: keys.flag("counts_itself")?.unwrap_or(false),
        header,
        counts_header: keys.flag("counts_header")?.unwrap_or(true),
        limit_bytes,
        minimum_bytes,
    };
    keys.finish()?;
    Ok(framing)
}

fn parse_tpdu(mut keys: Keys) -> Result<Tpdu, ProfileError> {
    let mut nii = |key: &str| {
        let text = keys.text(key)?.ok_or_else(|| keys.missing(key))?;
        let bytes = hex_bytes(&text).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok());
        bytes.ok_or_else(|| keys.wrong(key, "expected four hexadecimal digits such as \"0001\""))
    };
    let tpdu = Tpdu { destination: nii("destination")?, source: nii("source")? };
    keys.finish()?;
    Ok(tpdu)
}

/// The bytes of hexadecimal text, at least one.
fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    Bits::Hex(CodePage::Ascii).read(text.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}
