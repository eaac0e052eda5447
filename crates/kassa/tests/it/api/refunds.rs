//! Refunds: how much, how often, until when, and what becomes of one that gets no answer.

mod carts;

use crate::harness::{Database, FRICTIONLESS, Gateway, path};
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const PAID_BACK: &str = "SELECT COALESCE(SUM(amount_minor), 0) FROM simulator_movement WHERE kind = 'refund' AND response_code = '00'";
const REFUND: &str = "refunds";
/// A refund of a test site rests so long before it is paid.
const REST: Millis = Millis::seconds(2);

fn eur(amount: impl Into<Value>) -> Value {
    json!({"currency": "EUR", "amount": amount.into(), "description": "Returned"})
}

/// Status pair, `amount_refunded` and what is related.
async fn seen(gateway: &Gateway, id: &str) -> String {
    let order = gateway.read(id).await;
    let related = gateway.related(id).await.join(", ");
    format!("{} {} [{related}]", gateway.status(id).await, order["amount_refunded"])
}

#[rstest]
#[tokio::test]
async fn a_refund_is_reserved_paid_and_seen_by_the_shop(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let paid = gateway.paid("A-1").await;
    gateway.work().await;
    let body = json!({
        "type": "refund", "currency": "EUR", "amount": "400", "description": "Too <small>",
        "refund_order_id": "A-1-refund", "var1": "one", "var2": 2, "var3": "",
    });
    let answer = gateway.done("A-1", REFUND, &body).await;
    assert!(answer["refund_id"].is_i64() && answer["refund_id"] != paid["transaction_id"], "{answer}");
    assert_eq!((&answer["order_id"], &answer["transaction_id"]), (&json!("A-1"), &paid["transaction_id"]));
    assert_eq!(seen(&gateway, "A-1").await, "completed/completed 400 [refund reserved 400]");
    let entry = gateway.read("A-1").await["related_transactions"][0].clone();
    let expected = json!({
        "amount": 400, "costs": [], "created": "2026-11-22T13:00:00", "currency": "EUR",
        "description": "Too <small>", "modified": "2026-11-22T13:00:00", "order_id": "A-1-refund",
        "reference_transaction_id": paid["transaction_id"], "refund_order_id": "A-1-refund",
        "status": "reserved", "transaction_id": answer["refund_id"], "type": "refund",
        "var1": "one", "var2": "2", "var3": "",
    });
    assert_eq!(entry, expected);
    gateway.pass(Millis(REST.0 - 1)).await;
    assert_eq!(gateway.count(PAID_BACK).await, 0);
    gateway.pass(Millis(1)).await;
    assert_eq!(seen(&gateway, "A-1").await, "partial_refunded/completed 400 [refund completed 400]");
    assert_eq!(gateway.count(PAID_BACK).await, 400);

    gateway.done("A-1", REFUND, &eur(0)).await;
    gateway.pass(REST).await;
    let all = "refunded/completed 1000 [refund completed 400, refund completed 600]";
    assert_eq!(seen(&gateway, "A-1").await, all);
    assert_eq!(
        gateway.shop.statuses(),
        ["completed", "completed", "partial_refunded", "partial_refunded", "refunded"]
    );
    let heard = gateway.shop.heard();
    assert!(heard.iter().all(|heard| heard.verified));
    let refunded = |at: usize| heard[at].order["amount_refunded"].as_i64().unwrap();
    assert_eq!((0..5).map(refunded).collect::<Vec<_>>(), [0, 400, 400, 1000, 1000]);
    let by_refund = gateway.read(&answer["refund_id"].to_string()).await;
    assert_eq!(by_refund, gateway.read("A-1").await, "a refund's own PSP id finds its order");
    assert!(gateway.audited().await.iter().all(|line| line.ends_with(" 0")), "all of it went back");
}

/// What is refunded of 10.00 EUR after 1.00 EUR was.
#[rstest]
#[case(json!({"currency": "EUR"}), 900)]
#[case(json!({"currency": "EUR", "amount": null}), 900)]
#[case(json!({"currency": "EUR", "amount": ""}), 900)]
#[case(json!({"currency": "EUR", "amount": 0}), 900)]
#[case(json!({"currency": "EUR", "amount": "0"}), 900)]
#[case(json!({"amount": 900}), 900)]
#[case(json!({"currency": "", "amount": "250"}), 250)]
#[case(json!({"currency": "EUR", "amount": 250.0}), 250)]
#[case(json!({"currency": "EUR", "amount": 1}), 1)]
#[case(json!({"currency": "EUR", "amount": 0, "checkout_data": []}), 900)]
#[case(json!({"currency": "EUR", "checkout_data": {"items": []}}), 900)]
#[case(json!([]), 900)]
#[tokio::test]
async fn an_amount_is_read_in_every_form_and_without_one_it_is_the_rest(
    #[case] body: Value,
    #[case] minor: i64,
) {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.paid("A-1").await;
    gateway.done("A-1", REFUND, &eur(100)).await;
    gateway.done("A-1", REFUND, &body).await;
    gateway.pass(REST).await;
    assert_eq!(gateway.count(PAID_BACK).await, 100 + minor);
    assert_eq!(gateway.read("A-1").await["amount_refunded"], 100 + minor);
    gateway.audited().await;
}

