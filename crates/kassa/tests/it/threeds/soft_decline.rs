//! A card that is charged without its customer's authentication, and a bank that wants that after all.

use super::*;
use crate::harness::Answer;
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;

const ORDERS: &str = "/v1/json/orders";
/// Paid with 3-D Secure only, and how their banks say so.
const VISA: &str = "4761340000000027";
const MASTERCARD: &str = "5500000000000012";
/// Refused with and without.
const STUBBORN: &str = "4761340000000035";
const ATTEMPTS: &str = "SELECT COUNT(*) FROM payment_transaction";

/// An order whose shop wants nobody to be authenticated.
fn unasked(gateway: &Gateway, id: &str, card: &str) -> Value {
    let mut order = gateway.direct_order(id, card);
    order["gateway_info"]["flexible_3d"] = json!(false);
    order
}

impl Gateway {
    /// Follows the answer of a direct order to the bank's page, as a browser with scripts does.
    async fn to_bank(&self, answer: &Value) -> Page {
        let method = self.customer().open(answer["payment_url"].as_str().unwrap()).await;
        assert!(method.has("#proceed"), "{method:?}");
        let relay = self.proceed(&method).await;
        self.at_issuer(&relay).await
    }

    /// Answers the bank's page and carries that back; where the customer is then.
    async fn confirm(&self, bank: &Page, chosen: &str) -> Page {
        let last = self.customer().submit(&bank.action(), &[("transStatus", chosen)]).await;
        self.back_from_issuer(&last).await
    }

