//! The feed of events, as a shop that was down reads it.

use crate::harness::{Answer, Database, Gateway, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CANCEL: &str = r#"{"status":"cancelled"}"#;
const PAYS: &str = "6799990000000000011";

impl Gateway {
    async fn feed(&self, query: &str) -> Answer {
        let answer = self.call("GET", &format!("/v1/json/events{query}"), "").await;
        assert_eq!((answer.status, &answer.json["success"]), (200, &json!(true)), "{}", answer.text);
        answer
    }
}

fn column(answer: &Answer, name: &str) -> Vec<Value> {
    answer.json["data"].as_array().unwrap().iter().map(|event| event[name].clone()).collect()
}

#[rstest]
#[tokio::test]
async fn a_shop_catches_up_from_where_it_was(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    assert_eq!(gateway.feed("").await.text, r#"{"success":true,"data":[],"next_after":0}"#);
    let placed = gateway.place(&gateway.order("A-1")).await;
    gateway.customer().pay(placed["payment_url"].as_str().unwrap(), PAYS).await;
    let first = gateway.feed("?after=0").await;
    let known = first.json["next_after"].as_i64().unwrap();
    assert_eq!(column(&first, "id").last(), Some(&json!(known)));
    let paid = first.json["data"].as_array().unwrap().last().unwrap();
    let version = gateway.call("GET", &path("A-1"), "").await.headers["kassa-order-version"].clone();
    let version: i64 = version.to_str().unwrap().parse().unwrap();
    assert_eq!(
        *paid,
        json!({
            "id": known, "type": "order.changed", "order_id": "A-1", "status": "completed",
            "financial_status": "completed", "version": version, "created": "2026-11-22T13:00:00",
        })
    );

    gateway.clock.advance(Millis::seconds(61));
    for id in ["A-2", "A-3", "A-4"] {
        gateway.place(&gateway.order(id)).await;
        assert_eq!(gateway.call("PATCH", &path(id), CANCEL).await.status, 200);
    }
    let gateway = gateway.restart().await;
    let page = gateway.feed(&format!("?after={known}&limit=2")).await;
    assert_eq!(column(&page, "id"), [json!(known + 1), json!(known + 2)]);
    assert_eq!(column(&page, "order_id"), [json!("A-2"), json!("A-3")]);
    assert_eq!(column(&page, "financial_status"), [Value::Null, Value::Null]);
    assert_eq!(column(&page, "created"), [json!("2026-11-22T13:01:01"), json!("2026-11-22T13:01:01")]);
    let rest = gateway.feed(&format!("?after={}", page.json["next_after"])).await;
    assert_eq!((column(&rest, "id"), &rest.json["next_after"]), (vec![json!(known + 3)], &json!(known + 3)));
    let end = gateway.feed(&format!("?after={}", known + 3)).await;
    assert_eq!((column(&end, "id"), &end.json["next_after"]), (vec![], &json!(known + 3)));
}

#[rstest]
#[tokio::test]
async fn a_site_reads_its_own_feed(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let other = gateway.app.create_site("Another shop", false).await.unwrap();
    gateway.place(&gateway.order("A-1")).await;
    gateway.call("PATCH", &path("A-1"), CANCEL).await;
    assert_eq!(column(&gateway.feed("").await, "id"), [json!(1)]);
    let theirs = gateway.call_with("GET", "/v1/json/events", &[("api_key", other.expose())], "").await;
    assert_eq!(theirs.json["data"], json!([]));
    assert_eq!(gateway.call_with("GET", "/v1/json/events", &[], "").await.status, 401);
}

#[rstest]
#[tokio::test]
async fn whoever_waits_hears_of_an_event_when_it_happens(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.place(&gateway.order("A-1")).await;
    let target = path("A-1");
    let (heard, cancelled) = tokio::join!(gateway.feed("?wait=60"), gateway.call("PATCH", &target, CANCEL));
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    assert_eq!(column(&heard, "status"), [json!("cancelled")]);
    let started = Instant::now();
    assert_eq!(gateway.feed("?after=1&wait=1").await.json["data"], json!([]));
    assert!(started.elapsed() >= Duration::from_secs(1));
    gateway.app.stop_waiting();
    assert_eq!(gateway.feed("?after=1&wait=60").await.json["next_after"], 1);
}

#[tokio::test]
async fn what_is_no_number_is_refused() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (query, info) in [
        ("after=-1", "Invalid after: must be a whole number from 0"),
        ("after=x", "Invalid after: must be a whole number from 0"),
        ("limit=0", "Invalid limit: must be a whole number from 1 to 1000"),
        ("limit=1001", "Invalid limit: must be a whole number from 1 to 1000"),
        ("wait=61", "Invalid wait: must be a whole number from 0 to 60"),
    ] {
        let answer = gateway.call("GET", &format!("/v1/json/events?{query}"), "").await;
        let expected = json!({"success": false, "data": {}, "error_code": 1016, "error_info": info});
        assert_eq!((answer.status, answer.json), (400, expected), "{query}");
    }
}
