//! Every pair of status words that money brings about, seen through the API and told to the shop.

use crate::harness::{Database, FRICTIONLESS, Gateway, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

/// One order of a script, and what it last asked for.
struct Play<'a> {
    gateway: &'a Gateway,
    id: String,
    refund: Value,
    chargeback: Value,
}

impl Play<'_> {
    /// Does one step of a script, and lets the shop know.
    async fn step(&mut self, step: &str) {
        let (gateway, id) = (self.gateway, self.id.as_str());
        let (verb, object) = step.split_once(' ').unwrap_or((step, ""));
        gateway.clock.advance(Millis(1));
        let simulator = format!("/v1/json/simulator/orders/{id}");
        match verb {
            "pay" | "authorise" => {
                let mut order =
                    gateway.direct_order(id, if object.is_empty() { FRICTIONLESS } else { object });
                if verb == "authorise" {
                    order["capture"] = json!("manual");
                }
                if object.is_empty() {
                    gateway.place(&order).await;
                } else {
                    order["type"] = json!("redirect");
                    gateway.paid_on_page(&order, object).await;
                }
            }
            "capture" => {
                let (amount, part) = object.split_once(' ').unwrap_or((object, ""));
                let body = json!({"amount": amount, "new_order_id": part, "new_order_status": "completed"});
                gateway.done(id, "capture", &body).await;
            }
            "give-back" => {
                let body = json!({"status": "cancelled", "reason": "x"});
                assert_eq!(gateway.change(&format!("/v1/json/capture/{id}"), &body).await.status, 200);
            }
            "refund" => {
                let body = json!({"currency": "EUR", "amount": object});
                self.refund = gateway.done(id, "refunds", &body).await["refund_id"].clone();
            }
            "take-back" => {
                let target = format!("{}/refunds/{}", path(id), self.refund);
                assert_eq!(gateway.change(&target, &json!({"status": "void"})).await.status, 200);
            }
            "ship" => assert_eq!(gateway.change(&path(id), &json!({"status": "shipped"})).await.status, 200),
            "chargeback" => {
                let body = json!({"amount": object}).to_string();
                let answer = gateway.call("POST", &format!("{simulator}/chargeback"), &body).await;
                self.chargeback = answer.json["data"]["chargeback_id"].clone();
                assert!(self.chargeback.is_i64(), "{}", answer.text);
            }
            "accept" => {
                let target = format!("{}/chargebacks/{}", path(id), self.chargeback);
                assert_eq!(gateway.change(&target, &json!({"status": "accepted"})).await.status, 200);
            }
            "won" | "lost" => {
                let body = json!({"outcome": verb}).to_string();
                assert_eq!(gateway.call("POST", &format!("{simulator}/dispute"), &body).await.status, 200);
            }
            "seconds" => gateway.clock.advance(Millis::seconds(object.parse().unwrap())),
            "days" => gateway.clock.advance(Millis::days(object.parse().unwrap())),
            _ => panic!("unknown step {step}"),
        }
        gateway.work().await;
    }
}

