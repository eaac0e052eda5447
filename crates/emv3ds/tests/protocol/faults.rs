//! What is refused for another reason than one field: the codes 101, 102, 202, 204, and what becomes of an `Erro`.

use crate::samples::{full, with};
use crate::{VERSIONS, parse, receiver};
use emv3ds::ares::ARes;
use emv3ds::fault::{About, Fault};
use emv3ds::message::{Body, Endpoint, Message, MessageType, PRES_BYTES, Received, receive};
use emv3ds::values::{Component, DeviceChannel, ErrorCode, MessageCategory};
use emv3ds::version::Version;
use serde_json::{Value, json};

const SERVER: Endpoint = Endpoint::new(Component::Server);

#[track_caller]
fn refused(bytes: &[u8], endpoint: &Endpoint) -> (u16, String, bool) {
    let fault = Message::parse(bytes, endpoint).unwrap_err();
    (fault.code.number(), fault.detail.clone(), fault.erro().is_some())
}

#[test]
fn what_is_no_message_is_not_recognised() {
    let ares = full(MessageType::ARes, Version::V220);
    let areq = full(MessageType::AReq, Version::V220);
    for (bytes, detail) in [
        (String::new(), "Invalid Formatted Message"),
        ("{".to_owned(), "Invalid Formatted Message"),
        ("[]".to_owned(), "Invalid Formatted Message"),
        ("\"ARes\"".to_owned(), "Invalid Formatted Message"),
        (format!("{ares} {ares}"), "Invalid Formatted Message"),
        ("{}".to_owned(), "Invalid Message Type"),
        (with(&ares, "messageType", None).to_string(), "Invalid Message Type"),
        (with(&ares, "messageType", Some("ares".into())).to_string(), "Invalid Message Type"),
        (with(&ares, "messageType", Some(7.into())).to_string(), "Invalid Message Type"),
        (areq.to_string(), "Invalid Message for the receiving component"),
    ] {
        assert_eq!(refused(bytes.as_bytes(), &SERVER), (101, detail.to_owned(), true), "{bytes:.60}");
    }
}

#[test]
fn a_version_that_is_not_spoken_is_answered_with_those_that_are() {
    let ares = full(MessageType::ARes, Version::V231);
    for version in ["2.1.0", "2.3.0", "1.0.2", "x"] {
        let other = with(&ares, "messageVersion", Some(version.into())).to_string();
        assert_eq!(refused(other.as_bytes(), &SERVER), (102, "2.2.0,2.3.1".to_owned(), true));
    }
    let only = SERVER.with_versions(&[Version::V220]);
    assert_eq!(refused(ares.to_string().as_bytes(), &only), (102, "2.2.0".to_owned(), true));
    let fault = Message::parse(ares.to_string().as_bytes(), &only).unwrap_err();
    assert_eq!(fault.erro().unwrap().version, Version::V220, "answered in a version of one's own");
    let without = with(&ares, "messageVersion", None).to_string();
    assert_eq!(refused(without.as_bytes(), &SERVER), (201, "messageVersion".to_owned(), true));
}

#[test]
fn all_fields_of_one_kind_are_named_and_what_is_missing_first() {
    let mut ares = full(MessageType::ARes, Version::V220);
    ares["eci"] = "x".into();
    ares["acsTransID"] = "1".into();
    assert_eq!(refused(ares.to_string().as_bytes(), &SERVER), (203, "acsTransID,eci".to_owned(), true));
    let ares = with(&with(&ares, "dsTransID", None), "transStatus", None);
    assert_eq!(
        refused(ares.to_string().as_bytes(), &SERVER),
        (201, "dsTransID,transStatus".to_owned(), true)
    );
}

