//! One line per case: what is refused and why, and what the lenient forms become.

use super::*;
use crate::ranges;
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;

mod carts;
// One line a case, however long.
#[rustfmt::skip]
mod tables;

/// The request that shops' documentation starts with.
const SEED: &str = r#"{"type":"redirect","order_id":"my-order-id-1","gateway":"MAESTRO","currency":"EUR","amount":1000,
    "description":"Test order description",
    "payment_options":{"notification_url":"http://www.example.com/client/notification?type=notification",
      "redirect_url":"http://www.example.com/client/notification?type=redirect",
      "cancel_url":"http://www.example.com/client/notification?type=cancel","close_window":true},
    "customer":{"locale":"nl_NL","ip_address":"123.123.123.123"}}"#;

static RANGES: LazyLock<Ranges> = LazyLock::new(ranges::built_in);
static TEST: LazyLock<Rules<'static>> =
    LazyLock::new(|| Rules { live: false, may_send_cards: true, gateways: &[], ranges: &RANGES });
static LIVE: LazyLock<Rules<'static>> =
    LazyLock::new(|| Rules { live: true, may_send_cards: false, ..*TEST });

/// Reads a body as it arrives: as text.
fn digest(body: &Value) -> [u8; 32] {
    super::digest(body, &KeyRing::of(&[[7; 32]]))
}

fn parse(body: &Value, rules: &Rules<'_>) -> Result<CreateOrder, Error> {
    super::parse(body, &Written::of(body.to_string().as_bytes()), rules)
}

fn seed() -> Value {
    crate::api::json::parse(SEED.as_bytes()).unwrap()
}

/// The seed with the value at `path` replaced.
#[expect(clippy::needless_pass_by_value, reason = "the tables make a value for each case")]
fn patched(path: &str, value: Option<Value>) -> Value {
    let mut body = seed();
    let mut at = &mut body;
    let mut keys = path.split(['.', '[', ']']).filter(|key| !key.is_empty()).peekable();
    while let Some(key) = keys.next() {
        if keys.peek().is_some() {
            at = step(at, key);
        } else if let Ok(index) = key.parse::<usize>() {
            at.as_array_mut().unwrap()[index] = value.clone().unwrap_or_default();
        } else {
            let object = at.as_object_mut().unwrap();
            match &value {
                Some(value) => object.insert(key.to_owned(), value.clone()),
                None => object.remove(key),
            };
        }
    }
    body
}

/// The value at `key` of `value`; an object, or a list of one, when there was nothing.
fn step<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    match key.parse::<usize>() {
        Ok(index) => {
            if value.as_array().is_none() {
                *value = json!([{}]);
            }
            &mut value[index]
        }
        Err(_) => value.as_object_mut().unwrap().entry(key).or_insert_with(|| json!({})),
    }
}

/// A value as the tables write it: JSON, or `absent`, or `x501` (a text of 501 characters), or `url2049`.
fn written(value: &str) -> Option<Value> {
    let count = |prefix| value.strip_prefix(prefix).and_then(|count| count.parse::<usize>().ok());
    if value == "absent" {
        None
    } else if let Some(count) = count("x") {
        Some(json!("é".repeat(count)))
    } else if let Some(count) = count("url") {
        Some(json!(format!("https://example.com/{}", "é".repeat(count - 20))))
    } else {
        Some(crate::api::json::parse(value.as_bytes()).expect(value))
    }
}

/// What was read, as one JSON value for the tables to point into.
fn shown(order: &CreateOrder) -> Value {
    json!({
        "order_id": order.order_id.as_str(),
        "gateway": order.gateway.map(Gateway::id),
        "amount": order.amount.minor,
        "currency": order.amount.currency.code(),
        "description": order.description,
        "lifetime_ms": order.lifetime.0,
        "details": serde_json::to_value(&order.details).unwrap(),
    })
}

/// Messages reach shoppers: one plain sentence that repeats nothing card-like.
fn assert_plain(info: &str) {
    assert!(info.starts_with("Invalid ") && info.len() < 160 && !info.ends_with('.'), "{info}");
    let longest = info.split(|letter: char| !letter.is_numeric()).map(str::len).max();
    assert!(longest < Some(12), "{info}");
}