/// The pair of status words after each step.
#[rustfmt::skip]
const STAGES: &[&[(&str, &str)]] = &[
    // Manual capture: M1 to M6.
    &[("authorise", "completed/initialized"), ("capture 1000", "completed/completed"), ("refund 1000", "completed/completed"), ("seconds 2", "refunded/completed")],
    &[("authorise", "completed/initialized"), ("capture", "completed/completed"), ("ship", "shipped/completed"), ("refund 1", "shipped/completed"), ("seconds 2", "partial_refunded/completed")],
    &[("authorise", "completed/initialized"), ("capture 400 part-a", "completed/initialized"), ("capture 600 part-b", "completed/completed")],
    &[("authorise", "completed/initialized"), ("capture 400 part-c", "completed/initialized"), ("give-back", "void/void"), ("days 30", "void/void")],
    &[("authorise", "completed/initialized"), ("give-back", "void/void"), ("pay", "completed/completed")],
    &[("authorise", "completed/initialized"), ("days 6", "completed/initialized"), ("days 1", "void/void")],
    &[("authorise 5500000000000004", "completed/initialized"), ("days 29", "completed/initialized"), ("days 1", "void/void")],
    &[("authorise 6799990000000000037", "uncleared/uncleared"), ("seconds 180", "void/void")],
    &[("authorise 6799990000000000052", "uncleared/uncleared"), ("seconds 180", "completed/initialized"), ("capture", "completed/completed")],
    // Shipping: H1 to H3.
    &[("pay", "completed/completed"), ("ship", "shipped/completed"), ("ship", "shipped/completed")],
    // Refunds: R1 to R7.
    &[("pay", "completed/completed"), ("refund 400", "completed/completed"), ("seconds 2", "partial_refunded/completed"), ("refund 600", "partial_refunded/completed"), ("seconds 2", "refunded/completed")],
    &[("pay", "completed/completed"), ("refund", "completed/completed"), ("take-back", "completed/completed"), ("seconds 2", "completed/completed")],
    &[("pay", "completed/completed"), ("refund 400", "completed/completed"), ("seconds 2", "partial_refunded/completed"), ("refund", "partial_refunded/completed"), ("take-back", "partial_refunded/completed")],
    &[("pay 6799990000000000144", "completed/completed"), ("refund", "completed/completed"), ("seconds 2", "completed/completed")],
    &[("pay 6799990000000000151", "completed/completed"), ("refund 100", "completed/completed"), ("seconds 2", "completed/completed"), ("seconds 30", "partial_refunded/completed")],
    &[("pay", "completed/completed"), ("ship", "shipped/completed"), ("refund", "shipped/completed"), ("seconds 2", "refunded/completed")],
    // Chargebacks: C1 to C11.
    &[("pay", "completed/completed"), ("chargeback", "chargedback/completed"), ("accept", "chargedback/completed")],
    &[("pay", "completed/completed"), ("chargeback 300", "chargedback/completed"), ("lost", "chargedback/completed")],
    &[("pay", "completed/completed"), ("chargeback", "chargedback/completed"), ("won", "completed/completed"), ("chargeback", "chargedback/completed"), ("days 23", "chargedback/completed")],
    &[("pay", "completed/completed"), ("refund 400", "completed/completed"), ("seconds 2", "partial_refunded/completed"), ("chargeback 600", "chargedback/completed"), ("won", "partial_refunded/completed"), ("refund", "partial_refunded/completed"), ("seconds 2", "refunded/completed")],
    &[("pay", "completed/completed"), ("ship", "shipped/completed"), ("chargeback", "chargedback/completed"), ("won", "shipped/completed")],
];

#[rstest]
#[tokio::test]
async fn every_stage_is_shown_and_told_in_its_pair_of_words(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (at, script) in STAGES.iter().enumerate() {
        let id = format!("order-{at}");
        let mut play =
            Play { gateway: &gateway, id: id.clone(), refund: Value::Null, chargeback: Value::Null };
        for (step, pair) in *script {
            play.step(step).await;
            let order = gateway.read(&id).await;
            assert_eq!(gateway.status(&id).await, *pair, "script {at} after {step}");
            let heard = gateway.shop.heard();
            let told = heard.iter().rfind(|heard| heard.order["order_id"] == json!(id)).unwrap();
            assert!(told.verified);
            assert_eq!(told.order, order, "script {at} after {step}");
        }
        gateway.audited().await;
    }
    let mut words = gateway.shop.statuses();
    words.sort();
    words.dedup();
    // Whoever pays on the page may be faster than the notification that they have begun.
    words.retain(|word| word != "initialized");
    let expected =
        ["chargedback", "completed", "partial_refunded", "refunded", "shipped", "uncleared", "void"];
    assert_eq!(words, expected);
}
