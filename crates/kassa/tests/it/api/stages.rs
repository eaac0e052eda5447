//! What the API shows at every stage of an order's life.

use crate::harness::{Database, Gateway, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const ORDERS: &str = "/v1/json/orders";

/// A shop with its key, and the payment page it was answered last.
struct Play<'a> {
    gateway: &'a Gateway,
    key: &'a str,
    payment_url: String,
}

impl Play<'_> {
    async fn call(&self, method: &str, target: &str, body: &str) -> Value {
        let answer = self.gateway.call_with(method, target, &[("api_key", self.key)], body).await;
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.text);
        answer.json["data"].clone()
    }

    /// Does one step of a script.
    async fn step(&mut self, id: &str, step: &str) {
        let customer = self.gateway.customer();
        let (verb, object) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            // `place GATEWAY AMOUNT`
            "place" => {
                let mut order = self.gateway.order(id);
                let (gateway, amount) = object.split_once(' ').unwrap();
                order["gateway"] = json!(gateway);
                order["amount"] = json!(amount);
                let placed = self.call("POST", ORDERS, &order.to_string()).await;
                self.payment_url = placed["payment_url"].as_str().unwrap().to_owned();
            }
            "open" => assert_eq!(customer.open(&self.payment_url).await.status, 200),
            "submit" => {
                let page = customer.pay_with(&self.payment_url, object).await;
                assert!(page.has("select[name=transStatus]"), "{id}: {page:?}");
            }
            "pay" => {
                customer.pay(&self.payment_url, object).await;
            }
            // `answer OUTCOME CARD`
            "answer" => {
                let (outcome, card) = object.split_once(' ').unwrap();
                let challenge = customer.pay_with(&self.payment_url, card).await;
                customer.answer(&challenge, outcome).await;
            }
            "cancel" => {
                self.call("PATCH", &path(id), r#"{"status":"cancelled"}"#).await;
            }
            "minutes" => self.gateway.pass(Millis::minutes(object.parse().unwrap())).await,
            "days" => self.gateway.pass(Millis::days(object.parse().unwrap())).await,
            _ => panic!("unknown step {step}"),
        }
    }

    async fn status(&self, id: &str) -> String {
        let order = self.call("GET", &path(id), "").await;
        let financial = order["financial_status"].as_str().unwrap_or("null").to_owned();
        format!("{}/{financial}", order["status"].as_str().unwrap())
    }
}

/// Site, script, and the pair of status words after each step.
#[rustfmt::skip]
const STAGES: &[(&str, &[(&str, &str)])] = &[
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("open", "initialized/initialized"), ("submit 6799990000000000011", "initialized/initialized"), ("pay 6799990000000000011", "completed/completed"), ("days 31", "completed/completed")]),
    ("plain", &[("place VISA 1000", "initialized/initialized"), ("pay 4012001038443335", "completed/completed")]),
    ("plain", &[("place CREDITCARD 0", "initialized/initialized"), ("pay 5500000000000004", "completed/completed")]),
    ("plain", &[("place AMEX 1000", "initialized/initialized"), ("pay 374500000000015", "completed/completed")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000052", "uncleared/uncleared"), ("minutes 2", "uncleared/uncleared"), ("minutes 1", "completed/completed")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000037", "uncleared/uncleared"), ("minutes 3", "void/void"), ("days 31", "void/void")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000029", "declined/declined"), ("days 31", "declined/declined")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000029", "declined/declined"), ("submit 6799990000000000011", "initialized/initialized"), ("pay 6799990000000000011", "completed/completed")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000045", "declined/declined")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000094", "declined/declined")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("answer N 6799990000000000011", "declined/declined"), ("answer R 6799990000000000011", "declined/declined"), ("answer U 6799990000000000011", "declined/declined"), ("answer cancel 6799990000000000011", "declined/declined"), ("answer A 6799990000000000011", "completed/completed")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("submit 6799990000000000011", "initialized/initialized"), ("minutes 59", "initialized/initialized"), ("minutes 1", "expired/expired"), ("pay 6799990000000000011", "completed/completed")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("submit 6799990000000000011", "initialized/initialized"), ("minutes 60", "expired/expired"), ("days 30", "expired/expired")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("days 29", "initialized/initialized"), ("days 1", "cancelled/null")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("cancel", "cancelled/null"), ("days 31", "cancelled/null")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("cancel", "cancelled/null"), ("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000011", "completed/completed")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("submit 6799990000000000011", "initialized/initialized"), ("cancel", "void/cancelled"), ("days 31", "void/cancelled")]),
    ("plain", &[("place MAESTRO 1000", "initialized/initialized"), ("pay 6799990000000000029", "declined/declined"), ("cancel", "void/cancelled")]),
    ("own amex", &[("place AMEX 1000", "initialized/initialized"), ("submit 374500000000015", "initialized/initialized"), ("pay 374500000000015", "completed/initialized")]),
    ("own amex", &[("place CREDITCARD 1000", "initialized/initialized"), ("pay 378282246310005", "completed/initialized")]),
    ("own amex", &[("place AMEX 1000", "initialized/initialized"), ("pay 378734493671000", "uncleared/initialized"), ("minutes 3", "void/void")]),
    ("own amex", &[("place VISA 1000", "initialized/initialized"), ("pay 4111111111111111", "completed/completed")]),
];

