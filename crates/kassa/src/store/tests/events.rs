//! The feed: every event once, in order, without gaps, whoever writes and reads at the same time.

use super::*;
use crate::store::Event;
use futures_util::future::join_all;
use rstest::rstest;
use std::collections::BTreeSet;

impl Bench {
    async fn event(&self, order: &Order, now: Timestamp) -> Order {
        let due = [Change::NotificationDue];
        self.store.commit(SITE, &order.id, Some(order), &due, now).await.unwrap();
        changed(order, &due, now)
    }
}

/// Reads to the end, looking again as often as others are faster.
async fn read_on(store: &Store, after: i64, limit: i64) -> Vec<Event> {
    for _ in 0..100 {
        match store.events(SITE, after, limit).await {
            Err(WriteError::Stale) => {}
            read => return read.unwrap(),
        }
    }
    panic!("others were always faster");
}

#[rstest]
#[tokio::test]
async fn what_the_shop_is_to_hear_of_is_an_event_with_the_words_of_then(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("é a").await;
    assert_eq!(bench.store.events(SITE, 0, 10).await.unwrap(), [], "a placed order is no news");
    let order = bench.run(&order, submit(&order, 1), after(1)).await;
    let before = bench.store.events(SITE, 0, 10).await.unwrap();
    let order = bench.run(&order, Command::Cancel, after(2)).await;
    let events = bench.store.events(SITE, 0, 10).await.unwrap();
    assert_eq!(events[..before.len()], before, "an event never changes");
    let last = events.last().unwrap();
    assert_eq!((&last.order, last.version, last.created_at), (&order.id, order.version, after(2)));
    assert_eq!((last.status.as_str(), last.financial_status.as_deref()), ("void", Some("cancelled")));

    let forgotten = bench.place("b").await;
    let ended = bench.run(&forgotten, Command::Cancel, after(3)).await;
    let new = bench.store.events(SITE, last.number, 10).await.unwrap();
    let words: Vec<_> =
        new.iter().map(|new| (new.status.as_str(), new.financial_status.as_deref())).collect();
    assert_eq!((words, new[0].version), (vec![("cancelled", None)], ended.version));
    assert_eq!(bench.store.events(SiteId(2), 0, 10).await.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn events_are_read_page_by_page_and_numbered_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (a, b) = (bench.place("a").await, bench.place("b").await);
    // The clock of the node that commits later is behind: the order's own versions stay in order.
    let a = bench.event(&a, after(30)).await;
    let a = bench.event(&a, after(10)).await;
    bench.event(&b, after(20)).await;
    let number = |events: &[Event]| -> Vec<_> {
        events.iter().map(|event| (event.number, event.order.to_string(), event.version)).collect()
    };
    let first = bench.store.events(SITE, 0, 2).await.unwrap();
    assert_eq!(number(&first), [(1, "b".to_owned(), 2), (2, "a".to_owned(), 2)]);
    // What happens now comes behind what has a number, whatever its time says.
    bench.event(&a, NOW).await;
    let rest = bench.store.events(SITE, 2, 10).await.unwrap();
    assert_eq!(number(&rest), [(3, "a".to_owned(), 3), (4, "a".to_owned(), 4)]);
    assert_eq!(bench.store.events(SITE, 4, 10).await.unwrap(), []);
    assert_eq!(bench.store.events(SITE, 0, 10).await.unwrap().len(), 4);
}

#[rstest]
#[tokio::test]
async fn a_change_that_comes_too_late_leaves_no_event(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    bench.event(&order, after(1)).await;
    let ended = bench.store.commit(SITE, &order.id, Some(&order), &[Change::NotificationDue], after(1)).await;
    assert!(matches!(ended, Err(WriteError::Stale)), "{ended:?}");
    assert_eq!(bench.store.events(SITE, 0, 10).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn readers_on_two_nodes_see_one_feed_without_gaps_while_it_grows(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    const EVENTS: usize = 200;
    let bench = Bench::open(database).await;
    let another = bench.another().await;
    let names: Vec<String> = (0..EVENTS / 5).map(|number| format!("order {number}")).collect();
    let placed = join_all(names.iter().map(|name| bench.place(name))).await;
    let write = placed.iter().enumerate().map(async |(at, order)| {
        let store = if at % 2 == 0 { &bench.store } else { &another };
        let mut order = order.clone();
        for _ in 0..5 {
            let due = [Change::NotificationDue];
            store.commit(SITE, &order.id, Some(&order), &due, NOW).await.unwrap();
            order = changed(&order, &due, NOW);
        }
    });
    let read = [&bench.store, &another, &bench.store, &another].map(async |store| {
        let mut seen: Vec<Event> = Vec::new();
        while seen.len() < EVENTS {
            let after = seen.last().map_or(0, |event| event.number);
            let new = read_on(store, after, 7).await;
            for event in new {
                let next = seen.last().map_or(1, |last| last.number + 1);
                assert_eq!(event.number, next, "nothing is missing before it");
                seen.push(event);
            }
            tokio::task::yield_now().await;
        }
        seen
    });
    let (_, feeds) = tokio::join!(join_all(write), join_all(read));
    assert!(feeds.iter().all(|feed| *feed == feeds[0]), "all read the same");
    let each: BTreeSet<_> = feeds[0].iter().map(|event| (event.order.clone(), event.version)).collect();
    assert_eq!(each.len(), EVENTS);
    for name in &names {
        let versions = feeds[0].iter().filter(|event| event.order.as_str() == name);
        assert!(versions.map(|event| event.version).eq(2..=6), "{name}");
    }
}
