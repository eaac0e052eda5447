//! Windows, tabs, the back button, impatience, and browsers without JavaScript.

use super::chromium::{Script, is_gone};
use super::{Database, MAESTRO, Trial};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_popup_closes_and_the_shop_goes_on_in_its_own_window() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    for (id, cancels) in [("1", true), ("2", false)] {
        let link = trial.place(id).await;
        browser.open(&trial.shop.url("/checkout")).await;
        let shop = browser.client.window().await.unwrap();
        let open = "open(arguments[0], 'pay', 'width=420,height=800')";
        browser.client.execute(open, vec![json!(link)]).await.unwrap();
        let popup = browser.windows().await.into_iter().find(|window| *window != shop).unwrap();
        browser.switch_to(&popup).await;
        if cancels {
            browser.click("#cancel").await;
        } else {
            trial.pay_with(MAESTRO).await;
            trial.answer("Y").await;
        }
        while !is_gone(&browser.client.current_url().await) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        browser.switch_to(&shop).await;
        let door = if cancels { "/cancelled?type=cancel" } else { "/thanks?type=redirect" };
        trial.at_shop(&format!("{door}&transactionid={id}")).await;
        assert_eq!(browser.windows().await.len(), 1);
    }
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_without_javascript() {
    let trial = Trial::start_with(Database::Sqlite, Script::Forbidden).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    trial.pay_with("6799 9900 0000 0000 029").await;
    trial.answer("Y").await;
    browser.read("[role=alert]", "niet genoeg geld").await;
    trial.pay_with("6799990000000000078").await;
    trial.answer("Y").await;
    browser.read("h1", "Je betaling wordt gecontroleerd").await;
    trial.at_shop("/thanks?type=redirect&transactionid=1").await;

    // The last page of a window, without the script that would close it.
    browser.open(&trial.place("2").await.replace("?", "?popup=1&")).await;
    trial.pay_with(MAESTRO).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks?type=redirect&transactionid=2").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_page_of_a_popup_goes_on_by_itself_when_nobody_opened_it() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await.replace("?", "?popup=1&")).await;
    trial.pay_with(MAESTRO).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks?type=redirect&transactionid=1").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pressing_pay_twice_is_one_attempt() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    browser.open(&trial.place("1").await).await;
    browser.type_into("card_number", MAESTRO).await;
    browser.type_into("card_holder", "A. Customer").await;
    browser.type_into("card_expiry", "12/35").await;
    browser.run("const pay = document.querySelector('button'); pay.click(); pay.click(); pay.click()").await;
    browser.see("select[name=transStatus]").await;
    let count = "SELECT COUNT(*) FROM payment_transaction";
    let attempts: i64 = trial.kassa.sqlite().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(attempts, 1);
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_after_paying_never_pays_again() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let link = trial.place("1").await;
    browser.open(&link).await;
    trial.pay_with(MAESTRO).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    // The issuer's page is over: going there leads back to the shop.
    browser.client.back().await.unwrap();
    trial.at_shop("/thanks").await;
    let length = browser.run("return history.length").await.as_i64().unwrap();
    for _ in 0..length {
        browser.client.back().await.unwrap();
        if browser.url().await.contains("/connect/") {
            break;
        }
    }
    browser.ends("already-paid").await;
    browser.picture("result-already-paid").await;
    browser.open(&link).await;
    browser.ends("already-paid").await;
    assert_eq!(trial.kassa.status("1").await, "completed/completed");
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_tabs_one_pays() {
    let trial = Trial::start(Database::Sqlite).await;
    let browser = &trial.browser;
    let link = trial.place("1").await;
    browser.open(&link).await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.switch_to(&second).await;
    browser.open(&link).await;
    // Both are at the issuer: the newer attempt counts, the older one is over.
    browser.switch_to(&first).await;
    trial.pay_with(MAESTRO).await;
    browser.see("select[name=transStatus]").await;
    browser.switch_to(&second).await;
    trial.pay_with(MAESTRO).await;
    browser.see("select[name=transStatus]").await;
    browser.switch_to(&first).await;
    trial.answer("Y").await;
    browser.see("#card_number").await;
    browser.switch_to(&second).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    browser.switch_to(&first).await;
    trial.pay_with(MAESTRO).await;
    browser.ends("already-paid").await;
    trial.leave().await;
}
