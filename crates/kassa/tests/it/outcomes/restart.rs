//! The process ends while a customer pays: cards are in memory only and nothing is lost but them.

use super::{OVERDUE, PAID, assert_checking};
use crate::harness::{Database, Gateway, Setup};
use payments::time::Millis;
use rstest::rstest;
use std::time::Duration;

#[rstest]
#[tokio::test]
async fn a_card_that_was_forgotten_is_asked_for_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let challenge = gateway.submit(&path, PAID).await;
    let gateway = gateway.restart().await;

    let page = gateway.customer().answer(&challenge, "Y").await;
    gateway.work().await;
    let notice = page.text(".notice p");
    assert!(notice.contains("You have not been charged. Please enter your card details again."), "{notice}");
    let order = gateway.read("A-1").await;
    assert_eq!(
        (order["status"].as_str(), order["reason"].as_str()),
        (Some("declined"), Some("Re-enter transaction"))
    );
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 0, "nothing was sent");

    let end = gateway.pay(&path, PAID).await;
    assert_eq!(end.outcome.as_deref(), Some("paid"));
    assert_eq!(gateway.shop.statuses(), ["initialized", "declined", "initialized", "completed"]);
    assert_eq!(gateway.charges().await, 1);
    gateway.audited().await;
}

#[rstest]
#[case::charged("6799990000000000078", "completed", 1)]
#[case::not_arrived("6799990000000000128", "declined", 0)]
#[tokio::test]
async fn an_authorisation_under_way_is_settled_by_the_next_process(
    #[case] card: &str,
    #[case] status: &str,
    #[case] charges: i64,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let setup = Setup { page_wait: Duration::from_millis(50), ..Setup::default() };
    let gateway = Gateway::start_as(database, setup).await;
    let path = gateway.page_of("A-1").await;
    assert_checking(&gateway.pay(&path, card).await);
    let gateway = gateway.restart().await;
    gateway.audited().await;
    assert_checking(&gateway.customer().open(&path).await);
    gateway.pass(OVERDUE).await;
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-1").await, format!("{status}/{status}"));
    assert_eq!(gateway.charges().await, charges);
    assert_eq!(gateway.shop.statuses(), ["initialized", status]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_review_and_an_expiry_are_kept_by_the_next_process(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let held = gateway.page_of("held").await;
    gateway.pay(&held, "6799990000000000037").await;
    let left = gateway.page_of("left").await;
    gateway.submit(&left, PAID).await;
    let gateway = gateway.restart().await;
    gateway.pass(Millis::minutes(3)).await;
    gateway.pass(Millis::hours(1)).await;
    assert_eq!(gateway.status("held").await, "void/void");
    assert_eq!(gateway.status("left").await, "expired/expired");
    assert_eq!(gateway.charges().await, 0);
    gateway.audited().await;
}
