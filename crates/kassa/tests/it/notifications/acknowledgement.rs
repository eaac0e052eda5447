//! What counts as heard, through the real path.

use crate::harness::{Database, Gateway, Manners, Setup};
use kassa::outbound::Options;
use payments::time::Millis;
use rstest::rstest;
use std::time::Duration;

/// How a shop answers, and after how many seconds it is told again: 0 for never.
const ANSWERS: [(Manners, i64); 21] = [
    (Manners::Answer(200, "OK"), 0),
    (Manners::Answer(200, "\"OK\""), 0),
    (Manners::Answer(200, "ok"), 0),
    (Manners::Answer(200, "MULTISAFEPAY_OK"), 0),
    (Manners::Answer(200, "\u{feff}OK\n"), 0),
    (Manners::Answer(200, "<html><body>OK</body></html>"), 0),
    (Manners::Answer(200, ""), 5),
    (Manners::Answer(200, "NG"), 5),
    (Manners::Answer(200, "ng"), 5),
    (Manners::Answer(200, "booking token"), 5),
    (Manners::Answer(200, "{\"success\":true}"), 5),
    (Manners::Answer(201, "OK"), 5),
    (Manners::Answer(204, ""), 5),
    (Manners::Answer(403, "OK"), 5),
    (Manners::Answer(404, "OK"), 5),
    (Manners::Answer(410, "OK"), 5),
    (Manners::Answer(500, "OK"), 5),
    (Manners::Redirect, 5),
    (Manners::Flood, 5),
    // The shop may still be at work.
    (Manners::Drip, 60),
    (Manners::Hang, 60),
];

#[rstest]
#[tokio::test]
async fn what_is_not_acknowledged_is_told_again_on_time_and_not_earlier(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let outbound = Options { total_timeout: Duration::from_secs(1), ..Options::default() };
    let gateway = Gateway::start_as(database, Setup { outbound, ..Setup::default() }).await;
    for (number, (manners, again)) in ANSWERS.into_iter().enumerate() {
        gateway.shop.behave(manners);
        let before = gateway.shop.heard().len();
        gateway.cancelled_order(&format!("order-{number}")).await;
        gateway.work().await;
        let told = || gateway.shop.heard().len() - before;
        assert_eq!(told(), 1, "{manners:?}");
        gateway.shop.behave(Manners::Acknowledge);
        if again > 0 {
            gateway.pass(Millis(again * 1_000 - 1)).await;
            assert_eq!(told(), 1, "{manners:?}: early");
            gateway.pass(Millis(1)).await;
            assert_eq!(told(), 2, "{manners:?}: not on time");
        }
        gateway.pass(Millis::days(8)).await;
        assert_eq!(told(), if again > 0 { 2 } else { 1 }, "{manners:?}: too often");
    }
    let elsewhere = |heard: &crate::harness::Heard| heard.path_and_query.contains("elsewhere");
    assert!(!gateway.shop.heard().iter().any(elsewhere), "no redirect is followed");
}

#[rstest]
#[tokio::test]
async fn a_shop_that_is_down_or_talks_nonsense_is_told_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let babbler = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let babbling = babbler.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = babbler.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"OK OK OK\r\n\r\n").await.unwrap();
        }
    });
    for (id, address, verdict) in
        [("down", closed, "cannot connect"), ("babbles", babbling, "not a valid answer")]
    {
        let mut order = gateway.order(id);
        order["payment_options"]["notification_url"] = format!("http://{address}/").into();
        gateway.place(&order).await;
        gateway.cancel(id).await;
        gateway.work().await;
        let tries = format!(
            "SELECT verdict FROM notification_attempt WHERE order_id = '{id}' AND verdict LIKE '{verdict}%'"
        );
        assert_eq!(gateway.sql(&tries).await.len(), 1, "{id}");
        gateway.pass(Millis(4_999)).await;
        assert_eq!(gateway.sql(&tries).await.len(), 1, "{id}: early");
        gateway.pass(Millis(1)).await;
        assert_eq!(gateway.sql(&tries).await.len(), 2, "{id}: not on time");
    }
}
