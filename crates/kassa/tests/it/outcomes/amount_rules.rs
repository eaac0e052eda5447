//! What amounts decide at the simulated acquirer, for a site that asks for it.

use super::PAID;
use crate::harness::{Database, Gateway, Setup};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;

const FAULTS: &str = "/v1/json/simulator/faults";
const BOOK: &str = "/v1/json/simulator/book";

/// Amount, status, `reason_code` and `response_code`.
const DECLINED: [(i64, u16, &str); 10] = [
    (1_005, 4001, "05"),
    (1_014, 4005, "14"),
    (1_051, 4002, "51"),
    (1_054, 4005, "54"),
    (1_057, 4999, "57"),
    (1_061, 4999, "61"),
    (1_062, 4999, "62"),
    (1_065, 4999, "65"),
    (1_091, 4999, "91"),
    (1_096, 4999, "96"),
];

/// A gateway that waits for nothing long, and whose acquirer goes by the amount.
async fn start(database: Database) -> Gateway {
    let setup = Setup {
        answer_within: Millis(500),
        advice_within: Millis(500),
        page_wait: Duration::from_millis(50),
        ..Setup::default()
    };
    let gateway = Gateway::start_as(database, setup).await;
    let planned = gateway.call("POST", FAULTS, r#"{"amount_rules": true}"#).await;
    assert_eq!(planned.json["data"], json!({ "amount_rules": true, "faults": [] }), "{planned:?}");
    gateway
}

impl Gateway {
    /// The page of an order of this amount.
    async fn page_of_amount(&self, id: &str, minor: i64) -> String {
        let mut order = self.order(id);
        order["amount"] = json!(minor);
        let session = self.place(&order).await["session_id"].as_str().unwrap().to_owned();
        format!("/connect/{session}/?lang=en")
    }

    /// Pays an order of this amount and waits for its outcome.
    async fn pay_amount(&self, id: &str, minor: i64, card: &str) -> Value {
        let path = self.page_of_amount(id, minor).await;
        self.pay(&path, card).await;
        self.settle(id).await
    }

    /// Lets time pass until the order has an outcome.
    async fn settle(&self, id: &str) -> Value {
        for _ in 0..60 {
            if self.status(id).await != "initialized/initialized" {
                break;
            }
            self.pass(Millis::seconds(10)).await;
        }
        self.read(id).await
    }
}

#[rstest]
#[tokio::test]
async fn an_amount_says_how_it_is_declined(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    for (minor, reason_code, response_code) in DECLINED {
        let id = format!("A-{minor}");
        let order = gateway.pay_amount(&id, minor, PAID).await;
        assert_eq!(
            (&order["status"], &order["reason_code"], &order["payment_details"]["response_code"]),
            (&json!("declined"), &json!(reason_code.to_string()), &json!(response_code)),
            "{minor}"
        );
    }
    assert_eq!(gateway.charges().await, 0);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_card_with_an_outcome_of_its_own_comes_before_the_amount(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let order = gateway.pay_amount("A-1", 1_051, "6799990000000000110").await;
    assert_eq!(order["payment_details"]["response_code"], json!("54"));
    let order = gateway.pay_amount("A-2", 1_051, "6799990000000000144").await;
    assert_eq!(order["status"], json!("completed"));
    let order = gateway.pay_amount("A-3", 1_000, PAID).await;
    assert_eq!(order["status"], json!("completed"), "no rule is about this amount");
}

#[rstest]
#[tokio::test]
async fn nobody_who_does_not_ask_for_it_is_declined_by_an_amount(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for minor in DECLINED.map(|(minor, ..)| minor).into_iter().chain([1_010, 1_068, 1_069, 1_094]) {
        let order = gateway.pay_amount(&format!("A-{minor}"), minor, PAID).await;
        assert_eq!(order["status"], json!("completed"), "{minor}");
    }
    // And it ends with the plan.
    gateway.call("POST", FAULTS, r#"{"amount_rules": true}"#).await;
    let ended = gateway.call("POST", FAULTS, "{}").await;
    assert_eq!(ended.json["data"], json!({ "faults": [] }));
    assert_eq!(gateway.pay_amount("A-1", 1_051, PAID).await["status"], json!("completed"));
}

#[rstest]
#[tokio::test]
async fn an_amount_says_what_happens_to_its_answer(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values((1_068, 1), (1_069, 1), (1_094, 0))] (minor, inquiries): (i64, i64),
) {
    let gateway = start(database).await;
    let order = gateway.pay_amount("A-1", minor, PAID).await;
    assert_eq!(order["status"], json!("completed"));
    assert_eq!(gateway.book().await, (inquiries, 0, true), "asked for, and charged once");
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn what_is_approved_in_part_is_given_back_and_declined(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let order = gateway.pay_amount("A-1", 1_010, PAID).await;
    assert_eq!(
        (&order["status"], &order["reason_code"], &order["payment_details"]["response_code"]),
        (&json!("declined"), &json!("4002"), &json!("10"))
    );
    assert_eq!(gateway.book().await, (0, 1, false));
    let sent = gateway.sql("SELECT operation, sends FROM trace ORDER BY stan").await;
    assert_eq!(sent, [["authorise", "1"], ["reverse", "1"]]);
    let book = gateway.call("GET", BOOK, "").await.json["data"]["authorisations"][0].clone();
    assert_eq!((&book["response_code"], &book["charged"]), (&json!("10"), &json!(0)));
    assert!(gateway.audited().await.is_empty(), "no money ever moved");
    // The customer can try again, with a card that is paid whole.
    gateway.call("POST", FAULTS, "{}").await;
    let order = gateway.pay_amount("A-2", 1_010, PAID).await;
    assert_eq!(order["status"], json!("completed"));
}

#[rstest]
#[tokio::test]
async fn a_part_stays_unknown_until_it_is_given_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = start(database).await;
    let plan = json!({ "amount_rules": true, "faults": [{ "kind": "no_answer", "next": 2, "on": "0400" }] });
    gateway.call("POST", FAULTS, &plan.to_string()).await;
    let path = gateway.page_of_amount("A-1", 1_010).await;
    gateway.pay(&path, PAID).await;
    let unknown = "SELECT COUNT(*) FROM payment_transaction WHERE state = 'unknown'";
    while gateway.count(unknown).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.settle("A-1").await["status"], json!("declined"));
    let (_, reversals, stands) = gateway.book().await;
    assert_eq!((reversals, stands), (3, false));
    assert!(gateway.audited().await.is_empty(), "no money ever moved");
}
