//! Sessions and transactions, up to the payment: rows S and T.

use crate::check;
use crate::play::Scenario;
use payments::change::Change;
use payments::time::Timestamp;
use payments::transaction::{State, Transaction};

const PAID: &str = "completed/completed told:3";

#[test]
fn sessions_open_end_and_are_replaced() {
    check([
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
        ("S1 replaced, the old link", "place place-other submit-first-session", "refused:SessionReplaced"),
        (
            "S1 paid, the old link",
            "place place-other submit Y approve submit-first-session",
            "refused:AlreadyPaid",
        ),
        (
            "S1 after its end, the old link",
            "place +30d place submit-first-session",
            "refused:SessionReplaced",
        ),
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
    ]);
}

#[test]
fn transactions_are_paid_declined_expired_or_undone() {
    check([
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
    ]);
}

#[test]
fn a_soft_decline_is_tried_again_once_with_the_customer() {
    check([
        ("asked", "visa place submit-unasked refuse-soft", "initialized/initialized told:2"),
        ("paid", "visa place submit-unasked refuse-soft Y approve", "completed/completed told:3"),
        ("attempted", "visa place submit-unasked refuse-soft A approve", "completed/completed told:3"),
        ("paid, another scheme", "mastercard place submit-unasked refuse-soft Y approve", PAID),
        ("paid, a third", "amex place submit-unasked refuse-soft Y approve", PAID),
        (
            "authorised",
            "visa manual place submit-unasked refuse-soft Y approve",
            "completed/initialized told:3 remain:1000",
        ),
        ("checked", "visa amount:0 place submit-unasked refuse-soft Y approve", PAID),
        (
            "own contract",
            "own-amex place submit-unasked refuse-soft Y approve",
            "completed/initialized told:3",
        ),
        ("the challenge fails", "visa place submit-unasked refuse-soft N", "declined/declined told:3"),
        ("given up", "visa place submit-unasked refuse-soft give-up", "declined/declined told:3"),
        ("never came", "visa place submit-unasked refuse-soft +1h expire", "expired/expired told:3"),
        ("refused", "visa place submit-unasked refuse-soft Y refuse", "declined/declined told:3"),
        ("soft again", "visa place submit-unasked refuse-soft Y refuse-soft", "declined/declined told:3"),
        ("answered twice", "visa place submit-unasked refuse-soft refuse-soft", "refused:OutOfTurn"),
        ("approved first", "visa place submit-unasked approve refuse-soft", "refused:OutOfTurn"),
        ("silence", "visa place submit-unasked refuse-soft Y silence ask:approved", PAID),
        ("late", "visa place submit-unasked silence refuse-soft Y approve", PAID),
        ("as an inquiry said", "visa place submit-unasked silence ask:soft Y approve", PAID),
        (
            "another card",
            "visa place submit-unasked refuse-soft submit Y approve",
            "completed/completed told:4",
        ),
        ("cancelled", "visa place submit-unasked refuse-soft shop-cancels", "void/cancelled told:3"),
        ("held", "visa place submit-unasked refuse-soft Y hold", "uncleared/uncleared told:3"),
    ]);
    check([
        ("Maestro", "place submit-unasked refuse-soft", "declined/declined told:2"),
        ("nobody is there", "visa place submit-unauthenticated refuse-soft", "declined/declined told:2"),
        ("authenticated before", "visa place submit Y refuse-soft", "declined/declined told:2"),
        ("another refusal", "visa place submit-unasked refuse", "declined/declined told:2"),
        ("the hour is over", "visa place submit-unasked silence +1h ask:soft", "declined/declined told:2"),
        ("the link is over", "visa place +30d submit-unasked", "refused:SessionExpired"),
        (
            "the link is about to end",
            "visa place +29d +23h +30m submit-unasked silence +30m refuse-soft",
            "declined/declined told:2",
        ),
        (
            "the link ended meanwhile",
            "visa place +29d +23h +30m submit-unasked silence +30m end-session refuse-soft",
            "declined/declined told:2",
        ),
    ]);
}

#[test]
fn a_second_try_is_the_same_payment_anew() {
    let mut scenario = Scenario::new();
    let script = "visa manual place submit-keeping-unasked refuse-soft";
    script.split_whitespace().for_each(|word| scenario.step(word).unwrap());
    let [first, second] = scenario.order_of("see").transactions.as_slice() else { panic!("two tries") };
    assert_eq!(first.second_try, Some(second.id));
    let same = |one: &Transaction| {
        (one.amount, one.card.clone(), one.capturing, one.session.clone(), one.token.clone())
    };
    assert_eq!(same(first), same(second));
    assert_eq!((second.created_at, second.second_try), (scenario.now, None));
    let State::Declined(decline) = &first.state else { panic!("{first:?}") };
    assert_eq!((decline.reason_code, decline.response_code.as_deref()), (4004, Some("1A")));
    let order = scenario.order_of("see");
    assert_eq!(order.second_try_of(first.id).map(|found| found.id), Some(second.id));
    assert!(order.is_second_try(second.id) && !order.is_second_try(first.id));
    assert_eq!(order.session.attempts, 1, "the card was submitted once");

    // An answer in the same millisecond, by a clock that stepped back.
    let mut scenario = Scenario::new();
    "visa place submit-unasked".split_whitespace().for_each(|word| scenario.step(word).unwrap());
    let submitted = scenario.now;
    scenario.now = Timestamp(submitted.0 - 5_000);
    scenario.step("refuse-soft").unwrap();
    let second = scenario.order_of("see").transactions.last().unwrap();
    assert!(second.is_authenticating() && second.created_at > submitted, "{second:?}");
}

#[test]
fn an_unknown_outcome_is_asked_for_and_reversed_never_guessed() {
    check([
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
    ]);
}

#[test]
fn own_amex_contracts_and_zero_amounts_never_enter_the_ledger() {
    check([
        ("T16", "own-amex place submit Y approve", "completed/initialized told:2"),
        ("T16 held", "own-amex place submit Y hold", "uncleared/initialized told:2"),
        ("T18", "amount:0 place submit Y approve", "completed/completed told:2"),
        ("T18 refused", "amount:0 place submit Y refuse", "declined/declined told:2"),
    ]);
}

#[test]
fn a_timer_that_runs_early_is_armed_again() {
    for (before, timer) in [
        ("place submit", "expire"),
        ("place submit", "end-session"),
        ("authorised", "expire-authorisation"),
        ("paid chargeback", "time-over"),
    ] {
        let mut scenario = Scenario::new();
        before.split_whitespace().for_each(|word| scenario.step(word).unwrap());
        let changes = scenario.decided(timer).unwrap();
        let due = |change: &Change| matches!(change, Change::JobDue { at, .. } if *at > scenario.now);
        assert!(changes.len() == 1 && changes.iter().all(due), "{timer}: {changes:?}");
    }
}
