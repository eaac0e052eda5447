//! Every way an order can go, a line each: what happens, and how the order then stands.
//!
//! The row names are those of the lifecycle tables: S for the session, T for the transaction. After each
//! step the rules that must always hold are checked, whatever the line is about.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use payments::card::{Brand, CardSummary, Expiry, Gateway};
use payments::change::{Change, Job};
use payments::decide::{
    Attempt, Command, NewOrder, Outcome, Placing, Refused, Route, Screening, decide, place,
};
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::ledger::{self, Account};
use payments::money::{Amount, Currency};
use payments::order::{Order, Terms};
use payments::session::LIFETIME_DEFAULT;
use payments::status;
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::{Millis, Timestamp};
use payments::transaction::{Approval, Capturing, Settlement, Verdict};
use std::collections::BTreeMap;

const SITE: SiteId = SiteId(7);

struct Scenario {
    order: Option<Order>,
    now: Timestamp,
    drawn: u32,
    balances: BTreeMap<Account, i64>,
    told: u32,
    amount: i64,
    settlement: Settlement,
}

impl Scenario {
    fn new(amount: i64, settlement: Settlement) -> Self {
        let now = Timestamp(1_795_000_000_000);
        Self { order: None, now, drawn: 0, balances: BTreeMap::new(), told: 0, amount, settlement }
    }

    fn draw(&mut self) -> u8 {
        self.drawn += 1;
        u8::try_from(self.drawn).unwrap()
    }

    fn order(&self) -> &Order {
        self.order.as_ref().expect("placed first")
    }

    fn newest(&self) -> TransactionId {
        self.order().transactions.last().map_or(TransactionId(0), |last| last.id)
    }

    fn place(&mut self, digest: u8) -> Result<Vec<Change>, Refused> {
        let random = [self.draw(); 64];
        let new = NewOrder {
            site: SITE,
            id: OrderId::parse("my-order-id-1").unwrap(),
            terms: Terms {
                gateway: Some(Gateway::Brand(Brand::Maestro)),
                amount: Amount::new(self.amount, Currency::parse("EUR").unwrap()),
                description: "Test order description".to_owned(),
                capturing: Capturing::Immediate,
                recurring: None,
                details: format!("{{\"n\":{digest}}}"),
            },
            lifetime: LIFETIME_DEFAULT,
            session: SessionId::draw(SITE, &random).unwrap(),
            digest: [digest; 32],
        };
        match place(self.order.as_ref(), new, self.now)? {
            Placing::Same => Ok(Vec::new()),
            Placing::Opened(changes) => Ok(changes),
        }
    }

    fn submit(&mut self, screening: Screening) -> Command {
        Command::SubmitCard(Box::new(Attempt {
            session: self.order().session.id.clone(),
            transaction: TransactionId::new(self.now.unix_seconds(), u32::from(self.draw())),
            card: CardSummary {
                brand: Brand::Maestro,
                bin: Some("679999".to_owned()),
                last4: "0011".to_owned(),
                expiry: Expiry::parse("12/30").unwrap(),
                holder: "A. Customer".to_owned(),
            },
            settlement: self.settlement,
            screening,
            route: Route::Authenticate,
            token: None,
        }))
    }

    fn authenticated(&self, status: TransStatus, cancel: Option<&str>, card_at_hand: bool) -> Command {
        Command::Authenticated {
            transaction: self.newest(),
            authentication: Authentication {
                status,
                flow: Flow::Challenge,
                reason: None,
                cancel: cancel.map(str::to_owned),
                eci: None,
                cavv: None,
                ds_transaction_id: None,
                acs_transaction_id: None,
                version: "2.2.0".to_owned(),
            },
            card_at_hand,
            answer_within: Millis::seconds(20),
        }
    }

