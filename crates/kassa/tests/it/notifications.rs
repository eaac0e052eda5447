//! What a shop hears of its orders: every state, signed, again until it acknowledges, and nobody else's.

mod acknowledgement;
mod history;
mod isolation;
mod letter;
mod newest_state;
mod payment_first;
mod reach;
mod resend;
mod schedule;
mod sequence;
mod webhook;

use crate::harness::{Answer, Gateway, Heard, Page};
use payments::time::{Millis, Timestamp};
use serde_json::Value;

/// A card that is paid.
const PAID: &str = "6799990000000000011";
/// A card that is declined.
const DECLINED: &str = "6799990000000000029";
/// Two cards that are held for three minutes, and how that ends.
const HELD_THEN_PAID: &str = "6799990000000000052";
const HELD_THEN_VOID: &str = "6799990000000000037";

impl Gateway {
    /// Places an order that has to be accepted; its payment URL.
    async fn link(&self, order: &Value) -> String {
        self.place(order).await["payment_url"].as_str().unwrap().to_owned()
    }

    /// Cancels an order; the shop is not told before somebody works.
    async fn cancel(&self, id: &str) -> Answer {
        self.call("PATCH", &format!("/v1/json/orders/{id}"), r#"{"status":"cancelled"}"#).await
    }

    /// An order about which the shop has to be told once: it is cancelled before anybody paid.
    async fn cancelled_order(&self, id: &str) {
        self.place(&self.order(id)).await;
        assert_eq!(self.cancel(id).await.status, 200);
    }

    /// An order with a submitted card that waits for the issuer's page.
    async fn challenged_order(&self, id: &str, card: &str) -> Page {
        let link = self.link(&self.order(id)).await;
        let page = self.customer().pay_with(&link, card).await;
        self.work().await;
        page
    }

    /// Lets time pass until `at` since the start, and does then what is due.
    async fn pass_until(&self, at: Millis) {
        let start: Timestamp = crate::harness::START;
        self.pass(Millis(start.plus(at).since(self.clock.now()).0)).await;
    }

    /// What the shop heard last.
    fn last_heard(&self) -> Heard {
        self.shop.heard().pop().unwrap()
    }
}
