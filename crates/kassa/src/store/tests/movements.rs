//! What happens to an order's money later, read back as it was decided; evidence, and the host's book of it.

use super::traces::{mark, trace};
use super::*;
use crate::store::NewEvidence;
use crate::store::book::BookedMovement;
use crate::store::trace::{Mark, Operation};
use payments::decide::{NewCapture, NewChargeback, NewRefund, Turn};
use payments::movement::RefundState;
use rstest::rstest;

impl Bench {
    /// A paid order of 10 euros whose attempt has this PSP id.
    pub(super) async fn paid(&self, order: &str, transaction: i64, capturing: Capturing) -> Order {
        let mut request = self.request(order, 1_000);
        request.terms.capturing = capturing;
        let Placing::Opened(changes) = place(None, request, NOW).unwrap() else { panic!("a new order") };
        self.store.commit(SITE, &id(order), None, &changes, NOW).await.unwrap();
        let mut order = self.load(order).await.unwrap();
        for command in [submit(&order, transaction), authenticated(transaction), approved(transaction, 1)] {
            order = self.run(&order, command, after(1)).await;
        }
        order
    }

    /// The same, collected at once by an acquirer that has to be told to.
    pub(super) async fn paid_by_advice(&self, order: &str, transaction: i64) -> Order {
        let Placing::Opened(changes) = place(None, self.request(order, 1_000), NOW).unwrap() else {
            panic!("a new order")
        };
        self.store.commit(SITE, &id(order), None, &changes, NOW).await.unwrap();
        let order = self.load(order).await.unwrap();
        let Command::SubmitCard(attempt) = submit(&order, transaction) else { panic!("a card") };
        let submitted = Command::SubmitCard(Box::new(Attempt { completes_by_advice: true, ..*attempt }));
        let order = self.goes(&order, submitted, after(1)).await;
        let order = self.goes(&order, authenticated(transaction), after(1)).await;
        self.goes(&order, approved(transaction, 1), after(1)).await
    }

    /// Runs a command; what is read back is what was decided.
    pub(super) async fn goes(&self, order: &Order, command: Command, now: Timestamp) -> Order {
        let next = self.run(order, command, now).await;
        assert_eq!(self.load(order.id.as_str()).await, Some(next.clone()));
        next
    }
}

pub(super) fn refund(refund: i64, minor: i64) -> Command {
    Command::Refund(Box::new(NewRefund {
        id: TransactionId(refund),
        currency: eur(0).currency,
        amount_minor: Some(minor),
        order: id("refund é"),
        note: r#"{"description":"it's \"broken\""}"#.to_owned(),
        rests: Millis::seconds(2),
        is_keyed: true,
    }))
}

fn outcome(refund: i64, outcome: Outcome) -> Command {
    Command::RefundAnswered { refund: TransactionId(refund), outcome }
}

fn approval() -> Outcome {
    let Command::AuthorisationAnswered { outcome, .. } = approved(1, 1) else { panic!("an approval") };
    outcome
}

fn capture(bench: &Bench, capture: i64, minor: i64, part: &str) -> Command {
    Command::Capture(Box::new(NewCapture {
        id: TransactionId(capture),
        amount_minor: Some(minor),
        part: id(part),
        session: bench.session(),
        note: "{}".to_owned(),
    }))
}

