//! What is looked for: a secret in every form in which it could have been written down.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A secret and the bytes that would give it away.
#[derive(Clone)]
pub(crate) struct Canary {
    name: String,
    needles: Vec<(String, Vec<u8>)>,
    /// A code of few digits: found only where it stands for itself.
    code: bool,
}

impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Where something was found.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when the test fails")]
pub(crate) struct Found {
    place: String,
    what: String,
    form: String,
    around: String,
}

impl Canary {
    /// A card number. A part of it that goes beyond what may be kept counts as much as the whole.
    pub(crate) fn card(number: &str) -> Self {
        let mut needles = Vec::new();
        for (part, digits) in [("start", &number[..12]), ("end", &number[4..])] {
            let mut add = |form: &str, bytes: Vec<u8>| needles.push((format!("{part}, {form}"), bytes));
            for (form, bytes) in texts(digits) {
                add(&form, bytes);
            }
            add("reversed", digits.chars().rev().collect::<String>().into_bytes());
        }
        let shapes: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 6, 5], &[4, 4, 4, 3]];
        for (shape, gap) in
            shapes.iter().flat_map(|shape| [" ", "-", "+", "%20", "\u{a0}"].map(|gap| (shape, gap)))
        {
            needles.push((format!("grouped by {gap:?}"), groups(number, shape, gap).into_bytes()));
        }
        for (form, padded) in
            [("", number.to_owned()), (", filled", format!("{number}f")), (", led", format!("0{number}"))]
        {
            if padded.len() % 2 == 0 {
                let (packed, swapped) = (packed(&padded, false), packed(&padded, true));
                needles.push((format!("swapped BCD in hex{form}"), hex(&swapped).into_bytes()));
                needles.push((format!("swapped BCD{form}"), swapped));
                needles.push((format!("BCD{form}"), packed));
            }
        }
        Self { name: format!("card …{}", &number[number.len() - 4..]), needles, code: false }
    }

    /// A text, such as an API key.
    pub(crate) fn text(text: &str) -> Self {
        Self { name: format!("text {text:.4}…"), needles: texts(text), code: false }
    }

    /// A security code.
    pub(crate) fn code(digits: &str) -> Self {
        let needles = vec![("plain".to_owned(), digits.as_bytes().to_vec())];
        Self { name: format!("code of {} digits", digits.len()), needles, code: true }
    }
}

/// Plain, hexadecimal, base64 at each of its three offsets, and UTF-16.
fn texts(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![
        ("plain".to_owned(), text.as_bytes().to_vec()),
        ("hex".to_owned(), hex(text.as_bytes()).into_bytes()),
        ("HEX".to_owned(), hex(text.as_bytes()).to_uppercase().into_bytes()),
        ("UTF-16".to_owned(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for offset in 0..3 {
        let mut bytes = vec![0; offset];
        bytes.extend(text.as_bytes());
        let encoded = BASE64_STANDARD.encode(&bytes);
        // Without the letters that the neighbours have a share in.
        let (from, to) = ([0, 2, 3][offset], bytes.len() / 3 * 4);
        forms.push((format!("base64 at {offset}"), encoded.as_bytes()[from..to].to_vec()));
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn packed(digits: &str, swapped: bool) -> Vec<u8> {
    let pair = |pair: &[u8]| {
        let [first, second] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16).unwrap());
        let byte = if swapped { second << 4 | first } else { first << 4 | second };
        u8::try_from(byte).unwrap()
    };
    digits.as_bytes().chunks_exact(2).map(pair).collect()
}

/// A number as people write it.
pub(crate) fn groups(number: &str, shape: &[usize], gap: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = number;
    for size in shape {
        let (part, after) = rest.split_at((*size).min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts.retain(|part| !part.is_empty());
    parts.join(gap)
}

/// A number with its check digit.
pub(crate) fn luhn(digits: &str) -> String {
    let sum: u32 = digits
        .chars()
        .rev()
        .map(|digit| digit.to_digit(10).unwrap())
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// Every canary in a place.
pub(crate) fn find(place: &str, content: &[u8], canaries: &[Canary]) -> Vec<Found> {
    let mut found = Vec::new();
    for canary in canaries {
        for (form, needle) in &canary.needles {
            for at in positions(content, needle) {
                if canary.code && !stands_alone(content, at, needle.len()) {
                    continue;
                }
                let around = &content[at.saturating_sub(60)..content.len().min(at + needle.len() + 20)];
                found.push(Found {
                    place: place.to_owned(),
                    what: canary.name.clone(),
                    form: form.clone(),
                    around: String::from_utf8_lossy(around).into_owned(),
                });
            }
        }
    }
    found
}

fn positions(content: &[u8], needle: &[u8]) -> Vec<usize> {
    let Some((first, _)) = needle.split_first() else { return Vec::new() };
    let starts = content.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.filter(|(at, _)| content[*at..].starts_with(needle)).map(|(at, _)| at).collect()
}

/// Whether digits are a value of their own: quoted, or named as a security code just before.
fn stands_alone(content: &[u8], at: usize, length: usize) -> bool {
    let before = at.checked_sub(1).map(|at| content[at]);
    let after = content.get(at + length).copied();
    if [before, after].into_iter().flatten().any(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let quote = |byte: Option<u8>| matches!(byte, Some(b'"' | b'\''));
    let ahead = String::from_utf8_lossy(&content[at.saturating_sub(24)..at]).to_lowercase();
    (quote(before) && quote(after)) || ["cvc", "cvv", "csc", "code"].iter().any(|word| ahead.contains(word))
}

#[test]
fn what_is_planted_is_found() {
    let (card, key) = (luhn("564182739164028"), "canaryKey7Qm2Vx9Rb4Tz8Lw3");
    let canaries = [Canary::card(&card), Canary::text(key), Canary::code("8317")];
    let encode = |text: String| BASE64_STANDARD.encode(text).into_bytes();
    for planted in [
        card.clone().into_bytes(),
        card.as_bytes()[..14].to_vec(),
        groups(&card, &[4, 4, 4, 4], " ").into_bytes(),
        groups(&card, &[4, 4, 4, 4], "%20").into_bytes(),
        encode(format!("card={card}&")),
        encode(format!("card_={card}&")),
        encode(format!("card__={card}&")),
        hex(card.as_bytes()).into_bytes(),
        packed(&card, false),
        packed(&card, true),
        card.chars().rev().collect::<String>().into_bytes(),
        format!("?api_key={key}").into_bytes(),
        encode(format!("{{\"key\":\"{key}\"}}")),
        b"card_cvc=8317&x".to_vec(),
        b"{\"code\":\"8317\"}".to_vec(),
        b"<input value=\"8317\">".to_vec(),
        b"cvc: Some(8317)".to_vec(),
    ] {
        let content = [b"before \x00".as_slice(), &planted, b"\xff after"].concat();
        assert!(!find("", &content, &canaries).is_empty(), "{:?}", String::from_utf8_lossy(&content));
    }
    let innocent = format!("{} {} 83170 port:8317 2026-8317", &card[..6], &card[12..]);
    let found = find("", innocent.as_bytes(), &canaries);
    assert!(found.is_empty(), "{found:?}");
}
