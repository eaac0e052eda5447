//! Chargebacks, as a test site's simulator makes them: evidence, acceptance, and how a dispute ends.

use crate::harness::{Answer, Database, Gateway, path};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7 a delivery note";

impl Gateway {
    async fn simulate(&self, id: &str, what: &str, body: &Value) -> Answer {
        self.call("POST", &format!("/v1/json/simulator/orders/{id}/{what}"), &body.to_string()).await
    }

    /// The PSP id of a new chargeback.
    async fn charge_back(&self, id: &str, body: &Value) -> Value {
        let answer = self.simulate(id, "chargeback", body).await;
        assert_eq!((answer.status, &answer.json["data"]["order_id"]), (200, &json!(id)), "{}", answer.text);
        answer.json["data"]["chargeback_id"].clone()
    }

    async fn decide(&self, id: &str, outcome: &str) {
        let answer = self.simulate(id, "dispute", &json!({"outcome": outcome})).await;
        assert_eq!((answer.status, &answer.json["data"]), (200, &json!({})), "{outcome}: {}", answer.text);
    }

    /// Status pair, what is related, and the dispute's own words.
    async fn dispute(&self, id: &str) -> String {
        let order = self.read(id).await;
        let entries = order["related_transactions"].as_array().unwrap();
        let disputes = entries.iter().filter_map(|entry| entry["dispute"]["status"].as_str());
        let disputes = disputes.collect::<Vec<_>>().join(" ");
        format!("{} [{}] {disputes}", self.status(id).await, self.related(id).await.join(", "))
    }
}

fn evidence(kind: &str, content: &[u8]) -> Value {
    json!({
        "type": kind, "name": "note.pdf", "description": "It was delivered",
        "base64": BASE64_STANDARD.encode(content),
    })
}

#[rstest]
#[tokio::test]
async fn a_chargeback_takes_the_money_and_says_why_and_until_when(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let paid = gateway.paid("A-1").await;
    gateway.work().await;
    let id = gateway.charge_back("A-1", &json!({})).await;
    assert_eq!(gateway.dispute("A-1").await, "chargedback/completed [chargeback reserved 1000] new");
    let order = gateway.read("A-1").await;
    let entry = &order["related_transactions"][0];
    let dispute = json!({
        "merchant_response_date": "2026-12-15T13:00:00", "reason_code": "10.4",
        "reason_description": "Fraud", "status": "new",
    });
    assert_eq!((&entry["dispute"], &entry["transaction_id"]), (&dispute, &id));
    assert_eq!(entry["reference_transaction_id"], paid["transaction_id"]);
    assert_eq!(order["amount_refunded"], 0);
    gateway.work().await;
    assert_eq!(gateway.shop.statuses(), ["completed", "chargedback"]);
    let told = gateway.shop.heard().pop().unwrap();
    assert!(told.verified && told.order == order);
    assert_eq!(gateway.audited().await, ["site 1 acquirer EUR 0", "site 1 balance EUR 0"]);
    for (what, body, status, code, info) in [
        (
            "refunds",
            json!({"currency": "EUR"}),
            409,
            1034,
            "Cannot refund order A-1: the customer's bank has taken the money back already",
        ),
        ("capture", json!({}), 409, 1006, "Order A-1 has no authorisation to capture or cancel"),
    ] {
        gateway.ask("A-1", what, &body).await.assert_refused(status, code, info, what);
    }
    let more = gateway.simulate("A-1", "chargeback", &json!({"amount": 1})).await;
    more.assert_refused(
        409,
        1034,
        "Cannot refund order A-1: the amount is more than what is left of it",
        "more",
    );
}

