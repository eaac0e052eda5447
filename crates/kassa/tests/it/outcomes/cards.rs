//! Every card of the simulator's table that is answered, and what becomes of it.

use super::amounts;
use crate::harness::{Database, Gateway};
use payments::time::Millis;
use rstest::rstest;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Number, status at once, status after the review, `reason_code` and `response_code` in the end.
const CARDS: [(&str, &str, &str, &str, &str); 32] = [
    ("6799990000000000011", "completed", "completed", "", "00"),
    ("6799990000000000029", "declined", "declined", "4002", "51"),
    ("6799990000000000102", "declined", "declined", "4001", "05"),
    ("6799990000000000110", "declined", "declined", "4005", "54"),
    ("6799990000000000136", "declined", "declined", "4003", "59"),
    ("6799990000000000060", "declined", "declined", "4999", "91"),
    ("6799990000000000045", "declined", "declined", "3001", "01"),
    ("679999000004", "declined", "declined", "4999", "13"),
    ("6799990000000000094", "declined", "declined", "4999", ""),
    ("6799990000000000052", "uncleared", "completed", "", "00"),
    ("6799990000000000037", "uncleared", "void", "", "00"),
    ("6799990000000000144", "completed", "completed", "", "00"),
    ("6799990000000000151", "completed", "completed", "", "00"),
    ("6799990000000000169", "completed", "completed", "", "00"),
    ("6759000000005", "completed", "completed", "", "00"),
    ("5500000000000004", "completed", "completed", "", "00"),
    ("4111111111111111", "completed", "completed", "", "00"),
    ("4761340000000019", "completed", "completed", "", "00"),
    ("374500000000015", "completed", "completed", "", "00"),
    ("4012001038443335", "completed", "completed", "", "00"),
    ("378282246310005", "completed", "completed", "", "00"),
    ("4917300000000008", "uncleared", "void", "", "00"),
    ("4462000000000003", "uncleared", "completed", "", "00"),
    ("378734493671000", "uncleared", "void", "", "00"),
    ("4012001037461114", "declined", "declined", "3001", "01"),
    ("374200000000004", "declined", "declined", "3001", "01"),
    ("4012001038488884", "declined", "declined", "4002", "51"),
    ("6799990000000000177", "declined", "declined", "4999", "65"),
    ("5500000000000012", "completed", "completed", "", "00"),
    ("4761340000000027", "completed", "completed", "", "00"),
    ("5500000000000020", "declined", "declined", "4999", "65"),
    ("4761340000000035", "declined", "declined", "4999", "1A"),
];
/// The cards that are not answered have tests of their own.
const UNANSWERED: [&str; 3] = ["6799990000000000078", "6799990000000000128", "6799990000000000086"];

async fn page_for_any_card(gateway: &Gateway, id: &str) -> String {
    let mut order = gateway.order(id);
    order["gateway"] = json!("CREDITCARD");
    let session = gateway.place(&order).await["session_id"].as_str().unwrap().to_owned();
    format!("/connect/{session}/?lang=en")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[rstest]
#[tokio::test]
async fn every_answered_card_ends_as_its_line_says(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for (card, at_once, ..) in CARDS {
        let path = page_for_any_card(&gateway, card).await;
        let end = gateway.pay(&path, card).await;
        assert_eq!(gateway.status(card).await, format!("{at_once}/{at_once}"), "{card}");
        let outcome = match at_once {
            "completed" => Some("paid"),
            "uncleared" => Some("uncleared"),
            _ => None,
        };
        assert_eq!(end.outcome.as_deref(), outcome, "{card}");
        assert_eq!(
            end.status == 200 && end.has(".notice[role=alert]"),
            at_once == "declined",
            "{card}: told why"
        );
    }
    gateway.pass(Millis::minutes(3)).await;
    for (card, _, status, reason_code, response_code) in CARDS {
        let order = gateway.read(card).await;
        assert_eq!((text(&order["status"]), text(&order["financial_status"])), (status, status), "{card}");
        assert_eq!(text(&order["reason_code"]), reason_code, "{card}");
        assert_eq!(text(&order["payment_details"]["response_code"]), response_code, "{card}");
    }
    let completed = CARDS.iter().filter(|card| card.2 == "completed").count();
    assert_eq!(gateway.charges().await, i64::try_from(completed).unwrap());
    let earned = format!("balance EUR {completed}000");
    let owed = format!("acquirer EUR -{completed}000");
    assert_eq!(amounts(&gateway.audited().await), [&owed, &earned, "uncleared EUR 0"]);
}

#[tokio::test]
async fn every_card_that_the_page_offers_is_in_a_table_here() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let path = page_for_any_card(&gateway, "A-1").await;
    let page = gateway.customer().open(&path).await;
    let document = Html::parse_document(&page.html);
    let numbers = Selector::parse(".test-cards dd").unwrap();
    let offered: BTreeSet<String> = document.select(&numbers).map(|number| number.text().collect()).collect();
    let tested = CARDS.iter().map(|card| card.0).chain(UNANSWERED).map(str::to_owned).collect();
    assert_eq!(offered, tested);
}

#[rstest]
#[case::yes("Y", "completed", "", "00")]
#[case::no("N", "declined", "3001", "01")]
#[case::unavailable("U", "declined", "3001", "22")]
#[case::attempted("A", "completed", "", "00")]
#[case::rejected("R", "declined", "3011", "11")]
#[case::given_up("cancel", "declined", "4999", "01")]
#[case::none_of_these("X", "initialized", "", "")]
#[case::nothing("", "initialized", "", "")]
#[tokio::test]
async fn maestro_is_authorised_only_after_a_proof(
    #[case] answer: &str,
    #[case] status: &str,
    #[case] reason_code: &str,
    #[case] response_code: &str,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let page = gateway.submit(&path, super::PAID).await;
    gateway.customer().answer(&page, answer).await;
    let order = gateway.read("A-1").await;
    assert_eq!((text(&order["status"]), text(&order["financial_status"])), (status, status));
    assert_eq!(text(&order["reason_code"]), reason_code);
    assert_eq!(text(&order["payment_details"]["response_code"]), response_code);
    assert_eq!(gateway.charges().await, i64::from(status == "completed"));
    gateway.audited().await;
}
