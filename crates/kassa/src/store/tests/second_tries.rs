//! Second tries: their ids are set aside, and their cards kept while there can be one.

use super::*;
use crate::store::{AuthenticationRow, Stage};
use rstest::rstest;

/// A Visa card whose customer is there and not asked; `second` is set aside.
fn unasked(order: &Order, first: i64, second: i64) -> Command {
    let Command::SubmitCard(mut attempt) = submit(order, first) else { unreachable!("a card") };
    attempt.card.brand = Brand::Visa;
    let second_try = Some(TransactionId(second));
    attempt.route = Route::Authorise { answer_within: Millis::seconds(20), second_try };
    Command::SubmitCard(attempt)
}

fn kept(second: i64) -> AuthenticationRow {
    AuthenticationRow {
        site: SITE,
        transaction: TransactionId(second),
        order: id("A-1"),
        server_trans_id: format!("8a880dc0-d2d2-4067-bcb1-{second:012}"),
        ds_trans_id: None,
        acs_trans_id: None,
        version: "2.2.0".to_owned(),
        stage: Stage::Method,
        content: "{}".to_owned(),
        sealed: Some(vec![1, 2, 3]),
        asked_at: None,
        due_at: Some(after(7_200)),
        outcome: None,
        holder: None,
    }
}

fn refused(first: i64, response_code: &str) -> Command {
    answered(first, Outcome::Declined { response_code: response_code.to_owned() })
}

#[rstest]
#[case::soft(refused(1, "1A"), true)]
#[case::refused(refused(1, "51"), false)]
#[case::paid(approved(1, 1), false)]
#[case::held(approved(1, 7), false)]
#[case::unknown(answered(1, Outcome::Unknown), true)]
#[tokio::test]
async fn its_card_is_kept_while_there_can_be_one(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[case] command: Command,
    #[case] is_kept: bool,
) {
    let bench = Bench::open(database).await;
    let placed = bench.place("A-1").await;
    let order = bench.run(&placed, unasked(&placed, 1, 2), after(1)).await;
    assert_eq!(bench.load("A-1").await.as_ref(), Some(&order));
    bench.store.begin_authentication(&kept(2), after(1)).await.unwrap();
    let order = bench.run(&order, command, after(2)).await;
    assert_eq!(bench.load("A-1").await.as_ref(), Some(&order));
    let row = bench.store.authentication(SITE, TransactionId(2)).await.unwrap().unwrap();
    assert_eq!(
        (row.sealed.is_some(), row.stage == Stage::Method, row.due_at.is_some()),
        (is_kept, is_kept, is_kept)
    );
}

#[rstest]
#[tokio::test]
async fn its_id_is_set_aside(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let bench = Bench::open(database).await;
    let placed = bench.place("A-1").await;
    bench.run(&placed, unasked(&placed, 1, 2), after(1)).await;
    let drawn = async |site, id| bench.store.is_drawn(site, TransactionId(id)).await.unwrap();
    assert!(drawn(SITE, 1).await && drawn(SITE, 2).await, "of an attempt, and of its second try");
    assert!(!drawn(SITE, 3).await && !drawn(SiteId(2), 2).await);
    let found = bench.store.find_by_transaction(SITE, TransactionId(2)).await.unwrap();
    assert_eq!(found, None, "it is nobody's yet");
}
