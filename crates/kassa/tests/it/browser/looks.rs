//! What the pages show: marks, groups of digits, languages, mistakes, and every page that has no form.

use super::{Database, MAESTRO, Trial};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_groups_digits_and_shows_the_brand() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    for (typed, shown, brand) in [
        ("6799990000000000011", "6799 9900 0000 0000 011", "maestro"),
        ("4111111111111111", "4111 1111 1111 1111", "visa"),
        ("4936980000000005", "4936 9800 0000 0005", "maestro"),
        ("5500000000000004", "5500 0000 0000 0004", "mastercard"),
        ("2720990000000000", "2720 9900 0000 0000", "mastercard"),
        ("374500000000015", "3745 000000 00015", "amex"),
        ("6011000000000004", "6011 0000 0000 0004", ""),
        ("9", "9", ""),
    ] {
        browser.see("#card_number").await.clear().await.unwrap();
        browser.type_into("card_number", typed).await;
        assert_eq!(browser.typed("card_number").await, shown);
        let marks = "return [...document.querySelectorAll('img[data-brand]:not([hidden])')] \
                     .map(mark => mark.dataset.brand).join()";
        assert_eq!(browser.run(marks).await, brand, "{typed}");
    }
    for (typed, shown) in [("1235", "12/35"), ("935", "09/35"), ("1/35", "01/35"), ("122035", "12/35")] {
        browser.see("#card_expiry").await.clear().await.unwrap();
        browser.type_into("card_expiry", typed).await;
        assert_eq!(browser.typed("card_expiry").await, shown, "{typed}");
    }
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_stand_below_their_fields_and_secrets_do_not_come_back() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    browser.type_into("card_number", "6799990000000000012").await;
    browser.type_into("card_holder", "A. Customer").await;
    browser.type_into("card_expiry", "12/20").await;
    browser.type_into("card_cvc", "12").await;
    browser.click("button[type=submit]").await;
    browser.read("[role=alert]", "Controleer de gemarkeerde velden.").await;
    browser.picture("pay-mistakes").await;
    for (field, mistake) in [
        ("card_number", "Dit kaartnummer klopt niet."),
        ("card_expiry", "Deze kaart is verlopen"),
        ("card_cvc", "Controleer het aantal cijfers"),
    ] {
        browser.read(&format!("#{field}_error"), mistake).await;
        let (_, top, _, height) = browser.see(&format!("#{field}")).await.rectangle().await.unwrap();
        let (_, below, _, _) = browser.see(&format!("#{field}_error")).await.rectangle().await.unwrap();
        assert!((0.0..20.0).contains(&(below - top - height)), "{field}: {top} + {height}, {below}");
    }
    assert_eq!(browser.typed("card_number").await, "");
    assert_eq!(browser.typed("card_cvc").await, "");
    assert_eq!(browser.typed("card_holder").await, "A. Customer");
    assert_eq!(browser.typed("card_expiry").await, "12/20");
    let focused = browser.run("return document.activeElement.id").await;
    assert_eq!(focused, "card_number");
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_speaks_the_customers_language() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let link = trial.place("1").await;
    browser.open(&link).await;
    browser.read("button[type=submit]", "Betaal € 10,00").await;
    browser.click("a[hreflang=en]").await;
    browser.read("button[type=submit]", "Pay €10.00").await;
    browser.picture("pay-english").await;
    trial.pay_with(MAESTRO).await;
    browser.read("h1", "Confirm your payment").await;
    trial.answer("N").await;
    browser.read("[role=alert]", "Your bank could not confirm that it is you.").await;
    browser.click("a[hreflang=nl]").await;
    browser.read("[role=alert]", "Je bank kon niet bevestigen dat jij het bent.").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_order_and_its_test_cards_fit_on_a_phone() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let mut order = trial.order("1");
    order["gateway"] = json!("CREDITCARD");
    order["amount"] = json!(99_999_999_999_i64);
    order["currency"] = json!("KWD");
    order["description"] =
        json!(format!("<b>Fiets</b> & {} {}", "x".repeat(100), "een lange zin ".repeat(5)));
    browser.open(&trial.kassa.place(&order).await).await;
    browser.picture("pay-long").await;
    let (left, _, width, _) = browser.see(".summary").await.rectangle().await.unwrap();
    let amount = "const range = document.createRange(); \
                  range.selectNodeContents(document.querySelector('.summary-amount')); \
                  return range.getBoundingClientRect().right";
    let right = browser.run(amount).await.as_f64().unwrap();
    assert!(right <= left + width, "the amount ends at {right} of {left} + {width}");
    browser.read(".summary-description", "<b>Fiets</b> &").await;
    browser.resize((390, 844)).await;
    let (_, _, _, collapsed) = browser.see(".ribbon").await.rectangle().await.unwrap();
    assert!(collapsed < 100.0, "the strip takes {collapsed} px");
    browser.click(".test-cards > summary").await;
    browser.read(".test-cards", "4111111111111111").await;
    browser.picture("pay-test-cards").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_bought_stands_beside_the_form_and_never_above_it() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let mut order = trial.order("cart");
    order["amount"] = json!(16_940);
    order["shopping_cart"] = json!({"items": [
        {"name": "Fiets met een heel lange naam, zeven versnellingen en een bel", "unit_price": "100", "quantity": 1},
        {"name": "Lint (per meter)", "unit_price": "20", "quantity": 2.5},
        {"name": "Korting", "unit_price": -10, "quantity": 1},
    ]});
    order["checkout_options"] = json!({"validate_cart": true, "tax_tables": {"default": {"rate": 0.21}}});
    browser.open(&trial.kassa.place(&order).await).await;
    browser.read(".cart", "Lint (per meter)").await;
    browser.picture("pay-cart").await;

    let mut order = trial.order("html");
    order["items"] = json!(
        "<table width=\"9999\" border=\"1\"><tr><td height=\"5000\" bgcolor=\"yellow\">2 kaartjes</td>\
        </tr></table><p style=\"position:fixed;inset:0\">vast</p>"
    );
    order["payment_options"]["template"] = json!({"version": "1.0",
        "body": {"background": "#1e3a5f"}, "container": {"background": "#fffdf5", "text": "#222"},
        "cart": {"background": "#f0e9d8"}, "buttons": {"primary": {"background": "#c2410c", "text": "white"}},
    });
    browser.open(&trial.kassa.place(&order).await).await;
    browser.read(".shop-html", "2 kaartjes").await;
    browser.picture("pay-template").await;
    let colour = "return getComputedStyle(document.querySelector('form button')).backgroundColor";
    assert_eq!(browser.run(colour).await, "rgb(194, 65, 12)");
    let box_of = async |selector: &str| browser.see(selector).await.rectangle().await.unwrap();
    for size in [(390, 844), (1280, 800)] {
        browser.resize(size).await;
        let (left, top, width, height) = box_of(".shop-html").await;
        let (x, y, _, _) = box_of("#card_number").await;
        assert!(x >= left + width || y >= top + height, "{size:?}: the form begins at {x}, {y}");
        assert!(height < 500.0, "{height}");
        let wide = browser.run("return document.documentElement.scrollWidth <= innerWidth").await;
        assert_eq!(wide, true, "nothing is wider than the window");
    }
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_cannot_be_used_says_why() {
    let trial = Trial::start(Database::Sqlite).await;
    let (browser, kassa) = (&trial.browser, &trial.kassa);

    let mut order = trial.order("expires");
    order["seconds_active"] = json!(1);
    let expires = kassa.place(&order).await;
    browser.open(&expires).await;
    while kassa.send("GET", &expires, "").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    browser.open(&expires).await;
    browser.ends("expired").await;
    browser.picture("result-expired").await;
    browser.click("#back").await;
    trial.at_shop("/cancelled?type=cancel&transactionid=expires").await;

    let link = trial.place("cancelled").await;
    kassa.call("PATCH", "/v1/json/orders/cancelled", r#"{"status":"cancelled"}"#).await;
    browser.open(&link).await;
    browser.ends("cancelled").await;
    browser.picture("result-cancelled").await;

    let link = trial.place("attempts").await;
    let card = "card_number=679999000004&card_holder=A&card_expiry=12%2F35";
    for _ in 0..20 {
        assert_eq!(kassa.send("POST", &link, card).await.status, 303);
    }
    browser.open(&link).await;
    browser.ends("too-many-attempts").await;
    browser.picture("result-too-many-attempts").await;

    browser.open(&format!("{}/connect/1234/?lang=en", kassa.url)).await;
    browser.ends("not-found").await;
    browser.picture("result-not-found").await;

    browser.open(&link.replace("/?", "/return/1?")).await;
    browser.ends("not-found").await;
    trial.leave().await;
}
