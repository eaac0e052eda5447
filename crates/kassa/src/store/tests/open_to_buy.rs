//! What the simulated acquirer lets cards spend, whatever shares a commit and however often it comes.

use super::book::{entry, movement};
use super::traces::mark;
use super::*;
use crate::store::book::Entry;
use crate::store::open_to_buy::{Account, Crooked};
use futures_util::future::join_all;
use rstest::rstest;

/// A card that may spend 30.00.
fn card(name: &str) -> Account {
    Account { card: name.repeat(32), last4: "0011".to_owned(), line_minor: 3_000 }
}

impl Bench {
    /// Books an approval of 10.00; whether the card had it.
    async fn approve(&self, card: &Account, entry: &Entry) -> bool {
        self.store.book_approval(card, entry, eur(entry.amount_minor), NOW).await.unwrap()
    }

    /// What is left to each card.
    async fn left(&self) -> Vec<i64> {
        assert_eq!(self.store.crooked_cards(SITE).await.unwrap(), Crooked::default());
        self.store.open_to_buy(SITE).await.unwrap().iter().map(|card| card.open_minor).collect()
    }

    async fn give_back(&self, reference: i64) {
        self.store.book_reversal(SITE, &mark(reference), eur(1_000), after(1)).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn an_approval_takes_what_is_there_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let ours = card("a");
    assert!(bench.left().await.is_empty());
    for _ in 0..2 {
        assert!(bench.approve(&ours, &entry(1)).await);
        assert_eq!(bench.left().await, [2_000]);
    }
    let part = Entry { response_code: Some("10".to_owned()), amount_minor: 2_001, ..entry(2) };
    assert!(bench.approve(&ours, &part).await);
    assert_eq!(bench.left().await, [1_000], "half of it");
    assert!(bench.approve(&ours, &entry(3)).await);
    assert!(!bench.approve(&ours, &entry(4)).await);
    assert!(bench.store.book_entry(SITE, &mark(4)).await.unwrap().is_none(), "it is not booked");
    assert!(!bench.approve(&ours, &entry(1)).await, "what is booked stays as it is");
    assert!(!bench.approve(&card("b"), &Entry { amount_minor: 3_001, ..entry(5) }).await);
    assert_eq!(bench.left().await, [0]);
    assert!(bench.store.open_to_buy(SiteId(2)).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn whatever_undoes_an_approval_gives_back_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let ours = card("a");
    let later = Entry { captured_later: true, ..entry(1) };
    assert!(bench.approve(&ours, &later).await);
    for (kind, reference, minor, code, left) in [
        ("capture", 2, 300, "00", 2_000),
        ("capture", 2, 300, "00", 2_000),
        ("capture", 3, 900, "13", 2_000),
        ("refund", 4, 100, "00", 2_100),
        ("refund", 4, 100, "00", 2_100),
        ("refund", 5, 100, "57", 2_100),
    ] {
        bench.store.book_movement(&movement(kind, reference, minor, code), NOW).await.unwrap();
        assert_eq!(bench.left().await, [left], "{kind} {reference}");
    }
    for _ in 0..2 {
        bench.give_back(1).await;
        assert_eq!(bench.left().await, [2_800]);
    }
    assert!(bench.approve(&ours, &later).await, "a repeat of what was undone");
    assert_eq!(bench.left().await, [2_800]);
    // A capture that the rest overtook.
    bench.store.book_movement(&movement("capture", 6, 200, "00"), NOW).await.unwrap();
    assert_eq!(bench.left().await, [2_600]);
}

#[rstest]
#[tokio::test]
async fn what_was_forbidden_or_is_anothers_takes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.give_back(1).await;
    assert!(bench.approve(&card("a"), &entry(1)).await, "it has that much");
    assert_eq!(bench.left().await, [3_000], "and keeps it");
    assert!(bench.approve(&card("a"), &entry(2)).await);
    assert!(bench.approve(&card("b"), &entry(2)).await);
    assert_eq!(bench.left().await, [2_000, 3_000], "the numbers are of another card");
    bench.give_back(2).await;
    assert_eq!(bench.left().await, [3_000, 3_000]);
}

#[rstest]
#[tokio::test]
async fn of_fifty_at_once_those_are_approved_that_there_is_money_for(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let another = bench.another().await;
    let ours = card("a");
    let all: Vec<Entry> = (1..=50).map(entry).collect();
    let approvals = all.iter().enumerate().map(|(at, entry)| {
        let store = if at % 2 == 0 { &bench.store } else { &another };
        store.book_approval(&ours, entry, eur(1_000), NOW)
    });
    let approved = join_all(approvals).await.into_iter().filter(|booked| *booked.as_ref().unwrap()).count();
    assert_eq!((approved, bench.left().await.as_slice()), (3, &[0][..]));
    // Everything is reversed from both sides, also what never was approved.
    let reversals = (1..=50).flat_map(|reference| [(&bench.store, reference), (&another, reference)]);
    let reversals = reversals.map(async |(store, reference)| {
        store.book_reversal(SITE, &mark(reference), eur(1_000), after(1)).await.unwrap();
    });
    join_all(reversals).await;
    assert_eq!(bench.left().await, [3_000]);
}
