//! Everything that a browser, a person or an attacker can do twice: it is charged once.

use super::{PAID, fields};
use crate::harness::{Database, Gateway};
use futures_util::future::join_all;
use rstest::rstest;

const TRANSFERS: &str = "SELECT COUNT(*) FROM ledger_transfer";

#[rstest]
#[tokio::test]
async fn a_challenge_that_is_answered_twice_pays_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let challenge = gateway.submit(&path, PAID).await;
    for answer in ["Y", "Y", "N", "cancel"] {
        let end = gateway.customer().answer(&challenge, answer).await;
        assert_eq!(end.outcome.as_deref(), Some("paid"), "the first answer counts, not {answer}");
    }
    assert_eq!((gateway.charges().await, gateway.count(TRANSFERS).await), (1, 1));
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"]);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn thirty_confirmations_at_once_pay_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let challenge = gateway.submit(&path, PAID).await;
    let customer = gateway.customer();
    // On a busy machine some are answered before the acquirer is: by the page that looks again.
    let confirm = async || customer.look_again(customer.answer(&challenge, "Y").await).await;
    let ends = join_all((0..30).map(|_| confirm())).await;
    assert!(ends.iter().all(|end| end.outcome.as_deref() == Some("paid")), "{ends:?}");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 1);
    assert_eq!((gateway.charges().await, gateway.count(TRANSFERS).await), (1, 1));
    assert_eq!(gateway.shop.statuses(), ["initialized", "completed"]);
    assert_eq!(gateway.shop.busiest(), 1);
    gateway.audited().await;
}

/// Whoever is told that the payment went on without him leaves the card to whoever took it on.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_all_confirmations_at_once_none_takes_the_card_of_the_one_that_counts(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let customer = gateway.customer();
    for round in 0..40 {
        let path = gateway.page_of(&format!("order-{round}")).await;
        let challenge = gateway.submit(&path, PAID).await;
        join_all((0..6).map(|_| customer.answer(&challenge, "Y"))).await;
    }
    assert_eq!(gateway.charges().await, 40);
    let unsent = "SELECT COUNT(*) FROM payment_transaction WHERE state <> 'completed'";
    assert_eq!(gateway.count(unsent).await, 0);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn coming_back_without_the_issuers_answer_pays_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_of("A-1").await;
    let challenge = gateway.submit(&path, PAID).await;
    let transaction = gateway.read("A-1").await["transaction_id"].to_string();
    let session = path.split('/').nth(2).unwrap();
    for query in ["", "?lang=en&transStatus=Y", "?status=completed&popup=1"] {
        let back = format!("/connect/{session}/return/{transaction}{query}");
        let page = gateway.customer().open(&back).await;
        assert!(page.has("input[name=card_number]"), "{page:?}");
        assert_eq!(page.outcome, None);
    }
    for stranger in ["1", "9007199254740993", "x", "-1"] {
        let page = gateway.customer().open(&format!("/connect/{session}/return/{stranger}")).await;
        assert_eq!((page.status, page.ending().as_str()), (404, "not-found"));
        let page = gateway.customer().open(&format!("/simulator/acs/{session}/{stranger}")).await;
        assert_eq!((page.status, page.ending().as_str()), (404, "not-found"));
    }
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_authorisation").await, 0);
    assert_eq!(gateway.customer().answer(&challenge, "Y").await.outcome.as_deref(), Some("paid"));
}

#[rstest]
#[tokio::test]
async fn another_orders_session_cannot_answer_a_challenge(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mine = gateway.page_of("mine").await;
    let other = gateway.page_of("other").await;
    gateway.submit(&mine, PAID).await;
    let transaction = gateway.read("mine").await["transaction_id"].to_string();
    let path = format!("/simulator/acs/{}/{transaction}", other.split('/').nth(2).unwrap());
    let page = gateway.customer().submit(&path, &[("transStatus", "Y")]).await;
    assert_eq!(page.status, 404);
    assert_eq!(gateway.status("mine").await, "initialized/initialized");
    assert_eq!(gateway.charges().await, 0);
}

#[rstest]
#[tokio::test]
async fn two_tabs_with_a_card_each_charge_one_of_them(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for round in 0..5 {
        let id = format!("order-{round}");
        let path = gateway.page_of(&id).await;
        let customer = gateway.customer();
        let (one, two) = (fields(PAID), fields("6759000000005"));
        let (first, second) = tokio::join!(customer.submit(&path, &one), customer.submit(&path, &two));
        let open = "SELECT COUNT(*) FROM payment_transaction WHERE finished_at IS NULL AND order_id = ";
        assert_eq!(gateway.count(&format!("{open}'{id}'")).await, 1, "one attempt wins");
        let tabs: Vec<_> =
            [&first, &second].into_iter().filter(|tab| tab.has("select[name=transStatus]")).collect();
        join_all(tabs.iter().map(|tab| customer.answer(tab, "Y"))).await;
        assert_eq!(gateway.status(&id).await, "completed/completed");
    }
    gateway.work().await;
    assert_eq!((gateway.charges().await, gateway.count(TRANSFERS).await), (5, 5));
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn eight_impatient_tabs_charge_at_most_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for round in 0..3 {
        let path = gateway.page_of(&format!("order-{round}")).await;
        join_all((0..8).map(|_| gateway.pay(&path, PAID))).await;
    }
    gateway.work().await;
    assert!(gateway.charges().await <= 3);
    assert_eq!(gateway.charges().await, gateway.count(TRANSFERS).await);
    let paid = "SELECT COUNT(*) FROM payment_transaction WHERE state = 'completed'";
    assert_eq!(gateway.charges().await, gateway.count(paid).await);
    gateway.audited().await;
}
