//! Orders: what was committed is what is read.

use super::*;
use payments::change::Job;
use payments::ledger::Step;
use rstest::rstest;

/// Commits each command and compares what is read with what was decided.
async fn play(bench: &Bench, name: &str, commands: Vec<Command>) -> Order {
    let mut order = bench.place(name).await;
    assert_eq!(bench.load(name).await.as_ref(), Some(&order), "{name}: placed");
    for (command, seconds) in commands.into_iter().zip(1..) {
        let said = format!("{name}: {command:?}");
        let late = matches!(command, Command::ExpireTransaction { .. } | Command::ExpireSession { .. });
        let now = if late { order.session.ends_at } else { after(seconds) };
        let command = match command {
            // The tables do not know the session's id.
            Command::ExpireSession { .. } => Command::ExpireSession { session: order.session.id.clone() },
            Command::SubmitCard(attempt) => submit(&order, attempt.transaction.0),
            other => other,
        };
        order = bench.run(&order, command, now).await;
        assert_eq!(bench.load(name).await.as_ref(), Some(&order), "{said}");
    }
    order
}

#[rstest]
#[tokio::test]
async fn every_state_is_read_back_as_it_was_committed(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let any = bench.place("any").await;
    let submit = |transaction| submit(&any, transaction);
    let transaction = |id| TransactionId(id);
    let expire = || Command::ExpireSession { session: any.session.id.clone() };
    let refused = Outcome::Declined { response_code: "51".to_owned() };
    let silence = || Outcome::Unknown;
    let asked = |id, not_found| Command::InquiryAnswered {
        transaction: transaction(id),
        outcome: silence(),
        not_found,
    };
    let reversed =
        |id, acknowledged| Command::ReversalAnswered { transaction: transaction(id), acknowledged };
    let reject = |id| Command::ReviewEnded { transaction: transaction(id), verdict: Verdict::Reject };
    let accept = |id| Command::ReviewEnded { transaction: transaction(id), verdict: Verdict::Accept };
    let released = |id| Command::ApprovalReleased { transaction: transaction(id) };
    let late = |id| Command::ExpireTransaction { transaction: transaction(id) };
    play(&bench, "paid", vec![submit(1), authenticated(1), approved(1, 1), expire()]).await;
    play(&bench, "held", vec![submit(2), authenticated(2), approved(2, 7), accept(2)]).await;
    play(&bench, "void", vec![submit(3), authenticated(3), approved(3, 7), reject(3), released(3)]).await;
    play(
        &bench,
        "declined",
        vec![submit(4), authenticated(4), answered(4, refused), submit(5), authenticated(5), approved(5, 1)],
    )
    .await;
    play(
        &bench,
        "unknown",
        vec![
            submit(6),
            authenticated(6),
            answered(6, silence()),
            asked(6, false),
            asked(6, true),
            reversed(6, false),
            reversed(6, true),
        ],
    )
    .await;
    play(&bench, "expired", vec![submit(7), late(7), expire()]).await;
    play(&bench, "cancelled", vec![submit(8), Command::Cancel]).await;
    play(&bench, "abandoned", vec![expire()]).await;
}

#[rstest]
#[tokio::test]
async fn an_order_is_found_by_each_of_its_sessions_and_attempts(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let first = bench.place("a").await;
    let other = bench.place("b").await;
    let tried = bench.run(&first, submit(&first, 11), after(1)).await;
    let changes = bench.replacing(&tried, 2_000);
    bench.store.commit(SITE, &tried.id, Some(&tried), &changes, after(2)).await.unwrap();
    let order = changed(&tried, &changes, after(2));
    assert_ne!(order.session.id, first.session.id);
    for session in [&first.session.id, &order.session.id] {
        assert_eq!(bench.store.load_by_session(session).await.unwrap().as_ref(), Some(&order));
    }
    assert_eq!(bench.store.load_by_session(&other.session.id).await.unwrap(), Some(other));
    assert_eq!(bench.store.load_by_session(&bench.session()).await.unwrap(), None);
    for (site, transaction, found) in [(SITE, 11, Some(id("a"))), (SITE, 12, None), (SiteId(2), 11, None)] {
        let by = TransactionId(transaction);
        assert_eq!(bench.store.find_by_transaction(site, by).await.unwrap(), found, "{site} {transaction}");
    }
    assert_eq!(bench.load("c").await, None);
    assert_eq!(bench.store.load(SiteId(2), &id("a")).await.unwrap(), None);
    let ended = "SELECT COUNT(*) FROM session WHERE ended_why = 'replaced' AND order_id = 'a'";
    assert_eq!(bench.number(ended).await, 1);
}

