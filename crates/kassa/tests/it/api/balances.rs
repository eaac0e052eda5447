//! Balances, now and at the end of each day, against what was paid and given back.

use super::transactions::busy_shop;
use crate::harness::{Database, Gateway};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const BALANCES: &str = "/v1/json/accounts/1/balances";
const CLOSINGS: &str = "/v1/json/closing-balances";
const PAYS: &str = "6799990000000000011";

impl Gateway {
    /// Date, currency, balance and what is held, of each closing.
    async fn closings(&self, target: &str) -> Vec<String> {
        let answer = self.call("GET", target, "").await;
        assert_eq!((answer.status, &answer.json["page"]), (200, &json!({"total": 1})), "{}", answer.text);
        let line = |entry: &Value| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            let sums = (&entry["amount"], &entry["amount_uncleared"]);
            format!("{} {} {} {}", text("closing_date"), text("currency"), sums.0, sums.1)
        };
        answer.json["data"].as_array().unwrap().iter().map(line).collect()
    }
}

#[rstest]
#[tokio::test]
async fn a_balance_is_what_came_in_less_what_went_out_and_is_set_aside(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    assert_eq!(gateway.fetch("GET", BALANCES, &json!("")).await, json!([]));
    gateway.pay_as("A-1", PAYS, &json!({})).await;
    gateway.pay_as("A-2", "4012001038443335", &json!({"gateway": "VISA", "currency": "JPY"})).await;
    gateway.pay_as("A-3", "6799990000000000037", &json!({})).await;
    let refunded = gateway.refund("A-1", 300).await;
    assert!(refunded["refund_id"].is_i64(), "{refunded}");
    let euros = |available: i64, reserved: i64, modified: &str| {
        json!({
            "account_id": 1, "amount_available": available, "amount_reserved": reserved,
            "amount_uncleared": 1000, "currency": "EUR", "id": "1-EUR", "modified": modified,
        })
    };
    let yen = json!({
        "account_id": 1, "amount_available": 1000, "amount_reserved": 0, "amount_uncleared": 0,
        "currency": "JPY", "id": "1-JPY", "modified": "2026-11-22T13:00:02",
    });
    let held = gateway.call("GET", BALANCES, "").await.json;
    let expected = json!([euros(700, 300, "2026-11-22T13:00:03"), yen]);
    assert_eq!(held, json!({"success": true, "data": expected, "page": {"total": 1}}));
    gateway.pass(Millis::seconds(2)).await;
    let held = gateway.fetch("GET", &format!("{BALANCES}?limit=1"), &json!("")).await;
    assert_eq!(held, json!([euros(700, 0, "2026-11-22T13:00:05")]));
    assert_eq!(gateway.fetch("GET", &format!("{BALANCES}?offset=1&limit=5"), &json!("")).await, json!([yen]));
}