#[rstest]
#[tokio::test]
async fn every_stage_is_shown_in_its_pair_of_words(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let own_amex = gateway.app.create_site("A shop with a contract", true).await.unwrap();
    for (at, (site, script)) in STAGES.iter().enumerate() {
        let key = if *site == "plain" { gateway.key.as_str() } else { own_amex.expose() };
        let mut play = Play { gateway: &gateway, key, payment_url: String::new() };
        let id = format!("order-{at}");
        for (step, status) in *script {
            play.step(&id, step).await;
            assert_eq!(play.status(&id).await, *status, "{site}, script {at}, after {step}");
        }
    }
    let audited = kassa::audit::audit(gateway.app.store()).await.unwrap();
    assert_eq!(audited.differences, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_paid_order_is_shown_whole_and_found_by_its_psp_id(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let placed = gateway.place(&gateway.order("my-order-id-1")).await;
    gateway.clock.advance(Millis::seconds(90));
    gateway.customer().pay(placed["payment_url"].as_str().unwrap(), "6799990000000000011").await;
    let shown = gateway.read("my-order-id-1").await;
    // What is drawn is looked at on its own.
    let details = &shown["payment_details"];
    let psp_id = shown["transaction_id"].as_i64().unwrap();
    assert_eq!(psp_id / 1_000_000, 1_795_348_890, "{psp_id}");
    let code = details["authorization_code"].as_str().unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let result = &details["card_authentication_result"];
    let expected = json!({
        "amount": 1000,
        "amount_refunded": 0,
        "completed": "2026-11-22T13:01:30",
        "costs": [],
        "created": "2026-11-22T13:00:00",
        "currency": "EUR",
        "custom_info": {"custom_1": null, "custom_2": null, "custom_3": null},
        "customer": {
            "address1": null, "address2": null, "city": null, "country": null,
            "country_name": null, "email": null, "first_name": null, "house_number": null, "last_name": null,
            "locale": "nl_NL", "phone1": null, "phone2": null, "state": null, "zip_code": null,
        },
        "description": "Test order description",
        "fastcheckout": "NO",
        "financial_status": "completed",
        "items": null,
        "modified": "2026-11-22T13:01:30",
        "order_id": "my-order-id-1",
        "payment_details": {
            "account_holder_name": "A. Customer",
            "account_id": null,
            "acquirer_reference_number": null,
            "authorization_code": code,
            "card_acceptor_id": null,
            "card_acceptor_location": null,
            "card_acceptor_name": null,
            "card_authentication_details": {"flow": "challenge"},
            "card_authentication_result": {
                "acs_transaction_id": result["acs_transaction_id"],
                "cavv": result["cavv"],
                "ds_transaction_id": result["ds_transaction_id"],
                "eci": "02",
                "status": "Y",
                "version": "2.2.0",
            },
            "card_entry_mode": "UNKNOWN",
            "card_expiry_date": "3512",
            "card_verification_result": "M",
            "collecting_flow": null,
            "external_transaction_id": null,
            "issuer_bin": "679999",
            "last4": "0011",
            "mcc": null,
            "recurring_flow": null,
            "recurring_id": null,
            "recurring_model": null,
            "response_code": "00",
            "scheme_reference_id": null,
            "type": "MAESTRO",
        },
        "payment_methods": [{
            "account_holder_name": "A. Customer",
            "amount": 1000,
            "card_expiry_date": "3512",
            "currency": "EUR",
            "description": "Test order description",
            "last4": "0011",
            "payment_description": "Maestro",
            "status": "completed",
            "type": "MAESTRO",
        }],
        "reason": null,
        "reason_code": null,
        "related_transactions": null,
        "status": "completed",
        "transaction_id": psp_id,
        "var1": null,
        "var2": null,
        "var3": null,
    });
    assert_eq!(shown, expected);
    for drawn in ["acs_transaction_id", "cavv", "ds_transaction_id"] {
        assert!(result[drawn].as_str().is_some_and(|text| text.len() >= 28), "{drawn}: {result}");
    }

    let by_psp_id = gateway.call("GET", &path(&psp_id.to_string()), "").await;
    let by_order_id = gateway.call("GET", &path("my-order-id-1"), "").await;
    assert_eq!(by_psp_id.text, by_order_id.text);
    // A PSP id is digits as we print them, nothing that merely has their value.
    for other in [format!("+{psp_id}"), format!("0{psp_id}"), format!("{psp_id} ")] {
        assert_eq!(gateway.call("GET", &path(&other), "").await.status, 404, "{other}");
    }
    // The shop's own reference comes first.
    gateway.place(&gateway.order(&psp_id.to_string())).await;
    assert_eq!(gateway.status(&psp_id.to_string()).await, "initialized/initialized");
}

#[tokio::test]
async fn every_attempt_can_be_asked_for_by_its_psp_id() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let placed = gateway.place(&gateway.order("my-order-id-1")).await;
    let url = placed["payment_url"].as_str().unwrap();
    let mut ids = Vec::new();
    for card in ["6799990000000000029", "6799990000000000011"] {
        gateway.clock.advance(Millis::seconds(1));
        gateway.customer().pay(url, card).await;
        ids.push(gateway.read("my-order-id-1").await["transaction_id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    let order = gateway.read("my-order-id-1").await;
    for id in ids {
        assert_eq!(gateway.read(&id.to_string()).await, order, "{id}");
    }
}

#[rstest]
#[tokio::test]
async fn what_a_shop_cannot_see_does_not_modify_its_order(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    // The session of each ends after 30 days; the approval of the second is given back by a job.
    for (id, card) in [
        ("paid", "6799990000000000011"),
        ("rejected", "6799990000000000037"),
        ("declined", "6799990000000000029"),
    ] {
        let placed = gateway.place(&gateway.order(id)).await;
        gateway.customer().pay(placed["payment_url"].as_str().unwrap(), card).await;
        gateway.pass(Millis::minutes(3)).await;
        let before = gateway.read(id).await;
        let told = gateway.shop.heard().len();
        gateway.pass(Millis::days(31)).await;
        assert_eq!(gateway.read(id).await, before, "{id}");
        assert_eq!(gateway.shop.heard().len(), told, "{id}");
    }
}
