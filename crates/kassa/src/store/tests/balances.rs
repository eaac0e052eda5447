//! Balances, added up from the transfers.

use super::*;
use crate::store::Held;
use payments::ledger::Account;
use rstest::rstest;
use std::collections::BTreeMap;

/// Account, minor units and when they moved last, in milliseconds after the start.
fn sums(held: &[Held]) -> Vec<(&'static str, i64, i64)> {
    let mut sums: BTreeMap<&'static str, (i64, i64)> = BTreeMap::new();
    for held in held {
        assert_eq!(held.currency.code(), "EUR", "{held:?}");
        let sum = sums.entry(held.account.word()).or_default();
        *sum = (sum.0 + held.minor, sum.1.max(held.moved_at.since(NOW).0));
    }
    sums.into_iter().map(|(account, (minor, at))| (account, minor, at)).collect()
}

impl Bench {
    async fn holds(&self, until: Timestamp) -> Vec<(&'static str, i64, i64)> {
        sums(&self.store.held(SITE, until).await.unwrap())
    }
}

#[rstest]
#[tokio::test]
async fn an_account_has_what_it_got_less_what_it_gave(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    assert_eq!(bench.holds(after(99)).await, []);
    // One payment is collected, the other is held.
    for (name, transaction, score, seconds) in [("a", 1, 1, 10), ("b", 2, 7, 20)] {
        let order = bench.place(name).await;
        let order = bench.run(&order, submit(&order, transaction), after(seconds)).await;
        let order = bench.run(&order, authenticated(transaction), after(seconds)).await;
        bench.run(&order, approved(transaction, score), after(seconds)).await;
    }
    assert_eq!(bench.holds(after(10)).await, []);
    let first = [("acquirer", -1_000, 10_000), ("balance", 1_000, 10_000)];
    assert_eq!(bench.holds(after(20)).await, first);
    let all = [("acquirer", -2_000, 20_000), ("balance", 1_000, 10_000), ("uncleared", 1_000, 20_000)];
    assert_eq!(bench.holds(Timestamp(i64::MAX)).await, all);
    assert!(bench.store.held(SiteId(2), after(99)).await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn what_moved_is_told_by_quarters_of_an_hour(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (transaction, seconds) in [(1, 0), (2, 899), (3, 900), (4, 4_000)] {
        let order = bench.place(&format!("order {transaction}")).await;
        let order = bench.run(&order, submit(&order, transaction), after(seconds)).await;
        let order = bench.run(&order, authenticated(transaction), after(seconds)).await;
        bench.run(&order, approved(transaction, 1), after(seconds)).await;
    }
    let moved = async |from, until| {
        let (before, moved) = bench.store.held_and_moved(SITE, after(from), after(until)).await.unwrap();
        let all = |held: Vec<(&'static str, i64, i64)>| held.into_iter().map(|held| (held.0, held.1));
        let expected: Vec<_> = all(bench.holds(after(from)).await).collect();
        assert_eq!(all(sums(&before)).collect::<Vec<_>>(), expected, "what was there before");
        let line = |held: &Held| (held.minor, held.moved_at.since(NOW).0 / 1_000);
        let of_balance = moved.iter().filter(|held| held.account == Account::Balance);
        of_balance.map(line).collect::<Vec<_>>()
    };
    assert_eq!(moved(0, 9_000).await, [(2_000, 0), (1_000, 900), (1_000, 3_600)]);
    assert_eq!(moved(0, 900).await, [(2_000, 0)]);
    assert_eq!(moved(900, 4_000).await, [(1_000, 900)]);
    assert_eq!(moved(9_000, 99_000).await, []);
}
