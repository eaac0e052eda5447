//! Fields with an inside.

use crate::vectors::vectors;
use iso8583::{
    AdditionalAmount, Malformed, Message, Mti, OriginalDataElements, ReplacementAmounts, Sign, SubElements,
};

fn vector(name: &str) -> Message {
    vectors().into_iter().find(|vector| vector.name.starts_with(name)).unwrap().message
}

#[test]
fn a_reversal_names_its_original() {
    let (original, reversal) = (vector("V01"), vector("V06"));
    let elements = OriginalDataElements::parse(reversal.text(90).unwrap()).unwrap();
    assert_eq!(Some(&elements), OriginalDataElements::of(&original).as_ref());
    assert_eq!(elements.mti(), Mti::AUTHORISATION_REQUEST);
    assert_eq!((elements.stan(), elements.transmission()), ("000123", "1122143015"));
    assert_eq!((elements.acquirer(), elements.forwarder()), ("00000525000", "00000000000"));
    assert!(elements.refer_to(&original));
    assert!(elements.refer_to(original.clone().set_mti(Mti::AUTHORISATION_REQUEST.repeat())));
    assert!(!elements.refer_to(&vector("V11")));
    assert!(!elements.refer_to(&original.clone().with(7, "1122143016")));
    assert_eq!(OriginalDataElements::of(original.clone().remove(11)), None);
    assert_eq!(
        OriginalDataElements::of(original.clone().set(7, "112214301")).unwrap().transmission(),
        "0112214301"
    );
    assert_eq!(OriginalDataElements::of(original.clone().set(32, "123456789012")), None);
}

#[test]
fn a_partial_reversal_says_what_is_left() {
    let amounts = ReplacementAmounts::parse(vector("V07").text(95).unwrap()).unwrap();
    assert_eq!(amounts, ReplacementAmounts { transaction_minor: 1000, settlement_minor: 0 });
}

#[test]
fn a_partial_approval_says_what_was_asked_for() {
    let answer = vector("V05");
    let amounts = AdditionalAmount::parse_all(answer.text(54).unwrap()).unwrap();
    let original = amounts.iter().find(|amount| amount.amount_type == AdditionalAmount::ORIGINAL).unwrap();
    assert_eq!((original.minor, original.currency, original.sign), (3798, "978", Sign::Debit));
    assert_eq!(answer.amount_minor(), Some(2000));
    assert_eq!(AdditionalAmount::parse_all("").unwrap(), []);
    assert_eq!(AdditionalAmount::parse_all(&"1002978C000000000001".repeat(6)).unwrap().len(), 6);
}

#[test]
fn private_data_has_sub_elements() {
    let text = vector("V01");
    let private = SubElements::parse(text.text(48).unwrap()).unwrap();
    assert_eq!(private.category(), 'T');
    assert_eq!(private.sub_field("42", "01"), Some("212"));
    assert_eq!(private.get("43"), Some("kBMGQHIAAAAAAAAAAAAAAAAAAAA="));
    assert_eq!((private.get("92"), private.sub_field("42", "02")), (None, None));
    let mut built = SubElements::new('T');
    for (tag, data) in private.iter() {
        built.push(tag, data).unwrap();
    }
    assert_eq!(built.as_str(), text.text(48).unwrap());
    assert_eq!(text.clone().with(48, &built), text);
}

#[test]
fn private_data_cannot_become_too_long() {
    let mut private = SubElements::new('T');
    assert!(private.push("42", &"x".repeat(100)).is_err());
    assert!(private.push("4", "").is_err());
    assert!(private.push("4é", "").is_err());
    let pushed = (0..20).filter(|_| private.push("42", &"x".repeat(99)).is_ok()).count();
    assert_eq!((pushed, private.as_str().len()), (9, 1 + 9 * 103));
    assert!(SubElements::parse(private.as_str()).is_ok());
}

/// What cannot be read, and at which character.
#[test]
fn what_has_no_such_inside_is_refused() {
    let zeros = "0".repeat(42);
    let offset = |malformed: Malformed| malformed.offset;
    let original = |text: &str| OriginalDataElements::parse(text).map_err(offset).unwrap_err();
    assert_eq!(original(&zeros), 0);
    assert_eq!(original(&format!("0100{}", "0".repeat(37))), 41);
    assert_eq!(original(&format!("0100{}", "0".repeat(39))), 42);
    assert_eq!(original(&format!("0100{}X", "0".repeat(37))), 41);
    let replacement = |text: &str| ReplacementAmounts::parse(text).map_err(offset).unwrap_err();
    assert_eq!(replacement(&zeros[1..]), 41);
    assert_eq!(replacement(&zeros.replacen('0', "X", 1)), 0);
    assert_eq!(replacement("000000000000-"), 12);
    let additional = |text: &str| AdditionalAmount::parse_all(text).map_err(offset).unwrap_err();
    assert_eq!(additional("0057978D000000003798X"), 20);
    assert_eq!(additional("0057978X000000003798"), 0);
    assert_eq!(additional("0057978D00000000379+"), 0);
    assert_eq!(additional("0057é78D00000000379"), 0);
    let private = |text: &str| SubElements::parse(text).map_err(offset).unwrap_err();
    assert_eq!(private(""), 0);
    assert_eq!(private("T42"), 1);
    assert_eq!(private("T42070103212430"), 12);
    assert_eq!(private("T4207010321"), 1);
    assert_eq!(private("T420x"), 1);
    let malformed = SubElements::parse("T42").unwrap_err();
    assert_eq!(malformed.to_string(), "DE 48 is malformed at character 1");
}

#[test]
fn amounts_and_numbers_are_padded() {
    let mut message = Message::new(Mti::AUTHORISATION_REQUEST);
    message.set_amount_minor(3798).set_stan(123);
    assert_eq!((message.text(4), message.text(11)), (Some("000000003798"), Some("000123")));
    assert_eq!((message.amount_minor(), message.stan()), (Some(3798), Some(123)));
    assert_eq!(message.set(4, "+1").amount_minor(), None);
    assert_eq!(message.response_code(), None);
}
