//! What is refused, and how it is said: the part, the byte, the reason.

use crate::vectors::{authorisation, bytes, profiles, vectors};
use iso8583::{Fault, Message, Mti, Place, Profile};

/// Profile, message in hexadecimal with blanks, error.
const NO_MESSAGES: &[(&str, &str, &str)] = &[
    ("B", "30315830 0000000000000000", "MTI at byte 0: not a message type of ISO 8583:1987"),
    ("B", "31313030 0000000000000000", "MTI at byte 0: not a message type of ISO 8583:1987"),
    ("C", "01A0 0000000000000000", "MTI at byte 0: not a message type of ISO 8583:1987"),
    ("D", "30313030 0000000000000000", "MTI at byte 0: not a message type of ISO 8583:1987"),
    ("B", "", "MTI at byte 0: cut short, at least 4 bytes are missing"),
    ("B", "30313030 000000", "bitmap at byte 4: cut short, at least 5 bytes are missing"),
    ("B", "30313030 8000000000000000 00", "bitmap at byte 12: cut short, at least 7 bytes are missing"),
    (
        "A",
        "30313030 30303030303030303030303030303047",
        "bitmap at byte 19: a character its format does not have",
    ),
    (
        "B",
        "30313030 8000000000000000 8000000000000000",
        "bitmap at byte 12: bit 65 announces a tertiary bitmap",
    ),
    (
        "B",
        "30313030 8000000000000000 0000000000800000",
        "DE 105 at byte 20: the profile defines no such field",
    ),
    ("B", "30313030 4000000000000000 3939", "DE 2 at byte 12: length 99 is over 19"),
    ("B", "30313030 4000000000000000 313A", "DE 2 at byte 13: the length is not in digits"),
    ("C", "0100 4000000000000000 1A", "DE 2 at byte 10: the length is not in digits"),
    ("D", "F0F1F0F0 4000000000000000 F131", "DE 2 at byte 13: the length is not in digits"),
    (
        "B",
        "30313030 0000000000010000 393939 30303030303030303030",
        "DE 48 at byte 15: cut short, at least 989 bytes are missing",
    ),
    ("B", "30313030 2000000000000000 30303041 3030", "DE 3 at byte 15: a character its format does not have"),
    ("B", "30313030 0000000002000000 300A", "DE 39 at byte 13: a character its format does not have"),
    ("B", "30313030 0000000002000000 302B", "DE 39 at byte 13: a character its format does not have"),
    (
        "B",
        "30313030 0000001000000000 5830303030303030 30",
        "DE 28 at byte 12: a character its format does not have",
    ),
    (
        "B",
        "30313030 0000000000800000 5445524D303030 C3",
        "DE 41 at byte 19: a character its format does not have",
    ),
    ("D", "F0F1F0F0 0000000002000000 F001", "DE 39 at byte 13: a character its format does not have"),
    ("C", "0100 2000000000000000 00A000", "DE 3 at byte 11: a character its format does not have"),
    ("C", "0100 2000000000000000 00000F", "DE 3 at byte 12: a character its format does not have"),
    ("C", "0100 4000000000000000 03 1234", "DE 2 at byte 12: the padding is not the profile's filler"),
    ("C", "0100 0000000000008000 9780", "DE 49 at byte 10: the padding is not the profile's filler"),
    ("C", "0100 0000001000000000 58 00000000", "DE 28 at byte 10: a character its format does not have"),
    ("B", "30313030 0000000000000000 00FF", "message at byte 12: 2 bytes after the last field"),
];

#[test]
fn what_is_no_message_is_refused_with_place_and_byte() {
    for (letter, hex, expected) in NO_MESSAGES {
        let profile = Profile::built_in(letter).unwrap();
        let wire = bytes(&hex.replace(' ', ""));
        let error = profile.decode(&wire).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{hex} in profile {letter}");
    }
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    for vector in vectors() {
        for profile in profiles() {
            let wire = vector.wire(&profile);
            for end in 0..wire.len() {
                let error = profile.decode(&wire[..end]).unwrap_err();
                let missing = matches!(error.fault, Fault::CutShort { missing } if missing > 0);
                assert!(missing && error.offset <= end, "{} cut at {end}: {error}", vector.name);
            }
        }
    }
}

