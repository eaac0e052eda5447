//! Direct orders: the shop sends the card, and the answer is the outcome or the way to the customer's bank.

use crate::harness::{Answer, Database, FRICTIONLESS, Gateway, Setup};
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const ORDERS: &str = "/v1/json/orders";
const MAESTRO: &str = "6799990000000000011";
const ATTEMPTS: &str = "SELECT COUNT(*) FROM payment_transaction";
const CHARGES: &str =
    "SELECT COUNT(*) FROM simulator_authorisation WHERE response_code = '00' AND reversed_at IS NULL";

impl Gateway {
    async fn create_once(&self, at: &str, key: &str, order: &Value) -> Answer {
        let headers = [("api_key", self.key.as_str()), ("idempotency-key", key)];
        self.call_at(at, "POST", ORDERS, &headers, &order.to_string()).await
    }
}

fn with(mut order: Value, info: &[(&str, Value)]) -> Value {
    for (key, value) in info {
        match value {
            Value::Null => drop(order["gateway_info"].as_object_mut().unwrap().remove(*key)),
            value => order["gateway_info"][key] = value.clone(),
        }
    }
    order
}

fn pair(order: &Value) -> String {
    format!("{}/{}", order["status"].as_str().unwrap(), order["financial_status"].as_str().unwrap())
}

#[rstest]
#[tokio::test]
async fn a_card_whose_bank_asks_nothing_is_paid_in_the_answer(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut paid = gateway.paid("A/1").await;
    let shown = gateway.read("A/1").await;
    let answer = paid.as_object_mut().unwrap();
    let (thanks, cancelled) = ("/thanks?type=redirect", "/cancelled?type=cancel");
    for (key, url) in [("payment_url", thanks), ("cancel_url", cancelled)] {
        let url = gateway.shop.url(&format!("{url}&transactionid=A%2F1"));
        assert_eq!(answer.remove(key), Some(json!(url)), "{key}");
    }
    assert_eq!(answer.remove("session_id").unwrap().as_str().unwrap().len(), 35);
    assert_eq!(paid, shown, "the whole order, and nothing else");
    assert_eq!(pair(&shown), "completed/completed");
    assert!(shown["transaction_id"].is_i64() && shown["amount_refunded"] == 0, "{shown}");
    let details = &shown["payment_details"];
    assert_eq!((&details["type"], &details["last4"]), (&json!("VISA"), &json!("1111")));
    assert_eq!(details["card_authentication_details"]["flow"], "frictionless");
    assert_eq!((&details["card_verification_result"], &details["recurring_id"]), (&json!("M"), &Value::Null));
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["completed"]);
    assert!(gateway.shop.heard().iter().all(|heard| heard.verified && heard.order == shown));
    assert_eq!(gateway.audited().await, ["site 1 acquirer EUR -1000", "site 1 balance EUR 1000"]);
}

/// Card, gateway, the answer's status, and the status once the customer has confirmed at the bank.
const CARDS: &[(&str, &str, &str, Option<&str>)] = &[
    (FRICTIONLESS, "VISA", "completed", None),
    (FRICTIONLESS, "visa", "completed", None),
    (FRICTIONLESS, "", "completed", None),
    ("4012001038443335", "VISA", "completed", None),
    ("378282246310005", "AMEX", "completed", None),
    ("4012001037461114", "CREDITCARD", "declined", None),
    ("374200000000004", "CREDITCARD", "declined", None),
    ("6799990000000000045", "MAESTRO", "declined", None),
    ("6799990000000000094", "MAESTRO", "declined", None),
    ("679999000004", "MAESTRO", "declined", None),
    (MAESTRO, "MAESTRO", "initialized", Some("completed")),
    ("6759000000005", "MAESTRO", "initialized", Some("completed")),
    ("5500000000000004", "MASTERCARD", "initialized", Some("completed")),
    ("4761340000000019", "VISA", "initialized", Some("completed")),
    ("374500000000015", "AMEX", "initialized", Some("completed")),
    ("4012001038488884", "VISA", "initialized", Some("declined")),
    ("6799990000000000102", "CREDITCARD", "initialized", Some("declined")),
    ("4917300000000008", "VISA", "initialized", Some("uncleared")),
    ("4462000000000003", "CREDITCARD", "initialized", Some("uncleared")),
];

