//! The request itself: where it goes, by which method, under which headers.

use super::{HELD_THEN_VOID, PAID};
use crate::harness::{Database, Gateway, Manners, START};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

#[rstest]
#[case::without_a_query("/notification", "/notification?")]
#[case::with_a_query("/notification?type=a&token=x%20y", "/notification?type=a&token=x%20y&")]
#[case::with_an_empty_query("/notification?", "/notification?")]
#[case::with_a_fragment("/notification?a=1#there", "/notification?a=1&")]
#[tokio::test]
async fn order_and_time_are_appended_to_the_url(#[case] url: &str, #[case] start: &str) {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_url"] = json!(gateway.shop.url(url));
    let link = gateway.link(&order).await;
    gateway.customer().pay_with(&link, PAID).await;
    gateway.work().await;

    let heard = gateway.last_heard();
    let seconds = START.unix_seconds();
    assert_eq!(heard.path_and_query, format!("{start}transactionid=A-1&timestamp={seconds}"));
    assert_eq!(heard.signed_at(), seconds.to_string(), "signed with the time of the URL");
    assert_eq!((heard.method.as_str(), heard.header("content-type")), ("POST", "application/json"));
    assert!(heard.verified);
}

#[tokio::test]
async fn an_order_id_of_any_characters_arrives_as_it_was() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let id = "a/b c#d&e=f?g%20+é€";
    gateway.link(&gateway.order(id)).await;
    let encoded = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string();
    assert_eq!(gateway.cancel(&encoded).await.status, 200);
    gateway.work().await;
    let heard = gateway.last_heard();
    assert_eq!(heard.query("transactionid").unwrap(), id);
    assert!(heard.path_and_query.contains("transactionid=a%2Fb%20c%23d%26e%3Df%3Fg%2520%2B%C3%A9%E2%82%AC&"));
    assert_eq!(heard.order["order_id"], id);
    assert!(heard.verified);
}

#[rstest]
#[tokio::test]
async fn only_an_order_that_ended_before_anybody_tried_is_pretransaction(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.cancelled_order("cancelled").await;
    gateway.challenged_order("tried", PAID).await;
    gateway.cancel("tried").await;
    gateway.place(&gateway.order("forgotten")).await;
    gateway.work().await;
    gateway.pass(Millis::days(30)).await;
    let heard = gateway.shop.heard();
    let marked: Vec<(String, Option<String>)> = heard
        .iter()
        .map(|heard| (heard.query("transactionid").unwrap(), heard.query("payload_type")))
        .collect();
    let pretransaction = Some("pretransaction".to_owned());
    for (id, mark) in &marked {
        assert_eq!(*mark, if id == "tried" { None } else { pretransaction.clone() }, "{marked:?}");
    }
    let about = |id: &str| marked.iter().filter(|(order, _)| order == id).count();
    assert_eq!((about("cancelled"), about("tried"), about("forgotten")), (1, 2, 1));
}

