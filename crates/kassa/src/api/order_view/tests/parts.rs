//! The parts of the object: who pays, when it was, what cannot be read, and the answer to a new order.

use super::orders::*;
use super::*;

#[test]
fn a_customer_of_whom_nothing_is_known_is_nulls_in_english() {
    let mut order = order();
    order.terms.details = "{}".to_owned();
    let value = shown(&order);
    let customer = value["customer"].as_object().unwrap();
    for (key, value) in customer {
        if key == "locale" {
            assert_eq!(*value, "en_US");
        } else {
            assert_eq!(*value, Value::Null, "{key}");
        }
    }
    assert!(!customer.contains_key("company_name") && !customer.contains_key("reference"));
    let keys = ["custom_1", "custom_2", "custom_3"];
    assert!(keys.iter().all(|key| value["custom_info"][key] == Value::Null));
}

#[test]
fn a_company_and_a_reference_are_shown_when_sent() {
    let mut order = order();
    order.terms.details =
        json!({"customer": {"company_name": "Acme", "reference": "c-1", "phone2": "1"}}).to_string();
    let customer = &shown(&order)["customer"];
    assert_eq!(customer["company_name"], "Acme");
    assert_eq!(customer["reference"], "c-1");
    assert_eq!(customer["phone2"], "1");
}

#[test]
fn times_are_what_the_clock_on_the_shops_wall_showed() {
    for (zone, at, shown) in [
        ("Europe/Amsterdam", "2025-07-31T09:14:35Z", "2025-07-31T11:14:35"),
        ("Europe/Amsterdam", "2025-01-31T09:14:35.999Z", "2025-01-31T10:14:35"),
        ("Europe/Amsterdam", "2025-12-31T23:00:00Z", "2026-01-01T00:00:00"),
        // The hour that is there twice, first in summer time and then in winter time.
        ("Europe/Amsterdam", "2025-10-26T00:30:00Z", "2025-10-26T02:30:00"),
        ("Europe/Amsterdam", "2025-10-26T01:30:00Z", "2025-10-26T02:30:00"),
        ("UTC", "2025-07-31T09:14:35Z", "2025-07-31T09:14:35"),
        ("America/St_Johns", "2025-07-31T00:00:00Z", "2025-07-30T21:30:00"),
    ] {
        let at = Timestamp(at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let mut order = paid_by(completed_at_state(at));
        (order.created_at, order.modified_at) = (at, at);
        let value = render(&order, &TimeZone::get(zone).unwrap()).unwrap();
        for key in ["created", "modified", "completed"] {
            assert_eq!(value[key], shown, "{key} in {zone}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_the_order_and_no_value() {
    let mut broken = order();
    broken.terms.details = r#"{"customer": {"locale": {"secret": 1}}}"#.to_owned();
    for fault in [
        render(&broken, &amsterdam()).unwrap_err(),
        render_created(&broken, "https://pay.example").unwrap_err(),
    ] {
        let text = format!("{fault:#}");
        assert!(text.contains("order 000069038") && text.contains("column"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let mut late = order();
    late.modified_at = Timestamp(i64::MAX);
    let text = format!("{:#}", render(&late, &amsterdam()).unwrap_err());
    assert!(text.starts_with("showing order 000069038 of site 7: "), "{text}");
}

#[test]
fn a_new_order_is_answered_with_its_payment_link() {
    let mut order = order();
    for (locale, public_url, link) in [
        ("nl_NL", "https://pay.example", "https://pay.example/connect/{}/?lang=nl_NL"),
        ("", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/connect/{}/?lang=en_US"),
        ("a&b=ç", "https://pay.example/kassa", "https://pay.example/kassa/connect/{}/?lang=a%26b%3D%C3%A7"),
    ] {
        order.terms.details = json!({"customer": {"locale": locale}}).to_string();
        assert_eq!(
            serde_json::to_value(render_created(&order, public_url).unwrap()).unwrap(),
            json!({
                "order_id": "000069038",
                "payment_url": link.replace("{}", SESSION),
                "session_id": SESSION,
            })
        );
    }
    order.terms.details = "{}".to_owned();
    let answer = render_created(&order, "https://pay.example").unwrap();
    assert_eq!(answer.payment_url, format!("https://pay.example/connect/{SESSION}/?lang=en_US"));
}

#[test]
fn a_cart_is_given_back_with_what_it_costs() {
    let mut order = order();
    order.terms.details = json!({
        "shopping_cart": {"items": [
            {"name": "Fiets & \"bel\"", "unit_price": "50", "quantity": "2", "merchant_item_id": "111111",
             "weight": {"unit": "KG", "value": "12"}},
            {"name": "<b>", "description": "1234", "unit_price": "-10.123456", "quantity": "0.5000",
             "tax_table_selector": "high", "options": [{"colour": "red"}], "image": "https://shop.example/i.png"},
        ]},
        "checkout_options": {"default": {"rate": "0"}, "alternate": [
            {"name": "high", "standalone": true, "rules": [{"rate": "0.21", "country": "NL"}]},
        ]},
    })
    .to_string();
    let value = shown(&order);
    let item = |name: &str, price: &str| {
        json!({
            "cashback": "", "currency": "EUR", "description": "", "image": "", "merchant_item_id": "",
            "name": name, "options": [], "product_url": "", "tax_table_selector": "", "unit_price": price,
        })
    };
    let first = with(
        &item("Fiets & \"bel\"", "50.00"),
        &[
            ("/quantity", json!(2)),
            ("/merchant_item_id", json!("111111")),
            ("/weight", json!({"unit": "KG", "value": 12})),
        ],
    );
    let second = with(
        &item("<b>", "-10.123456"),
        &[
            ("/quantity", json!(0.5)),
            ("/description", json!("1234")),
            ("/tax_table_selector", json!("high")),
            ("/options", json!([{"colour": "red"}])),
            ("/image", json!("https://shop.example/i.png")),
        ],
    );
    assert_eq!(value["shopping_cart"], json!({"items": [first, second]}));
    let high = json!({"name": "high", "standalone": true, "rules": [{"country": "NL", "rate": "0.21"}]});
    let default = json!({"rate": "0.00", "shipping_taxed": false});
    assert_eq!(value["checkout_options"], json!({"alternate": [high], "default": default}));
    // 100 - 5.061728 and 21 % of the latter.
    assert_eq!(value["order_total"], "93.88");
    assert_eq!(value["order_adjustment"], json!({"total_adjustment": "0.00", "total_tax": "-1.06"}));
    let table = value["items"].as_str().unwrap();
    for part in ["Fiets &amp; &#34;bel&#34;", "&lt;b&gt;", "EUR 50.00", "EUR -1.06", "EUR 93.88", ">0.5<"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn the_shops_own_html_is_given_back_untouched() {
    let mut order = order();
    let html = "<b>2 tickets</b><script>alert(1)</script>\n";
    order.terms.details = json!({ "items": html }).to_string();
    assert_eq!(shown(&order)["items"], html);
    assert_eq!(shown(&order).get("shopping_cart"), None);
}
