//! What a browser carries: `creq`, `cres`, `threeDSMethodData`, `threeDSSessionData`.

use crate::samples::full;
use crate::{VERSIONS, parse};
use emv3ds::base64url;
use emv3ds::challenge::{
    CReq, CRes, FORM_CHARS, SESSION_DATA_CHARS, session_data_from_form, session_data_to_form,
};
use emv3ds::ids::TransId;
use emv3ds::message::{Endpoint, Message, MessageType, Received};
use emv3ds::method::MethodData;
use emv3ds::values::{Component, ErrorCode};
use emv3ds::version::Version;
use proptest::prelude::*;

const SERVER: Endpoint = Endpoint::new(Component::Server);
const ACS: Endpoint = Endpoint::new(Component::Acs);

#[test]
fn a_challenge_goes_there_and_back() {
    for version in VERSIONS {
        let Message::CReq(creq) = parse(&full(MessageType::CReq, version), &ACS).unwrap() else { panic!() };
        let form = creq.to_form(&SERVER).unwrap();
        assert!(!form.contains('='), "{form}");
        assert_eq!(CReq::from_form(&form, &ACS).unwrap(), Received::Message(creq));

        let Message::CRes(cres) = parse(&full(MessageType::CRes, version), &SERVER).unwrap() else {
            panic!()
        };
        let form = cres.to_form(&ACS).unwrap();
        for sent in [
            form.clone(),
            format!("{form}=="),
            format!(" {form}=\r\n"),
            form.replace('-', "+").replace('_', "/"),
        ] {
            assert_eq!(CRes::from_form(&sent, &SERVER).unwrap(), Received::Message(cres.clone()), "{sent}");
        }
    }
}

#[test]
fn the_bytes_of_a_challenge_are_these() {
    // By hand, so that both directions cannot be wrong in the same way.
    let form = "eyJhY3NUcmFuc0lEIjoiZDdjMWVlOTktOTQ3OC00NGE2LWIxZjItMzkxZTI5YzZiMzQwIiwiY2hhbGxlbmdlV2luZG93U2l6ZSI6\
                IjA1IiwibWVzc2FnZVR5cGUiOiJDUmVxIiwibWVzc2FnZVZlcnNpb24iOiIyLjIuMCIsInRocmVlRFNTZXJ2ZXJUcmFuc0lEIjoi\
                OGE4ODBkYzAtZDJkMi00MDY3LWJjYjEtYjA4ZDE2OTBiMjZlIn0";
    let json = concat!(
        r#"{"acsTransID":"d7c1ee99-9478-44a6-b1f2-391e29c6b340","challengeWindowSize":"05","messageType":"CReq","#,
        r#""messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e"}"#
    );
    assert_eq!(base64url::decode(form, FORM_CHARS).unwrap(), json.as_bytes());
    let Received::Message(creq) = CReq::from_form(form, &ACS).unwrap() else { panic!() };
    assert_eq!(creq.to_form(&SERVER).unwrap(), form);
}

#[test]
fn an_acs_may_send_an_error_with_the_browser() {
    let form = base64url::encode(full(MessageType::Erro, Version::V220).to_string());
    assert!(matches!(CRes::from_form(&form, &SERVER).unwrap(), Received::Erro(_)));
}

#[test]
fn forms_that_are_no_message_are_refused() {
    let long = base64url::encode("x".repeat(FORM_CHARS));
    for form in ["", "e30", "!", "eyJtZXNzYWdlVHlwZSI6IkNSZXMifQ", &long] {
        let fault = CRes::from_form(form, &SERVER).unwrap_err();
        assert!(
            [ErrorCode::MESSAGE_INVALID, ErrorCode::REQUIRED_MISSING].contains(&fault.code),
            "{form:.20}"
        );
    }
}

#[test]
fn method_data_is_as_the_protocol_shows_it() {
    let id = TransId::parse("8a880dc0-d2d2-4067-bcb1-b08d1690b26e").unwrap();
    let url = "https://gateway.example/3ds/method".to_owned();
    let data = MethodData { server_trans_id: id.clone(), notification_url: Some(url) };
    let form = data.to_form();
    assert!(!form.contains('='));
    let json = String::from_utf8(base64url::decode(&form, 4096).unwrap()).unwrap();
    assert_eq!(
        json,
        r#"{"threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","threeDSMethodNotificationURL":"https://gateway.example/3ds/method"}"#
    );
    let back = "eyJ0aHJlZURTU2VydmVyVHJhbnNJRCI6IjhhODgwZGMwLWQyZDItNDA2Ny1iY2IxLWIwOGQxNjkwYjI2ZSJ9";
    for sent in [back.to_owned(), format!("{back}=")] {
        let data = MethodData::from_form(&sent, &SERVER).unwrap();
        assert_eq!((data.server_trans_id, data.notification_url), (id.clone(), None));
    }
    for sent in ["", "e30", "eyJ0aHJlZURTU2VydmVyVHJhbnNJRCI6IjEifQ", &"A".repeat(5_000)] {
        assert_eq!(MethodData::from_form(sent, &SERVER), None, "{sent:.20}");
    }
}

#[test]
fn an_acs_sends_browsers_to_secure_addresses_only() {
    let server_trans_id = TransId::from_random([1; 16]);
    for (url, taken) in [
        ("https://gateway.example/3ds/method", true),
        ("http://gateway.example/3ds/method", false),
        ("javascript:alert(1)", false),
        (&format!("https://gateway.example/{}", "x".repeat(256)), false),
    ] {
        let notification_url = Some(url.to_owned());
        let data = MethodData { server_trans_id: server_trans_id.clone(), notification_url };
        assert_eq!(MethodData::from_form(&data.to_form(), &ACS).is_some(), taken, "{url}");
    }
}

#[test]
fn session_data_fits_its_field() {
    let most = SESSION_DATA_CHARS / 4 * 3;
    let form = session_data_to_form(&vec![0xff; most]).unwrap();
    assert_eq!(form.len(), SESSION_DATA_CHARS);
    assert_eq!(session_data_from_form(&form), Some(vec![0xff; most]));
    assert_eq!(session_data_to_form(&vec![0xff; most + 1]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn base64url_is_its_own_inverse(bytes in prop::collection::vec(any::<u8>(), 0..200), padding in 0..3_usize) {
        let text = base64url::encode(&bytes);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        prop_assert_eq!(base64url::decode(&text, 1000), Some(bytes.clone()));
        let right = (4 - text.len() % 4) % 4;
        let padded = format!("{text}{}", "=".repeat(padding.min(right)));
        prop_assert_eq!(base64url::decode(&padded, 1000), Some(bytes));
    }
}
