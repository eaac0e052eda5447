//! Jobs: claimed by one at a time, and by another once the lease is over.

use super::*;
use crate::store::Claimed;
use futures_util::future::join_all;
use payments::change::Job;
use rstest::rstest;
use std::collections::BTreeSet;

const LEASE: Millis = Millis::seconds(30);

fn resolve(number: i64) -> Job {
    Job::ResolveUnknown(TransactionId(number))
}

impl Bench {
    /// An order with jobs that are due after so many seconds.
    async fn with_jobs(&self, due: &[(i64, i64)]) -> Order {
        let order = self.place("a").await;
        let changes: Vec<_> = due
            .iter()
            .map(|(number, seconds)| Change::JobDue { job: resolve(*number), at: after(*seconds) })
            .collect();
        self.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await.unwrap();
        changed(&order, &changes, NOW)
    }

    async fn claim(&self, now: Timestamp, limit: i64) -> Vec<Claimed> {
        self.store.claim_jobs(now, now.plus(LEASE), limit).await.unwrap()
    }
}

fn jobs(claimed: &[Claimed]) -> BTreeSet<Job> {
    claimed.iter().map(|claimed| claimed.job.clone()).collect()
}

#[rstest]
#[tokio::test]
async fn what_is_due_is_claimed_the_oldest_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.with_jobs(&[(1, 3), (2, 1), (3, 2), (4, 9)]).await;
    assert_eq!(bench.claim(NOW, 10).await.len(), 0, "nothing is due yet");
    let first = bench.claim(after(3), 2).await;
    assert_eq!(jobs(&first), BTreeSet::from([resolve(2), resolve(3)]));
    for claimed in &first {
        assert_eq!((claimed.site, &claimed.order, claimed.lease_epoch), (SITE, &id("a"), 1));
    }
    assert_eq!(jobs(&bench.claim(after(3), 10).await), BTreeSet::from([resolve(1)]));
    assert_eq!(jobs(&bench.claim(after(9), 10).await), BTreeSet::from([resolve(4)]));
    assert_eq!(bench.claim(after(9), 10).await.len(), 0);
}

#[rstest]
#[tokio::test]
async fn two_claimers_never_get_the_same_job(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let another = bench.another().await;
    let due: Vec<_> = (0..100).map(|number| (number, number % 3)).collect();
    bench.with_jobs(&due).await;
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        let claims = (0..6).map(|at| {
            let store = if at % 2 == 0 { &bench.store } else { &another };
            store.claim_jobs(after(5), after(35), 7)
        });
        for claimed in join_all(claims).await {
            for claimed in claimed.unwrap() {
                assert!(seen.insert(claimed.job.clone()), "{claimed:?} was claimed twice");
            }
        }
        if seen.len() == 100 {
            break;
        }
    }
    assert_eq!(seen.len(), 100, "all are claimed in the end");
}

#[rstest]
#[tokio::test]
async fn a_lease_that_is_over_is_claimed_anew_and_its_holder_has_no_say(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.with_jobs(&[(1, 0)]).await;
    let stale = bench.claim(NOW, 1).await.remove(0);
    assert_eq!(bench.claim(after(29), 1).await.len(), 0, "the lease holds");
    let fresh = bench.claim(after(30), 1).await.remove(0);
    assert_eq!((&fresh.job, fresh.lease_epoch), (&stale.job, stale.lease_epoch + 1));

    bench.store.finish_job(&stale).await.unwrap();
    bench.store.retry_job(&stale, NOW).await.unwrap();
    assert_eq!(bench.number("SELECT due_at FROM job WHERE kind = 'resolve_unknown'").await, NOW.0);
    assert_eq!(bench.claim(after(31), 1).await.len(), 0, "the newer lease still holds");

    bench.store.retry_job(&fresh, after(40)).await.unwrap();
    assert_eq!(bench.claim(after(39), 1).await.len(), 0);
    let again = bench.claim(after(40), 1).await.remove(0);
    bench.store.finish_job(&again).await.unwrap();
    assert_eq!(bench.claim(after(400), 1).await.len(), 0);
    assert!(!bench.store.has_job(SITE, "resolve_unknown", "1").await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_job_that_became_due_anew_while_it_was_done_is_not_finished(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.with_jobs(&[(1, 0)]).await;
    let claimed = bench.claim(NOW, 1).await.remove(0);
    let anew = [Change::JobDue { job: resolve(1), at: after(10) }];
    bench.store.commit(SITE, &order.id, Some(&order), &anew, NOW).await.unwrap();
    bench.store.finish_job(&claimed).await.unwrap();
    bench.store.retry_job(&claimed, after(500)).await.unwrap();
    assert_eq!(bench.claim(after(9), 1).await.len(), 0);
    assert_eq!(jobs(&bench.claim(after(10), 1).await), BTreeSet::from([resolve(1)]));
}

#[rstest]
#[tokio::test]
async fn every_kind_of_job_is_read_back(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    let number = TransactionId(7);
    let all = BTreeSet::from([
        Job::ExpireSession(order.session.id.clone()),
        Job::ExpireTransaction(number),
        Job::ResolveUnknown(number),
        Job::EndReview(number),
        Job::ReleaseApproval(number),
    ]);
    let due: Vec<_> = all.iter().map(|job| Change::JobDue { job: job.clone(), at: NOW }).collect();
    bench.store.commit(SITE, &order.id, Some(&order), &due, NOW).await.unwrap();
    assert_eq!(jobs(&bench.claim(NOW, 10).await), all);
}

#[rstest]
#[tokio::test]
async fn a_job_of_a_newer_version_keeps_nobody_from_the_others(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.with_jobs(&[(1, 3)]).await;
    let unknown = "INSERT INTO job (site_id, kind, subject, order_id, due_at, lease_until, lease_epoch) \
                   VALUES ($1, 'travel_in_time', '1', 'a', 1, 0, 0)";
    bench.store.db.execute("jobs", statement(unknown, [SITE.0.into()])).await.unwrap();
    assert_eq!(jobs(&bench.claim(after(3), 10).await), BTreeSet::from([resolve(1)]));
}
