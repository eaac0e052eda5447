//! How a shop may change the page: switches, colours, and the methods on it.

use super::link;
use crate::harness::{Database, Gateway};
use serde_json::json;

#[tokio::test]
async fn colours_come_as_a_style_sheet_of_the_session_and_nothing_else_does() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("1");
    order["payment_options"]["template"] = json!({
        "version": "1.0",
        "header": {"logo": {"image": "https://shop.example/logo.png"}, "background": "rgb(1,2,3)"},
        "body": {"background": "#ABC", "text": "red}*{display:none", "link": {"text": "url(https://evil.example)"}},
        "buttons": {"primary": {"background": "tomato", "text": "</style><script>alert(1)</script>"}},
    });
    let link = link(&gateway, &order).await;
    let page = gateway.customer().open(&link).await;
    let href = page.attribute("head link[href$='style.css']", "href");
    assert_eq!(
        href,
        link.strip_prefix(&gateway.url).unwrap().split('?').next().unwrap().to_owned() + "style.css"
    );
    let sheet = gateway.call_with("GET", &href, &[], "").await;
    assert_eq!(sheet.status, 200);
    for (name, value) in [
        ("content-type", "text/css; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(sheet.headers[name], value);
    }
    let rules: Vec<&str> = sheet.text.lines().filter(|line| line.ends_with(" }")).collect();
    let expected = [
        ".summary-head { background: #010203; }",
        "body { background: #aabbcc; }",
        ".panel .button { background: #ff6347; border-color: #ff6347; }",
    ];
    assert_eq!(rules, expected);
    for text in [&page.html, &sheet.text] {
        for forbidden in ["evil.example", "shop.example/logo", "display:none", "script>alert", "url("] {
            assert!(!text.contains(forbidden), "{forbidden}: {text}");
        }
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("style-src 'self';") && policy.contains("img-src 'self';"), "{policy}");
}

#[tokio::test]
async fn a_page_without_colours_has_no_style_sheet_of_its_own() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("1");
    order["payment_options"]["template"] =
        json!({"body": {"background": "blurple"}, "settings": {"hide_logo": true}});
    let link = link(&gateway, &order).await;
    let page = gateway.customer().open(&link).await;
    assert!(!page.has("link[href$='style.css']") && !page.has(".badge"));
    let path = link.strip_prefix(&gateway.url).unwrap().split('?').next().unwrap().to_owned();
    for (path, status) in [(path + "style.css", 404), ("/connect/1/style.css".to_owned(), 404)] {
        let answer = gateway.call_with("GET", &path, &[], "").await;
        assert_eq!(answer.status, status);
        assert!(answer.text.starts_with("<!doctype html>"));
    }
}

#[tokio::test]
async fn what_the_shop_leaves_out_is_not_there() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (switch, element) in [
        ("hide_logo", ".badge"),
        ("hide_flags", ".languages"),
        ("hide_powered", ".secured"),
        ("hide_btn_cancel", "#cancel"),
        ("hide_cc_logos", ".brands img"),
        ("hide_btn_all_methods", "#all-methods"),
    ] {
        let mut order = gateway.order(switch);
        let page = gateway.customer().open(&link(&gateway, &order).await).await;
        assert!(page.has(element), "{switch}");
        order["payment_options"]["template"] = json!({"version": "1.0", "settings": {switch: true}});
        let page = gateway.customer().open(&link(&gateway, &order).await).await;
        assert!(!page.has(element) && page.has("#card_number"), "{switch}");
    }
}

#[tokio::test]
async fn all_methods_are_one_link_away_and_pay() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let ordered = link(&gateway, &gateway.order("1")).await;
    let page = gateway.customer().open(&ordered).await;
    assert!(page.has(".brands img[alt=Maestro]") && !page.has(".brands img[alt=Visa]"));
    let all = page.attribute("#all-methods", "href");
    assert!(all.ends_with("?lang=nl&methods=all"), "{all}");
    let page = gateway.customer().open(&all).await;
    for brand in ["Maestro", "Mastercard", "Visa", "American Express"] {
        assert!(page.has(&format!(".brands img[alt='{brand}']")), "{brand}");
    }
    assert!(!page.has("#all-methods") && page.action().ends_with("&methods=all"));
    assert!(page.attribute("a[hreflang=en]", "href").ends_with("?lang=en&methods=all"), "also in English");
    let declined = gateway.customer().pay(&all, "4012001038488884").await;
    assert!(
        declined.has("[role=alert]") && declined.has(".brands img[alt=Visa]"),
        "they stay after a decline"
    );
    // No offer in between: the customer has seen that the brand is taken.
    let paid = gateway.customer().pay(&all, "4111111111111111").await;
    assert_eq!(paid.outcome.as_deref(), Some("paid"));
    assert_eq!(gateway.read("1").await["payment_details"]["type"], "VISA");
}

#[tokio::test]
async fn methods_are_all_only_where_there_are_others_and_the_shop_allows_it() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut hidden = gateway.order("hidden");
    hidden["payment_options"]["template"] = json!({"settings": {"hide_btn_all_methods": true}});
    let page = gateway.customer().open(&(link(&gateway, &hidden).await + "&methods=all")).await;
    assert!(!page.has("#all-methods") && !page.has(".brands img[alt=Visa]"));
    for chosen in [json!(null), json!("CREDITCARD")] {
        let mut any = gateway.order(&chosen.to_string());
        any["gateway"] = chosen;
        let page = gateway.customer().open(&link(&gateway, &any).await).await;
        assert!(!page.has("#all-methods") && page.has(".brands img[alt=Visa]"));
    }
    let page =
        gateway.customer().open(&(link(&gateway, &gateway.order("odd")).await + "&methods=some")).await;
    assert!(page.has("#all-methods"));
}
