//! The acquirer does not answer: nobody is charged twice, and nobody is told what is not known.

use super::{OVERDUE, PAID, amounts, assert_checking};
use crate::harness::{Database, Gateway, Setup};
use payments::time::Millis;
use rstest::rstest;
use std::time::Duration;

const FOUND_BY_INQUIRY: &str = "6799990000000000078";
const NEVER_ARRIVED: &str = "6799990000000000128";
const SILENT: &str = "6799990000000000086";

/// A gateway whose page soon says that the payment is being checked.
async fn start(database: Database) -> Gateway {
    Gateway::start_as(database, Setup { page_wait: Duration::from_millis(50), ..Setup::default() }).await
}

#[rstest]
#[tokio::test]
async fn a_payment_whose_answer_got_lost_is_found_and_charged_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let path = gateway.page_of("A-1").await;
    let checking = gateway.pay(&path, FOUND_BY_INQUIRY).await;
    assert_checking(&checking);
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");

    // Meanwhile no second card, no cancel, no other terms.
    let second = gateway.submit(&path, PAID).await;
    assert_checking(&second);
    assert_eq!(second.url.path(), checking.url.path());
    assert_checking(&gateway.customer().open(&path).await);
    let cancelled = gateway.call("PATCH", "/v1/json/orders/A-1", r#"{"status":"cancelled"}"#).await;
    assert_eq!((cancelled.status, cancelled.json["success"].as_bool()), (409, Some(false)));
    let mut dearer = gateway.order("A-1");
    dearer["amount"] = 2000.into();
    assert_eq!(gateway.call("POST", "/v1/json/orders", &dearer.to_string()).await.status, 409);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM payment_transaction").await, 1);
    assert_eq!(gateway.shop.statuses(), ["initialized"]);

    gateway.pass(OVERDUE).await;
    gateway.pass(Millis(1_999)).await;
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    gateway.audited().await;
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"]);
    let end = gateway.customer().open(checking.url.as_str()).await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "the page that looks again goes on to the shop");
    gateway.pass(Millis::days(6)).await;
    assert_eq!(gateway.book().await, (1, 0, true));
    assert_eq!(amounts(&gateway.audited().await), ["acquirer EUR -1000", "balance EUR 1000"]);
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_given_up_is_asked_for_before_it_is_overdue(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let setup = Setup { answer_within: Millis(1), page_wait: Duration::from_millis(50), ..Setup::default() };
    let gateway = Gateway::start_as(database, setup).await;
    let path = gateway.page_of("A-1").await;
    assert_checking(&gateway.pay(&path, FOUND_BY_INQUIRY).await);
    while gateway.count("SELECT COUNT(*) FROM payment_transaction WHERE state = 'unknown'").await == 0 {
        tokio::task::yield_now().await;
    }
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(gateway.charges().await, 1);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_payment_that_never_arrived_is_reversed_and_another_card_can_pay(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let path = gateway.page_of("A-1").await;
    let checking = gateway.pay(&path, NEVER_ARRIVED).await;
    assert_checking(&checking);
    gateway.pass(OVERDUE).await;
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 0);
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    let order = gateway.read("A-1").await;
    assert_eq!(
        (order["reason_code"].as_str(), order["payment_details"]["response_code"].as_str()),
        (Some("4999"), Some("91"))
    );
    assert_eq!(gateway.book().await, (0, 1, false), "forbidden, should it still arrive");
    let page = gateway.customer().open(checking.url.as_str()).await;
    assert!(page.has("input[name=card_number]") && page.has(".notice[role=alert]"), "{page:?}");

    let end = gateway.pay(&path, PAID).await;
    // The page waits for a moment only; the order says how it ended.
    while gateway.status("A-1").await != "completed/completed" {
        gateway.work().await;
    }
    assert!(end.outcome.is_none_or(|outcome| outcome == "paid"));
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["initialized", "declined", "initialized", "completed"]);
    assert_eq!(gateway.charges().await, 1);
    assert_eq!(amounts(&gateway.audited().await), ["acquirer EUR -1000", "balance EUR 1000"]);
}

#[rstest]
#[tokio::test]
async fn a_silent_acquirer_is_asked_four_times_and_told_to_reverse_until_it_acknowledges(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let path = gateway.page_of("A-1").await;
    assert_checking(&gateway.pay(&path, SILENT).await);
    gateway.pass(OVERDUE).await;
    // Seconds until the next step, inquiries and reversals by then.
    for (seconds, inquiries, reversals) in
        [(2, 1, 0), (5, 2, 0), (15, 3, 0), (30, 4, 1), (10, 4, 2), (30, 4, 3)]
    {
        let before = gateway.book().await;
        gateway.pass(Millis(seconds * 1_000 - 1)).await;
        assert_eq!(gateway.book().await, before, "not before {seconds} seconds");
        assert_eq!(gateway.status("A-1").await, "initialized/initialized");
        assert_checking(&gateway.customer().open(&path).await);
        gateway.audited().await;
        gateway.pass(Millis(1)).await;
        assert_eq!(gateway.book().await, (inquiries, reversals, reversals == 0), "after {seconds} seconds");
    }
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    assert_eq!(gateway.read("A-1").await["reason_code"], "4999");
    assert_eq!(gateway.shop.statuses(), ["initialized", "declined"]);
    gateway.pass(Millis::hours(2)).await;
    assert_eq!(gateway.book().await, (4, 3, false), "nothing more is sent");
    assert!(gateway.audited().await.is_empty(), "no money ever moved");
}
