//! The same order placed again: at once, later, otherwise, and by many at the same time.

use crate::harness::{Database, Gateway};
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ORDERS: &str = "/v1/json/orders";
const PAYS: &str = "6799990000000000011";

/// How many place an order at the same time.
const CROWD: i64 = 20;

/// The order with the keys of every object in reverse order and blanks between.
fn rewritten(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let entries = object.iter().rev();
            let entries: Vec<_> =
                entries.map(|(key, value)| format!("{} :\t{}", json!(key), rewritten(value))).collect();
            format!("{{\r\n {} }}", entries.join(" , "))
        }
        plain => plain.to_string(),
    }
}

#[rstest]
#[tokio::test]
async fn the_same_request_while_unpaid_is_answered_byte_for_byte(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("my-order-id-1");
    let first = gateway.call("POST", ORDERS, &order.to_string()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let url = first.json["data"]["payment_url"].as_str().unwrap();
    gateway.clock.advance(Millis::days(1));
    assert_eq!(gateway.call("POST", ORDERS, &order.to_string()).await.text, first.text);
    assert_eq!(gateway.call("POST", ORDERS, &rewritten(&order)).await.text, first.text);
    // An opened page, a challenge and a decline leave the session usable.
    gateway.customer().open(url).await;
    gateway.customer().pay(url, "6799990000000000029").await;
    assert_eq!(gateway.status("my-order-id-1").await, "declined/declined");
    assert_eq!(gateway.call("POST", ORDERS, &order.to_string()).await.text, first.text);
    gateway.customer().pay_with(url, PAYS).await;
    assert_eq!(gateway.status("my-order-id-1").await, "initialized/initialized");
    assert_eq!(gateway.call("POST", ORDERS, &order.to_string()).await.text, first.text);
}

#[tokio::test]
async fn another_request_opens_another_session_and_ends_the_old_link() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let order = gateway.order("my-order-id-1");
    let mut sessions = BTreeSet::new();
    let mut links: Vec<String> = Vec::new();
    for (field, value) in [
        ("amount", json!(1000)),
        ("amount", json!(2000)),
        ("amount", json!("2000")),
        ("description", json!("Another description")),
        ("gateway", json!("VISA")),
        ("plugin", json!({"anything": "counts"})),
        ("amount", json!(1000)),
    ] {
        let mut changed = order.clone();
        changed[field] = value.clone();
        let placed = gateway.place(&changed).await;
        assert!(sessions.insert(placed["session_id"].to_string()), "{field} {value}");
        let url = placed["payment_url"].as_str().unwrap().to_owned();
        assert_eq!(gateway.customer().open(&url).await.status, 200, "{field} {value}");
        for old in &links {
            let page = gateway.customer().open(old).await;
            assert_eq!((page.status, page.ending().as_str()), (410, "expired"), "{field} {value}");
        }
        links.push(url);
    }
    assert_eq!(gateway.read("my-order-id-1").await["amount"], 1000);
    gateway.customer().pay(links.last().unwrap(), PAYS).await;
    assert_eq!(gateway.status("my-order-id-1").await, "completed/completed");
}

#[tokio::test]
async fn the_same_request_after_the_session_ended_opens_another() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let cancel = json!({"status": "cancelled"}).to_string();
    let order = gateway.order("my-order-id-1");
    let mut last = gateway.place(&order).await;
    for end in ["time", "the shop"] {
        if end == "time" {
            gateway.pass(Millis::days(30)).await;
        } else {
            gateway.call("PATCH", "/v1/json/orders/my-order-id-1", &cancel).await;
        }
        assert_eq!(gateway.status("my-order-id-1").await, "cancelled/null", "{end}");
        let next = gateway.place(&order).await;
        assert_ne!(next["session_id"], last["session_id"], "{end}");
        assert_eq!(gateway.status("my-order-id-1").await, "initialized/initialized", "{end}");
        let old = gateway.customer().open(last["payment_url"].as_str().unwrap()).await;
        assert_eq!(old.status, 410, "{end}");
        last = next;
    }
    gateway.customer().pay(last["payment_url"].as_str().unwrap(), PAYS).await;
    assert_eq!(gateway.status("my-order-id-1").await, "completed/completed");
}

#[rstest]
#[tokio::test]
async fn a_paid_or_held_order_is_refused_by_name_whatever_is_asked(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (id, card) in [("paid \"é\"", PAYS), ("held", "6799990000000000052")] {
        let order = gateway.order(id);
        let placed = gateway.place(&order).await;
        gateway.customer().pay(placed["payment_url"].as_str().unwrap(), card).await;
        let before = gateway.read(id).await;
        let mut changed = order.clone();
        changed["amount"] = json!(1);
        for body in [order.to_string(), rewritten(&order), changed.to_string()] {
            let answer = gateway.call("POST", ORDERS, &body).await;
            assert_eq!((answer.status, &answer.json["error_code"]), (409, &json!(1006)), "{}", answer.text);
            let said = format!("Invalid order_id: \"{id}\" already has a paid transaction");
            assert_eq!(answer.json["error_info"], said);
        }
        assert_eq!(gateway.read(id).await, before);
    }
}

#[rstest]
#[tokio::test]
async fn a_crowd_with_one_request_gets_one_session(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let body = gateway.order("my-order-id-1").to_string();
    let answers = join_all((0..CROWD).map(|_| gateway.call("POST", ORDERS, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let texts: BTreeSet<_> = answers.iter().map(|answer| answer.text.as_str()).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(kassa::audit::audit(gateway.app.store()).await.unwrap().orders, 1);
}

#[rstest]
#[tokio::test]
async fn a_crowd_with_many_requests_leaves_one_link_that_asks_what_the_order_says(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let bodies: Vec<_> = (1..=CROWD * 2)
        .map(|amount| {
            let mut order = gateway.order("my-order-id-1");
            order["amount"] = json!(amount);
            order.to_string()
        })
        .collect();
    let answers = join_all(bodies.iter().map(|body| gateway.call("POST", ORDERS, body))).await;
    let amount = gateway.read("my-order-id-1").await["amount"].as_i64().unwrap();
    let customer = gateway.customer();
    let mut usable = Vec::new();
    for (asked, answer) in (1..).zip(&answers) {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = customer.open(answer.json["data"]["payment_url"].as_str().unwrap()).await;
        if page.status == 200 {
            usable.push(asked);
        } else {
            assert_eq!(page.status, 410, "{page:?}");
        }
    }
    assert_eq!(usable, [amount], "the newest link, and no other, is for the amount that the order has");
}

#[rstest]
#[tokio::test]
async fn a_cancelled_order_that_is_asked_for_again_adds_up(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("A-1");
    gateway.place(&order).await;
    let cancelled = gateway.call("PATCH", "/v1/json/orders/A-1", r#"{"status":"cancelled"}"#).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    gateway.work().await;
    gateway.place(&order).await;
    gateway.work().await;
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    gateway.audited().await;
}