    /// The command a word of the script stands for; `None` for the words that are no command.
    fn command(&mut self, word: &str) -> Command {
        use TransStatus as S;
        let transaction = self.order().transactions.last().map_or(TransactionId(0), |last| last.id);
        let answered = |outcome| Command::AuthorisationAnswered { transaction, outcome };
        let asked = |outcome, not_found| Command::InquiryAnswered { transaction, outcome, not_found };
        match word {
            "submit" => self.submit(Screening::Clear),
            "submit-blocked" => self.submit(Screening::Blocked),
            "Y" => self.authenticated(S::Authenticated, None, true),
            "A" => self.authenticated(S::Attempted, None, true),
            "N" => self.authenticated(S::NotAuthenticated, None, true),
            "U" => self.authenticated(S::Unavailable, None, true),
            "R" => self.authenticated(S::Rejected, None, true),
            "give-up" => self.authenticated(S::NotAuthenticated, Some("01"), true),
            "Y-card-lost" => self.authenticated(S::Authenticated, None, false),
            "approve" => answered(approved(1, None)),
            "hold" => answered(approved(7, None)),
            "hold-then-pay" => answered(approved(7, Some((Millis::minutes(3), Verdict::Accept)))),
            "refuse" => answered(declined()),
            "silence" => answered(Outcome::Unknown),
            "overdue" => Command::AnswerOverdue { transaction },
            "ask:approved" => asked(approved(1, None), false),
            "ask:refused" => asked(declined(), false),
            "ask:silence" => asked(Outcome::Unknown, false),
            "ask:never-seen" => asked(Outcome::Unknown, true),
            "undo:done" => Command::ReversalAnswered { transaction, acknowledged: true },
            "undo:silence" => Command::ReversalAnswered { transaction, acknowledged: false },
            "accept" => Command::ReviewEnded { transaction, verdict: Verdict::Accept },
            "reject" => Command::ReviewEnded { transaction, verdict: Verdict::Reject },
            "released" => Command::ApprovalReleased { transaction },
            "shop-cancels" => Command::Cancel,
            "expire" => Command::ExpireTransaction { transaction },
            "end-session" => Command::ExpireSession { session: self.order().session.id.clone() },
            other => panic!("unknown word {other}"),
        }
    }

    fn step(&mut self, word: &str) -> Result<(), Refused> {
        let changes = match word {
            "place" => self.place(1)?,
            "place-other" => self.place(2)?,
            "+1h" => return self.wait(Millis::hours(1)),
            "+30d" => return self.wait(Millis::days(30)),
            word => {
                let command = self.command(word);
                decide(self.order(), command, self.now)?
            }
        };
        self.commit(&changes);
        Ok(())
    }

    fn wait(&mut self, length: Millis) -> Result<(), Refused> {
        self.now = self.now.plus(length);
        Ok(())
    }

    fn commit(&mut self, changes: &[Change]) {
        let before = self.order.as_ref().map(|order| order.paid().is_some());
        for change in changes {
            match change {
                Change::OrderPlaced(order) => self.order = Some((**order).clone()),
                Change::NotificationDue => self.told += 1,
                Change::Transferred { transfer, .. } => {
                    *self.balances.entry(transfer.debit).or_default() -= transfer.amount.minor;
                    *self.balances.entry(transfer.credit).or_default() += transfer.amount.minor;
                }
                other => self.order.as_mut().expect("placed first").apply(other),
            }
        }
        self.check_what_always_holds(before, changes);
    }

    fn check_what_always_holds(&self, was_paid: Option<bool>, changes: &[Change]) {
        let order = self.order();
        let count = |test: fn(&payments::transaction::Transaction) -> bool| {
            order.transactions.iter().filter(|transaction| test(transaction)).count()
        };
        assert!(count(|t| t.is_open()) <= 1, "at most one attempt is open");
        assert!(count(|t| t.is_paid()) <= 1, "at most one attempt is paid");
        assert!(
            count(|t| t.is_paid()) + count(|t| t.is_open()) <= 1,
            "nothing is open beside a paid attempt"
        );
        assert_eq!(self.balances.values().sum::<i64>(), 0, "the ledger sums to zero");
        let expected = ledger::expected(order);
        for account in Account::ALL {
            let of = |balances: &BTreeMap<Account, i64>| balances.get(&account).copied().unwrap_or_default();
            assert_eq!(of(&self.balances), of(&expected), "{account:?}");
        }
        let voided = order.transactions.iter().any(|t| status::of_transaction(t).order == "void");
        if was_paid == Some(true) && !voided {
            assert!(order.paid().is_some(), "a paid order stays paid");
        }
        for transaction in order.transactions.iter().filter(|t| t.is_money_moving()) {
            let watched = |change: &Change| {
                matches!(change, Change::JobDue { job: Job::ResolveUnknown(id) | Job::ReleaseApproval(id), .. }
                    if *id == transaction.id)
            };
            let moved = |change: &Change| matches!(change, Change::TransactionMoved(_));
            assert!(
                !changes.iter().any(moved) || changes.iter().any(watched),
                "somebody finds out what became of it"
            );
        }
    }
}

