//! Profiles are data: what a file can say, and that a mistake in it is named.

use crate::vectors::bytes;
use iso8583::{Message, Mti, Profile};

const B: &str = include_str!("../../profiles/b.toml");
const C: &str = include_str!("../../profiles/c.toml");

fn message() -> Message {
    Message::new(Mti::AUTHORISATION_REQUEST)
}

/// Checks the bytes of `message` after its type and bitmap, and that they read back as it.
fn check(profile: &Profile, message: &Message, hex: &str) {
    let wire = profile.encode(message).unwrap();
    let head = if message.fields().any(|(number, _)| number > 64) { 16 } else { 8 };
    let head = head + if profile.name() == "C" { 2 } else { 4 };
    assert_eq!(wire[head..], bytes(hex), "{wire:02X?}");
    assert!(profile.decode(&wire).unwrap() == *message);
}

/// B with more lines at the end, which are of `[framing]` unless they open another table.
fn b_and(lines: &str) -> Profile {
    Profile::parse(&format!("{B}\n{lines}")).unwrap()
}

fn c_with(fields: &str) -> Profile {
    Profile::parse(&C.replace("[fields]", &format!("[fields]\n{fields}"))).unwrap()
}

#[test]
fn the_built_in_ones_are_known_by_their_letters() {
    for letter in Profile::BUILT_IN {
        let profile = Profile::built_in(letter).unwrap();
        assert_eq!(profile.name(), letter);
        assert_eq!(Profile::built_in(&letter.to_lowercase()), Some(profile));
    }
    assert_eq!(Profile::built_in("E"), None);
    assert_eq!(Profile::built_in("B").unwrap().field_name(39), Some("response code"));
    assert_eq!(Profile::built_in("B").unwrap().field_name(105), None);
}

/// The printable characters in the order of ASCII, by Python's codecs.
#[test]
fn both_kinds_of_ebcdic_have_every_printable_character() {
    let printable: String = (b' '..=b'~').map(char::from).collect();
    let message = message().with(46, &printable);
    let pages = [
        (
            "cp037",
            "405A7F7B5B6C507D4D5D5C4E6B604B61F0F1F2F3F4F5F6F7F8F97A5E4C7E6E6F7CC1C2C3C4C5C6C7C8C9D1D2D3D4D5D6D7D8D9E2E3E4E5E6E7E8E9BAE0BBB06D79818283848586878889919293949596979899A2A3A4A5A6A7A8A9C04FD0A1",
        ),
        (
            "cp500",
            "404F7F7B5B6C507D4D5D5C4E6B604B61F0F1F2F3F4F5F6F7F8F97A5E4C7E6E6F7CC1C2C3C4C5C6C7C8C9D1D2D3D4D5D6D7D8D9E2E3E4E5E6E7E8E94AE05A5F6D79818283848586878889919293949596979899A2A3A4A5A6A7A8A9C0BBD0A1",
        ),
    ];
    for (page, hex) in pages {
        let profile = Profile::parse(&include_str!("../../profiles/d.toml").replace("cp500", page)).unwrap();
        check(&profile, &message, &format!("F0F9F5{hex}"));
    }
}

#[test]
fn a_length_is_written_as_the_profile_says() {
    let words = [
        ("ascii", "303033", "3033"),
        ("ebcdic-cp500", "F0F0F3", "F0F3"),
        ("bcd", "0003", "03"),
        ("binary", "0003", "03"),
    ];
    for (word, three, two) in words {
        let profile =
            Profile::parse(&B.replace("length_prefix = \"ascii\"", &format!("length_prefix = \"{word}\"")))
                .unwrap();
        check(&profile, &message().with(47, "abc"), &format!("{three}616263"));
        check(&profile, &message().with(44, "abc"), &format!("{two}616263"));
    }
    let long = b_and(
        "[fields]\n63 = { format = 'ans ....2000', length_prefix = 'bcd' }\n62 = { format = 'b ..255', length_prefix = 'binary' }",
    );
    check(&long, &message().with(63, "x".repeat(1234)), &format!("1234{}", "78".repeat(1234)));
    check(&long, &message().with(62, [7; 255]), &format!("FF{}", "07".repeat(255)));
}

