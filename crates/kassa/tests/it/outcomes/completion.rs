//! An acquirer that collects nothing by itself: an advice follows every approval, is repeated until it is acknowledged,
//! and outlives the process.

use super::{PAID, amounts, by_telephone};
use crate::harness::{Database, Gateway, Host, Setup};
use iso8583::Message;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;

const COMPLETION: &str = "completion = true";

async fn start(database: Database, host: &Host, lines: &str) -> Gateway {
    // What the host is silent about is given up on soon.
    let setup =
        Setup { acquirers: host.settings(lines), advice_within: Millis::seconds(2), ..Setup::default() };
    Gateway::start_as(database, setup).await
}

/// Pays an order with a card of its page.
async fn paid(gateway: &Gateway, id: &str) {
    let path = gateway.page_of(id).await;
    let end = gateway.pay(&path, PAID).await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "{end:?}");
}

/// What makes a completion this one and no other.
fn numbers(message: &Message) -> Vec<Option<&str>> {
    [4, 7, 11, 12, 13, 37, 38, 41, 42, 49, 90].into_iter().map(|field| message.text(field)).collect()
}

#[rstest]
#[tokio::test]
async fn an_approval_is_followed_by_one_advice(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, COMPLETION).await;
    paid(&gateway, "A-1").await;
    host.hears("0220", 1).await;
    gateway.pass(Millis::days(2)).await;
    assert_eq!(host.heard(), ["0100", "0220"], "and by nothing else");
    let (asked, told) = (&host.heard_of("0100")[0], &host.heard_of("0220")[0]);
    assert_eq!(asked.text(61).map(|text| &text[6..7]), Some("4"), "it says that a completion follows");
    assert_eq!((told.text(4), told.text(38)), (Some("000000001000"), Some("123456")));
    assert_eq!((told.text(37), told.text(41)), (asked.text(37), asked.text(41)));
    let original = format!("0100{}{}", asked.text(11).unwrap(), asked.text(7).unwrap());
    assert!(told.text(90).unwrap().starts_with(&original), "{told:?}");

    let order = gateway.read("A-1").await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(order.get("related_transactions").unwrap_or(&Value::Null), &Value::Null, "{order:#}");
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"], "the shop is told nothing new");
    assert_eq!(amounts(&gateway.audited().await), ["acquirer EUR -1000", "balance EUR 1000"]);
}

#[rstest]
#[tokio::test]
async fn an_advice_whose_answer_is_lost_is_repeated_until_it_is_acknowledged(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, COMPLETION).await;
    for lost in ["0220", "0221", "0221"] {
        host.ignore_next(lost);
    }
    paid(&gateway, "A-1").await;
    gateway.work().await;
    for (seconds, repeats) in [(10, 1), (30, 2), (60, 3)] {
        gateway.pass(Millis(seconds * 1_000 - 1)).await;
        assert_eq!(host.heard_of("0221").len() + 1, repeats, "not before {seconds} seconds");
        gateway.audited().await;
        gateway.pass(Millis(1)).await;
        assert_eq!(host.heard_of("0221").len(), repeats, "after {seconds} seconds");
    }
    gateway.pass(Millis::days(2)).await;
    assert_eq!(host.heard(), ["0100", "0220", "0221", "0221", "0221"]);
    let first = host.heard_of("0220");
    for repeat in host.heard_of("0221") {
        assert_eq!(numbers(&repeat), numbers(&first[0]), "under the same numbers");
    }
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_completion_that_is_not_acknowledged_goes_on_in_the_next_process(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, COMPLETION).await;
    // Nothing is done of what is due: the process ends between the approval and its completion.
    let order = by_telephone(&gateway, "A-1");
    let answer = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
    assert_eq!(answer.json["data"]["status"], "completed", "{}", answer.text);
    assert_eq!(host.heard(), ["0100"]);
    let gateway = gateway.restart().await;
    gateway.audited().await;
    host.ignore_next("0220");
    gateway.work().await;
    assert_eq!(host.heard(), ["0100", "0220"]);
    let gateway = gateway.restart().await;
    gateway.work().await;
    assert_eq!(host.heard(), ["0100", "0220"], "not before its time");
    gateway.pass(Millis::seconds(10)).await;
    let gateway = gateway.restart().await;
    gateway.pass(Millis::days(2)).await;
    assert_eq!(host.heard(), ["0100", "0220", "0221"]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_refund_waits_for_the_completion_it_gives_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, COMPLETION).await;
    host.ignore_next("0220");
    paid(&gateway, "A-1").await;
    gateway.work().await;
    let cancelled = gateway.call("PATCH", "/v1/json/orders/A-1", r#"{"status":"cancelled"}"#).await;
    assert_eq!(cancelled.status, 409, "what is paid is refunded: {}", cancelled.text);
    let body = json!({"currency": "EUR", "amount": 400, "description": "Too large"}).to_string();
    let refunded = gateway.call("POST", "/v1/json/orders/A-1/refunds", &body).await;
    assert_eq!(refunded.status, 200, "{}", refunded.text);
    gateway.pass(Millis::seconds(9)).await;
    assert_eq!(host.heard(), ["0100", "0220"], "nothing overtakes it");
    gateway.audited().await;
    gateway.pass(Millis::seconds(1)).await;
    gateway.pass(Millis::seconds(5)).await;
    assert_eq!(host.heard(), ["0100", "0220", "0221", "0200"]);
    assert_eq!(gateway.status("A-1").await, "partial_refunded/completed");
    assert_eq!(amounts(&gateway.audited().await), ["acquirer EUR -600", "balance EUR 600", "reserved EUR 0"]);
}