/// What is asked of an order of 10.00 EUR of which 1.00 EUR is refunded, and why it is refused.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, u16, u32, &str)] = &[
    ("A-1", r#"{"currency":"EUR","amount":901}"#, 409, 1034, "Cannot refund order A-1: the amount is more than what is left of it"),
    ("A-1", r#"{"currency":"EUR","amount":99999999999}"#, 409, 1034, "Cannot refund order A-1: the amount is more than what is left of it"),
    ("A-1", r#"{"currency":"EUR","amount":100}"#, 409, 1034, "Cannot refund order A-1: the same amount was refunded less than 5 minutes ago; an Idempotency-Key says that it is meant"),
    ("A-1", r#"{"currency":"USD","amount":200}"#, 400, 1002, "Invalid currency: must be the currency of the order"),
    ("A-1", r#"{"currency":"FOOBAR","amount":200}"#, 400, 1002, "Invalid currency: must be the currency of the order"),
    ("A-1", r#"{"currency":978,"amount":200}"#, 400, 1002, "Invalid currency: must be text, such as EUR"),
    ("A-1", r#"{"currency":"EUR","amount":-200}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"currency":"EUR","amount":10.5}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"currency":"EUR","amount":"2.00"}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"currency":"EUR","amount":[]}"#, 400, 1001, "Invalid amount: must be a whole number of minor units"),
    ("A-1", r#"{"currency":"EUR","amount":200,"var1":[]}"#, 400, 1010, "Invalid var1: must be text"),
    ("A-1", r#"{"currency":"EUR","amount":200,"description":{}}"#, 400, 1008, "Invalid description: must be text"),
    ("A-1", r#"{"currency":"EUR","amount":200,"refund_order_id":"a\nb"}"#, 400, 1006, "Invalid refund_order_id: must have 1 to 50 characters"),
    ("A-1", "[1]", 400, 1016, "Invalid request body: must be a JSON object"),
    ("nobody", r#"{"currency":"EUR","amount":200}"#, 404, 1006, "Invalid transaction ID"),
    ("unpaid", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order unpaid: nothing was collected under it"),
    ("declined", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order declined: nothing was collected under it"),
    ("cancelled", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order cancelled: nothing was collected under it"),
    ("uncleared", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order uncleared: nothing was collected under it"),
    ("authorised", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order authorised: nothing was collected under it"),
    ("zero", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order zero: nothing was collected under it"),
    ("refunded", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order refunded: everything is refunded already"),
    ("refunded", r#"{"currency":"EUR","amount":1}"#, 409, 1034, "Cannot refund order refunded: everything is refunded already"),
    ("charged back", r#"{"currency":"EUR"}"#, 409, 1034, "Cannot refund order charged back: the customer's bank has taken the money back already"),
];

#[rstest]
#[tokio::test]
async fn what_cannot_be_refunded_says_why_and_changes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    gateway.done("A-1", REFUND, &eur(100)).await;
    gateway.place(&gateway.order("unpaid")).await;
    gateway.place(&gateway.direct_order("declined", "4012001037461114")).await;
    gateway.place(&gateway.order("cancelled")).await;
    assert_eq!(gateway.change(&path("cancelled"), &json!({"status": "cancelled"})).await.status, 200);
    gateway.paid_on_page(&gateway.order("uncleared"), "6799990000000000052").await;
    gateway.authorised("authorised").await;
    let mut zero = gateway.direct_order("zero", FRICTIONLESS);
    zero["amount"] = json!(0);
    assert_eq!(gateway.place(&zero).await["financial_status"], "completed");
    gateway.paid("refunded").await;
    gateway.done("refunded", REFUND, &eur("")).await;
    gateway.paid("charged back").await;
    gateway.call("POST", "/v1/json/simulator/orders/charged%20back/chargeback", "{}").await;
    let (movements, told) = ("SELECT COUNT(*) FROM movement", "SELECT SUM(version_wanted) FROM notification");
    let before = (gateway.count(movements).await, gateway.count(told).await);
    for (id, body, status, code, info) in REFUSED {
        let answer = gateway.call("POST", &format!("{}/refunds", path(id)), body).await;
        answer.assert_refused(*status, *code, info, body);
    }
    for long in ["description", "refund_order_id", "var2"] {
        let mut body = eur(200);
        body[long] = json!("x".repeat(501));
        assert_eq!(gateway.ask("A-1", REFUND, &body).await.status, 400, "{long}");
    }
    assert_eq!((gateway.count(movements).await, gateway.count(told).await), before);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn the_same_amount_within_five_minutes_is_meant_only_with_a_key(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    let target = format!("{}/refunds", path("A-1"));
    let keyed = |key: &'static str| [("api_key", gateway.key.as_str()), ("idempotency-key", key)];
    let body = eur(100).to_string();
    let first = gateway.call_with("POST", &target, &keyed("one"), &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = gateway.call_with("POST", &target, &keyed("one"), &body).await;
    assert_eq!(
        (again.text, &again.headers["idempotent-replayed"]),
        (first.text.clone(), &"true".parse().unwrap())
    );
    assert_eq!(gateway.read("A-1").await["amount_refunded"], 100);
    assert_eq!(gateway.ask("A-1", REFUND, &eur("100")).await.json["error_code"], 1034);
    let meant = gateway.call_with("POST", &target, &keyed("two"), &body).await;
    assert_eq!(meant.status, 200, "{}", meant.text);
    assert_ne!(meant.json["data"]["refund_id"], first.json["data"]["refund_id"]);
    gateway.pass(Millis(Millis::minutes(5).0 - 1)).await;
    assert_eq!(gateway.ask("A-1", REFUND, &eur(100)).await.json["error_code"], 1034);
    gateway.pass(Millis(1)).await;
    gateway.done("A-1", REFUND, &eur(100)).await;
    // What was taken back, or refused, was no refund.
    let refund = gateway.done("A-1", REFUND, &eur(200)).await["refund_id"].clone();
    let void = gateway.change(&format!("{target}/{refund}"), &json!({"status": "void"})).await;
    assert_eq!(void.status, 200, "{}", void.text);
    gateway.done("A-1", REFUND, &eur(200)).await;
    gateway.pass(REST).await;
    assert_eq!(gateway.count(PAID_BACK).await, 500);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_refund_is_possible_for_180_days(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    gateway.pass(Millis::days(180)).await;
    gateway.done("A-1", REFUND, &eur(100)).await;
    gateway.pass(Millis::minutes(5)).await;
    let late = gateway.ask("A-1", REFUND, &eur(100)).await;
    late.assert_refused(
        409,
        1034,
        "Cannot refund order A-1: it was completed more than 180 days ago",
        "late",
    );
    assert_eq!(seen(&gateway, "A-1").await, "partial_refunded/completed 100 [refund completed 100]");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_refund_can_be_taken_back_until_it_is_sent(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    gateway.paid("A-2").await;
    let refund = gateway.done("A-1", REFUND, &eur(300)).await["refund_id"].clone();
    let target = format!("{}/refunds/{refund}", path("A-1"));
    let void = json!({"status": "void", "description": "Changed our mind"});
    for (body, code, info) in [
        (json!({}), 1016, "Invalid status: must be void"),
        (json!({"status": "completed"}), 1016, "Invalid status: must be void"),
    ] {
        gateway.change(&target, &body).await.assert_refused(400, code, info, "a wrong status");
    }
    for other in [
        format!("{}/refunds/{refund}", path("A-2")),
        format!("{}/refunds/1", path("A-1")),
        format!("{}/refunds/x", path("A-1")),
    ] {
        gateway.change(&other, &void).await.assert_refused(404, 1006, "Invalid transaction ID", &other);
    }
    let paid = gateway.read("A-1").await["transaction_id"].clone();
    let payment = gateway.change(&format!("{}/refunds/{paid}", path("A-1")), &void).await;
    payment.assert_refused(404, 1006, "Invalid transaction ID", "a payment is no refund");
    let done = gateway.change(&target, &void).await;
    assert_eq!((done.status, &done.json["data"]), (200, &json!({})));
    assert_eq!(seen(&gateway, "A-1").await, "completed/completed 0 [refund void 300]");
    let twice = gateway.change(&target, &void).await;
    twice.assert_refused(409, 1006, "Order A-1 cannot be changed now", "twice");
    gateway.pass(REST).await;
    assert_eq!(gateway.count(PAID_BACK).await, 0);

    // Java cannot send PATCH.
    let refund = gateway.done("A-1", REFUND, &eur("")).await["refund_id"].clone();
    let target = format!("{}/refunds/{refund}", path("A-1"));
    let headers = [("api_key", gateway.key.as_str()), ("x-http-method-override", "PATCH")];
    assert_eq!(gateway.call_with("POST", &target, &headers, &void.to_string()).await.status, 200);
    assert_eq!(gateway.call("POST", &target, &void.to_string()).await.status, 405);
    gateway.clock.advance(Millis(1));
    let refund = gateway.done("A-1", REFUND, &eur("")).await["refund_id"].clone();
    gateway.pass(REST).await;
    let late = gateway.change(&format!("{}/refunds/{refund}", path("A-1")), &void).await;
    late.assert_refused(409, 1006, "Order A-1 cannot be changed now", "it is paid");
    let related = "refunded/completed 1000 [refund void 300, refund void 1000, refund completed 1000]";
    assert_eq!(seen(&gateway, "A-1").await, related);
    gateway.audited().await;
}

/// Card, what becomes of its refund, and after how long.
#[rstest]
#[case::refused("6799990000000000144", Millis::seconds(2), "completed/completed 0 [refund declined 1000]", 0)]
#[case::answer_lost(
    "6799990000000000151",
    Millis::seconds(12),
    "refunded/completed 1000 [refund completed 1000]",
    1000
)]
#[case::request_lost(
    "6799990000000000169",
    Millis::seconds(12),
    "refunded/completed 1000 [refund completed 1000]",
    1000
)]
#[tokio::test]
async fn only_the_acquirers_word_ends_a_refund(
    #[case] card: &str,
    #[case] after: Millis,
    #[case] end: &str,
    #[case] paid_back: i64,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(false, true)] restarted: bool,
) {
    let mut gateway = Gateway::start(database).await;
    gateway.paid_on_page(&gateway.order("A-1"), card).await;
    let refund = gateway.done("A-1", REFUND, &json!({"currency": "EUR"})).await["refund_id"].clone();
    if after > REST {
        gateway.pass(REST).await;
        // It may be paid: nobody can take it back, and the order is as it was.
        let target = format!("{}/refunds/{refund}", path("A-1"));
        let void = gateway.change(&target, &json!({"status": "void"})).await;
        void.assert_refused(409, 1006, "Order A-1 cannot be changed now", "nobody knows");
        assert_eq!(seen(&gateway, "A-1").await, "completed/completed 1000 [refund reserved 1000]");
        gateway.audited().await;
        if restarted {
            gateway = gateway.restart().await;
        }
        gateway.pass(Millis(after.0 - REST.0)).await;
    } else {
        gateway.pass(after).await;
    }
    assert_eq!(seen(&gateway, "A-1").await, end);
    assert_eq!(gateway.count(PAID_BACK).await, paid_back);
    gateway.pass(Millis::hours(1)).await;
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_movement").await, 1, "once");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_refund_whose_sender_died_is_paid_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(false, true)] sent: bool,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    gateway.done("A-1", REFUND, &eur(400)).await;
    if sent {
        // The acquirer has paid it; nobody was there to write it down.
        gateway.pass(REST).await;
        gateway.sql("UPDATE movement SET state = 'sending', done_at = NULL").await;
        gateway.sql("DELETE FROM ledger_transfer WHERE step = 'refund'").await;
        let due = gateway.clock.now().0;
        gateway
            .sql(&format!(
                "INSERT INTO job (site_id, kind, subject, order_id, due_at, lease_until, lease_epoch) \
                 SELECT site_id, 'send_refund', CAST(id AS TEXT), order_id, {due}, 0, 0 FROM movement"
            ))
            .await;
    } else {
        // The intent is written, and nothing was sent.
        gateway.sql("UPDATE movement SET state = 'sending'").await;
    }
    let gateway = gateway.restart().await;
    assert_eq!(seen(&gateway, "A-1").await, "completed/completed 400 [refund reserved 400]");
    gateway.pass(REST).await;
    assert_eq!(seen(&gateway, "A-1").await, "partial_refunded/completed 400 [refund completed 400]");
    assert_eq!(gateway.count(PAID_BACK).await, 400);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn two_nodes_pay_a_refund_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin().await;
    for round in 0..5 {
        let id = format!("order-{round}");
        gateway.paid(&id).await;
        gateway.done(&id, REFUND, &eur(400)).await;
    }
    gateway.clock.advance(REST);
    join_all((0..6).map(|at| {
        let app = if at % 2 == 0 { gateway.app.clone() } else { twin.clone() };
        async move { app.run_jobs().await }
    }))
    .await;
    assert_eq!(gateway.count(PAID_BACK).await, 2_000);
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_movement").await, 5);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn refunds_at_once_never_add_up_to_more_than_was_paid(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    gateway.paid("A-1").await;
    let target = format!("{}/refunds", path("A-1"));
    let answers = join_all((0..10).map(|at| {
        let (url, body) = (if at % 2 == 0 { &gateway.url } else { &twin }, eur(301 + at).to_string());
        let target = &target;
        let gateway = &gateway;
        async move { gateway.call_at(url, "POST", target, &[("api_key", &gateway.key)], &body).await }
    }))
    .await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.json["error_code"] == 1034).count();
    assert_eq!((done, refused), (3, 7), "{answers:?}");
    gateway.pass(REST).await;
    assert!(gateway.count(PAID_BACK).await <= 1_000);
    gateway.audited().await;
}
