//! Any sequence of steps keeps what must always hold, and comes to an end: once all work is done, nothing is open and
//! no money is set aside.
//!
//! `TEST_SEQUENCES` says how many sequences are tried.

use crate::play::{Book, Scenario};
use crate::words::Word;
use payments::decide::Refused;
use payments::ledger::Account;
use payments::status;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many sequences are tried where nobody says.
const SEQUENCES: u32 = 100_000;
/// How many steps follow on its start.
const STEPS_MAX: usize = 16;

/// How a sequence begins: often where money can move.
const STARTS: &[&str] = &[
    "place",
    "place submit-keeping Y",
    "place submit-known-unauthenticated",
    "place submit-keeping Y silence",
    "place submit-keeping-unauthenticated silence ask:never-seen",
    "visa place submit-keeping-unasked refuse-soft",
    "mastercard place submit-unasked silence",
    "paid",
    "paid",
    "paid refund:300 send",
    "paid refund:1 send paid-back refund",
    "paid chargeback:300",
    "amex paid chargeback evidence",
    "own-amex paid",
    "amount:0 paid",
    "by-advice paid",
    "by-advice held",
    "by-advice paid refund:300 send",
    "by-advice place submit Y silence",
    "manual place",
    "manual place submit-keeping Y approve",
    "manual amount:0 place",
    "manual held",
    "manual held reject released submit Y",
    "authorised",
    "visa authorised",
    "visa authorised capture:300",
    "authorised capture:300 capture:300",
    "authorised capture",
    "authorised capture:300 refund@part-1 send@part-1",
    "authorised cancel-rest released",
    "place submit N submit N submit N submit N submit N submit N submit N submit N submit N submit N submit N \
     submit N submit N submit N submit N submit N submit N submit N submit N",
];

/// What happens in it. A line is drawn from as often as it says.
const WORDS: &[(usize, &[&str])] = &[
    (
        1,
        &[
            "place",
            "place-other",
            "submit-blocked",
            "submit-keeping-blocked",
            "submit-known",
            "submit-first-session",
            "submit-unauthenticated",
            "submit-unasked",
            "A",
            "N",
            "U",
            "R",
            "give-up",
            "Y-card-lost",
            "hold-then-pay",
            "refuse",
            "refuse-soft",
            "ask:soft",
            "silence",
            "collects",
            "overdue",
            "ask:approved",
            "ask:refused",
            "ask:silence",
            "ask:never-seen",
            "undo:done",
            "undo:silence",
            "accept",
            "reject",
            "shop-cancels",
            "expire",
            "end-session",
            "expire-authorisation",
            "capture:0",
            "capture-under-own-id:300",
            "captured#1",
            "refund-usd",
            "refund:0",
            "take-back#1",
            "take-back~",
            "send#1",
            "evidence~",
            "won#1",
            "note-again",
            "ship-same-note",
            "ship@part-1",
            "chargeback@part-1",
            "won@part-1",
            "take-back@part-1",
            "+1ms",
            "+1h",
            "+1d",
            "+30d",
            "+181d",
        ],
    ),
    (
        2,
        &[
            "submit",
            "submit-keeping",
            "Y",
            "hold",
            "released",
            "capture",
            "capture:1",
            "capture:700",
            "capture:1001",
            "cancel-rest",
            "refund",
            "refund:1",
            "refund:999",
            "refund-meant:300",
            "refund-refused",
            "refund-silence",
            "take-back",
            "chargeback",
            "chargeback:300",
            "chargeback:1001",
            "evidence",
            "more",
            "accept-it",
            "time-over",
            "lost",
            "won",
            "ship",
            "note",
            "captured",
            "refund@part-1",
            "refund:100@part-1",
            "send@part-1",
            "paid-back@part-1",
            "refund:300@part-2",
            "+5m",
            "+7d",
            "+23d",
        ],
    ),
    (4, &["approve", "capture:300", "refund:300", "send", "paid-back", "due"]),
];

