//! What is kept of every try.

use super::PAID;
use crate::harness::{Database, Gateway, Manners, Setup};
use payments::time::Millis;
use rstest::rstest;
use serde_json::json;

const TRIES: &str = "SELECT try, method, url, COALESCE(http_status, 0), verdict, answer, status, \
                     started_at FROM notification_attempt ORDER BY started_at, lease_epoch";

#[rstest]
#[tokio::test]
async fn every_try_is_kept_with_what_came_of_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::impatient()).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_url"] =
        json!(gateway.shop.url("/notification/a?token=secret-token"));
    gateway.shop.behave(Manners::Answer(
        200,
        "<p>\u{0}\u{7}Fatal\r\nerror: out of \u{1b}[31mluck\u{202e}</p> caf\u{e9}",
    ));
    let link = gateway.link(&order).await;
    gateway.customer().pay_with(&link, PAID).await;
    gateway.work().await;
    gateway.shop.behave(Manners::Answer(500, ""));
    gateway.pass(Millis::seconds(5)).await;
    gateway.shop.behave(Manners::Hang);
    gateway.pass(Millis::seconds(55)).await;
    gateway.shop.behave(Manners::Flood);
    gateway.pass(Millis::minutes(14)).await;
    gateway.shop.behave(Manners::Drip);
    gateway.pass(Millis::minutes(15)).await;
    gateway.shop.behave(Manners::Acknowledge);
    gateway.pass(Millis::minutes(15)).await;

    let flood = "x".repeat(100);
    let no_ok = "200 without OK in the first 100 characters";
    let broken = "<p>  Fatal  error: out of  [31mluck </p> café";
    let expected: [(i64, i64, i64, &str, &str); 6] = [
        (1, 0, 200, no_ok, broken),
        (2, 5, 500, "http status 500", ""),
        (3, 60, 0, "no complete answer in time", ""),
        (4, 900, 200, no_ok, &flood),
        (5, 1_800, 0, "no complete answer in time", ""),
        (6, 2_700, 200, "acknowledged", "OK"),
    ];
    let rows = gateway.sql(TRIES).await;
    assert_eq!(rows.len(), expected.len(), "{rows:#?}");
    for (row, (number, seconds, http, verdict, answer)) in rows.iter().zip(expected) {
        let url = gateway.shop.url("/notification/a");
        let (number, http) = (number.to_string(), http.to_string());
        let at = crate::harness::START.plus(Millis::seconds(seconds)).0.to_string();
        assert_eq!(*row, [number.as_str(), "POST", &url, &http, verdict, answer, "initialized", &at]);
    }
}

#[rstest]
#[tokio::test]
async fn news_that_had_nowhere_to_go_is_kept_as_such(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let site = "/v1/json/sites/1";
    let url = gateway.shop.url("/notification");
    gateway.fetch("PATCH", site, &json!({"notification_url": url})).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_url"] = json!("");
    let link = gateway.link(&order).await;
    let challenge = gateway.customer().pay_with(&link, PAID).await;
    gateway.work().await;
    gateway.fetch("PATCH", site, &json!({"notification_url": ""})).await;
    gateway.customer().answer(&challenge, "Y").await;
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["initialized"]);
    gateway.audited().await;
    let verdicts =
        gateway.sql("SELECT verdict, status, url FROM notification_attempt ORDER BY version").await;
    assert_eq!(verdicts, [["acknowledged", "initialized", &url], ["no address", "", ""]]);

    gateway.fetch("PATCH", site, &json!({"notification_url": url})).await;
    let again = gateway.call("POST", "/v1/json/orders/A-1/notifications/resend", "").await;
    assert_eq!(again.status, 200);
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"]);
    gateway.audited().await;
}

#[tokio::test]
async fn a_try_by_get_is_kept_as_such() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_method"] = json!("GET");
    gateway.place(&order).await;
    gateway.cancel("A-1").await;
    gateway.work().await;
    let rows = gateway.sql(TRIES).await;
    assert_eq!((rows[0][1].as_str(), rows[0][4].as_str()), ("GET", "acknowledged"));
}
