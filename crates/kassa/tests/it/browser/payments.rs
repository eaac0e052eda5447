//! From the payment link to the shop's door, and the ways it can go wrong.

use super::{Database, MAESTRO, POOR_MAESTRO, Trial};
use rstest::rstest;
use url::Url;

const VISA: &str = "4111111111111111";
const NOT_TAKING_PART: &str = "4012001038443335";
const MASTERCARD: &str = "5500000000000004";

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_and_the_shop_knows_before_the_customer_is_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let trial = Trial::start(database).await;
    let browser = &trial.browser;
    let link = trial.place("my-order-id-1").await;

    browser.open(&link).await;
    browser.read("h1", "Betaal met je kaart").await;
    browser.read(".summary-amount", "€ 10,00").await;
    browser.read(".summary-description", "Test order description").await;
    browser.picture("pay").await;
    trial.pay_with(MAESTRO).await;
    browser.read("main", "eindigend op 0011").await;
    browser.picture("challenge").await;
    assert_eq!(trial.kassa.status("my-order-id-1").await, "initialized/initialized");
    trial.answer("Y").await;

    trial.at_shop("/thanks?type=redirect&transactionid=my-order-id-1").await;
    let order = trial.kassa.read("my-order-id-1").await;
    assert_eq!(order["status"], "completed");
    assert_eq!(order["payment_details"]["type"], "MAESTRO");
    let heard = trial.shop.heard();
    assert!(heard.iter().all(|heard| heard.verified), "{heard:?}");
    assert_eq!(heard.last().unwrap().order, order);
    let visits = trial.shop.visits();
    let thanked = visits.iter().find(|visit| visit.path_and_query.starts_with("/thanks")).unwrap();
    assert_eq!(thanked.told.as_deref(), Some("completed"), "{visits:?}");
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_is_explained_and_another_card_pays() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    trial.pay_with(POOR_MAESTRO).await;
    trial.answer("Y").await;
    browser.read("[role=alert]", "niet genoeg geld").await;
    browser.picture("pay-declined").await;
    assert_eq!(trial.kassa.status("1").await, "declined/declined");

    for (trans_status, reason) in
        [("N", "niet bevestigen dat jij het bent"), ("cancel", "controle van je bank afgebroken")]
    {
        trial.pay_with(MAESTRO).await;
        trial.answer(trans_status).await;
        browser.read("[role=alert]", reason).await;
    }

    trial.pay_with(MAESTRO).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks?type=redirect&transactionid=1").await;
    assert_eq!(trial.kassa.status("1").await, "completed/completed");
    trial.leave().await;
}

/// Chromium holds the redirects that follow a form to the page's `form-action`, the shop's own ones too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_redirects_to_its_other_address_gets_its_customer_back() {
    let trial = Trial::start(Database::Sqlite).await;
    let other = trial.shop.url("/arrived").replace("127.0.0.1", "localhost");
    for (id, card) in [("challenged", VISA), ("frictionless", NOT_TAKING_PART)] {
        let mut order = trial.order(id);
        order["gateway"] = "CREDITCARD".into();
        order["payment_options"]["redirect_url"] = trial.shop.url("/hop").into();
        trial.browser.open(&trial.kassa.place(&order).await).await;
        trial.browser.type_into("card_cvc", "123").await;
        trial.pay_with(card).await;
        if card == VISA {
            trial.answer("Y").await;
        }
        trial.browser.at(&other).await;
        assert_eq!(trial.kassa.status(id).await, "completed/completed");
    }
    let hosts = [&*trial.kassa.url, &trial.shop.url(""), &other].map(|url| Url::parse(url).unwrap().origin());
    trial.browser.leave(&hosts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_without_an_answer_is_checked_and_reloading_is_safe() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let link = trial.place("1").await;
    browser.open(&link).await;
    trial.pay_with("6799990000000000078").await;
    trial.answer("Y").await;
    browser.read("h1", "Je betaling wordt gecontroleerd").await;
    browser.picture("processing").await;
    browser.client.refresh().await.unwrap();
    // The link itself leads to the same page: nobody can pay a second time meanwhile.
    browser.open(&link).await;
    browser.read("h1", "Je betaling wordt gecontroleerd").await;
    trial.at_shop("/thanks?type=redirect&transactionid=1").await;
    assert_eq!(trial.kassa.status("1").await, "completed/completed");
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_leads_to_the_shop_and_leaves_the_link_usable() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let link = trial.place("my order/1").await;
    browser.open(&link).await;
    browser.click("#cancel").await;
    trial.at_shop("/cancelled?type=cancel&transactionid=my%20order%2F1").await;
    browser.open(&link).await;
    trial.pay_with(MAESTRO).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks?type=redirect&transactionid=my%20order%2F1").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_without_addresses_leaves_its_customers_with_us() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let mut order = trial.order("1");
    order["payment_options"] = serde_json::json!({});
    let link = trial.kassa.place(&order).await;
    browser.open(&link).await;
    browser.click("#cancel").await;
    browser.ends("not-paid").await;
    browser.picture("result-not-paid").await;
    browser.click("#pay").await;
    trial.pay_with(MAESTRO).await;
    trial.answer("Y").await;
    browser.ends("paid").await;
    browser.picture("result-paid").await;
    assert_eq!(trial.kassa.status("1").await, "completed/completed");
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_of_another_brand_is_offered_and_pays_as_what_it_is() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    trial.pay_with(MASTERCARD).await;
    browser.read(".offer", "Dit is een Mastercard-kaart").await;
    browser.picture("pay-offer").await;
    assert_eq!(browser.typed("card_number").await, "");
    assert_eq!(browser.typed("card_holder").await, "A. Customer");

    // What was agreed to is one brand: another one is offered anew.
    browser.type_into("card_number", VISA).await;
    browser.type_into("card_cvc", "123").await;
    browser.click("button[type=submit]").await;
    browser.read(".offer", "Dit is een Visa-kaart").await;

    browser.type_into("card_number", MASTERCARD).await;
    browser.type_into("card_cvc", "123").await;
    browser.click("button[type=submit]").await;
    browser.read(".offer", "Dit is een Mastercard-kaart").await;
    browser.type_into("card_number", MASTERCARD).await;
    browser.type_into("card_cvc", "123").await;
    browser.click("button[type=submit]").await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    let order = trial.kassa.read("1").await;
    assert_eq!(order["payment_details"]["type"], "MASTERCARD");
    trial.leave().await;
}
