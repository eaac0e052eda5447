//! What becomes of the card that an attempt keeps, or was paid with.

use crate::play::{Kept, Scenario};

/// Runs every script and compares what became of the card that its first `submit-keeping` kept; `None` when it was
/// not even sealed.
#[track_caller]
fn check<const N: usize>(lines: [(&str, &str, Option<Kept>); N]) {
    for (name, script, expected) in lines {
        let mut scenario = Scenario::new();
        for word in script.split_whitespace() {
            scenario.step(word).unwrap_or_else(|refused| panic!("{name}: {word} was refused: {refused:?}"));
        }
        let kept = scenario.tokens.iter().find(|(id, _)| **id != crate::play::known_token());
        assert_eq!(kept.map(|(_, kept)| *kept), expected, "{name}: {script}");
    }
}

#[test]
fn a_card_is_usable_once_it_has_paid() {
    let (waiting, usable) = (Some(Kept::Waiting), Some(Kept::Usable));
    check([
        ("not yet", "place submit-keeping", waiting),
        ("not while it is authorised", "place submit-keeping Y", waiting),
        ("not while nobody knows", "place submit-keeping Y silence", waiting),
        ("not while it is undone", "place submit-keeping Y silence ask:never-seen", waiting),
        ("not while it is held", "place submit-keeping Y hold", waiting),
        ("paid", "place submit-keeping Y approve", usable),
        ("paid, as an inquiry said", "place submit-keeping Y silence ask:approved", usable),
        ("paid after review", "place submit-keeping Y hold accept", usable),
        ("paid after review by itself", "place submit-keeping Y hold-then-pay +3m due", usable),
        ("paid without the customer", "place submit-keeping-unauthenticated approve", usable),
        ("not while the customer is asked", "visa place submit-keeping-unasked refuse-soft", waiting),
        ("paid when tried again", "visa place submit-keeping-unasked refuse-soft Y approve", usable),
        ("checked", "amount:0 place submit-keeping Y approve", usable),
        ("authorised", "manual place submit-keeping Y approve", usable),
        ("authorised after review", "manual place submit-keeping Y hold accept", usable),
    ]);
}

#[test]
fn a_card_that_paid_stays_usable() {
    let usable = Some(Kept::Usable);
    check([
        ("captured", "manual place submit-keeping Y approve capture", usable),
        ("captured in parts", "manual place submit-keeping Y approve capture:300 capture", usable),
        ("given back", "manual place submit-keeping Y approve cancel-rest released", usable),
        ("not captured in time", "visa manual place submit-keeping Y approve +7d due", usable),
        ("refunded", "place submit-keeping Y approve refund send paid-back", usable),
        ("charged back", "place submit-keeping Y approve chargeback lost", usable),
        (
            "another card fails after it was given back",
            "manual place submit-keeping Y approve cancel-rest released place submit N",
            usable,
        ),
    ]);
}

#[test]
fn a_card_that_did_not_pay_is_dropped() {
    let dropped = Some(Kept::Dropped);
    check([
        ("blocked here", "place submit-keeping-blocked", None),
        ("not authenticated", "place submit-keeping N", dropped),
        ("given up", "place submit-keeping give-up", dropped),
        ("forgotten", "place submit-keeping Y-card-lost", dropped),
        ("refused", "place submit-keeping Y refuse", dropped),
        ("refused late", "place submit-keeping Y silence refuse", dropped),
        ("refused, as an inquiry said", "place submit-keeping Y silence ask:refused", dropped),
        ("undone", "place submit-keeping Y silence ask:never-seen undo:done", dropped),
        ("refused when tried again", "visa place submit-keeping-unasked refuse-soft Y refuse", dropped),
        ("soft again", "visa place submit-keeping-unasked refuse-soft Y refuse-soft", dropped),
        ("expired", "place submit-keeping +1h due", dropped),
        ("cancelled", "place submit-keeping shop-cancels", dropped),
        ("other terms", "place submit-keeping place-other", dropped),
        ("another card", "place submit-keeping submit", dropped),
        ("rejected", "place submit-keeping Y hold reject", dropped),
        ("nobody reviewed", "place submit-keeping Y hold +5d due", dropped),
        ("another card paid", "place submit-keeping N submit Y approve", dropped),
    ]);
}

/// That a payment failed says nothing about a card that paid before: whatever happens, it is not touched, which
/// `always` checks.
#[test]
fn a_card_known_before_is_never_dropped() {
    let stays = None;
    check([
        ("paid", "place submit-known-unauthenticated approve", stays),
        ("refused", "place submit-known-unauthenticated refuse", stays),
        ("not authenticated", "place submit-known N", stays),
        ("blocked", "place submit-known-blocked", stays),
        ("expired", "place submit-known +1h due", stays),
        ("cancelled", "place submit-known shop-cancels", stays),
        ("other terms", "place submit-known place-other", stays),
        ("rejected", "place submit-known Y hold reject", stays),
        ("undone", "place submit-known-unauthenticated silence ask:never-seen undo:done", stays),
        ("given back", "manual place submit-known-unauthenticated approve cancel-rest released", stays),
    ]);
}
