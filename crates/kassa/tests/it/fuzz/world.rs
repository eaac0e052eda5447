//! What a site has: orders in every state, cards, refunds. Requests are mostly about something that is there.

use crate::harness::{Dice, Gateway};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The numbers of the cards that shops send: paid, authenticated, declined.
pub(super) const CARDS: [&str; 6] = [
    "4111111111111111",
    "5500000000000004",
    "374200000000004",
    "6799990000000000011",
    "4761340000000019",
    "679999000004",
];
/// How many of each kind are remembered.
const KEPT: usize = 60;

/// Kinds of things, with their names in paths: an order has one, the others an owner before it.
#[derive(Debug, Default)]
pub(super) struct World {
    things: BTreeMap<&'static str, Vec<(String, String)>>,
    /// Orders that were paid when they were answered.
    pub(super) paid: Vec<String>,
}

impl World {
    /// A site with a past.
    pub(super) async fn live(gateway: &Gateway) -> Self {
        let mut world = Self::default();
        for id in ["held-1", "held-2", "held-3", "held-4"] {
            let link = gateway.place(&gateway.order(id)).await["payment_url"].as_str().unwrap().to_owned();
            gateway.customer().pay(&link, "6799990000000000052").await;
            world.remember("held", id, "");
        }
        let link =
            gateway.place(&gateway.order("declined")).await["payment_url"].as_str().unwrap().to_owned();
        gateway.customer().pay(&link, "6799990000000000029").await;
        world.remember("waiting", "declined", "");
        for id in ["paid", "charged", "refunded"] {
            gateway.place(&direct(id, &json!({}))).await;
            world.remember("paid", id, "");
        }
        world.paid.push("paid".to_owned());
        gateway.place(&direct("authorised", &json!({"capture": "manual"}))).await;
        world.remember("authorised", "authorised", "");
        let refund = gateway.call("POST", "/v1/json/orders/refunded/refunds", r#"{"amount":400}"#).await;
        world.remember("refund", "refunded", &refund.json["data"]["refund_id"].to_string());
        let charged = gateway.call("POST", "/v1/json/simulator/orders/charged/chargeback", "{}").await;
        world.remember("chargeback", "charged", &charged.json["data"]["chargeback_id"].to_string());
        let kept =
            direct("kept", &json!({"recurring_model": "cardOnFile", "customer": {"reference": "customer"}}));
        let kept = gateway.place(&kept).await;
        world.remember("token", "customer", kept["payment_details"]["recurring_id"].as_str().unwrap());
        world.remember("transaction", &kept["transaction_id"].to_string(), "");
        let me = gateway.call("GET", "/v1/json/me", "").await;
        world.remember("account", &me.json["data"]["account_id"].to_string(), "");
        world.remember("site", &me.json["data"]["site_id"].to_string(), "");
        gateway.place(&gateway.order("waiting")).await;
        world.remember("waiting", "waiting", "");
        world
    }

    fn remember(&mut self, kind: &'static str, owner: &str, name: &str) {
        let known = self.things.entry(kind).or_default();
        if known.len() == KEPT {
            known.remove(0);
        }
        known.push((owner.to_owned(), name.to_owned()));
    }

    /// One of this kind.
    pub(super) fn pick(&self, kind: &str, dice: &mut Dice) -> (String, String) {
        dice.pick(&self.things[kind]).clone()
    }

    /// The reference of some order, of the kind that the operation is about if there is one.
    pub(super) fn order_for(&self, operation: &str, dice: &mut Dice) -> String {
        let kind = match operation {
            "captureOrder" | "cancelAuthorisation" => "authorised",
            "createRefund" | "simulateChargeback" => "paid",
            "sendEvidence" | "simulateDispute" | "acceptChargeback" => "chargeback",
            "cancelRefund" => "refund",
            "simulateReview" => "held",
            _ => "waiting",
        };
        let any = ["authorised", "paid", "chargeback", "refund", "held", "waiting"];
        let kind = if dice.chance(80) { kind } else { dice.pick(&any) };
        self.pick(kind, dice).0
    }

    /// Learns from an answer.
    pub(super) fn learn(&mut self, operation: &str, data: &Value) {
        let text = |key: &str| data[key].as_str().map(str::to_owned).unwrap_or_default();
        let order = text("order_id");
        match operation {
            "createOrder" if data.get("status").is_none() => self.remember("waiting", &order, ""),
            "createOrder" if data["status"] == "completed" => {
                let is_authorised = data["payment_details"]["capture"] == "manual";
                self.remember(if is_authorised { "authorised" } else { "paid" }, &order, "");
                let token = data["payment_details"]["recurring_id"].as_str();
                let reference = data["customer"]["reference"].as_str();
                if let (Some(token), Some(reference)) = (token, reference) {
                    self.remember("token", reference, token);
                }
                if !is_authorised && self.paid.len() < 200 {
                    self.paid.push(order);
                }
            }
            "createRefund" => self.remember("refund", &order, &data["refund_id"].to_string()),
            "simulateChargeback" => self.remember("chargeback", &order, &data["chargeback_id"].to_string()),
            _ => {}
        }
    }
}

/// An order for which the shop sends a Visa card.
pub(super) fn direct(id: &str, with: &Value) -> Value {
    let mut order = json!({
        "type": "direct", "order_id": id, "gateway": "VISA", "currency": "EUR", "amount": 1000, "description": "Bought",
        "gateway_info": {
            "card_number": CARDS[0], "card_holder_name": "A. Customer", "card_expiry_date": "3512", "card_cvc": "123",
        },
    });
    order.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    order
}
