//! Which states the shop hears of, and that each is the order as GET shows it at that moment.

use crate::harness::{Database, Gateway, Page};
use payments::time::Millis;
use rstest::rstest;

/// Plays a script: `card N` submits a card, a letter answers the issuer, `wait N` lets seconds pass, `cancel` is
/// the shop's. After each step the shop is told, and what it heard last is compared with GET.
async fn play(gateway: &Gateway, script: &str) -> String {
    let link = gateway.link(&gateway.order("A-1")).await;
    let mut page: Option<Page> = None;
    for step in script.split(", ") {
        match step.split_once(' ') {
            Some(("card", card)) => page = Some(gateway.customer().pay_with(&link, card).await),
            Some(("wait", seconds)) => gateway.pass(Millis::seconds(seconds.parse().unwrap())).await,
            Some(_) => panic!("{step}"),
            None if step == "cancel" => assert_eq!(gateway.cancel("A-1").await.status, 200),
            None => page = Some(gateway.customer().answer(&page.take().unwrap(), step).await),
        }
        gateway.work().await;
        let shown = gateway.call("GET", "/v1/json/orders/A-1", "").await.text;
        let data = shown.strip_prefix(r#"{"success":true,"data":"#).and_then(|rest| rest.strip_suffix('}'));
        assert_eq!(gateway.last_heard().body, data.unwrap_or(&shown), "after {step}");
    }
    let heard = gateway.shop.heard();
    assert!(heard.iter().all(|heard| heard.verified), "{heard:?}");
    gateway.shop.statuses().join(" ")
}

#[rstest]
#[case::paid("card 6799990000000000011, Y", "initialized completed")]
#[case::declined("card 6799990000000000029, Y", "initialized declined")]
#[case::not_authenticated("card 6799990000000000011, N", "initialized declined")]
#[case::blocked("card 6799990000000000094", "declined")]
#[case::expired("card 6799990000000000011, wait 3600", "initialized expired")]
#[case::expired_then_paid(
    "card 6799990000000000011, wait 3600, card 6799990000000000011, Y",
    "initialized expired initialized completed"
)]
#[case::cancelled("cancel", "cancelled")]
#[case::cancelled_while_paying("card 6799990000000000011, cancel", "initialized void")]
#[case::session_expired("wait 2592000", "cancelled")]
#[case::held_then_paid("card 6799990000000000052, Y, wait 180", "initialized uncleared completed")]
#[case::held_then_void("card 6799990000000000037, Y", "initialized uncleared")]
#[case::paid_after_a_decline(
    "card 6799990000000000029, Y, card 6799990000000000011, Y",
    "initialized declined initialized completed"
)]
#[case::started_again(
    "card 6799990000000000011, card 6799990000000000011, Y",
    "initialized initialized completed"
)]
#[tokio::test]
async fn the_shop_hears_every_state_as_get_shows_it(
    #[case] script: &str,
    #[case] told: &str,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    assert_eq!(play(&gateway, script).await, told);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_rejected_payment_is_told_as_void(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    play(&gateway, &format!("card {}, Y", super::HELD_THEN_VOID)).await;
    gateway.pass(Millis::minutes(3)).await;
    assert_eq!(gateway.shop.statuses(), ["initialized", "uncleared", "void"]);
    gateway.pass(Millis::days(30)).await;
    assert_eq!(gateway.shop.heard().len(), 3, "the end of a session in which somebody tried is not news");
}