#[rstest]
#[tokio::test]
async fn a_retry_is_signed_anew_and_keeps_its_event_id(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    let page = gateway.challenged_order("A-1", PAID).await;
    gateway.pass(Millis::seconds(5)).await;
    gateway.pass(Millis::seconds(55)).await;
    let heard = gateway.shop.heard();
    let of = |name: &str| heard.iter().map(|heard| heard.header(name).to_owned()).collect::<Vec<_>>();
    assert_eq!(of("kassa-attempt"), ["1", "2", "3"]);
    let ids = of("kassa-event-id");
    assert!(!ids[0].is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for (heard, seconds) in heard.iter().zip([0, 5, 60]) {
        let at = (START.unix_seconds() + seconds).to_string();
        assert_eq!((heard.signed_at(), heard.query("timestamp").unwrap()), (at.clone(), at));
        assert!(heard.verified);
    }

    gateway.shop.behave(Manners::Acknowledge);
    gateway.customer().answer(&page, "Y").await;
    gateway.work().await;
    let paid = gateway.last_heard();
    assert_eq!((paid.order["status"].as_str(), paid.header("kassa-attempt")), (Some("completed"), "1"));
    assert_ne!(paid.header("kassa-event-id"), ids[0], "another state is another event");
    let sequence = |text: &str| text.parse::<i64>().unwrap();
    assert!(sequence(paid.header("kassa-sequence")) > sequence(&of("kassa-sequence")[2]));
}

#[rstest]
#[tokio::test]
async fn an_event_keeps_its_id_when_something_changes_that_is_not_news(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let page = gateway.challenged_order("A-1", HELD_THEN_VOID).await;
    gateway.customer().answer(&page, "Y").await;
    gateway.shop.behave(Manners::Answer(500, "broken"));
    // The void is told, and then its approval is released, which nobody is told.
    gateway.pass(Millis::minutes(3)).await;
    gateway.pass(Millis::seconds(5)).await;
    let heard = gateway.shop.heard();
    let voids: Vec<_> = heard.iter().filter(|heard| heard.order["status"] == "void").collect();
    assert_eq!(voids.len(), 2);
    assert_eq!(voids[0].header("kassa-event-id"), voids[1].header("kassa-event-id"));
}

#[rstest]
#[tokio::test]
async fn a_shop_that_asked_for_get_is_called_without_body_and_signature(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_method"] = json!("GET");
    let end = gateway.customer().pay(&gateway.link(&order).await, PAID).await;
    assert_eq!(end.outcome.as_deref(), Some("paid"));
    let heard = gateway.last_heard();
    assert_eq!((heard.method.as_str(), heard.body.as_str(), heard.header("auth")), ("GET", "", ""));
    assert_eq!(heard.query("transactionid").as_deref(), Some("A-1"));
    assert_eq!(heard.query("timestamp").unwrap(), START.unix_seconds().to_string());
    assert_eq!(heard.header("content-type"), "");
    assert!(!heard.header("kassa-event-id").is_empty());
}

#[rstest]
#[tokio::test]
async fn the_sites_url_is_used_where_an_order_names_none(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let url = gateway.shop.url("/notification/site");
    gateway.sql(&format!("UPDATE site SET notification_url = '{url}', notification_method = 'GET'")).await;
    let mut order = gateway.order("site");
    order["payment_options"]["notification_url"] = Value::Null;
    gateway.place(&order).await;
    gateway.cancel("site").await;
    gateway.cancelled_order("own").await;
    gateway.work().await;
    let mut told: Vec<(String, String)> = gateway
        .shop
        .heard()
        .into_iter()
        .map(|heard| {
            (heard.method.clone(), heard.path_and_query.split_once("transactionid").unwrap().0.to_owned())
        })
        .collect();
    told.sort();
    let expected = [("GET", "/notification/site?"), ("POST", "/notification?type=notification&")];
    assert_eq!(told, expected.map(|(method, url)| (method.to_owned(), url.to_owned())));
}

#[rstest]
#[tokio::test]
async fn without_any_url_nobody_is_told_and_the_customer_is_not_held(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_url"] = json!("");
    let link = gateway.link(&order).await;
    let page = gateway.customer().pay_with(&link, PAID).await;
    let asked = std::time::Instant::now();
    let end = gateway.customer().answer(&page, "Y").await;
    assert_eq!(end.outcome.as_deref(), Some("paid"));
    assert!(asked.elapsed().as_secs() < 9, "the hold of this gateway is ten seconds");
    gateway.pass(Millis::days(8)).await;
    assert!(gateway.shop.heard().is_empty());
    assert_eq!(gateway.count("SELECT COUNT(*) FROM notification WHERE due_at IS NOT NULL").await, 0);
    // Why nobody was told stands in the history.
    let told = "SELECT COUNT(*) FROM notification_attempt WHERE verdict <> 'no address'";
    assert_eq!(gateway.count(told).await, 0);
    assert!(gateway.count("SELECT COUNT(*) FROM notification_attempt").await > 0);
    gateway.audited().await;
}
