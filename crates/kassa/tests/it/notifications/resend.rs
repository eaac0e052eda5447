//! A notification that the shop asks for again.

use super::PAID;
use crate::harness::{Answer, Database, Gateway, Manners};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

impl Gateway {
    async fn resend(&self, id: &str) -> Answer {
        self.call("POST", &format!("/v1/json/orders/{id}/notifications/resend"), "").await
    }

    async fn resent(&self, id: &str) {
        let answer = self.resend(id).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"success":true,"data":{}}"#));
        self.work().await;
    }
}

#[rstest]
#[tokio::test]
async fn an_acknowledged_order_is_told_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let link = gateway.link(&gateway.order("A-1")).await;
    gateway.customer().pay(&link, PAID).await;
    gateway.work().await;
    let before = gateway.shop.heard();
    gateway.clock.advance(Millis::days(400));
    gateway.resent("A-1").await;
    // By its PSP id as well.
    gateway.resent(&gateway.read("A-1").await["transaction_id"].to_string()).await;
    let heard = gateway.shop.heard();
    assert_eq!(heard.len(), before.len() + 2);
    for again in &heard[before.len()..] {
        assert!(again.verified && again.order["status"] == "completed", "{}", again.body);
        assert_eq!(again.header("kassa-event-id"), before.last().unwrap().header("kassa-event-id"));
        assert_eq!(again.header("kassa-attempt"), "1");
    }
    assert_eq!(gateway.read("A-1").await, heard.last().unwrap().order, "nothing about the order changed");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_parked_notification_gets_all_its_tries_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.sql("UPDATE site SET notification_profile = 'strict'").await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    gateway.cancelled_order("A-1").await;
    gateway.work().await;
    for _ in 0..4 {
        gateway.pass(Millis::minutes(15)).await;
    }
    assert_eq!(gateway.shop.heard().len(), 4, "parked");
    gateway.resent("A-1").await;
    for tries in 6..=8 {
        gateway.pass(Millis::minutes(15)).await;
        assert_eq!(gateway.shop.heard().len(), tries);
    }
    gateway.pass(Millis::days(30)).await;
    assert_eq!(gateway.shop.heard().len(), 8, "parked again");
    gateway.shop.behave(Manners::Acknowledge);
    gateway.resent("A-1").await;
    assert_eq!(gateway.shop.statuses().last().unwrap(), "cancelled");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_order_without_news_is_told_as_it_stands(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.place(&gateway.order("A-1")).await;
    gateway.work().await;
    assert_eq!(gateway.shop.heard().len(), 0);
    let headers = [("api_key", gateway.key.as_str()), ("idempotency-key", "key")];
    for replayed in [None, Some("true")] {
        let target = "/v1/json/orders/A-1/notifications/resend";
        let answer = gateway.call_with("POST", target, &headers, "{}").await;
        assert_eq!(answer.text, r#"{"success":true,"data":{}}"#);
        let header = answer.headers.get("idempotent-replayed").map(|value| value.to_str().unwrap());
        assert_eq!((header, &answer.headers["kassa-order-version"]), (replayed, &"1".parse().unwrap()));
        gateway.work().await;
        assert_eq!(gateway.shop.statuses(), ["initialized"]);
    }
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_sent_is_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_url"] = Value::Null;
    gateway.place(&order).await;
    let refused = |answer: Answer, status: u16, code: u32, info: &str| {
        let expected = json!({"success": false, "data": {}, "error_code": code, "error_info": info});
        assert_eq!((answer.status, answer.json), (status, expected));
    };
    refused(gateway.resend("unknown").await, 404, 1006, "Invalid transaction ID");
    let info = "Invalid notification_url: neither the order nor its site has one";
    refused(gateway.resend("A-1").await, 409, 1016, info);
    let read = gateway.call("GET", "/v1/json/orders/A-1/notifications/resend", "").await;
    refused(read, 405, 1000, "Method not allowed");
    let url = gateway.shop.url("/notification/site");
    gateway.sql(&format!("UPDATE site SET notification_url = '{url}'")).await;
    gateway.resent("A-1").await;
    assert!(gateway.last_heard().path_and_query.starts_with("/notification/site?"));
}