fn approved(fraud_score: u8, review: Option<(Millis, Verdict)>) -> Outcome {
    let approval = Approval {
        authorization_code: "123566".to_owned(),
        response_code: "00".to_owned(),
        fraud_score,
        cvc_result: None,
    };
    Outcome::Approved { approval, review }
}

fn declined() -> Outcome {
    Outcome::Declined { response_code: "51".to_owned() }
}

/// Runs `script` and compares: `status/financial told:N`, or `refused:Why` for its last word.
#[track_caller]
fn check(name: &str, script: &str, expected: &str) {
    check_with(name, Scenario::new(1_000, Settlement::Gateway), script, expected);
}

#[track_caller]
fn check_with(name: &str, mut scenario: Scenario, script: &str, expected: &str) {
    let words: Vec<&str> = script.split_whitespace().collect();
    let (last, before) = words.split_last().expect("a script has words");
    for word in before {
        scenario.step(word).unwrap_or_else(|refused| panic!("{name}: {word} was refused: {refused:?}"));
    }
    let seen = match scenario.step(last) {
        Err(refused) => format!("refused:{refused:?}"),
        Ok(()) => {
            let status = status::of_order(scenario.order());
            format!("{}/{} told:{}", status.order, status.financial.unwrap_or("null"), scenario.told)
        }
    };
    assert_eq!(seen, expected, "{name}: {script}");
}

#[test]
fn sessions_open_end_and_are_replaced() {
    for (row, script, expected) in [
        ("S1", "place", "initialized/initialized told:0"),
        ("S1 again", "place place", "initialized/initialized told:0"),
        ("S1 other terms", "place place-other", "initialized/initialized told:0"),
        ("S1 after its end", "place +30d end-session place", "initialized/initialized told:1"),
        ("S1 paid", "place submit Y approve place", "refused:AlreadyPaid"),
        ("S1 held", "place submit Y hold place-other", "refused:AlreadyPaid"),
        ("S1 same while authorising", "place submit Y place", "initialized/initialized told:1"),
        ("S1 other while authorising", "place submit Y place-other", "refused:PaymentInProgress"),
        ("S1 other while unknown", "place submit Y silence place-other", "refused:PaymentInProgress"),
        ("S1 other while authenticating", "place submit place-other", "initialized/initialized told:1"),
        ("S1 other while authenticating, a late result", "place submit place-other Y", "refused:OutOfTurn"),
        (
            "S1 other while authenticating, paid",
            "place submit place-other submit Y approve",
            "completed/completed told:3",
        ),
        (
            "S1 other while authenticating, the end",
            "place submit place-other +30d end-session",
            "void/cancelled told:2",
        ),
        (
            "S1 other while authenticating, cancelled",
            "place submit place-other shop-cancels",
            "void/cancelled told:2",
        ),
        ("S1 other after a decline", "place submit N place-other submit", "initialized/initialized told:3"),
        ("S2 S3", "place submit", "initialized/initialized told:1"),
        ("S2 the twentieth", &format!("place {}", "submit N ".repeat(20)), "declined/declined told:40"),
        (
            "S2 after the twentieth",
            &format!("place {} submit", "submit N ".repeat(20)),
            "refused:TooManyAttempts",
        ),
        ("S4", "place +30d end-session", "cancelled/null told:1"),
        ("S4 not yet", "place +1h end-session", "initialized/initialized told:0"),
        ("S4 twice", "place +30d end-session end-session", "cancelled/null told:1"),
        ("S6", "place shop-cancels", "cancelled/null told:1"),
        ("S6 twice", "place shop-cancels shop-cancels", "refused:SessionCancelled"),
        ("S6 after the end", "place +30d end-session shop-cancels", "refused:SessionExpired"),
        ("S6 then a card", "place shop-cancels submit", "refused:SessionCancelled"),
        ("S6 then again", "place shop-cancels place", "initialized/initialized told:1"),
        ("S7", "place submit shop-cancels", "void/cancelled told:2"),
        ("S7 money moving", "place submit Y shop-cancels", "refused:PaymentInProgress"),
        ("S7 unknown", "place submit Y silence shop-cancels", "refused:PaymentInProgress"),
        ("S7 paid", "place submit Y approve shop-cancels", "refused:AlreadyPaid"),
        ("S7 declined", "place submit N shop-cancels", "void/cancelled told:3"),
        ("S8", "place submit N submit Y approve submit", "refused:AlreadyPaid"),
        ("S9 a card", "place +30d submit", "refused:SessionExpired"),
        ("S9 declined before", "place submit N +30d end-session", "declined/declined told:2"),
        ("S9 paid before", "place submit Y approve +30d end-session", "completed/completed told:2"),
        ("S9 expired, then a card", "place +30d end-session submit", "refused:SessionExpired"),
        ("S10", "place shop-cancels", "cancelled/null told:1"),
    ] {
        check(row, script, expected);
    }
}

