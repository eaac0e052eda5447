//! Manual capture: authorised first, then collected whole or in parts, or given back.

mod refused;

use crate::harness::{Answer, Database, FRICTIONLESS, Gateway, path};
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const CAPTURE: &str = "capture";
const CAPTURED: &str = "SELECT COALESCE(SUM(amount_minor), 0) FROM simulator_movement WHERE kind = 'capture' AND response_code = '00'";
const STANDING: &str =
    "SELECT COUNT(*) FROM simulator_authorisation WHERE response_code = '00' AND reversed_at IS NULL";

fn part(amount: i64, id: &str) -> Value {
    json!({"amount": amount, "new_order_id": id, "new_order_status": "completed"})
}

/// Status pair, what remains, and what is related.
async fn seen(gateway: &Gateway, id: &str) -> String {
    let remain = gateway.read(id).await["payment_details"]["capture_remain"].clone();
    format!("{} {remain} [{}]", gateway.status(id).await, gateway.related(id).await.join(", "))
}

async fn give_back(gateway: &Gateway, id: &str) -> Answer {
    gateway
        .change(&format!("/v1/json/capture/{id}"), &json!({"status": "cancelled", "reason": "Sold out"}))
        .await
}

#[rstest]
#[tokio::test]
async fn an_authorised_order_looks_as_plugins_expect(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.authorised("A-1").await;
    let details = &order["payment_details"];
    assert_eq!((&order["status"], &order["financial_status"]), (&json!("completed"), &json!("initialized")));
    assert_eq!((&details["capture"], &details["capture_remain"]), (&json!("manual"), &json!(1000)));
    // Seven days for Visa.
    assert_eq!(details["capture_expiry"], "2026-11-29T13:00:00");
    assert_eq!(order["payment_methods"][0]["status"], "initialized");
    assert_eq!(order["related_transactions"], Value::Null, "anything else is taken for a capture");
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["completed"]);
    let balances = gateway.audited().await;
    assert_eq!(balances, ["site 1 acquirer EUR -1000", "site 1 authorised EUR 1000"]);
    // Neither paid anew, nor cancelled like an order that nobody paid.
    let again =
        gateway.call("POST", "/v1/json/orders", &gateway.direct_order("A-1", FRICTIONLESS).to_string()).await;
    let info = "Invalid order_id: \"A-1\" already has a paid transaction";
    again.assert_refused(409, 1006, info, "again");
    let cancelled = gateway.change(&path("A-1"), &json!({"status": "cancelled"})).await;
    cancelled.assert_refused(409, 1006, info, "cancelled");
}

#[rstest]
#[case::as_documented(json!({"amount": 1000, "new_order_id": "B-1", "new_order_status": "completed", "invoice_id": "", "carrier": "", "reason": "", "memo": ""}))]
#[case::as_magento_does(json!({"amount": 1000.0, "new_order_status": "shipped", "tracktrace_code": "", "invoice_id": "000000012"}))]
#[case::without_an_amount(json!({"new_order_status": "completed"}))]
#[case::as_text(json!({"amount": "1000"}))]
#[case::nothing_said(json!({}))]
#[tokio::test]
async fn a_full_capture_collects_the_order_itself(
    #[case] body: Value,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.authorised("A-1").await;
    gateway.work().await;
    let answer = gateway.done("A-1", CAPTURE, &body).await;
    assert_eq!(answer["order_id"], "A-1");
    assert!(answer["transaction_id"].is_i64(), "{answer}");
    assert_eq!(gateway.call("GET", &path("B-1"), "").await.status, 404, "there is no other order");
    assert_eq!(seen(&gateway, "A-1").await, "completed/completed 0 [capture completed 1000]");
    let order = gateway.read("A-1").await;
    assert_eq!(order["payment_details"].get("capture_expiry"), None);
    assert_eq!(order["payment_methods"][0]["status"], "completed");
    assert_eq!(order["related_transactions"][0]["transaction_id"], answer["transaction_id"]);
    let again = gateway.ask("A-1", CAPTURE, &body).await;
    again.assert_refused(409, 1006, "fullcaptured", "a plugin compares the text");
    give_back(&gateway, "A-1").await.assert_refused(409, 1006, "fullcaptured", "nothing is left");
    gateway.work().await;
    assert_eq!(gateway.count(CAPTURED).await, 1000);
    assert_eq!(gateway.shop.statuses(), ["completed", "completed"]);
    assert_eq!(gateway.shop.heard()[1].order, order);
    assert_eq!(gateway.audited().await[1..], ["site 1 authorised EUR 0", "site 1 balance EUR 1000"]);

    gateway.done("A-1", "refunds", &json!({"currency": "EUR"})).await;
    gateway.pass(Millis::days(31)).await;
    assert_eq!(gateway.status("A-1").await, "refunded/completed");
    assert!(gateway.audited().await.iter().all(|line| line.ends_with(" 0")));
}

