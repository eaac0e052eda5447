//! Orders with a cart: what is sent, what comes back, and what is refused.

use crate::harness::{Database, Gateway};
use rstest::rstest;
use serde_json::{Value, json};

const ORDERS: &str = "/v1/json/orders";

/// The cart and the taxes as PHP's SDK writes them.
fn with_cart(mut order: Value) -> Value {
    order["amount"] = json!(12_100);
    order["shopping_cart"] = json!({"items": [
        {"name": "Geometric Candle Holders", "description": "1234", "unit_price": "45.0000000000",
         "currency": "EUR", "quantity": 2, "merchant_item_id": "111111", "tax_table_selector": "BTW21",
         "weight": {"unit": "KG", "value": 12}},
        {"name": "Shipping", "description": "", "unit_price": 10, "currency": "EUR", "quantity": "1",
         "merchant_item_id": "msp-shipping", "tax_table_selector": "none",
         "weight": {"unit": null, "value": null}},
    ]});
    order["checkout_options"] = json!({"validate_cart": true, "tax_tables": {
        "default": {"shipping_taxed": true, "rate": 0.21},
        "alternate": [
            {"name": "BTW21", "standalone": true, "rules": [{"rate": 0.21, "country": ""}]},
            {"name": "none", "standalone": "", "rules": [{"rate": "0.21"}]},
        ],
    }});
    order
}

#[rstest]
#[tokio::test]
async fn a_cart_comes_back_in_the_answer_and_in_the_notification(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let placed = gateway.place(&with_cart(gateway.order("A-1"))).await;
    let read = gateway.read("A-1").await;
    let expected = json!({"items": [
        {"cashback": "", "currency": "EUR", "description": "1234", "image": "", "merchant_item_id": "111111",
         "name": "Geometric Candle Holders", "options": [], "product_url": "", "quantity": 2,
         "tax_table_selector": "BTW21", "unit_price": "45.0000000000", "weight": {"unit": "KG", "value": 12}},
        {"cashback": "", "currency": "EUR", "description": "", "image": "", "merchant_item_id": "msp-shipping",
         "name": "Shipping", "options": [], "product_url": "", "quantity": 1, "tax_table_selector": "none",
         "unit_price": "10.00"},
    ]});
    assert_eq!(read["shopping_cart"], expected);
    assert_eq!(
        read["checkout_options"],
        json!({"default": {"rate": "0.21", "shipping_taxed": true}, "alternate": [
            {"name": "BTW21", "standalone": true, "rules": [{"country": "", "rate": "0.21"}]},
            {"name": "none", "standalone": false, "rules": [{"country": "", "rate": "0.21"}]},
        ]})
    );
    assert_eq!(read["order_total"], "121.00");
    assert_eq!(read["order_adjustment"], json!({"total_adjustment": "0.00", "total_tax": "21.00"}));
    assert!(read["items"].as_str().unwrap().contains("Geometric Candle Holders"));

    let page = gateway.customer().pay(placed["payment_url"].as_str().unwrap(), "6799990000000000011").await;
    assert_eq!(page.outcome.as_deref(), Some("paid"));
    gateway.work().await;
    let answer = gateway.call("GET", "/v1/json/orders/A-1", "").await;
    let heard = gateway.shop.heard().pop().unwrap();
    assert!(heard.verified);
    assert_eq!(answer.text, format!(r#"{{"success":true,"data":{}}}"#, heard.body), "the same bytes");
    assert_eq!(heard.order["shopping_cart"], expected);
}

#[tokio::test]
async fn an_order_without_a_cart_has_nothing_of_one() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (at, cart) in [json!(null), json!([]), json!({}), json!({"items": []})].into_iter().enumerate() {
        let mut order = gateway.order(&at.to_string());
        order["shopping_cart"] = cart;
        order["checkout_options"] =
            json!({"validate_cart": true, "tax_tables": {"default": {"rate": "0.21"}}});
        gateway.place(&order).await;
        let read = gateway.read(&at.to_string()).await;
        for key in ["shopping_cart", "checkout_options", "order_adjustment", "order_total"] {
            assert_eq!(read.get(key), None, "{key}");
        }
        assert_eq!(read["items"], json!(null));
    }
    let mut order = gateway.order("html");
    order["items"] = json!("<b>2 tickets</b>");
    gateway.place(&order).await;
    assert_eq!(gateway.read("html").await["items"], "<b>2 tickets</b>");
}

#[tokio::test]
async fn every_mistake_of_a_cart_has_its_documented_code() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (pointer, value, code, info) in [
        ("/amount", json!(12_099), 1027, "the cart's total is 121.00 EUR, not the amount 120.99"),
        ("/shopping_cart/items/0/currency", json!("USD"), 1025, "must all be in one currency"),
        (
            "/shopping_cart/items/0/currency",
            json!("euro"),
            1030,
            "items[0].currency: must be an ISO 4217 code",
        ),
        ("/shopping_cart/items/1/unit_price", json!("ten"), 1031, "items[1].unit_price: must be a price"),
        ("/checkout_options/tax_tables/default/rate", json!("21%"), 1028, "default.rate: must be a fraction"),
        (
            "/checkout_options/tax_tables/alternate/1/rules",
            json!([]),
            1029,
            "items[1].tax_table_selector: names",
        ),
        ("/shopping_cart/items/0/quantity", json!(-1), 1016, "items[0].quantity: must be a number from 0"),
        ("/currency", json!("USD"), 1026, "must be in the order's currency"),
    ] {
        let mut order = with_cart(gateway.order("A-1"));
        *order.pointer_mut(pointer).unwrap() = value.clone();
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        assert_eq!(
            (answer.status, &answer.json["error_code"]),
            (400, &json!(code)),
            "{pointer}: {}",
            answer.text
        );
        assert!(answer.json["error_info"].as_str().unwrap().contains(info), "{pointer}: {}", answer.text);
        assert_eq!(answer.json["data"], json!({}), "{pointer}");
    }
    assert_eq!(gateway.call("GET", "/v1/json/orders/A-1", "").await.status, 404, "nothing was kept");
    // What the cart comes to only counts when it is asked for.
    let mut order = with_cart(gateway.order("A-1"));
    (order["amount"], order["checkout_options"]["validate_cart"]) = (json!(1), json!(false));
    gateway.place(&order).await;
    assert_eq!(gateway.read("A-1").await["order_total"], "121.00");
}

