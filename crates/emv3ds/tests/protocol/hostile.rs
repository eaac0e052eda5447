//! Anything may come: it is refused, and nothing panics.

use crate::samples::full;
use crate::{VERSIONS, receiver};
use emv3ds::base64url;
use emv3ds::browser::{BrowserInfo, BrowserReport, ScriptReport};
use emv3ds::challenge::{CReq, CRes};
use emv3ds::message::{Endpoint, Message, MessageType, receive};
use emv3ds::method::MethodData;
use emv3ds::preparation::PRes;
use emv3ds::range_cache::{RangeCache, Update};
use emv3ds::rules::rules;
use emv3ds::values::Component;
use proptest::prelude::*;
use serde_json::{Map, Value};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[0-9]{0,20}".prop_map(Value::from),
        "[ACDEMRSY]|0[0-9]|2\\.[0-3]\\.[01]".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A name of the tables, or any.
fn any_name() -> impl Strategy<Value = String> {
    let known: Vec<&str> = MessageType::ALL
        .into_iter()
        .flat_map(|message| VERSIONS.into_iter().flat_map(move |version| rules(message, version)))
        .map(|rule| rule.field)
        .chain(["startRange", "endRange", "ranges", "acsProtocolVersions", "version", "text", "cc"])
        .collect();
    prop_oneof![prop::sample::select(known).prop_map(str::to_owned), "[a-zA-Z]{0,6}"]
}

/// Reads `bytes` as everybody, and answers.
fn read_as_everybody(bytes: &[u8]) {
    for component in [Component::Server, Component::DirectoryServer, Component::Acs, Component::Sdk] {
        let endpoint = Endpoint::new(component);
        if let Err(fault) = Message::parse(bytes, &endpoint) {
            let _ = format!("{fault} {fault:?}");
            if let Some(erro) = fault.erro() {
                use emv3ds::message::Body;
                erro.to_json(&endpoint).expect("an answer keeps the rules");
            }
        }
    }
    let endpoint = Endpoint::new(Component::Server);
    if let Ok(emv3ds::message::Received::Message(pres)) = receive::<PRes>(bytes, &endpoint) {
        let mut cache = RangeCache::default();
        let _ = cache.apply(&pres, Update::Full);
        let _ = cache.apply(&pres, Update::Delta);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused_in_peace(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_as_everybody(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = (base64url::decode(&text, 1000), MethodData::from_form(&text, &Endpoint::new(Component::Acs)), RangeCache::from_json(&text));
    }

    #[test]
    fn any_json_is_refused_in_peace(json in any_json()) {
        read_as_everybody(json.to_string().as_bytes());
        let form = base64url::encode(json.to_string());
        let _ = CReq::from_form(&form, &Endpoint::new(Component::Acs));
        let _ = CRes::from_form(&form, &Endpoint::new(Component::Server));
        let _ = RangeCache::from_json(&json.to_string());
    }

    #[test]
    fn a_message_with_anything_in_it_is_read_or_refused(
        message in 0..MessageType::ALL.len(),
        version in 0..VERSIONS.len(),
        changes in prop::collection::vec((any_name(), any_json()), 1..8),
    ) {
        let message = MessageType::ALL[message];
        let Value::Object(mut members) = full(message, VERSIONS[version]) else { unreachable!() };
        members.extend(changes);
        let bytes = Value::Object(members).to_string().into_bytes();
        read_as_everybody(&bytes);
        // Whatever is read can be written, and is then read as the same.
        let endpoint = receiver(message);
        if let Ok(read) = Message::parse(&bytes, &endpoint) {
            let written = crate::write(&read, &endpoint).unwrap();
            prop_assert_eq!(crate::parse(&written, &endpoint).unwrap(), read);
        }
    }

    #[test]
    fn a_message_that_is_cut_or_changed_anywhere_is_read_or_refused(
        message in 0..MessageType::ALL.len(),
        version in 0..VERSIONS.len(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = full(MessageType::ALL[message], VERSIONS[version]).to_string().into_bytes();
        let at = at.index(bytes.len());
        read_as_everybody(&bytes[..at]);
        bytes[at] = byte;
        read_as_everybody(&bytes);
    }

    /// Whatever a browser posts, both versions take what becomes of it.
    #[test]
    fn any_browser_becomes_valid_fields(
        headers in prop::collection::vec(prop::option::of(".{0,60}|[a-zA-Z-]{1,12}(,[a-z-]{1,9};q=0\\.[0-9]){0,3}"), 3),
        reports in prop::collection::vec(prop::option::of("-?[0-9]{1,7}(\\.[0-9])?|true|.{0,9}|[a-z]{2}-[A-Z]{2}"), 6),
        scripts in any::<bool>(),
        ip in prop::option::of(any::<std::net::IpAddr>()),
    ) {
        let script = ScriptReport {
            language: reports[0].as_deref(),
            java_enabled: reports[1].as_deref(),
            color_depth: reports[2].as_deref(),
            screen_height: reports[3].as_deref(),
            screen_width: reports[4].as_deref(),
            time_zone: reports[5].as_deref(),
        };
        let browser = BrowserInfo::clean(&BrowserReport {
            accept: headers[0].as_deref(),
            user_agent: headers[1].as_deref(),
            accept_language: headers[2].as_deref(),
            ip,
            script: scripts.then_some(script),
        });
        let endpoint = receiver(MessageType::AReq);
        for version in VERSIONS {
            let Message::AReq(mut areq) = crate::parse(&full(MessageType::AReq, version), &endpoint).unwrap() else {
                unreachable!()
            };
            areq.browser = Some(browser.clone());
            let written = crate::write(&Message::AReq(areq), &endpoint);
            prop_assert!(written.is_ok(), "{:?} of {:?}", written, browser);
        }
    }
}

#[test]
fn deep_and_wide_messages_are_refused() {
    let deep = format!(r#"{{"messageType":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    read_as_everybody(deep.as_bytes());
    let wide: Map<String, Value> = (0..50_000).map(|number| (number.to_string(), "".into())).collect();
    read_as_everybody(Value::Object(wide).to_string().as_bytes());
}
