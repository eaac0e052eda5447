//! `/gateways`, `/payment-methods`, `/me` and `/categories`, as settings pages of plugins read them.

use crate::harness::{Database, Gateway};
use rstest::rstest;
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[rstest]
#[tokio::test]
async fn a_site_lists_what_it_can_be_paid_with(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let cards = ["AMEX", "MAESTRO", "MASTERCARD", "VISA"];
    for (path, expected) in [
        ("/v1/json/gateways", &["AMEX", "CREDITCARD", "MAESTRO", "MASTERCARD", "VISA"][..]),
        (
            "/v1/json/gateways?locale=en_US&country=NL&include=coupons",
            &["AMEX", "CREDITCARD", "MAESTRO", "MASTERCARD", "VISA"],
        ),
        ("/v1/json/gateways?currency=JPY", &["CREDITCARD", "MAESTRO", "MASTERCARD", "VISA"]),
        ("/v1/json/payment-methods", &cards),
        ("/v1/json/payment-methods?amount=1000&currency=EUR&include_coupons=1", &cards),
        ("/v1/json/payment-methods?currency=SEK&group_cards=0", &cards[1..]),
        ("/v1/json/payment-methods?group_cards=1", &["CREDITCARD"]),
        ("/v1/json/payment-methods?amount=1&country=BE&type=payment-method&application=x", &cards),
        (
            "/v1/json/gateways?include_coupons=1&amount=99999&country=US",
            &["AMEX", "CREDITCARD", "MAESTRO", "MASTERCARD", "VISA"],
        ),
    ] {
        let answer = gateway.call("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(ids(&answer.json["data"]), expected, "{path}");
    }
}

#[tokio::test]
async fn a_gateway_is_found_in_any_case_and_an_unknown_one_is_1023() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let found = gateway.call("GET", "/v1/json/gateways/maestro", "").await;
    assert_eq!(found.json, json!({"success": true, "data": {"id": "MAESTRO", "description": "Maestro"}}));
    for path in ["/v1/json/gateways/IDEAL", "/v1/json/payment-methods/IDEAL", "/v1/json/gateways/%ff"] {
        let answer = gateway.call("GET", path, "").await;
        assert_eq!(
            (answer.status, &answer.json["error_code"]),
            (404, &json!(1023)),
            "{path}: {}",
            answer.text
        );
    }
    let keyless = gateway.call_with("GET", "/v1/json/gateways", &[], "").await;
    assert_eq!((keyless.status, &keyless.json["error_code"]), (401, &json!(1032)));
}

#[tokio::test]
async fn a_payment_method_has_every_key_that_the_official_sdk_insists_on() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let answer = gateway.call("GET", "/v1/json/payment-methods/VISA", "").await;
    let method = &answer.json["data"];
    for (key, is_right) in [
        ("id", method["id"] == "VISA"),
        ("name", method["name"] == "Visa"),
        ("type", method["type"] == "payment-method"),
        ("allowed_amount", method["allowed_amount"]["min"] == 0),
        ("allowed_countries", method["allowed_countries"].is_array()),
        ("brands", method["brands"].is_array()),
        ("preferred_countries", method["preferred_countries"].is_array()),
        ("required_customer_data", method["required_customer_data"].is_array()),
        ("shopping_cart_required", method["shopping_cart_required"] == false),
        ("tokenization", method["tokenization"]["is_enabled"] == true),
        ("is_enabled", method["apps"]["payment_components"]["is_enabled"] == false),
        ("has_fields", method["apps"]["payment_components"]["has_fields"] == false),
        ("qr", method["apps"]["payment_components"]["qr"]["supported"] == false),
    ] {
        assert!(is_right, "{key}: {method}");
    }
    let icon = method["icon_urls"]["vector"].as_str().unwrap().strip_prefix(&gateway.url).unwrap().to_owned();
    let image = gateway.call_with("GET", &icon, &[], "").await;
    assert!(image.status == 200 && image.text.contains("<svg"), "{icon}: {}", image.status);
}

#[tokio::test]
async fn cards_are_kept_and_all_but_american_express_are_captured_later() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let kept = json!({
        "is_enabled": true, "models": {"cardonfile": true, "subscription": true, "unscheduled": true},
    });
    for (id, captures) in [("AMEX", false), ("CREDITCARD", true), ("MAESTRO", true), ("VISA", true)] {
        let answer = gateway.call("GET", &format!("/v1/json/payment-methods/{id}?country=NL"), "").await;
        let method = &answer.json["data"];
        assert_eq!(method["tokenization"], kept, "{id}");
        assert_eq!(method["manual_capture"], json!({"is_enabled": captures, "supported": captures}), "{id}");
    }
}

#[tokio::test]
async fn a_key_says_whose_it_is() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let me = gateway.call("GET", "/v1/json/me?locale=en_US", "").await;
    assert_eq!(me.json["data"], json!({"account_id": 1, "role": "site", "site_id": 1}));
    let categories = gateway.call("GET", "/v1/json/categories", "").await;
    assert_eq!(categories.json["data"].as_array().unwrap().len(), 16);
    assert_eq!(categories.json["data"][0], json!({"code": 999, "description": "Adult"}));
}

#[tokio::test]
async fn american_express_orders_are_placed_in_its_own_currencies() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (currency, status) in [("EUR", 200), ("USD", 200), ("JPY", 400), ("SEK", 400)] {
        let mut order = gateway.order(&format!("amex-{currency}"));
        order["gateway"] = json!("AMEX");
        order["currency"] = json!(currency);
        let answer = gateway.call("POST", "/v1/json/orders", &order.to_string()).await;
        assert_eq!(answer.status, status, "{currency}: {}", answer.text);
        assert!(status == 200 || answer.json["error_code"] == 1002, "{}", answer.text);
    }
}
