//! One shop's trouble is not another's.

use crate::harness::{Database, Gateway, Manners, Setup, Shop, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::json;

/// How many notifications of one site are under way at most.
const PER_SITE: usize = 32;

/// Another site's order that its shop has to be told of.
async fn neighbour(gateway: &Gateway) -> Shop {
    let key = gateway.app.create_site("Neighbour", false).await.unwrap();
    let shop = Shop::open(key.expose()).await;
    let mut order = gateway.order("N-1");
    order["payment_options"]["notification_url"] = json!(shop.url("/notification"));
    let headers = [("api_key", key.expose())];
    let placed = gateway.call_with("POST", "/v1/json/orders", &headers, &order.to_string()).await;
    assert_eq!(placed.status, 200, "{}", placed.text);
    let cancel = r#"{"status":"cancelled"}"#;
    assert_eq!(gateway.call_with("PATCH", "/v1/json/orders/N-1", &headers, cancel).await.status, 200);
    shop
}

#[rstest]
#[tokio::test]
async fn a_shop_that_hangs_delays_no_other_shop(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Hang);
    gateway.cancelled_order("A-1").await;
    let other = neighbour(&gateway).await;
    tokio::select! {
        () = gateway.app.run_jobs() => panic!("the shop hangs for 15 seconds"),
        () = other.wait_for(1) => {}
    }
    assert!(other.heard()[0].verified, "signed with its own site's key");
}

#[rstest]
#[tokio::test]
async fn a_hanging_shop_with_many_orders_takes_no_more_than_its_share_of_the_workers(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    let twice = gateway.twin().await;
    gateway.shop.behave(Manners::Hang);
    let orders = PER_SITE + 8;
    let placing = (0..orders).map(|number| {
        let gateway = &gateway;
        async move { gateway.cancelled_order(&format!("order-{number}")).await }
    });
    futures_util::future::join_all(placing).await;
    let other = neighbour(&gateway).await;
    tokio::select! {
        () = async { tokio::join!(gateway.app.run_jobs(), gateway.app.run_jobs()); } => {
            panic!("the neighbour waited for everybody")
        }
        () = other.wait_for(1) => {}
    }
    drop(twice);
    assert_eq!(other.statuses(), ["cancelled"]);
    assert!(gateway.shop.heard().len() <= PER_SITE);
}

#[rstest]
#[tokio::test]
async fn the_rest_of_a_hanging_shops_notifications_follows_when_there_is_room(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    gateway.shop.behave(Manners::Hang);
    let orders = 2 * PER_SITE + 8;
    let placing = (0..orders).map(|number| {
        let gateway = &gateway;
        async move { gateway.cancelled_order(&format!("order-{number}")).await }
    });
    futures_util::future::join_all(placing).await;
    tokio::join!(gateway.app.run_jobs(), gateway.app.run_jobs());
    assert_eq!(gateway.shop.heard().len(), orders);
    assert_eq!(gateway.shop.busiest(), PER_SITE);
}

#[tokio::test]
async fn eight_hanging_shops_with_a_backlog_delay_no_other_shop() {
    let gateway = Gateway::start_as(Database::Sqlite, Setup::impatient()).await;
    gateway.shop.behave(Manners::Hang);
    let cancel = r#"{"status":"cancelled"}"#;
    for site in 0..8 {
        let key = gateway.app.create_site(&format!("Hanging {site}"), false).await.unwrap();
        let headers = [("api_key", key.expose())];
        for number in 0..64 {
            let order = gateway.order(&format!("H-{number}")).to_string();
            gateway.call_with("POST", "/v1/json/orders", &headers, &order).await;
            gateway.call_with("PATCH", &path(&format!("H-{number}")), &headers, cancel).await;
        }
    }
    // The hanging shops have waited longer, and fill every place there is.
    gateway.clock.advance(Millis(1));
    let key = gateway.app.create_site("Healthy", false).await.unwrap();
    let healthy = Shop::open(key.expose()).await;
    let headers = [("api_key", key.expose())];
    let mut order = gateway.order("N-1");
    order["payment_options"]["notification_url"] = json!(healthy.url("/notification"));
    gateway.call_with("POST", "/v1/json/orders", &headers, &order.to_string()).await;
    gateway.call_with("PATCH", &path("N-1"), &headers, cancel).await;
    tokio::select! {
        () = gateway.app.run_jobs() => {}
        () = healthy.wait_for(1) => {}
    }
    let before = gateway.shop.heard().len();
    assert!(before <= 256, "{before} notifications of hanging shops went first");
}
