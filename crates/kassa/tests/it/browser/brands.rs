//! A card with two brands at a real browser: the script brings up the choice while the number is typed.

use super::{Binary, Database, Script, Trial};
use crate::harness::{COBADGED, COBADGED_RANGES};
use serde_json::json;

const PLAIN: &str = "6799990000000000011";
const CHOSEN: &str = "return [...document.querySelectorAll('#brand_choice:not([hidden]) label:not([hidden])')] \
                      .map(label => label.textContent.trim() + (label.control.checked ? '*' : '')).join()";
const MARKS: &str = "return [...document.querySelectorAll('img[data-brand]:not([hidden])')].map(mark => mark.dataset.brand).join()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_of_two_brands_brings_up_the_choice_as_it_is_typed_and_pays_at_once() {
    let kassa = Binary::start_with(Database::Sqlite, COBADGED_RANGES).await;
    let trial = Trial::visit(kassa, Script::Allowed).await;
    let browser = &trial.browser;
    let mut order = trial.order("any");
    order["gateway"] = json!("CREDITCARD");
    browser.open(&trial.kassa.place(&order).await).await;
    assert_eq!(browser.run(CHOSEN).await, "", "nothing is known yet");
    for (typed, chosen) in [
        (PLAIN, ""),
        ("6799991", ""),
        (COBADGED, "Maestro,Mastercard*"),
        (PLAIN, ""),
        (COBADGED, "Maestro,Mastercard*"),
    ] {
        browser.see("#card_number").await.clear().await.unwrap();
        browser.type_into("card_number", typed).await;
        assert_eq!(browser.run(CHOSEN).await, chosen, "{typed}");
    }
    assert_eq!(browser.run(MARKS).await, "mastercard");
    browser.click("label[data-choice=maestro]").await;
    assert_eq!(browser.run(CHOSEN).await, "Maestro*,Mastercard", "the customer's word");
    assert_eq!(browser.run(MARKS).await, "maestro", "the mark follows it");
    browser.picture("pay-cobadged").await;
    browser.see("#card_number").await.clear().await.unwrap();
    trial.pay_with(COBADGED).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    let order = trial.kassa.read("any").await;
    assert_eq!(order["payment_details"]["type"], "MAESTRO");
    assert_eq!(order["payment_details"]["card_funding"], "D");

    // What was ordered is chosen unless the customer says otherwise; a card without a choice sends none.
    for (id, card, shown, pays_as) in
        [("ordered", COBADGED, "Maestro*,Mastercard", "MAESTRO"), ("plain", PLAIN, "", "MAESTRO")]
    {
        browser.open(&trial.place(id).await).await;
        browser.type_into("card_number", COBADGED).await;
        browser.see("#card_number").await.clear().await.unwrap();
        browser.type_into("card_number", card).await;
        assert_eq!(browser.run(CHOSEN).await, shown, "{id}");
        browser.see("#card_number").await.clear().await.unwrap();
        trial.pay_with(card).await;
        trial.answer("Y").await;
        trial.at_shop("/thanks").await;
        assert_eq!(trial.kassa.read(id).await["payment_details"]["type"], pays_as);
    }
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_script_the_choice_comes_with_the_next_page_in_a_browser() {
    let kassa = Binary::start_with(Database::Sqlite, COBADGED_RANGES).await;
    let trial = Trial::visit(kassa, Script::Forbidden).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    browser.type_into("card_cvc", "123").await;
    trial.pay_with(COBADGED).await;
    browser.read("#brand_choice", "Waarmee wil je betalen?").await;
    browser.picture("pay-cobadged-no-script").await;
    browser.click("label[data-choice=mastercard]").await;
    for (field, text) in [("card_number", COBADGED), ("card_cvc", "123")] {
        browser.type_into(field, text).await;
    }
    browser.click("button[type=submit]").await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    assert_eq!(trial.kassa.read("1").await["payment_details"]["type"], "MASTERCARD");
    trial.leave().await;
}
