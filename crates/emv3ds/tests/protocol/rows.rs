//! Every row of the field tables: what keeps it passes, what breaks it is the fault it should be, and names it.

use crate::samples::{Break, breaks, full, good, with};
use crate::{VERSIONS, parse, receiver, write};
use emv3ds::message::{Endpoint, MessageType};
use emv3ds::rules::{Rule, rules};
use emv3ds::version::Version;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The rows that decide how all others are read, and so have codes of their own.
fn is_envelope(rule: &Rule) -> bool {
    matches!(rule.field, "messageType" | "messageVersion")
}

/// Every message in every version.
fn each(mut visit: impl FnMut(MessageType, Version, &Value, &Endpoint)) {
    for message in MessageType::ALL {
        for version in VERSIONS {
            visit(message, version, &full(message, version), &receiver(message));
        }
    }
}

#[test]
fn a_table_has_one_row_a_field() {
    each(|message, version, _, _| {
        let mut seen = HashSet::new();
        for rule in rules(message, version) {
            assert!(seen.insert(rule.field), "{message:?} {version:?}: {}", rule.field);
        }
    });
}

#[test]
fn a_message_with_every_field_is_read_and_written_again() {
    each(|message, version, whole, endpoint| {
        let read = parse(whole, endpoint).unwrap_or_else(|fault| panic!("{message:?} {version:?}: {fault}"));
        let mut expected = whole.clone();
        if message == MessageType::Erro {
            expected["messageVersion"] = "2.2.0".into();
        }
        assert_eq!(write(&read, endpoint).unwrap(), expected, "{message:?} {version:?}");
        assert_eq!(parse(&expected, endpoint).unwrap(), read);
    });
}

#[test]
fn every_value_that_a_row_allows_passes() {
    let mut rows = 0;
    each(|message, version, whole, endpoint| {
        for rule in rules(message, version).filter(|rule| !is_envelope(rule)) {
            for value in good(&rule.format, version) {
                let changed = with(whole, rule.field, Some(value.clone()));
                let read = parse(&changed, endpoint);
                let read = read.unwrap_or_else(|fault| panic!("{message:?} {version:?} {value}: {fault}"));
                let written = write(&read, endpoint).unwrap();
                let kept = written[rule.field] == value || rule.field == "cardholderInfo";
                assert!(
                    kept,
                    "{message:?} {version:?} {}: {value} became {}",
                    rule.field, written[rule.field]
                );
            }
            rows += 1;
        }
    });
    assert!(rows > 200, "{rows} rows");
}

#[test]
fn a_row_that_is_not_required_may_be_missing() {
    each(|message, version, whole, endpoint| {
        let fields = serde_json::from_value(whole.clone()).unwrap();
        for rule in rules(message, version).filter(|rule| !rule.is_required(&fields, endpoint)) {
            for value in [None, Some(Value::Null), Some("".into()), Some(json!([])), Some(json!({}))] {
                let changed = with(whole, rule.field, value);
                parse(&changed, endpoint).unwrap_or_else(|fault| panic!("{message:?} {version:?}: {fault}"));
            }
        }
    });
}

#[track_caller]
fn is_refused(whole: &Value, rule: &Rule, way: &Break, endpoint: &Endpoint) {
    let changed = with(whole, rule.field, way.value.clone());
    let fault = parse(&changed, endpoint).expect_err(&format!("{}: {:?}", rule.field, way.value));
    let seen = (fault.code.number(), fault.fields.clone());
    assert_eq!(seen, (way.code, vec![way.field.clone()]), "{}: {:?}", rule.field, way.value);
    assert_eq!(fault.detail, way.field);
}

#[test]
fn whatever_breaks_a_row_is_refused_and_named() {
    let mut cases = 0;
    each(|message, version, whole, endpoint| {
        for rule in rules(message, version).filter(|rule| !is_envelope(rule)) {
            let ways = breaks(rule, whole, version, endpoint);
            assert!(!ways.is_empty(), "{message:?} {}", rule.field);
            for way in ways {
                is_refused(whole, rule, &way, endpoint);
                cases += 1;
            }
        }
    });
    assert!(cases > 2_000, "{cases} cases");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same in messages that have any part of what is optional.
    #[test]
    fn one_broken_field_is_found_in_any_message(
        message in 0..MessageType::ALL.len(),
        version in 0..VERSIONS.len(),
        row in any::<prop::sample::Index>(),
        way in any::<prop::sample::Index>(),
        left_out in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let (message, version) = (MessageType::ALL[message], VERSIONS[version]);
        let endpoint = receiver(message);
        let all: Vec<&Rule> = rules(message, version).filter(|rule| !is_envelope(rule)).collect();
        let mut some = full(message, version);
        for left_out in left_out {
            let without = with(&some, left_out.get(&all).field, None);
            if parse(&without, &endpoint).is_ok() {
                some = without;
            }
        }
        let read = parse(&some, &endpoint).unwrap();
        prop_assert_eq!(parse(&write(&read, &endpoint).unwrap(), &endpoint).unwrap(), read);
        // A field that is added could ask for another one, so one that is there is broken.
        let there: Vec<&Rule> = all.into_iter().filter(|rule| some.get(rule.field).is_some()).collect();
        let rule = row.get(&there);
        let ways = breaks(rule, &some, version, &endpoint);
        is_refused(&some, rule, way.get(&ways), &endpoint);
    }
}