#[test]
fn packed_digits_are_padded_as_the_profile_says() {
    let c = Profile::built_in("C").unwrap();
    check(&c, &message().with(2, "12345"), "0512345F");
    check(&c, &message().with(2, "123456"), "06123456");
    check(&c, &message().with(32, "12345"), "05012345");
    check(&c, &message().with(49, "978"), "0978");
    check(&c, &message().with(28, "D00000150"), "4400000150");
    check(&c, &message().with(35, "12345=3012"), "1012345D3012");
    check(&c_with("49 = { pad = 'right' }"), &message().with(49, "978"), "9780");
    check(&c_with("49 = { filler = 'F' }"), &message().with(49, "978"), "F978");
    check(&c_with("39 = { encoding = 'bcd' }"), &message().with(39, "51"), "51");
    check(&c_with("49 = { encoding = 'ascii' }"), &message().with(49, "978"), "393738");
    let error = c_with("39 = { encoding = 'bcd' }").encode(&message().with(39, "1A")).unwrap_err();
    assert_eq!(error.to_string(), "DE 39 at byte 1 of its value: a character its format does not have");
}

#[test]
fn a_length_can_count_bytes_instead_of_digits() {
    let profile =
        Profile::parse(&C.replace("length_counts = \"digits\"", "length_counts = \"bytes\"")).unwrap();
    check(&profile, &message().with(2, "12345"), "0312345F");
    check(&profile, &message().with(2, "123456"), "03123456");
    check(&profile, &message().with(2, "6799990000000000011"), "106799990000000000011F");
    check(&profile, &message().with(32, "012345"), "03012345");
    let error = profile.decode(&bytes("0100400000000000000011")).unwrap_err();
    assert_eq!(error.to_string(), "DE 2 at byte 10: length 11 is over 10");
    // A zero on the left is a digit as good as any: this is why most hosts count digits.
    let wire = profile.encode(&message().with(32, "12345")).unwrap();
    assert_eq!(profile.decode(&wire).unwrap().text(32), Some("012345"));
    // Ten bytes hold twenty digits; a PAN has nineteen.
    let error = profile.decode(&bytes("010040000000000000001011111111111111111111")).unwrap_err();
    assert_eq!(error.to_string(), "DE 2 at byte 11: length 20 is over 19");
}

#[test]
fn bits_are_hexadecimal_where_the_profile_says() {
    let a = Profile::built_in("A").unwrap();
    let wire = a.encode(&message().with(64, [0xAB; 8])).unwrap();
    assert_eq!(wire, b"01000000000000000001ABABABABABABABAB");
    assert_eq!(a.decode(&wire.to_ascii_lowercase()).unwrap().bytes(64), Some(&[0xAB; 8][..]));
    check(&b_and("[fields]\n55 = { encoding = 'ebcdic-cp500' }"), &message().with(55, [0x1F]), "303031F1C6");
}

#[test]
fn a_profile_defines_fields_of_its_own() {
    let profile = b_and(
        "[fields]\n105 = { name = 'loyalty', format = 'an ..5', secret = true }\n38 = { name = 'approval code' }",
    );
    check(&profile, &message().with(105, "AB1"), "3033414231");
    assert_eq!(profile.field_name(105), Some("loyalty"));
    assert_eq!(profile.field_name(38), Some("approval code"));
    assert!(
        profile.is_secret(105) && profile.is_secret(2) && profile.is_secret(106) && !profile.is_secret(38)
    );
}

