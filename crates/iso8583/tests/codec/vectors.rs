//! Seventeen messages in the four built-in profiles, made by an implementation in another language.

use iso8583::{Message, Mti, Profile};
use serde_json::Value;
use std::collections::BTreeMap;

/// A message, and its bytes in each profile.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) message: Message,
    pub(crate) wire: BTreeMap<String, Vec<u8>>,
}

impl Vector {
    pub(crate) fn wire(&self, profile: &Profile) -> &[u8] {
        &self.wire[profile.name()]
    }
}

/// All of them, in order.
pub(crate) fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |(name, vector): (&String, &Value)| {
        let fields = vector["fields"].as_object().unwrap();
        let mut message = Message::new(Mti::parse(&text(&fields["t"])).unwrap());
        for (number, value) in fields.iter().filter(|(number, _)| *number != "t") {
            message.set(number.parse().unwrap(), text(value));
        }
        let wire = vector["enc"].as_object().unwrap();
        let wire = wire.iter().map(|(profile, hex)| (profile.clone(), bytes(&text(hex)))).collect();
        Vector { name: name.clone(), message, wire }
    };
    file.as_object().unwrap().iter().map(read).collect()
}

/// The first, an authorisation request.
pub(crate) fn authorisation() -> Vector {
    vectors().remove(0)
}

pub(crate) fn profiles() -> [Profile; 4] {
    Profile::BUILT_IN.map(|letter| Profile::built_in(letter).unwrap())
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn there_are_seventeen_in_four_profiles() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 17);
    for vector in vectors {
        assert_eq!(vector.wire.keys().collect::<Vec<_>>(), Profile::BUILT_IN.iter().collect::<Vec<_>>());
    }
}

#[test]
fn each_decodes_to_its_values() {
    for vector in vectors() {
        for profile in profiles() {
            let decoded = profile.decode(vector.wire(&profile)).unwrap();
            assert!(decoded == vector.message, "{} in profile {}", vector.name, profile.name());
        }
    }
}

#[test]
fn each_encodes_byte_for_byte() {
    for vector in vectors() {
        for profile in profiles() {
            let encoded = profile.encode(&vector.message).unwrap();
            assert_eq!(encoded, vector.wire(&profile), "{} in profile {}", vector.name, profile.name());
        }
    }
}

/// Some hosts always send a second bitmap.
#[test]
fn a_second_bitmap_may_be_empty() {
    let vector = authorisation();
    for profile in profiles() {
        let (mti, bitmap) = match profile.name() {
            "A" => (4, 16),
            "C" => (2, 8),
            _ => (4, 8),
        };
        let mut wire = vector.wire(&profile).to_vec();
        let (first, empty) = if bitmap == 16 { (b'F', b'0') } else { (wire[mti] | 0x80, 0) };
        wire[mti] = first;
        wire.splice(mti + bitmap..mti + bitmap, vec![empty; bitmap]);
        let decoded = profile.decode(&wire).unwrap();
        assert!(decoded == vector.message, "profile {}", profile.name());
        assert_eq!(profile.encode(&decoded).unwrap(), vector.wire(&profile));
    }
}