#[test]
fn a_name_that_occurs_twice_is_refused_at_any_depth() {
    let ares = full(MessageType::ARes, Version::V220).to_string();
    let twice = ares.replacen('{', r#"{"eci":"02","#, 1);
    assert_eq!(refused(twice.as_bytes(), &SERVER), (204, "eci".to_owned(), true));
    let deep = ares.replacen('{', r#"{"x":[{"4111111111111111":1,"4111111111111111":2}],"#, 1);
    assert_eq!(refused(deep.as_bytes(), &SERVER), (204, "unknown element".to_owned(), true));
}

fn with_extension(version: Version, critical: bool) -> Value {
    let extension = json!({
        "name": "bridging", "id": "A000000802-004", "criticalityIndicator": critical, "data": {"version": "2.0"},
    });
    with(&full(MessageType::ARes, version), "messageExtension", Some(json!([extension])))
}

#[test]
fn a_critical_extension_must_be_known() {
    for version in VERSIONS {
        let critical = with_extension(version, true);
        let fault = parse(&critical, &SERVER).unwrap_err();
        assert_eq!((fault.code, fault.detail.as_str()), (ErrorCode::CRITICAL_EXTENSION, "A000000802-004"));
        parse(&with_extension(version, false), &SERVER).unwrap();
        parse(&critical, &SERVER.with_extensions(&["A000000802-004"])).unwrap();
    }
}

#[test]
fn an_error_is_read_and_never_answered_with_another() {
    let erro = full(MessageType::Erro, Version::V220);
    for version in ["2.1.0", "2.2.0", "2.3.1", "9.9.9"] {
        let erro = with(&erro, "messageVersion", Some(version.into())).to_string();
        let received = receive::<ARes>(erro.as_bytes(), &SERVER).unwrap();
        let Received::Erro(erro) = received else { panic!("{received:?}") };
        assert_eq!(erro.error_code.number(), 111);
    }
    for broken in [
        with(&erro, "errorCode", None),
        with(&erro, "errorComponent", Some("Z".into())),
        with(&erro, "messageVersion", Some("x".into())),
    ] {
        let (_, _, answered) = refused(broken.to_string().as_bytes(), &SERVER);
        assert!(!answered, "{broken}");
    }
    let twice = erro.to_string().replacen('{', r#"{"errorCode":"203","#, 1);
    assert_eq!(refused(twice.as_bytes(), &SERVER), (204, "errorCode".to_owned(), false));
}

#[test]
fn the_answer_to_a_fault_keeps_the_rules_and_carries_what_is_known() {
    for message in MessageType::ALL.into_iter().filter(|message| *message != MessageType::Erro) {
        for version in VERSIONS {
            let (whole, endpoint) = (full(message, version), receiver(message));
            let fault =
                parse(&with(&whole, "threeDSServerTransID", Some("x".into())), &endpoint).unwrap_err();
            let erro = fault.erro().unwrap();
            let written: Value = serde_json::from_str(&erro.to_json(&endpoint).unwrap()).unwrap();
            assert_eq!(written["messageType"], "Erro");
            assert_eq!(written["messageVersion"], whole["messageVersion"]);
            assert_eq!(written["errorMessageType"], message.name());
            assert_eq!(written["errorCode"], "203");
            assert_eq!(written["errorDetail"], "threeDSServerTransID");
            assert_eq!(written.get("threeDSServerTransID"), None, "it could not be read");
            assert_eq!(written.get("acsTransID"), whole.get("acsTransID"));
            let everybody = parse(&written, &SERVER).unwrap();
            assert!(matches!(everybody, Message::Erro(_)));
        }
    }
}

#[test]
fn a_fault_of_ones_own_making_is_answered_too() {
    let about =
        About { message_type: Some(MessageType::RReq), version: Some(Version::V220), ..About::default() };
    let code = ErrorCode::TRANSACTION_UNKNOWN;
    let erro = Fault::new(code, Component::Server, "x".repeat(5_000), about).erro().unwrap();
    let written: Value = serde_json::from_str(&erro.to_json(&SERVER).unwrap()).unwrap();
    assert_eq!(written["errorCode"], "301");
    assert_eq!(written["errorDetail"].as_str().map(str::len), Some(2048));
}

#[test]
fn what_is_sent_must_pass_what_is_checked() {
    let acs = Endpoint::new(Component::Acs);
    let Message::ARes(mut ares) = parse(&full(MessageType::ARes, Version::V220), &SERVER).unwrap() else {
        panic!()
    };
    ares.acs_reference_number = "x".repeat(33);
    let fault = ares.to_json(&acs).unwrap_err();
    assert_eq!((fault.code, fault.detail.as_str()), (ErrorCode::FORMAT_INVALID, "acsReferenceNumber"));
    ares.acs_reference_number = String::new();
    let fault = ares.to_json(&acs).unwrap_err();
    assert_eq!((fault.code, fault.detail.as_str()), (ErrorCode::REQUIRED_MISSING, "acsReferenceNumber"));
}

#[test]
fn the_conversation_tells_what_a_message_does_not() {
    let bare = with(&full(MessageType::ARes, Version::V220), "authenticationValue", None);
    parse(&bare, &SERVER).unwrap_err();
    let account = SERVER.in_conversation(DeviceChannel::Browser, MessageCategory::NON_PAYMENT);
    parse(&bare, &account).unwrap();
}

#[test]
fn what_is_too_long_is_not_read() {
    let ares = with(&full(MessageType::ARes, Version::V220), "filling", Some("x".repeat(600_000).into()))
        .to_string();
    assert_eq!(refused(ares.as_bytes(), &SERVER), (101, "Invalid Formatted Message".to_owned(), true));
    let long = vec![b' '; PRES_BYTES + 1];
    let fault = receive::<emv3ds::preparation::PRes>(&long, &SERVER).unwrap_err();
    assert_eq!(fault.code, ErrorCode::MESSAGE_INVALID);
}

#[test]
fn an_answer_of_another_type_is_not_recognised() {
    let rreq = full(MessageType::RReq, Version::V220).to_string();
    let fault = receive::<ARes>(rreq.as_bytes(), &SERVER).unwrap_err();
    assert_eq!(fault.code, ErrorCode::MESSAGE_INVALID);
}

#[test]
fn urls_on_this_machine_are_for_tests() {
    let ares = with(&full(MessageType::ARes, Version::V220), "acsURL", Some("http://127.0.0.1:1/acs".into()));
    assert_eq!(parse(&ares, &SERVER).unwrap_err().detail, "acsURL");
    parse(&ares, &SERVER.with_loopback_http()).unwrap();
}
