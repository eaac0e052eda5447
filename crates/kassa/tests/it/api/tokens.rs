//! Tokens: a card is kept with a payment, listed, renewed, used without its customer, and deleted for good.

use crate::harness::{Answer, Database, FRICTIONLESS, Gateway};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const ORDERS: &str = "/v1/json/orders";
const TOKENS: &str = "SELECT COUNT(*) FROM token";
const MAESTRO: &str = "6799990000000000011";

/// The order, with which its card is kept.
fn keeping(mut order: Value, model: &str, reference: &str) -> Value {
    order["recurring_model"] = json!(model);
    order["customer"]["reference"] = json!(reference);
    order
}

/// An order that is paid with a token, as the documentation's sample is: without a gateway.
fn with_token(gateway: &Gateway, id: &str, token: &str, reference: &str) -> Value {
    let mut order = keeping(gateway.order(id), "cardOnFile", reference);
    order.as_object_mut().unwrap().remove("gateway");
    order["type"] = json!("direct");
    order["recurring_id"] = json!(token);
    order
}

fn token_of(order: &Value) -> String {
    order["payment_details"]["recurring_id"].as_str().unwrap_or_else(|| panic!("{order}")).to_owned()
}

impl Gateway {
    /// A token of a card that the shop sent.
    async fn token(&self, id: &str, card: &str, reference: &str) -> String {
        token_of(&self.place(&keeping(self.direct_order(id, card), "cardOnFile", reference)).await)
    }

