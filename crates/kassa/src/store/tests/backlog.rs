//! What is waiting, counted.

use super::*;
use crate::store::backlog::Backlog;
use payments::change::Job;
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn what_is_due_and_what_is_unknown_is_counted_with_the_oldest(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let nothing =
        Backlog { notifications: 0, oldest_notification: None, jobs: 0, oldest_job: None, unknown: 0 };
    assert_eq!(bench.store.backlog(NOW).await.unwrap(), nothing);

    let order = bench.place("a").await;
    let job = |number| Job::ResolveUnknown(TransactionId(number));
    let due = |number, seconds| Change::JobDue { job: job(number), at: after(seconds) };
    let changes = [Change::NotificationDue, due(1, 3), due(2, 5), due(3, 9)];
    bench.store.commit(SITE, &order.id, Some(&order), &changes, after(1)).await.unwrap();
    let expected = Backlog {
        notifications: 1,
        oldest_notification: Some(after(1)),
        jobs: 2,
        oldest_job: Some(after(3)),
        unknown: 0,
    };
    assert_eq!(bench.store.backlog(after(5)).await.unwrap(), expected);
    assert_eq!(bench.store.queued(), 0);

    // Unknown, and then being reversed: both are open until the host has said what happened.
    let paying = bench.place("b").await;
    let paying = bench.run(&paying, submit(&paying, 1), NOW).await;
    let paying = bench.run(&paying, authenticated(1), NOW).await;
    let unknown = async || bench.store.backlog(NOW).await.unwrap().unknown;
    assert_eq!(unknown().await, 0);
    bench.run(&paying, answered(1, Outcome::Unknown), NOW).await;
    assert_eq!(unknown().await, 1);
}
