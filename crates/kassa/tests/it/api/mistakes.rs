//! Every mistake a caller can make: one line each, with the answer it gets. Nothing is ever stored.

use crate::harness::{Answer, Database, Gateway, path};
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod moved;
// One line a case, however long.
#[rustfmt::skip]
mod moving;
#[rustfmt::skip]
mod tables;

const ORDERS: &str = "/v1/json/orders";

/// The documented envelope of a refusal and nothing else.
fn assert_refused(answer: &Answer, status: u16, code: u32, info: &str, case: &str) {
    assert_eq!(
        (answer.status, &answer.json["error_code"]),
        (status, &json!(code)),
        "{case}: {}",
        answer.text
    );
    let said = answer.json["error_info"].as_str().unwrap();
    assert!(said.contains(info), "{case}: {said}");
    let keys: BTreeSet<&str> = answer.json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["success", "data", "error_code", "error_info"]), "{case}");
    assert_eq!((&answer.json["success"], &answer.json["data"]), (&json!(false), &json!({})), "{case}");
    assert_eq!(answer.headers["content-type"], "application/json; charset=UTF-8", "{case}");
}

async fn assert_nothing_is_stored(gateway: &Gateway, case: &str) {
    let answer = gateway.call("GET", &path("my-order-id-1"), "").await;
    assert_eq!(answer.status, 404, "{case}: {}", answer.text);
    assert_eq!(kassa::audit::audit(gateway.app.store()).await.unwrap().orders, 0, "{case}");
}

/// A value as the tables write it: JSON, or `absent`, or `x501` (a text of 501 letters).
fn put(order: &mut Value, field: &str, value: &str) {
    let (object, key) = match field.split_once('.') {
        Some((outer, inner)) => {
            let object = order.as_object_mut().unwrap().entry(outer).or_insert_with(|| json!({}));
            (object, inner)
        }
        None => (order, field),
    };
    let object = object.as_object_mut().unwrap();
    if value == "absent" {
        object.remove(key);
        return;
    }
    let letters = value.strip_prefix('x').and_then(|count| count.parse().ok());
    let value = match letters {
        Some(count) => json!("é".repeat(count)),
        None => serde_json::from_str(value).expect(value),
    };
    object.insert(key.to_owned(), value);
}

/// A body as the tables write it.
fn body(gateway: &Gateway, written: &str) -> String {
    let order = gateway.order("my-order-id-1");
    let text = order.to_string();
    match written {
        "the order" => text,
        "the order, 33 levels deep" => {
            let deep = format!("{}1{}", "[".repeat(32), "]".repeat(32));
            text.replacen('{', &format!("{{\"deep\":{deep},"), 1)
        }
        "the order, 300 KiB" => {
            text.replacen('{', &format!("{{\"plugin\":\"{}\",", "x".repeat(300 * 1024)), 1)
        }
        "the order, amount twice" => text.replacen('{', "{\"amount\":1,", 1),
        "the order, cut" => text[..text.len() - 1].to_owned(),
        "the order, amount 1e3" => text.replacen("\"amount\":1000", "\"amount\":1e3", 1),
        "the order, amount 1E+3" => text.replacen("\"amount\":1000", "\"amount\":1E+3", 1),
        other => other.to_owned(),
    }
}

#[tokio::test]
async fn every_mistake_gets_its_documented_answer() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (field, value, status, code, info) in tables::FIELDS {
        let mut order = gateway.order("my-order-id-1");
        put(&mut order, field, value);
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        let case = format!("{field}: {value}");
        assert_refused(&answer, *status, *code, info, &case);
        assert_nothing_is_stored(&gateway, &case).await;
    }
    for (request, keys, written, status, code, info) in tables::REQUESTS {
        let (method, target) = request.split_once(' ').unwrap();
        let header = |pair: &'static str| {
            let (name, value) = pair.split_once(':').unwrap();
            (name, value.replace("KEY", &gateway.key))
        };
        let headers: Vec<_> = keys.split(", ").filter(|pair| !pair.is_empty()).map(header).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let target = target.replace("KEY", &gateway.key);
        let answer = gateway.call_with(method, &target, &headers, &body(&gateway, written)).await;
        let case = format!("{request} {keys} {written}");
        assert_refused(&answer, *status, *code, info, &case);
        assert_nothing_is_stored(&gateway, &case).await;
    }
    assert!(tables::FIELDS.len() + tables::REQUESTS.len() >= 90);
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.place(&gateway.order("my-order-id-1")).await;
    let before = gateway.read("my-order-id-1").await;
    for (method, meant, body, status, code, info) in tables::CHANGES {
        let headers = [("api_key", gateway.key.as_str()), ("x-http-method-override", *meant)];
        let answer = gateway.call_with(method, &path("my-order-id-1"), &headers, body).await;
        assert_refused(&answer, *status, *code, info, &format!("{method} {meant} {body}"));
        assert_eq!(gateway.read("my-order-id-1").await, before, "{method} {body}");
    }
}

#[tokio::test]
async fn an_ended_order_cannot_be_cancelled_and_the_answer_says_why() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let cancel = json!({"status": "cancelled"}).to_string();
    let placed = gateway.place(&gateway.order("paid")).await;
    gateway.customer().pay(placed["payment_url"].as_str().unwrap(), "6799990000000000011").await;
    gateway.place(&gateway.order("cancelled")).await;
    assert_eq!(gateway.call("PATCH", &path("cancelled"), &cancel).await.status, 200);
    gateway.place(&gateway.order("expired")).await;
    gateway.pass(payments::time::Millis::days(30)).await;
    for (id, info) in [
        ("paid", "Invalid order_id: \"paid\" already has a paid transaction"),
        ("cancelled", "Order cancelled is already cancelled"),
        ("expired", "Order expired has expired"),
    ] {
        let before = gateway.read(id).await;
        let answer = gateway.call("PATCH", &path(id), &cancel).await;
        assert_refused(&answer, 409, 1006, info, id);
        assert_eq!(gateway.read(id).await, before, "{id}");
    }
}
