//! Whole authentications, from files: every message is read by whoever gets it, written again unchanged, and what the
//! merchant's side knows at the end is what the file says.

use crate::{parse, write};
use emv3ds::ares::Outcome;
use emv3ds::challenge::{CReq, CRes};
use emv3ds::fault::Fault;
use emv3ds::message::{Body, Endpoint, Message, MessageType, Received};
use emv3ds::values::{Component, ResultsStatus, TransStatus};
use emv3ds::version::Version;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// What the merchant's side remembers.
#[derive(Default)]
struct Ending {
    outcome: Option<Outcome>,
    cancel: Option<u8>,
    erro: Option<u16>,
    ranges: Option<usize>,
}

impl Ending {
    fn remember(&mut self, message: &Message) {
        match message {
            Message::ARes(ares) => self.outcome = Some(ares.outcome.clone()),
            Message::RReq(rreq) => {
                assert!(!self.outcome.as_ref().unwrap().status.is_final(), "a result after a final answer");
                self.outcome = Some(rreq.outcome.clone());
                self.cancel = rreq.challenge_cancel.map(|cancel| cancel.0.number());
            }
            Message::Erro(erro) => self.erro = Some(erro.error_code.number()),
            Message::PRes(pres) => self.ranges = pres.card_ranges.as_ref().map(Vec::len),
            _ => {}
        }
    }

    fn to_json(&self) -> Value {
        let mut told = Map::new();
        if let Some(outcome) = self.outcome.as_ref().filter(|_| self.erro.is_none()) {
            told.insert("status".to_owned(), outcome.status.letter().into());
            told.extend(outcome.eci.map(|eci| ("eci".to_owned(), eci.0.to_string().into())));
            told.extend(outcome.reason.map(|reason| ("reason".to_owned(), reason.0.number().into())));
            told.extend(
                outcome.cardholder_info.as_ref().map(|info| ("info".to_owned(), info.text.clone().into())),
            );
            told.extend(outcome.authentication_value.as_ref().map(|value| {
                assert_eq!(value.expose_bytes().as_slice(), (1..=20).collect::<Vec<u8>>());
                ("value".to_owned(), true.into())
            }));
        }
        told.extend(self.cancel.map(|cancel| ("cancel".to_owned(), cancel.into())));
        told.extend(self.erro.map(|erro| ("erro".to_owned(), erro.into())));
        told.extend(self.ranges.map(|ranges| ("ranges".to_owned(), ranges.into())));
        Value::Object(told)
    }
}

fn component(letter: &Value) -> Endpoint {
    Endpoint::new(serde_json::from_value::<Component>(letter.clone()).unwrap())
}

/// A browser carries these as forms.
fn carry(message: &Message, from: &Endpoint, to: &Endpoint) {
    match message {
        Message::CReq(creq) => {
            let form = creq.to_form(from).unwrap();
            assert_eq!(CReq::from_form(&form, to).unwrap(), Received::Message(creq.clone()));
        }
        Message::CRes(cres) => {
            let form = cres.to_form(from).unwrap();
            assert_eq!(CRes::from_form(&form, to).unwrap(), Received::Message(cres.clone()));
        }
        _ => {}
    }
}

fn play(conversation: &Value) {
    let version = Version::parse(conversation["version"].as_str().unwrap()).unwrap();
    let mut ending = Ending::default();
    let mut fault: Option<Fault> = None;
    let mut result = None;
    for step in conversation["steps"].as_array().unwrap() {
        let (from, to) = (component(&step["from"]), component(&step["to"]));
        let message = &step["message"];
        if let Some(expected) = step.get("fault") {
            let found = parse(message, &to).unwrap_err();
            assert_eq!(json!({"code": found.code.number(), "fields": found.fields}), *expected);
            fault = Some(found);
            continue;
        }
        if let Some(fault) = fault.take() {
            let erro = fault.erro().unwrap().to_json(&from).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&erro).unwrap(), *message, "the answer to the fault");
        }
        let read = parse(message, &to).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(message["messageVersion"], version.text());
        assert_eq!(write(&read, &from).unwrap(), *message);
        carry(&read, &from, &to);
        if let Message::RRes(rres) = &read {
            let rreq: &Message = result.as_ref().unwrap();
            let Message::RReq(rreq) = rreq else { panic!("an answer without a result") };
            assert_eq!(rreq.answer(ResultsStatus::RECEIVED), *rres);
        }
        if matches!(read, Message::RReq(_)) {
            result = Some(read.clone());
        }
        if to.component() == Component::Server || matches!(read, Message::Erro(_)) {
            ending.remember(&read);
        }
    }
    assert_eq!(ending.to_json(), conversation["outcome"]);
}