#[rstest]
#[tokio::test]
async fn parts_are_orders_of_their_own_and_the_last_completes_the_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.authorised("A-1").await;
    let first = gateway.done("A-1", CAPTURE, &part(300, "A-1_1")).await;
    gateway.clock.advance(Millis(1));
    assert_eq!(first["order_id"], "A-1_1");
    assert_eq!(seen(&gateway, "A-1").await, "completed/initialized 700 [capture completed 300]");
    let child = gateway.read("A-1_1").await;
    assert_eq!((&child["status"], &child["financial_status"]), (&json!("completed"), &json!("completed")));
    assert_eq!((&child["amount"], &child["auth_order_id"]), (&json!(300), &json!("A-1")));
    assert_eq!(
        (&child["transaction_id"], &child["related_transactions"]),
        (&first["transaction_id"], &Value::Null)
    );
    assert_eq!(child["payment_details"].get("capture"), None);
    assert_eq!(gateway.read("A-1").await.get("auth_order_id"), None);

    let second = gateway.done("A-1", CAPTURE, &json!({"amount": 200})).await;
    let generated = second["order_id"].as_str().unwrap().to_owned();
    assert_eq!(generated, second["transaction_id"].to_string());
    assert_eq!(gateway.status(&generated).await, "completed/completed");
    let too_much = gateway.ask("A-1", CAPTURE, &part(501, "A-1_3")).await;
    let info = "Invalid amount: is more than what is left of the authorisation";
    too_much.assert_refused(400, 1001, info, "more than is left");
    // Everything that is left.
    gateway.clock.advance(Millis(1));
    let third = gateway
        .done("A-1", CAPTURE, &json!({"new_order_id": "A-1_3", "new_order_status": "completed"}))
        .await;
    assert_eq!(third["order_id"], "A-1_3");
    assert_eq!(gateway.read("A-1_3").await["amount"], 500);
    let parts = "[capture completed 300, capture completed 200, capture completed 500]";
    assert_eq!(seen(&gateway, "A-1").await, format!("completed/completed 0 {parts}"));
    gateway.ask("A-1", CAPTURE, &part(1, "A-1_4")).await.assert_refused(
        409,
        1006,
        "fullcaptured",
        "nothing is left",
    );
    gateway.work().await;
    assert_eq!(gateway.count(CAPTURED).await, 1000);

    let parent = gateway.ask("A-1", "refunds", &json!({"currency": "EUR"})).await;
    parent.assert_refused(409, 1034, "Cannot refund order A-1: nothing was collected under it", "the parent");
    let more = gateway.ask("A-1_1", "refunds", &json!({"currency": "EUR", "amount": 301})).await;
    more.assert_refused(
        409,
        1034,
        "Cannot refund order A-1_1: the amount is more than what is left of it",
        "a part",
    );
    gateway.done("A-1_1", "refunds", &json!({"currency": "EUR", "amount": 100})).await;
    gateway.done("A-1_3", "refunds", &json!({"currency": "EUR"})).await;
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-1_1").await, "partial_refunded/completed");
    assert_eq!(gateway.status("A-1_3").await, "refunded/completed");
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    let taken = gateway.call("POST", "/v1/json/orders", &gateway.order("A-1_1").to_string()).await;
    assert_eq!((taken.status, &taken.json["error_code"]), (409, &json!(1006)), "{}", taken.text);
    assert!(gateway.audited().await.contains(&"site 1 balance EUR 400".to_owned()));
}

#[rstest]
#[tokio::test]
async fn what_is_not_captured_is_given_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let whole = gateway.authorised("whole").await;
    let partly = gateway.authorised("partly").await;
    gateway.work().await;
    gateway.done("partly", CAPTURE, &part(300, "part")).await;
    for (id, payment, related) in [
        ("whole", &whole, "[auth-cancellation completed 1000]"),
        ("partly", &partly, "[capture completed 300, auth-cancellation completed 700]"),
    ] {
        gateway.clock.advance(Millis(1));
        let answer = give_back(&gateway, id).await;
        let expected = json!({"order_id": id, "success": true, "transaction_id": payment["transaction_id"]});
        assert_eq!((answer.status, &answer.json["data"]), (200, &expected), "{}", answer.text);
        assert_eq!(seen(&gateway, id).await, format!("void/void 0 {related}"));
        let info = format!("Order {id} has no authorisation to capture or cancel");
        give_back(&gateway, id).await.assert_refused(409, 1006, &info, "twice");
        gateway.ask(id, CAPTURE, &part(1, "late")).await.assert_refused(409, 1006, &info, "too late");
    }
    gateway.work().await;
    // The rest of what was captured in part goes back once the acquirer knows the part.
    gateway.pass(Millis::minutes(1)).await;
    assert_eq!((gateway.count(CAPTURED).await, gateway.count(STANDING).await), (300, 0));
    let words = gateway.shop.statuses();
    assert_eq!(words[2..].iter().filter(|word| *word == "void").count(), 2, "{words:?}");
    gateway.done("part", "refunds", &json!({"currency": "EUR"})).await;
    gateway.clock.advance(Millis(1));
    // The whole may be paid anew; of the other a part was.
    gateway.paid("whole").await;
    assert_eq!(gateway.status("whole").await, "completed/completed");
    let again = gateway.call("POST", "/v1/json/orders", &gateway.order("partly").to_string()).await;
    let info = "Invalid order_id: \"partly\" already has a paid transaction";
    again.assert_refused(409, 1006, info, "a part was captured");
    gateway.pass(Millis::days(31)).await;
    assert_eq!(gateway.status("part").await, "refunded/completed");
    gateway.audited().await;
}

