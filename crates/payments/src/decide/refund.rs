//! Money goes back to the customer.
//!
//! A refund is set aside first. From the moment its intent is committed only the acquirer's word ends it: no
//! answer means asking again, and a request that the acquirer never saw is sent again under the same reference.

use super::authorise::{Outcome, inquiry_delay, reversal_delay};
use super::{Refused, find, transferred};
use crate::change::{Change, Job};
use crate::ids::{OrderId, TransactionId};
use crate::ledger::Step;
use crate::money::{Amount, Currency};
use crate::movement::{Kind, Movement, REFUND_REPEAT, REFUND_WINDOW, RefundState};
use crate::order::Order;
use crate::time::{Millis, Timestamp};
use crate::transaction::State;

/// A shop's request to pay money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// The PSP id drawn for it.
    pub id: TransactionId,
    /// The currency it names, which must be the order's.
    pub currency: Currency,
    /// Minor units; `None` takes everything that is left.
    pub amount_minor: Option<i64>,
    /// The reference it runs under.
    pub order: OrderId,
    /// The shop's words.
    pub note: String,
    /// How long it can still be taken back before it is sent.
    pub rests: Millis,
    /// Whether the request carries a key of its own, so that a repetition is meant.
    pub is_keyed: bool,
}

pub(super) fn refund(order: &Order, new: NewRefund, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let amount = refundable(order, &new, now)?;
    let payment = order.paid().ok_or(Refused::NothingCollected)?;
    let movement = Movement {
        id: new.id,
        of: payment.id,
        order: new.order,
        amount,
        created_at: now,
        modified_at: now,
        note: new.note,
        kind: Kind::Refund(RefundState::Reserved),
    };
    let mut changes = vec![Change::MovementOpened(Box::new(movement))];
    changes.extend(transferred(payment, new.id, Step::Reserve, amount));
    changes.push(Change::JobDue { job: Job::SendRefund(new.id), at: now.plus(new.rests) });
    changes.push(Change::NotificationDue);
    Ok(changes)
}

fn refundable(order: &Order, new: &NewRefund, now: Timestamp) -> Result<Amount, Refused> {
    let Some(payment) = order.paid() else {
        return Err(Refused::NothingCollected);
    };
    let State::Completed { at, .. } = payment.state else {
        return Err(Refused::NothingCollected);
    };
    let collected = order.collected();
    if collected == 0 {
        return Err(Refused::NothingCollected);
    }
    if new.currency != payment.amount.currency {
        return Err(Refused::OtherCurrency);
    }
    let kept = collected.saturating_sub(order.charged_back());
    let left = kept.saturating_sub(order.refunded());
    if left < 1 {
        let taken = order.charged_back() > 0;
        return Err(if taken { Refused::ChargedBack } else { Refused::FullyRefunded });
    }
    let minor = new.amount_minor.unwrap_or(left);
    if minor < 1 {
        return Err(Refused::NothingToMove);
    }
    let recent =
        |movement: &&Movement| movement.is_refunding() && now.since(movement.created_at) < REFUND_REPEAT;
    let same = order.movements.iter().filter(recent).any(|movement| movement.amount.minor == minor);
    if same && !new.is_keyed {
        return Err(Refused::RefundRepeated);
    }
    if minor > left {
        return Err(Refused::MoreThanCollected);
    }
    if now.since(at) > REFUND_WINDOW {
        return Err(Refused::RefundTooLate);
    }
    Ok(Amount::new(minor, payment.amount.currency))
}

/// The shop takes a refund back.
pub(super) fn cancel_refund(
    order: &Order,
    id: TransactionId,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let found = order.movement(id).ok_or(Refused::UnknownTransaction)?;
    match found.refund() {
        Some(RefundState::Reserved) => Ok(given_up(order, found, RefundState::Void, now)),
        Some(_) => Err(Refused::OutOfTurn),
        None => Err(Refused::UnknownTransaction),
    }
}

/// The intent to pay it: after this commit it may be sent.
pub(super) fn send_refund(order: &Order, id: TransactionId, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let found = order.movement(id).ok_or(Refused::UnknownTransaction)?;
    match found.refund() {
        // What the shop sees stays the same, so nothing is announced and nothing looks modified.
        Some(RefundState::Reserved) => Ok(vec![
            Change::MovementMoved(Box::new(stands(found, RefundState::Sending))),
            Change::JobDue { job: Job::SendRefund(id), at: now.plus(inquiry_delay(3)) },
        ]),
        Some(_) | None => Err(Refused::OutOfTurn),
    }
}

/// The acquirer answered a refund, or an inquiry about one.
pub(super) fn refund_answered(
    order: &Order,
    id: TransactionId,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let found = order.movement(id).ok_or(Refused::UnknownTransaction)?;
    let asked = match found.refund() {
        Some(RefundState::Sending) => 0,
        Some(RefundState::Unknown { asked }) => *asked,
        Some(_) | None => return Err(Refused::OutOfTurn),
    };
    Ok(match outcome {
        Outcome::Approved { .. } => completed(order, found, now)?,
        Outcome::Declined { response_code } => {
            let declined = RefundState::Declined { response_code: response_code.clone() };
            given_up(order, found, declined, now)
        }
        Outcome::Unknown => {
            let asked = asked.saturating_add(1);
            vec![
                Change::MovementMoved(Box::new(stands(found, RefundState::Unknown { asked }))),
                Change::JobDue { job: Job::SendRefund(id), at: now.plus(reversal_delay(asked)) },
            ]
        }
    })
}

fn completed(order: &Order, found: &Movement, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let payment = find(order, found.of)?;
    let done = Movement { modified_at: now, ..stands(found, RefundState::Completed { at: now }) };
    let mut changes = vec![Change::MovementMoved(Box::new(done))];
    changes.extend(transferred(payment, found.id, Step::Refund, found.amount));
    changes.push(Change::JobDone(Job::SendRefund(found.id)));
    changes.push(Change::NotificationDue);
    Ok(changes)
}

/// The refund is not paid: the money is the shop's again.
pub(super) fn given_up(order: &Order, found: &Movement, state: RefundState, now: Timestamp) -> Vec<Change> {
    let over = Movement { modified_at: now, ..stands(found, state) };
    let mut changes = vec![Change::MovementMoved(Box::new(over))];
    let payment = order.transaction(found.of);
    changes.extend(payment.and_then(|payment| transferred(payment, found.id, Step::Unreserve, found.amount)));
    changes.push(Change::JobDone(Job::SendRefund(found.id)));
    changes.push(Change::NotificationDue);
    changes
}

fn stands(found: &Movement, state: RefundState) -> Movement {
    Movement { kind: Kind::Refund(state), ..found.clone() }
}