/// When a field is required, written down apart from the tables: `message version | field=value … | fields`.
const REQUIRED_WHEN: &str = "
    ARes 2.2.0 | transStatus=Y | authenticationValue
    ARes 2.2.0 | transStatus=A | authenticationValue
    ARes 2.3.1 | transStatus=A | authenticationValue
    ARes 2.2.0 | transStatus=N | transStatusReason
    ARes 2.2.0 | transStatus=U | transStatusReason
    ARes 2.3.1 | transStatus=R | transStatusReason
    ARes 2.2.0 | transStatus=I |
    ARes 2.2.0 | transStatus=C | acsURL acsChallengeMandated authenticationType
    ARes 2.3.1 | transStatus=C | acsURL acsChallengeMandated
    ARes 2.2.0 | transStatus=D | acsChallengeMandated acsDecConInd authenticationType
    ARes 2.3.1 | transStatus=S | spcTransData
    RReq 2.2.0 | transStatus=Y | authenticationValue
    RReq 2.3.1 | transStatus=N | transStatusReason
    RReq 2.3.1 | transStatus=D |
    RReq 2.2.0 | transStatus=Y messageCategory=02 |
    AReq 2.2.0 | deviceChannel=03 threeDSRequestorDecReqInd= billAddrState= | threeRIInd
    AReq 2.2.0 | threeDSRequestorDecReqInd=Y billAddrState= | threeDSRequestorDecMaxTime
    AReq 2.3.1 | threeDSRequestorDecReqInd=F billAddrState= | threeDSRequestorDecMaxTime
    AReq 2.2.0 | threeDSRequestorDecReqInd=N billAddrState= |
    AReq 2.2.0 | threeDSRequestorAuthenticationInd=02 threeDSRequestorDecReqInd= billAddrState= | recurringExpiry recurringFrequency
    AReq 2.2.0 | threeDSRequestorAuthenticationInd=03 threeDSRequestorDecReqInd= billAddrState= | purchaseInstalData recurringExpiry recurringFrequency
    AReq 2.2.0 | billAddrState=ZH threeDSRequestorDecReqInd= | billAddrCountry
    AReq 2.2.0 | billAddrState= threeDSRequestorDecReqInd= |
    AReq 2.2.0 | messageCategory=02 merchantName= mcc= purchaseAmount= threeDSRequestorDecReqInd= billAddrState= |
";

#[test]
fn fields_are_required_when_the_protocol_says_so() {
    for line in REQUIRED_WHEN.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [envelope, values, expected] = cells[..] else { panic!("three cells: {line}") };
        let (name, version) = envelope.split_once(' ').unwrap();
        let (message, version) = (MessageType::parse(name).unwrap(), Version::parse(version).unwrap());
        let endpoint = receiver(message);
        let mut asked = full(message, version);
        for value in values.split_whitespace() {
            let (field, value) = value.split_once('=').unwrap();
            asked = with(&asked, field, Some(value.into()));
        }
        parse(&asked, &endpoint).unwrap_or_else(|fault| panic!("{line}: {fault}"));
        for rule in WATCHED.iter().filter(|field| asked.get(**field).is_some()) {
            let fault = parse(&with(&asked, rule, None), &endpoint).err();
            let seen = fault.map(|fault| (fault.code.number(), fault.detail));
            let expected = expected.split_whitespace().any(|field| field == *rule);
            assert_eq!(seen, expected.then(|| (201, (*rule).to_owned())), "{line}: {rule}");
        }
    }
}

/// The conditional fields that the lines above are about; in each line all others may be missing.
const WATCHED: [&str; 13] = [
    "authenticationValue",
    "transStatusReason",
    "acsURL",
    "acsChallengeMandated",
    "acsDecConInd",
    "authenticationType",
    "spcTransData",
    "threeRIInd",
    "threeDSRequestorDecMaxTime",
    "recurringExpiry",
    "recurringFrequency",
    "purchaseInstalData",
    "billAddrCountry",
];

