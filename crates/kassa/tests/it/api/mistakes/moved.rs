//! Mistakes about orders that have a past: each gets its answer and leaves everything as it was.

use super::{ORDERS, assert_refused, moving, put};
use crate::harness::{Database, Gateway, path};
use payments::time::Millis;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const VISA: &str = "4111111111111111";

/// An order for which the shop sends a Visa card.
fn direct(gateway: &Gateway, id: &str) -> Value {
    let mut order = gateway.order(id);
    order["type"] = json!("direct");
    order["gateway"] = json!("VISA");
    order["gateway_info"] = json!({
        "card_number": VISA, "card_holder_name": "A. Customer", "card_expiry_date": "3512", "card_cvc": "123",
    });
    order
}

/// A shop's orders in every state, and what belongs to them.
struct Past {
    gateway: Gateway,
    names: BTreeMap<&'static str, String>,
}

impl Past {
    async fn live() -> Self {
        let gateway = Gateway::start(Database::Sqlite).await;
        for id in ["paid", "refunded", "charged"] {
            gateway.place(&direct(&gateway, id)).await;
        }
        for id in ["authorised", "captured"] {
            let mut order = direct(&gateway, id);
            order["capture"] = json!("manual");
            gateway.place(&order).await;
        }
        for (id, card) in [("held", "6799990000000000052"), ("declined", "6799990000000000029")] {
            let link = gateway.place(&gateway.order(id)).await["payment_url"].as_str().unwrap().to_owned();
            gateway.customer().pay(&link, card).await;
        }
        for id in ["waiting", "cancelled"] {
            gateway.place(&gateway.order(id)).await;
        }
        let mut past = Self { gateway, names: BTreeMap::new() };
        past.post(&format!("{}/capture", path("captured")), "{}").await;
        let refund = past.post(&format!("{}/refunds", path("refunded")), "{}").await;
        past.names.insert("refund", refund["refund_id"].to_string());
        let chargeback = past.post("/v1/json/simulator/orders/charged/chargeback", "{}").await;
        past.names.insert("chargeback", chargeback["chargeback_id"].to_string());
        let mut kept = direct(&past.gateway, "kept");
        kept["recurring_model"] = json!("cardOnFile");
        kept["customer"]["reference"] = json!("customer");
        let kept = past.gateway.place(&kept).await;
        let token = kept["payment_details"]["recurring_id"].as_str().unwrap().to_owned();
        past.names.insert("token", token);
        past.gateway.call("PATCH", &path("cancelled"), r#"{"status":"cancelled"}"#).await;
        past.gateway.pass(Millis::seconds(5)).await;
        assert_eq!(past.gateway.status("refunded").await, "refunded/completed");
        past
    }

    async fn post(&self, target: &str, body: &str) -> Value {
        let answer = self.gateway.call("POST", target, body).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text);
        answer.json["data"].clone()
    }

    /// A request as the table writes it.
    fn target(&self, written: &str) -> String {
        let mut target = written.to_owned();
        for (name, value) in &self.names {
            target = target.replace(&format!("{{{name}}}"), value);
        }
        for id in STATES {
            target = target.replace(&format!("{{{id}}}"), &path(id));
        }
        assert!(!target.contains('{'), "{target}");
        target
    }

    /// Everything that the shop can see of its orders and cards.
    async fn seen(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for id in STATES {
            seen.push(self.gateway.read(id).await);
        }
        seen.push(self.gateway.call("GET", "/v1/json/recurring/customer", "").await.json);
        seen
    }
}

const STATES: [&str; 9] =
    ["paid", "refunded", "charged", "authorised", "captured", "held", "declined", "waiting", "cancelled"];

#[tokio::test]
async fn every_mistake_about_moved_money_gets_its_answer_and_changes_nothing() {
    let past = Past::live().await;
    let before = past.seen().await;
    for (request, body, status, code, info) in moving::REQUESTS {
        let (method, target) = request.split_once(' ').unwrap();
        let answer = past.gateway.call(method, &past.target(target), body).await;
        assert_refused(&answer, *status, *code, info, &format!("{request} {body}"));
    }
    assert_eq!(past.seen().await, before);
    let audited = kassa::audit::audit(past.gateway.app.store()).await.unwrap();
    assert_eq!(audited.differences, Vec::<String>::new());
}

#[tokio::test]
async fn every_mistake_in_a_direct_order_gets_its_answer_and_stores_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (field, value, status, code, info) in moving::DIRECT {
        let mut order = direct(&gateway, "my-order-id-1");
        put(&mut order, field, value);
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        let case = format!("{field}: {value}");
        assert_refused(&answer, *status, *code, info, &case);
        super::assert_nothing_is_stored(&gateway, &case).await;
        assert!(!answer.text.contains(VISA), "{case}");
    }
}

#[test]
fn there_are_as_many_cases_as_there_are_ways_to_be_wrong() {
    use super::tables;
    let cases = tables::FIELDS.len() + tables::REQUESTS.len() + tables::CHANGES.len();
    let cases = cases + moving::REQUESTS.len() + moving::DIRECT.len();
    assert!(cases >= 400, "{cases}");
}

#[tokio::test]
async fn a_file_may_be_larger_than_other_bodies_and_only_with_a_key() {
    let past = Past::live().await;
    let file = |bytes: usize| {
        let content = [b"%PDF-".to_vec(), vec![b'x'; bytes]].concat();
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, content);
        json!({"type": "PDF", "name": "a.pdf", "description": "b", "base64": base64}).to_string()
    };
    let target = format!("{}/files", path("charged"));
    let sent = past.gateway.call("POST", &target, &file(2_500_000)).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let sent = past.gateway.call("POST", &target, &file(3_500_000)).await;
    assert_refused(&sent, 413, 1000, "too large", "a file of 3.5 MB");
    let sent = past.gateway.call_with("POST", &target, &[("api_key", "wrong")], &file(2_500_000)).await;
    assert_refused(&sent, 401, 1032, "Invalid API key", "a file without a key");
    let target = format!("{}/refunds", path("paid"));
    let sent = past.gateway.call("POST", &target, &file(300_000)).await;
    assert_refused(&sent, 413, 1000, "too large", "a refund of 400 KB");
}

#[tokio::test]
async fn every_part_of_an_authorisation_needs_an_order_id_of_its_own() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.place(&direct(&gateway, "taken")).await;
    let mut order = direct(&gateway, "halves");
    order["capture"] = json!("manual");
    gateway.place(&order).await;
    let target = format!("{}/capture", path("halves"));
    let capture = |body: &'static str| gateway.call("POST", &target, body);
    assert_eq!(capture(r#"{"amount":400,"new_order_id":"first"}"#).await.status, 200);
    for id in ["taken", "first", "halves"] {
        let body = json!({ "new_order_id": id }).to_string();
        let answer = gateway.call("POST", &target, &body).await;
        assert_refused(&answer, 409, 1006, "new_order_id", "the rest under a name that is taken");
    }
    // Asked for twice at once, it is captured once.
    let twice = r#"{"amount":100,"new_order_id":"second"}"#;
    let (one, other) = futures_util::join!(capture(twice), capture(twice));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
    assert_eq!(capture(r#"{"new_order_id":"rest"}"#).await.status, 200);
    gateway.work().await;
    gateway.audited().await;
}
