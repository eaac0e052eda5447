//! Captures that are refused, and cards that are not only authorised.

use super::{CAPTURE, CAPTURED, give_back};
use crate::harness::{Database, Gateway, path};
use rstest::rstest;
use serde_json::{Value, json};

/// Order, what is asked, and why it is refused.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, u16, u32, &str)] = &[
    ("A-1", r#"{"amount":1001}"#, 400, 1001, "Invalid amount: is more than what is left of the authorisation"),
    ("A-1", r#"{"amount":10.5}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"amount":-1}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"amount":"all"}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"amount":1,"new_order_id":"A-1"}"#, 409, 1006, "Invalid new_order_id: a captured part needs an order id of its own"),
    ("A-1", r#"{"amount":1,"new_order_id":"paid"}"#, 409, 1006, "Invalid new_order_id: a captured part needs an order id of its own"),
    ("A-1", r#"{"amount":1,"new_order_id":"unpaid"}"#, 409, 1006, "Invalid new_order_id: a captured part needs an order id of its own"),
    ("A-1", r#"{"amount":1,"new_order_id":" "}"#, 400, 1006, "Invalid new_order_id: must have 1 to 50 characters"),
    ("A-1", r#"{"amount":1,"new_order_id":["x"]}"#, 400, 1006, "Invalid new_order_id: must be text"),
    ("A-1", r#"{"new_order_status":"refunded"}"#, 400, 1016, "Invalid new_order_status: must be completed or shipped"),
    ("A-1", r#"{"new_order_status":[]}"#, 400, 1016, "Invalid new_order_status: must be text"),
    ("A-1", r#"{"description":7.5e300}"#, 400, 1008, "Invalid description: must be text, the number is too large to be kept exactly"),
    ("A-1", r#"{"invoice_id":{}}"#, 400, 1016, "Invalid invoice_id: must be text"),
    ("A-1", "[1]", 400, 1016, "Invalid request body: must be a JSON object"),
    ("paid", "{}", 409, 1006, "Order paid has no authorisation to capture or cancel"),
    ("unpaid", "{}", 409, 1006, "Order unpaid has no authorisation to capture or cancel"),
    ("declined", r#"{"amount":1}"#, 409, 1006, "Order declined has no authorisation to capture or cancel"),
    ("nobody", "{}", 404, 1006, "Invalid transaction ID"),
];

#[rstest]
#[tokio::test]
async fn what_cannot_be_captured_says_why_and_changes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.authorised("A-1").await;
    gateway.paid("paid").await;
    gateway.place(&gateway.order("unpaid")).await;
    let mut declined = gateway.direct_order("declined", "4012001037461114");
    declined["capture"] = json!("manual");
    gateway.place(&declined).await;
    let before = gateway.read("A-1").await;
    for (id, body, status, code, info) in REFUSED {
        let answer = gateway.call("POST", &format!("{}/capture", path(id)), body).await;
        answer.assert_refused(*status, *code, info, body);
    }
    for id in ["paid", "unpaid", "declined"] {
        let info = format!("Order {id} has no authorisation to capture or cancel");
        give_back(&gateway, id).await.assert_refused(409, 1006, &info, id);
    }
    give_back(&gateway, "nobody").await.assert_refused(404, 1006, "Invalid transaction ID", "nobody");
    for body in [json!({}), json!({"status": "completed"}), json!({"reason": "x"})] {
        let answer = gateway.change("/v1/json/capture/A-1", &body).await;
        answer.assert_refused(400, 1016, "Invalid status: must be cancelled", &body.to_string());
    }
    let post = gateway.call("POST", "/v1/json/capture/A-1", r#"{"status":"cancelled"}"#).await;
    post.assert_refused(405, 1000, "Method not allowed", "POST");
    assert_eq!(gateway.read("A-1").await, before);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM movement").await, 0);
    // Java cannot send PATCH.
    let headers = [("api_key", gateway.key.as_str()), ("x-http-method-override", "PATCH")];
    let body = r#"{"status":"cancelled","reason":"","description":"x"}"#;
    let cancelled = gateway.call_with("POST", "/v1/json/capture/A-1", &headers, body).await;
    assert_eq!((cancelled.status, &cancelled.json["data"]["success"]), (200, &json!(true)));
    gateway.work().await;
    assert_eq!(gateway.count(CAPTURED).await, 0);
    gateway.audited().await;
}

#[tokio::test]
async fn american_express_is_not_only_authorised() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("A-1");
    order["gateway"] = json!("AMEX");
    order["capture"] = json!("manual");
    let answer = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
    answer.assert_refused(400, 1021, "Invalid capture: manual is not offered with AMEX", "AMEX");
    for (key, value) in [("capture", json!("manual")), ("amount", json!(0))] {
        let mut order = gateway.direct_order("A-2", "378282246310005");
        order[key] = value;
        let answer = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
        let info = "Invalid gateway_info.card_number: is of American Express, which is charged at once or not at all";
        answer.assert_refused(400, 1021, info, key);
        assert_eq!(gateway.call("GET", &path("A-2"), "").await.status, 404);
    }
    order["gateway"] = json!("CREDITCARD");
    let placed = gateway.place(&order).await;
    let url = placed["payment_url"].as_str().unwrap();
    let page = gateway.customer().pay_with(url, "378282246310005").await;
    assert!(page.has("input[name=card_number]") && page.has("[role=alert]"), "{page:?}");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM payment_transaction").await, 0);
    gateway.customer().pay(url, "6799990000000000011").await;
    assert_eq!(gateway.status("A-1").await, "completed/initialized");
    assert_eq!(gateway.done("A-1", CAPTURE, &Value::Object(serde_json::Map::new())).await["order_id"], "A-1");
    gateway.work().await;
    gateway.audited().await;
}
