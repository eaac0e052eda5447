//! The simulated acquirer's book.

use super::traces::{mark, trace};
use super::*;
use crate::store::book::{BookedMovement, Entry};
use crate::store::trace::{Mark, Operation};
use rstest::rstest;

pub(super) fn entry(reference: i64) -> Entry {
    Entry {
        site: SITE,
        mark: mark(reference),
        amount_minor: 1_000,
        response_code: Some("00".to_owned()),
        authorization_code: Some("012345".to_owned()),
        fraud_score: 7,
        review: Some((Millis::minutes(3), Verdict::Reject)),
        manner: "silent".to_owned(),
        reversals: 0,
        reversed: false,
        captured_later: false,
    }
}

/// What came after authorisation 1.
pub(super) fn movement(kind: &'static str, reference: i64, minor: i64, code: &str) -> BookedMovement {
    BookedMovement {
        site: SITE,
        mark: Mark { rrn: mark(1).rrn, ..mark(reference) },
        authorisation: mark(1),
        kind,
        amount_minor: minor,
        response_code: code.to_owned(),
    }
}

impl Bench {
    async fn entry(&self, reference: i64) -> Option<Entry> {
        self.store.book_entry(SITE, &mark(reference)).await.unwrap()
    }

    async fn reverse(&self, reference: i64) {
        self.store.book_reversal(SITE, &mark(reference), eur(1_000), after(1)).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn an_authorisation_is_booked_once_and_reversed_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    assert!(bench.entry(1).await.is_none());
    bench.store.book_authorisation(&entry(1), eur(1_000), NOW).await.unwrap();
    let refused =
        Entry { response_code: Some("51".to_owned()), authorization_code: None, review: None, ..entry(2) };
    bench.store.book_authorisation(&refused, eur(1_000), NOW).await.unwrap();
    let again = Entry { authorization_code: Some("999999".to_owned()), ..entry(1) };
    bench.store.book_authorisation(&again, eur(9), NOW).await.unwrap();
    assert_eq!(format!("{:?}", bench.entry(1).await), format!("{:?}", Some(entry(1))));
    assert_eq!(format!("{:?}", bench.entry(2).await), format!("{:?}", Some(refused)));
    assert!(bench.entry(1).await.unwrap().is_charged());
    assert!(!bench.entry(2).await.unwrap().is_charged());

    bench.store.book_inquiry(SITE, &mark(1)).await.unwrap();
    bench.store.book_inquiry(SITE, &mark(99)).await.unwrap();
    assert_eq!(bench.number("SELECT CAST(SUM(inquiries) AS BIGINT) FROM simulator_authorisation").await, 1);

    for reversals in 1..=2 {
        bench.reverse(1).await;
        let reversed = bench.entry(1).await.unwrap();
        assert_eq!((reversed.reversals, reversed.reversed, reversed.is_charged()), (reversals, true, false));
    }
    for reference in [1, 2] {
        let trace = trace(reference, Operation::Authorise, mark(reference));
        assert!(bench.store.open_trace(&trace, NOW).await.unwrap());
    }
    let order = bench.store.book_of_order(SITE, &id("a")).await.unwrap();
    assert_eq!(order.iter().map(|(reference, _)| reference.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(bench.store.book_of_order(SiteId(2), &id("a")).await.unwrap().len(), 0);
}

#[rstest]
#[tokio::test]
async fn a_reversal_that_comes_first_forbids_the_authorisation(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.reverse(1).await;
    bench.store.book_authorisation(&entry(1), eur(1_000), NOW).await.unwrap();
    let booked = bench.entry(1).await.unwrap();
    assert_eq!((booked.response_code.as_deref(), booked.reversals, booked.reversed), (None, 1, true));
    assert!(!booked.is_charged());
}

#[rstest]
#[tokio::test]
async fn the_book_is_listed_with_what_was_captured_and_whose_it_is(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for reference in [1, 2] {
        let later = Entry { captured_later: true, ..entry(reference) };
        bench.store.book_authorisation(&later, eur(1_000), after(reference)).await.unwrap();
    }
    let ours = trace(1, Operation::Authorise, mark(1));
    assert!(bench.store.open_trace(&ours, NOW).await.unwrap());
    for (reference, minor, code) in [(3, 300, "00"), (4, 200, "00"), (5, 100, "13")] {
        let capture = movement("capture", reference, minor, code);
        bench.store.book_movement(&capture, after(reference)).await.unwrap();
    }
    let listed = bench.store.list_book(SITE).await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|listed| (listed.entry.mark.stan, listed.captured_minor, listed.ours.clone()))
        .collect();
    assert_eq!(shown, [(2, 0, None), (1, 500, Some(("a".to_owned(), TransactionId(1))))]);
    assert_eq!((listed[0].currency.as_str(), listed[0].inquiries), ("EUR", 0));
    let moved = bench.store.list_booked_movements(SITE).await.unwrap();
    let shown: Vec<_> = moved
        .iter()
        .map(|moved| (moved.mark.stan, moved.amount_minor, moved.response_code.as_str()))
        .collect();
    assert_eq!(shown, [(5, 100, "13"), (4, 200, "00"), (3, 300, "00")]);
    assert!(moved.iter().all(|moved| moved.kind == "capture" && moved.ours.is_none()));
    assert!(bench.store.list_book(SiteId(2)).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn what_the_gateway_did_not_send_is_noticed(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.paid("a", 1, Capturing::Immediate).await;
    let strays = async || bench.store.stray_approvals(SITE).await.unwrap();
    bench.store.book_authorisation(&entry(1), eur(1_000), NOW).await.unwrap();
    assert_eq!(strays().await, 1, "nothing says that it was sent");
    assert!(bench.store.open_trace(&trace(1, Operation::Authorise, mark(1)), NOW).await.unwrap());
    assert_eq!(strays().await, 0);
    bench.store.book_authorisation(&entry(2), eur(1_000), NOW).await.unwrap();
    assert_eq!(strays().await, 1);
    bench.reverse(2).await;
    assert_eq!(strays().await, 0);
}
