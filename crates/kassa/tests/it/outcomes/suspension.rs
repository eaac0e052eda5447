//! A host that stopped answering: cards are declined before anything is sent, so that the customer can try again, until
//! it answers an echo.

use super::by_telephone;
use crate::harness::{Database, Gateway, Host, Setup};
use payments::time::Millis;
use rstest::rstest;
use serde_json::Value;

/// Sells by telephone; how the order then stands.
async fn sell(gateway: &Gateway, id: &str) -> Value {
    let answer = gateway.call("POST", "/v1/json/orders", &by_telephone(gateway, id).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["data"].clone()
}

#[rstest]
#[tokio::test]
async fn a_host_that_stopped_answering_leaves_no_more_unknown_outcomes(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let host = Host::open().await;
    let lines = "suspend_after = 2\ntimers = { answer_ms = 1000, reconnect_ms = 1 }";
    let setup = Setup { acquirers: host.settings(lines), ..Setup::default() };
    let gateway = Gateway::start_as(database, setup).await;
    assert_eq!(sell(&gateway, "A-0").await["status"], "completed");
    let hold = host.hold();
    for id in ["A-1", "A-2"] {
        assert_eq!(sell(&gateway, id).await["status"], "initialized", "nobody knows");
    }
    for id in ["A-3", "A-4"] {
        let order = sell(&gateway, id).await;
        assert_eq!(
            (&order["status"], &order["reason_code"]),
            (&"declined".into(), &"4999".into()),
            "{order:#}"
        );
        assert_eq!(order["payment_details"]["response_code"], "91");
    }
    assert_eq!(host.heard(), ["0100"; 3], "what is declined at once was never sent");

    drop(hold);
    // The answer to the echo is on its way. What is refused meanwhile is a new order of the shop's.
    let mut tried = 0;
    while sell(&gateway, &format!("B-{tried}")).await["status"] != "completed" {
        tried += 1;
    }
    assert_eq!(host.heard(), ["0100"; 4], "one message tried it");
    assert_eq!(sell(&gateway, "C-1").await["status"], "completed");
    // What was unknown is settled: its late approval counted, or it was reversed.
    gateway.pass(Millis::seconds(30)).await;
    gateway.pass(Millis::minutes(2)).await;
    for id in ["A-1", "A-2"] {
        assert_ne!(gateway.status(id).await, "initialized/initialized");
    }
    gateway.audited().await;
}
