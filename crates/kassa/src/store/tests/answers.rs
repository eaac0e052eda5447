//! Answers of requests with a key: there with their effect, and only with it.

use super::*;
use crate::store::KeptAnswer;
use futures_util::future::join_all;
use rstest::rstest;

const DAY: i64 = 86_400;

fn answer(key: &str, digest: u8) -> KeptAnswer {
    KeptAnswer {
        site: SITE,
        key: key.to_owned(),
        digest: vec![digest; 32],
        body: format!("{{\"é\":\"{digest}\"}}"),
        order_version: (digest > 1).then_some(i64::from(digest)),
    }
}

impl Bench {
    async fn answered(&self, key: &str, now: Timestamp) -> Option<KeptAnswer> {
        self.store.find_answer(SITE, key, now).await.unwrap()
    }

    async fn change(&self, known: &Order, kept: &KeptAnswer, now: Timestamp) -> Result<(), WriteError> {
        let changes = self.replacing(known, 2_000 + known.version);
        self.store.commit_answering(SITE, &known.id, Some(known), &changes, Some(kept), now).await
    }
}

#[rstest]
#[tokio::test]
async fn an_answer_is_read_back_by_its_sites_key_alone(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    for kept in [answer("one", 1), answer("tw'o ~", 2)] {
        bench.store.keep_answer(&order.id, &kept, NOW).await.unwrap();
        assert_eq!(bench.answered(&kept.key, NOW).await, Some(kept));
    }
    assert_eq!(bench.answered("One", NOW).await, None);
    assert_eq!(bench.store.find_answer(SiteId(2), "one", NOW).await.unwrap(), None);
    assert_eq!(bench.load("a").await, Some(order), "the order is as it was");
}

#[rstest]
#[tokio::test]
async fn a_stale_change_keeps_no_answer_and_a_taken_key_no_change(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    let stale = Order { version: 7, ..order.clone() };
    let ended = bench.change(&stale, &answer("key", 2), NOW).await;
    assert!(matches!(ended, Err(WriteError::Stale)), "{ended:?}");
    assert_eq!(bench.answered("key", NOW).await, None);

    bench.change(&order, &answer("key", 2), NOW).await.unwrap();
    assert_eq!(bench.answered("key", NOW).await, Some(answer("key", 2)));
    let order = bench.load("a").await.unwrap();
    assert_eq!(order.version, 2);
    for ended in [
        bench.change(&order, &answer("key", 3), NOW).await,
        bench.store.keep_answer(&order.id, &answer("key", 3), NOW).await,
    ] {
        assert!(matches!(ended, Err(WriteError::Stale)), "{ended:?}");
    }
    assert_eq!(bench.load("a").await, Some(order));
    assert_eq!(bench.answered("key", NOW).await, Some(answer("key", 2)));
}

#[rstest]
#[tokio::test]
async fn of_many_changes_with_one_key_one_happens_whatever_shares_its_commit(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let another = bench.another().await;
    let names: Vec<String> = (0..20).map(|number| format!("order {number}")).collect();
    let orders = join_all(names.iter().map(|name| bench.place(name))).await;
    let all: Vec<_> = orders.iter().map(|order| bench.replacing(order, 2_000)).collect();
    let (shared, plain) = (answer("shared", 2), None);
    let commits = orders.iter().zip(&all).enumerate().map(|(at, (order, changes))| {
        let store = if at % 3 == 0 { &another } else { &bench.store };
        let kept = if at % 2 == 0 { Some(&shared) } else { plain };
        store.commit_answering(SITE, &order.id, Some(order), changes, kept, NOW)
    });
    let ended = join_all(commits).await;
    let of = |even: bool| ended.iter().enumerate().filter(move |(at, _)| (at % 2 == 0) == even);
    assert!(of(false).all(|(_, ended)| ended.is_ok()), "{ended:?}");
    assert_eq!(of(true).filter(|(_, ended)| ended.is_ok()).count(), 1, "{ended:?}");
    assert_eq!(of(true).filter(|(_, ended)| matches!(ended, Err(WriteError::Stale))).count(), 9, "{ended:?}");
    assert_eq!(bench.number("SELECT COUNT(*) FROM shop_order WHERE version = 2").await, 11);
}

#[rstest]
#[tokio::test]
async fn an_answer_counts_for_a_day_and_is_then_forgotten_bit_by_bit(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    for (at, key) in ["a", "b", "c"].into_iter().enumerate() {
        let at = after(i64::try_from(at).unwrap());
        bench.store.keep_answer(&order.id, &answer(key, 1), at).await.unwrap();
    }
    assert!(bench.answered("a", after(DAY - 1)).await.is_some());
    assert_eq!(bench.answered("a", after(DAY)).await, None, "its day is over");
    assert_eq!(bench.store.forget_answers(after(DAY - 1), 10).await.unwrap(), 0);
    assert_eq!(bench.store.forget_answers(after(DAY + 1), 1).await.unwrap(), 1);
    assert_eq!(bench.store.forget_answers(after(DAY + 1), 10).await.unwrap(), 1);
    assert!(bench.answered("c", after(DAY + 1)).await.is_some());
    // One that nobody has forgotten yet makes room for a new one.
    bench.change(&order, &answer("c", 2), after(DAY + 2)).await.unwrap();
    assert_eq!(bench.answered("c", after(DAY + 2)).await, Some(answer("c", 2)));
    assert_eq!(bench.number("SELECT COUNT(*) FROM idempotent_answer").await, 1);
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_kept_later_is_kept_by_whoever_is_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let keep = |kept: &KeptAnswer| bench.store.keep_answers(SITE, kept.statements(NOW).into());
    assert!(keep(&answer("one", 1)).await.unwrap());
    assert!(!keep(&answer("one", 2)).await.unwrap());
    assert!(bench.store.keep_answers(SITE, Vec::new()).await.unwrap());
    assert_eq!(bench.answered("one", NOW).await, Some(answer("one", 1)));
}