#[rstest]
#[tokio::test]
async fn each_day_that_is_over_has_its_closing_balance(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.pay_as("A-1", PAYS, &json!({})).await;
    assert_eq!(gateway.closings(CLOSINGS).await, Vec::<String>::new(), "the day is not over");
    // To 23:59 in Amsterdam, which is 22:59 UTC, and over midnight.
    gateway.clock.advance(Millis::seconds(10 * 3600 + 59 * 60));
    gateway.pay_as("A-2", PAYS, &json!({})).await;
    gateway.clock.advance(Millis::seconds(59));
    gateway.pay_as("A-3", "6799990000000000037", &json!({})).await;
    let dollars = json!({"gateway": "VISA", "currency": "USD"});
    gateway.pay_as("A-4", "4012001038443335", &dollars).await;
    gateway.refund("A-1", 250).await;
    gateway.clock.advance(Millis::days(2));
    gateway.work().await;
    let all = [
        "2026-11-22T23:59:59 EUR 2000 0",
        "2026-11-23T23:59:59 EUR 1750 1000",
        "2026-11-23T23:59:59 USD 1000 0",
        "2026-11-24T23:59:59 EUR 1750 1000",
        "2026-11-24T23:59:59 USD 1000 0",
    ];
    assert_eq!(gateway.closings(CLOSINGS).await, all);
    assert_eq!(gateway.closings("/v1/json/accounts/1/closing-balances").await, all);
    for (query, expected) in [
        ("from=2026-11-23", &all[1..]),
        ("from=2026-11-23&until=2026-11-24", &all[1..3]),
        ("until=2026-11-23", &all[..1]),
        ("from=2026-11-24&until=2027-11-24", &all[3..]),
        ("from=2026-11-24&until=2026-11-23", &[]),
        ("from=2026-11-25", &[]),
        ("from=2030-01-01", &[]),
        ("currency=USD&from=2026-11-24", &all[4..]),
        ("currency=JPY", &[]),
    ] {
        assert_eq!(gateway.closings(&format!("{CLOSINGS}?{query}")).await, expected, "{query}");
    }
    let first = gateway.fetch("GET", &format!("{CLOSINGS}?until=2026-11-23"), &json!("")).await[0].clone();
    let expected = json!({
        "account_id": 1, "amount": 2000, "amount_uncleared": 0, "bic": null,
        "closing_date": "2026-11-22T23:59:59", "currency": "EUR", "iban": null, "payout_amount": 0,
        "payout_transaction_id": null, "status": null,
    });
    assert_eq!(first, expected);
}

#[rstest]
#[tokio::test]
async fn a_days_closing_is_the_balance_that_it_ended_with(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    busy_shop(&gateway).await;
    let balances = gateway.fetch("GET", BALANCES, &json!("")).await;
    let line = |held: &Value| {
        let (available, uncleared) = (&held["amount_available"], &held["amount_uncleared"]);
        format!("2026-11-22T23:59:59 {} {available} {uncleared}", held["currency"].as_str().unwrap())
    };
    let expected: Vec<String> = balances.as_array().unwrap().iter().map(line).collect();
    assert_eq!(expected.len(), 2, "{expected:?}");
    // What was reserved and held then has its end on the next day.
    gateway.pass(Millis::days(1)).await;
    assert_ne!(gateway.fetch("GET", BALANCES, &json!("")).await, balances);
    assert_eq!(gateway.closings(CLOSINGS).await, expected);
}

#[tokio::test]
async fn a_site_sees_its_own_money_and_no_other_account() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.pay_as("A-1", PAYS, &json!({})).await;
    let other = gateway.app.create_site("Another shop", false).await.unwrap();
    let theirs = gateway.call_with("GET", BALANCES, &[("api_key", other.expose())], "").await;
    assert_eq!(theirs.json["data"], json!([]));
    for target in ["/v1/json/accounts/2/balances", "/v1/json/accounts/01/closing-balances"] {
        let answer = gateway.call("GET", target, "").await;
        let expected =
            json!({"success": false, "data": {}, "error_code": 1000, "error_info": "Invalid account ID"});
        assert_eq!((answer.status, answer.json), (404, expected), "{target}");
    }
    for (query, name) in [
        ("from=today", "from"),
        ("until=2026-02-30", "until"),
        ("from=2024-01-01", "from"),
        ("currency=EURO", "currency"),
    ] {
        let answer = gateway.call("GET", &format!("{CLOSINGS}?{query}"), "").await;
        let info = answer.json["error_info"].as_str().unwrap();
        assert!(info.starts_with(&format!("Invalid {name}: ")), "{query}: {info}");
        assert_eq!((answer.status, &answer.json["error_code"]), (400, &json!(1016)), "{query}");
    }
    for target in [BALANCES, CLOSINGS, "/v1/json/accounts/1/closing-balances"] {
        assert_eq!(gateway.call_with("GET", target, &[], "").await.status, 401, "{target}");
    }
}
