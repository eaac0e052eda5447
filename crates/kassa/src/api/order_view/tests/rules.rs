//! What holds for every order that is shown, whatever its shop and its customer typed.

use super::any_order::any_order;
use super::{amsterdam, shown};
use crate::notify::sign::canonical;
use payments::order::Order;
use payments::transaction::State;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use std::io::{Seek as _, Write as _};
use std::process::{Command, Stdio};

/// Keys that every order has.
const ALWAYS: &[&str] = &[
    "amount",
    "amount_refunded",
    "costs",
    "created",
    "currency",
    "custom_info",
    "customer",
    "description",
    "fastcheckout",
    "financial_status",
    "items",
    "modified",
    "order_id",
    "payment_details",
    "payment_methods",
    "reason",
    "reason_code",
    "related_transactions",
    "status",
    "var1",
    "var2",
    "var3",
];
const CUSTOMER: &[&str] = &[
    "address1",
    "address2",
    "city",
    "country",
    "country_name",
    "email",
    "first_name",
    "house_number",
    "last_name",
    "locale",
    "phone1",
    "phone2",
    "state",
    "zip_code",
];
/// Keys of `payment_details` once a card was submitted.
const DETAILS: &[&str] = &[
    "account_holder_name",
    "account_id",
    "card_authentication_result",
    "card_entry_mode",
    "card_expiry_date",
    "external_transaction_id",
    "last4",
    "mcc",
    "recurring_flow",
    "recurring_id",
    "recurring_model",
    "response_code",
    "scheme_reference_id",
    "type",
];
/// More of them once the issuer has approved.
const APPROVED: &[&str] =
    &["authorization_code", "card_acceptor_id", "card_acceptor_location", "card_acceptor_name"];
const METHOD: &[&str] = &[
    "account_holder_name",
    "amount",
    "card_expiry_date",
    "currency",
    "description",
    "last4",
    "payment_description",
    "status",
    "type",
];
/// What only an order with a cart has.
const CART: &[&str] = &["checkout_options", "order_adjustment", "order_total", "shopping_cart"];
/// Keys that every item of a cart has.
const ITEM: &[&str] = &[
    "cashback",
    "currency",
    "description",
    "image",
    "merchant_item_id",
    "name",
    "options",
    "product_url",
    "quantity",
    "tax_table_selector",
    "unit_price",
];
/// The words that some client knows; another one makes plugins stumble.
const STATUSES: &[&str] =
    &["cancelled", "completed", "declined", "expired", "initialized", "uncleared", "void"];

