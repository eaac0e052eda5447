//! Message authentication codes: the last field, over everything before it.

use crate::vectors::{profiles, vectors};
use iso8583::{Fault, Mac, Profile};

/// No code that protects anything: it tells whether the right bytes were covered.
fn sum(covered: &[u8]) -> Mac {
    covered.iter().fold(covered.len() as u64, |sum, byte| sum.rotate_left(7) ^ u64::from(*byte)).to_be_bytes()
}

#[test]
fn a_code_is_the_last_field_and_covers_the_rest() {
    for vector in vectors() {
        for profile in profiles() {
            let wire = profile.encode_with_mac(&vector.message, sum).unwrap();
            let message = profile.decode(&wire).unwrap();
            let number = if vector.message.fields().any(|(number, _)| number > 64) { 128 } else { 64 };
            assert_eq!(message.fields().last().unwrap().0, number);
            let (covered, mac) = profile.mac(&wire, &message).unwrap();
            assert_eq!(mac, sum(covered));
            let added = wire.len() - vector.wire(&profile).len();
            assert_eq!(added, if profile.name() == "A" { 16 } else { 8 });
            assert_eq!(covered.len(), vector.wire(&profile).len());
            assert_eq!(profile.mac(vector.wire(&profile), &vector.message), None);
        }
    }
}

#[test]
fn a_code_of_another_size_is_refused() {
    let text = include_str!("../../profiles/b.toml");
    let profile = Profile::parse(&format!("{text}\n[fields]\n64 = {{ format = 'b 32' }}")).unwrap();
    let error = profile.encode_with_mac(&vectors().remove(0).message, sum).unwrap_err();
    assert_eq!(error.fault, Fault::WrongLength { length: 8, expected: 4 });
}
