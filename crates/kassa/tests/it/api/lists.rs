//! Issuers, API tokens, and everything that is not offered.

use crate::harness::{Database, Gateway};
use payments::time::Millis;
use serde_json::json;

#[tokio::test]
async fn cards_have_no_banks_to_choose_from() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for id in ["VISA", "maestro", "CREDITCARD", "MYBANK"] {
        let answer = gateway.call("GET", &format!("/v1/json/issuers/{id}?locale=en_US"), "").await;
        assert_eq!((answer.status, answer.json), (200, json!({"success": true, "data": []})), "{id}");
    }
    let answer = gateway.call("GET", "/v1/json/issuers/%ff", "").await;
    assert_eq!((answer.status, &answer.json["error_code"]), (404, &json!(1023)), "{}", answer.text);
}

#[tokio::test]
async fn a_shop_gets_a_new_token_every_second() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let data = gateway.fetch("GET", "/v1/json/auth/api_token", &json!("")).await;
        let token = data["api_token"].as_str().unwrap().to_owned();
        assert!(token.starts_with("pub.v2.") && token.len() > 60, "{token}");
        assert!(!token.contains(&gateway.key), "the key is not in it");
        tokens.push(token);
        gateway.clock.advance(Millis::seconds(1));
    }
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(gateway.call_with("GET", "/v1/json/auth/api_token", &[], "").await.status, 401);
}

/// Every path that the reference gateway describes and this one does not have, and what it would be.
const NOT_OFFERED: &[(&str, &str)] = &[
    ("/orders/A-1/cancel", "Bancontact QR payments"),
    ("/pad/ccs", "Pay After Delivery"),
    ("/pad/orders/A-1", "Pay After Delivery"),
    ("/pad/orders/A-1/onhold", "Pay After Delivery"),
    ("/pad/orders/A-1/autoexpire", "Pay After Delivery"),
    ("/signup-account", "opening accounts"),
    ("/accounts", "managing affiliates"),
    ("/accounts/1", "managing affiliates"),
    ("/accounts/1/login-urls", "login links"),
    ("/accounts/1/autopayouts", "payouts"),
    ("/accounts/1/autopayouts/EUR", "payouts"),
    ("/accounts/1/payouts", "payouts"),
    ("/accounts/1/charges", "charging affiliates"),
    ("/accounts/1/fees", "charging affiliates"),
    ("/accounts/1/sites", "adding websites through the API"),
    ("/accounts/1/bank-accounts", "bank accounts"),
    ("/bank-accounts/7", "bank accounts"),
    ("/bank-accounts/7/payment-links", "bank accounts"),
    ("/bank-accounts/7/bank-statements", "bank accounts"),
    ("/bank-statements/7", "bank accounts"),
    ("/accounts/1/ubos", "verifying owners"),
    ("/ubos/7", "verifying owners"),
    ("/ubos/7/identitydocs", "verifying owners"),
    ("/identitydocs/7", "verifying owners"),
    ("/pos/receipt/A-1", "payments at a terminal"),
    ("/terminals", "payments at a terminal"),
    ("/terminal-groups/7/terminals", "payments at a terminal"),
    ("/customers", "customer profiles"),
    ("/customers/7", "customer profiles"),
    ("/delivery-details", "customer profiles"),
    ("/delivery-details/7", "customer profiles"),
    ("/wallets/sessions/applepay", "wallets"),
    ("/orders/A-1/paymentlink", "parts of an order on their own"),
    ("/orders/A-1/transactions", "parts of an order on their own"),
];

#[tokio::test]
async fn what_is_not_offered_says_so_whatever_the_method() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (path, what) in NOT_OFFERED {
        for method in ["GET", "POST", "PATCH", "PUT", "DELETE"] {
            let answer = gateway.call(method, &format!("/v1/json{path}?locale=en_US"), "{}").await;
            let info = format!("Not offered: {what}");
            let expected = json!({"success": false, "data": {}, "error_code": 1000, "error_info": info});
            assert_eq!((answer.status, answer.json), (404, expected), "{method} {path}");
        }
    }
    for path in ["/v1/json/nothing", "/v1/json/pad", "/v1/json/accounts/1/nothing", "/v1/json/orders/A-1/x"] {
        let answer = gateway.call("GET", path, "").await;
        assert_eq!((answer.status, &answer.json["error_info"]), (404, &json!("Not found")), "{path}");
    }
}
