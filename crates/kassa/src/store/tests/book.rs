//! The simulated acquirer's book.

use super::traces::{mark, trace};
use super::*;
use crate::store::book::Entry;
use crate::store::trace::Operation;
use rstest::rstest;

fn entry(reference: i64) -> Entry {
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