/// What happens to the dispute, and how the order stands then. `days` pass; the last of them to the millisecond.
#[rustfmt::skip]
const DISPUTES: &[&[(&str, &str)]] = &[
    &[("accept", "chargedback/completed [chargeback completed 1000] accepted"), ("days 30", "chargedback/completed [chargeback completed 1000] accepted")],
    &[("files", "chargedback/completed [chargeback reserved 1000] submitted"), ("days 30", "chargedback/completed [chargeback reserved 1000] submitted"), ("won", "completed/completed [chargeback completed 1000, reverse-chargeback completed 1000] closed")],
    &[("files", "chargedback/completed [chargeback reserved 1000] submitted"), ("lost", "chargedback/completed [chargeback completed 1000] closed")],
    &[("won", "completed/completed [chargeback completed 1000, reverse-chargeback completed 1000] closed")],
    &[("lost", "chargedback/completed [chargeback completed 1000] closed")],
    &[("days 22", "chargedback/completed [chargeback reserved 1000] new"), ("days 1", "chargedback/completed [chargeback completed 1000] accepted")],
    &[("days 10", "chargedback/completed [chargeback reserved 1000] new"), ("files", "chargedback/completed [chargeback reserved 1000] submitted"), ("more", "chargedback/completed [chargeback reserved 1000] ready"), ("days 22", "chargedback/completed [chargeback reserved 1000] ready"), ("files", "chargedback/completed [chargeback reserved 1000] submitted"), ("days 30", "chargedback/completed [chargeback reserved 1000] submitted"), ("lost", "chargedback/completed [chargeback completed 1000] closed")],
    &[("files", "chargedback/completed [chargeback reserved 1000] submitted"), ("more", "chargedback/completed [chargeback reserved 1000] ready"), ("days 23", "chargedback/completed [chargeback completed 1000] accepted")],
    &[("files", "chargedback/completed [chargeback reserved 1000] submitted"), ("accept", "chargedback/completed [chargeback completed 1000] accepted")],
];

#[rstest]
#[tokio::test]
async fn every_dispute_ends_as_its_last_turn_says(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (at, turns) in DISPUTES.iter().enumerate() {
        let id = format!("order-{at}");
        gateway.paid(&id).await;
        let chargeback = gateway.charge_back(&id, &json!({"reason_code": "13.1"})).await;
        for (turn, stands) in *turns {
            gateway.clock.advance(Millis(1));
            match turn.split_once(' ') {
                Some((_, days)) => gateway.pass(Millis::days(days.parse().unwrap())).await,
                None if *turn == "files" => {
                    assert_eq!(gateway.done(&id, "files", &evidence("PDF", PDF)).await, json!({}));
                }
                None if *turn == "accept" => {
                    let target = format!("{}/chargebacks/{chargeback}", path(&id));
                    let answer = gateway.change(&target, &json!({"status": "accepted"})).await;
                    assert_eq!((answer.status, &answer.json["data"]), (200, &json!({})), "{}", answer.text);
                }
                None => gateway.decide(&id, turn).await,
            }
            gateway.work().await;
            assert_eq!(gateway.dispute(&id).await, *stands, "script {at} after {turn}");
            let told = gateway.shop.heard().pop().unwrap();
            assert!(told.verified);
            assert_eq!(told.order, gateway.read(&id).await, "script {at} after {turn}");
        }
        // Over is over, but for what the shop won: that can be charged back again.
        let order = gateway.read(&id).await;
        let last = turns.last().unwrap().1;
        if !last.contains("reserved") {
            let info = format!("Order {id} has no dispute that is still open");
            gateway.ask(&id, "files", &evidence("PDF", PDF)).await.assert_refused(409, 1006, &info, last);
            let late = gateway.simulate(&id, "dispute", &json!({"outcome": "won"})).await;
            late.assert_refused(409, 1006, &info, last);
            let target = format!("{}/chargebacks/{chargeback}", path(&id));
            let accepted = gateway.change(&target, &json!({"status": "accepted"})).await;
            accepted.assert_refused(409, 1006, &info, last);
            assert_eq!(gateway.read(&id).await, order);
        }
        gateway.audited().await;
    }
}

#[rstest]
#[tokio::test]
async fn american_express_answers_within_20_days(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.place(&gateway.direct_order("A-1", "378282246310005")).await;
    gateway.charge_back("A-1", &json!({"reason_code": ""})).await;
    let dispute = gateway.read("A-1").await["related_transactions"][0]["dispute"].clone();
    assert_eq!(
        (&dispute["reason_code"], &dispute["merchant_response_date"]),
        (&json!("4540"), &json!("2026-12-12T13:00:00"))
    );
    gateway.pass(Millis(Millis::days(20).0 - 1)).await;
    assert!(gateway.dispute("A-1").await.ends_with(" new"));
    gateway.pass(Millis(1)).await;
    assert!(gateway.dispute("A-1").await.ends_with(" accepted"));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_won_order_is_what_it_was_and_can_be_refunded_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for id in ["shipped", "part"] {
        gateway.paid(id).await;
    }
    let shipped = gateway.change(&path("shipped"), &json!({"status": "shipped"})).await;
    assert_eq!(shipped.status, 200, "{}", shipped.text);
    gateway.done("part", "refunds", &json!({"currency": "EUR", "amount": 100})).await;
    gateway.pass(Millis::seconds(2)).await;
    for (id, amount, before) in
        [("shipped", 400, "shipped/completed"), ("part", 1000, "partial_refunded/completed")]
    {
        assert_eq!(gateway.status(id).await, before);
        gateway.charge_back(id, &json!({"amount": amount})).await;
        gateway.work().await;
        assert_eq!(gateway.status(id).await, "chargedback/completed");
        let refund = gateway.ask(id, "refunds", &json!({"currency": "EUR", "amount": 601})).await;
        assert_eq!(refund.json["error_code"], 1034, "{}", refund.text);
        gateway.decide(id, "won").await;
        gateway.work().await;
        assert_eq!(gateway.status(id).await, before);
    }
    gateway.done("shipped", "refunds", &json!({"currency": "EUR"})).await;
    gateway.pass(Millis::seconds(2)).await;
    assert_eq!(gateway.status("shipped").await, "refunded/completed");
    assert_eq!(gateway.shop.statuses().iter().filter(|word| *word == "chargedback").count(), 2);
    assert_eq!(
        gateway.audited().await,
        ["site 1 acquirer EUR -900", "site 1 balance EUR 900", "site 1 reserved EUR 0"]
    );
}

