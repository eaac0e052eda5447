//! Many writes at once: each stands or falls alone, whatever shares its commit.

use super::*;
use crate::store::db::PoolLimits;
use crate::store::variant::Variant;
use crate::store::{AuthenticationRow, postgres};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::{FutureExt as _, TryFutureExt as _};
use payments::ledger::Step;
use payments::transaction::Transaction;
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn of_fifty_commits_from_one_version_exactly_one_wins(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let another = bench.another().await;
    let order = bench.place("a").await;
    let all: Vec<_> = (1..=50).map(|minor| bench.replacing(&order, minor)).collect();
    let commits = all.iter().enumerate().map(|(at, changes)| {
        let store = if at % 2 == 0 { &bench.store } else { &another };
        store.commit(SITE, &order.id, Some(&order), changes, after(1))
    });
    let ended = join_all(commits).await;
    let winners: Vec<_> = (0..50).filter(|at| ended[*at].is_ok()).collect();
    let stale = ended.iter().filter(|ended| matches!(ended, Err(WriteError::Stale))).count();
    assert_eq!((winners.len(), stale), (1, 49), "{ended:?}");
    assert_eq!(bench.load("a").await, Some(changed(&order, &all[winners[0]], after(1))));
    assert_eq!(bench.number("SELECT COUNT(*) FROM session").await, 2, "the others left nothing");
    assert_eq!(bench.number("SELECT COUNT(*) FROM job").await, 1, "the others left nothing");
}

#[rstest]
#[tokio::test]
async fn of_fifty_who_place_one_order_exactly_one_wins(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let all: Vec<_> = (1..=50)
        .map(|minor| match place(None, bench.request("a", minor), NOW).unwrap() {
            Placing::Opened(changes) => changes,
            Placing::Same => panic!("a new order opens a session"),
        })
        .collect();
    let order = id("a");
    let ended =
        join_all(all.iter().map(|changes| bench.store.commit(SITE, &order, None, changes, NOW))).await;
    assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1, "{ended:?}");
    assert_eq!(ended.iter().filter(|ended| matches!(ended, Err(WriteError::Stale))).count(), 49, "{ended:?}");
    assert_eq!(bench.number("SELECT COUNT(*) FROM session").await, 1);
}

#[rstest]
#[tokio::test]
async fn of_a_crowd_that_places_each_order_three_times_each_is_placed_once_and_whole(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let all: Vec<_> = (0..300)
        .map(|number| {
            let name = format!("order {}", number % 100);
            match place(None, bench.request(&name, number), NOW).unwrap() {
                Placing::Opened(changes) => (id(&name), changes),
                Placing::Same => panic!("a new order opens a session"),
            }
        })
        .collect();
    let commits = all.iter().map(|(order, changes)| bench.store.commit(SITE, order, None, changes, NOW));
    let ended = join_all(commits).await;
    let mut placed: Vec<_> = all.iter().zip(&ended).filter(|(_, ended)| ended.is_ok()).collect();
    assert_eq!(
        ended.iter().filter(|ended| matches!(ended, Err(WriteError::Stale))).count(),
        200,
        "{ended:?}"
    );
    placed.sort_by_key(|((order, _), _)| order.as_str().to_owned());
    placed.dedup_by_key(|((order, _), _)| order.as_str().to_owned());
    assert_eq!(placed.len(), 100, "each is placed once");
    for ((order, changes), _) in placed {
        let kept = bench.store.load(SITE, order).await.unwrap().unwrap();
        let Some(Change::OrderPlaced(asked)) = changes.first() else { panic!("{changes:?}") };
        assert_eq!((kept.terms.amount, kept.session), (asked.terms.amount, asked.session.clone()), "{order}");
    }
    for rows in ["SELECT COUNT(*) FROM session", "SELECT COUNT(*) FROM job"] {
        assert_eq!(bench.number(rows).await, 100, "{rows}");
    }
}

#[rstest]
#[tokio::test]
async fn five_hundred_writes_at_once_are_all_acknowledged_and_readable(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let names: Vec<String> = (0..500).map(|number| format!("order {number}")).collect();
    let placed = join_all(names.iter().map(|name| bench.place(name))).await;
    // A node that starts afterwards sees them too.
    let another = bench.another().await;
    for order in placed {
        assert_eq!(another.load(SITE, &order.id).await.unwrap(), Some(order));
    }
}

