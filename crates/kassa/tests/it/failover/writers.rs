//! Shops that sell, capture and refund, and ask again with the same key until they are answered.

use crate::harness::{Dice, Http, Reply};
use crate::kill::afterwards::Moved;
use crate::kill::listener::Listener;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

pub(super) const KEY: &str = "failover-test-key-0123456789";
/// A Visa card that is paid with at once when the shop sends it.
const CARD: &str = "4111111111111111";
/// How long a shop goes on asking.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the writers and the one who kills share.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) http: Http,
    pub(super) url: String,
    pub(super) shop: Listener,
    pub(super) over: AtomicBool,
    pub(super) acknowledged: AtomicU32,
    /// Answers that were errors, and requests without an answer.
    pub(super) refused: AtomicU32,
    /// When the youngest request was sent that was acknowledged.
    pub(super) newest: watch::Sender<Instant>,
}

/// Sells until the load is over; the orders with their amounts and what was moved, all of it acknowledged.
pub(super) async fn keep_selling(
    load: Arc<Load>,
    number: u64,
    mut dice: Dice,
) -> (Vec<(String, u64)>, Vec<Moved>) {
    let (mut placed, mut moved) = (Vec::new(), Vec::new());
    while !load.over.load(Ordering::SeqCst) {
        let (id, amount) = (format!("f-{number}-{}", placed.len()), 100 + dice.up_to(99_999));
        let is_manual = dice.chance(30);
        load.sell(&id, amount, is_manual).await;
        placed.push((id.clone(), amount));
        if is_manual {
            moved.push(load.change(&id, "capture", "transaction_id", amount).await);
        } else if dice.chance(60) {
            moved.push(load.change(&id, "refund", "refund_id", 1 + dice.up_to(amount / 3)).await);
        }
    }
    (placed, moved)
}

impl Load {
    async fn sell(&self, id: &str, amount: u64, is_manual: bool) {
        let mut order = json!({
            "type": "direct", "order_id": id, "gateway": "VISA", "currency": "EUR", "amount": amount,
            "description": format!("Order {id}"),
            "gateway_info": {
                "card_number": CARD, "card_holder_name": "A. Customer", "card_expiry_date": "3512", "card_cvc": "123",
            },
            "payment_options": {"notification_url": format!("{}/notify", self.shop.url)},
        });
        if is_manual {
            order["capture"] = json!("manual");
        }
        self.insist("", &format!("order {id}"), &order).await;
    }

    async fn change(&self, id: &str, kind: &'static str, called: &str, amount: u64) -> Moved {
        let body = json!({"currency": "EUR", "amount": amount, "description": "Part"});
        let path = if kind == "refund" { "refunds" } else { "capture" };
        let reply = self.insist(&format!("/{id}/{path}"), &format!("{kind} {id}"), &body).await;
        let transaction = reply.json()["data"][called].as_i64();
        let transaction = transaction.unwrap_or_else(|| panic!("{kind} of {id}: {}", reply.text));
        Moved { order: id.to_owned(), kind, transaction, amount }
    }

    /// Asks until it is done, always with the same key.
    async fn insist(&self, path: &str, key: &str, body: &Value) -> Reply {
        let (url, body) = (format!("{}/v1/json/orders{path}", self.url), body.to_string());
        let headers = [("api_key", KEY), ("Idempotency-Key", key)];
        let began = Instant::now();
        loop {
            let sent = Instant::now();
            match self.http.send("POST", &url, &headers, &body).await {
                Ok(reply) if reply.status == 200 => {
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                    self.newest.send_if_modified(|newest| {
                        let is_newer = sent > *newest;
                        *newest = sent.max(*newest);
                        is_newer
                    });
                    return reply;
                }
                Ok(reply) => {
                    // An earlier try of this request is still under way, or the database is away.
                    let is_underway = reply.status == 409 && reply.json()["error_code"] == 1000;
                    assert!(is_underway || reply.status >= 500, "{key}: {} {}", reply.status, reply.text);
                    assert!(began.elapsed() < PATIENCE, "{key}: {}", reply.text);
                }
                Err(failure) => assert!(began.elapsed() < PATIENCE, "{key}: {failure}"),
            }
            self.refused.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for this many more acknowledgements.
    pub(super) async fn wait_for_more(&self, count: u32, within: Duration) {
        let (began, wanted) = (Instant::now(), self.acknowledged.load(Ordering::SeqCst) + count);
        while self.acknowledged.load(Ordering::SeqCst) < wanted {
            assert!(began.elapsed() < within, "nothing is acknowledged any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How long it takes from `moment` until a request that was sent later is acknowledged.
    pub(super) async fn first_acknowledged_since(&self, moment: Instant, within: Duration) -> Duration {
        let mut newest = self.newest.subscribe();
        let served = tokio::time::timeout(within, newest.wait_for(|sent| *sent > moment)).await;
        served.unwrap_or_else(|_| panic!("nothing was acknowledged within {within:?}")).unwrap();
        moment.elapsed()
    }
}
