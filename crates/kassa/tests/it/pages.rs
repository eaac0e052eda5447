//! The pages over plain HTTP: which mistakes they name, whom they refuse, and the headers they carry.

mod bought;
mod brands;
mod template;

use crate::browser::Kassa;
use crate::harness::{Database, Gateway, Page};
use kassa::outbound::Answer;
use payments::time::Millis;
use serde_json::{Value, json};

const MAESTRO: &str = "6799990000000000011";
const CARD: &str = "card_number=6799990000000000011&card_holder=A&card_expiry=12%2F35";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_keeps_itself_to_itself() {
    let kassa = Kassa::start(Database::Sqlite).await;
    let url = |path: &str| format!("{}{path}", kassa.url);
    let order = |id: &str| {
        let options = json!({
            "redirect_url": "http://shop.example/thanks", "cancel_url": "http://shop.example/cancelled",
            "close_window": true,
        });
        json!({"type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
            "description": "Test", "payment_options": options})
    };
    let mut bare = order("bare");
    bare["payment_options"] = json!({});
    let [pay, bare] = [kassa.place(&order("1")).await, kassa.place(&bare).await];
    let get = async |status: u16, url: &str| check(&kassa.send("GET", url, "").await, status);
    let post = async |status: u16, url: &str, body: &str| check(&kassa.send("POST", url, body).await, status);
    let on = async |answer: Answer| {
        assert_eq!(answer.status, 303);
        for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
            assert_eq!(answer.headers[name], value);
        }
        url(answer.headers["location"].to_str().unwrap())
    };

    // The form, its mistakes, an offer, and everything that is no request of ours.
    get(200, &pay).await;
    post(422, &pay, "").await;
    post(200, &pay, &CARD.replace("6799990000000000011", "5500000000000004")).await;
    post(413, &pay, &"x".repeat(300 * 1024)).await;
    check(&kassa.send_with("POST", &pay, ("sec-fetch-site", "cross-site"), CARD).await, 403);
    let refused = kassa.send("PUT", &pay, "").await;
    check(&refused, 405);
    assert_eq!(refused.headers["allow"], "GET,HEAD,POST");
    for nowhere in ["/connect/", "/connect/1/", "/connect/%FF/", "/connect/1/2/3/4", "/simulator/acs/%FF/1"] {
        get(404, &url(nowhere)).await;
    }
    get(404, &pay.replace("/?", "/return/1?")).await;
    get(404, &pay.replace("/?", "/return/%FF?")).await;

    // The issuer's page, a decline, a payment that is being checked, and the last pages.
    let challenge = on(kassa.send("POST", &pay, CARD).await).await;
    get(200, &challenge).await;
    check(&kassa.send("DELETE", &challenge, "").await, 405);
    check(&kassa.send_with("POST", &challenge, ("sec-fetch-site", "same-site"), "transStatus=Y").await, 403);
    let back = on(kassa.send("POST", &challenge, "transStatus=N").await).await;
    let form = on(kassa.send("GET", &back, "").await).await;
    get(200, &form).await;
    let unanswered = CARD.replace("6799990000000000011", "6799990000000000078");
    let challenge = on(kassa.send("POST", &pay, &unanswered).await).await;
    let back = on(kassa.send("POST", &challenge, "transStatus=Y").await).await;
    get(200, &back).await;
    while kassa.send("GET", &back, "").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    get(200, &format!("{back}&popup=1")).await;
    get(200, &pay).await;
    let challenge = on(kassa.send("POST", &bare, CARD).await).await;
    let back = on(kassa.send("POST", &challenge, "transStatus=Y").await).await;
    get(200, &back).await;

    // Links that are over, and our own fault.
    let link = kassa.place(&order("over")).await;
    kassa.call("PATCH", "/v1/json/orders/over", r#"{"status":"cancelled"}"#).await;
    get(410, &link).await;
    let link = kassa.place(&order("broken")).await;
    let sqlite = kassa.sqlite();
    sqlite.execute("UPDATE shop_order SET details = '' WHERE order_id = 'broken'", []).unwrap();
    if cfg!(debug_assertions) {
        // What is built like this checks itself, and panics.
        get(500, &link).await;
    }
    sqlite.execute("UPDATE shop_order SET version = version + 1 WHERE order_id = 'broken'", []).unwrap();
    get(500, &link).await;
}