#[test]
fn transactions_are_paid_declined_expired_or_undone() {
    for (row, script, expected) in [
        ("T1", "place submit", "initialized/initialized told:1"),
        ("T2", "place submit Y", "initialized/initialized told:1"),
        ("T3", "place submit Y approve", "completed/completed told:2"),
        ("T3 attempted", "place submit A approve", "completed/completed told:2"),
        ("T3 twice", "place submit Y approve approve", "refused:OutOfTurn"),
        ("T4", "place submit Y hold", "uncleared/uncleared told:2"),
        ("T5", "place submit Y hold accept", "completed/completed told:3"),
        ("T5 twice", "place submit Y hold accept accept", "refused:OutOfTurn"),
        ("T6", "place submit Y hold reject", "void/void told:3"),
        ("T6 released", "place submit Y hold reject released", "void/void told:3"),
        ("T6 released twice", "place submit Y hold reject released released", "refused:OutOfTurn"),
        (
            "T6 then a card",
            "place submit Y hold reject released submit Y approve",
            "completed/completed told:5",
        ),
        ("T6 then a card at once", "place submit Y hold reject submit", "refused:PaymentInProgress"),
        ("T7", "place submit Y hold +30d reject", "void/void told:3"),
        ("T8", "place submit Y refuse", "declined/declined told:2"),
        ("T9 N", "place submit N", "declined/declined told:2"),
        ("T9 R", "place submit R", "declined/declined told:2"),
        ("T9 U", "place submit U", "declined/declined told:2"),
        ("T9 then approve", "place submit N approve", "refused:OutOfTurn"),
        ("T10", "place submit give-up", "declined/declined told:2"),
        ("T11", "place submit +1h expire", "expired/expired told:2"),
        ("T11 late result", "place submit +1h Y", "refused:OutOfTurn"),
        ("T11 after the result", "place submit Y +1h expire", "initialized/initialized told:1"),
        ("T11 then a card", "place submit +1h expire submit Y approve", "completed/completed told:4"),
        ("T12 cancel on the page changes nothing", "place submit", "initialized/initialized told:1"),
        ("T13", "place submit shop-cancels", "void/cancelled told:2"),
        ("T13 late result", "place submit shop-cancels Y", "refused:OutOfTurn"),
        ("T14", "place submit-blocked", "declined/declined told:1"),
        ("T15", "place submit N submit", "initialized/initialized told:3"),
        ("T15 paid", "place submit N submit Y approve", "completed/completed told:4"),
        ("T15 abandoned attempt", "place submit submit", "initialized/initialized told:2"),
        ("T17 pay", "place submit Y hold-then-pay +1h accept", "completed/completed told:3"),
        ("T17 void", "place submit Y hold +1h reject", "void/void told:3"),
    ] {
        check(row, script, expected);
    }
}

