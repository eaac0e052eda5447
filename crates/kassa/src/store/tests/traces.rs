//! Traces: what may have left for an acquirer.

use super::movements::refund;
use super::*;
use crate::store::trace::{Mark, Operation, Trace};
use iso8583::Mti;
use payments::change::Job;
use rstest::rstest;

/// The numbers that the `reference`th message is sent with.
pub(super) fn mark(reference: i64) -> Mark {
    let stan = u32::try_from(reference).unwrap();
    let (terminal, transmission) = ("T".to_owned(), "1122233015".to_owned());
    Mark { terminal, transmission, stan, rrn: format!("632623{stan:06}") }
}

/// A message that leaves for order `a` for the first time.
pub(super) fn trace(reference: i64, operation: Operation, mark: Mark) -> Trace {
    Trace {
        site: SITE,
        reference: TransactionId(reference),
        operation,
        order: id("a"),
        mark,
        local_time: "1123003015".to_owned(),
        mti: match operation {
            Operation::Authorise => Mti::AUTHORISATION_REQUEST,
            Operation::Reverse => Mti::REVERSAL_REQUEST,
            Operation::Capture => Mti::FINANCIAL_ADVICE,
            Operation::Refund => Mti::FINANCIAL_REQUEST,
        },
        sends: 1,
    }
}

#[rstest]
#[tokio::test]
async fn what_leaves_is_opened_once_and_repeated_under_the_same_numbers(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Bench { store, .. } = &Bench::open(database).await;
    let reverse = trace(1, Operation::Reverse, mark(2));
    assert_eq!(store.trace_again(SITE, TransactionId(1), Operation::Reverse).await.unwrap(), None);
    assert!(store.open_trace(&reverse, NOW).await.unwrap());
    let other = Trace { mark: mark(3), ..reverse.clone() };
    assert!(!store.open_trace(&other, NOW).await.unwrap(), "the first numbers stay");
    assert!(store.open_trace(&trace(1, Operation::Authorise, mark(1)), NOW).await.unwrap());

    let found = store.trace(SITE, TransactionId(1), Operation::Reverse).await.unwrap().unwrap();
    assert_eq!((&found, found.mti().to_string().as_str()), (&reverse, "0400"));
    for sends in [2, 3] {
        let again = store.trace_again(SITE, TransactionId(1), Operation::Reverse).await.unwrap().unwrap();
        assert_eq!(again, Trace { sends, ..reverse.clone() });
        assert_eq!((again.mti().to_string().as_str(), again.mti.to_string().as_str()), ("0401", "0400"));
    }
    let other = store.trace(SITE, TransactionId(1), Operation::Authorise).await.unwrap().unwrap();
    assert_eq!(other.sends, 1, "only what is repeated counts up");
    assert_eq!(store.trace(SiteId(2), TransactionId(1), Operation::Authorise).await.unwrap(), None);
    let of = async |stan| store.trace_of_numbers(SITE, "T", "1122233015", stan).await.unwrap();
    assert_eq!(of(2).await.unwrap().operation, Operation::Reverse);
    assert_eq!(of(9).await, None);
}

#[rstest]
#[tokio::test]
async fn what_is_forbidden_never_leaves(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Bench { store, .. } = &Bench::open(database).await;
    let forbidden = Trace { sends: 0, ..trace(1, Operation::Authorise, mark(1)) };
    assert!(store.open_trace(&forbidden, NOW).await.unwrap());
    assert!(!store.open_trace(&trace(1, Operation::Authorise, mark(2)), NOW).await.unwrap());
    assert_eq!(store.trace_again(SITE, TransactionId(1), Operation::Authorise).await.unwrap(), None);
    assert_eq!(store.trace(SITE, TransactionId(1), Operation::Authorise).await.unwrap(), Some(forbidden));
}

#[rstest]
#[tokio::test]
async fn no_two_messages_of_a_terminal_share_their_numbers(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Bench { store, .. } = &Bench::open(database).await;
    assert!(store.open_trace(&trace(1, Operation::Authorise, mark(7)), NOW).await.unwrap());
    store.open_trace(&trace(2, Operation::Authorise, mark(7)), NOW).await.unwrap_err();
    let elsewhere = Mark { terminal: "U".to_owned(), ..mark(7) };
    assert!(store.open_trace(&trace(2, Operation::Authorise, elsewhere), NOW).await.unwrap());
    let later = Mark { transmission: "1122233016".to_owned(), ..mark(7) };
    assert!(store.open_trace(&trace(3, Operation::Authorise, later), NOW).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn numbers_are_leased_once_per_terminal(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Bench { store, .. } = &Bench::open(database).await;
    let leases = (0..20).map(|_| store.lease_stans(SITE, "T", 100));
    let mut taken: Vec<i64> =
        futures_util::future::join_all(leases).await.into_iter().map(Result::unwrap).collect();
    taken.sort_unstable();
    assert_eq!(taken, (1..=20).map(|block| block * 100).collect::<Vec<_>>());
    assert_eq!(store.lease_stans(SITE, "U", 5).await.unwrap(), 5);
    assert_eq!(store.lease_stans(SiteId(2), "T", 5).await.unwrap(), 5);
}

fn collected(transaction: i64) -> Command {
    Command::CompletionAcknowledged { transaction: TransactionId(transaction) }
}

#[rstest]
#[tokio::test]
async fn a_payment_that_the_acquirer_is_told_of_has_a_job_until_it_has_acknowledged(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.paid_by_advice("a", 1).await;
    let has_job = async || bench.store.has_job(SITE, "send_completion", "1").await.unwrap();
    assert!(has_job().await);
    let claimed = bench.store.claim_jobs(after(2), after(3), 10).await.unwrap();
    assert!(claimed.iter().any(|job| job.job == Job::SendCompletion(TransactionId(1))), "{claimed:?}");
    bench.goes(&order, collected(1), after(4)).await;
    assert!(!has_job().await);
}

#[rstest]
#[tokio::test]
async fn a_number_is_in_flight_while_its_outcome_is_open(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.paid("a", 1, Capturing::Immediate).await;
    for (reference, operation) in [(1, Operation::Authorise), (10, Operation::Refund)] {
        assert!(bench.store.open_trace(&trace(reference, operation, mark(reference)), NOW).await.unwrap());
    }
    let in_flight = async |last| bench.store.stans_in_flight(SITE, "T", 1, last).await.unwrap();
    assert_eq!(in_flight(999_999).await, [0; 0], "what is paid is over");
    let order = bench.goes(&order, refund(10, 400), after(10)).await;
    let sent = Command::SendRefund { refund: TransactionId(10) };
    bench.goes(&order, sent, after(11)).await;
    assert_eq!(in_flight(999_999).await, [10]);
    assert_eq!(in_flight(9).await, [0; 0]);

    let order = bench.paid_by_advice("b", 2).await;
    assert!(bench.store.open_trace(&trace(2, Operation::Capture, mark(20)), NOW).await.unwrap());
    assert_eq!(in_flight(999_999).await, [10, 20], "the acquirer has yet to be told");
    bench.goes(&order, collected(2), after(12)).await;
    assert_eq!(in_flight(999_999).await, [10]);
    assert_eq!(bench.store.stans_in_flight(SITE, "U", 1, 999_999).await.unwrap(), [0; 0]);
}