proptest! {
    #[test]
    fn every_body_survives_being_read_and_written_again(order in any_order()) {
        let value = shown(&order);
        let body = canonical(&value);
        let again: Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(canonical(&again), body.as_str());
        prop_assert!(!body.contains(['\n', '\r']), "one line");
        walk(&value, &mut |value| {
            if let Value::Object(object) = value {
                assert!(object.keys().is_sorted(), "sorted at every depth");
            }
        });
        let mut rest = value;
        rest.as_object_mut().unwrap().remove("shopping_cart");
        walk(&rest, &mut |value| assert!(!value.is_f64(), "no float"));
    }

    #[test]
    fn a_cart_is_shown_whole_or_not_at_all(order in any_order()) {
        let value = shown(&order);
        let cart = CART.iter().filter(|key| value.get(key).is_some()).count();
        prop_assert!(cart == 0 || cart == CART.len(), "{}", value);
        prop_assert!(cart == 0 || value["items"].is_string());
        for item in value["shopping_cart"]["items"].as_array().into_iter().flatten() {
            has_all(item, ITEM);
            texts_or_null(item, &["name", "description", "unit_price", "merchant_item_id", "cashback"]);
            texts_or_null(item, &["image", "product_url", "currency", "tax_table_selector"]);
            prop_assert!(item["quantity"].is_number() && item["options"].is_array(), "{}", item);
            prop_assert!(item.get("weight").is_none_or(Value::is_object));
        }
        if cart > 0 {
            prop_assert!(value["order_total"].as_str().unwrap().parse::<rust_decimal::Decimal>().is_ok());
            texts_or_null(&value["order_adjustment"], &["total_adjustment", "total_tax"]);
            prop_assert!(value["checkout_options"]["default"]["rate"].is_string());
            prop_assert!(value["checkout_options"]["alternate"].is_array());
        }
    }

    #[test]
    fn every_body_has_every_field_that_clients_read(order in any_order()) {
        let value = shown(&order);
        has_all(&value, ALWAYS);
        has_all(&value["customer"], CUSTOMER);
        prop_assert!(value.get("gateway").is_none());
        prop_assert!(value["payment_details"].is_object() && value["costs"].is_array());
        prop_assert!(STATUSES.contains(&value["status"].as_str().unwrap()));
        let financial = &value["financial_status"];
        prop_assert!(financial.is_null() || STATUSES.contains(&financial.as_str().unwrap()));
        let completed = value["status"] == "completed";
        prop_assert_eq!(value.get("completed").is_some(), completed);
        prop_assert_eq!(value["reason"].is_null(), value["reason_code"].is_null());
        texts_or_null(&value, &["reason", "reason_code", "description", "var1", "var2", "var3", "order_id", "items"]);
        texts_or_null(&value["customer"], CUSTOMER);

        let methods = value["payment_methods"].as_array().unwrap();
        let tried = !order.transactions.is_empty();
        prop_assert_eq!(methods.len(), usize::from(tried));
        prop_assert_eq!(value.get("transaction_id").is_some_and(Value::is_i64), tried);
        if let Some(leading) = order.leading() {
            has_all(&value["payment_details"], DETAILS);
            has_all(&methods[0], METHOD);
            // The order's own status, but for money that is authorised only.
            let authorised = matches!(leading.state, State::Authorised { .. });
            let status = if authorised { "initialized" } else { value["status"].as_str().unwrap() };
            prop_assert_eq!(&methods[0]["status"], status);
            prop_assert_eq!(&value["transaction_id"], leading.id.0);
            for key in APPROVED {
                let there = value["payment_details"].get(key).is_some();
                prop_assert_eq!(there, leading.approval().is_some(), "{}", key);
            }
        } else {
            prop_assert_eq!(&value["payment_details"], &serde_json::json!({}));
        }
    }

    #[test]
    fn no_body_holds_what_could_be_a_card_number(order in any_order()) {
        let mut value = shown(&order);
        value.as_object_mut().unwrap().remove("transaction_id");
        let body = canonical(&value);
        let longest = body.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max();
        prop_assert!(longest < Some(12), "{:?} digits in a row", longest);
    }
}

/// The call that the Python SDK makes on a notification before it checks the signature, on one body a line.
const PYTHON: &str = r#"
import json, sys
for line in sys.stdin.buffer:
    body = json.loads(line[:-1].decode("utf-8"))
    again = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    assert again == json.dumps(body, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    sys.stdout.buffer.write(again.encode("utf-8") + b"\n")
"#;

#[test]
fn python_writes_every_body_back_byte_for_byte() {
    let mut runner = TestRunner::deterministic();
    let bodies: String = (0..300)
        .map(|_| any_order().new_tree(&mut runner).unwrap().current())
        .map(|order: Order| canonical(&super::render(&order, &amsterdam()).unwrap()) + "\n")
        .collect();
    // A file, not a pipe: neither side waits for the other.
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(bodies.as_bytes()).unwrap();
    input.rewind().unwrap();
    let output = Command::new("python3")
        .args(["-I", "-c", PYTHON])
        .stdin(Stdio::from(input))
        .output()
        .expect("python3 is needed for this test: ./test installs it");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "python3: {complaint}");
    let again = String::from_utf8(output.stdout).unwrap();
    assert_eq!(again.lines().count(), 300);
    for (body, again) in bodies.split('\n').zip(again.split('\n')) {
        assert_eq!(again, body);
    }
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(object) => object.values().for_each(|value| walk(value, visit)),
        Value::Array(array) => array.iter().for_each(|value| walk(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn has_all(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing");
    }
}

fn texts_or_null(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value[key].is_string() || value[key].is_null(), "{key}: {}", value[key]);
    }
}