#[rstest]
#[tokio::test]
async fn order_ids_are_listed_page_by_page(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let names: Vec<String> = (0..503).map(|number| format!("order-{number:03}")).collect();
    futures_util::future::join_all(names.iter().map(|name| bench.place(name))).await;
    let first = bench.store.order_ids(SITE, "").await.unwrap();
    assert_eq!(first.len(), 500);
    let rest = bench.store.order_ids(SITE, first.last().unwrap().as_str()).await.unwrap();
    let all: Vec<&str> = first.iter().chain(&rest).map(OrderId::as_str).collect();
    assert_eq!(all, names);
    assert_eq!(bench.store.order_ids(SITE, "order-502").await.unwrap(), []);
    assert_eq!(bench.store.order_ids(SiteId(2), "").await.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn an_opened_page_is_counted_and_changes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    bench.place("b").await;
    for _ in 0..3 {
        bench.store.count_view(&order.session.id, &order.id).await.unwrap();
    }
    bench.store.count_view(&bench.session(), &order.id).await.unwrap();
    assert_eq!(bench.number("SELECT views FROM session WHERE order_id = 'a'").await, 3);
    assert_eq!(bench.number("SELECT views FROM session WHERE order_id = 'b'").await, 0);
    assert_eq!(bench.load("a").await, Some(order));
}

#[rstest]
#[tokio::test]
async fn the_audit_sees_transfers_jobs_and_strays(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order =
        play(&bench, "held", vec![submit(&bench.place("x").await, 2), authenticated(2), approved(2, 7)])
            .await;
    let job = |kind| bench.store.has_job(SITE, kind, "2");
    assert!(job("end_review").await.unwrap());
    for done in ["expire_transaction", "resolve_unknown", "release_approval"] {
        assert!(!job(done).await.unwrap(), "{done}");
    }
    let verdict = Verdict::Accept;
    bench.run(&order, Command::ReviewEnded { transaction: TransactionId(2), verdict }, after(200)).await;
    assert!(!job("end_review").await.unwrap());
    let shown = |row: &crate::store::audit::Row| {
        format!("{} {} {} {}", row.debit, row.credit, row.amount_minor, row.currency)
    };
    let transfers = bench.store.transfers(SITE, &id("held")).await.unwrap();
    let transfers: Vec<_> = transfers.iter().map(shown).collect();
    assert_eq!(transfers, ["uncleared balance 1000 EUR", "acquirer uncleared 1000 EUR"]);
    assert_eq!(bench.store.transfers(SITE, &id("x")).await.unwrap().len(), 0);
    assert_eq!(bench.store.stray_transfers(SITE).await.unwrap(), 0);

    let order = bench.load("x").await.unwrap();
    let transfer = Step::Collect.transfer(eur(1));
    let stray = Change::Transferred { transaction: TransactionId(99), step: Step::Collect, transfer };
    bench.store.commit(SITE, &order.id, Some(&order), &[stray], NOW).await.unwrap();
    assert_eq!(bench.store.stray_transfers(SITE).await.unwrap(), 1);
    assert_eq!(bench.store.stray_transfers(SiteId(2)).await.unwrap(), 0);
}

#[rstest]
#[tokio::test]
async fn a_job_that_is_due_anew_is_one_job(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.place("a").await;
    let job = Job::ResolveUnknown(TransactionId(1));
    let due = |at| Change::JobDue { job: job.clone(), at };
    let changes = [due(after(5)), due(after(9))];
    bench.store.commit(SITE, &order.id, Some(&order), &changes, NOW).await.unwrap();
    assert_eq!(bench.number("SELECT due_at FROM job WHERE kind = 'resolve_unknown'").await, after(9).0);
    assert_eq!(bench.store.next_due(Timestamp(0)).await.unwrap(), Some(after(9)));
    let order = changed(&order, &changes, NOW);
    bench.store.commit(SITE, &order.id, Some(&order), &[Change::JobDone(job)], NOW).await.unwrap();
    assert_eq!(bench.store.next_due(Timestamp(0)).await.unwrap(), Some(order.session.ends_at));
}

#[rstest]
#[tokio::test]
async fn an_open_store_is_ready(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let bench = Bench::open(database).await;
    assert!(bench.store.is_ready().await);
    assert_eq!(bench.store.next_due(Timestamp(0)).await.unwrap(), None);
}
