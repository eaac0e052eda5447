//! The link to the acquirer breaks in every way that it knows: whatever happens, the card is charged once or not at
//! all, and the acquirer's book says the same as ours.

use super::PAID;
use crate::harness::{Database, Gateway, Setup};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;

/// A gateway that waits for nothing long.
async fn start(database: Database) -> Gateway {
    let setup = Setup {
        answer_within: Millis(500),
        advice_within: Millis(500),
        page_wait: Duration::from_millis(50),
        ..Setup::default()
    };
    Gateway::start_as(database, setup).await
}

impl Gateway {
    async fn plan(&self, faults: Value) {
        let body = json!({ "seed": 1, "faults": faults }).to_string();
        let answer = self.call("POST", "/v1/json/simulator/faults", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Lets time pass until the order has an outcome.
    async fn settled(&self, id: &str) -> String {
        for _ in 0..60 {
            let status = self.status(id).await;
            if status != "initialized/initialized" {
                return status;
            }
            self.pass(Millis::seconds(10)).await;
        }
        panic!("{id} is still not settled: {}", self.status(id).await);
    }

    /// Until so many messages of a kind have left.
    async fn until_sent(&self, operation: &str, sends: i64) {
        let sql = format!("SELECT COALESCE(MAX(sends), 0) FROM trace WHERE operation = '{operation}'");
        while self.count(&sql).await < sends {
            tokio::task::yield_now().await;
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_fault_of_the_link_charges_once_or_not_at_all(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(
        ("no_answer", "completed/completed", 1),
        ("late", "completed/completed", 1),
        ("duplicate", "completed/completed", 1),
        ("reorder", "completed/completed", 1),
        ("garbage", "completed/completed", 1),
        ("half_frame", "completed/completed", 1),
        ("drop_before", "declined/declined", 0),
        ("drop_after", "completed/completed", 1),
        ("latency", "completed/completed", 1)
    )]
    (kind, status, charges): (&str, &str, i64),
) {
    let gateway = start(database).await;
    gateway
        .plan(json!([{ "kind": kind, "next": 1, "delay_ms": if kind == "late" { 1_000 } else { 100 } }]))
        .await;
    let path = gateway.page_of("A-1").await;
    gateway.pay(&path, PAID).await;
    gateway.until_sent("authorise", 1).await;
    assert_eq!(gateway.settled("A-1").await, status);
    assert_eq!(gateway.charges().await, charges);
    let stans = "SELECT COUNT(DISTINCT stan) FROM trace";
    assert_eq!(gateway.count(stans).await, gateway.count("SELECT COUNT(*) FROM trace").await);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM trace WHERE operation = 'authorise'").await, 1);
    gateway.audited().await;
    if charges == 0 {
        gateway.pay(&path, PAID).await;
        assert_eq!(gateway.settled_again("A-1").await, "completed/completed");
        assert_eq!(gateway.charges().await, 1);
        gateway.audited().await;
    }
}

impl Gateway {
    /// The same after a decline, whose status stands until the next card has an outcome.
    async fn settled_again(&self, id: &str) -> String {
        for _ in 0..60 {
            let status = self.status(id).await;
            if !matches!(status.as_str(), "initialized/initialized" | "declined/declined") {
                return status;
            }
            self.pass(Millis::seconds(1)).await;
        }
        panic!("{id} is still not settled: {}", self.status(id).await);
    }
}

#[rstest]
#[tokio::test]
async fn a_reversal_is_repeated_under_its_numbers_until_it_is_answered(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    gateway
        .plan(json!([
            { "kind": "no_answer", "next": 1, "on": "0100" },
            { "kind": "no_answer", "next": 4, "on": "0600" },
            { "kind": "no_answer", "next": 3, "on": "0400" }
        ]))
        .await;
    let path = gateway.page_of("A-1").await;
    gateway.pay(&path, PAID).await;
    gateway.until_sent("authorise", 1).await;
    assert_eq!(gateway.settled("A-1").await, "declined/declined");
    assert_eq!(gateway.book().await, (4, 4, false), "asked four times, then reversed, and three times again");
    let traces = gateway.sql("SELECT operation, mti, sends FROM trace ORDER BY stan").await;
    assert_eq!(traces, [["authorise", "0100", "1"], ["reverse", "0400", "4"]]);
    let rrns = gateway.count("SELECT COUNT(DISTINCT rrn) FROM trace").await;
    assert_eq!(rrns, 1, "the reversal carries the reference of what it reverses");
    let book = gateway.call("GET", "/v1/json/simulator/book", "").await.json["data"].clone();
    let entry = &book["authorisations"][0];
    assert_eq!(
        (&entry["order_id"], &entry["reversals"], &entry["charged"]),
        (&json!("A-1"), &json!(4), &json!(0))
    );
    assert!(gateway.audited().await.is_empty(), "no money ever moved");
}

#[rstest]
#[tokio::test]
async fn an_approval_that_comes_after_its_reversal_changes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    gateway
        .plan(json!([
            { "kind": "late", "next": 1, "on": "0100", "delay_ms": 6_000 },
            { "kind": "no_answer", "next": 4, "on": "0600" },
            { "kind": "duplicate", "next": 1, "on": "0400" }
        ]))
        .await;
    let path = gateway.page_of("A-1").await;
    gateway.pay(&path, PAID).await;
    gateway.until_sent("authorise", 1).await;
    assert_eq!(gateway.settled("A-1").await, "declined/declined");
    // The approval is still on its way. Another card pays meanwhile, and its answer leaves at once.
    gateway.pay(&path, PAID).await;
    assert_eq!(gateway.settled_again("A-1").await, "completed/completed");
    tokio::time::sleep(Duration::from_secs(6)).await;
    gateway.pass(Millis::days(2)).await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(gateway.charges().await, 1);
    let reversed = "SELECT COUNT(*) FROM payment_transaction WHERE state = 'declined'";
    assert_eq!(gateway.count(reversed).await, 1, "the first stays as it ended");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_authorisation_that_arrives_after_its_reversal_charges_nobody(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    gateway.plan(json!([{ "kind": "held", "next": 1, "on": "0100", "delay_ms": 3_000 }])).await;
    let path = gateway.page_of("A-1").await;
    gateway.pay(&path, PAID).await;
    gateway.until_sent("authorise", 1).await;
    assert_eq!(gateway.settled("A-1").await, "declined/declined");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM trace WHERE operation = 'reverse'").await, 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(gateway.charges().await, 0);
    let stands = "SELECT COUNT(*) FROM simulator_authorisation WHERE reversed_at IS NULL";
    assert_eq!(gateway.count(stands).await, 0);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_refused_sign_on_is_tried_again_and_costs_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    gateway.plan(json!([{ "kind": "refuse_sign_on", "next": 1 }])).await;
    let path = gateway.page_of("A-1").await;
    gateway.pay(&path, PAID).await;
    assert_eq!(gateway.settled("A-1").await, "completed/completed");
    assert_eq!(gateway.charges().await, 1);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn captures_and_refunds_survive_what_is_lost_on_the_way(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values("no_answer", "drop_before", "drop_after", "garbage", "half_frame")] kind: &str,
) {
    let gateway = start(database).await;
    let mut order = gateway.order("A-1");
    order["capture"] = json!("manual");
    let session = gateway.place(&order).await["session_id"].as_str().unwrap().to_owned();
    gateway.pay(&format!("/connect/{session}/?lang=en"), PAID).await;
    gateway
        .plan(json!([{ "kind": kind, "next": 1, "on": "0220" }, { "kind": kind, "next": 1, "on": "0200" }]))
        .await;
    let part = json!({ "amount": 600, "new_order_id": "B-1", "new_order_status": "completed" });
    let captured = gateway.call("POST", "/v1/json/orders/A-1/capture", &part.to_string()).await;
    assert_eq!(captured.status, 200, "{captured:?}");
    gateway.pass(Millis::seconds(60)).await;
    gateway.pass(Millis::seconds(60)).await;
    let body = r#"{"amount": 200, "currency": "EUR"}"#;
    let refunded = gateway.call("POST", "/v1/json/orders/B-1/refunds", body).await;
    assert_eq!(refunded.status, 200, "{refunded:?}");
    for _ in 0..20 {
        gateway.pass(Millis::minutes(1)).await;
    }
    let book = gateway.call("GET", "/v1/json/simulator/book", "").await.json["data"].clone();
    let moved: Vec<_> = book["movements"].as_array().unwrap().iter().map(|moved| &moved["amount"]).collect();
    assert_eq!(moved, [&json!(200), &json!(600)], "each of them once: {book}");
    let sends = gateway.sql("SELECT operation, sends FROM trace WHERE sends > 1 ORDER BY operation").await;
    assert_eq!(sends.first().map(|row| row[0].as_str()), Some("capture"), "{sends:?}");
    gateway.audited().await;
}
