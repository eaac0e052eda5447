//! The real binary and a real browser: what a cardholder sees, from the payment link to the shop's door.

mod binary;
mod brands;
mod chromium;
mod docs;
mod looks;
mod payments;
mod threeds;
mod windows;

use crate::harness::{Database, Shop};
use binary::Binary;
use serde_json::{Value, json};
use url::Url;

pub(crate) use binary::Binary as Kassa;
pub(crate) use chromium::{Browser, Script};

const MAESTRO: &str = "6799990000000000011";
const POOR_MAESTRO: &str = "6799990000000000029";

/// A gateway, a shop and a customer at a browser.
struct Trial {
    kassa: Binary,
    shop: Shop,
    browser: Browser,
}

impl Trial {
    async fn start(database: Database) -> Self {
        Self::start_with(database, Script::Allowed).await
    }

    async fn start_with(database: Database, script: Script) -> Self {
        Self::visit(Binary::start(database).await, script).await
    }

    async fn start_at(home: crate::harness::Home) -> Self {
        Self::visit(Binary::start_at(home).await, Script::Allowed).await
    }

    async fn visit(kassa: Binary, script: Script) -> Self {
        let shop = Shop::open(&kassa.key).await;
        let browser = Browser::start(script).await;
        Self { kassa, shop, browser }
    }

    /// The order of the README, with this shop's URLs.
    fn order(&self, id: &str) -> Value {
        json!({
            "type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
            "description": "Test order description",
            "payment_options": {
                "notification_url": self.shop.url("/notification?type=notification"),
                "redirect_url": self.shop.url("/thanks?type=redirect"),
                "cancel_url": self.shop.url("/cancelled?type=cancel"),
                "close_window": true,
            },
            "customer": {"locale": "nl_NL", "ip_address": "123.123.123.123"},
        })
    }

    /// Places the order of the README; its payment link.
    async fn place(&self, id: &str) -> String {
        self.kassa.place(&self.order(id)).await
    }

    /// Fills in the form with this card and presses Pay.
    async fn pay_with(&self, card: &str) {
        self.browser.type_into("card_number", card).await;
        self.browser.type_into("card_holder", "A. Customer").await;
        self.browser.type_into("card_expiry", "12/35").await;
        self.browser.click("button[type=submit]").await;
    }

    /// Tells the issuer's page what to answer.
    async fn answer(&self, trans_status: &str) {
        self.browser.choose("transStatus", trans_status).await;
        self.browser.click("button[type=submit]").await;
    }

    /// Waits until the browser is at an address of the shop.
    async fn at_shop(&self, path: &str) {
        self.browser.at(&self.shop.url(path)).await;
    }

    /// Ends the visit: nothing was reported on any page, and nobody but gateway and shop was asked for anything.
    async fn leave(self) {
        let hosts = [&*self.kassa.url, &self.shop.url("")].map(|url| Url::parse(url).unwrap().origin());
        self.browser.leave(&hosts).await;
    }
}