/// A line of profile B, what it becomes, and the error.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("name = \"B\"", "", "name: missing"),
    ("name = \"B\"", "name = 1", "name: expected text in quotes"),
    ("mti = \"ascii\"", "mti = \"binary\"", "mti: expected ascii or ebcdic-cp037 or ebcdic-cp500 or bcd"),
    (
        "bitmap = \"binary\"",
        "bitmap = \"bcd\"",
        "bitmap: expected ascii or ebcdic-cp037 or ebcdic-cp500 or binary",
    ),
    ("numeric = \"ascii\"", "", "numeric: missing"),
    ("text = \"ascii\"", "text = \"bcd\"", "text: expected ascii or ebcdic-cp037 or ebcdic-cp500"),
    ("length_prefix = \"ascii\"", "length_prefix = true", "length_prefix: expected text in quotes"),
    ("name = \"B\"", "name = \"B\"\npad = \"up\"", "pad: expected left or right"),
    ("name = \"B\"", "name = \"B\"\nfiller = \"D\"", "filler: expected 0 or F"),
    ("name = \"B\"", "name = \"B\"\ncolour = 1", "colour: unknown key"),
    (
        "name = \"B\"",
        "name = \"B\"\nmatch_on = []",
        "match_on: expected a list of fields that are defined and not secret",
    ),
    (
        "name = \"B\"",
        "name = \"B\"\nmatch_on = [2]",
        "match_on: expected a list of fields that are defined and not secret",
    ),
    (
        "name = \"B\"",
        "name = \"B\"\nmatch_check = [105]",
        "match_check: expected a list of fields that are defined and not secret",
    ),
    ("length = \"binary-2\"", "", "framing.length: missing"),
    (
        "length = \"binary-2\"",
        "length = \"two\"",
        "framing.length: expected binary-2 or binary-4 or bcd-2 or ascii-4",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\nlimit_bytes = 11",
        "framing.limit_bytes: expected 12 to 65536",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\nlimit_bytes = -1",
        "framing.limit_bytes: expected a positive number",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\nheader = \"6\"",
        "framing.header: expected bytes in hexadecimal",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\ncounts_itself = 1",
        "framing.counts_itself: expected true or false",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\ntpdu = { source = \"0000\" }",
        "framing.tpdu.destination: missing",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\ntpdu = { destination = \"1\", source = \"0000\" }",
        "framing.tpdu.destination: expected four hexadecimal digits such as \"0001\"",
    ),
    (
        "length = \"binary-2\"",
        "length = \"bcd-2\"\nheader = \"00\"\ntpdu = { destination = \"0001\", source = \"0000\" }",
        "framing.header: a frame has a header or a TPDU, not both",
    ),
    (
        "[framing]",
        "[fields]\n39 = \"an 2\"\n[framing]",
        "fields.39: expected a table such as { format = \"n 6\" }",
    ),
    (
        "[framing]",
        "[fields]\n65 = { name = \"x\", format = \"b 8\" }\n[framing]",
        "fields.65: expected a data element, 2 to 64 or 66 to 128",
    ),
    (
        "[framing]",
        "[fields]\nPAN = { name = \"x\" }\n[framing]",
        "fields.PAN: expected a data element, 2 to 64 or 66 to 128",
    ),
    ("[framing]", "[fields]\n105 = { format = \"n 6\" }\n[framing]", "fields.105.name: missing"),
    (
        "[framing]",
        "[fields]\n3 = { format = \"n\" }\n[framing]",
        "fields.3.format: expected a format such as \"n 6\", \"n ..19\", \"ans ...999\" or \"b 64\"",
    ),
    (
        "[framing]",
        "[fields]\n64 = { format = \"b 7\" }\n[framing]",
        "fields.64.format: expected whole bytes: a number of bits that eight divides",
    ),
    (
        "[framing]",
        "[fields]\n3 = { format = \"x+n ..8\" }\n[framing]",
        "fields.3.format: expected a fixed length",
    ),
    (
        "[framing]",
        "[fields]\n2 = { format = \"n ..100\" }\n[framing]",
        "fields.2.format: its length does not fit into its length prefix",
    ),
    (
        "[framing]",
        "[fields]\n2 = { pad = \"right\" }\n[framing]",
        "fields.2.pad: only a field in bcd is padded",
    ),
    (
        "[framing]",
        "[fields]\n2 = { filler = \"F\" }\n[framing]",
        "fields.2.filler: only a field in bcd is padded",
    ),
    (
        "[framing]",
        "[fields]\n64 = { encoding = \"bcd\" }\n[framing]",
        "fields.64.encoding: expected ascii or ebcdic-cp037 or ebcdic-cp500 or binary",
    ),
    ("[framing]", "[fields]\n2 = { size = 1 }\n[framing]", "fields.2.size: unknown key"),
    (
        "[framing]",
        "[fields]\n2 = { secret = \"yes\" }\n[framing]",
        "fields.2.secret: expected true, false, \"pan\" or a list of sub-elements such as [\"92\"]",
    ),
];

#[test]
fn a_mistake_in_a_profile_is_named() {
    for (line, instead, expected) in MISTAKES {
        let text = B.replacen(line, instead, 1);
        assert_ne!(text, B, "{line}");
        let error = Profile::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{instead}");
        assert_eq!(expected.split(':').next(), Some(error.key()));
    }
    let error = Profile::parse("name = ").unwrap_err();
    assert_eq!(error.key(), "");
    assert!(error.to_string().contains("line 1"), "{error}");
}