#[rstest]
#[tokio::test]
async fn every_state_of_a_refund_is_read_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let mut order = bench.paid("a", 1, Capturing::Immediate).await;
    for (at, end) in [
        (10, None),
        (20, Some(approval())),
        (30, Some(Outcome::Declined { response_code: "57".to_owned() })),
        (40, Some(Outcome::Unknown)),
    ] {
        order = bench.goes(&order, refund(at, at), after(at)).await;
        let Some(end) = end else {
            order =
                bench.goes(&order, Command::CancelRefund { refund: TransactionId(at) }, after(at + 1)).await;
            continue;
        };
        order = bench.goes(&order, Command::SendRefund { refund: TransactionId(at) }, after(at + 2)).await;
        order = bench.goes(&order, outcome(at, end), after(at + 3)).await;
    }
    let states: Vec<_> = order.movements.iter().map(|movement| movement.refund().unwrap().clone()).collect();
    let expected = [
        RefundState::Void,
        RefundState::Completed { at: after(23) },
        RefundState::Declined { response_code: "57".to_owned() },
        RefundState::Unknown { asked: 1 },
    ];
    assert_eq!(states, expected);
    assert_eq!(bench.store.find_by_transaction(SITE, TransactionId(30)).await.unwrap(), Some(id("a")));
    assert_eq!(bench.store.find_by_transaction(SiteId(2), TransactionId(30)).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn every_stage_of_a_dispute_is_read_back_with_what_the_shop_noted(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.paid("a", 1, Capturing::Immediate).await;
    let order = bench.goes(&order, Command::Ship { annotations: r#"{"é":"1"}"#.to_owned() }, after(5)).await;
    let order = bench.goes(&order, Command::Annotate { annotations: "{}".to_owned() }, after(6)).await;
    let new = NewChargeback {
        id: TransactionId(50),
        amount_minor: Some(300),
        reason_code: Some("13.1".to_owned()),
        note: "{}".to_owned(),
    };
    let mut order = bench.goes(&order, Command::ChargedBack(new), after(50)).await;
    for (at, turn) in [(51, Turn::Evidence), (52, Turn::MoreWanted), (53, Turn::Won(TransactionId(54)))] {
        let command = Command::Disputed { chargeback: TransactionId(50), turn };
        order = bench.goes(&order, command, after(at)).await;
    }
    assert_eq!(order.movements.len(), 2);
}

#[rstest]
#[tokio::test]
async fn a_captured_part_is_an_order_whose_id_nobody_else_gets(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.paid("a", 1, Capturing::Manual).await;
    let taken = bench.place("taken").await;
    let changes = decide(&order, capture(&bench, 10, 400, "taken"), after(10)).unwrap();
    let refused = bench.store.commit(SITE, &order.id, Some(&order), &changes, after(10)).await;
    assert!(matches!(refused, Err(WriteError::Stale)), "{refused:?}");
    assert_eq!(bench.load("a").await.as_ref(), Some(&order), "nothing of it happened");
    assert_eq!(bench.load("taken").await, Some(taken));

    let changes = decide(&order, capture(&bench, 10, 400, "part"), after(10)).unwrap();
    bench.store.commit(SITE, &order.id, Some(&order), &changes, after(10)).await.unwrap();
    let part = changes.iter().find_map(|change| match change {
        Change::PartCaptured { order, .. } => Some(Order { version: 1, ..(**order).clone() }),
        _ => None,
    });
    assert_eq!(bench.load("part").await, part);
    let order = bench.load("a").await.unwrap();
    let acknowledged = Command::CaptureAcknowledged { capture: TransactionId(10) };
    let order = bench.goes(&order, acknowledged, after(11)).await;
    let give_back = Command::CancelAuthorisation { cancellation: TransactionId(12), note: "{}".to_owned() };
    bench.goes(&order, give_back, after(12)).await;
}

#[rstest]
#[tokio::test]
async fn evidence_is_kept_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let bench = Bench::open(database).await;
    let file = |chargeback: i64, digest: u8| NewEvidence {
        site: SITE,
        chargeback: TransactionId(chargeback),
        digest: [digest; 32],
        kind: "PDF",
        name: "é.pdf".to_owned(),
        description: "it's \"here\"".to_owned(),
        content: vec![0, 255, digest],
    };
    for new in [file(1, 1), file(1, 1), file(1, 2), file(2, 1)] {
        bench.store.keep_evidence(&new, NOW).await.unwrap();
    }
    assert_eq!(bench.number("SELECT COUNT(*) FROM evidence").await, 3);
    let sql = "SELECT COUNT(*) FROM evidence WHERE kind = 'PDF' AND name = 'é.pdf' AND length(content) = 3";
    assert_eq!(bench.number(sql).await, 3);
}

#[rstest]
#[tokio::test]
async fn a_movement_is_booked_once_and_a_strange_one_is_noticed(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.paid("a", 1, Capturing::Immediate).await;
    bench.goes(&order, refund(10, 400), after(10)).await;
    // Of a refund the host knows the reference of what it is of.
    let mark = |reference: i64| Mark { rrn: mark(1).rrn, ..mark(reference) };
    assert!(bench.store.open_trace(&trace(10, Operation::Refund, mark(10)), NOW).await.unwrap());
    let booked = |reference: i64, minor: i64, code: &str| BookedMovement {
        site: SITE,
        mark: mark(reference),
        authorisation: mark(1),
        kind: "refund",
        amount_minor: minor,
        response_code: code.to_owned(),
    };
    let first = mark(1);
    let sum = || bench.store.booked_sum(SITE, &first, "refund");
    assert_eq!((sum().await.unwrap(), bench.store.stray_movements(SITE).await.unwrap()), (0, 0));
    for movement in [booked(10, 400, "00"), booked(10, 9, "57")] {
        bench.store.book_movement(&movement, NOW).await.unwrap();
    }
    let found = bench.store.booked_movement(SITE, &mark(10)).await.unwrap();
    assert_eq!(found, Some(("00".to_owned(), 400)), "the first one counts");
    let ours = bench.store.booked_for(SITE, TransactionId(10)).await.unwrap();
    assert_eq!(ours, found, "by the PSP id it was sent for");
    assert_eq!(bench.store.booked_for(SITE, TransactionId(11)).await.unwrap(), None);
    assert_eq!((sum().await.unwrap(), bench.store.stray_movements(SITE).await.unwrap()), (400, 0));
    bench.store.book_movement(&booked(11, 50, "57"), NOW).await.unwrap();
    assert_eq!((sum().await.unwrap(), bench.store.stray_movements(SITE).await.unwrap()), (400, 1));
    assert_eq!(bench.store.booked_sum(SITE, &first, "capture").await.unwrap(), 0);
    assert_eq!(bench.store.booked_movement(SITE, &mark(12)).await.unwrap(), None);
}