/// What the sequences met: how often each word was taken, and every reason to refuse.
#[derive(Default)]
struct Met {
    taken: BTreeMap<&'static str, u32>,
    refused: Vec<Refused>,
}

#[test]
fn keeps_what_must_always_hold() {
    #[expect(clippy::disallowed_methods, reason = "how much to try is for whoever tests")]
    let cases = std::env::var("TEST_SEQUENCES").map_or(SEQUENCES, |number| number.parse().unwrap());
    let weighed = |(times, words): &(usize, &'static [&'static str])| words.repeat(*times);
    let words: Vec<&str> = WORDS.iter().flat_map(weighed).collect();
    let word = prop::sample::select(words);
    let steps = prop::collection::vec([word.clone(), word.clone(), word], 0..STEPS_MAX);
    let sequences = (prop::sample::select(STARTS), steps);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let met = RefCell::new(Met::default());
    let tried = TestRunner::new(config).run(&sequences, |(start, steps)| {
        play(start, &steps, &mut met.borrow_mut());
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
    if cases >= SEQUENCES {
        check_met(&met.into_inner());
    }
}

/// Plays a start and then steps: of the words of a step the first that is not refused, so that most steps go
/// somewhere.
fn play(start: &str, steps: &[[&'static str; 3]], met: &mut Met) {
    let mut scenario = Scenario::new();
    start.split_whitespace().for_each(|word| scenario.step(word).unwrap());
    for words in steps {
        for word in words {
            if !scenario.books.contains_key(Word::parse(word).order) {
                continue;
            }
            match scenario.step(word) {
                Ok(()) => {
                    *met.taken.entry(word).or_default() += 1;
                    break;
                }
                Err(refused) if !met.refused.contains(&refused) => met.refused.push(refused),
                Err(_) => {}
            }
        }
    }
    scenario.settle();
    for Book { order, balances, .. } in scenario.books.values() {
        assert_eq!(order.open(), None, "no attempt is open");
        for account in [Account::Uncleared, Account::Authorised, Account::Reserved] {
            assert_eq!(balances.get(&account).copied().unwrap_or_default(), 0, "{account:?} is empty");
        }
        let reserved = order.movements.iter().filter(|movement| movement.refund().is_some());
        let mut reserved = reserved.filter(|refund| status::of_movement(refund).order == "reserved");
        assert_eq!(reserved.next(), None, "no refund is on its way");
    }
}

/// Too few of something would make the test prove less than it says.
fn check_met(met: &Met) {
    for word in WORDS.iter().flat_map(|(_, words)| *words) {
        let taken = met.taken.get(word).copied().unwrap_or_default();
        assert_eq!(taken > 0, !is_always_refused(word), "{word} was taken {taken} times");
    }
    for reason in REASONS {
        assert!(met.refused.contains(&reason), "{reason:?} was never given");
    }
    assert_eq!(met.refused.len(), REASONS.len(), "every reason is listed: {:?}", met.refused);
}

/// Words that no order takes.
fn is_always_refused(word: &str) -> bool {
    matches!(word, "capture:0" | "capture:1001" | "refund:0" | "refund-usd" | "chargeback:1001")
        || word == "capture-under-own-id:300"
}

const REASONS: [Refused; 23] = [
    Refused::AlreadyPaid,
    Refused::PaymentInProgress,
    Refused::SessionReplaced,
    Refused::SessionExpired,
    Refused::SessionCancelled,
    Refused::TooManyAttempts,
    Refused::UnknownTransaction,
    Refused::OutOfTurn,
    Refused::NotAuthorised,
    Refused::FullyCaptured,
    Refused::AuthorisationExpired,
    Refused::MoreThanAuthorised,
    Refused::NothingToMove,
    Refused::OrderIdTaken,
    Refused::NothingCollected,
    Refused::FullyRefunded,
    Refused::MoreThanCollected,
    Refused::OtherCurrency,
    Refused::RefundRepeated,
    Refused::RefundTooLate,
    Refused::ChargedBack,
    Refused::DisputeOver,
    Refused::NotShippable,
];
