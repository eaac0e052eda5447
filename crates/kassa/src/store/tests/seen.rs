//! What is remembered of an order is never told instead of what it is now.

use super::*;
use payments::ids::{OrderId, SessionId};
use rstest::rstest;

async fn by_id(store: &Store, order: &OrderId) -> Option<Order> {
    store.load(SITE, order).await.unwrap()
}

async fn by_session(store: &Store, session: &SessionId) -> Option<Order> {
    store.load_by_session(session).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn whoever_changed_an_order_the_change_is_seen(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (here, elsewhere) = (&bench.store, bench.another().await);
    let placed = bench.place("a").await;
    let (id, session) = (placed.id.clone(), placed.session.id.clone());
    for store in [here, &elsewhere] {
        assert_eq!(by_id(store, &id).await.as_ref(), Some(&placed));
        assert_eq!(by_session(store, &session).await.as_ref(), Some(&placed));
    }

    // There, then here: both have seen it before.
    let changes = decide(&placed, submit(&placed, 1), after(1)).unwrap();
    elsewhere.commit(SITE, &id, Some(&placed), &changes, after(1)).await.unwrap();
    let submitted = changed(&placed, &changes, after(1));
    assert_eq!(by_id(here, &id).await.as_ref(), Some(&submitted));
    assert_eq!(by_session(here, &session).await.as_ref(), Some(&submitted));
    let authenticated = bench.run(&submitted, authenticated(1), after(2)).await;
    assert_eq!(by_session(&elsewhere, &session).await.as_ref(), Some(&authenticated));
    assert_eq!(by_id(&elsewhere, &id).await.as_ref(), Some(&authenticated));
}

#[rstest]
#[tokio::test]
async fn an_old_session_leads_to_the_order_as_it_is_now(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let placed = bench.place("a").await;
    let changes = bench.replacing(&placed, 2_000);
    bench.store.commit(SITE, &placed.id, Some(&placed), &changes, NOW).await.unwrap();
    let replaced = changed(&placed, &changes, NOW);
    for session in [&placed.session.id, &replaced.session.id] {
        assert_eq!(by_session(&bench.store, session).await.as_ref(), Some(&replaced));
    }
}

#[rstest]
#[tokio::test]
async fn a_commit_that_came_too_late_is_not_remembered(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let placed = bench.place("a").await;
    let submitted = bench.run(&placed, submit(&placed, 1), after(1)).await;
    let changes = decide(&placed, submit(&placed, 2), after(2)).unwrap();
    let late = bench.store.commit(SITE, &placed.id, Some(&placed), &changes, after(2)).await;
    assert!(matches!(late, Err(WriteError::Stale)), "{late:?}");
    assert_eq!(by_id(&bench.store, &placed.id).await.as_ref(), Some(&submitted));
}

#[rstest]
#[tokio::test]
async fn what_does_not_exist_is_looked_for_each_time(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let elsewhere = bench.another().await;
    assert_eq!(by_id(&elsewhere, &id("a")).await, None);
    let placed = bench.place("a").await;
    assert_eq!(by_id(&elsewhere, &id("a")).await, Some(placed));
}