#[test]
fn the_seed_request_is_read_whole() {
    let order = parse(&seed(), &TEST).unwrap();
    let expected = json!({
        "order_id": "my-order-id-1",
        "gateway": "MAESTRO",
        "amount": 1000,
        "currency": "EUR",
        "description": "Test order description",
        "lifetime_ms": 2_592_000_000_i64,
        "details": {
            "kind": "redirect",
            "payment_options": {
                "notification_url": "http://www.example.com/client/notification?type=notification",
                "notification_method": "POST",
                "redirect_url": "http://www.example.com/client/notification?type=redirect",
                "cancel_url": "http://www.example.com/client/notification?type=cancel",
                "close_window": true,
            },
            "customer": {"locale": "nl_NL", "ip_address": "123.123.123.123", "disable_send_email": false},
            "custom_info": {},
        },
    });
    assert_eq!(shown(&order), expected);
    assert_eq!(order.details.locale(), Some("nl_NL"));
}

#[test]
fn the_smallest_order_leaves_everything_else_to_the_page() {
    let body = json!({"order_id": 1, "currency": "EUR", "amount": 1, "description": "x"});
    let order = parse(&body, &LIVE).unwrap();
    assert_eq!(order.gateway, None);
    assert_eq!(order.details, Details::default());
    assert_eq!(order.details.locale(), None);
}

#[test]
fn every_broken_rule_is_refused_with_its_code_and_field() {
    for (path, value, code, what) in tables::REFUSED {
        let error = parse(&patched(path, written(value)), &TEST).expect_err(&format!("{path} {value}"));
        let status = if *code == error::GATEWAY { 404 } else { 400 };
        assert_eq!((error.status.as_u16(), error.code), (status, *code), "{path} {value}: {error:?}");
        assert!(error.info.starts_with(&format!("Invalid {path}: ")), "{path} {value}: {}", error.info);
        assert!(error.info.contains(what), "{path} {value}: {}", error.info);
        assert_plain(&error.info);
    }
}

#[test]
fn every_field_refuses_values_of_a_wrong_type() {
    for (path, code, refused) in tables::WRONG_TYPES {
        for value in refused.split(' ') {
            let error = parse(&patched(path, written(value)), &TEST).expect_err(&format!("{path} {value}"));
            let status = if *code == error::GATEWAY { 404 } else { 400 };
            assert_eq!((error.status.as_u16(), error.code), (status, *code), "{path} {value}: {error:?}");
            assert!(error.info.starts_with(&format!("Invalid {path}: ")), "{path} {value}: {}", error.info);
            assert_plain(&error.info);
        }
    }
}

#[test]
fn every_form_that_clients_send_becomes_what_it_means() {
    for (path, value, pointer, expected) in tables::ACCEPTED {
        let order = parse(&patched(path, written(value)), &TEST)
            .unwrap_or_else(|error| panic!("{path} {value}: {error:?}"));
        let shown = shown(&order);
        assert_eq!(shown.pointer(pointer).cloned(), written(expected), "{path} {value}: {shown}");
    }
}

#[test]
fn null_is_the_same_as_not_there_in_every_field() {
    for (path, _, _) in tables::WRONG_TYPES {
        let absent = parse(&patched(path, None), &TEST);
        assert_eq!(parse(&patched(path, Some(Value::Null)), &TEST), absent, "{path}");
    }
}