    /// State, raw answer and public code of every attempt, oldest first.
    async fn attempts(&self) -> Vec<String> {
        let sql = "SELECT state || ' ' || COALESCE(response_code, '-') || ' ' || COALESCE(CAST(decline_code AS TEXT), '-') \
                   FROM payment_transaction ORDER BY created_at";
        self.sql(sql).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// What the host has answered to authorisations, in any order.
    async fn answered(&self) -> Vec<String> {
        let rows = self.sql("SELECT response_code FROM simulator_authorisation ORDER BY response_code").await;
        rows.into_iter().map(|mut row| row.remove(0)).collect()
    }

    async fn sealed(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM authentication WHERE sealed IS NOT NULL").await
    }
}

fn reason(order: &Value) -> (&str, &str) {
    (order["reason_code"].as_str().unwrap_or_default(), order["reason"].as_str().unwrap_or_default())
}

#[rstest]
#[tokio::test]
async fn the_customer_is_asked_then_and_has_paid(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values((VISA, "1A", "05"), (MASTERCARD, "65", "02"))] (card, code, eci): (&str, &str, &str),
) {
    let gateway = Gateway::start(database).await;
    let answer = gateway.place(&unasked(&gateway, "A-1", card)).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("initialized"), &Value::Null), "{answer}");
    let url = answer["payment_url"].as_str().unwrap();
    assert!(url.contains("/3ds/"), "{url}");
    let form = &answer["customer_verification"];
    assert!(form["html"].as_str().unwrap().contains(&format!("action=\"{url}\"")), "{form}");
    assert_eq!(gateway.attempts().await, [format!("declined {code} 4004"), "authenticating - -".to_owned()]);
    assert_eq!(gateway.sealed().await, 1);
    gateway.work().await;
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");

    let bank = gateway.to_bank(&answer).await;
    let wished = gateway.sql("SELECT content FROM simulator_challenge").await.remove(0).remove(0);
    assert!(wished.contains(r#""wished":["04"]"#), "a challenge is mandated: {wished}");
    let end = gateway.confirm(&bank, "Y").await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "{end:?}");
    let order = gateway.read("A-1").await;
    assert_eq!(
        (&order["status"], &order["transaction_id"]),
        (&json!("completed"), &answer["transaction_id"])
    );
    let result = &order["payment_details"]["card_authentication_result"];
    assert_eq!((&result["status"], &result["eci"]), (&json!("Y"), &json!(eci)));
    assert_eq!(
        (gateway.answered().await, gateway.sealed().await),
        (vec!["00".to_owned(), code.to_owned()], 0)
    );
    assert_eq!(gateway.attempts().await, [format!("declined {code} 4004"), "completed 00 -".to_owned()]);
    let listed = gateway.call("GET", "/v1/json/transactions?order_id=A-1", "").await;
    let listed = listed.json["data"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|one| one["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, ["completed", "declined"], "newest first");
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"]);
    assert_eq!(gateway.audited().await, ["site 1 acquirer EUR -1000", "site 1 balance EUR 1000"]);
}

#[rstest]
#[tokio::test]
async fn who_is_not_authenticated_then_is_declined_then(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(("N", "3001"), ("cancel", "4999"), ("U", "3001"))] (chosen, code): (&str, &str),
) {
    let gateway = Gateway::start(database).await;
    let answer = gateway.place(&unasked(&gateway, "A-1", VISA)).await;
    gateway.work().await;
    let bank = gateway.to_bank(&answer).await;
    let end = gateway.confirm(&bank, chosen).await;
    assert!(end.has(".notice[role=alert]") && end.has("input[name=card_number]"), "told, and may try again");
    let order = gateway.read("A-1").await;
    assert_eq!((&order["status"], reason(&order).0), (&json!("declined"), code));
    assert_eq!((gateway.count(ATTEMPTS).await, gateway.answered().await), (2, vec!["1A".to_owned()]));
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["initialized", "declined"]);
    assert_eq!(gateway.sealed().await, 0);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_bank_that_wants_it_again_has_declined(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let answer = gateway.place(&unasked(&gateway, "A-1", STUBBORN)).await;
    assert_eq!(answer["status"], "initialized");
    gateway.work().await;
    let bank = gateway.to_bank(&answer).await;
    gateway.confirm(&bank, "Y").await;
    let order = gateway.read("A-1").await;
    assert_eq!(order["status"], "declined", "{order}");
    assert_eq!(reason(&order), ("4999", "Additional customer authentication required"));
    gateway.pass(Millis::hours(2)).await;
    assert_eq!(gateway.attempts().await, ["declined 1A 4004", "declined 1A 4999"]);
    assert_eq!(gateway.answered().await, ["1A", "1A"], "tried twice, and not again");
    assert_eq!(gateway.shop.statuses(), ["initialized", "declined"]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn where_nobody_can_be_asked_it_is_a_decline(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let required = ("4999", "Additional customer authentication required");
    // By mail or telephone.
    let mut order = gateway.direct_order("moto", MASTERCARD);
    order["gateway_info"]["moto"] = json!(true);
    let declined = gateway.place(&order).await;
    assert_eq!((&declined["status"], reason(&declined)), (&json!("declined"), required), "{declined}");
    assert_eq!(declined.get("customer_verification"), None);
    assert_eq!(declined["payment_details"]["response_code"], "65");
    // With a card that was kept while the customer was there.
    let mut first = gateway.order("first");
    (first["gateway"], first["recurring_model"]) = (json!("VISA"), json!("subscription"));
    first["customer"]["reference"] = json!("customer");
    let first = gateway.paid_on_page(&first, VISA).await;
    let mut later = gateway.order("later");
    (later["type"], later["gateway"]) = (json!("direct"), json!("VISA"));
    later["recurring_id"] = first["payment_details"]["recurring_id"].clone();
    let declined = gateway.place(&later).await;
    assert_eq!((&declined["status"], reason(&declined)), (&json!("declined"), required), "{declined}");
    // A customer who was asked, by a Maestro card's bank: always before anything is charged.
    let asked = gateway.place(&unasked(&gateway, "maestro", "6799990000000000177")).await;
    let bank = gateway.customer().open(asked["payment_url"].as_str().unwrap()).await;
    gateway.customer().answer(&bank, "Y").await;
    let declined = gateway.read("maestro").await;
    assert_eq!((&declined["status"], reason(&declined)), (&json!("declined"), required), "{declined}");
    assert_eq!(gateway.count(ATTEMPTS).await, 4, "one each");
    assert_eq!(gateway.sealed().await, 0);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_crowd_with_one_order_and_an_impatient_browser_are_one_second_try(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let twin = gateway.twin_url().await;
    let order = unasked(&gateway, "A-1", VISA).to_string();
    let key = [("api_key", gateway.key.as_str())];
    let ask = |at: usize| {
        let url = if at.is_multiple_of(2) { &gateway.url } else { &twin };
        gateway.call_at(url, "POST", ORDERS, &key, &order)
    };
    let answers: Vec<Answer> = join_all((0..12).map(ask)).await;
    let second = gateway.read("A-1").await["transaction_id"].clone();
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let data = &answer.json["data"];
        assert_eq!((&data["transaction_id"], &data["status"]), (&second, &json!("initialized")), "{data}");
        assert!(data["payment_url"].as_str().unwrap().contains(&format!("/3ds/{second}")), "{data}");
    }
    assert_eq!(gateway.attempts().await, ["declined 1A 4004", "authenticating - -"]);

    let method = gateway.customer().open(answers[0].json["data"]["payment_url"].as_str().unwrap()).await;
    let pages = join_all((0..6).map(|_| gateway.proceed(&method))).await;
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_challenge").await, 1, "the bank was asked once");
    let relay = pages.iter().find(|page| page.has("input[name=creq]")).expect("one of them goes on");
    let bank = gateway.at_issuer(relay).await;
    let last = gateway.customer().submit(&bank.action(), &[("transStatus", "Y")]).await;
    let ends = join_all((0..6).map(|_| gateway.back_from_issuer(&last))).await;
    assert!(ends.iter().all(|end| end.outcome.as_deref() == Some("paid")), "{ends:?}");
    assert_eq!((gateway.answered().await, gateway.charged().await), (vec!["00".into(), "1A".into()], 1));
    assert_eq!(gateway.count(ATTEMPTS).await, 2);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_restart_loses_no_step_of_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let answer = gateway.place(&unasked(&gateway, "A-1", VISA)).await;
    let path = url::Url::parse(answer["payment_url"].as_str().unwrap()).unwrap().path().to_owned();
    let gateway = gateway.restart().await;
    let method = gateway.customer().open(&path).await;
    let gateway = gateway.restart().await;
    let relay = gateway.customer().submit(&method.action(), &[]).await;
    let gateway = gateway.restart().await;
    let bank = gateway.at_issuer(&relay).await;
    let gateway = gateway.restart().await;
    let end = gateway.confirm(&bank, "Y").await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "{end:?}");
    assert_eq!(gateway.attempts().await, ["declined 1A 4004", "completed 00 -"]);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn an_answer_that_another_process_finds_leads_there_too(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let setup = Setup { answer_within: Millis(50), page_wait: Duration::from_millis(50), ..Setup::default() };
    let gateway = Gateway::start_as(database, setup).await;
    let fault = json!({ "faults": [{ "kind": "no_answer", "next": 1, "on": "0100" }] });
    assert_eq!(gateway.call("POST", "/v1/json/simulator/faults", &fault.to_string()).await.status, 200);
    let answer = gateway.place(&unasked(&gateway, "A-1", VISA)).await;
    assert_eq!(answer["status"], "initialized");
    let waits = url::Url::parse(answer["payment_url"].as_str().unwrap()).unwrap().path().to_owned();
    assert!(waits.contains("/return/"), "{waits}");
    let gateway = gateway.restart().await;
    // A busy machine may answer an inquiry too late as well.
    for _ in 0..10 {
        gateway.pass(Millis::minutes(1)).await;
        if gateway.count(ATTEMPTS).await == 2 {
            break;
        }
    }
    assert_eq!(gateway.attempts().await, ["declined 1A 4004", "authenticating - -"]);
    let method = gateway.customer().open(&waits).await;
    assert!(method.has("#proceed"), "the page that waited leads on: {method:?}");
    let bank = gateway.at_issuer(&gateway.proceed(&method).await).await;
    gateway.confirm(&bank, "Y").await;
    for _ in 0..10 {
        if gateway.status("A-1").await == "completed/completed" {
            break;
        }
        gateway.pass(Millis::minutes(1)).await;
    }
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(gateway.charged().await, 1);
    let over = gateway.customer().open(&waits).await;
    assert_eq!(over.outcome.as_deref(), Some("paid"), "{over:?}");
    gateway.work().await;
    assert!(!gateway.shop.statuses().contains(&"declined".to_owned()), "{:?}", gateway.shop.statuses());
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_customer_who_never_comes_lets_it_expire(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.place(&unasked(&gateway, "A-1", VISA)).await;
    gateway.work().await;
    gateway.pass(Millis(Millis::hours(1).0 + 1)).await;
    assert_eq!(gateway.status("A-1").await, "expired/expired");
    assert_eq!(
        (gateway.shop.statuses(), gateway.sealed().await),
        (vec!["initialized".into(), "expired".into()], 0)
    );
    // The next card is another attempt, and may be tried twice as well.
    gateway.clock.advance(Millis(1));
    let again = gateway.place(&unasked(&gateway, "A-1", MASTERCARD)).await;
    assert_eq!(again["status"], "initialized", "{again}");
    let bank = gateway.to_bank(&again).await;
    gateway.confirm(&bank, "Y").await;
    assert_eq!(
        (gateway.status("A-1").await.as_str(), gateway.count(ATTEMPTS).await),
        ("completed/completed", 4)
    );
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_card_that_is_kept_is_kept_once_it_has_paid(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = unasked(&gateway, "A-1", VISA);
    order["recurring_model"] = json!("cardOnFile");
    order["customer"]["reference"] = json!("customer");
    let answer = gateway.place(&order).await;
    let tokens = "/v1/json/recurring/customer";
    assert_eq!(gateway.call("GET", tokens, "").await.status, 404, "not yet");
    let bank = gateway.to_bank(&answer).await;
    gateway.confirm(&bank, "Y").await;
    let kept = gateway.call("GET", tokens, "").await;
    assert_eq!(kept.json["data"]["tokens"].as_array().map(Vec::len), Some(1), "{}", kept.text);
    let token = &kept.json["data"]["tokens"][0]["token"];
    assert_eq!(&gateway.read("A-1").await["payment_details"]["recurring_id"], token);
    gateway.work().await;
    gateway.audited().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_a_browser_gets_there_too() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (id, outcome, code, status) in
        [("yes", "Y", 0, "completed/completed"), ("no", "N", 2, "declined/declined")]
    {
        let answer = gateway.place(&unasked(&gateway, id, VISA)).await;
        let pay = ["pay", answer["payment_url"].as_str().unwrap(), "--outcome", outcome];
        let ran = tokio::task::block_in_place(|| gateway.command(&pay));
        assert_eq!((ran.code, gateway.status(id).await.as_str()), (Some(code), status), "{ran:?}");
    }
}

#[tokio::test]
async fn a_card_that_waits_for_a_second_try_is_nowhere_in_the_clear() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = unasked(&gateway, "A-1", VISA);
    order["gateway_info"]["card_cvc"] = json!("907");
    let answer = gateway.place(&order).await;
    let written = gateway.written();
    assert!(written.contains("A. Customer"), "what may be kept is seen");
    for secret in [VISA, "\"907\"", "card_cvc", "card_number"] {
        assert!(!written.contains(secret) && !answer.to_string().contains(secret), "{secret}");
    }
    // One that is paid at once is not kept for later.
    gateway.place(&unasked(&gateway, "A-2", "4761340000000019")).await;
    assert_eq!((gateway.status("A-2").await.as_str(), gateway.sealed().await), ("completed/completed", 1));
}