#[test]
fn every_conversation_ends_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/conversations");
    let mut played = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        play(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
        played += 1;
    }
    assert_eq!(played, 20, "ten conversations in two versions");
}

#[test]
fn a_request_for_both_versions_is_written_as_each_has_it() {
    let file = include_str!("conversations/challenge-y-2.3.1.json");
    let conversation: Value = serde_json::from_str(file).unwrap();
    let server = Endpoint::new(Component::Server);
    let directory = Endpoint::new(Component::DirectoryServer);
    let Message::AReq(mut areq) = parse(&conversation["steps"][0]["message"], &directory).unwrap() else {
        panic!()
    };
    let whole: Value = serde_json::from_str(&areq.to_json(&server).unwrap()).unwrap();
    assert_eq!(whole["threeDSRequestorChallengeInd"], json!(["04", "09"]));
    areq.version = Version::V220;
    let older: Value = serde_json::from_str(&areq.to_json(&server).unwrap()).unwrap();
    assert_eq!(older["threeDSRequestorChallengeInd"], "04");
    for field in ["acceptLanguage", "acquirerCountryCode", "acquirerCountryCodeSource"] {
        assert_eq!(older.get(field), None, "{field}");
    }
}

#[test]
fn a_text_for_the_cardholder_is_shown_in_either_shape() {
    let file = include_str!("conversations/refused-n-2.3.1.json");
    let conversation: Value = serde_json::from_str(file).unwrap();
    let mut message = conversation["steps"][3]["message"].clone();
    assert_eq!(message["messageType"], MessageType::ARes.name());
    message["cardholderInfo"] = "Call your bank.".into();
    let Message::ARes(ares) = parse(&message, &Endpoint::new(Component::Server)).unwrap() else { panic!() };
    assert_eq!(ares.outcome.cardholder_info.unwrap().text, "Call your bank.");
    assert_eq!(ares.outcome.status, TransStatus::NotAuthenticated);
}

#[test]
fn a_merchant_that_asks_alone_has_no_browser() {
    let file = include_str!("conversations/frictionless-y-2.2.0.json");
    let conversation: Value = serde_json::from_str(file).unwrap();
    let mut message = conversation["steps"][0]["message"].clone();
    let members = message.as_object_mut().unwrap();
    members.retain(|name, _| !name.starts_with("browser"));
    for name in ["threeDSCompInd", "notificationURL", "threeDSRequestorAuthenticationInd"] {
        members.remove(name);
    }
    members.insert("deviceChannel".to_owned(), "03".into());
    members.insert("threeRIInd".to_owned(), "01".into());
    let Message::AReq(areq) = parse(&message, &Endpoint::new(Component::DirectoryServer)).unwrap() else {
        panic!()
    };
    assert_eq!(areq.browser, None);
    assert!(areq.purchase.is_some());
    assert_eq!(write(&Message::AReq(areq), &Endpoint::new(Component::Server)).unwrap(), message);
}

/// As an ACS is asked: the directory server adds its own fields, and nobody else's are lost.
#[test]
fn a_directory_server_passes_a_request_on() {
    let file = include_str!("conversations/challenge-y-2.3.1.json");
    let conversation: Value = serde_json::from_str(file).unwrap();
    let directory = Endpoint::new(Component::DirectoryServer);
    let Message::AReq(mut areq) = parse(&conversation["steps"][0]["message"], &directory).unwrap() else {
        panic!()
    };
    areq.ds_trans_id = emv3ds::ids::TransId::parse("c1b3d3a4-6c6e-4a0f-8f6f-0d3d5a5a7b11");
    areq.other.set("dsReferenceNumber", "3DS_LOA_DIS_TEST_020200_00002");
    areq.other.set("dsURL", "https://ds.example/results");
    assert_eq!(write(&Message::AReq(areq), &directory).unwrap(), conversation["steps"][1]["message"]);
}

#[test]
fn a_result_for_nobody_is_refused_with_its_ids() {
    let file = include_str!("conversations/challenge-y-2.2.0.json");
    let conversation: Value = serde_json::from_str(file).unwrap();
    let server = Endpoint::new(Component::Server);
    let Message::RReq(rreq) = parse(&conversation["steps"][6]["message"], &server).unwrap() else { panic!() };
    let code = emv3ds::values::ErrorCode::TRANSACTION_UNKNOWN;
    let fault = Fault::new(code, Component::Server, "threeDSServerTransID", rreq.about());
    let erro: Value = serde_json::from_str(&fault.erro().unwrap().to_json(&server).unwrap()).unwrap();
    assert_eq!(erro["errorCode"], "301");
    assert_eq!(erro["errorMessageType"], "RReq");
    assert_eq!(erro["messageVersion"], "2.2.0");
    assert_eq!(erro["acsTransID"], conversation["steps"][6]["message"]["acsTransID"]);
}
