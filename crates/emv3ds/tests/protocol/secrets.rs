//! What must not be seen is in no `Debug`, no `Display` and no `Erro`, whether a message is read or refused.

use crate::samples::{full, with};
use crate::{VERSIONS, parse, receiver, write};
use emv3ds::message::{Message, MessageType};
use serde_json::{Value, json};

/// Secret fields, with values that occur nowhere else.
const SECRETS: [(&str, &str); 20] = [
    ("acctNumber", "6799990000000000011"),
    ("cardExpiryDate", "2908"),
    ("cardSecurityCode", "7391"),
    ("cardholderName", "Jane Q. Cardholder"),
    ("email", "jane.q@customer.example"),
    ("billAddrLine1", "Kraanspoor 39"),
    ("billAddrLine2", "Second floor left"),
    ("billAddrLine3", "Behind the yard"),
    ("billAddrPostCode", "1033 SC"),
    ("billAddrCity", "Amsterdam-Noord"),
    ("shipAddrLine1", "Damrak 17 rear"),
    ("shipAddrLine2", "Ring twice, wait"),
    ("shipAddrLine3", "By the water"),
    ("shipAddrPostCode", "1012 LG"),
    ("shipAddrCity", "Amsterdam-Centrum"),
    ("browserIP", "203.0.113.77"),
    ("authenticationValue", "qrvM3e7/qrvM3e7/qrvM3e7/qrs="),
    ("taxId", "TAX-5512-9931"),
    ("acctID", "account-of-jane-31"),
    ("deviceId", "device-of-jane-32"),
];

fn with_secrets(message: MessageType, version: emv3ds::version::Version) -> Value {
    let mut whole = full(message, version);
    for (field, value) in SECRETS {
        if whole.get(field).is_some() {
            whole[field] = value.into();
        }
    }
    for phone in ["homePhone", "mobilePhone", "workPhone"] {
        if whole.get(phone).is_some() {
            whole[phone] = json!({"cc": "31", "subscriber": "208551239"});
        }
    }
    whole
}

#[track_caller]
fn shows_nothing(seen: &str) {
    for (field, value) in SECRETS.into_iter().chain([("phone", "208551239")]) {
        assert!(!seen.contains(value), "{field} is in {seen}");
    }
}

#[test]
fn messages_print_without_their_secrets() {
    let mut found = 0;
    for message in MessageType::ALL {
        for version in VERSIONS {
            let endpoint = receiver(message);
            let whole = with_secrets(message, version);
            let read = parse(&whole, &endpoint).unwrap();
            shows_nothing(&format!("{read:?} {read:#?}"));
            // They are there, though.
            let written = write(&read, &endpoint).unwrap();
            found += SECRETS.iter().filter(|(field, value)| written[*field] == **value).count();
        }
    }
    assert!(found > 35, "{found} secrets were carried");
}

#[test]
fn faults_print_without_the_secrets_of_the_message() {
    for message in MessageType::ALL {
        for version in VERSIONS {
            let endpoint = receiver(message);
            let whole = with_secrets(message, version);
            let fields: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
            for field in fields {
                let secret =
                    SECRETS.iter().find(|(name, _)| *name == field).map_or("qrvM3e7/", |(_, value)| value);
                for value in [
                    json!(format!("{secret}{secret}").repeat(60)),
                    json!({secret: secret}),
                    json!([[secret]]),
                ] {
                    let Err(fault) = parse(&with(&whole, &field, Some(value)), &endpoint) else { continue };
                    shows_nothing(&format!("{fault} {fault:?} {:?}", fault.erro()));
                }
            }
        }
    }
}

#[test]
fn what_is_no_json_is_not_repeated() {
    let whole = with_secrets(MessageType::AReq, emv3ds::version::Version::V231).to_string();
    for end in 0..whole.len() {
        if let Some(Err(fault)) =
            whole.get(..end).map(|cut| Message::parse(cut.as_bytes(), &receiver(MessageType::AReq)))
        {
            shows_nothing(&format!("{fault} {fault:?} {:?}", fault.erro()));
        }
    }
}

#[test]
fn fields_without_a_type_print_their_names_only() {
    let version = emv3ds::version::Version::V220;
    let Message::AReq(areq) = parse(&full(MessageType::AReq, version), &receiver(MessageType::AReq)).unwrap()
    else {
        panic!()
    };
    assert!(areq.other.names().any(|name| name == "acctID"));
    assert!(format!("{:?}", areq.other).contains("\"acctID\""));
}