#[rstest]
#[tokio::test]
async fn every_card_ends_as_its_row_says(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    for (at, (card, through, answered, confirmed)) in CARDS.iter().enumerate() {
        let id = format!("order-{at}");
        let mut order = gateway.direct_order(&id, card);
        order["gateway"] = json!(through);
        let answer = gateway.place(&order).await;
        let case = format!("{card} {through}");
        assert_eq!(pair(&answer), format!("{answered}/{answered}"), "{case}");
        let url = answer["payment_url"].as_str().unwrap();
        let door = match *answered {
            "completed" => gateway.shop.url(&format!("/thanks?type=redirect&transactionid={id}")),
            "declined" => gateway.shop.url(&format!("/cancelled?type=cancel&transactionid={id}")),
            _ => url.to_owned(),
        };
        assert_eq!(url, door, "{case}");
        let form = answer.get("customer_verification");
        assert_eq!(form.is_some(), confirmed.is_some(), "{case}: {answer}");
        let Some(confirmed) = confirmed else { continue };
        let form = form.unwrap();
        assert_eq!(form["type"], "form");
        let html = form["html"].as_str().unwrap();
        assert!(html.contains(&format!("action=\"{url}\"")) && !html.contains(card), "{html}");
        let bank = gateway.customer().open(url).await;
        let end = gateway.customer().answer(&bank, "Y").await;
        assert_eq!(pair(&gateway.read(&id).await), format!("{confirmed}/{confirmed}"), "{case}");
        match *confirmed {
            "declined" => assert!(end.has("input[name=card_number]"), "{case}: they may try again here"),
            _ => assert!(end.url.as_str().starts_with(&gateway.shop.url("/thanks?")), "{case}: {end:?}"),
        }
    }
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_open_challenge_is_the_answer_until_it_ends(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.direct_order("A-1", MAESTRO);
    let first = gateway.place(&order).await;
    // The card's code is in no digest: the same request with another one is the same request.
    for cvc in [json!("123"), json!("987"), Value::Null] {
        assert_eq!(gateway.place(&with(order.clone(), &[("card_cvc", cvc)])).await, first);
    }
    assert_eq!(gateway.count(ATTEMPTS).await, 1);
    let bank = gateway.customer().open(first["payment_url"].as_str().unwrap()).await;
    gateway.customer().answer(&bank, "N").await;
    assert_eq!(gateway.status("A-1").await, "declined/declined");

    gateway.clock.advance(Millis(1));
    let second = gateway.place(&order).await;
    assert_eq!(pair(&second), "initialized/initialized");
    assert_ne!(second["transaction_id"], first["transaction_id"]);
    assert_eq!(second["session_id"], first["session_id"]);
    gateway.clock.advance(Millis(1));
    let third = gateway.place(&gateway.direct_order("A-1", "5500000000000004")).await;
    assert_ne!(third["transaction_id"], second["transaction_id"]);
    assert_eq!(gateway.count(ATTEMPTS).await, 3);
    // The bank's page of the attempt before is over.
    let over = gateway.customer().open(second["payment_url"].as_str().unwrap()).await;
    assert!(!over.has("select[name=transStatus]"), "{over:?}");
    let bank = gateway.customer().open(third["payment_url"].as_str().unwrap()).await;
    gateway.customer().answer(&bank, "Y").await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    for card in ["5500000000000004", FRICTIONLESS] {
        let again = gateway.call("POST", ORDERS, &gateway.direct_order("A-1", card).to_string()).await;
        let info = "Invalid order_id: \"A-1\" already has a paid transaction";
        again.assert_refused(409, 1006, info, card);
    }
    assert_eq!((gateway.count(ATTEMPTS).await, gateway.count(CHARGES).await), (3, 1));
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_card_that_was_forgotten_is_there_again_when_the_shop_asks_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for id in ["asked again", "left"] {
        gateway.place(&gateway.direct_order(id, MAESTRO)).await;
    }
    let gateway = gateway.restart().await;
    let again = gateway.place(&gateway.direct_order("asked again", MAESTRO)).await;
    assert_eq!(again["status"], "initialized");
    // The process before is gone, and its address with it.
    for (id, status) in [("asked again", "completed/completed"), ("left", "declined/declined")] {
        let session = gateway.sql(&format!("SELECT id FROM session WHERE order_id = '{id}'")).await.remove(0);
        let transaction = gateway.read(id).await["transaction_id"].to_string();
        let bank = format!("{}/simulator/acs/{}/{transaction}", gateway.url, session[0]);
        let bank = gateway.customer().open(&bank).await;
        gateway.customer().answer(&bank, "Y").await;
        assert_eq!(gateway.status(id).await, status, "{id}");
    }
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_card_of_the_shop_never_pays_for_what_the_customer_began_with_another(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.direct_order("A-1", "4012001037461114");
    let declined = gateway.place(&order).await;
    gateway.clock.advance(Millis(1));
    let page = format!("/connect/{}/?lang=en", declined["session_id"].as_str().unwrap());
    let bank = gateway.customer().pay_with(&page, MAESTRO).await;
    let begun = gateway.read("A-1").await["transaction_id"].clone();
    // The customer's card is gone with its process; the shop's is not put in its place.
    let gateway = gateway.restart().await;
    let again = gateway.place(&order).await;
    assert_eq!((&again["transaction_id"], &again["payment_details"]["last4"]), (&begun, &json!("0011")));
    gateway.customer().submit(bank.url.path(), &[("transStatus", "Y")]).await;
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 0);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_declined_card_can_be_sent_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let declined = gateway.direct_order("A-1", "4012001037461114");
    let first = gateway.place(&declined).await;
    assert_eq!((pair(&first).as_str(), first["reason_code"].as_str()), ("declined/declined", Some("3001")));
    gateway.clock.advance(Millis(1));
    let second = gateway.place(&declined).await;
    assert_ne!(second["transaction_id"], first["transaction_id"]);
    let paid = gateway.paid("A-1").await;
    assert_eq!(paid["transaction_id"], gateway.read("A-1").await["transaction_id"]);
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["completed"]);
    gateway.audited().await;
}

