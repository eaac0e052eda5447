//! The documentation as people read it: without script, without a network, on any screen.

use super::{Browser, Database, Kassa, Script};
use url::Url;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_is_readable_in_a_browser_without_script() {
    let kassa = Kassa::start(Database::Sqlite).await;
    let browser = Browser::start(Script::Forbidden).await;
    browser.open(&format!("{}/docs", kassa.url)).await;
    browser.read("#createOrder h3", "Place an order").await;
    browser.click("#getOrder summary").await;
    browser.read("#getOrder details[open]", "payment_details.card_expiry_date").await;
    browser.picture("docs").await;
    browser.leave(&[Url::parse(&kassa.url).unwrap().origin()]).await;
}
