//! What the simulated acquirer lets a card spend: an approval takes of it and everything that undoes one gives back,
//! once each, however often it is said.

use crate::harness::{Database, Gateway, Setup};
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;

const BOOK: &str = "/v1/json/simulator/book";
const FAULTS: &str = "/v1/json/simulator/faults";
/// Cards that may spend 100.00.
const SHORT: &str = "6799994000000000009";
const SHORT_TOO: &str = "6799994000000000108";
/// A card that may spend more than anybody sells.
const LONG: &str = "6799990000000000011";

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

async fn plan(gateway: &Gateway, faults: Value) {
    let answer = gateway.call("POST", FAULTS, &json!({ "faults": faults }).to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// What is left to the only card, of a line of 100.00.
async fn left(gateway: &Gateway) -> i64 {
    let cards = gateway.call("GET", BOOK, "").await.json["data"]["cards"].clone();
    let cards = cards.as_array().unwrap();
    let [card] = cards.as_slice() else { panic!("one card was used: {cards:?}") };
    let is = (&card["last4"], &card["currency"], &card["line"]);
    assert_eq!(is, (&json!(SHORT[15..]), &json!("EUR"), &json!(10_000)));
    card["open_to_buy"].as_i64().unwrap()
}

/// Pays an order of this amount; the order once it has an outcome.
async fn pay(gateway: &Gateway, id: &str, minor: i64, card: &str, capture: Option<&str>) -> Value {
    let mut order = gateway.order(id);
    order["amount"] = json!(minor);
    capture.into_iter().for_each(|capture| order["capture"] = json!(capture));
    let session = gateway.place(&order).await["session_id"].as_str().unwrap().to_owned();
    gateway.pay(&format!("/connect/{session}/?lang=en"), card).await;
    // Whoever waits for an answer of the acquirer does so by a real clock.
    while gateway.count("SELECT COUNT(*) FROM payment_transaction WHERE state = 'authorising'").await > 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..60 {
        if gateway.status(id).await != "initialized/initialized" {
            break;
        }
        gateway.pass(Millis::seconds(10)).await;
    }
    gateway.read(id).await
}

async fn refund(gateway: &Gateway, id: &str, minor: i64) {
    gateway.done(id, "refunds", &json!({ "amount": minor, "currency": "EUR" })).await;
    settle(gateway).await;
}

/// Lets time pass until nothing that was asked of the acquirer is left to do.
async fn settle(gateway: &Gateway) {
    for _ in 0..60 {
        gateway.pass(Millis::minutes(1)).await;
        let waiting =
            "SELECT COUNT(*) FROM job WHERE kind IN ('send_capture', 'send_refund', 'release_approval')";
        if gateway.count(waiting).await == 0 {
            return;
        }
    }
    panic!("an hour later something is still to be sent");
}

#[rstest]
#[tokio::test]
async fn a_card_pays_what_it_has_and_a_refund_is_there_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    assert_eq!(gateway.call("GET", BOOK, "").await.json["data"]["cards"], json!([]));
    assert_eq!(pay(&gateway, "A-1", 6_000, SHORT, None).await["status"], "completed");
    assert_eq!(left(&gateway).await, 4_000);
    let declined = pay(&gateway, "A-2", 4_001, SHORT, None).await;
    assert_eq!(
        (&declined["status"], &declined["reason_code"], &declined["payment_details"]["response_code"]),
        (&json!("declined"), &json!("4002"), &json!("51"))
    );
    assert_eq!(left(&gateway).await, 4_000);
    assert_eq!(pay(&gateway, "A-3", 4_000, SHORT, None).await["status"], "completed", "to the last cent");
    assert_eq!(left(&gateway).await, 0);
    refund(&gateway, "A-1", 2_500).await;
    assert_eq!(left(&gateway).await, 2_500);
    assert_eq!(pay(&gateway, "A-4", 2_501, SHORT, None).await["status"], "declined");
    refund(&gateway, "A-1", 3_500).await;
    assert_eq!(left(&gateway).await, 6_000);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn every_card_has_a_line_of_its_own_and_its_number_is_nowhere(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (id, minor, card) in [("A-1", 10_000, SHORT), ("A-2", 700, SHORT_TOO), ("A-3", 20_000, LONG)] {
        assert_eq!(pay(&gateway, id, minor, card, None).await["status"], "completed", "{id}");
    }
    let cards = gateway.call("GET", BOOK, "").await.json["data"]["cards"].clone();
    let line = 1_000_000_000_000_000_i64;
    let card = |last4: &str, line: i64, left: i64| json!({ "currency": "EUR", "last4": last4, "line": line, "open_to_buy": left });
    assert_eq!(
        cards,
        json!([card("0009", 10_000, 0), card("0011", line, line - 20_000), card("0108", 10_000, 9_300)])
    );
    let kept = gateway.sql("SELECT card FROM simulator_card UNION SELECT card FROM simulator_hold").await;
    assert_eq!(kept.len(), 3);
    for row in kept {
        let digest = &row[0];
        assert!(digest.len() == 64 && ![SHORT, SHORT_TOO, LONG].iter().any(|pan| digest.contains(&pan[6..])));
    }
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn what_is_not_captured_is_given_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    pay(&gateway, "A-1", 5_000, SHORT, Some("manual")).await;
    assert_eq!(left(&gateway).await, 5_000, "held");
    gateway.done("A-1", "capture", &json!({ "amount": 1_200, "new_order_id": "B-1" })).await;
    gateway.work().await;
    assert_eq!(left(&gateway).await, 5_000, "part of it is taken, the rest is held");
    let rest = json!({ "status": "cancelled", "reason": "Sold out" });
    assert_eq!(gateway.change("/v1/json/capture/A-1", &rest).await.status, 200);
    gateway.work().await;
    assert_eq!(left(&gateway).await, 8_800);
    refund(&gateway, "B-1", 200).await;
    assert_eq!(left(&gateway).await, 9_000);

    pay(&gateway, "A-2", 9_000, SHORT, Some("manual")).await;
    assert_eq!(left(&gateway).await, 0);
    assert_eq!(gateway.change("/v1/json/capture/A-2", &rest).await.status, 200);
    gateway.work().await;
    assert_eq!(left(&gateway).await, 9_000, "cancelled");

    pay(&gateway, "A-3", 8_000, SHORT, Some("manual")).await;
    assert_eq!(left(&gateway).await, 1_000);
    gateway.pass(Millis::days(40)).await;
    gateway.pass(Millis::minutes(1)).await;
    assert_eq!(left(&gateway).await, 9_000, "expired");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_review_that_ends_badly_gives_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let held = async || gateway.count("SELECT SUM(held_minor) FROM simulator_hold").await;
    assert_eq!(pay(&gateway, "A-1", 5_000, "6799990000000000037", None).await["status"], "uncleared");
    assert_eq!(held().await, 5_000);
    gateway.pass(Millis::minutes(3)).await;
    assert_eq!((gateway.status("A-1").await.as_str(), held().await), ("void/void", 0));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_part_that_is_approved_is_held_until_it_is_given_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let lost = json!([{ "kind": "no_answer", "next": 2, "on": "0400" }]);
    let body = json!({ "amount_rules": true, "faults": lost }).to_string();
    gateway.call("POST", FAULTS, &body).await;
    assert_eq!(pay(&gateway, "A-1", 5_010, SHORT, None).await["status"], "declined");
    assert_eq!(left(&gateway).await, 10_000);
    assert_eq!(gateway.count("SELECT reversals FROM simulator_authorisation").await, 3, "given back once");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn what_is_said_twice_moves_money_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values("no_answer", "duplicate", "drop_after", "garbage")] kind: &str,
) {
    let gateway = start(database).await;
    pay(&gateway, "A-1", 4_000, SHORT, Some("manual")).await;
    let faults = ["0220", "0400", "0200"].map(|on| json!({ "kind": kind, "next": 1, "on": on }));
    plan(&gateway, json!(faults)).await;
    gateway.done("A-1", "capture", &json!({ "amount": 1_500, "new_order_id": "B-1" })).await;
    let rest = json!({ "status": "cancelled", "reason": "Sold out" });
    assert_eq!(gateway.change("/v1/json/capture/A-1", &rest).await.status, 200);
    settle(&gateway).await;
    assert_eq!(left(&gateway).await, 8_500);
    refund(&gateway, "B-1", 500).await;
    assert_eq!(left(&gateway).await, 9_000);
    let repeated = gateway.count("SELECT COUNT(*) FROM trace WHERE sends > 1").await;
    assert!(kind == "duplicate" || repeated >= 2, "{repeated} messages were sent again");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_unanswered_authorisation_that_is_reversed_leaves_the_line_whole(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let lost = [("0100", 1), ("0600", 4), ("0400", 3)]
        .map(|(on, next)| json!({ "kind": "no_answer", "next": next, "on": on }));
    plan(&gateway, json!(lost)).await;
    assert_eq!(pay(&gateway, "A-1", 9_000, SHORT, None).await["status"], "declined");
    assert_eq!(gateway.book().await, (4, 4, false));
    assert_eq!(left(&gateway).await, 10_000);
    assert_eq!(pay(&gateway, "A-2", 10_000, SHORT, None).await["status"], "completed");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn customers_who_pay_at_once_cannot_spend_more_than_there_is(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let ids: Vec<String> = (1..=8).map(|number| format!("A-{number}")).collect();
    let orders = join_all(ids.iter().map(|id| pay(&gateway, id, 3_000, SHORT, None))).await;
    let paid = orders.iter().filter(|order| order["status"] == "completed").count();
    let declined = orders.iter().filter(|order| order["reason_code"] == "4002").count();
    assert_eq!((paid, declined, left(&gateway).await), (3, 5, 1_000));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_audit_finds_money_that_a_card_lost_or_found(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(
        ("UPDATE simulator_card SET open_minor = open_minor + 1", "1 cards have not left"),
        ("UPDATE simulator_hold SET held_minor = held_minor - 1", "1 cards have not left"),
        ("UPDATE simulator_hold SET held_minor = held_minor - 1", "1 authorisations hold"),
        ("DELETE FROM simulator_hold WHERE stan = (SELECT MAX(stan) FROM simulator_hold)", "1 authorisations hold")
    )]
    (change, difference): (&str, &str),
) {
    let gateway = Gateway::start(database).await;
    pay(&gateway, "A-1", 1_000, SHORT, None).await;
    if change.starts_with("DELETE") {
        pay(&gateway, "A-2", 1_000, SHORT, None).await;
    }
    gateway.audited().await;
    gateway.sql(change).await;
    let report = kassa::audit::audit(gateway.app.store()).await.unwrap();
    assert!(report.differences.iter().any(|found| found.contains(difference)), "{:?}", report.differences);
}
