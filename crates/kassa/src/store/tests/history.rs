//! What is only history goes when it is old, a little at once, and what something rests on stays.

use super::*;
use crate::store::{AuthenticationRow, Stage};
use rstest::rstest;

/// Long ago, from when on it is not long ago, and now.
const OLD: Timestamp = Timestamp(NOW.0 - Millis::days(100).0);
const UNTIL: Timestamp = Timestamp(NOW.0 - Millis::days(90).0);
const ATTEMPTS: &str = "SELECT COUNT(*) FROM notification_attempt";
const EVENTS: &str = "SELECT COUNT(*) FROM order_event";

impl Bench {
    async fn do_sql(&self, sql: &'static str, params: Vec<super::super::db::Value>) {
        self.store.db.execute("test", Statement { sql, params }).await.unwrap();
    }

    async fn old_attempt(&self, order: &str, version: i64, at: Timestamp, verdict: &str, status: &str) {
        let sql = "INSERT INTO notification_attempt (site_id, order_id, lease_epoch, version, try, method, url, \
                   started_at, duration_ms, verdict, answer, status) VALUES ($1, $2, $3, $3, 1, 'POST', 'u', $4, 1, $5, \
                   'OK', $6)";
        let params =
            vec![SITE.0.into(), order.into(), version.into(), at.0.into(), verdict.into(), status.into()];
        self.do_sql(sql, params).await;
    }

    async fn old_event(&self, order: &str, version: i64, at: Timestamp) {
        let sql = "INSERT INTO order_event (site_id, order_id, version, status, created_at) \
                   VALUES ($1, $2, $3, 'completed', $4)";
        self.do_sql(sql, vec![SITE.0.into(), order.into(), version.into(), at.0.into()]).await;
    }

    /// Until nothing more is to go; how many portions it took.
    async fn forget(&self, limit: i64) -> u32 {
        let mut portions = 0;
        while self.store.forget_history(UNTIL, NOW, limit).await.unwrap() {
            portions += 1;
            assert!(portions < 100, "it never ends");
        }
        portions
    }
}

#[rstest]
#[tokio::test]
async fn of_old_attempts_what_the_shop_acknowledged_last_stays(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for name in ["paid", "told nothing", "young"] {
        bench.place(name).await;
    }
    for (version, verdict, status) in [
        (2, "acknowledged", "initialized"),
        (3, "500", "completed"),
        (4, "acknowledged", "completed"),
        (5, "superseded", ""),
        (6, "timed out", "completed"),
    ] {
        bench.old_attempt("paid", version, OLD, verdict, status).await;
        bench.old_attempt("young", version, UNTIL, verdict, status).await;
    }
    bench.old_attempt("told nothing", 2, OLD, "no address", "").await;
    bench.old_attempt("told nothing", 3, OLD, "404", "declined").await;
    assert!(bench.forget(100).await > 0);
    assert_eq!(bench.number(ATTEMPTS).await, 5 + 2);
    let last = bench.store.told(SITE, &id("paid")).await.unwrap().1;
    assert_eq!(last.as_deref(), Some("completed"));
    assert!(bench.store.has_heard_of_payment(SITE, &id("paid")).await.unwrap());
    assert_eq!(bench.forget(100).await, 0, "what stays is not looked at again");
    // Years later something newer takes its place.
    bench.old_attempt("paid", 7, NOW, "acknowledged", "refunded").await;
    assert_eq!(bench.forget(100).await, 0);
    assert_eq!(bench.number(ATTEMPTS).await, 5 + 3);
}

#[rstest]
#[tokio::test]
async fn a_feed_goes_on_where_it_was_when_all_of_it_was_forgotten(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.place("a").await;
    for version in 2..=6 {
        bench.old_event("a", version, OLD.plus(Millis(version))).await;
    }
    assert_eq!(bench.store.events(SITE, 0, 10).await.unwrap().last().unwrap().number, 5);
    bench.old_event("a", 7, OLD.plus(Millis(7))).await;
    bench.old_event("a", 8, NOW).await;
    assert!(bench.forget(2).await >= 2, "no more than two at once");
    let left = bench.store.events(SITE, 0, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|event| (event.number, event.version)).collect();
    // Of the old ones, the newest number; nobody had read the sixth.
    assert_eq!(left, [(5, 6), (6, 8)]);
    assert_eq!(bench.number(EVENTS).await, 2);
}

#[rstest]
#[tokio::test]
async fn only_authentications_that_are_over_are_forgotten(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (number, (stage, created_at)) in
        (1..).zip([(Stage::Ended, OLD), (Stage::Ended, OLD), (Stage::Challenge, OLD), (Stage::Ended, NOW)])
    {
        let row = AuthenticationRow {
            site: SITE,
            transaction: TransactionId(number),
            order: id("a"),
            server_trans_id: format!("8a880dc0-d2d2-4067-bcb1-{number:012}"),
            ds_trans_id: None,
            acs_trans_id: None,
            version: "2.2.0".to_owned(),
            stage,
            content: "{}".to_owned(),
            sealed: None,
            asked_at: None,
            due_at: (stage != Stage::Ended).then_some(NOW),
            outcome: None,
            holder: None,
        };
        bench.store.begin_authentication(&row, created_at).await.unwrap();
        bench.store.keep_simulator_challenge(&format!("challenge {number}"), "{}", created_at).await.unwrap();
    }
    bench.forget(1).await;
    let left = bench.number("SELECT CAST(SUM(transaction_id) AS BIGINT) FROM authentication").await;
    assert_eq!(left, 3 + 4);
    assert_eq!(bench.store.simulator_challenge("challenge 1").await.unwrap(), None);
    assert!(bench.store.simulator_challenge("challenge 4").await.unwrap().is_some());
}