/// Card, what is said in `gateway_info`, and whether the customer is authenticated.
#[rstest]
#[case("4761340000000019", "moto", json!(true), false)]
#[case("4761340000000019", "moto", json!("1"), false)]
#[case("4761340000000019", "moto", json!(false), true)]
#[case("4761340000000019", "flexible_3d", json!(false), false)]
#[case("4761340000000019", "flexible_3d", json!(true), true)]
#[case("374500000000015", "flexible_3d", json!(0), false)]
#[case("5500000000000004", "moto", json!(1), false)]
#[case(MAESTRO, "flexible_3d", json!(false), true)]
#[tokio::test]
async fn a_customer_is_asked_unless_the_shop_may_say_no(
    #[case] card: &str,
    #[case] key: &str,
    #[case] value: Value,
    #[case] asked: bool,
) {
    let gateway = Gateway::start(Database::Sqlite).await;
    let answer = gateway.place(&with(gateway.direct_order("A-1", card), &[(key, value)])).await;
    assert_eq!(answer["status"], if asked { "initialized" } else { "completed" });
    assert_eq!(answer["customer_verification"].is_object(), asked);
    assert_eq!(answer["payment_details"]["card_authentication_result"], Value::Null, "nobody was asked yet");
    gateway.work().await;
    gateway.audited().await;
}