#[rstest]
#[tokio::test]
async fn parts_are_charged_back_up_to_the_whole(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.authorised("A-1").await;
    gateway.done("A-1", "capture", &json!({"amount": 600, "new_order_id": "A-1-1"})).await;
    let parent = gateway.simulate("A-1", "chargeback", &json!({})).await;
    assert_eq!(parent.json["error_code"], 1034, "{}", parent.text);
    let first = gateway.charge_back("A-1-1", &json!({"amount": 250})).await;
    gateway.clock.advance(Millis(1));
    let second = gateway.charge_back("A-1-1", &json!({})).await;
    assert_ne!(first, second);
    let both = "chargedback/completed [chargeback reserved 250, chargeback reserved 350] new new";
    assert_eq!(gateway.dispute("A-1-1").await, both);
    let over = gateway.simulate("A-1-1", "chargeback", &json!({"amount": 1})).await;
    assert_eq!(over.json["error_code"], 1034, "{}", over.text);
    gateway.clock.advance(Millis(1));
    gateway.decide("A-1-1", "won").await;
    assert!(gateway.status("A-1-1").await.starts_with("chargedback"), "the other one stands");
    gateway.decide("A-1-1", "lost").await;
    gateway.work().await;
    assert!(gateway.dispute("A-1-1").await.ends_with(" closed closed"));
    gateway.audited().await;
}

/// What is sent as evidence, and why it is refused; nothing when it is taken.
#[rustfmt::skip]
const EVIDENCE: &[(&str, &[u8], Option<&str>)] = &[
    ("PDF", PDF, None),
    ("pdf", b"%PDF-", None),
    ("JPEG", b"\xff\xd8\xff\xe0 a photo", None),
    ("PNG", b"\x89PNG\r\n\x1a\n a photo", None),
    ("PNG", PDF, Some("Invalid base64: must be a file of the given type")),
    ("PDF", b"", Some("Invalid base64: must be a file of the given type")),
    ("JPEG", b"<html>", Some("Invalid base64: must be a file of the given type")),
    ("chargeback", PDF, Some("Invalid type: must be PDF, JPEG or PNG")),
    ("", PDF, Some("Invalid type: must be PDF, JPEG or PNG")),
];

