//! What the clock ends: reviews, attempts and sessions.

use super::{PAID, amounts};
use crate::harness::{Database, Gateway};
use payments::time::Millis;
use rstest::rstest;
use serde_json::json;

#[rstest]
#[case::accepted("6799990000000000052", "completed", &["acquirer EUR -1000", "balance EUR 1000", "uncleared EUR 0"])]
#[case::rejected("6799990000000000037", "void", &["acquirer EUR 0", "uncleared EUR 0"])]
#[tokio::test]
async fn a_held_payment_is_decided_after_three_minutes(
    #[case] card: &str,
    #[case] status: &str,
    #[case] balances: &[&str],
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let end = gateway.pay(&path, card).await;
    assert_eq!(end.outcome.as_deref(), Some("uncleared"));
    assert!(end.url.as_str().starts_with(&gateway.shop.url("/thanks")), "a held customer is not told so");
    assert_eq!(amounts(&gateway.audited().await), ["acquirer EUR -1000", "uncleared EUR 1000"]);
    let again = gateway.submit(&path, PAID).await;
    assert_eq!(
        (again.status, again.ending().as_str()),
        (200, "already-paid"),
        "a held order is not paid again"
    );

    gateway.pass(Millis(Millis::minutes(3).0 - 1)).await;
    assert_eq!(gateway.status("A-1").await, "uncleared/uncleared");
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.status("A-1").await, format!("{status}/{status}"));
    let released = status == "void";
    assert_eq!(gateway.book().await, (0, i64::from(released), !released), "a void gives the approval back");
    assert_eq!(amounts(&gateway.audited().await), *balances);
    assert_eq!(gateway.shop.statuses(), ["initialized", "uncleared", status]);
    gateway.pass(Millis::days(6)).await;
    assert_eq!(gateway.status("A-1").await, format!("{status}/{status}"));
}

#[rstest]
#[tokio::test]
async fn an_attempt_ends_after_an_hour_at_the_issuers_page_and_cannot_be_confirmed_then(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let challenge = gateway.submit(&path, PAID).await;
    gateway.pass(Millis(Millis::hours(1).0 - 1)).await;
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.status("A-1").await, "expired/expired");

    let late = gateway.customer().answer(&challenge, "Y").await;
    assert!(late.has("input[name=card_number]") && late.has(".notice[role=alert]"), "{late:?}");
    assert_eq!(gateway.status("A-1").await, "expired/expired");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 0);
    gateway.pay(&path, PAID).await;
    assert_eq!(gateway.status("A-1").await, "completed/completed", "the session is still good");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_confirmation_that_comes_before_the_worker_but_after_the_hour_is_too_late(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let challenge = gateway.submit(&path, PAID).await;
    gateway.clock.advance(Millis::hours(1));
    // Not through the customer, beside whom the worker runs.
    let answered = gateway.call_with("POST", &challenge.action(), &[], "transStatus=Y").await;
    assert_eq!(answered.status, 303);
    gateway.work().await;
    assert_eq!(gateway.status("A-1").await, "expired/expired");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 0);
}

#[rstest]
#[case::by_seconds(json!({"seconds_active": 90}), Millis::seconds(90))]
#[case::by_days(json!({"days_active": 2}), Millis::days(2))]
#[case::by_both(json!({"days_active": 2, "seconds_active": 90}), Millis::seconds(90))]
#[case::by_default(json!({}), Millis::days(30))]
#[tokio::test]
async fn a_session_ends_when_the_shop_said(
    #[case] lifetime: serde_json::Value,
    #[case] length: Millis,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    for (key, value) in lifetime.as_object().unwrap() {
        order[key] = value.clone();
    }
    let session = gateway.place(&order).await["session_id"].as_str().unwrap().to_owned();
    let path = format!("/connect/{session}/");
    gateway.pass(Millis(length.0 - 1)).await;
    assert!(gateway.customer().open(&path).await.has("input[name=card_number]"));
    assert!(gateway.shop.heard().is_empty());

    gateway.clock.advance(Millis(1));
    let late = gateway.call_with("POST", &path, &[], "card_number=6799990000000000011").await;
    assert_eq!(late.status, 410, "also when no worker has been there yet");
    gateway.work().await;
    let page = gateway.customer().open(&path).await;
    assert_eq!((page.status, page.ending().as_str()), (410, "expired"));
    assert_eq!(gateway.status("A-1").await, "cancelled/null");
    assert_eq!(gateway.shop.statuses(), ["cancelled"]);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM job").await, 0);
}

#[rstest]
#[tokio::test]
async fn an_attempt_outlives_its_session_until_its_own_hour_is_over(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    order["seconds_active"] = json!(60);
    let session = gateway.place(&order).await["session_id"].as_str().unwrap().to_owned();
    let path = format!("/connect/{session}/?lang=en");
    let challenge = gateway.submit(&path, PAID).await;
    gateway.pass(Millis::seconds(60)).await;
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    assert_eq!(gateway.customer().open(&path).await.ending(), "expired");
    let end = gateway.customer().answer(&challenge, "Y").await;
    assert_eq!(end.outcome.as_deref(), Some("paid"));
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    gateway.audited().await;
}
