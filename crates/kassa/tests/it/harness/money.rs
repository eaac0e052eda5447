//! Orders whose shop sends the card itself, and what shops ask for once an order is paid.

use super::{Answer, Gateway, path};
use serde_json::{Value, json};

/// A card that is paid at once when the shop sends it: the issuer asks the customer nothing.
pub(crate) const FRICTIONLESS: &str = "4111111111111111";

impl Gateway {
    /// An order of 10.00 EUR that sends this card.
    pub(crate) fn direct_order(&self, id: &str, card: &str) -> Value {
        let mut order = self.order(id);
        let cvc = if card.starts_with('3') { "1234" } else { "123" };
        order["type"] = json!("direct");
        order["gateway"] = json!("CREDITCARD");
        order["gateway_info"] = json!({
            "card_number": card, "card_holder_name": "A. Customer", "card_expiry_date": "3512", "card_cvc": cvc,
        });
        order
    }

    /// An order of 10.00 EUR that was paid at once; the answer's `data`.
    pub(crate) async fn paid(&self, id: &str) -> Value {
        let paid = self.place(&self.direct_order(id, FRICTIONLESS)).await;
        assert_eq!(paid["status"], "completed", "{paid}");
        paid
    }

    /// The same, authorised only.
    pub(crate) async fn authorised(&self, id: &str) -> Value {
        let mut order = self.direct_order(id, FRICTIONLESS);
        order["capture"] = json!("manual");
        let authorised = self.place(&order).await;
        assert_eq!(authorised["financial_status"], "initialized", "{authorised}");
        authorised
    }

    /// Places the order and pays it on our page with this card; the order as it then stands.
    pub(crate) async fn paid_on_page(&self, order: &Value, card: &str) -> Value {
        let placed = self.place(order).await;
        self.customer().pay(placed["payment_url"].as_str().unwrap(), card).await;
        self.read(order["order_id"].as_str().unwrap()).await
    }

    /// Something that is asked of an order, at `/orders/{id}/{what}`.
    pub(crate) async fn ask(&self, id: &str, what: &str, body: &Value) -> Answer {
        self.call("POST", &format!("{}/{what}", path(id)), &body.to_string()).await
    }

    /// The same, which has to be done; its `data`.
    pub(crate) async fn done(&self, id: &str, what: &str, body: &Value) -> Value {
        let answer = self.ask(id, what, body).await;
        assert_eq!(answer.status, 200, "{id} {what} {body}: {}", answer.text);
        answer.json["data"].clone()
    }

    /// A change of what is at `target`.
    pub(crate) async fn change(&self, target: &str, body: &Value) -> Answer {
        self.call("PATCH", target, &body.to_string()).await
    }

    /// The entries of `related_transactions`, each as `type status amount`.
    pub(crate) async fn related(&self, id: &str) -> Vec<String> {
        let order = self.read(id).await;
        let entries = order["related_transactions"].as_array().cloned().unwrap_or_default();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        let line =
            |entry: &Value| format!("{} {} {}", text(entry, "type"), text(entry, "status"), entry["amount"]);
        entries.iter().map(line).collect()
    }
}

impl Answer {
    /// Refused with this status, code and text, in the envelope.
    pub(crate) fn assert_refused(&self, status: u16, code: u32, info: &str, case: &str) {
        let expected = json!({"success": false, "data": {}, "error_code": code, "error_info": info});
        assert_eq!((self.status, &self.json), (status, &expected), "{case}: {}", self.text);
    }
}