/// A page for people, whatever went wrong, with every header that protects it.
fn check(answer: &Answer, status: u16) {
    let html = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{html}");
    let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-type"), "text/html; charset=utf-8", "{status} {html}");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("x-frame-options"), "DENY");
    let policy = header("content-security-policy");
    for needed in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"] {
        assert!(policy.contains(needed), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert!(html.starts_with("<!doctype html>") && html.contains("<h1>"), "{html}");
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_hash_of_their_content() {
    let kassa = Kassa::start(Database::Sqlite).await;
    let page = kassa.send("GET", &format!("{}/connect/1/", kassa.url), "").await;
    let page = String::from_utf8(page.body).unwrap();
    let mut assets: Vec<&str> = page.split('"').filter(|part| part.starts_with("/static/")).collect();
    assets.dedup();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        let answer = kassa.send("GET", &format!("{}{asset}", kassa.url), "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        let (_, name) = asset.rsplit_once('/').unwrap();
        let other = kassa.send("GET", &format!("{}/static/00000000/{name}", kassa.url), "").await;
        assert_eq!(other.status, 404);
        assert!(other.headers.get("cache-control").is_none_or(|value| value == "no-store"));
    }
}

/// Number, name, expiry and code as typed, and the fields that are marked. It is November 2026.
const MISTAKES: &[(&str, &str, &str, &str, &[&str])] = &[
    ("", "", "", "", &["number", "holder", "expiry"]),
    ("", "A", "12/35", "", &["number"]),
    ("67999900000", "A", "12/35", "", &["number"]),
    ("67999900000000000110", "A", "12/35", "", &["number"]),
    ("6799990000000000012", "A", "12/35", "", &["number"]),
    ("679999000000000001x", "A", "12/35", "", &["number"]),
    ("6799990000000000011'--", "A", "12/35", "", &["number"]),
    ("٦٧٩٩٩٩٠٠٠٠٠٠٠٠٠٠٠١١", "A", "12/35", "", &["number"]),
    ("0000000000000000", "A", "12/35", "", &["number"]),
    ("6011000000000004", "A", "12/35", "", &["number"]),
    ("411111111111111111", "A", "12/35", "123", &["number"]),
    (MAESTRO, "", "12/35", "", &["holder"]),
    (MAESTRO, "123", "12/35", "", &["holder"]),
    (MAESTRO, MAESTRO, "12/35", "", &["holder"]),
    (MAESTRO, "A 6799990000000000011", "12/35", "", &["holder"]),
    (MAESTRO, "A", "", "", &["expiry"]),
    (MAESTRO, "A", "13/35", "", &["expiry"]),
    (MAESTRO, "A", "00/35", "", &["expiry"]),
    (MAESTRO, "A", "1235x", "", &["expiry"]),
    (MAESTRO, "A", "10/26", "", &["expiry"]),
    (MAESTRO, "A", "12/2020", "", &["expiry"]),
    (MAESTRO, "A", MAESTRO, "", &["expiry"]),
    (MAESTRO, "A", "12/35", "12", &["cvc"]),
    (MAESTRO, "A", "12/35", "1234", &["cvc"]),
    (MAESTRO, "A", "12/35", "abc", &["cvc"]),
    (MAESTRO, "A", "12/20", "1", &["expiry", "cvc"]),
    ("4111111111111111", "A", "12/35", "1234", &["cvc"]),
    ("374500000000015", "A", "12/35", "123", &["cvc"]),
    ("1", "1", "1", "1", &["number", "holder", "expiry", "cvc"]),
];

#[tokio::test]
async fn every_mistake_is_named_at_its_field_and_nothing_is_attempted() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let link = link(&gateway, &gateway.order("1")).await;
    for (number, holder, expiry, cvc, expected) in MISTAKES {
        let page = submit(&gateway, &link, [number, holder, expiry, cvc]).await;
        let shown = [number, holder, expiry, cvc];
        assert_eq!(page.status, 422, "{shown:?}");
        for field in ["number", "holder", "expiry", "cvc"] {
            let wrong = expected.contains(&field);
            assert_eq!(page.has(&format!("#card_{field}[aria-invalid=true]")), wrong, "{field} of {shown:?}");
            assert_eq!(page.has(&format!("#card_{field}_error")), wrong, "{field} of {shown:?}");
        }
        assert!(page.has(&format!("#card_{}[autofocus]", expected[0])), "{shown:?}");
        assert!(!page.html.contains("value=\"6799"), "{shown:?}");
        assert!(!page.has("#card_number[value], #card_cvc[value]"), "{shown:?}");
    }
    assert_eq!(gateway.status("1").await, "initialized/initialized");
    assert_eq!(gateway.read("1").await.get("transaction_id"), None);
    for good in [["6799 9900 0000 0000 011", "Ægir d'Ö", "11/26", ""], [MAESTRO, "A", "1135", "123"]] {
        let page = submit(&gateway, &link, good).await;
        assert!(page.has("select[name=transStatus]"), "{good:?}: {page:?}");
    }
}

#[tokio::test]
async fn a_code_that_the_brand_needs_is_asked_for_once_the_brand_was_chosen() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let link = link(&gateway, &gateway.order("1")).await;
    let mastercard = "5500000000000004";
    let offer = submit(&gateway, &link, [mastercard, "A", "12/35", ""]).await;
    assert_eq!(offer.attribute("[name=accept_brand]", "value"), "MASTERCARD");
    let fields = [
        ("card_number", mastercard),
        ("card_holder", "A"),
        ("card_expiry", "12/35"),
        ("accept_brand", "MASTERCARD"),
    ];
    let again = gateway.customer().submit(&link, &fields).await;
    assert_eq!(again.status, 422);
    assert!(again.has("#card_cvc_error"));
    assert_eq!(again.attribute("[name=accept_brand]", "value"), "MASTERCARD", "what was agreed to stays");
}

