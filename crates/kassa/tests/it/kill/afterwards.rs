//! What shops do besides waiting for customers: they send cards themselves, capture and refund. Each request has a
//! key of its own, so it has its effect once, however often its answer is lost.

use super::customers::Placed;
use super::{KEY, Load};
use crate::harness::Dice;
use crate::harness::Reply;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Money that the gateway said it has moved.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) order: String,
    /// As `related_transactions` calls it.
    pub(crate) kind: &'static str,
    pub(crate) transaction: i64,
    pub(crate) amount: u64,
}

/// A Visa card that is paid with at once when the shop sends it.
const CARD: &str = "4111111111111111";
/// How long a shop goes on asking.
const OUTAGE: Duration = Duration::from_secs(60);

impl Load {
    /// Asks until there is an answer, always with the same key.
    async fn insist_once(&self, path: &str, key: &str, body: &Value) -> Reply {
        let (url, body) = (format!("{}/v1/json/orders{path}", self.url), body.to_string());
        let headers = [("api_key", KEY), ("Idempotency-Key", key)];
        let began = Instant::now();
        loop {
            self.requests.fetch_add(1, Ordering::SeqCst);
            match self.http.send("POST", &url, &headers, &body).await {
                // An earlier try of this request is still under way.
                Ok(reply) if reply.status == 409 && reply.json()["error_code"] == 1000 => {}
                Ok(reply) => {
                    self.promised.notify_waiters();
                    return reply;
                }
                Err(failure) => {
                    self.broken.fetch_add(1, Ordering::SeqCst);
                    assert!(began.elapsed() < OUTAGE, "no answer for {OUTAGE:?}: {failure}");
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Refunds up to two parts of an order. That it is not paid is an answer as well.
    pub(crate) async fn refund(&self, order: &Placed, dice: &mut Dice) -> Vec<Moved> {
        let mut moved = Vec::new();
        for part in 0..=dice.up_to(1) {
            let amount = 1 + dice.up_to(order.amount / 3);
            let body = json!({"currency": "EUR", "amount": amount, "description": format!("Part {part}")});
            let key = format!("refund {} {part}", order.id);
            let reply = self.insist_once(&format!("/{}/refunds", order.id), &key, &body).await;
            moved.extend(self.understand(&reply, "refund", "refund_id", &order.id, amount));
        }
        moved
    }

    /// Sells something to a customer whose card the shop has, and captures it later.
    pub(crate) async fn sell_directly(&self, id: &str, dice: &mut Dice) -> (Placed, Vec<Moved>) {
        let amount = 1 + dice.up_to(99_999);
        let description = format!("Order {id} for {amount}");
        let mut order = super::customers::body(self, id, amount, &description);
        order["type"] = json!("direct");
        order["gateway"] = json!("VISA");
        order["capture"] = json!("manual");
        order["gateway_info"] = json!({
            "card_number": CARD, "card_holder_name": "A. Customer", "card_expiry_date": "3512", "card_cvc": "123",
        });
        let reply = self.insist_once("", &format!("order {id}"), &order).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let data = reply.json()["data"].clone();
        let session = data["session_id"].as_str().unwrap().to_owned();
        let payment_url = data["payment_url"].as_str().unwrap().to_owned();
        let placed = Placed { id: id.to_owned(), amount, description, session, payment_url };
        let key = format!("capture {id}");
        let captured = self.insist_once(&format!("/{id}/capture"), &key, &json!({"amount": amount})).await;
        let moved = self.understand(&captured, "capture", "transaction_id", id, amount);
        (placed, moved.into_iter().collect())
    }

    fn understand(
        &self,
        reply: &Reply,
        kind: &'static str,
        key: &str,
        order: &str,
        amount: u64,
    ) -> Option<Moved> {
        if reply.status == 200 {
            let transaction = reply.json()["data"][key].as_i64().unwrap();
            return Some(Moved { order: order.to_owned(), kind, transaction, amount });
        }
        if reply.status != 409 {
            self.odd(format!("{kind} of {order}: {} {}", reply.status, reply.text));
        }
        None
    }
}

/// Of every order as much was moved as was acknowledged, each once, and all of it is done.
pub(crate) fn check(moved: &[Moved], shown: &BTreeMap<String, Value>) {
    let mut acknowledged: BTreeMap<&str, Vec<(&str, i64, u64)>> = BTreeMap::new();
    for Moved { order, kind, transaction, amount } in moved {
        acknowledged.entry(order).or_default().push((kind, *transaction, *amount));
    }
    for (id, order) in shown {
        let related = order["related_transactions"].as_array().cloned().unwrap_or_default();
        let mut done: Vec<(&str, i64, u64)> = related
            .iter()
            .map(|entry| {
                assert_eq!(entry["status"], "completed", "{id}: {entry}");
                let number = |key: &str| entry[key].as_i64().unwrap();
                (entry["type"].as_str().unwrap(), number("transaction_id"), number("amount").unsigned_abs())
            })
            .collect();
        let mut promised = acknowledged.remove(id.as_str()).unwrap_or_default();
        done.sort_unstable();
        promised.sort_unstable();
        assert_eq!(done, promised, "{id}: what moved is not what was acknowledged");
    }
    assert!(acknowledged.is_empty(), "of unknown orders: {acknowledged:?}");
}