    async fn tokens(&self, reference: &str) -> Vec<Value> {
        let answer = self.call("GET", &format!("/v1/json/recurring/{reference}?limit=100"), "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["data"]["tokens"].as_array().unwrap().clone()
    }

    async fn at_token(&self, method: &str, verb: &str, token: &str, body: &str) -> Answer {
        self.call(method, &format!("/v1/json/recurring/customer/{verb}/{token}"), body).await
    }
}

#[rstest]
#[tokio::test]
async fn a_card_is_kept_with_its_payment_and_shown_in_full_shape(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let none = gateway.call("GET", "/v1/json/recurring/customer", "").await;
    none.assert_refused(404, 1000, "Not found", "no token yet");
    // By the customer on the page, by the shop, and in the newer words.
    let paid = gateway.paid_on_page(&keeping(gateway.order("A-1"), "cardOnFile", "customer"), MAESTRO).await;
    gateway.clock.advance(Millis(1));
    let sent =
        gateway.place(&keeping(gateway.direct_order("A-2", FRICTIONLESS), "subscription", "customer")).await;
    gateway.clock.advance(Millis(1));
    let mut newer = gateway.direct_order("A-3", "378282246310005");
    newer["recurring"] = json!({"model": "unscheduled"});
    newer["customer"]["reference"] = json!("customer");
    let newer = gateway.place(&newer).await;
    let shape = |token: String, code: &str, display: &str, bin: i64, last4: &str, model: &str| {
        json!({
            "token": token, "code": code, "display": display, "bin": bin, "name_holder": "A. Customer",
            "expiry_date": 3512, "expired": 0, "last4": last4, "model": model, "recurring_model": model,
        })
    };
    let expected = [
        shape(token_of(&paid), "MAESTRO", "Card xxxx xxxx xxxx 0011", 679_999, "0011", "cardOnFile"),
        shape(token_of(&sent), "VISA", "Card xxxx xxxx xxxx 1111", 411_111, "1111", "subscription"),
        shape(token_of(&newer), "AMEX", "Card xxxx xxxx xxx0 005", 378_282, "0005", "unscheduled"),
    ];
    assert_eq!(gateway.tokens("customer").await, expected);
    for (order, token) in [(&paid, &expected[0]), (&sent, &expected[1]), (&newer, &expected[2])] {
        let details = &order["payment_details"];
        assert_eq!(
            (&details["recurring_model"], &details["recurring_flow"]),
            (&token["model"], &json!("token"))
        );
        let one = gateway.at_token("GET", "token", token["token"].as_str().unwrap(), "").await;
        assert_eq!(&one.json["data"], token);
    }
    let page = gateway.call("GET", "/v1/json/recurring/customer?limit=1&offset=1&locale=en_US", "").await;
    assert_eq!(page.json["data"]["tokens"], json!([expected[1]]));
    let beyond = gateway.call("GET", "/v1/json/recurring/customer?offset=3", "").await;
    beyond.assert_refused(404, 1000, "Not found", "beyond the last");
    gateway.work().await;
    assert_eq!(token_of(&gateway.shop.heard().last().unwrap().order).len(), token_of(&paid).len());
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_token_pays_without_its_customer(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    // Maestro needs its customer the first time; afterwards nobody is asked.
    let first = keeping(gateway.order("A-1"), "cardOnFile", "customer");
    let token = token_of(&gateway.paid_on_page(&first, MAESTRO).await);
    let gateway = gateway.restart().await;
    let paid = gateway.place(&with_token(&gateway, "A-2", &token, "customer")).await;
    assert_eq!((&paid["status"], &paid["financial_status"]), (&json!("completed"), &json!("completed")));
    let details = &paid["payment_details"];
    assert_eq!((&details["type"], &details["last4"]), (&json!("MAESTRO"), &json!("0011")));
    assert_eq!((token_of(&paid), &details["card_authentication_result"]), (token.clone(), &Value::Null));
    assert!(paid.get("customer_verification").is_none(), "{paid}");

    let mut newer = with_token(&gateway, "A-3", "", "customer");
    newer["recurring"] = json!({"id": token, "model": "cardOnFile"});
    newer["recurring_model"] = Value::Null;
    newer["gateway"] = json!("MAESTRO");
    newer["gateway_info"] = json!([]);
    assert_eq!(gateway.place(&newer).await["status"], "completed");
    let mut held_back = with_token(&gateway, "A-4", &token, "customer");
    held_back["capture"] = json!("manual");
    assert_eq!(gateway.place(&held_back).await["financial_status"], "initialized");
    gateway.done("A-4", "capture", &json!({"amount": 400, "new_order_id": "A-4-1"})).await;
    gateway.done("A-2", "refunds", &json!({"currency": "EUR"})).await;
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("A-2").await, "refunded/completed");
    assert_eq!((gateway.tokens("customer").await.len(), gateway.count(TOKENS).await), (1, 1));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_token_that_is_not_the_customers_pays_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let token = gateway.token("A-1", FRICTIONLESS, "customer").await;
    let deleted = gateway.token("A-2", "4012001038443335", "customer").await;
    assert_eq!(
        gateway.at_token("DELETE", "remove", &deleted, "").await.json["data"],
        json!({"removed": true})
    );
    let other_site = gateway.app.create_site("Another shop", false).await.unwrap();
    let mine = with_token(&gateway, "B-1", &token, "customer");
    for (case, order) in [
        ("another customer", with_token(&gateway, "B-1", &token, "somebody")),
        ("deleted", with_token(&gateway, "B-1", &deleted, "customer")),
        ("unknown", with_token(&gateway, "B-1", "998163177297134120", "customer")),
        ("no token at all", with_token(&gateway, "B-1", "x'--", "customer")),
    ] {
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        answer.assert_refused(410, 1000, "Not found: token", case);
    }
    let key = [("api_key", other_site.expose())];
    let theirs = gateway.call_with("POST", ORDERS, &key, &mine.to_string()).await;
    theirs.assert_refused(410, 1000, "Not found: token", "another site");
    let list = gateway.call_with("GET", "/v1/json/recurring/customer", &key, "").await;
    list.assert_refused(404, 1000, "Not found", "another site's list");
    for (field, value, status, code, info) in [
        (
            "gateway",
            json!("MAESTRO"),
            404,
            1023,
            "Invalid gateway: unknown gateway, or not active for this site",
        ),
        (
            "type",
            json!("redirect"),
            400,
            1016,
            "Invalid recurring_id: is paid with type direct, without the customer",
        ),
        (
            "recurring_model",
            json!("sometimes"),
            400,
            1016,
            "Invalid recurring_model: must be cardOnFile, subscription or unscheduled",
        ),
    ] {
        let mut order = mine.clone();
        order[field] = value;
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        assert_eq!(
            (answer.status, answer.json["error_code"].as_i64()),
            (status, Some(code)),
            "{}",
            answer.text
        );
        assert!(answer.json["error_info"].as_str().unwrap().starts_with(&info[..20]), "{}", answer.text);
    }
    assert_eq!(gateway.call("GET", "/v1/json/orders/B-1", "").await.status, 404, "nothing was placed");
    assert_eq!(gateway.place(&mine).await["status"], "completed");
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn the_same_card_of_the_same_customer_is_one_token(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let first = gateway.token("A-1", FRICTIONLESS, "customer").await;
    assert_eq!(gateway.token("A-2", FRICTIONLESS, "customer").await, first);
    let on_page = keeping(gateway.order("A-3"), "cardOnFile", "customer");
    let mut on_page = on_page;
    on_page["gateway"] = json!("VISA");
    assert_eq!(token_of(&gateway.paid_on_page(&on_page, FRICTIONLESS).await), first);
    let others = [
        gateway.token("A-4", "4012001038443335", "customer").await,
        gateway.token("A-5", FRICTIONLESS, "somebody").await,
        token_of(
            &gateway
                .place(&keeping(gateway.direct_order("A-6", FRICTIONLESS), "unscheduled", "customer"))
                .await,
        ),
    ];
    let mut all: Vec<&String> = others.iter().chain([&first]).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "another card, customer or purpose is another token: {all:?}");
    assert_eq!(gateway.tokens("customer").await.len(), 3);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_token_is_renewed_and_deleted_for_good(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let token = gateway.token("A-1", FRICTIONLESS, "customer").await;
    for (body, shown) in [
        (r#"{"expiry_date":"3612"}"#, 3612),
        (r#"{"expiry_date":3701}"#, 3701),
        (r#"{"expiry_date":"2610"}"#, 2610),
    ] {
        let answer = gateway.at_token("PATCH", "update", &token, body).await;
        assert_eq!(
            (answer.status, &answer.json["data"]),
            (200, &json!({"updated": true})),
            "{}",
            answer.text
        );
        assert_eq!(gateway.tokens("customer").await[0]["expiry_date"], shown);
    }
    assert_eq!(gateway.tokens("customer").await[0]["expired"], 1, "that month is over");
    let headers = [("api_key", gateway.key.as_str()), ("x-http-method-override", "PATCH")];
    let target = format!("/v1/json/recurring/customer/update/{token}");
    let renewed = gateway.call_with("POST", &target, &headers, r#"{"expiry_date":"4012"}"#).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let paid = gateway.place(&with_token(&gateway, "A-2", &token, "customer")).await;
    assert_eq!(paid["payment_details"]["card_expiry_date"], "4012");
    for body in ["{}", r#"{"expiry_date":""}"#, r#"{"expiry_date":"3613"}"#, r#"{"expiry_date":"12/40"}"#] {
        let answer = gateway.at_token("PATCH", "update", &token, body).await;
        let info = "Invalid expiry_date: must be the card's year and month, YYMM";
        answer.assert_refused(400, 1016, info, body);
    }
    let unknown = "998163177297134120";
    for (method, verb, info) in [
        ("GET", "token", "Not found: token"),
        ("PATCH", "update", "Token not updated"),
        ("DELETE", "remove", "Token not removed"),
        ("DELETE", "token", "Token not removed"),
    ] {
        for stranger in [unknown, "x"] {
            let answer = gateway.at_token(method, verb, stranger, r#"{"expiry_date":"4012"}"#).await;
            answer.assert_refused(410, 1000, info, &format!("{method} {verb} {stranger}"));
        }
        let other = format!("/v1/json/recurring/somebody/{verb}/{token}");
        let answer = gateway.call(method, &other, r#"{"expiry_date":"4012"}"#).await;
        answer.assert_refused(410, 1000, info, "of another customer");
    }
    // .NET sends a body with its DELETE, Ruby deletes at the token itself.
    let second = gateway.token("A-3", "4012001038443335", "customer").await;
    for (verb, token) in [("remove", &token), ("token", &second)] {
        let answer = gateway.at_token("DELETE", verb, token, "{}").await;
        assert_eq!(
            (answer.status, &answer.json["data"]),
            (200, &json!({"removed": true})),
            "{}",
            answer.text
        );
        gateway.at_token("DELETE", verb, token, "").await.assert_refused(
            410,
            1000,
            "Token not removed",
            "twice",
        );
    }
    assert_eq!(gateway.count(TOKENS).await, 0, "the row is gone");
    assert_ne!(gateway.token("A-4", FRICTIONLESS, "customer").await, token, "it does not come back");
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_card_that_was_not_paid_with_is_not_kept(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (at, card) in ["4012001037461114", "6799990000000000094", "679999000004"].into_iter().enumerate() {
        let order = keeping(gateway.direct_order(&format!("declined-{at}"), card), "cardOnFile", "customer");
        let answer = gateway.place(&order).await;
        assert_eq!(
            (&answer["status"], &answer["payment_details"]["recurring_id"]),
            (&json!("declined"), &Value::Null)
        );
        assert_eq!(gateway.count(TOKENS).await, 0, "{card}");
    }
    // Kept, and of no use, until the customer has confirmed.
    for (id, end) in [("refused", "N"), ("left", ""), ("cancelled", ""), ("rejected", "Y")] {
        let card = if id == "rejected" { "6799990000000000037" } else { MAESTRO };
        let open = gateway.place(&keeping(gateway.direct_order(id, card), "cardOnFile", "customer")).await;
        assert_eq!(open["payment_details"]["recurring_id"], Value::Null);
        assert_eq!(gateway.count(TOKENS).await, 1);
        let list = gateway.call("GET", "/v1/json/recurring/customer", "").await;
        list.assert_refused(404, 1000, "Not found", id);
        match id {
            "left" => gateway.pass(Millis::hours(1)).await,
            "cancelled" => {
                let body = json!({"status": "cancelled"});
                assert_eq!(gateway.change("/v1/json/orders/cancelled", &body).await.status, 200);
            }
            _ => {
                let bank = gateway.customer().open(open["payment_url"].as_str().unwrap()).await;
                gateway.customer().answer(&bank, end).await;
            }
        }
        if id == "rejected" {
            assert_eq!(gateway.status(id).await, "uncleared/uncleared");
            gateway.pass(Millis::minutes(3)).await;
        }
        assert_eq!(gateway.count(TOKENS).await, 0, "{id}");
    }
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_card_is_checked_and_kept_without_a_payment(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.direct_order("A-1", FRICTIONLESS);
    order["amount"] = json!(0);
    order["customer"]["reference"] = json!("customer");
    let checked = gateway.place(&order).await;
    assert_eq!(
        (&checked["status"], &checked["financial_status"]),
        (&json!("completed"), &json!("completed"))
    );
    assert_eq!((&checked["amount"], &checked["costs"]), (&json!(0), &json!([])));
    let token = token_of(&checked);
    assert_eq!(gateway.tokens("customer").await[0]["token"], json!(token));
    let mut on_page = keeping(gateway.order("A-2"), "subscription", "customer");
    on_page["amount"] = json!(0);
    let on_page = gateway.paid_on_page(&on_page, MAESTRO).await;
    assert_eq!(on_page["financial_status"], "completed");
    assert_eq!(gateway.tokens("customer").await.len(), 2);
    // Checked only, for nobody in particular.
    let mut order = gateway.direct_order("A-3", "4012001038443335");
    order["amount"] = json!(0);
    order["capture"] = json!("manual");
    let checked = gateway.place(&order).await;
    assert_eq!(
        (&checked["financial_status"], &checked["payment_details"]["recurring_id"]),
        (&json!("completed"), &Value::Null)
    );
    gateway.work().await;
    assert!(gateway.audited().await.is_empty(), "no money moved");
    assert_eq!(gateway.place(&with_token(&gateway, "A-4", &token, "customer")).await["status"], "completed");
    gateway.work().await;
    assert!(gateway.audited().await.contains(&"site 1 balance EUR 1000".to_owned()));
}

#[tokio::test]
async fn a_kept_number_is_nowhere_in_the_clear() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let token = gateway.token("A-1", FRICTIONLESS, "customer").await;
    gateway.place(&with_token(&gateway, "A-2", &token, "customer")).await;
    gateway.work().await;
    let written = gateway.written();
    assert!(written.contains(&token) && !written.contains(FRICTIONLESS));
    let sealed = gateway.sql("SELECT hex(sealed), hex(fingerprint) FROM token").await.remove(0);
    let hex: String = FRICTIONLESS.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(sealed[0].len() > 64 && sealed.iter().all(|column| !column.contains(&hex)), "{sealed:?}");
}

#[tokio::test]
async fn what_is_kept_belongs_to_a_customer() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for reference in [Value::Null, json!(""), json!("  ")] {
        let mut order = gateway.direct_order("A-1", FRICTIONLESS);
        order["recurring_model"] = json!("cardOnFile");
        order["customer"]["reference"] = reference;
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        let info = "Invalid customer.reference: is missing: a kept card belongs to a customer";
        answer.assert_refused(400, 1016, info, "no reference");
    }
    // A reference alone keeps nothing.
    let mut order = gateway.direct_order("A-1", FRICTIONLESS);
    order["customer"]["reference"] = json!("customer");
    assert_eq!(gateway.place(&order).await["payment_details"]["recurring_id"], Value::Null);
    assert_eq!(gateway.count(TOKENS).await, 0);
    gateway.work().await;
    gateway.audited().await;
}
