//! When a notification is tried again, and when that ends.

use super::{DECLINED, PAID};
use crate::harness::{Database, Gateway, Manners, Setup};
use payments::time::Millis;
use rstest::rstest;

const EXTENDED: [Millis; 11] = [
    Millis::seconds(5),
    Millis::seconds(60),
    Millis::minutes(15),
    Millis::minutes(30),
    Millis::minutes(45),
    Millis::hours(2),
    Millis::hours(6),
    Millis::hours(24),
    Millis::hours(48),
    Millis::hours(72),
    Millis::days(7),
];
const STRICT: [Millis; 3] = [Millis::minutes(15), Millis::minutes(30), Millis::minutes(45)];
const PARKED: &str = "SELECT COUNT(*) FROM notification WHERE parked_at IS NOT NULL AND due_at IS NULL";

/// One try at each of these times, counted from the start, and then none until `quiet_until`.
async fn tried_at(gateway: &Gateway, times: &[Millis], quiet_until: Millis) {
    let before = gateway.shop.heard().len();
    for (done, at) in times.iter().enumerate() {
        gateway.pass_until(Millis(at.0 - 1)).await;
        assert_eq!(gateway.shop.heard().len() - before, done, "earlier than {at:?}");
        gateway.pass_until(*at).await;
        assert_eq!(gateway.shop.heard().len() - before, done + 1, "not at {at:?}");
    }
    assert_eq!(gateway.count(PARKED).await, 1, "parked after the last try");
    gateway.pass_until(quiet_until).await;
    assert_eq!(gateway.shop.heard().len() - before, times.len(), "after the last try");
}

#[rstest]
#[tokio::test]
async fn the_extended_schedule_tries_twelve_times_in_seven_days_until_there_is_news(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    let link = gateway.link(&gateway.order("A-1")).await;
    let page = gateway.customer().pay_with(&link, DECLINED).await;
    gateway.customer().answer(&page, "Y").await;
    gateway.work().await;
    tried_at(&gateway, &EXTENDED, Millis::days(20)).await;
    let tries = gateway
        .sql("SELECT try FROM notification_attempt WHERE status = 'declined' ORDER BY lease_epoch")
        .await
        .concat();
    assert_eq!(tries, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]);

    gateway.shop.behave(Manners::Acknowledge);
    let page = gateway.customer().pay_with(&link, PAID).await;
    let end = gateway.customer().answer(&page, "Y").await;
    assert_eq!(end.outcome.as_deref(), Some("paid"));
    let heard = gateway.last_heard();
    assert_eq!((heard.order["status"].as_str(), heard.header("kassa-attempt")), (Some("completed"), "1"));
    assert_eq!(gateway.count(PARKED).await, 0, "news brings a parked order back");
}

#[rstest]
#[tokio::test]
async fn the_strict_schedule_tries_four_times_in_45_minutes_until_there_is_news(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.sql("UPDATE site SET notification_profile = 'strict'").await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    gateway.challenged_order("A-1", PAID).await;
    tried_at(&gateway, &STRICT, Millis(Millis::hours(1).0 - 1)).await;
    gateway.shop.behave(Manners::Acknowledge);
    // The attempt's hour is over.
    gateway.pass(Millis(1)).await;
    assert_eq!(
        gateway.shop.statuses(),
        ["initialized", "initialized", "initialized", "initialized", "expired"]
    );
    assert_eq!(gateway.count(PARKED).await, 0);
}

#[rstest]
#[case::less_than_the_step("1", 5)]
#[case::more_than_the_step("8", 8)]
#[case::more_than_twice_the_step("3600", 10)]
#[case::a_date("Sun, 22 Nov 2026 12:00:08 GMT", 8)]
#[case::a_date_in_the_past("Wed, 21 Oct 2026 07:28:00 GMT", 5)]
#[case::a_far_date("Mon, 23 Nov 2026 12:00:00 GMT", 10)]
#[case::nonsense("-8", 5)]
#[case::more_than_any_number("99999999999999999999", 5)]
#[case::more_than_any_time("9223372036854775807", 10)]
#[tokio::test]
async fn a_shop_may_ask_for_up_to_twice_the_time(#[case] asked: &'static str, #[case] seconds: i64) {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.shop.behave(Manners::Later(asked));
    gateway.cancelled_order("A-1").await;
    gateway.work().await;
    gateway.pass(Millis(seconds * 1_000 - 1)).await;
    assert_eq!(gateway.shop.heard().len(), 1);
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.shop.heard().len(), 2);
}

#[rstest]
#[tokio::test]
async fn tries_that_were_missed_are_not_made_up_for_in_a_burst(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.sql("UPDATE site SET notification_profile = 'strict'").await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    gateway.cancelled_order("A-1").await;
    gateway.work().await;
    // Kassa was down for a day.
    gateway.pass(Millis::days(1)).await;
    assert_eq!(gateway.shop.heard().len(), 2, "one try, and then the shop gets its time");
    gateway.pass(Millis(Millis::minutes(15).0 - 1)).await;
    assert_eq!(gateway.shop.heard().len(), 2);
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.shop.heard().len(), 3);
    gateway.pass(Millis::minutes(15)).await;
    assert_eq!((gateway.shop.heard().len(), gateway.count(PARKED).await), (4, 1));
}

#[rstest]
#[tokio::test]
async fn after_a_time_out_at_the_last_try_news_waits_for_a_minute_too(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    gateway.sql("UPDATE site SET notification_profile = 'strict'").await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    let page = gateway.challenged_order("A-1", PAID).await;
    gateway.pass(Millis::minutes(15)).await;
    gateway.pass(Millis::minutes(15)).await;
    gateway.shop.behave(Manners::Hang);
    gateway.pass(Millis::minutes(15)).await;
    assert_eq!((gateway.shop.heard().len(), gateway.count(PARKED).await), (4, 1));

    gateway.shop.behave(Manners::Acknowledge);
    gateway.customer().answer(&page, "Y").await;
    gateway.pass(Millis(59_999)).await;
    assert_eq!(gateway.shop.heard().len(), 4, "it may still be at work on what it was told");
    gateway.pass(Millis(1)).await;
    assert_eq!(gateway.last_heard().order["status"], "completed");
}