#[tokio::test]
async fn another_sites_form_pays_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let link = link(&gateway, &gateway.order("1")).await;
    let path = link.strip_prefix(&gateway.url).unwrap();
    for site in ["cross-site", "same-site"] {
        let answer = gateway.call_with("POST", path, &[("sec-fetch-site", site)], CARD).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text.contains("data-outcome=\"refused\""), "{}", answer.text);
    }
    assert_eq!(gateway.read("1").await.get("transaction_id"), None);
    let challenge = gateway.customer().pay_with(&link, MAESTRO).await;
    let forged = [("sec-fetch-site", "cross-site")];
    let answer = gateway.call_with("POST", &challenge.action(), &forged, "transStatus=Y").await;
    assert_eq!(answer.status, 403);
    assert_eq!(gateway.status("1").await, "initialized/initialized");
}

#[tokio::test]
async fn the_twenty_first_card_is_not_taken() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let link = link(&gateway, &gateway.order("1")).await;
    for _ in 0..19 {
        let page = submit(&gateway, &link, ["679999000004", "A", "12/35", ""]).await;
        assert_eq!(page.status, 200);
        assert_eq!(
            page.text("[role=alert] p"),
            "Met deze kaart kun je niet online betalen. Neem contact op met je bank of gebruik een andere kaart."
        );
    }
    for card in ["679999000004", MAESTRO] {
        let page = submit(&gateway, &link, [card, "A", "12/35", ""]).await;
        assert_eq!((page.status, page.ending().as_str()), (410, "too-many-attempts"));
    }
    assert_eq!(gateway.status("1").await, "declined/declined");
}

