//! Orders and cards in every state, by the names that the settings of Schemathesis have for them.

use crate::harness::{Binary, Http, bare, run};
use serde_json::{Value, json};

/// Prepares everything; what could not be named beforehand.
pub(super) async fn prepare(kassa: &Binary) -> Vec<(&'static str, String)> {
    let states = States { kassa, http: Http::new() };
    states.follow_links().await;
    states.pay("refunded", &json!({})).await;
    states.call("POST", "/orders/refunded/refunds", &json!({ "amount": 400 })).await;
    states.pay("authorised", &json!({ "capture": "manual" })).await;
    states.pay("charged", &json!({})).await;
    states.call("POST", "/simulator/orders/charged/chargeback", &json!({ "amount": 400 })).await;
    let mut names = Vec::new();
    for (name, reference) in
        [("token", "customer"), ("removed_token", "leaver-1"), ("deleted_token", "leaver-2")]
    {
        let kept = json!({ "recurring_model": "cardOnFile", "customer": { "reference": reference } });
        let paid = states.pay(reference, &kept).await;
        names.push((name, paid["payment_details"]["recurring_id"].as_str().unwrap().to_owned()));
    }
    let paid = states.call("GET", "/orders/paid", &json!({})).await;
    names.push(("transaction", paid["transaction_id"].to_string()));
    let me = states.call("GET", "/me", &json!({})).await;
    for id in ["account_id", "site_id"] {
        names.push((id, me[id].to_string()));
    }
    names
}

struct States<'a> {
    kassa: &'a Binary,
    http: Http,
}

impl States<'_> {
    /// A request that is accepted; its answer's `data`.
    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/v1/json{path}", self.kassa.url);
        let headers = [("api_key", self.kassa.key.as_str())];
        let answer = self.http.send(method, &url, &headers, &body.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        serde_json::from_str::<Value>(&answer.text).unwrap()["data"].clone()
    }

    /// An order that is paid, or authorised, with a card that the shop sends.
    async fn pay(&self, id: &str, with: &Value) -> Value {
        let mut order = json!({
            "type": "direct", "order_id": id, "gateway": "VISA", "currency": "EUR", "amount": 1000, "description": id,
            "payment_options": { "notification_url": "http://127.0.0.1:9/notification" },
            "gateway_info": {
                "card_number": "4111111111111111", "card_holder_name": "A. Customer", "card_expiry_date": "3512",
                "card_cvc": "123",
            },
        });
        order.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        let paid = self.call("POST", "/orders", &order).await;
        assert_eq!(paid["status"], "completed", "{paid}");
        paid
    }

    /// Orders whose customers came to the page, and one that was cancelled before.
    async fn follow_links(&self) {
        const HELD: &str = "6799990000000000052";
        for (id, pay, status) in [
            ("paid", &["--outcome", "Y"][..], "completed"),
            ("declined", &["--outcome", "N"], "declined"),
            ("held-1", &["--card", HELD], "uncleared"),
            ("held-2", &["--card", HELD], "uncleared"),
            ("held-3", &["--card", HELD], "uncleared"),
            ("cancelled", &[], "cancelled"),
        ] {
            let order = json!({
                "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": 1000, "description": id,
                "payment_options": { "notification_url": "http://127.0.0.1:9/notification" },
            });
            let placed = self.call("POST", "/orders", &order).await;
            if pay.is_empty() {
                self.call("PATCH", &format!("/orders/{id}"), &json!({ "status": "cancelled" })).await;
            } else {
                let link = placed["payment_url"].as_str().unwrap();
                drop(run(&mut bare(&[&["pay", link], pay].concat())));
            }
            let shown = self.call("GET", &format!("/orders/{id}"), &json!({})).await;
            assert_eq!(shown["status"], status, "{shown}");
        }
    }
}
