//! Connections that end at the worst of moments: what was written is found out before anybody is told.

use super::proxy::{Fault, Proxy};
use super::*;
use crate::metrics;
use futures_util::future::join_all;
use rstest::rstest;

/// A store whose database is behind a network.
async fn behind_a_network() -> (Bench, Proxy) {
    let mut bench = Bench::open(Database::Postgres).await;
    let proxy = Proxy::before(&bench.location).await;
    bench.store = Store::open(&proxy.location).await.unwrap();
    (bench, proxy)
}

#[rstest]
#[case::it_never_arrived(Fault::BeforeCommit)]
#[case::its_answer_was_lost(Fault::AfterCommit)]
#[tokio::test]
async fn a_commit_without_an_answer_is_acknowledged_once_it_happened(#[case] fault: Fault) {
    let before = metrics::retries();
    let (bench, proxy) = behind_a_network().await;
    let first = bench.place("first").await;
    for round in 1..=5 {
        proxy.lose(fault);
        let names: Vec<String> = (0..30).map(|number| format!("{round} {number}")).collect();
        join_all(names.iter().map(|name| bench.place(name))).await;
        assert_eq!(proxy.lost(), round, "{fault:?}");
    }
    assert_eq!(bench.number("SELECT COUNT(*) FROM shop_order").await, 151);
    assert_eq!(bench.number("SELECT COUNT(*) FROM session").await, 151, "nothing was done twice");
    if fault == Fault::BeforeCommit {
        assert!(metrics::retries() >= before + 5, "an operator sees it");
    }
    assert_eq!(bench.load("first").await, Some(first));
}

#[rstest]
#[case::it_never_arrived(Fault::BeforeCommit)]
#[case::its_answer_was_lost(Fault::AfterCommit)]
#[tokio::test]
async fn what_a_write_answers_outlives_the_connection(#[case] fault: Fault) {
    let (bench, proxy) = behind_a_network().await;
    proxy.lose(fault);
    let sql = "UPDATE site SET name = name || '!' WHERE id = $1 RETURNING name";
    let renamed = bench.store.db.execute("any", statement(sql, [SITE.0.into()])).await;
    let name = renamed.unwrap().remove(0).columns().text().unwrap();
    assert_eq!((name.as_str(), proxy.lost()), ("Test shop!", 1));
}

#[tokio::test]
async fn a_guard_that_was_touched_by_a_lost_commit_is_not_stale() {
    let (bench, proxy) = behind_a_network().await;
    let mut order = bench.place("a").await;
    for minor in 1..=10 {
        proxy.lose(if minor % 2 == 0 { Fault::BeforeCommit } else { Fault::AfterCommit });
        let changes = bench.replacing(&order, minor);
        bench.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await.unwrap();
        order = changed(&order, &changes, NOW);
    }
    assert_eq!(bench.load("a").await, Some(order));
    assert_eq!(proxy.lost(), 10);
}

#[tokio::test]
async fn connections_that_end_are_replaced_without_anybody_noticing() {
    let (bench, proxy) = behind_a_network().await;
    for round in 0..20 {
        let name = format!("order {round}");
        let placed = bench.place(&name).await;
        proxy.cut();
        assert_eq!(bench.load(&name).await, Some(placed));
        proxy.cut();
    }
}

#[tokio::test]
async fn what_cannot_be_found_out_is_called_unknown() {
    let (bench, proxy) = behind_a_network().await;
    let order = bench.place("a").await;
    proxy.lose(Fault::AfterCommitForGood);
    let changes = bench.replacing(&order, 7);
    let ended = bench.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await;
    assert!(matches!(ended, Err(WriteError::Unknown(_))), "{ended:?}");
    let next = bench.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await;
    assert!(matches!(next, Err(WriteError::Failed(_))), "nothing was sent: {next:?}");
    let directly = bench.another().await;
    assert_eq!(directly.load(SITE, &order.id).await.unwrap(), Some(changed(&order, &changes, NOW)));
}

#[tokio::test]
async fn a_lane_leaves_few_witnesses() {
    let bench = Bench::open(Database::Postgres).await;
    for number in 0..600 {
        let sql = "UPDATE site SET created_at = $1 WHERE id = $2";
        bench.store.db.execute("one", statement(sql, [number.into(), SITE.0.into()])).await.unwrap();
    }
    let left = bench.number("SELECT COUNT(*) FROM commit_witness").await;
    assert!((1..=257).contains(&left), "{left}");
}
