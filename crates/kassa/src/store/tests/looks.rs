//! Looks in crowds: each is answered with what it asked for, as it is by then.

use super::*;
use futures_util::future::join_all;
use rstest::rstest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Changes an order behind the back of whoever remembers it.
async fn raise_version(store: &Store, order: &str) {
    let sql = "UPDATE shop_order SET version = version + 1 WHERE order_id = $1";
    store.db.execute(order, statement(sql, [order.into()])).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn everybody_in_a_crowd_is_answered_about_their_own_order(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let here = [("once", Some(1)), ("twice", Some(2)), ("thrice", Some(3)), ("never", None)];
    for (order, version) in here {
        for nth in 1..=version.unwrap_or(0) {
            if nth == 1 { drop(bench.place(order).await) } else { raise_version(&bench.store, order).await }
        }
    }
    let sites = [(SITE, true), (SiteId(2), false)];
    for crowd in [1, 2, 7, 8, 9, 31, 32, 33, 200] {
        let asked = here.iter().flat_map(|(order, version)| sites.map(|site| (order, version, site)));
        let asked: Vec<_> = asked.cycle().take(crowd).collect();
        let looks = asked.iter().map(|(order, _, (site, _))| {
            let (looks, order, site) = (bench.store.looks.clone(), id(order), *site);
            async move { looks.version(site, &order).await.unwrap() }
        });
        let told = join_all(looks).await;
        let wanted = asked.iter().map(|(_, version, (_, is_theirs))| version.filter(|_| *is_theirs));
        assert_eq!(told, wanted.collect::<Vec<_>>(), "{crowd} at once");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_sees_what_was_committed_before_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let elsewhere = bench.another().await;
    drop(bench.place("a").await);
    let over = Arc::new(AtomicBool::new(false));
    // There is always a question on its way.
    let others = (0..20).map(|_| {
        let (looks, over) = (bench.store.looks.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut last = 0;
            while !over.load(Ordering::Relaxed) {
                let seen = looks.version(SITE, &id("a")).await.unwrap().unwrap();
                assert!(seen >= last, "{seen} after {last}");
                last = seen;
                tokio::task::yield_now().await;
            }
        })
    });
    let others: Vec<_> = others.collect();
    for version in 2..=60 {
        raise_version(&elsewhere, "a").await;
        assert_eq!(bench.store.looks.version(SITE, &id("a")).await.unwrap(), Some(version));
    }
    over.store(true, Ordering::Relaxed);
    for other in others {
        other.await.unwrap();
    }
}
