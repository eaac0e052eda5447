//! Balances, added up from the transfers.

use super::*;
use crate::store::Held;
use rstest::rstest;
use std::collections::BTreeMap;

type Sums = Vec<(&'static str, i64)>;

/// By account, in minor units.
fn sums(held: &[Held]) -> Sums {
    let mut sums: BTreeMap<&'static str, i64> = BTreeMap::new();
    for held in held {
        assert_eq!(held.currency.code(), "EUR", "{held:?}");
        *sums.entry(held.account.word()).or_default() += held.minor;
    }
    sums.into_iter().collect()
}

impl Bench {
    /// What is there now, and when it moved last, in seconds after the start.
    async fn holds(&self, now: Timestamp) -> (Sums, Option<i64>) {
        let (held, moved): (Vec<_>, Vec<_>) = self.store.held(SITE, now).await.unwrap().into_iter().unzip();
        (sums(&held), moved.into_iter().max().map(|moved| moved.since(NOW).0 / 1_000))
    }

    /// What was there at these times.
    async fn held(&self, times: &[Timestamp], now: Timestamp) -> Vec<Sums> {
        self.store.held_at(SITE, times, now).await.unwrap().iter().map(|held| sums(held)).collect()
    }

    /// A payment of 10 euros, collected or held for review.
    async fn pays(&self, transaction: i64, score: u8, at: Timestamp) {
        let order = self.place(&format!("order {transaction}")).await;
        let order = self.run(&order, submit(&order, transaction), at).await;
        let order = self.run(&order, authenticated(transaction), at).await;
        self.run(&order, approved(transaction, score), at).await;
    }
}

/// After this many such payments.
fn collected(count: i64) -> Sums {
    if count == 0 { Vec::new() } else { vec![("acquirer", -1_000 * count), ("balance", 1_000 * count)] }
}

#[rstest]
#[tokio::test]
async fn an_account_has_what_it_got_less_what_it_gave(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    assert_eq!(bench.holds(after(99)).await, (vec![], None));
    bench.pays(1, 1, after(10)).await;
    bench.pays(2, 7, after(20)).await;
    let all = vec![("acquirer", -2_000), ("balance", 1_000), ("uncleared", 1_000)];
    let days = |count| after(20).plus(Millis::days(count));
    for now in [after(20), days(1), days(2), days(28)] {
        assert_eq!(bench.holds(now).await, (all.clone(), Some(20)));
    }
    bench.pays(3, 1, days(29)).await;
    let (more, _) = bench.holds(days(29)).await;
    assert_eq!(more, [("acquirer", -3_000), ("balance", 2_000), ("uncleared", 1_000)]);
    assert!(bench.store.held(SiteId(2), after(99)).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn each_time_has_what_was_there_before_whoever_asked_for_others_before(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (transaction, seconds) in [(1, 0), (2, 899), (3, 900), (4, 4_000)] {
        bench.pays(transaction, 1, after(seconds)).await;
    }
    let counts = [(0, 0), (900, 2), (1_800, 3), (3_600, 3), (4_500, 4), (90_000, 4)];
    let (early, late) = (after(4_500), after(1_000_000));
    for now in [early, late, early] {
        // One by one, the newest first, and then all together.
        for (time, count) in counts.into_iter().rev() {
            assert_eq!(bench.held(&[after(time)], now).await, [collected(count)]);
        }
        let (times, counts): (Vec<_>, Vec<_>) =
            counts.iter().map(|(time, count)| (after(*time), collected(*count))).unzip();
        assert_eq!(bench.held(&times, now).await, counts);
    }
    // What comes later is seen wherever it counts.
    bench.pays(5, 1, after(1_000_000)).await;
    let times = [after(4_500), after(999_000), after(1_000_800)];
    assert_eq!(bench.held(&times, after(1_000_001)).await, [collected(4), collected(4), collected(5)]);
    assert_eq!(bench.held(&[], late).await, Vec::<Sums>::new());
}

#[rstest]
#[tokio::test]
async fn what_is_long_over_is_added_up_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let days = |count| NOW.plus(Millis::days(count));
    bench.pays(1, 1, days(0)).await;
    bench.pays(2, 1, days(9)).await;
    let ends: Vec<_> = (1..=10).map(days).collect();
    let before = bench.held(&ends, days(10)).await;
    let sql = "UPDATE ledger_transfer SET amount_minor = 7 * amount_minor";
    bench.store.db.execute("ledger", statement(sql, [])).await.unwrap();
    let after = bench.held(&ends, days(10)).await;
    assert_eq!(after[..9], before[..9], "over for a day");
    let last = vec![("acquirer", -1_000 - 7_000), ("balance", 1_000 + 7_000)];
    assert_eq!(after[9], last, "a day that has just ended is added up again, and nothing before it");
    assert_eq!(bench.holds(days(10)).await.0, last);
}
