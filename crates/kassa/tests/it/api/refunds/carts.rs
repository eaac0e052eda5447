//! Refunds by what comes back: negative lines of a cart.

use super::{PAID_BACK, REFUND, REST};
use crate::harness::{Database, FRICTIONLESS, Gateway};
use rstest::rstest;
use serde_json::{Value, json};

fn item(id: &str, price: &Value, quantity: &Value, table: &str) -> Value {
    json!({
        "name": id, "description": "", "unit_price": price, "quantity": quantity, "merchant_item_id": id,
        "tax_table_selector": table, "currency": "EUR", "weight": {"unit": null, "value": null},
    })
}

fn cart() -> Vec<Value> {
    vec![
        item("shirt", &json!("18.3333333333"), &json!(3), "high"),
        item("book", &json!(10), &json!("2"), "low"),
        item("discount", &json!(-5), &json!(1), "none"),
        item("card", &json!(1.25), &json!(4), ""),
    ]
}

async fn sold(gateway: &Gateway) {
    let mut order = gateway.direct_order("A-1", FRICTIONLESS);
    order["amount"] = json!(10_000);
    order["shopping_cart"] = json!({"items": cart()});
    let table = |name: &str, rate: f64| json!({"name": name, "standalone": true, "rules": [{"rate": rate, "country": ""}]});
    order["checkout_options"] = json!({"tax_tables": {
        "default": {"shipping_taxed": true, "rate": 0.21},
        "alternate": [table("high", 0.21), table("low", 0.09), table("none", 0.0)],
    }});
    gateway.place(&order).await;
}

/// The lines that come back, as `id price quantity table`, and what they cost in minor units.
#[rstest]
// 18.3333333333 * 1.21 = 22.18333333329
#[case::negative_price(&["shirt -18.3333333333 1 high"], 2_218)]
#[case::negative_quantity(&["shirt 18.3333333333 -1 high"], 2_218)]
// 54.9999999999 and its VAT 11.549999999979, each rounded once.
#[case::all_of_one(&["shirt -18.3333333333 3 high"], 6_655)]
#[case::several_tables(&["shirt -18.3333333333 1 high", "book -10 1 low"], 3_308)]
#[case::default_table(&["card -1.25 4 "], 605)]
// 0.625 and its VAT 0.13125: half a cent up, then 13 cents.
#[case::half_a_cent(&["card -0.625 1 "], 76)]
#[case::a_fee_that_is_kept_does_not_count(&["shirt -18.3333333333 1 high", "fee 2 1 none"], 2_218)]
#[case::both_signs_are_no_return(&["shirt -18.3333333333 -1 high", "book -10 1 low"], 1_090)]
#[tokio::test]
async fn what_comes_back_is_refunded_with_its_vat(
    #[case] lines: &[&str],
    #[case] minor: i64,
    #[values(false, true)] behind_the_cart: bool,
) {
    let gateway = Gateway::start(Database::Sqlite).await;
    sold(&gateway).await;
    // PHP sends the whole cart, its discount too, and behind it what comes back.
    let mut items = if behind_the_cart { cart() } else { Vec::new() };
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        items.push(item(words[0], &json!(words[1]), &json!(words[2].parse::<i64>().unwrap()), words[3]));
    }
    let body = json!({"currency": "EUR", "amount": 0, "checkout_data": {"items": items}});
    gateway.done("A-1", REFUND, &body).await;
    gateway.pass(REST).await;
    assert_eq!(gateway.count(PAID_BACK).await, minor);
    gateway.audited().await;
}

#[tokio::test]
async fn an_amount_counts_more_than_the_cart_beside_it() {
    let gateway = Gateway::start(Database::Sqlite).await;
    sold(&gateway).await;
    let mut items = cart();
    items.push(item("shirt", &json!(-18.333_333_333_3), &json!(1), "high"));
    let body =
        json!({"currency": "EUR", "amount": 10_000, "description": "All", "checkout_data": {"items": items}});
    gateway.done("A-1", REFUND, &body).await;
    gateway.pass(REST).await;
    assert_eq!(gateway.status("A-1").await, "refunded/completed");
    assert_eq!(gateway.count(PAID_BACK).await, 10_000);
    gateway.audited().await;
}

#[rustfmt::skip]
const REFUSED: &[(&str, u16, u32, &str)] = &[
    (r#"{"items":[{"unit_price":18.33,"quantity":1}]}"#, 400, 1016, "Invalid checkout_data.items: has no item that is returned: none with a negative unit_price or quantity"),
    (r#"{"items":[{"unit_price":0,"quantity":-1}]}"#, 400, 1016, "Invalid checkout_data.items: has no item that is returned: none with a negative unit_price or quantity"),
    (r#"{"items":[{"unit_price":-5,"quantity":1,"merchant_item_id":"discount"}]}"#, 400, 1016, "Invalid checkout_data.items: has no item that is returned: none with a negative unit_price or quantity"),
    (r#"{"items":[{"unit_price":-0.001,"quantity":1}]}"#, 400, 1031, "Invalid checkout_data.items: must have prices and quantities that can be added up exactly, to an amount"),
    (r#"{"items":[{"unit_price":-9999999999.0123456789,"quantity":"123456789.123456789"}]}"#, 400, 1031, "Invalid checkout_data.items: must have prices and quantities that can be added up exactly, to an amount"),
    (r#"{"items":[{"unit_price":-9999999999,"quantity":1}]}"#, 400, 1031, "Invalid checkout_data.items: must have prices and quantities that can be added up exactly, to an amount"),
    (r#"{"items":[{"quantity":1}]}"#, 400, 1031, "Invalid checkout_data.items[0].unit_price: is missing"),
    (r#"{"items":[{"unit_price":"x","quantity":1}]}"#, 400, 1031, "Invalid checkout_data.items[0].unit_price: must be a number such as -12.50"),
    (r#"{"items":[{"unit_price":-1}]}"#, 400, 1016, "Invalid checkout_data.items[0].quantity: is missing"),
    (r#"{"items":[{"unit_price":-1,"quantity":1,"currency":"USD"}]}"#, 400, 1026, "Invalid checkout_data.items[0].currency: must be the currency of the order"),
    (r#"{"items":[7]}"#, 400, 1016, "Invalid checkout_data.items[0]: must be an object"),
    (r#"{"items":"x"}"#, 400, 1016, "Invalid checkout_data.items: must be a list"),
    (r#""x""#, 400, 1016, "Invalid checkout_data: must be an object"),
    (r#"{"items":[{"unit_price":-100,"quantity":1}]}"#, 409, 1034, "Cannot refund order A-1: the amount is more than what is left of it"),
];

#[tokio::test]
async fn a_cart_from_which_nothing_can_be_refunded_is_refused_and_refunds_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    sold(&gateway).await;
    for (data, status, code, info) in REFUSED {
        let body = format!(r#"{{"currency":"EUR","checkout_data":{data}}}"#);
        let answer = gateway.call("POST", "/v1/json/orders/A-1/refunds", &body).await;
        answer.assert_refused(*status, *code, info, data);
    }
    assert_eq!(gateway.read("A-1").await["amount_refunded"], 0);
    gateway.audited().await;
}
