//! Signatures against vectors made elsewhere, and addresses as shops compare them.

// One line a case, however long.
#[rustfmt::skip]
mod addresses;

use super::sign::{auth_header, canonical};
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use serde_json::{Value, json};

const PLAIN: &str = r#"{"amount":1000,"order_id":"A-1","status":"completed"}"#;
const RICH: &str =
    r#"{"costs":[{"amount":0.49}],"description":"Café € / 日本","items":"<b>a\"b</b>\n","order_id":"A-1"}"#;

#[test]
fn signatures_are_those_that_another_implementation_computed() {
    for (unix_seconds, body, signature) in [
        (
            1_700_000_000,
            PLAIN,
            "35076e4b1639eaa4f8eb55b4e800ca1f451458e95316d0bf5f57b2082cef8cb534c2504585f013089b17522f511a08dddf455fbfbf53a9f61ebfb232a94de7e0",
        ),
        (
            1_700_000_000,
            RICH,
            "1761004615990a50138c5cb5286d8b136200bd1f4d2ca718dcb22252febdd9d8ff21f54ed59be3f453b4722193a0f6f5d876dfb18b45182a2b8faf2590fb854f",
        ),
        (
            1_700_000_900,
            RICH,
            "3ea74581bfd993ed64911e79b5f242f1d3100fd6ad69ac06d990b71d30776bfbad7d64528e236b5b5ca3a7de0fa3ceb7c9ca4bbc5da7f588cf17de62d87d367f",
        ),
    ] {
        let expected = STANDARD.encode(format!("{unix_seconds}:{signature}"));
        for key in ["test-key", " test-key\n"] {
            assert_eq!(auth_header(key, unix_seconds, body), expected, "{key:?} {body}");
        }
        assert_eq!(redumped(body), body, "a fixed point");
    }
}

#[test]
fn a_header_value_is_one_line_of_ascii() {
    let header = auth_header("k", i64::MAX, PLAIN);
    assert!(header.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!auth_header("", 0, "").is_empty(), "keys of every length");
    let long = "k".repeat(500);
    assert!(verifies(&auth_header(&long, 1, PLAIN), PLAIN, &long));
}

#[test]
fn bodies_are_compact_sorted_and_in_plain_characters() {
    let value = json!({"b": {"z": 1, "a": [true, null]}, "a/": "é\u{7f}\u{2028}\u{1}\u{1f}\u{8}\u{c}\t"});
    assert_eq!(
        canonical(&value),
        "{\"a/\":\"é\u{7f}\u{2028}\\u0001\\u001f\\b\\f\\t\",\"b\":{\"a\":[true,null],\"z\":1}}"
    );
}

/// What a shop's SDK does: decode, split, sign again, compare.
fn verifies(header: &str, body: &str, key: &str) -> bool {
    let decoded = String::from_utf8(STANDARD.decode(header).unwrap()).unwrap();
    let parts: Vec<&str> = decoded.split(':').collect();
    let [timestamp, signature] = parts[..] else {
        return false;
    };
    let mut mac = Hmac::<sha2::Sha512>::new_from_slice(key.trim().as_bytes()).unwrap();
    mac.update(format!("{timestamp}:{body}").as_bytes());
    let expected = mac.finalize().into_bytes();
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    signature == expected
}

/// What Python's SDK does to a body before it signs it.
fn redumped(body: &str) -> String {
    canonical(&serde_json::from_str::<Value>(body).unwrap())
}

proptest! {
    #[test]
    fn both_kinds_of_receivers_verify_what_is_signed(
        text in any::<String>(), key in "[A-Za-z0-9]{1,200}", unix_seconds in 0..4_000_000_000_i64,
    ) {
        let body = canonical(&json!({"description": text, "order_id": "A-1"}));
        let header = auth_header(&key, unix_seconds, &body);
        prop_assert!(verifies(&header, &body, &key), "as received");
        prop_assert!(verifies(&header, &redumped(&body), &key), "as Python writes it again");
        prop_assert!(!verifies(&header, &body.replace("A-1", "A-2"), &key), "another body");
        prop_assert!(!verifies(&header, &body, &format!("{key}x")), "another key");
    }

    #[test]
    fn every_order_id_comes_back_from_the_query(text in any::<String>(), own in "[a-z]{0,3}=[a-z]{0,3}") {
        let Some(order) = OrderId::parse(&text) else { return Ok(()) };
        let url = address(&format!("https://shop.example/n?{own}#x"), &order, 17, true).unwrap();
        let query: Vec<_> = url.query_pairs().skip(1).collect();
        let expected = [("transactionid", text.as_str()), ("timestamp", "17"), ("payload_type", "pretransaction")];
        prop_assert_eq!(query.len(), expected.len());
        for ((key, value), (expected_key, expected)) in query.iter().zip(expected) {
            prop_assert_eq!((key.as_ref(), value.as_ref()), (expected_key, expected));
        }
        let url = Url::parse(&return_url("https://shop.example/#/done?a=1", &order).unwrap()).unwrap();
        prop_assert_eq!(url.query_pairs().next().unwrap().1, text.as_str());
        prop_assert_eq!(url.fragment(), Some("/done?a=1"));
    }
}
