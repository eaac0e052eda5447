//! The version of an order, and waiting for it: a return page never races the notification.

use crate::harness::{Answer, Database, Gateway, path};
use rstest::rstest;
use serde_json::json;
use std::time::{Duration, Instant};

const CANCEL: &str = r#"{"status":"cancelled"}"#;
const PAYS: &str = "6799990000000000011";

fn version(answer: &Answer) -> i64 {
    answer.headers["kassa-order-version"].to_str().unwrap().parse().unwrap()
}

impl Gateway {
    /// The order once it has this version, or as it stands when the time is over.
    async fn wait(&self, id: &str, version: i64, rest: &str) -> Answer {
        self.call("GET", &format!("{}?wait_version={version}{rest}", path(id)), "").await
    }
}

#[rstest]
#[tokio::test]
async fn every_answer_about_an_order_has_its_version_which_only_grows(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("A-1").to_string();
    let placed = gateway.call("POST", "/v1/json/orders", &order).await;
    assert_eq!(version(&placed), 1);
    assert_eq!(version(&gateway.call("POST", "/v1/json/orders", &order).await), 1, "nothing changed");
    assert_eq!(version(&gateway.call("GET", &path("A-1"), "").await), 1);
    let cancelled = gateway.call("PATCH", &path("A-1"), CANCEL).await;
    assert!(version(&cancelled) > 1);
    let read = gateway.call("GET", &path("A-1"), "").await;
    assert_eq!(version(&read), version(&cancelled));
    let again = gateway.call("POST", "/v1/json/orders", &order).await;
    assert!(version(&again) > version(&cancelled));
    let refused = gateway.call("GET", &path("unknown"), "").await;
    assert_eq!((refused.status, refused.headers.get("kassa-order-version")), (404, None));
}

#[rstest]
#[tokio::test]
async fn whoever_waits_for_a_version_is_answered_when_it_is_there(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let placed = gateway.place(&gateway.order("A-1")).await;
    for reached in [0, 1] {
        assert_eq!(version(&gateway.wait("A-1", reached, "&timeout=60").await), 1, "at once");
    }
    let (waited, ()) = tokio::join!(gateway.wait("A-1", 2, "&timeout=60&locale=nl_NL&x"), async {
        gateway.customer().pay(placed["payment_url"].as_str().unwrap(), PAYS).await;
    });
    assert!(waited.status == 200 && version(&waited) >= 2, "{}", waited.text);
    let paid = gateway.read("A-1").await;
    let psp_id = paid["transaction_id"].to_string();
    let newest = version(&gateway.wait("A-1", 2, "").await);
    assert_eq!(gateway.wait(&psp_id, newest, "&timeout=60").await.json["data"], paid);
}

#[rstest]
#[tokio::test]
async fn a_change_that_another_node_made_ends_the_wait_as_well(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    gateway.place(&gateway.order("A-1")).await;
    let (target, key) = (path("A-1"), [("api_key", gateway.key.as_str())]);
    let (waited, cancelled) = tokio::join!(
        gateway.wait("A-1", 2, "&timeout=60"),
        gateway.call_at(&twin, "PATCH", &target, &key, CANCEL)
    );
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    assert_eq!((version(&waited), waited.json["data"]["status"].as_str()), (2, Some("cancelled")));
}

#[tokio::test]
async fn when_the_time_is_over_the_order_is_shown_as_it_stands() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.place(&gateway.order("A-1")).await;
    for timeout in [0, 1] {
        let started = Instant::now();
        let answer = gateway.wait("A-1", 99, &format!("&timeout={timeout}")).await;
        assert_eq!((answer.status, version(&answer)), (200, 1));
        assert!(started.elapsed() >= Duration::from_secs(timeout), "{:?}", started.elapsed());
    }
    assert_eq!(gateway.wait("unknown", 1, "").await.status, 404);
}

#[tokio::test]
async fn a_gateway_that_stops_keeps_nobody_waiting() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.place(&gateway.order("A-1")).await;
    let started = Instant::now();
    let (answer, ()) = tokio::join!(gateway.wait("A-1", 99, "&timeout=60"), async {
        gateway.app.stop_waiting();
    });
    assert_eq!((answer.status, version(&answer)), (200, 1));
    assert!(started.elapsed() < Duration::from_secs(50));
}

#[tokio::test]
async fn what_is_no_number_is_refused() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.place(&gateway.order("A-1")).await;
    for (query, info) in [
        ("wait_version=", "Invalid wait_version: must be a whole number from 0"),
        ("wait_version=-1", "Invalid wait_version: must be a whole number from 0"),
        ("wait_version=1.0", "Invalid wait_version: must be a whole number from 0"),
        ("wait_version=9223372036854775808", "Invalid wait_version: must be a whole number from 0"),
        ("wait_version=1&timeout=61", "Invalid timeout: must be a whole number from 0 to 60"),
        ("wait_version=1&timeout=-1", "Invalid timeout: must be a whole number from 0 to 60"),
        ("wait_version=1&timeout=soon", "Invalid timeout: must be a whole number from 0 to 60"),
    ] {
        let answer = gateway.call("GET", &format!("{}?{query}", path("A-1")), "").await;
        let expected = json!({"success": false, "data": {}, "error_code": 1016, "error_info": info});
        assert_eq!((answer.status, answer.json), (400, expected), "{query}");
    }
    let answer = gateway.call("GET", &format!("{}?timeout=soon", path("A-1")), "").await;
    assert_eq!(answer.status, 200, "nobody waits");
}