#[tokio::test]
async fn what_clients_send_besides_is_taken_and_harms_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let plugin = json!({
        "shop": "OpenCart", "shop_version": "4", "plugin_version": "1", "partner": "", "shop_root_url": "https://a.nl",
    });
    let person = json!({"firstname": "Zoë", "lastname": "Smit", "address2": "", "state": "", "house_number": 39,
        "country": "NL", "locale": "nl_NL", "something": [1]});
    for (at, (field, sent)) in [
        ("second_chance", json!(null)),
        ("second_chance", json!({"send_email": true})),
        ("second_chance", json!({"send_mail": false})),
        ("delivery", person),
        ("delivery", json!([])),
        ("plugin", plugin),
        ("google_analytics", json!({"account": "UA-1"})),
        ("google_analytics", json!({"account_id": "UA-1"})),
        ("affiliate", json!({"split_payments": []})),
        ("affiliate", json!([])),
        ("custom_info", json!([])),
        ("days_active", json!("14")),
        ("days_active", json!(14.0)),
        ("seconds_active", json!(2_592_000.0)),
        ("var2", json!(182)),
        ("amount", json!("2300")),
        ("amount", json!(100.0)),
        ("manual", json!("false")),
        ("RequestHeader", json!({"a": 1})),
        ("template_id", json!("x")),
        ("custom_fields", json!([{"type": "x"}])),
        ("items", json!(null)),
        ("checkout_options", json!({"tax_tables": [], "no_shipping_method": true, "rounding_policy": {"mode": "UP"}})),
        ("payment_options", json!({"settings": [], "feed_url": "", "template_id": "", "template": [], "close_window": ""})),
        ("payment_options", json!({"close_window": "false", "settings": {"coupons": {"allow": []}, "qr": {"enabled": 1}}})),
        ("customer", json!({"locale": "cn_CN", "ip_address": null, "forwarded_ip": "", "gender": "mr",
            "birthday": 10_071_970, "browser": {"javascript_enabled": "1", "screen_width": "1280", "time_zone": -60}})),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("order-{at}");
        let mut order = gateway.order(&id);
        order[field] = sent.clone();
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        assert_eq!(answer.status, 200, "{field} {sent}: {}", answer.text);
        let read = gateway.read(&id).await;
        assert_eq!(read["status"], "initialized", "{field} {sent}");
        assert!(read.get("delivery").is_none() && read.get("plugin").is_none(), "{field}: not echoed");
        let link = answer.json["data"]["payment_url"].as_str().unwrap().to_owned();
        assert!(gateway.customer().open(&link).await.has("#card_number"), "{field} {sent}");
    }
    let body = gateway.order("x").to_string().replace(r#""order_id":"x""#, r#""order_id":182.0"#);
    let answer = gateway.call("POST", ORDERS, &body).await;
    assert_eq!(answer.json["data"]["order_id"], "182", "as Java writes it: {}", answer.text);
    assert_eq!(gateway.read("182").await["order_id"], "182");
}