#[test]
fn an_unknown_outcome_is_asked_for_and_reversed_never_guessed() {
    for (row, script, expected) in [
        ("silence", "place submit Y silence", "initialized/initialized told:1"),
        ("crash", "place submit Y overdue", "initialized/initialized told:1"),
        ("overdue after the answer", "place submit Y approve overdue", "completed/completed told:2"),
        ("another card meanwhile", "place submit Y silence submit", "refused:PaymentInProgress"),
        ("late approval", "place submit Y silence approve", "completed/completed told:2"),
        ("late refusal", "place submit Y silence refuse", "declined/declined told:2"),
        ("asked, approved", "place submit Y silence ask:approved", "completed/completed told:2"),
        ("asked, refused", "place submit Y silence ask:refused", "declined/declined told:2"),
        ("asked in vain", "place submit Y silence ask:silence", "initialized/initialized told:1"),
        (
            "asked in vain, then approved",
            "place submit Y silence ask:silence ask:silence ask:approved",
            "completed/completed told:2",
        ),
        (
            "asked too often",
            "place submit Y silence ask:silence ask:silence ask:silence ask:silence ask:approved",
            "refused:OutOfTurn",
        ),
        ("never seen", "place submit Y silence ask:never-seen", "initialized/initialized told:1"),
        ("never seen, undone", "place submit Y silence ask:never-seen undo:done", "declined/declined told:2"),
        (
            "undone at the third try",
            "place submit Y silence ask:never-seen undo:silence undo:silence undo:done",
            "declined/declined told:2",
        ),
        (
            "approval after the reversal began",
            "place submit Y silence ask:never-seen approve",
            "refused:OutOfTurn",
        ),
        (
            "a card while reversing",
            "place submit Y silence ask:never-seen submit",
            "refused:PaymentInProgress",
        ),
        (
            "a card after the reversal",
            "place submit Y silence ask:never-seen undo:done submit Y approve",
            "completed/completed told:4",
        ),
        ("card forgotten", "place submit Y-card-lost", "declined/declined told:2"),
        (
            "card forgotten, typed again",
            "place submit Y-card-lost submit Y approve",
            "completed/completed told:4",
        ),
        ("an hour does not expire it", "place submit Y silence +1h expire", "initialized/initialized told:1"),
        (
            "the session's end does not end it",
            "place submit Y silence +30d end-session ask:approved",
            "completed/completed told:2",
        ),
    ] {
        check(row, script, expected);
    }
}

#[test]
fn own_amex_contracts_and_zero_amounts_never_enter_the_ledger() {
    let own = || Scenario::new(1_000, Settlement::Scheme);
    check_with("T16", own(), "place submit Y approve", "completed/initialized told:2");
    check_with("T16 held", own(), "place submit Y hold", "uncleared/initialized told:2");
    let zero = || Scenario::new(0, Settlement::Gateway);
    check_with("T18", zero(), "place submit Y approve", "completed/completed told:2");
    check_with("T18 refused", zero(), "place submit Y refuse", "declined/declined told:2");
}

#[test]
fn a_timer_that_runs_early_is_armed_again() {
    let mut scenario = Scenario::new(1_000, Settlement::Gateway);
    scenario.step("place").unwrap();
    scenario.step("submit").unwrap();
    for word in ["expire", "end-session"] {
        let command = scenario.command(word);
        let changes = decide(scenario.order(), command, scenario.now).unwrap();
        let due = |change: &Change| matches!(change, Change::JobDue { at, .. } if *at > scenario.now);
        assert!(changes.len() == 1 && changes.iter().all(due), "{word}: {changes:?}");
    }
}

/// Any sequence of steps keeps what must always hold; refused steps change nothing.
mod any_sequence {
    use super::*;
    use proptest::prelude::*;

    const WORDS: &[&str] = &[
        "place",
        "place-other",
        "submit",
        "submit-blocked",
        "Y",
        "A",
        "N",
        "U",
        "R",
        "give-up",
        "Y-card-lost",
        "approve",
        "hold",
        "hold-then-pay",
        "refuse",
        "silence",
        "overdue",
        "ask:approved",
        "ask:refused",
        "ask:silence",
        "ask:never-seen",
        "undo:done",
        "undo:silence",
        "accept",
        "reject",
        "released",
        "shop-cancels",
        "expire",
        "end-session",
        "+1h",
        "+30d",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn keeps_what_must_always_hold(steps in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
            let mut scenario = Scenario::new(1_000, Settlement::Gateway);
            scenario.step("place").unwrap();
            for word in steps {
                let before = scenario.order.clone();
                if scenario.step(word).is_err() {
                    prop_assert_eq!(&scenario.order, &before, "a refused step changes nothing");
                }
            }
        }
    }
}