/// Status, code and text.
type Refusal = (u16, u32, &'static str);

/// Members of `gateway_info`, with what is written there.
type Members = &'static [(&'static str, &'static str)];

/// Card, members of `gateway_info`, and the refusal; nothing when it is taken.
#[rustfmt::skip]
const INFO: &[(&str, Members, Option<Refusal>)] = &[
    (FRICTIONLESS, &[("card_expiry_date", "3512")], None),
    (FRICTIONLESS, &[("card_expiry_date", r#"" 3512 ""#)], None),
    (FRICTIONLESS, &[("card_cvc", "null"), ("cvc", r#""123""#)], None),
    (FRICTIONLESS, &[("card_cvc", "123"), ("cvc", r#""123""#)], None),
    (FRICTIONLESS, &[("card_cvc", r#""""#), ("cvc", "123")], None),
    (FRICTIONLESS, &[("card_number", r#""4111 1111 1111 1111""#)], None),
    (FRICTIONLESS, &[("card_number", "4111111111111111")], None),
    (FRICTIONLESS, &[("term_url", r#""https://shop.example/""#), ("payment_token", r#""""#)], None),
    (MAESTRO, &[("card_cvc", "null")], None),
    ("5500000000000004", &[("card_cvc", "null"), ("moto", "true")], None),
    (FRICTIONLESS, &[("card_cvc", "null")], Some((400, 1016, "Invalid gateway_info.card_cvc: is missing"))),
    (FRICTIONLESS, &[("card_cvc", r#""""#)], Some((400, 1016, "Invalid gateway_info.card_cvc: is missing"))),
    (FRICTIONLESS, &[("card_cvc", r#""12""#)], Some((400, 1016, "Invalid gateway_info.card_cvc: must be the 3 digits on the card"))),
    (FRICTIONLESS, &[("card_cvc", r#""1234""#)], Some((400, 1016, "Invalid gateway_info.card_cvc: must be the 3 digits on the card"))),
    (FRICTIONLESS, &[("card_cvc", r#""12a""#)], Some((400, 1016, "Invalid gateway_info.card_cvc: must be the 3 digits on the card"))),
    (FRICTIONLESS, &[("card_cvc", "[1]")], Some((400, 1016, "Invalid gateway_info.card_cvc: must be text"))),
    ("374500000000015", &[("card_cvc", r#""123""#)], Some((400, 1016, "Invalid gateway_info.card_cvc: must be the 4 digits on the card"))),
    (MAESTRO, &[("card_cvc", r#""1""#)], Some((400, 1016, "Invalid gateway_info.card_cvc: must be the 3 digits on the card"))),
    (MAESTRO, &[("moto", "true")], Some((400, 1021, "Invalid gateway_info.moto: is not offered with Maestro, whose cards are always authenticated"))),
    (FRICTIONLESS, &[("moto", "2")], Some((400, 1016, "Invalid gateway_info.moto: must be true or false"))),
    (FRICTIONLESS, &[("flexible_3d", r#""x""#)], Some((400, 1016, "Invalid gateway_info.flexible_3d: must be true or false"))),
    (FRICTIONLESS, &[("card_expiry_date", r#""3513""#)], Some((400, 1016, "Invalid gateway_info.card_expiry_date: must be the card's year and month, YYMM"))),
    (FRICTIONLESS, &[("card_expiry_date", r#""12/35""#)], Some((400, 1016, "Invalid gateway_info.card_expiry_date: must be the card's year and month, YYMM"))),
    (FRICTIONLESS, &[("card_expiry_date", "null")], Some((400, 1016, "Invalid gateway_info.card_expiry_date: must be the card's year and month, YYMM"))),
    (FRICTIONLESS, &[("card_holder_name", r#"" ""#)], Some((400, 1016, "Invalid gateway_info.card_holder_name: must be the name on the card"))),
    (FRICTIONLESS, &[("card_holder_name", r#""4111111111111111""#)], Some((400, 1016, "Invalid gateway_info.card_holder_name: must be the name on the card"))),
    (FRICTIONLESS, &[("card_number", "null")], Some((400, 1016, "Invalid gateway_info.card_number: is missing"))),
    (FRICTIONLESS, &[("card_number", r#""4111111111111112""#)], Some((400, 1016, "Invalid gateway_info.card_number: must be a card number of 12 to 19 digits"))),
    (FRICTIONLESS, &[("card_number", r#""6011000000000004""#)], Some((400, 1016, "Invalid gateway_info.card_number: is of no card that is taken here"))),
    (FRICTIONLESS, &[("card_number", "{}")], Some((400, 1016, "Invalid gateway_info.card_number: must be text"))),
];

#[tokio::test]
async fn card_data_is_taken_in_every_form_clients_write_it_and_refused_without_being_repeated() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (at, (card, info, refused)) in INFO.iter().enumerate() {
        let id = format!("order-{at}");
        let info: Vec<(&str, Value)> =
            info.iter().map(|(key, value)| (*key, serde_json::from_str(value).unwrap())).collect();
        let order = with(gateway.direct_order(&id, card), &info);
        let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
        match refused {
            None => assert_eq!(answer.status, 200, "{info:?}: {}", answer.text),
            Some((status, code, text)) => {
                answer.assert_refused(*status, *code, text, &format!("{info:?}"));
                assert_eq!(gateway.call("GET", &crate::harness::path(&id), "").await.status, 404);
            }
        }
        assert!(!answer.text.contains(card), "{}", answer.text);
    }
    let mut order = gateway.direct_order("A-1", FRICTIONLESS);
    order["gateway"] = json!("MAESTRO");
    let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
    let info = "Invalid gateway_info.card_number: is of another card than the gateway";
    answer.assert_refused(400, 1016, info, "another brand");
    gateway.work().await;
    gateway.audited().await;
}

#[tokio::test]
async fn a_live_site_may_not_send_cards_and_has_no_simulator() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.paid("A-1").await;
    gateway.sql("UPDATE site SET live_since = 1").await;
    let mut order = gateway.direct_order("A-2", FRICTIONLESS);
    order["payment_options"] = json!({});
    let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
    let info = "Invalid type: direct needs a token: this site may not send card data";
    answer.assert_refused(400, 1021, info, "direct");
    for route in ["chargeback", "dispute", "review"] {
        let answer = gateway.call("POST", &format!("/v1/json/simulator/orders/A-1/{route}"), "{}").await;
        answer.assert_refused(404, 1000, "Not found", route);
    }
}

#[rstest]
#[tokio::test]
async fn an_answer_is_replayed_byte_for_byte_also_by_the_next_process(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let (paid, asked) = (gateway.direct_order("paid", FRICTIONLESS), gateway.direct_order("asked", MAESTRO));
    let first = gateway.create_once(&gateway.url, "key 1", &paid).await;
    let challenge = gateway.create_once(&gateway.url, "key 2", &asked).await;
    assert_eq!((first.status, challenge.status), (200, 200), "{} {}", first.text, challenge.text);
    gateway.pass(Millis::hours(1)).await;
    let gateway = gateway.restart().await;
    for (key, order, before) in [("key 1", &paid, &first), ("key 2", &asked, &challenge)] {
        let again = gateway.create_once(&gateway.url, key, order).await;
        assert_eq!((again.status, &again.text), (200, &before.text));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        let other = with(order.clone(), &[("card_number", json!("4761340000000019"))]);
        assert_eq!(gateway.create_once(&gateway.url, key, &other).await.status, 422);
    }
    assert_eq!(gateway.count(CHARGES).await, 1);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_paid_order_is_the_answer_when_the_first_one_was_lost(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let order = gateway.direct_order("A-1", FRICTIONLESS);
    let first = gateway.create_once(&gateway.url, "key", &order).await;
    // As if the process had died between the payment and its answer.
    gateway.sql("DELETE FROM idempotent_answer").await;
    let mut dearer = order.clone();
    dearer["amount"] = json!(2000);
    let info = "Invalid order_id: \"A-1\" already has a paid transaction";
    gateway.create_once(&gateway.url, "key", &dearer).await.assert_refused(409, 1006, info, "another amount");
    gateway.call("POST", ORDERS, &order.to_string()).await.assert_refused(409, 1006, info, "without a key");
    let again = gateway.create_once(&gateway.url, "key", &order).await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(gateway.count(CHARGES).await, 1);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_crowd_with_one_order_at_two_nodes_is_charged_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(None, Some("key"))] key: Option<&str>,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    let order = gateway.direct_order("A-1", FRICTIONLESS);
    let ask = |at: usize| {
        let url = if at.is_multiple_of(2) { gateway.url.as_str() } else { twin.as_str() };
        let order = &order;
        let gateway = &gateway;
        async move {
            match key {
                Some(key) => gateway.create_once(url, key, order).await,
                None => {
                    let key = [("api_key", gateway.key.as_str())];
                    gateway.call_at(url, "POST", ORDERS, &key, &order.to_string()).await
                }
            }
        }
    };
    let answers = join_all((0..12).map(ask)).await;
    let paid = gateway.read("A-1").await["transaction_id"].clone();
    let mut told = 0;
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
        if answer.status == 200 {
            told += 1;
            assert_eq!(answer.json["data"]["transaction_id"], paid, "{}", answer.text);
            assert_eq!(answer.json["data"]["status"], "completed", "{}", answer.text);
        }
    }
    assert!(told >= 1, "{answers:?}");
    if key.is_some() {
        let done: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(done.iter().all(|answer| answer.text == done[0].text), "byte for byte the same");
        let first = done.iter().filter(|answer| !answer.headers.contains_key("idempotent-replayed"));
        assert_eq!(first.count(), 1);
    }
    assert_eq!((gateway.count(ATTEMPTS).await, gateway.count(CHARGES).await), (1, 1));
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_acquirer_that_does_not_answer_leaves_the_order_open_until_it_is_asked(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let setup = Setup {
        answer_within: Millis(50),
        page_wait: std::time::Duration::from_millis(50),
        ..Setup::default()
    };
    let gateway = Gateway::start_as(database, setup).await;
    // Its answers get lost, so that the first payment is found by an inquiry.
    let mut order = gateway.order("A-1");
    order["recurring_model"] = json!("cardOnFile");
    order["customer"]["reference"] = json!("customer");
    gateway.paid_on_page(&order, "6799990000000000078").await;
    let mut token = json!(null);
    // A busy machine may answer an inquiry too late as well.
    for _ in 0..10 {
        gateway.pass(Millis::minutes(1)).await;
        token = gateway.read("A-1").await["payment_details"]["recurring_id"].clone();
        if token.is_string() {
            break;
        }
    }
    assert!(token.is_string(), "{token}");
    let mut order = gateway.order("A-2");
    order["type"] = json!("direct");
    order["recurring_id"] = token;
    let open = gateway.place(&order).await;
    assert_eq!(pair(&open), "initialized/initialized");
    let back = open["payment_url"].as_str().unwrap();
    let page = gateway.customer().open(&format!("{back}?lang=en")).await;
    assert_eq!(page.text("h1"), "Your payment is being checked");
    // The same request again is answered by the same attempt; another one may not begin a second.
    assert_eq!(gateway.place(&order).await["transaction_id"], open["transaction_id"]);
    let other = gateway.call("POST", ORDERS, &gateway.direct_order("A-2", FRICTIONLESS).to_string()).await;
    other.assert_refused(409, 1006, "Order A-2 has a payment in progress", "another card");
    gateway.pass(Millis::seconds(10)).await;
    assert_eq!(gateway.status("A-2").await, "completed/completed");
    assert!(gateway.customer().open(back).await.url.as_str().starts_with(&gateway.shop.url("/thanks?")));
    assert_eq!(gateway.count(CHARGES).await, 2);
    gateway.audited().await;
}

#[tokio::test]
async fn a_sent_card_is_nowhere_in_the_database_in_the_clear() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.direct_order("A-1", "4761340000000019");
    order["gateway_info"]["card_cvc"] = json!("907");
    let challenge = gateway.create_once(&gateway.url, "key", &order).await;
    gateway.paid("A-2").await;
    gateway.work().await;
    let bank = gateway.customer().open(challenge.json["data"]["payment_url"].as_str().unwrap()).await;
    gateway.customer().answer(&bank, "Y").await;
    let mut kept = gateway.written();
    assert!(kept.contains("A. Customer"), "what may be kept is seen");
    kept.push_str(&challenge.text);
    for heard in gateway.shop.heard() {
        kept.push_str(&heard.body);
    }
    for secret in ["4761340000000019", FRICTIONLESS, "\"907\"", "card_cvc", "card_number"] {
        assert!(!kept.contains(secret), "{secret}");
    }
}
