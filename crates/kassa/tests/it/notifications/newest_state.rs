//! The shop hears the newest state, one at a time, and never an older one after a newer one.

use super::{HELD_THEN_PAID, PAID};
use crate::harness::{Database, Gateway, Manners, Setup};
use payments::time::Millis;
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_shop_that_was_down_hears_the_newest_state_only(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    gateway.shop.behave(Manners::Answer(502, "down"));
    let page = gateway.challenged_order("A-1", HELD_THEN_PAID).await;
    gateway.customer().answer(&page, "Y").await;
    gateway.pass(Millis::minutes(3)).await;
    let missed = gateway.shop.heard().len();
    let last = gateway.last_heard();
    assert_eq!(last.order["status"], "completed");

    gateway.shop.behave(Manners::Acknowledge);
    gateway.pass(Millis::seconds(5)).await;
    gateway.pass(Millis::days(8)).await;
    let heard = gateway.shop.heard();
    assert_eq!(heard.len(), missed + 1, "initialized and uncleared are history");
    assert_eq!(heard[missed].order["status"], "completed");
    assert_eq!(heard[missed].header("kassa-event-id"), last.header("kassa-event-id"));
    let sequences: Vec<i64> =
        heard.iter().map(|heard| heard.header("kassa-sequence").parse().unwrap()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    let superseded = "SELECT COUNT(*) FROM notification_attempt WHERE verdict = 'superseded' AND try = 0";
    assert_eq!(gateway.count(superseded).await, 2, "initialized and uncleared are in the history as such");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_state_that_changes_while_the_shop_hangs_is_told_next_and_with_all_its_tries(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    gateway.challenged_order("A-1", PAID).await;
    gateway.shop.behave(Manners::Hang);
    gateway.clock.advance(Millis::seconds(5));
    tokio::join!(gateway.work(), async {
        gateway.shop.wait_for(2).await;
        assert_eq!(gateway.cancel("A-1").await.status, 200);
    });
    assert_eq!(gateway.shop.statuses(), ["initialized", "initialized"]);
    gateway.shop.behave(Manners::Acknowledge);
    gateway.pass(Millis(59_999)).await;
    assert_eq!(gateway.shop.heard().len(), 2);
    gateway.pass(Millis(1)).await;
    let heard = gateway.last_heard();
    assert_eq!((heard.order["status"].as_str(), heard.header("kassa-attempt")), (Some("void"), "1"));
    gateway.pass(Millis::days(8)).await;
    assert_eq!(gateway.shop.heard().len(), 3);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn two_notifications_of_one_order_are_never_under_way_at_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    let twin = gateway.twin().await;
    gateway.shop.behave(Manners::Hang);
    gateway.cancelled_order("A-1").await;
    tokio::join!(gateway.app.run_jobs(), gateway.app.run_jobs(), twin.run_jobs(), twin.run_jobs());
    assert_eq!(gateway.shop.heard().len(), 1);
    assert_eq!(gateway.shop.busiest(), 1);
}

#[rstest]
#[tokio::test]
async fn news_waits_until_a_hanging_shop_was_given_up_and_a_minute_longer(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    gateway.shop.behave(Manners::Hang);
    let page = gateway.challenged_order("A-1", PAID).await;
    assert_eq!(gateway.shop.statuses(), ["initialized"]);

    gateway.shop.behave(Manners::Acknowledge);
    let end = gateway.customer().answer(&page, "Y").await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "the customer is not kept for the shop");
    gateway.pass(Millis(59_999)).await;
    assert_eq!(gateway.shop.statuses(), ["initialized"]);
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"]);
    assert_eq!(gateway.shop.busiest(), 1);
}

#[rstest]
#[tokio::test]
async fn what_was_sent_and_not_recorded_is_sent_again_with_the_same_event_id(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Hang);
    gateway.cancelled_order("A-1").await;
    // The process ends between sending and recording.
    tokio::select! {
        () = gateway.app.run_jobs() => panic!("the shop hangs"),
        () = gateway.shop.wait_for(1) => {}
    }
    gateway.shop.behave(Manners::Acknowledge);
    gateway.pass(Millis(29_999)).await;
    assert_eq!(gateway.shop.heard().len(), 1, "its lease holds");
    gateway.pass(Millis(1)).await;
    let heard = gateway.shop.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].header("kassa-event-id"), heard[1].header("kassa-event-id"));
    assert_eq!(heard[0].body, heard[1].body);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM notification_attempt").await, 1);
    gateway.pass(Millis::days(8)).await;
    assert_eq!(gateway.shop.heard().len(), 2);
}