#[rstest]
#[tokio::test]
async fn nothing_is_completed_but_what_is_paid_at_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, COMPLETION).await;
    // The shop captures by itself.
    let mut order = by_telephone(&gateway, "A-1");
    order["capture"] = json!("manual");
    let answer = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
    assert_eq!(answer.json["data"]["financial_status"], "initialized", "{}", answer.text);
    gateway.work().await;
    assert_eq!(host.heard(), ["0100"]);
    let captured = gateway.call("POST", "/v1/json/orders/A-1/capture", r#"{"amount": 300}"#).await;
    assert_eq!(captured.status, 200, "{}", captured.text);
    gateway.pass(Millis::seconds(1)).await;
    assert_eq!(host.heard(), ["0100", "0220"]);
    assert_eq!(host.heard_of("0220")[0].text(4), Some("000000000300"));
    // Nothing to collect.
    let mut nothing = by_telephone(&gateway, "A-2");
    nothing["amount"] = json!(0);
    let answer = gateway.call("POST", "/v1/json/orders", &nothing.to_string()).await;
    assert_eq!(answer.json["data"]["status"], "completed", "{}", answer.text);
    gateway.pass(Millis::days(1)).await;
    assert_eq!(host.heard(), ["0100", "0220", "0100"]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_acquirer_that_collects_by_itself_is_told_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, "").await;
    paid(&gateway, "A-1").await;
    gateway.pass(Millis::days(1)).await;
    assert_eq!(host.heard(), ["0100"]);
    assert_eq!(host.heard_of("0100")[0].text(61).map(|text| &text[6..7]), Some("0"));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_approval_that_had_to_be_asked_for_is_completed_too(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let setup = Setup {
        acquirers: host.settings("completion = true\nhas_inquiry = true"),
        answer_within: Millis(200),
        page_wait: Duration::from_millis(50),
        ..Setup::default()
    };
    let gateway = Gateway::start_as(database, setup).await;
    host.ignore_next("0100");
    let answer = gateway.call("POST", "/v1/json/orders", &by_telephone(&gateway, "A-1").to_string()).await;
    assert_eq!(answer.json["data"]["status"], "initialized", "{}", answer.text);
    while gateway.count("SELECT COUNT(*) FROM payment_transaction WHERE state = 'unknown'").await == 0 {
        tokio::task::yield_now().await;
    }
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(host.heard(), ["0100", "0600", "0220"]);
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    gateway.audited().await;
}
