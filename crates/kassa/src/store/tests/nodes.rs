//! Nodes, and the authentications whose cards they hold.

use super::*;
use crate::store::nodes::NodeRow;
use rstest::rstest;

fn node(name: &str, seen_at: Timestamp) -> NodeRow {
    NodeRow { id: name.to_owned(), roles: "api,pages".to_owned(), seen_at }
}

#[rstest]
#[tokio::test]
async fn a_node_is_known_from_its_first_beat_to_its_good_bye(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let store = &bench.store;
    assert_eq!(store.nodes().await.unwrap(), []);
    assert_eq!(store.node_seen_at("a").await.unwrap(), None);
    store.beat("a", "worker", after(1)).await.unwrap();
    store.beat("b", "api,pages", after(2)).await.unwrap();
    store.beat("a", "api,pages", after(3)).await.unwrap();
    assert_eq!(store.nodes().await.unwrap(), [node("a", after(3)), node("b", after(2))]);
    assert_eq!(store.node_seen_at("a").await.unwrap(), Some(after(3)));

    store.forget_silent_nodes(after(12), Millis::seconds(10)).await.unwrap();
    assert_eq!(store.nodes().await.unwrap().len(), 2, "ten seconds of silence are not more than ten");
    store.forget_silent_nodes(after(13), Millis::seconds(10)).await.unwrap();
    assert_eq!(store.nodes().await.unwrap(), [node("a", after(3))]);
    store.forget_node("a").await.unwrap();
    assert_eq!(store.nodes().await.unwrap(), []);
}

#[tokio::test]
async fn only_a_database_that_is_shared_has_a_clock() {
    let embedded = Bench::open(Database::Sqlite).await;
    assert_eq!(embedded.store.shared_clock().await.unwrap(), None);
    let shared = Bench::open(Database::Postgres).await;
    let first = shared.store.shared_clock().await.unwrap().unwrap();
    let second = shared.store.shared_clock().await.unwrap().unwrap();
    assert!(first > NOW && first <= second, "{first:?} and then {second:?}");
}