#[rstest]
#[tokio::test]
async fn a_write_that_fails_fails_alone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let bench = Bench::open(database).await;
    let names: Vec<String> = (0..60).map(|number| format!("order {number}")).collect();
    let mut orders = Vec::new();
    for (number, name) in (0_i64..).zip(&names) {
        let order = bench.place(name).await;
        orders.push(if number % 7 == 0 {
            bench.run(&order, submit(&order, number), NOW).await
        } else {
            order
        });
    }
    // The same for all: open an attempt. Where one is open already, the unique index refuses.
    let opened: Vec<Vec<Change>> = orders
        .iter()
        .zip(1_000..)
        .map(|(order, number)| {
            let fresh = Order { transactions: Vec::new(), ..order.clone() };
            decide(&fresh, submit(order, number), after(1)).unwrap()
        })
        .collect();
    let commits = orders
        .iter()
        .zip(&opened)
        .map(|(order, changes)| bench.store.commit(SITE, &order.id, Some(order), changes, after(1)));
    let ended = join_all(commits).await;
    for (((number, order), changes), ended) in (0..).zip(&orders).zip(&opened).zip(&ended) {
        let stored = bench.load(order.id.as_str()).await.unwrap();
        if number % 7 == 0 {
            assert!(matches!(ended, Err(WriteError::Stale)), "{number}: {ended:?}");
            assert_eq!(stored, *order, "nothing of it happened");
        } else {
            assert!(ended.is_ok(), "{number}: {ended:?}");
            assert_eq!(stored, changed(order, changes, after(1)));
        }
    }
    assert_eq!(bench.number("SELECT COUNT(*) FROM payment_transaction").await, 60);
}

#[rstest]
#[tokio::test]
async fn an_order_has_at_most_one_attempt_that_is_open_or_paid(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (at, (name, steps, counts)) in [
        ("authenticating", vec![], true),
        ("authorising", vec![authenticated(1)], true),
        ("unknown", vec![authenticated(1), answered(1, Outcome::Unknown)], true),
        ("held", vec![authenticated(1), approved(1, 7)], true),
        ("paid", vec![authenticated(1), approved(1, 1)], true),
        (
            "declined",
            vec![authenticated(1), answered(1, Outcome::Declined { response_code: "51".to_owned() })],
            false,
        ),
        ("cancelled", vec![Command::Cancel], false),
    ]
    .into_iter()
    .enumerate()
    {
        let first = TransactionId(10 * i64::try_from(at).unwrap() + 1);
        let order = bench.place(name).await;
        let mut order = bench.run(&order, submit(&order, first.0), NOW).await;
        for step in steps {
            let step = match step {
                Command::Authenticated { authentication, card_at_hand, answer_within, .. } => {
                    Command::Authenticated { transaction: first, authentication, card_at_hand, answer_within }
                }
                Command::AuthorisationAnswered { outcome, .. } => answered(first.0, outcome),
                other => other,
            };
            order = bench.run(&order, step, NOW).await;
        }
        let second = Transaction {
            id: TransactionId(first.0 + 1),
            state: payments::transaction::State::Authenticating,
            ..order.transactions[0].clone()
        };
        let open = [Change::TransactionOpened(Box::new(second))];
        let ended = bench.store.commit(SITE, &order.id, Some(&order), &open, NOW).await;
        assert_eq!(matches!(ended, Err(WriteError::Stale)), counts, "{name}: {ended:?}");
        assert_eq!(bench.load(name).await.unwrap().transactions.len(), if counts { 1 } else { 2 }, "{name}");
    }
}

#[rstest]
#[tokio::test]
async fn a_step_of_an_attempt_is_posted_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    let post = |step: Step| {
        [Change::Transferred { transaction: TransactionId(1), step, transfer: step.transfer(eur(1_000)) }]
    };
    bench.store.commit(SITE, &order.id, Some(&order), &post(Step::Hold), NOW).await.unwrap();
    let order = changed(&order, &post(Step::Hold), NOW);
    let again = bench.store.commit(SITE, &order.id, Some(&order), &post(Step::Hold), NOW).await;
    assert!(matches!(again, Err(WriteError::Stale)), "{again:?}");
    bench.store.commit(SITE, &order.id, Some(&order), &post(Step::Clear), NOW).await.unwrap();
    assert_eq!(bench.number("SELECT COUNT(*) FROM ledger_transfer").await, 2);
}