/// Card on the page, and for how many days its authorisation can be captured.
#[rstest]
#[case("4761340000000019", 7)]
#[case("5500000000000004", 30)]
#[case("6799990000000000011", 30)]
#[tokio::test]
async fn an_authorisation_ends_by_itself(
    #[case] card: &str,
    #[case] days: i64,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for id in ["whole", "partly", "captured"] {
        let mut order = gateway.order(id);
        order["gateway"] = json!("CREDITCARD");
        order["capture"] = json!("manual");
        assert_eq!(gateway.paid_on_page(&order, card).await["financial_status"], "initialized");
    }
    gateway.done("partly", CAPTURE, &part(300, "part")).await;
    gateway.pass(Millis(Millis::days(days).0 - 1)).await;
    assert_eq!(gateway.status("whole").await, "completed/initialized");
    gateway.done("captured", CAPTURE, &json!({})).await;
    // The time is over, but the job that says so has not run yet.
    gateway.clock.advance(Millis(1));
    let late = gateway.ask("whole", CAPTURE, &json!({})).await;
    late.assert_refused(409, 1006, "Order whole has an authorisation whose time is over", card);
    gateway.work().await;
    assert_eq!(seen(&gateway, "whole").await, "void/void 0 []");
    assert_eq!(seen(&gateway, "partly").await, "void/void 0 [capture completed 300]");
    assert_eq!(gateway.status("captured").await, "completed/completed");
    assert_eq!(gateway.status("part").await, "completed/completed");
    let void = gateway.shop.statuses().iter().filter(|word| *word == "void").count();
    assert_eq!((void, gateway.count(CAPTURED).await), (2, 1300));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_held_payment_is_authorised_when_it_is_accepted(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    order["capture"] = json!("manual");
    assert_eq!(gateway.paid_on_page(&order, "6799990000000000052").await["status"], "uncleared");
    let early = gateway.ask("A-1", CAPTURE, &json!({})).await;
    early.assert_refused(409, 1006, "Order A-1 has no authorisation to capture or cancel", "held");
    gateway.pass(Millis::minutes(3)).await;
    assert_eq!(seen(&gateway, "A-1").await, "completed/initialized 1000 []");
    gateway.done("A-1", CAPTURE, &json!({})).await;
    gateway.work().await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_capture_that_was_answered_reaches_the_acquirer_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.authorised("A-1").await;
    let headers = [("api_key", gateway.key.as_str()), ("idempotency-key", "key")];
    let (target, body) = (format!("{}/capture", path("A-1")), part(400, "part").to_string());
    let first = gateway.call_with("POST", &target, &headers, &body).await;
    let key = gateway.key.clone();
    let gateway = gateway.restart().await;
    let headers = [("api_key", key.as_str()), ("idempotency-key", "key")];
    let again = gateway.call_with("POST", &target, &headers, &body).await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    let twin = gateway.twin().await;
    tokio::join!(gateway.work(), twin.run_jobs());
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_movement").await, 1);
    assert_eq!(seen(&gateway, "A-1").await, "completed/initialized 600 [capture completed 400]");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_order_id_is_given_to_one_of_two_captures(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    let key = [("api_key", gateway.key.as_str())];
    for round in 0..6 {
        let (one, two) = (format!("one-{round}"), format!("two-{round}"));
        gateway.authorised(&one).await;
        gateway.authorised(&two).await;
        let body = part(400, &format!("part-{round}")).to_string();
        let ask = |at: String, id: String| {
            let (body, gateway, key) = (&body, &gateway, &key);
            async move { gateway.call_at(&at, "POST", &format!("{}/capture", path(&id)), key, body).await }
        };
        let answers = tokio::join!(ask(gateway.url.clone(), one), ask(twin.clone(), two));
        let answers = [answers.0, answers.1];
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
        let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
        let info = "Invalid new_order_id: a captured part needs an order id of its own";
        refused.assert_refused(409, 1006, info, "the other");
    }
    gateway.work().await;
    assert_eq!(gateway.count(CAPTURED).await, 2_400);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn captures_at_once_never_add_up_to_more_than_was_authorised(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    gateway.authorised("A-1").await;
    let answers = join_all((0..10).map(|at| {
        let (url, body) =
            (if at % 2 == 0 { &gateway.url } else { &twin }, part(300, &format!("part-{at}")).to_string());
        let gateway = &gateway;
        async move {
            let target = format!("{}/capture", path("A-1"));
            gateway.call_at(url, "POST", &target, &[("api_key", &gateway.key)], &body).await
        }
    }))
    .await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 3, "{answers:?}");
    assert!(
        answers.iter().all(|answer| answer.status == 200 || answer.json["error_code"] == 1001),
        "{answers:?}"
    );
    gateway.work().await;
    assert_eq!(gateway.count(CAPTURED).await, 900);
    gateway.audited().await;
}
