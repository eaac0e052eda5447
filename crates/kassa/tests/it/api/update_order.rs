//! `PATCH /orders/{id}`: shipped, noted, cancelled; what is not offered says so.

use crate::harness::{Database, FRICTIONLESS, Gateway, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const NOTES: &str = "SELECT COALESCE(annotations, '') FROM shop_order WHERE order_id = 'A-1'";

async fn notes(gateway: &Gateway) -> Value {
    serde_json::from_str(&gateway.sql(NOTES).await[0][0]).unwrap_or(Value::Null)
}

#[rstest]
#[tokio::test]
async fn a_paid_order_is_shipped_once_and_noted_as_often_as_the_shop_likes(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    gateway.work().await;
    let body = json!({
        "id": "A-1", "status": "shipped", "tracktrace_code": "3S123", "carrier": "PostNL", "ship_date": "01-01-1911",
        "reason": "", "invoice_id": 17, "memo": "x", "po_number": null,
    });
    let headers = [("authorization", format!("Bearer {}", gateway.key))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer =
        gateway.call_with("PATCH", "/v1/json/orders/A-1?locale=en_US", &headers, &body.to_string()).await;
    assert_eq!((answer.status, &answer.json), (200, &json!({"success": true, "data": {}})));
    assert_eq!(gateway.status("A-1").await, "shipped/completed");
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["completed", "shipped"]);
    // WooCommerce and Magento send the invoice on its own, whatever became of the order.
    let order = gateway.read("A-1").await;
    for body in [
        json!({"invoice_id": "2026-0001"}),
        json!({"tracktrace_url": "https://post.example/3S123"}),
        json!({"status": "shipped"}),
    ] {
        let answer = gateway.change(&path("A-1"), &body).await;
        assert_eq!((answer.status, &answer.json["data"]), (200, &json!({})), "{body}: {}", answer.text);
    }
    assert_eq!(gateway.read("A-1").await["status"], order["status"]);
    let expected = json!({
        "tracktrace_code": "3S123", "carrier": "PostNL", "ship_date": "01-01-1911", "reason": "", "memo": "x",
        "invoice_id": "2026-0001", "tracktrace_url": "https://post.example/3S123",
    });
    assert_eq!(notes(&gateway).await, expected);
    gateway.pass(Millis::days(8)).await;
    assert_eq!(gateway.shop.statuses(), ["completed", "shipped"], "a note is no news");

    gateway.done("A-1", "refunds", &json!({"currency": "EUR", "amount": 1})).await;
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-1").await, "partial_refunded/completed");
    gateway.done("A-1", "refunds", &json!({"currency": "EUR"})).await;
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-1").await, "refunded/completed");
    assert!(gateway.shop.heard().iter().all(|heard| heard.verified));
    gateway.audited().await;
}

/// Order, body, and why it is refused.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, u16, u32, &str)] = &[
    ("paid", r#"{"status":"shipped","amount":500}"#, 400, 1021, "Invalid amount: a part cannot be shipped on its own with cards: ship the order, or capture parts"),
    ("paid", r#"{"status":"shipped","partial_shipment_amount":"500"}"#, 400, 1021, "Invalid amount: a part cannot be shipped on its own with cards: ship the order, or capture parts"),
    ("paid", r#"{"new_order_id":"B-1"}"#, 400, 1021, "Invalid new_order_id: cannot be changed: an order keeps its id"),
    ("paid", r#"{"status":"shipped","new_order_id":"B-1"}"#, 400, 1021, "Invalid new_order_id: cannot be changed: an order keeps its id"),
    ("paid", r#"{"extend_expiration":true,"reason":"x"}"#, 400, 1021, "Invalid extend_expiration: is not offered for cards"),
    ("paid", r#"{"status":"completed"}"#, 400, 1016, "Invalid status: must be cancelled or shipped"),
    ("paid", r#"{}"#, 400, 1016, "Invalid status: is missing, and so is anything to note"),
    ("paid", r#"{"id":"paid"}"#, 400, 1016, "Invalid status: is missing, and so is anything to note"),
    ("paid", r#"{"invoice_id":{}}"#, 400, 1016, "Invalid invoice_id: must be text"),
    ("paid", r#"{"status":"cancelled","exclude_order":"maybe"}"#, 400, 1016, "Invalid exclude_order: must be true or false"),
    ("paid", r#"{"status":"cancelled"}"#, 409, 1006, "Invalid order_id: \"paid\" already has a paid transaction"),
    ("authorised", r#"{"status":"cancelled"}"#, 409, 1006, "Invalid order_id: \"authorised\" already has a paid transaction"),
    ("refunded", r#"{"status":"cancelled","exclude_order":true}"#, 409, 1006, "Invalid order_id: \"refunded\" already has a paid transaction"),
    ("authorised", r#"{"status":"shipped"}"#, 409, 1006, "Order authorised is not paid, so it cannot be shipped"),
    ("unpaid", r#"{"status":"shipped"}"#, 409, 1006, "Order unpaid is not paid, so it cannot be shipped"),
    ("declined", r#"{"status":"shipped"}"#, 409, 1006, "Order declined is not paid, so it cannot be shipped"),
    ("uncleared", r#"{"status":"shipped"}"#, 409, 1006, "Order uncleared is not paid, so it cannot be shipped"),
    ("nobody", r#"{"status":"shipped"}"#, 404, 1006, "Invalid transaction ID"),
    ("nobody", r#"{"amount":1}"#, 404, 1006, "Invalid transaction ID"),
];

#[rstest]
#[tokio::test]
async fn what_is_not_offered_or_not_possible_says_so_and_changes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("paid").await;
    gateway.authorised("authorised").await;
    gateway.paid("refunded").await;
    gateway.done("refunded", "refunds", &json!({"currency": "EUR"})).await;
    gateway.place(&gateway.order("unpaid")).await;
    gateway.place(&gateway.direct_order("declined", "4012001037461114")).await;
    gateway.paid_on_page(&gateway.order("uncleared"), "6799990000000000052").await;
    let versions = "SELECT SUM(version) FROM shop_order";
    let before = gateway.count(versions).await;
    for (id, body, status, code, info) in REFUSED {
        let answer = gateway.call("PATCH", &path(id), body).await;
        answer.assert_refused(*status, *code, info, body);
    }
    assert_eq!(gateway.count(versions).await, before);
    gateway.pass(Millis::seconds(2)).await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_unpaid_order_is_cancelled_in_every_spelling(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (at, exclude) in [Value::Null, json!(true), json!(false), json!(1), json!(0), json!("1"), json!("")]
        .into_iter()
        .enumerate()
    {
        let (begun, untouched) = (format!("begun-{at}"), format!("untouched-{at}"));
        gateway.place(&gateway.direct_order(&begun, "6799990000000000011")).await;
        gateway.place(&gateway.order(&untouched)).await;
        for (id, stands) in [(&begun, "void/cancelled"), (&untouched, "cancelled/null")] {
            let body = json!({"status": "cancelled", "exclude_order": exclude});
            let answer = gateway.change(&path(id), &body).await;
            assert_eq!((answer.status, &answer.json["data"]), (200, &json!({})), "{body}: {}", answer.text);
            assert_eq!(gateway.status(id).await, stands);
            let note = gateway.change(&path(id), &json!({"invoice_id": "1"})).await;
            assert_eq!(note.status, 200, "{}", note.text);
            assert_eq!(gateway.status(id).await, stands);
        }
    }
    gateway.work().await;
    // Asked for again it is paid like a new one.
    let paid = gateway.place(&gateway.direct_order("begun-0", FRICTIONLESS)).await;
    assert_eq!(paid["status"], "completed");
    gateway.work().await;
    gateway.audited().await;
}
