//! A host that calls the gateway: what is asked goes over the connection that was signed on last.

use super::by_telephone;
use crate::harness::{Database, Gateway, Host, Setup, free_address};
use payments::time::Millis;
use serde_json::Value;

/// A gateway that waits at this address.
async fn start(listen: &str, host: &Host, lines: &str) -> Gateway {
    let setup = Setup { acquirers: host.calling_settings(listen, lines), ..Setup::default() };
    Gateway::start_as(Database::Sqlite, setup).await
}

/// Sells by telephone; the order's status.
async fn sell(gateway: &Gateway, id: &str) -> Value {
    let answer = gateway.call("POST", "/v1/json/orders", &by_telephone(gateway, id).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["data"]["status"].clone()
}

#[tokio::test]
async fn cards_are_charged_over_a_connection_that_the_host_made_and_made_again() {
    let (host, listen) = (Host::open().await, free_address());
    let gateway = start(&listen, &host, "completion = true").await;
    assert_eq!(sell(&gateway, "A-1").await, "declined", "nobody has called: nothing is sent");
    assert_eq!(host.heard(), Vec::<String>::new());
    for id in ["A-2", "A-3"] {
        assert!(host.call(&listen).await);
        assert_eq!(sell(&gateway, id).await, "completed");
        gateway.work().await;
        host.hang_up();
    }
    assert_eq!(host.heard(), ["0100", "0220", "0100", "0220"]);
    gateway.pass(Millis::days(1)).await;
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    gateway.audited().await;
}

#[tokio::test]
async fn a_host_that_calls_again_is_spoken_to_there_and_heard_out_here() {
    let (first, second, listen) = (Host::open().await, Host::open().await, free_address());
    let gateway = start(&listen, &first, "").await;
    assert!(first.call(&listen).await);
    let hold = first.hold();
    let (one, ()) = tokio::join!(sell(&gateway, "A-1"), async {
        first.hears("0100", 1).await;
        assert!(second.call(&listen).await);
        // The next messages take the new connection; the one that is left still owes an answer.
        while second.heard().is_empty() {
            let id = format!("B-{}", first.heard().len());
            let held = first.heard().len();
            tokio::select! {
                sold = sell(&gateway, &id) => assert_eq!(sold, "completed"),
                () = first.hears("0100", held + 1) => {}
            }
        }
        assert_eq!(sell(&gateway, "C-1").await, "completed");
        assert_eq!(second.heard(), ["0100", "0100"]);
        drop(hold);
    });
    assert_eq!(one, "completed", "its answer counts");
    first.loses(1).await;
    assert_eq!(first.managed(), ["001", "002"], "and then it was signed off");
    assert_eq!(second.managed(), ["001"]);
    gateway.audited().await;
}

#[tokio::test]
async fn only_the_acquirers_addresses_may_call() {
    for (callers, is_taken) in [("\"10.1.0.9\"", false), ("\"10.1.0.9\", \"127.0.0.1\"", true)] {
        let (host, listen) = (Host::open().await, free_address());
        let gateway = start(&listen, &host, &format!("callers = [{callers}]")).await;
        assert_eq!(host.call(&listen).await, is_taken, "{callers}");
        assert_eq!(sell(&gateway, "A-1").await, if is_taken { "completed" } else { "declined" });
        assert_eq!(host.heard().len(), usize::from(is_taken));
    }
}

#[tokio::test]
async fn a_call_that_is_one_too_many_is_ended_at_once() {
    let (host, third, listen) = (Host::open().await, Host::open().await, free_address());
    let gateway = start(&listen, &host, "timers = { sign_on_ms = 600000 }").await;
    assert!(host.call(&listen).await);
    // It says nothing, and so changes nothing; but there is no room for another one beside it.
    let stray = tokio::net::TcpStream::connect(&listen).await.unwrap();
    stray.readable().await.unwrap();
    assert!(!third.call(&listen).await);
    assert_eq!(sell(&gateway, "A-1").await, "completed");
    assert_eq!(host.heard(), ["0100"]);
    drop(stray);
    gateway.audited().await;
}
