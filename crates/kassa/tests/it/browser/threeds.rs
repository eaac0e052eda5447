//! 3-D Secure in a real browser: 3DS Method, challenge in a frame and as a page, and what the bank says.

use super::{Database, Trial};
use crate::harness::Home;
use serde_json::json;
use std::time::Duration;

/// A card that spells out what happens: these digits before the check digit.
fn card(digits: &str) -> String {
    (0..10)
        .map(|check| format!("{digits}{check}"))
        .find(|number| payments::card::Pan::parse(number).is_ok())
        .unwrap()
}

impl Trial {
    /// A trial whose gateway has this table of settings.
    async fn start_configured(table: &str) -> Self {
        let home = Home::new(Database::Sqlite).await;
        let file = home.folder().join("kassa.toml");
        std::fs::write(&file, format!("[threeds]\n{table}\n")).unwrap();
        Self::start_at(home.with("KASSA_CONFIG", file.to_str().unwrap())).await
    }

    async fn kept(&self, column: &str) -> String {
        let sql = format!("SELECT {column} FROM authentication ORDER BY created_at DESC LIMIT 1");
        self.kassa.sqlite().query_row(&sql, [], |row| row.get(0)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bank_is_told_of_the_browser_and_sees_it_before() {
    let trial = Trial::start(Database::Sqlite).await;
    trial.browser.open(&trial.place("1").await).await;
    trial.pay_with(super::MAESTRO).await;
    trial.browser.see("select[name=transStatus]").await;
    let kept: serde_json::Value = serde_json::from_str(&trial.kept("content").await).unwrap();
    assert_eq!(kept["method_done"], true, "{kept}");
    let browser = &kept["browser"];
    assert_eq!(browser["browserJavascriptEnabled"], true, "{kept}");
    assert_eq!(browser["browserColorDepth"], "24", "{kept}");
    assert!(browser["browserUserAgent"].as_str().unwrap().contains("Chrome"), "{kept}");
    assert!(browser["browserScreenWidth"].is_string() && browser["browserTZ"].is_string(), "{kept}");
    assert_eq!(kept["window"], "05");
    trial.browser.picture("threeds-challenge").await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_that_wants_it_after_all_sees_the_customer_of_a_direct_order() {
    let trial = Trial::start(Database::Sqlite).await;
    let mut order = trial.order("1");
    (order["type"], order["gateway"]) = (json!("direct"), json!("VISA"));
    order["gateway_info"] = json!({
        "card_number": "4761340000000027", "card_holder_name": "A. Customer", "card_expiry_date": "3512",
        "card_cvc": "123", "flexible_3d": false,
    });
    trial.browser.open(&trial.kassa.place(&order).await).await;
    trial.browser.see("select[name=transStatus]").await;
    let kept: serde_json::Value = serde_json::from_str(&trial.kept("content").await).unwrap();
    assert_eq!(kept["method_done"], true, "{kept}");
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_hangs_is_given_up_and_the_bank_told_so() {
    let trial = Trial::start_configured("method_s = 4").await;
    trial.browser.open(&trial.place("1").await).await;
    trial.pay_with(&card("679999300200000")).await;
    trial.browser.see("#proceed button").await;
    trial.browser.picture("threeds-method").await;
    trial.browser.see("select[name=transStatus]").await;
    let kept: serde_json::Value = serde_json::from_str(&trial.kept("content").await).unwrap();
    assert_eq!(kept["method_done"], false);
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_in_a_frame_leads_the_whole_window_back() {
    let trial = Trial::start_configured("framed = true").await;
    let browser = &trial.browser;
    for (id, size, window) in [("wide", (1280, 800), "03"), ("phone", (390, 844), "02")] {
        browser.resize(size).await;
        browser.open(&trial.place(id).await).await;
        trial.pay_with(super::MAESTRO).await;
        browser.see("iframe.issuer-frame").await;
        // The page in the frame has to be there before it is photographed.
        let answered = "const frame = document.querySelector('iframe.issuer-frame'); \
                        return Boolean(frame.contentDocument && frame.contentDocument.querySelector('select'))";
        while browser.run(answered).await != json!(true) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let kept: serde_json::Value = serde_json::from_str(&trial.kept("content").await).unwrap();
        assert_eq!(kept["window"], window, "{id}");
        browser.picture_at(&format!("threeds-frame-{id}"), size).await;
        let answer = "const page = document.querySelector('iframe.issuer-frame').contentDocument; \
                      page.querySelector('button').click(); return true";
        browser.run(answer).await;
        trial.at_shop(&format!("/thanks?type=redirect&transactionid={id}")).await;
        assert_eq!(trial.kassa.status(id).await, "completed/completed");
    }
    trial.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bank_says_stands_above_the_form() {
    let trial = Trial::start(Database::Sqlite).await;
    trial.browser.open(&trial.place("1").await).await;
    trial.pay_with(&card("679999300000300")).await;
    trial.browser.read("[role=alert]", "Je bank zegt:").await;
    trial.browser.read("[role=alert]", "Call the number on the back of your card.").await;
    trial.browser.picture("threeds-bank-says").await;
    trial.pay_with(super::MAESTRO).await;
    trial.answer("Y").await;
    trial.at_shop("/thanks").await;
    trial.leave().await;
}
