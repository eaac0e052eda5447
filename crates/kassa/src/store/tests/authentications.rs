//! Authentications while they last.

use super::*;
use crate::store::{AuthenticationRow, Stage};
use payments::decide::TokenWish;
use rstest::rstest;

const NO_TOKEN: Option<TokenWish> = None;

pub(super) fn row(transaction: i64) -> AuthenticationRow {
    AuthenticationRow {
        site: SITE,
        transaction: TransactionId(transaction),
        order: id("A-1"),
        server_trans_id: format!("8a880dc0-d2d2-4067-bcb1-{transaction:012}"),
        ds_trans_id: None,
        acs_trans_id: None,
        version: "2.2.0".to_owned(),
        stage: Stage::Method,
        content: "{}".to_owned(),
        sealed: Some(vec![1, 2, 3]),
        asked_at: None,
        due_at: Some(after(10)),
        outcome: None,
        holder: None,
    }
}

#[rstest]
#[tokio::test]
async fn of_two_steps_from_one_place_the_first_counts(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (store, first) = (&bench.store, row(1));
    store.begin_authentication(&first, NOW).await.unwrap();
    let again = store.begin_authentication(&first, NOW).await;
    assert!(matches!(again, Err(WriteError::Stale)), "a payment has one: {again:?}");
    assert_eq!(store.authentication(SITE, first.transaction).await.unwrap(), Some(first.clone()));
    assert_eq!(store.authentication(SITE, TransactionId(2)).await.unwrap(), None);

    let next = AuthenticationRow {
        stage: Stage::Challenge,
        ds_trans_id: Some("ds".to_owned()),
        acs_trans_id: Some("acs".to_owned()),
        asked_at: Some(NOW),
        content: "{\"a\":1}".to_owned(),
        ..first.clone()
    };
    store.move_authentication(&first, &next).await.unwrap();
    let late = store.move_authentication(&first, &next).await;
    assert!(matches!(late, Err(WriteError::Stale)), "somebody was faster: {late:?}");
    let called = store.authentication_called(&first.server_trans_id).await.unwrap();
    assert_eq!(called, Some(next.clone()));
    assert_eq!(store.authentication_called("nobody").await.unwrap(), None);

    let over = AuthenticationRow {
        stage: Stage::Ended,
        due_at: None,
        outcome: Some("{}".to_owned()),
        ..next.clone()
    };
    store.move_authentication(&next, &over).await.unwrap();
    let kept = store.authentication(SITE, first.transaction).await.unwrap();
    assert_eq!(
        kept,
        Some(AuthenticationRow { sealed: None, holder: None, ..over }),
        "the card goes with its end"
    );
}

#[rstest]
#[tokio::test]
async fn what_is_due_is_found_oldest_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (transaction, due) in [(1, Some(20)), (2, Some(10)), (3, None), (4, Some(30))] {
        let row = AuthenticationRow { due_at: due.map(after), ..row(transaction) };
        bench.store.begin_authentication(&row, NOW).await.unwrap();
    }
    let due = async |now, limit| {
        let found = bench.store.due_authentications(now, limit).await.unwrap();
        found.into_iter().map(|row| row.transaction.0).collect::<Vec<_>>()
    };
    assert_eq!(due(after(9), 10).await, [0; 0]);
    assert_eq!(due(after(20), 10).await, [2, 1]);
    assert_eq!(due(after(99), 2).await, [2, 1]);
}

#[rstest]
#[tokio::test]
async fn a_payment_that_goes_on_wipes_its_card_in_the_same_commit(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("A-1").await;
    let changes = decide(&order, submitted(&order, 7), NOW).unwrap();
    bench.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await.unwrap();
    let order = changed(&order, &changes, NOW);
    bench.store.begin_authentication(&row(7), NOW).await.unwrap();
    let changes = decide(&order, Command::Cancel, NOW).unwrap();
    let stale = bench
        .store
        .commit(SITE, &order.id, Some(&Order { version: 1, ..order.clone() }), &changes, NOW)
        .await;
    assert!(matches!(stale, Err(WriteError::Stale)), "{stale:?}");
    let kept = bench.store.authentication(SITE, TransactionId(7)).await.unwrap().unwrap();
    assert_eq!(kept.sealed, Some(vec![1, 2, 3]), "nothing of a commit that does not happen");
    bench.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await.unwrap();
    let kept = bench.store.authentication(SITE, TransactionId(7)).await.unwrap().unwrap();
    assert_eq!((kept.stage, kept.sealed, kept.due_at), (Stage::Ended, None, None));
}

fn submitted(order: &Order, transaction: i64) -> Command {
    let card = CardSummary {
        brand: Brand::Maestro,
        bin: Some("679999".to_owned()),
        last4: "0011".to_owned(),
        expiry: Expiry::parse("12/35").unwrap(),
        holder: "A. Customer".to_owned(),
        issued: Default::default(),
    };
    Command::SubmitCard(Box::new(Attempt {
        session: order.session.id.clone(),
        transaction: TransactionId(transaction),
        card,
        settlement: Settlement::Gateway,
        screening: Screening::Clear,
        route: Route::Authenticate,
        completes_by_advice: false,
        token: NO_TOKEN,
    }))
}

#[rstest]
#[tokio::test]
async fn ranges_and_challenges_are_kept_and_replaced(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let store = &bench.store;
    assert_eq!(store.directory("https://ds.example/").await.unwrap(), None);
    assert_eq!(store.simulator_challenge("acs").await.unwrap(), None);
    for (text, at) in [("one", NOW), ("two", after(1))] {
        store.keep_directory("https://ds.example/", text, at).await.unwrap();
        store.keep_simulator_challenge("acs", text, at).await.unwrap();
        assert_eq!(store.directory("https://ds.example/").await.unwrap(), Some((text.to_owned(), at)));
        assert_eq!(store.simulator_challenge("acs").await.unwrap().as_deref(), Some(text));
    }
}

#[rstest]
#[tokio::test]
async fn a_node_finds_the_outcomes_of_the_cards_it_holds(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let store = &bench.store;
    for (transaction, holder, stage, due) in [
        (1, Some("me"), Stage::Answered, 20),
        (2, Some("me"), Stage::Answered, 10),
        (3, Some("me"), Stage::Challenge, 10),
        (4, Some("other"), Stage::Answered, 10),
        (5, None, Stage::Answered, 10),
    ] {
        let holder = holder.map(str::to_owned);
        let row = AuthenticationRow { holder, stage, due_at: Some(after(due)), ..row(transaction) };
        store.begin_authentication(&row, NOW).await.unwrap();
    }
    let answered = async |limit| {
        let found = store.answered_authentications("me", limit).await.unwrap();
        found.into_iter().map(|row| row.transaction.0).collect::<Vec<_>>()
    };
    assert_eq!((answered(10).await, answered(1).await), (vec![2, 1], vec![2]));
    let held = store.held_authentications("me").await.unwrap();
    assert_eq!(held, [1, 2, 3].map(|number| (SITE, TransactionId(number))).into());

    let known = store.authentication(SITE, TransactionId(2)).await.unwrap().unwrap();
    assert_eq!(known.holder.as_deref(), Some("me"));
    let over = AuthenticationRow { stage: Stage::Ended, due_at: None, ..known.clone() };
    store.move_authentication(&known, &over).await.unwrap();
    assert_eq!(answered(10).await, [1]);
    assert_eq!(store.held_authentications("me").await.unwrap().len(), 2);
}