#[rstest]
#[tokio::test]
async fn evidence_is_a_file_of_a_known_kind_and_kept_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    gateway.paid("A-1").await;
    let early = gateway.ask("A-1", "files", &evidence("PDF", PDF)).await;
    early.assert_refused(409, 1006, "Order A-1 has no dispute that is still open", "no chargeback");
    let chargeback = gateway.charge_back("A-1", &json!({})).await;
    let mut taken = 0;
    for (kind, content, refused) in EVIDENCE {
        let answer = gateway.ask("A-1", "files", &evidence(kind, content)).await;
        if let Some(info) = refused {
            answer.assert_refused(400, 1016, info, kind);
        } else {
            assert_eq!((answer.status, &answer.json["data"]), (200, &json!({})), "{kind}: {}", answer.text);
            taken += 1;
        }
        let kept = "SELECT COUNT(*) FROM evidence";
        assert_eq!(gateway.count(kept).await, taken, "{kind} {refused:?}");
    }
    for key in ["type", "base64", "description", "name"] {
        let mut body = evidence("PDF", PDF);
        body.as_object_mut().unwrap().remove(key);
        assert_eq!(gateway.ask("A-1", "files", &body).await.json["error_code"], 1016, "{key}");
        body[key] = json!("  ");
        assert_eq!(gateway.ask("A-1", "files", &body).await.json["error_code"], 1016, "{key}");
    }
    let mut broken = evidence("PDF", PDF);
    broken["base64"] = json!("%%%");
    gateway.ask("A-1", "files", &broken).await.assert_refused(
        400,
        1016,
        "Invalid base64: must be base64",
        "broken",
    );
    gateway.done("A-1", "files", &evidence("PDF", PDF)).await;
    assert_eq!(gateway.count("SELECT COUNT(*) FROM evidence").await, taken, "the same file again");
    let rows = gateway.sql("SELECT kind, name, chargeback_id FROM evidence WHERE kind = 'JPEG'").await;
    assert_eq!(rows, [["JPEG", "note.pdf", &chargeback.to_string()]]);
    gateway.ask("nobody", "files", &evidence("PDF", PDF)).await.assert_refused(
        404,
        1006,
        "Invalid transaction ID",
        "nobody",
    );
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn only_a_chargeback_of_the_order_is_accepted_or_decided(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let paid = gateway.paid("A-1").await;
    gateway.paid("A-2").await;
    let other = gateway.charge_back("A-2", &json!({})).await;
    let accepted = json!({"status": "accepted"});
    for stranger in [other.to_string(), paid["transaction_id"].to_string(), "x".to_owned(), "-1".to_owned()] {
        let answer = gateway.change(&format!("{}/chargebacks/{stranger}", path("A-1")), &accepted).await;
        answer.assert_refused(404, 1006, "Invalid transaction ID", &stranger);
    }
    let target = format!("{}/chargebacks/{other}", path("A-2"));
    for body in [json!({}), json!({"status": "won"})] {
        gateway.change(&target, &body).await.assert_refused(
            400,
            1016,
            "Invalid status: must be accepted",
            "status",
        );
    }
    let outcome = gateway.simulate("A-2", "dispute", &json!({"outcome": "maybe"})).await;
    outcome.assert_refused(400, 1016, "Invalid outcome: must be won, lost or more", "maybe");
    let headers = [("api_key", gateway.key.as_str()), ("x-http-method-override", "PATCH")];
    let by_post = gateway.call_with("POST", &target, &headers, &accepted.to_string()).await;
    assert_eq!(by_post.status, 200, "{}", by_post.text);
    for (id, body, status, code) in [
        ("A-1", json!({"amount": 1001}), 409, 1034),
        ("A-1", json!({"amount": "x"}), 400, 1001),
        ("A-1", json!({"reason_code": "12345678901"}), 400, 1016),
        ("nobody", json!({}), 404, 1006),
    ] {
        let answer = gateway.simulate(id, "chargeback", &body).await;
        assert_eq!(
            (answer.status, &answer.json["error_code"]),
            (status, &json!(code)),
            "{body}: {}",
            answer.text
        );
    }
    gateway.place(&gateway.order("unpaid")).await;
    gateway.authorised("authorised").await;
    for id in ["unpaid", "authorised"] {
        let answer = gateway.simulate(id, "chargeback", &json!({})).await;
        let info = format!("Cannot refund order {id}: nothing was collected under it");
        answer.assert_refused(409, 1034, &info, id);
    }
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[case("accept", "completed/completed")]
#[case("reject", "void/void")]
#[tokio::test]
async fn the_simulator_reviews_a_held_payment(
    #[case] verdict: &str,
    #[case] stands: &str,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let card = if verdict == "accept" { "6799990000000000037" } else { "6799990000000000052" };
    gateway.paid_on_page(&gateway.order("A-1"), card).await;
    let wrong = gateway.simulate("A-1", "review", &json!({"verdict": "later"})).await;
    wrong.assert_refused(400, 1016, "Invalid verdict: must be accept or reject", "later");
    let answer = gateway.simulate("A-1", "review", &json!({"verdict": verdict})).await;
    assert_eq!((answer.status, &answer.json["data"]), (200, &json!({})), "{}", answer.text);
    gateway.pass(Millis::minutes(3)).await;
    assert_eq!(gateway.status("A-1").await, stands);
    let twice = gateway.simulate("A-1", "review", &json!({"verdict": verdict})).await;
    twice.assert_refused(409, 1006, "Order A-1 cannot be changed now", "twice");
    gateway.audited().await;
}
