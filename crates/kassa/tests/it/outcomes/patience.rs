//! How long an acquirer may take to answer is for its own settings to say.

use super::by_telephone;
use crate::harness::{Database, Gateway, Host, START, Setup};
use payments::time::Millis;
use rstest::rstest;

async fn start(database: Database, host: &Host, answer_ms: i64, others_within: Millis) -> Gateway {
    let acquirers = host.settings(&format!("timers = {{ answer_ms = {answer_ms} }}"));
    Gateway::start_as(database, Setup { acquirers, answer_within: others_within, ..Setup::default() }).await
}

#[rstest]
#[tokio::test]
async fn an_acquirer_that_is_given_less_time_is_given_up_on_sooner(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    // Nobody would wait for an hour.
    let gateway = start(database, &host, 100, Millis::hours(1)).await;
    host.ignore_next("0100");
    let order = by_telephone(&gateway, "A-1");
    let answer = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
    assert_eq!((answer.status, answer.json["data"]["status"].as_str()), (200, Some("initialized")));
    while gateway.count("SELECT COUNT(*) FROM payment_transaction WHERE state = 'unknown'").await == 0 {
        tokio::task::yield_now().await;
    }
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(host.heard(), ["0100", "0400"]);
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_acquirer_that_is_given_more_time_is_waited_for(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let gateway = start(database, &host, 120_000, Millis(1)).await;
    let hold = host.hold();
    let order = by_telephone(&gateway, "A-1").to_string();
    let due = "SELECT due_at FROM job WHERE kind = 'resolve_unknown'";
    let (answer, ()) = tokio::join!(gateway.call("POST", "/v1/json/orders", &order), async {
        host.hears("0100", 1).await;
        // No node takes over before the answer is overdue.
        assert_eq!(gateway.count(due).await, START.plus(Millis::seconds(125)).0);
        drop(hold);
    });
    assert_eq!(answer.json["data"]["status"], "completed", "{}", answer.text);
    gateway.pass(Millis::days(1)).await;
    assert_eq!(host.heard(), ["0100"]);
    gateway.audited().await;
}