#[rstest]
#[tokio::test]
async fn a_statement_that_makes_no_sense_is_refused_and_the_writer_goes_on(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let nonsense = Statement { sql: "UPDATE no_such_table SET x = 1", params: Vec::new() };
    let ended = bench.store.db.execute("any", nonsense).await;
    assert!(matches!(ended, Err(WriteError::Failed(_))), "{ended:?}");
    let read = bench.store.db.read(statement("SELECT x FROM no_such_table", [])).await;
    assert!(read.is_err(), "{read:?}");
    let order = bench.place("a").await;
    assert_eq!(bench.load("a").await, Some(order));
}

impl Bench {
    /// Somebody else who has the order until they commit.
    async fn holding(&self, order: &str) -> postgres::Wire {
        let Location::Postgres(url) = &self.location else { panic!("another database") };
        let holder = postgres::connect(url).await.unwrap();
        let hold = format!("BEGIN; SELECT 1 FROM shop_order WHERE order_id = '{order}' FOR UPDATE");
        holder.client.batch_execute(&hold).await.unwrap();
        holder
    }
}

/// Two writers of which each waits for what the other has locked are told apart by the database after a second only.
#[tokio::test]
async fn whatever_is_written_about_an_order_waits_in_one_line() {
    let bench = Bench::open(Database::Postgres).await;
    let another = bench.another().await;
    let limits = PoolLimits { statement_ms: 60_000, lock_ms: 60_000, lanes: 16, ..PoolLimits::default() };
    let store = Store::open_limited(&bench.location, Variant::Group, limits).await.unwrap();
    let order = bench.place("a").await;
    let order = bench.run(&order, submit(&order, 1), NOW).await;
    let paid = bench.run(&bench.place("b").await, Command::Cancel, NOW).await;
    let claimed = bench.store.claim_jobs(after(3_600_000), after(3_600_030), 9).await.unwrap();
    let job = claimed.iter().find(|claimed| claimed.order == order.id).unwrap();
    let authentication = authentications::row(1);
    let authentication = AuthenticationRow { order: order.id.clone(), ..authentication };

    let Location::Postgres(url) = &bench.location else { panic!("another database") };
    let holder = postgres::connect(url).await.unwrap();
    holder
        .client
        .batch_execute("BEGIN; SELECT 1 FROM shop_order WHERE order_id = 'a' FOR UPDATE")
        .await
        .unwrap();
    let cancelled = decide(&order, Command::Cancel, after(1)).unwrap();
    let failed = |error: WriteError| error.to_string();
    let mut about: FuturesUnordered<_> = [
        store.commit(SITE, &order.id, Some(&order), &cancelled, after(1)).map_err(failed).boxed(),
        store.count_view(&order.session.id, &order.id).map_err(failed).boxed(),
        store.finish_job(job).map_err(failed).boxed(),
        store.begin_authentication(&authentication, NOW).map_err(failed).boxed(),
    ]
    .into_iter()
    .collect();
    let others = async {
        let mut order = paid;
        for second in 2..20 {
            let changes = bench.replacing(&order, second);
            another.commit(SITE, &order.id, Some(&order), &changes, after(second)).await.unwrap();
            order = changed(&order, &changes, after(second));
        }
    };
    tokio::select! {
        ended = about.next() => panic!("one went past the order's line: {ended:?}"),
        () = others => {}
    }
    holder.client.batch_execute("COMMIT").await.unwrap();
    while let Some(ended) = about.next().await {
        ended.unwrap();
    }
    assert_eq!(bench.number("SELECT views FROM session WHERE order_id = 'a'").await, 1);
}

/// A claim locks rows of many orders: shared with a write that waits for one of them, it would keep those from everybody.
#[tokio::test]
async fn what_is_due_is_claimed_while_an_order_is_waited_for() {
    let bench = Bench::open(Database::Postgres).await;
    let limits = PoolLimits { statement_ms: 60_000, lock_ms: 60_000, lanes: 1, ..PoolLimits::default() };
    let store = Store::open_limited(&bench.location, Variant::Group, limits).await.unwrap();
    let order = bench.place("a").await;
    let holder = bench.holding("a").await;
    let changes = bench.replacing(&order, 7);
    let committing = store.commit(SITE, &order.id, Some(&order), &changes, after(1));
    let claiming = store.claim_jobs(after(3_600_000), after(3_600_030), 9);
    let claimed = tokio::select! {
        ended = committing => panic!("somebody else has the order: {ended:?}"),
        claimed = claiming => claimed.unwrap(),
    };
    assert_eq!(claimed.len(), 1);
    holder.client.batch_execute("COMMIT").await.unwrap();
}