/// How long fields may be, written down apart from the tables: `message field | longest value that is taken`.
#[test]
fn fields_are_as_long_as_the_protocol_says() {
    for (message, field, most) in [
        ("AReq", "threeDSServerRefNumber", 32),
        ("AReq", "threeDSServerOperatorID", 32),
        ("AReq", "threeDSServerURL", 2048),
        ("AReq", "threeDSRequestorID", 35),
        ("AReq", "threeDSRequestorName", 40),
        ("AReq", "threeDSRequestorURL", 2048),
        ("AReq", "notificationURL", 256),
        ("AReq", "browserAcceptHeader", 2048),
        ("AReq", "browserUserAgent", 2048),
        ("AReq", "browserScreenHeight", 6),
        ("AReq", "acctNumber", 19),
        ("AReq", "cardholderName", 45),
        ("AReq", "purchaseAmount", 48),
        ("AReq", "purchaseCurrency", 3),
        ("AReq", "purchaseExponent", 1),
        ("AReq", "acquirerBIN", 11),
        ("AReq", "acquirerMerchantID", 35),
        ("AReq", "mcc", 4),
        ("AReq", "merchantName", 40),
        ("AReq", "email", 254),
        ("ARes", "acsReferenceNumber", 32),
        ("ARes", "dsReferenceNumber", 32),
        ("ARes", "cardholderInfo", 128),
        ("RReq", "interactionCounter", 2),
        ("Erro", "errorDetail", 2048),
        ("Erro", "errorDescription", 2048),
        ("PReq", "threeDSServerRefNumber", 32),
    ] {
        let message = MessageType::parse(message).unwrap();
        let (whole, endpoint) = (full(message, Version::V220), receiver(message));
        let of_length = |length: usize| match field {
            _ if field.ends_with("URL") => format!("https://a.example/{}", "x".repeat(length - 18)),
            "email" => format!("{}@b", "x".repeat(length - 2)),
            _ => "1".repeat(length),
        };
        for (length, good) in [(most, true), (most + 1, false)] {
            let read = parse(&with(&whole, field, Some(of_length(length).into())), &endpoint);
            assert_eq!(read.is_ok(), good, "{field} of {length}");
        }
    }
    let least = with(&full(MessageType::AReq, Version::V220), "acctNumber", Some("679999000004".into()));
    assert_eq!(
        parse(&least, &receiver(MessageType::AReq)).unwrap_err().detail,
        "acctNumber",
        "12 digits are too few"
    );
}

/// Which values a code may have, written down apart from the tables.
#[test]
fn codes_are_those_of_each_version() {
    for (message, field, in_220, in_231) in [
        ("ARes", "transStatus", "YNUACDRI", "YNUACDRIS"),
        ("RReq", "transStatus", "YNUAR", "YNUARD"),
        ("CRes", "transStatus", "YN", "YND"),
        ("AReq", "threeDSCompInd", "YNU", "YNU"),
        ("AReq", "threeDSRequestorDecReqInd", "YN", "YNFB"),
        ("Erro", "errorComponent", "CSDA", "CSDA"),
    ] {
        let message = MessageType::parse(message).unwrap();
        for (version, words) in [(Version::V220, in_220), (Version::V231, in_231)] {
            let (whole, endpoint) = (full(message, version), receiver(message));
            for word in ('A'..='Z').map(String::from) {
                let read = parse(&with(&whole, field, Some(word.as_str().into())), &endpoint);
                assert_eq!(read.is_ok(), words.contains(&word), "{message:?} {field} {word} in {version:?}");
            }
        }
    }
    for (message, field, in_220, in_231) in [
        ("AReq", "threeDSRequestorAuthenticationInd", 6, 10),
        ("AReq", "threeDSRequestorChallengeInd", 9, 14),
        ("ARes", "transStatusReason", 26, 30),
        ("RReq", "challengeCancel", 8, 10),
    ] {
        let message = MessageType::parse(message).unwrap();
        for (version, last) in [(Version::V220, in_220), (Version::V231, in_231)] {
            let (whole, endpoint) = (full(message, version), receiver(message));
            let is_list = whole[field].is_array();
            for code in 0..100 {
                let text = Value::from(format!("{code:02}"));
                let value = if is_list { json!([text]) } else { text };
                let good = (1..=last).contains(&code) || code >= 80;
                let read = parse(&with(&whole, field, Some(value)), &endpoint);
                assert_eq!(read.is_ok(), good, "{field} {code} in {version:?}");
            }
        }
    }
}
