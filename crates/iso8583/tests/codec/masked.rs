//! What is shown of a message: names and values, and nothing that must not be seen.

use crate::vectors::{authorisation, profiles, vectors};
use iso8583::{Message, Mti, Profile, SubElements};

const PAN: &str = "6799990000000000011";

#[test]
fn an_authorisation_prints_with_its_secrets_masked() {
    let profile = Profile::built_in("B").unwrap();
    let printed = authorisation().message.masked(&profile).to_string();
    let expected = "\
0100 authorisation request
   2 primary account number                        679999*********0011
   3 processing code                               000000
   4 amount, transaction                           000000003798
   7 transmission date and time                    1122143015
  11 system trace audit number                     000123
  12 time, local transaction                       153015
  13 date, local transaction                       1122
  14 date, expiration                              3012
  18 merchant's type                               5732
  19 acquiring institution country code            528
  22 point of service entry mode                   812
  25 point of service condition code               59
  32 acquiring institution identification code     525000
  37 retrieval reference number                    632614000123
  41 card acceptor terminal identification         TERM0001
  42 card acceptor identification code             MERCHANT0000001
  43 card acceptor name/location                   Webshop BV             Amsterdam     NLD
  48 additional data, private                      T 42=0103212 43=(hidden)
  49 currency code, transaction                    978
  61 reserved, private                             1025100006000528";
    assert_eq!(printed, expected);
}

/// Field, value, what is shown.
const SHOWN: &[(u8, &str, &str)] = &[
    (2, "5018000000000009", "501800******0009"),
    (2, "5018000000009", "501800***0009"),
    (2, "501800000009", "********0009"),
    (2, "50180000009", "***********"),
    (2, "", ""),
    (35, "6799990000000000011=3012", "(hidden)"),
    (36, "6799990000000000011=3012", "(hidden)"),
    (45, "B6799990000000000011^DOE/J", "(hidden)"),
    (48, "T9203123", "T 92=(hidden)"),
    (48, "T420701032124303abc8401X", "T 42=0103212 43=(hidden) 84=X"),
    (48, "T55196799990000000000011", "T 55=679999*********0011"),
    (48, "T420701032128702P 9203123", "T 42=0103212 87=P | 92=(hidden)"),
    (48, "anything: 123", "(hidden)"),
    (52, "12345678", "(hidden)"),
    (55, "chip", "(hidden)"),
    (62, "\u{1}\u{2}", "0x0102"),
    (63, "of 6799990000000000011, 6799990000000000012", "of 679999*********0011, 6799990000000000012"),
    (63, "16799990000000000011, 0000000000000", "16799990000000000011, 0000000000000"),
    (70, "301", "301"),
    (105, "what is it", "(hidden)"),
    (126, "123", "(hidden)"),
];

#[test]
fn each_field_shows_what_may_be_seen() {
    let profile = Profile::built_in("B").unwrap();
    for (number, value, expected) in SHOWN {
        let message = Message::new(Mti::AUTHORISATION_REQUEST).with(*number, value);
        let printed = message.masked(&profile).to_string();
        let shown = printed.lines().nth(1).unwrap().get(51..).unwrap();
        assert_eq!(shown, *expected, "DE {number}");
    }
}

#[test]
fn the_card_number_is_masked_wherever_it_is() {
    let profile = Profile::built_in("B").unwrap();
    let message = Message::new(Mti::AUTHORISATION_REQUEST)
        .with(2, PAN)
        .with(47, format!("card {PAN}, again {PAN}"))
        .with(48, format!("T5519{PAN}"))
        .with(62, format!("\u{1}{PAN}"))
        .with(63, b"\x01\x67\x99\x99\x00\x00\x00\x00\x00\x01\x1f");
    let printed = message.masked(&profile).to_string();
    assert_eq!(printed.matches("679999*********0011").count(), 5, "{printed}");
    assert!(!printed.contains("6799990") && !printed.contains("363739"), "{printed}");
}

#[test]
fn a_card_number_of_one_digit_does_not_come_back_by_being_masked() {
    let profile = Profile::built_in("B").unwrap();
    let zeros = "0".repeat(14);
    let message =
        Message::new(Mti::REVERSAL_REQUEST).with(2, &zeros).with(90, format!("0100{}", "0".repeat(38)));
    let printed = message.masked(&profile).to_string();
    assert!(!printed.contains(&zeros), "{printed}");
}

/// Every text that the crate makes of a message or of what is wrong with it.
#[test]
fn no_print_and_no_error_has_the_card_number() {
    let clean = |text: String| assert!(!text.contains("6799990"), "{text}");
    for vector in vectors() {
        for profile in profiles() {
            let wire = vector.wire(&profile);
            let message = profile.decode(wire).unwrap();
            let masked = message.masked(&profile);
            clean(format!("{message:?} {masked} {masked:?} {:?}", profile.match_key(&message)));
            let mut spoiled = wire.to_vec();
            for at in 0..wire.len() {
                spoiled[at] ^= 0x55;
                match profile.decode(&spoiled) {
                    Ok(message) => clean(format!("{message:?} {}", message.masked(&profile))),
                    Err(error) => clean(format!("{error} {error:?}")),
                }
                spoiled[at] = wire[at];
            }
            for number in 2..=128 {
                let message = message.clone().with(number, PAN);
                clean(format!("{message:?} {}", message.masked(&profile)));
                if let Err(error) = profile.encode(&message) {
                    clean(format!("{error} {error:?}"));
                }
            }
            let frame = profile.framing().frame(wire).unwrap();
            let mut deframer = iso8583::Deframer::new(profile.framing());
            deframer.feed(&mut &frame[..frame.len() - 1]).unwrap();
            clean(format!("{deframer:?}"));
            let received = deframer.feed(&mut &frame[frame.len() - 1..]).unwrap();
            clean(format!("{received:?}"));
        }
    }
}

#[test]
fn sub_elements_show_their_tags_only() {
    let elements = SubElements::parse("T9203123").unwrap();
    assert_eq!(format!("{elements:?}"), "SubElements([\"92\"])");
}
