//! The main job: an order from the shop's request to paid and told.

use crate::harness::{Database, Gateway};
use payments::time::Millis;
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_maestro_order_is_paid_and_the_shop_is_told(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let placed = gateway.place(&gateway.order("my-order-id-1")).await;
    assert_eq!(placed["order_id"], "my-order-id-1");
    let session = placed["session_id"].as_str().unwrap();
    assert_eq!(session.len(), 35);
    let payment_url = placed["payment_url"].as_str().unwrap();
    assert_eq!(payment_url, format!("{}/connect/{session}/?lang=nl_NL", gateway.url));

    let end = gateway.customer().pay(payment_url, "6799990000000000011").await;

    assert_eq!(end.status, 303);
    assert_eq!(end.outcome.as_deref(), Some("paid"));
    assert_eq!(end.url.as_str(), gateway.shop.url("/thanks?type=redirect&transactionid=my-order-id-1"));
    assert_eq!(gateway.status("my-order-id-1").await, "completed/completed");
    let heard = gateway.shop.heard();
    assert!(heard.iter().all(|heard| heard.verified), "{heard:?}");
    assert_eq!(heard.last().unwrap().order, gateway.read("my-order-id-1").await);
    assert_eq!(heard.last().unwrap().order["status"], "completed", "told before the customer came back");
    gateway.pass(Millis::days(1)).await;
    assert_eq!(gateway.shop.heard().len(), heard.len(), "nothing is told twice");
}
