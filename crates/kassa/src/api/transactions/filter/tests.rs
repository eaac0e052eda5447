//! The tables of words against what orders really show.

use super::*;
use crate::api::order_view::tests::orders::{every_state, order, transaction};
use crate::store::{movement_row, transaction_row};
use payments::ids::TransactionId;
use payments::money::Amount;
use payments::movement::{Dispute, Kind, Movement, RefundState, Stage};
use payments::order::Order;
use payments::session::{Ended, Ending};
use payments::status;
use payments::time::Timestamp;
use payments::transaction::{Capturing, Settlement, State};
use rstest::rstest;

const AT: Timestamp = Timestamp(1_753_953_402_001);

/// Every state, and a rejected payment once it is released as well.
fn states() -> Vec<State> {
    let mut states = every_state();
    for state in &states.clone() {
        if let State::Void { approval, .. } = state {
            for released_at in [None, Some(AT)] {
                states.push(State::Void { approval: approval.clone(), released_at });
            }
        }
    }
    states
}

fn movement(id: i64, kind: Kind, minor: i64) -> Movement {
    Movement {
        id: TransactionId(id),
        of: TransactionId(2),
        order: order().id,
        amount: Amount::new(minor, order().terms.amount.currency),
        created_at: AT,
        modified_at: AT,
        note: "{}".to_owned(),
        kind,
    }
}

fn chargeback(stage: Stage) -> Kind {
    Kind::Chargeback(Dispute { reason_code: "4837".to_owned(), respond_by: AT, stage })
}

/// What can have happened to a payment of 1000, with whether something was given back.
fn aftermaths() -> Vec<(Vec<Movement>, bool)> {
    let capture = || movement(3, Kind::Capture { told_at: None }, 1_000);
    let refund = |minor| movement(4, Kind::Refund(RefundState::Completed { at: AT }), minor);
    vec![
        (vec![], false),
        (vec![capture()], false),
        (vec![refund(1_000)], true),
        (vec![refund(300)], true),
        (vec![capture(), refund(1_000)], true),
        (vec![movement(5, Kind::Refund(RefundState::Reserved), 300)], true),
        (vec![movement(6, chargeback(Stage::New), 1_000)], true),
        (vec![movement(6, chargeback(Stage::Won), 1_000), refund(1_000)], true),
    ]
}

/// Whether the tables let the payment's lane be read for its own words.
fn is_found(order: &Order, is_given_back: bool) {
    for attempt in &order.transactions {
        let status = status::of_attempt(order, attempt);
        let word = transaction_row::state_word(&attempt.state);
        let (_, words, financial) = STATES.iter().find(|(state, ..)| *state == word).unwrap();
        let is_later = GIVEN_BACK.contains(&status.order) && is_given_back;
        assert!(is_later || words.contains(&status.order), "{word}: {status:?} {order:?}");
        assert!(status.financial.is_none_or(|status| financial.contains(&status)), "{word}: {status:?}");
    }
}

#[rstest]
fn no_payment_has_words_that_its_state_is_not_looked_up_by(
    #[values(Settlement::Gateway, Settlement::Scheme)] settlement: Settlement,
    #[values(Capturing::Immediate, Capturing::Manual)] capturing: Capturing,
    #[values(None, Some(Ending::Expired), Some(Ending::Cancelled), Some(Ending::Replaced))] ended: Option<
        Ending,
    >,
    #[values(None, Some(AT))] shipped_at: Option<Timestamp>,
) {
    for first in states() {
        for second in states() {
            for (movements, is_given_back) in aftermaths() {
                let mut order = Order { shipped_at, movements, ..order() };
                order.session.ended = ended.map(|why| Ended { why, at: AT });
                for (id, state) in [(1, first.clone()), (2, second.clone())] {
                    let id = TransactionId(id);
                    let attempt = payments::transaction::Transaction {
                        id,
                        settlement,
                        capturing,
                        ..transaction(state)
                    };
                    order.transactions.push(attempt);
                }
                is_found(&order, is_given_back);
            }
        }
    }
}

#[test]
fn a_movements_words_are_those_of_its_table() {
    let refunds = [
        RefundState::Reserved,
        RefundState::Sending,
        RefundState::Unknown { asked: 1 },
        RefundState::Completed { at: AT },
        RefundState::Declined { response_code: "51".to_owned() },
        RefundState::Void,
    ];
    let kinds = refunds.into_iter().map(Kind::Refund).chain(Stage::ALL.map(chargeback));
    let kinds: Vec<Kind> = kinds.chain([Kind::ReverseChargeback { of: TransactionId(1) }]).collect();
    assert_eq!(kinds.len(), MOVEMENTS.len());
    for kind in kinds {
        let status = status::of_movement(&movement(9, kind.clone(), 1));
        let word = movement_word(movement_row::kind(&kind), movement_row::state(&kind));
        assert_eq!((status.order, status.financial), (word, Some(word)), "{kind:?}");
        // The lanes are told apart by the words that kinds are stored as.
        assert!(KINDS.iter().any(|(known, _)| *known == movement_row::kind(&kind)), "{kind:?}");
    }
}

#[test]
fn every_word_of_the_tables_can_be_asked_for() {
    for (_, order, financial) in STATES {
        assert!(order.iter().all(|word| ORDER_WORDS.contains(word)), "{order:?}");
        assert!(financial.iter().all(|word| FINANCIAL_WORDS.contains(word)), "{financial:?}");
    }
    assert!(GIVEN_BACK.iter().all(|word| ORDER_WORDS.contains(word)));
    assert!(
        MOVEMENTS.iter().all(|(_, _, word)| ORDER_WORDS.contains(word) && FINANCIAL_WORDS.contains(word))
    );
}

#[test]
fn what_was_paid_with_no_card_is_not_looked_for_among_cards() {
    let of = |brands| Filter {
        kinds: KINDS.iter().map(|(kind, _)| *kind).collect(),
        currency: None,
        status: None,
        financial: None,
        brands,
        created: Span::EVER,
        completed: None,
    };
    let uri = "/v1/json/transactions?payment_method=IDEAL,PAYPAL".parse().unwrap();
    assert_eq!(of(brands(&uri).unwrap()).lanes(), []);
    assert!(of(None).lanes().len() > 1 && of(Some(vec![Brand::Amex])).lanes().len() > 1);
}
