//! `Idempotency-Key`: a request that is sent again has its effect once.

use crate::harness::{Answer, Database, Gateway, path};
use futures_util::future::{join_all, select};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const ORDERS: &str = "/v1/json/orders";
const CANCEL: &str = r#"{"status":"cancelled"}"#;

impl Gateway {
    async fn call_once(&self, method: &str, path: &str, key: &str, body: &str) -> Answer {
        let headers = [("api_key", self.key.as_str()), ("idempotency-key", key)];
        self.call_with(method, path, &headers, body).await
    }

    async fn sessions(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM session").await
    }
}

fn is_replay(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

fn assert_refused(answer: &Answer, status: u16, code: u32, info: &str) {
    let expected = json!({"success": false, "data": {}, "error_code": code, "error_info": info});
    assert_eq!((answer.status, &answer.json), (status, &expected), "{}", answer.text);
}

#[rstest]
#[tokio::test]
async fn the_same_request_is_answered_byte_for_byte_even_after_a_restart(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("A-1").to_string();
    let first = gateway.call_once("POST", ORDERS, "key 1", &order).await;
    assert!(first.status == 200 && !is_replay(&first), "{}", first.text);
    let cancelled = gateway.call_once("PATCH", &path("A-1"), "key 2", CANCEL).await;
    assert!(cancelled.status == 200 && !is_replay(&cancelled), "{}", cancelled.text);

    let gateway = gateway.restart().await;
    // Without the key this would open another session, at the new address, and that cancel would be refused.
    let spaced = order.replace("\":", "\" : ");
    for body in [&order, &spaced] {
        let again = gateway.call_once("POST", ORDERS, "key 1", body).await;
        assert!(again.status == 200 && is_replay(&again));
        assert_eq!(again.text, first.text);
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    }
    let again = gateway.call_once("PATCH", &path("A-1"), "key 2", CANCEL).await;
    assert!(again.status == 200 && is_replay(&again));
    assert_eq!(again.text, cancelled.text);
    assert_eq!((gateway.sessions().await, gateway.status("A-1").await.as_str()), (1, "cancelled/null"));
    assert_eq!(gateway.call("PATCH", &path("A-1"), CANCEL).await.status, 409, "it is cancelled already");
}

#[rstest]
#[tokio::test]
async fn a_key_belongs_to_one_request(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("A-1");
    gateway.place(&gateway.order("A-2")).await;
    let first = gateway.call_once("POST", ORDERS, "key", &order.to_string()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let mut changed = order.clone();
    changed["amount"] = json!(2000);
    for (method, target, body) in [
        ("POST", ORDERS.to_owned(), changed.to_string()),
        ("POST", ORDERS.to_owned(), "{}".to_owned()),
        ("POST", ORDERS.to_owned(), "no JSON".to_owned()),
        ("PATCH", path("A-1"), order.to_string()),
        ("PATCH", path("A-2"), CANCEL.to_owned()),
    ] {
        let answer = gateway.call_once(method, &target, "key", &body).await;
        let info = "Invalid Idempotency-Key: it was used before, for another request";
        assert_refused(&answer, 422, 1000, info);
    }
    assert_eq!(gateway.read("A-1").await["amount"], 1000);
    assert_eq!(gateway.status("A-2").await, "initialized/initialized");
}

/// One request by many at two nodes, neither of which knows what is in flight at the other. The one answer.
async fn crowd(gateway: &Gateway, twin: &str, method: &str, target: &str, key: &str, body: &str) -> Answer {
    let headers = [("api_key", gateway.key.as_str()), ("idempotency-key", key)];
    let calls = (0..20).map(|number| {
        let at = if number % 2 == 0 { &gateway.url } else { twin };
        gateway.call_at(at, method, target, &headers, body)
    });
    let mut first = Vec::new();
    let mut replays = Vec::new();
    for answer in join_all(calls).await {
        if answer.status != 200 {
            let info = "The first request with this Idempotency-Key is still being answered";
            assert_refused(&answer, 409, 1000, info);
        } else if is_replay(&answer) {
            replays.push(answer.text);
        } else {
            first.push(answer);
        }
    }
    assert_eq!(first.len(), 1, "{first:?}");
    let first = first.remove(0);
    assert!(replays.iter().all(|text| *text == first.text), "{replays:?}");
    first
}

#[rstest]
#[tokio::test]
async fn a_crowd_with_one_key_has_one_effect(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    for id in ["A-1", "A-2", "A-3"] {
        let order = gateway.order(id).to_string();
        let placed = crowd(&gateway, &twin, "POST", ORDERS, &format!("{id} placed"), &order).await;
        assert_eq!(placed.json["data"]["order_id"], id);
        // Without the key, whoever is second would be refused: it is cancelled already.
        crowd(&gateway, &twin, "PATCH", &path(id), &format!("{id} cancelled"), CANCEL).await;
        assert_eq!(gateway.status(id).await, "cancelled/null");
    }
    assert_eq!(gateway.sessions().await, 3);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM shop_order WHERE version = 2").await, 3);
    gateway.audited().await;
}

#[tokio::test]
async fn a_key_in_flight_is_refused_and_free_again_afterwards() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let order = gateway.order("A-1").to_string();
    // As long as this connection may write, the gateway cannot.
    let blocker = gateway.sqlite();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let call = || Box::pin(gateway.call_once("POST", ORDERS, "key", &order));
    let (refused, waiting) = select(call(), call()).await.factor_first();
    let info = "The first request with this Idempotency-Key is still being answered";
    assert_refused(&refused, 409, 1000, info);
    blocker.execute_batch("ROLLBACK").unwrap();
    let first = waiting.await;
    assert!(first.status == 200 && !is_replay(&first), "{}", first.text);
    let again = call().await;
    assert!(again.status == 200 && is_replay(&again), "{}", again.text);
}

#[rstest]
#[tokio::test]
async fn a_refusal_is_decided_anew(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let unknown = gateway.call_once("PATCH", &path("A-1"), "key", CANCEL).await;
    assert_refused(&unknown, 404, 1006, "Invalid transaction ID");
    let order = gateway.order("A-1");
    gateway.place(&order).await;
    let cancelled = gateway.call_once("PATCH", &path("A-1"), "key", CANCEL).await;
    assert!(cancelled.status == 200 && !is_replay(&cancelled), "{}", cancelled.text);
    let refused = gateway.call_once("PATCH", &path("A-1"), "another", CANCEL).await;
    assert_refused(&refused, 409, 1006, "Order A-1 is already cancelled");
    gateway.place(&order).await;
    let cancelled = gateway.call_once("PATCH", &path("A-1"), "another", CANCEL).await;
    assert!(cancelled.status == 200 && !is_replay(&cancelled), "{}", cancelled.text);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM idempotent_answer").await, 2);
}

#[rstest]
#[tokio::test]
async fn a_request_that_changes_nothing_is_answered_the_same_for_good(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("A-1");
    let first = gateway.call("POST", ORDERS, &order.to_string()).await;
    let same = gateway.call_once("POST", ORDERS, "key", &order.to_string()).await;
    assert!(same.text == first.text && !is_replay(&same));
    let mut changed = order.clone();
    changed["amount"] = json!(2000);
    gateway.place(&changed).await;
    let again = gateway.call_once("POST", ORDERS, "key", &order.to_string()).await;
    assert!(again.text == first.text && is_replay(&again), "{}", again.text);
    assert_eq!(gateway.read("A-1").await["amount"], 2000);
}

#[rstest]
#[tokio::test]
async fn a_key_is_forgotten_after_a_day(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let order = gateway.order("A-1").to_string();
    let first = gateway.call_once("POST", ORDERS, "key", &order).await;
    gateway.pass(Millis(Millis::hours(24).0 - 1)).await;
    assert!(is_replay(&gateway.call_once("POST", ORDERS, "key", &order).await));
    gateway.clock.advance(Millis(1));
    let mut changed: Value = serde_json::from_str(&order).unwrap();
    changed["amount"] = json!(2000);
    let anew = gateway.call_once("POST", ORDERS, "key", &changed.to_string()).await;
    assert!(anew.status == 200 && !is_replay(&anew) && anew.text != first.text, "{}", anew.text);
    gateway.pass(Millis::hours(24)).await;
    assert_eq!(gateway.count("SELECT COUNT(*) FROM idempotent_answer").await, 0);
}

#[rstest]
#[tokio::test]
async fn sites_do_not_share_keys(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let other = gateway.app.create_site("Another shop", false).await.unwrap();
    let order = gateway.order("A-1").to_string();
    let mine = gateway.call_once("POST", ORDERS, "key", &order).await;
    let headers = [("api_key", other.expose()), ("idempotency-key", "key")];
    let theirs = gateway.call_with("POST", ORDERS, &headers, &order).await;
    assert!(theirs.status == 200 && !is_replay(&theirs), "{}", theirs.text);
    assert_ne!(theirs.json["data"]["session_id"], mine.json["data"]["session_id"]);
}

#[tokio::test]
async fn a_key_is_1_to_255_printable_characters() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let order = gateway.order("A-1").to_string();
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for key in ["k", "a key, with: everything ~!", longest.as_str()] {
        let answer = gateway.call_once("POST", ORDERS, key, &order).await;
        assert!(answer.status == 200 && !is_replay(&answer), "{key}: {}", answer.text);
    }
    for key in ["", "a\tb", "é", too_long.as_str()] {
        let answer = gateway.call_once("POST", ORDERS, key, &order).await;
        let info = "Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters";
        assert_refused(&answer, 400, 1016, info);
    }
    let nobody = gateway.call_with("POST", ORDERS, &[("idempotency-key", "k")], &order).await;
    assert_refused(&nobody, 401, 1032, "Invalid API key");
    let read = gateway.call_once("GET", &path("A-1"), "", "").await;
    assert_eq!(read.status, 200, "reading needs no key and looks at none");
}

#[tokio::test]
async fn a_verification_code_is_no_part_of_a_request() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let order = |cvc: &str| {
        let mut order = gateway.order("A-1");
        order["gateway_info"] = json!({"cvc": cvc, "card_cvc": cvc, "term_url": "x"});
        order.to_string()
    };
    let first = gateway.call_once("POST", ORDERS, "key", &order("123")).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = gateway.call_once("POST", ORDERS, "key", &order("456")).await;
    assert!(again.text == first.text && is_replay(&again), "{}", again.text);
}
