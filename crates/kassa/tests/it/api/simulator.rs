//! What the simulated acquirer of a test site is told to do wrong, and what it knows.

use crate::harness::{Database, Gateway};
use rstest::rstest;
use serde_json::{Value, json};

const FAULTS: &str = "/v1/json/simulator/faults";
const BOOK: &str = "/v1/json/simulator/book";

#[rstest]
#[tokio::test]
async fn a_plan_is_shown_with_what_is_left_of_it_and_ended_by_an_empty_one(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let body = json!({ "seed": "7", "faults": [
        { "kind": "NO_ANSWER", "next": 2, "on": "0400" },
        { "kind": "late", "percent": 10, "delay_ms": 1_500, "next": 4 },
        { "kind": "garbage" },
    ] });
    let planned = json!({ "faults": [
        { "kind": "no_answer", "next": 2, "percent": null, "delay_ms": 500, "on": "0400" },
        { "kind": "late", "next": null, "percent": 10, "delay_ms": 1_500, "on": null },
        { "kind": "garbage", "next": 1, "percent": null, "delay_ms": 500, "on": null },
    ] });
    let answer = gateway.call("POST", FAULTS, &body.to_string()).await;
    assert_eq!((answer.status, &answer.json["data"]), (200, &planned));
    assert_eq!(gateway.call("GET", FAULTS, "").await.json["data"], planned);
    for nothing in ["{}", "[]", r#"{"faults": []}"#, r#"{"faults": null}"#] {
        assert_eq!(
            gateway.call("POST", FAULTS, nothing).await.json["data"],
            json!({ "faults": [] }),
            "{nothing}"
        );
    }
}

#[tokio::test]
async fn a_plan_that_makes_no_sense_is_refused_and_says_where() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let many = json!({ "faults": vec![json!({ "kind": "late" }); 21] }).to_string();
    for (body, place) in [
        ("7", "request body"),
        (r#"{"faults": 7}"#, "faults"),
        (many.as_str(), "faults"),
        (r#"{"seed": -1}"#, "seed"),
        (r#"{"amount_rules": 7}"#, "amount_rules"),
        (r#"{"faults": [{}]}"#, "faults[0].kind"),
        (r#"{"faults": [{"kind": "late"}, {"kind": "lost"}]}"#, "faults[1].kind"),
        (r#"{"faults": [{"kind": "late", "next": 0}]}"#, "faults[0].next"),
        (r#"{"faults": [{"kind": "late", "percent": 101}]}"#, "faults[0].percent"),
        (r#"{"faults": [{"kind": "late", "delay_ms": 600001}]}"#, "faults[0].delay_ms"),
        (r#"{"faults": [{"kind": "late", "on": "0800"}]}"#, "faults[0].on"),
    ] {
        let answer = gateway.call("POST", FAULTS, body).await;
        assert_eq!(
            (answer.status, answer.json["error_code"].as_u64()),
            (400, Some(1016)),
            "{body}: {answer:?}"
        );
        assert!(answer.json["error_info"].as_str().unwrap().contains(place), "{body}: {answer:?}");
    }
}

#[rstest]
#[tokio::test]
async fn the_book_tells_what_arrived_and_whose_it_was(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let card = json!({
        "card_number": "4111111111111111", "card_holder_name": "A", "card_expiry_date": "3512", "card_cvc": "123",
    });
    let mut order = gateway.order("A-1");
    order["type"] = json!("direct");
    order["gateway"] = json!("VISA");
    order["gateway_info"] = card;
    let placed = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
    assert_eq!(placed.status, 200, "{placed:?}");
    gateway.work().await;
    let data = gateway.call("GET", BOOK, "").await.json["data"].clone();
    let entry = &data["authorisations"][0];
    let of = |key: &str| entry[key].clone();
    assert_eq!(
        (of("order_id"), of("amount"), of("charged"), of("currency"), of("response_code"), of("reversed")),
        (json!("A-1"), json!(1000), json!(1000), json!("EUR"), json!("00"), json!(false))
    );
    assert_eq!(of("rrn").as_str().unwrap().len(), 12);
    assert_eq!(data["movements"], Value::Array(Vec::new()));
    assert!(!data.to_string().contains("411111"), "no card number in it");
}

#[tokio::test]
async fn a_live_site_has_no_simulated_acquirer() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.sql("UPDATE site SET live_since = 1").await;
    for (method, path) in [("POST", FAULTS), ("GET", FAULTS), ("GET", BOOK)] {
        assert_eq!(gateway.call(method, path, "{}").await.status, 404, "{method} {path}");
    }
}
