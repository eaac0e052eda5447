//! The load: a shop's orders and the customers who pay them, over connections that break at any moment.

use super::afterwards::Moved;
use super::{KEY, Load};
use crate::harness::Dice;
use crate::harness::Reply;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// An order the gateway acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) id: String,
    pub(crate) amount: u64,
    pub(crate) description: String,
    pub(crate) session: String,
    pub(crate) payment_url: String,
}

const PAID: &str = "6799990000000000011";
/// A card, how often it is used in a hundred, and how the customer answers the issuer.
const CARDS: &[(&str, u64, &str)] = &[
    (PAID, 60, "Y"),
    ("6799990000000000029", 12, "Y"),
    (PAID, 5, "N"),
    (PAID, 5, "cancel"),
    ("6799990000000000052", 3, "Y"),
    ("6799990000000000078", 8, "Y"),
    ("6799990000000000128", 5, "Y"),
    ("6799990000000000086", 2, "Y"),
];
/// How many pages a customer looks at before giving up.
const PATIENCE: u32 = 40;
/// How long a customer who cannot connect goes on trying.
const OUTAGE: Duration = Duration::from_secs(60);

/// How many orders at most nobody pays, for one that somebody does. They keep the store busy.
const LEFT: u64 = 12;

/// Places orders, pays some and moves their money until the load is over; everything that was acknowledged.
pub(crate) async fn keep_buying(load: Arc<Load>, number: u64, mut dice: Dice) -> (Vec<Placed>, Vec<Moved>) {
    let (mut placed, mut moved) = (Vec::new(), Vec::new());
    while !load.over.load(Ordering::SeqCst) {
        for _ in 0..=dice.up_to(LEFT) {
            let id = format!("k-{number}-{}", placed.len());
            placed.push(load.place(&id, &mut dice).await);
        }
        if let Some(order) = placed.last() {
            load.pay(order, &mut dice).await;
            if dice.chance(60) {
                moved.extend(load.refund(order, &mut dice).await);
            }
        }
        if dice.chance(40) {
            let id = format!("k-{number}-{}", placed.len());
            let (order, captured) = load.sell_directly(&id, &mut dice).await;
            if dice.chance(60) {
                moved.extend(load.refund(&order, &mut dice).await);
            }
            moved.extend(captured);
            placed.push(order);
        }
    }
    (placed, moved)
}

pub(crate) fn body(load: &Load, id: &str, amount: u64, description: &str) -> Value {
    json!({
        "type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": amount,
        "description": description,
        "payment_options": {
            "notification_url": format!("{}/notify?shop=1", load.shop.url),
            "redirect_url": "http://shop.invalid/thanks",
            "cancel_url": "http://shop.invalid/cancelled",
        },
    })
}

impl Load {
    /// Tries until there is an answer. What the answer says is up to the caller.
    async fn insist(&self, method: &str, url: &str, body: &str) -> Reply {
        let began = Instant::now();
        loop {
            self.requests.fetch_add(1, Ordering::SeqCst);
            let sent = match method {
                "GET" => self.http.open(url).await,
                _ => self.http.call(method, url, KEY, body).await,
            };
            match sent {
                Ok(reply) => return reply,
                Err(failure) => {
                    self.broken.fetch_add(1, Ordering::SeqCst);
                    assert!(began.elapsed() < OUTAGE, "no answer for {OUTAGE:?}: {failure}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    pub(crate) fn odd(&self, what: String) {
        self.odd.lock().unwrap().push(what);
    }

    async fn post(&self, order: &Value) -> Reply {
        self.insist("POST", &format!("{}/v1/json/orders", self.url), &order.to_string()).await
    }

    /// Places an order; sometimes the shop asks again, and gets the same answer.
    async fn place(&self, id: &str, dice: &mut Dice) -> Placed {
        let amount = 1 + dice.up_to(99_999);
        let description = format!("Order {id} for {amount}");
        let order = body(self, id, amount, &description);
        let first = self.post(&order).await;
        self.promised.notify_waiters();
        let data = first.json()["data"].clone();
        assert_eq!(first.status, 200, "{}", first.text);
        if dice.chance(20) {
            let again = self.post(&order).await;
            if again.text != first.text {
                self.odd(format!("{} and then {}", first.text, again.text));
            }
        }
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        let (session, payment_url) = (text("session_id"), text("payment_url"));
        Placed { id: id.to_owned(), amount, description, session, payment_url }
    }

    /// Plays the customer: from page to page, and from the start again when a page does not come.
    async fn pay(&self, order: &Placed, dice: &mut Dice) {
        let (mut card, mut word) = draw(dice);
        let mut page = self.insist("GET", &order.payment_url, "").await;
        let mut tried = false;
        for _ in 0..PATIENCE {
            if page.status >= 500 {
                self.odd(format!("{} {}: {}", page.url, page.status, page.text));
            }
            if page.location().is_some() || page.outcome().is_some() {
                return;
            }
            let sent = if page.has("select[name=transStatus]") {
                tried = true;
                self.http.submit(&page, &[("transStatus", word)]).await
            } else if page.has("input[name=card_number]") {
                // Back at the form after the issuer's page: declined, or the gateway has forgotten the card.
                if tried && dice.chance(40) {
                    (card, word) = (PAID, "Y");
                } else if tried && dice.chance(20) {
                    return;
                }
                let fields = [
                    ("card_number", card),
                    ("card_holder", "A. Customer"),
                    ("card_expiry", "12/35"),
                    ("card_cvc", "123"),
                ];
                self.http.submit(&page, &fields).await
            } else {
                // Being checked. Somebody who has waited for a while goes away.
                if dice.chance(15) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.http.open(page.url.as_str()).await
            };
            self.requests.fetch_add(1, Ordering::SeqCst);
            page = match sent {
                Ok(page) => {
                    self.promised.notify_waiters();
                    page
                }
                Err(_) => {
                    self.broken.fetch_add(1, Ordering::SeqCst);
                    self.insist("GET", &order.payment_url, "").await
                }
            };
        }
    }
}

fn draw(dice: &mut Dice) -> (&'static str, &'static str) {
    let mut at = dice.up_to(99);
    for (card, share, word) in CARDS {
        if at < *share {
            return (*card, *word);
        }
        at -= share;
    }
    (PAID, "Y")
}