#[test]
fn a_byte_too_many_is_refused() {
    for profile in profiles() {
        let mut wire = authorisation().wire(&profile).to_vec();
        wire.push(0);
        let error = profile.decode(&wire).unwrap_err();
        assert_eq!((error.place, error.fault), (Place::Message, Fault::Trailing { bytes: 1 }));
        assert_eq!(error.offset, wire.len() - 1);
    }
}

#[test]
fn a_message_over_the_frame_limit_is_refused_both_ways() {
    for profile in profiles() {
        let error = profile.decode(&[b'0'; 8193]).unwrap_err();
        assert_eq!(error.to_string(), "message at byte 8192: longer than the frame limit of 8192 bytes");
        let mut message = Message::new(Mti::AUTHORISATION_REQUEST);
        for number in [46, 47, 48, 56, 57, 58, 59, 60, 61] {
            message.set(number, "x".repeat(999));
        }
        let error = profile.encode(&message).unwrap_err();
        assert_eq!(error.fault, Fault::TooLarge { limit: 8192 });
    }
}

/// Field, value, error.
const NOT_TO_BE_SENT: &[(u8, &str, &str)] = &[
    (2, "12345678901234567890", "DE 2 at byte 0 of its value: length 20 is over 19"),
    (2, "6799 9900", "DE 2 at byte 4 of its value: a character its format does not have"),
    (3, "00000", "DE 3 at byte 0 of its value: length 5 is not 6"),
    (4, "00000000379,8", "DE 4 at byte 11 of its value: a character its format does not have"),
    (4, "0000000037980", "DE 4 at byte 0 of its value: length 13 is not 12"),
    (28, "00000100D", "DE 28 at byte 0 of its value: a character its format does not have"),
    (28, "", "DE 28 at byte 0 of its value: a character its format does not have"),
    (28, "D100", "DE 28 at byte 0 of its value: length 4 is not 9"),
    (37, "63261400012-", "DE 37 at byte 11 of its value: a character its format does not have"),
    (39, "5", "DE 39 at byte 0 of its value: length 1 is not 2"),
    (39, "5é", "DE 39 at byte 1 of its value: a character its format does not have"),
    (41, "TERM1", "DE 41 at byte 0 of its value: length 5 is not 8"),
    (
        43,
        "Café                            Paris FR",
        "DE 43 at byte 3 of its value: a character its format does not have",
    ),
    (64, "1234567", "DE 64 at byte 0 of its value: length 7 is not 8"),
    (52, "12345678", "DE 52 at byte 0 of its value: PIN data is never built"),
    (53, "1234567890123456", "DE 53 at byte 0 of its value: PIN data is never built"),
    (0, "", "DE 0 at byte 0 of its value: the profile defines no such field"),
    (1, "12345678", "DE 1 at byte 0 of its value: the profile defines no such field"),
    (65, "1", "DE 65 at byte 0 of its value: the profile defines no such field"),
    (105, "1", "DE 105 at byte 0 of its value: the profile defines no such field"),
    (129, "1", "DE 129 at byte 0 of its value: the profile defines no such field"),
    (255, "1", "DE 255 at byte 0 of its value: the profile defines no such field"),
];

#[test]
fn what_the_profile_cannot_write_is_refused_with_field_and_byte() {
    for (number, value, expected) in NOT_TO_BE_SENT {
        for profile in profiles() {
            let message = Message::new(Mti::AUTHORISATION_REQUEST).with(11, "000001").with(*number, value);
            let error = profile.encode(&message).unwrap_err();
            assert_eq!(error.to_string(), *expected, "profile {}", profile.name());
        }
    }
}
