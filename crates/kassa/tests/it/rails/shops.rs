//! The load: shops that sell by telephone. They send cards, capture, cancel and refund, and ask again and again under
//! the same key until they are answered.

use super::Load;
use crate::harness::{Dice, Reply};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Money that the gateway said it has moved, as `related_transactions` calls it.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) kind: &'static str,
    pub(crate) transaction: i64,
    pub(crate) amount: u64,
}

/// An order, and what the shop did with it.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    pub(crate) id: String,
    /// Which of the sites.
    pub(crate) site: usize,
    pub(crate) amount: u64,
    pub(crate) moved: Vec<Moved>,
    /// It was given back instead of captured.
    pub(crate) cancelled: bool,
    /// What the shop was told when it said that it was paid.
    pub(crate) was_paid: bool,
}

const CARDS: [(&str, &str); 5] = [
    ("VISA", "4111111111111111"),
    ("VISA", "4761340000000019"),
    ("MASTERCARD", "5500000000000004"),
    ("VISA", "4012888888881881"),
    // Refused by its issuer.
    ("VISA", "4012001038488884"),
];
/// How long a shop goes on asking.
const OUTAGE: Duration = Duration::from_secs(60);

/// Sells until enough was sold.
pub(crate) async fn sell(load: Arc<Load>, mut dice: Dice) -> Vec<Sold> {
    let mut sold = Vec::new();
    loop {
        let number = load.begun.fetch_add(1, Ordering::SeqCst);
        if number >= load.orders {
            return sold;
        }
        sold.push(load.sell_one(number, &mut dice).await);
    }
}

impl Load {
    async fn sell_one(&self, number: u64, dice: &mut Dice) -> Sold {
        let site = usize::try_from(number).unwrap() % self.keys.len();
        let (id, amount) = (format!("r-{number}"), 3 + dice.up_to(99_999));
        let mut sold = Sold { id, site, amount, moved: Vec::new(), cancelled: false, was_paid: false };
        let manual = dice.chance(30);
        let order = order(&sold, manual, dice);
        let mut status = String::new();
        // A shop that is not paid asks once more, also while nobody knows yet what became of the first time.
        for attempt in 0..2 {
            let reply = self.insist("POST", site, "", &format!("{} {attempt}", sold.id), &order).await;
            reply.json()["data"]["status"].as_str().unwrap_or_default().clone_into(&mut status);
            if !matches!(reply.status, 200 | 409) {
                self.odd(format!("{}: {} {}", sold.id, reply.status, reply.text));
            }
            if status == "completed" || dice.chance(50) {
                break;
            }
        }
        sold.was_paid = status == "completed";
        if sold.was_paid && manual {
            self.capture_or_cancel(&mut sold, dice).await;
        }
        if sold.was_paid && dice.chance(30) && (!manual || !sold.moved.is_empty()) {
            self.refund(&mut sold, dice).await;
        }
        sold
    }

    async fn capture_or_cancel(&self, sold: &mut Sold, dice: &mut Dice) {
        let (id, key) = (&sold.id, format!("{} end", sold.id));
        match dice.up_to(9) {
            0..6 => {
                let body = json!({"amount": sold.amount});
                let reply =
                    self.insist("POST", sold.site, &format!("orders/{id}/capture"), &key, &body).await;
                let moved = self.understand(&reply, "capture", "transaction_id", sold.amount);
                sold.moved.extend(moved);
            }
            6..9 => {
                let body = json!({"status": "cancelled", "reason": "out of stock"});
                let reply = self.insist("PATCH", sold.site, &format!("capture/{id}"), &key, &body).await;
                sold.cancelled = reply.status == 200;
                if !sold.cancelled {
                    self.odd(format!("cancellation of {id}: {} {}", reply.status, reply.text));
                }
            }
            _ => {}
        }
    }

    async fn refund(&self, sold: &mut Sold, dice: &mut Dice) {
        for part in 0..=dice.up_to(1) {
            let amount = 1 + dice.up_to(sold.amount / 3);
            let body = json!({"currency": "EUR", "amount": amount, "description": format!("Part {part}")});
            let (path, key) = (format!("orders/{}/refunds", sold.id), format!("{} refund {part}", sold.id));
            let reply = self.insist("POST", sold.site, &path, &key, &body).await;
            let moved = self.understand(&reply, "refund", "refund_id", amount);
            sold.moved.extend(moved);
        }
    }

    /// Asks until there is an answer, always under the same key.
    async fn insist(&self, method: &str, site: usize, path: &str, key: &str, body: &Value) -> Reply {
        let path = if path.is_empty() { "orders" } else { path };
        let (url, body) = (format!("{}/v1/json/{path}", self.url), body.to_string());
        let headers = [("api_key", self.keys[site].as_str()), ("Idempotency-Key", key)];
        let began = Instant::now();
        loop {
            self.requests.fetch_add(1, Ordering::SeqCst);
            match self.http.send(method, &url, &headers, &body).await {
                // An earlier try of this request is still under way.
                Ok(reply) if reply.status == 409 && reply.json()["error_code"] == 1000 => {}
                Ok(reply) => return reply,
                Err(failure) => {
                    self.broken.fetch_add(1, Ordering::SeqCst);
                    assert!(began.elapsed() < OUTAGE, "no answer for {OUTAGE:?}: {failure}");
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn understand(&self, reply: &Reply, kind: &'static str, id: &str, amount: u64) -> Option<Moved> {
        if reply.status == 200 {
            let transaction = reply.json()["data"][id].as_i64().unwrap();
            return Some(Moved { kind, transaction, amount });
        }
        self.odd(format!("{kind}: {} {}", reply.status, reply.text));
        None
    }

    /// The order as the gateway shows it.
    pub(crate) async fn read(&self, sold: &Sold) -> Value {
        let url = format!("{}/v1/json/orders/{}", self.url, sold.id);
        let reply = self.http.call("GET", &url, &self.keys[sold.site], "").await.unwrap();
        assert_eq!(reply.status, 200, "{} is lost: {}", sold.id, reply.text);
        reply.json()["data"].clone()
    }

    fn odd(&self, what: String) {
        self.odd.lock().unwrap().push(what);
    }
}

fn order(sold: &Sold, manual: bool, dice: &mut Dice) -> Value {
    let (gateway, card) = dice.pick(&CARDS);
    let mut order = json!({
        "type": "direct", "order_id": sold.id, "gateway": gateway, "currency": "EUR", "amount": sold.amount,
        "description": "By telephone",
        "gateway_info": {
            "card_number": card, "card_holder_name": "A. Customer", "card_expiry_date": "3512", "moto": true,
        },
    });
    if manual {
        order["capture"] = json!("manual");
    }
    order
}
