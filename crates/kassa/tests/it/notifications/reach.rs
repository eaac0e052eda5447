//! Where a notification may go: a live site cannot make us look into our own network.

use crate::harness::{Database, Gateway, Setup};
use kassa::outbound::{Options, Resolver};
use rstest::rstest;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A listener that only counts who connects.
struct Trap {
    port: u16,
    caught: Arc<AtomicUsize>,
}

impl Trap {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("[::]:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let caught = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&caught);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, caught }
    }

    fn caught(&self) -> usize {
        self.caught.load(Ordering::SeqCst)
    }
}

/// An order that was placed while its site was a test site, and is due after the site went live.
async fn due_on_a_live_site(gateway: &Gateway, id: &str, url: &str) {
    gateway.sql("UPDATE site SET live_since = NULL").await;
    let mut order = gateway.order(id);
    order["payment_options"]["notification_url"] = json!(url);
    gateway.place(&order).await;
    gateway.cancel(id).await;
    gateway.sql("UPDATE site SET live_since = 1").await;
}

#[rstest]
#[tokio::test]
async fn a_live_sites_notification_never_enters_our_own_network(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let names = HashMap::from([
        ("localhost".to_owned(), vec!["127.0.0.1".parse().unwrap()]),
        ("mixed.example".to_owned(), vec!["93.184.216.34".parse().unwrap(), "127.0.0.1".parse().unwrap()]),
        ("mixed6.example".to_owned(), vec!["::1".parse().unwrap(), "2606:4700::1111".parse().unwrap()]),
    ]);
    let outbound = Options { resolver: Resolver::Fixed(names), ..Options::default() };
    let gateway = Gateway::start_as(database, Setup { outbound, ..Setup::default() }).await;
    let trap = Trap::open().await;
    let hosts = [
        "127.0.0.1",
        "127.8.9.10",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "mixed.example",
        "mixed6.example",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ];
    for (number, host) in hosts.iter().enumerate() {
        let id = format!("order-{number}");
        due_on_a_live_site(&gateway, &id, &format!("http://{host}:{}/notification", trap.port)).await;
        gateway.work().await;
        let tried = format!("SELECT verdict, answer FROM notification_attempt WHERE order_id = '{id}'");
        assert_eq!(
            gateway.sql(&tried).await,
            [["the host has an address that is not public", ""]],
            "{host}: refused, and said so without a hint of what is there"
        );
    }
    assert_eq!(trap.caught(), 0);
    tokio::net::TcpStream::connect(("127.0.0.1", trap.port)).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn the_operator_may_let_live_sites_reach_a_network(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let notify_allow = vec!["127.0.0.1/32".parse().unwrap()];
    let gateway = Gateway::start_as(database, Setup { notify_allow, ..Setup::default() }).await;
    let trap = Trap::open().await;
    due_on_a_live_site(&gateway, "outside", &format!("http://127.0.0.2:{}/", trap.port)).await;
    gateway.work().await;
    assert_eq!(trap.caught(), 0, "only what the operator named");
    due_on_a_live_site(&gateway, "inside", &gateway.shop.url("/notification")).await;
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["cancelled"]);
}

#[tokio::test]
async fn a_test_site_may_reach_the_developers_own_machine() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.cancelled_order("A-1").await;
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["cancelled"]);
}