#[tokio::test]
async fn old_links_say_what_became_of_the_order() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let customer = gateway.customer();
    let first = link(&gateway, &gateway.order("1")).await;
    let mut dearer = gateway.order("1");
    dearer["amount"] = json!(2000);
    let second = link(&gateway, &dearer).await;
    assert_ne!(first, second);
    for page in [customer.open(&first).await, submit(&gateway, &first, [MAESTRO, "A", "12/35", ""]).await] {
        assert_eq!((page.status, page.ending().as_str()), (410, "expired"));
    }
    assert_eq!(customer.pay(&second, MAESTRO).await.outcome.as_deref(), Some("paid"));
    for link in [&first, &second] {
        let page = customer.open(link).await;
        assert_eq!((page.status, page.ending().as_str()), (200, "already-paid"));
        assert!(!page.has("form"));
    }
    let third = link(&gateway, &gateway.order("2")).await;
    gateway.pass(Millis::days(31)).await;
    let page = customer.open(&third).await;
    assert_eq!((page.status, page.ending().as_str()), (410, "expired"));
    assert_eq!(page.attribute("#back", "href"), gateway.shop.url("/cancelled?type=cancel&transactionid=2"));
}

#[tokio::test]
async fn cancelling_says_so_and_offers_the_way_back() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("1");
    order["payment_options"] = json!({});
    let link = link(&gateway, &order).await;
    assert_eq!(gateway.customer().open(&link).await.text("#cancel"), "Annuleren");
    let page = gateway.customer().open(&link.replace("/?", "/cancel?")).await;
    assert_eq!((page.status, page.outcome.as_deref()), (200, Some("cancelled")));
    assert_eq!(page.ending(), "not-paid");
    let back = gateway.customer().open(&page.attribute("#pay", "href")).await;
    assert!(back.has("#card_number"));
}

#[tokio::test]
async fn a_description_is_text_whatever_is_in_it() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let description = "<b>Fiets</b> & \"zo\" <script>alert(1)</script>";
    let mut order = gateway.order("1");
    order["description"] = json!(description);
    let page = gateway.customer().open(&link(&gateway, &order).await).await;
    assert_eq!(page.text(".summary-description"), description);
    assert!(!page.has("b") && !page.html.contains("<script>"));
}

#[tokio::test]
async fn amounts_are_written_as_the_customer_writes_them() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (currency, minor, dutch, english) in [
        ("EUR", 123_456, "€ 1.234,56", "€1,234.56"),
        ("EUR", 5, "€ 0,05", "€0.05"),
        ("JPY", 1_000, "¥ 1.000", "¥1,000"),
        ("KWD", 1_234_567, "KWD 1.234,567", "KWD 1,234.567"),
    ] {
        let mut order = gateway.order(&format!("{currency}-{minor}"));
        (order["currency"], order["amount"]) = (json!(currency), json!(minor));
        let link = link(&gateway, &order).await;
        for (lang, expected) in [("nl_NL", dutch), ("nl-BE", dutch), ("en_US", english), ("xx", english)] {
            let page = gateway.customer().open(&link.replace("nl_NL", lang)).await;
            let shown = page.text(".summary-amount");
            assert_eq!(shown.replace('\u{a0}', " "), expected, "{currency} in {lang}");
            assert!(page.text("button[type=submit]").contains(&shown));
        }
    }
}

async fn link(gateway: &Gateway, order: &Value) -> String {
    gateway.place(order).await["payment_url"].as_str().unwrap().to_owned()
}

async fn submit(gateway: &Gateway, link: &str, [number, holder, expiry, cvc]: [&str; 4]) -> Page {
    let fields =
        [("card_number", number), ("card_holder", holder), ("card_expiry", expiry), ("card_cvc", cvc)];
    gateway.customer().submit(link, &fields).await
}

#[tokio::test]
async fn a_shops_address_keeps_its_fragment() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["cancel_url"] = json!("https://shop.example/?a=1#/checkout/cancelled");
    let placed = gateway.place(&order).await;
    let cancel = format!("/connect/{}/cancel", placed["session_id"].as_str().unwrap());
    let answer = gateway.call("GET", &cancel, "").await;
    assert_eq!(answer.headers["location"], "https://shop.example/?a=1&transactionid=A-1#/checkout/cancelled");
}