#[test]
fn an_amount_has_an_exponent_only_in_the_form_that_gson_writes() {
    for (amount, expected) in [
        ("1.0E7", Ok(10_000_000)),
        ("1.2345678E9", Ok(1_234_567_800)),
        ("1.5E7", Ok(15_000_000)),
        ("9.9999999999E10", Ok(99_999_999_999)),
        ("1.0E11", Err("at most 99999999999")),
        ("1.23456789E7", Err("whole number")),
        ("1e3", Err("without an exponent")),
        ("1E3", Err("without an exponent")),
        ("1E7", Err("without an exponent")),
        ("1.0e7", Err("without an exponent")),
        ("1.0E+7", Err("without an exponent")),
        ("1.0E07", Err("without an exponent")),
        ("1.0E6", Err("without an exponent")),
        ("10.0E7", Err("without an exponent")),
        ("0.1E8", Err("without an exponent")),
        ("1000.0E0", Err("without an exponent")),
        ("1000e-2", Err("without an exponent")),
        ("0e0", Err("without an exponent")),
        ("\"1.0E7\"", Err("whole number")),
    ] {
        for text in [
            format!(r#"{{"order_id":1,"currency":"EUR","description":"1e3","var1":1e3,"amount":{amount}}}"#),
            format!(r#"{{"\u0061mount" : {amount} ,"order_id":1,"currency":"EUR","description":"x"}}"#),
        ] {
            let body = crate::api::json::parse(text.as_bytes()).unwrap();
            match (super::parse(&body, &Written::of(text.as_bytes()), &TEST), expected) {
                (Ok(order), Ok(minor)) => assert_eq!(order.amount.minor, minor, "{text}"),
                (Err(error), Err(what)) => {
                    assert_eq!(error.code, 1001, "{text}");
                    assert!(error.info.contains(what), "{text}: {}", error.info);
                }
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }
}

#[test]
fn zero_checks_a_card_of_every_brand_but_amex() {
    for (gateway, amount, taken) in [
        ("VISA", json!(0), true),
        ("MASTERCARD", json!("0"), true),
        ("MAESTRO", json!(0.0), true),
        ("CREDITCARD", json!(0), true),
        ("", json!(0), true),
        ("AMEX", json!(1), true),
        ("AMEX", json!(0), false),
        ("amex", json!("0"), false),
    ] {
        let mut body = patched("gateway", Some(json!(gateway)));
        body["amount"] = amount.clone();
        let read = parse(&body, &TEST).map_err(|error| (error.code, error.info));
        let refused = (1001, "Invalid amount: must be at least 1 with AMEX".to_owned());
        assert_eq!(read.err(), (!taken).then_some(refused), "{gateway} {amount}");
    }
}

#[test]
fn seconds_win_over_days_when_there_are_any() {
    for (days, seconds, lifetime) in [
        (json!(2), json!(60), Ok(Millis::seconds(60))),
        (json!("2"), json!("60"), Ok(Millis::seconds(60))),
        (json!(2), json!(0), Ok(Millis::days(2))),
        (json!(2), json!(""), Ok(Millis::days(2))),
        (json!(null), json!(null), Ok(Millis::days(30))),
        (json!(366), json!(60), Err(1016)),
    ] {
        let mut body = patched("days_active", Some(days.clone()));
        body["seconds_active"] = seconds.clone();
        let read = parse(&body, &TEST).map(|order| order.lifetime).map_err(|error| error.code);
        assert_eq!(read, lifetime, "{days} {seconds}");
    }
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in ["[]", "null", "1", "true", "\"{}\"", "[{}]"] {
        let error = parse(&written(body).unwrap(), &TEST).unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (400, 1016), "{body}");
        assert_eq!(error.info, "Invalid request body: must be a JSON object", "{body}");
    }
}

#[test]
fn live_sites_need_https_everywhere() {
    for key in ["notification_url", "redirect_url", "cancel_url"] {
        let body = |url: &str| json!({"order_id": 1, "currency": "EUR", "amount": 1, "description": "x", "payment_options": {key: url}});
        for url in ["https://example.com/", "HTTPS://example.com:8443/?a=b", ""] {
            assert!(parse(&body(url), &LIVE).is_ok(), "{key} {url}");
        }
        let error = parse(&body("http://example.com/"), &LIVE).unwrap_err();
        assert_eq!(error.info, format!("Invalid payment_options.{key}: must be https on a live site"));
        assert!(parse(&body("http://127.0.0.1:8000/a?b=c#d"), &TEST).is_ok());
    }
}

#[test]
fn the_first_fault_in_the_documented_order_is_the_one_reported() {
    let faults = [
        ("type", "checkout"),
        ("order_id", ""),
        ("gateway", "DOGECOIN"),
        ("currency", "FOOBAR"),
        ("amount", "-1"),
        ("description", ""),
        ("payment_options", "x"),
        ("customer", "x"),
        ("delivery", "x"),
        ("shopping_cart", "x"),
        ("checkout_options", "x"),
        ("days_active", "0"),
        ("affiliate", "x"),
        ("second_chance", "x"),
        ("var1", "\0"),
        ("custom_info", "x"),
    ];
    let mut body = seed();
    for (field, value) in faults {
        body[field] = json!(value);
    }
    for (field, _) in faults {
        let error = parse(&body, &TEST).unwrap_err();
        assert!(error.info.starts_with(&format!("Invalid {field}: ")), "{field}: {}", error.info);
        body[field] = seed()[field].clone();
    }
    assert!(parse(&body, &TEST).is_ok());
}

#[test]
fn a_card_number_in_any_field_is_never_repeated() {
    for (path, _, _) in tables::WRONG_TYPES {
        for value in [json!("6799990000000000011"), json!([6_799_990_000_000_000_011_i64])] {
            if let Err(error) = parse(&patched(path, Some(value)), &TEST) {
                assert_plain(&error.info);
            }
        }
    }
}

#[test]
fn details_stored_by_another_version_are_still_read() {
    assert_eq!(serde_json::from_str::<Details>("{}").unwrap(), Details::default());
    // As it was stored before carts were read.
    let older = r#"{"kind":"redirect","payment_options":{"notification_method":"POST","close_window":true},
        "customer":{"locale":"nl_NL","disable_send_email":false},"custom_info":{"custom_1":"a"},"var2":"840"}"#;
    let older = serde_json::from_str::<Details>(older).unwrap();
    assert_eq!((older.locale(), older.var2.as_deref()), (Some("nl_NL"), Some("840")));
    assert_eq!((older.shopping_cart, older.delivery, older.items), (None, None, None));
    let newer = r#"{"kind":"redirect","later":1,"customer":{"later":{}},"payment_options":{"later":[]}}"#;
    assert_eq!(serde_json::from_str::<Details>(newer).unwrap(), Details::default());
}

#[test]
fn the_digest_sees_values_and_not_layout() {
    let compact = seed().to_string();
    assert_eq!(digest(&seed()), digest(&crate::api::json::parse(compact.as_bytes()).unwrap()));
    let one = crate::api::json::parse(br#"{"a":{"x":1,"y":[1,2]},"b":"2"}"#).unwrap();
    let two = crate::api::json::parse(br#" { "b" : "2", "a" : {"y":[1,2], "x":1} } "#).unwrap();
    assert_eq!(digest(&one), digest(&two));
    for other in [r#"{"a":{"x":1,"y":[2,1]},"b":"2"}"#, r#"{"a":{"x":1,"y":[1,2]},"b":2}"#, "{}"] {
        let other = crate::api::json::parse(other.as_bytes()).unwrap();
        assert_ne!(digest(&one), digest(&other), "{other}");
    }
    let empty = digest(&json!({}));
    let hex: String = empty.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "SHA-256 of `{{}}`");
}

/// Any JSON value, with the texts that fields look for among others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{1,22}".prop_map(Value::from),
        r"https?://[a-z0-9.:@\[\]\\/%?# é]{0,40}".prop_map(Value::from),
        proptest::sample::select(vec!["", "true", "EUR", "VISA", "GET", "NL", "::1", "1.2.3.4, ::1"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// The text of `value` with the keys of every object in reverse order and blanks between.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let entries = object.iter().rev();
            let entries: Vec<_> =
                entries.map(|(key, value)| format!("{} : {}", json!(key), reversed(value))).collect();
            format!("{{ {} }}", entries.join(" ,\n"))
        }
        Value::Array(list) => {
            let items: Vec<_> = list.iter().map(reversed).collect();
            format!("[ {} ]", items.join(" , "))
        }
        plain => plain.to_string(),
    }
}

proptest! {
    #[test]
    fn any_value_in_any_field_is_read_or_refused(
        at in 0..tables::WRONG_TYPES.len(), value in any_json(), live: bool,
    ) {
        let body = patched(tables::WRONG_TYPES[at].0, Some(value));
        match parse(&body, if live { &LIVE } else { &TEST }) {
            Ok(order) => {
                let text = serde_json::to_string(&order.details).unwrap();
                prop_assert_eq!(serde_json::from_str::<Details>(&text).unwrap(), order.details);
            }
            Err(error) => {
                prop_assert!(error.status.is_client_error());
                prop_assert!(error::CODES.iter().any(|(code, _)| *code == error.code));
                assert_plain(&error.info);
            }
        }
    }

    #[test]
    fn the_order_of_keys_does_not_change_the_digest(value in any_json()) {
        let again: Value = serde_json::from_str(&reversed(&value)).unwrap();
        // serde_json's default float reader may miss the last bit; then these are two values.
        if again == value {
            prop_assert_eq!(digest(&again), digest(&value));
        }
    }
}
