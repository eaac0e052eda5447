//! A shop that has not heard of a payment hears of it before it hears that a part went back, or that it was shipped.

use crate::harness::{Database, Gateway, Heard, Manners, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

/// What each notification said: status, what is refunded, how much is related, and which try it was.
fn said(heard: &[Heard]) -> Vec<String> {
    let line = |heard: &Heard| {
        let related = heard.order["related_transactions"].as_array().map_or(0, Vec::len);
        let order = &heard.order;
        let status = order["status"].as_str().unwrap();
        format!("{status} {} {related} {}", order["amount_refunded"], heard.header("kassa-attempt"))
    };
    assert!(heard.iter().all(|heard| heard.verified));
    heard.iter().map(line).collect()
}

impl Gateway {
    async fn follow(&self, id: &str, what: &str) {
        match what {
            "shipped" => {
                let answer = self.change(&path(id), &json!({"status": "shipped"})).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
            part => {
                let amount = if part == "refunded" { 1000 } else { 400 };
                self.done(id, "refunds", &json!({"currency": "EUR", "amount": amount})).await;
                self.clock.advance(Millis::seconds(2));
            }
        }
        self.work().await;
    }
}

#[rstest]
#[case::refunded_in_part("partial_refunded", "partial_refunded 400 1 1")]
#[case::shipped("shipped", "shipped 0 0 1")]
#[tokio::test]
async fn the_payment_is_told_first_and_then_what_came_of_it(
    #[case] what: &str,
    #[case] newest: &str,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Answer(502, "down"));
    let paid = gateway.paid("A-1").await;
    gateway.clock.advance(Millis(1));
    gateway.follow("A-1", what).await;
    assert_eq!(gateway.status("A-1").await, format!("{what}/completed"));
    let missed = gateway.shop.heard().len();
    let first = "completed 0 0";
    assert_eq!(said(&gateway.shop.heard()[missed - 1..]), [format!("{first} 1")]);
    // As of then: what a shop reads when it hears of it in time.
    let told = gateway.shop.heard().pop().unwrap().order;
    for key in
        ["modified", "completed", "status", "transaction_id", "payment_details", "related_transactions"]
    {
        assert_eq!(told[key], paid[key], "{key}");
    }
    gateway.pass(Millis(Millis::seconds(5).0 - 1)).await;
    assert_eq!(gateway.shop.heard().len(), missed, "it is tried again like everything else");
    gateway.pass(Millis(1)).await;
    assert_eq!(said(&gateway.shop.heard()[missed..]), [format!("{first} 2")]);
    gateway.shop.behave(Manners::Acknowledge);
    gateway.pass(Millis::seconds(55)).await;
    let heard = gateway.shop.heard();
    assert_eq!(said(&heard[missed + 1..]), [format!("{first} 3"), newest.to_owned()]);
    let last = heard.last().unwrap();
    assert_eq!(last.order, gateway.read("A-1").await);
    let header = |at: usize, name: &str| heard[at].header(name).to_owned();
    assert_eq!(header(missed, "kassa-event-id"), header(missed + 1, "kassa-event-id"), "one piece of news");
    assert_ne!(header(missed + 1, "kassa-event-id"), last.header("kassa-event-id"), "and another one");
    let sequences: Vec<i64> =
        heard.iter().map(|heard| heard.header("kassa-sequence").parse().unwrap()).collect();
    assert!(sequences.is_sorted() && sequences[missed + 1] < sequences[missed + 2], "{sequences:?}");
    gateway.pass(Millis::days(8)).await;
    assert_eq!(gateway.shop.heard().len(), heard.len());
    gateway.audited().await;
}

#[rstest]
#[case::refunded_in_part("partial_refunded")]
#[case::shipped("shipped")]
#[tokio::test]
async fn a_shop_that_knows_of_the_payment_hears_the_newest_state_at_once(
    #[case] what: &str,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    gateway.work().await;
    gateway.shop.behave(Manners::Answer(502, "down"));
    gateway.follow("A-1", what).await;
    let missed = gateway.shop.heard().len();
    gateway.shop.behave(Manners::Acknowledge);
    gateway.pass(Millis::seconds(5)).await;
    assert_eq!(gateway.shop.statuses()[missed..], [what]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_shop_that_missed_everything_hears_the_end_of_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Answer(502, "down"));
    gateway.paid("A-1").await;
    gateway.clock.advance(Millis(1));
    gateway.follow("A-1", "shipped").await;
    gateway.follow("A-1", "refunded").await;
    gateway.shop.behave(Manners::Acknowledge);
    let missed = gateway.shop.heard().len();
    gateway.pass(Millis::seconds(5)).await;
    assert_eq!(gateway.shop.statuses()[missed..], ["refunded"]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_parked_notification_that_is_asked_for_again_begins_with_the_payment(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.shop.behave(Manners::Answer(502, "down"));
    gateway.paid("A-1").await;
    gateway.clock.advance(Millis(1));
    gateway.follow("A-1", "partial_refunded").await;
    gateway.follow("A-1", "shipped").await;
    let before = gateway.shop.heard().len();
    // What is missed is not made up for in a burst: a try for each time that somebody looks.
    for _ in 0..12 {
        gateway.pass(Millis::days(4)).await;
    }
    let parked = gateway.shop.heard().len();
    assert!(parked - before <= 11, "{} tries", parked - before);
    assert!(gateway.shop.statuses()[before..].iter().all(|word| word == "completed"));
    assert_eq!(gateway.count("SELECT COUNT(*) FROM notification WHERE parked_at IS NOT NULL").await, 1);
    gateway.shop.behave(Manners::Acknowledge);
    gateway.done("A-1", "notifications/resend", &json!({})).await;
    gateway.work().await;
    assert_eq!(gateway.shop.statuses()[parked..], ["completed", "partial_refunded"]);
    gateway.audited().await;
}

#[tokio::test]
async fn a_shop_that_is_only_called_reads_the_newest_state_by_itself() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.shop.behave(Manners::Answer(502, "down"));
    let mut order = gateway.direct_order("A-1", crate::harness::FRICTIONLESS);
    order["payment_options"]["notification_method"] = json!("GET");
    gateway.place(&order).await;
    gateway.clock.advance(Millis(1));
    gateway.follow("A-1", "shipped").await;
    gateway.shop.behave(Manners::Acknowledge);
    let missed = gateway.shop.heard().len();
    gateway.pass(Millis::seconds(5)).await;
    let heard = gateway.shop.heard();
    assert_eq!(
        (heard.len(), &heard[missed].method, &heard[missed].order),
        (missed + 1, &"GET".to_owned(), &Value::Null)
    );
    gateway.audited().await;
}
