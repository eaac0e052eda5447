//! The issuer takes money back, and the shop may dispute it.

use super::refund::given_up;
use super::{Refused, transferred};
use crate::card::Brand;
use crate::change::{Change, Job};
use crate::ids::TransactionId;
use crate::ledger::Step;
use crate::money::Amount;
use crate::movement::{Dispute, Kind, Movement, RefundState, Stage};
use crate::order::Order;
use crate::time::{Millis, Timestamp};
use crate::transaction::State;

/// What the scheme says of a chargeback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChargeback {
    /// The PSP id drawn for it.
    pub id: TransactionId,
    /// Minor units; `None` takes what was collected and not refunded.
    pub amount_minor: Option<i64>,
    /// The scheme's reason; `None` is fraud, in the brand's own number.
    pub reason_code: Option<String>,
    /// The shop's words, of which there are none yet.
    pub note: String,
}

/// Something that happens to a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The shop sent evidence.
    Evidence,
    /// The gateway wants more.
    MoreWanted,
    /// The shop accepts the chargeback.
    Accepted,
    /// The time to answer may be over.
    TimeOver,
    /// The issuer's side won.
    Lost,
    /// The shop won; the money comes back under this PSP id.
    Won(TransactionId),
}

/// How long a shop may take to answer: 20 days for American Express, 23 for the others.
#[must_use]
pub fn answer_window(brand: Brand) -> Millis {
    match brand {
        Brand::Amex => Millis::days(20),
        Brand::Maestro | Brand::Mastercard | Brand::Visa => Millis::days(23),
    }
}

/// The reason number of fraud without the card, where the scheme gave none.
fn fraud(brand: Brand) -> &'static str {
    match brand {
        Brand::Amex => "4540",
        Brand::Maestro | Brand::Mastercard => "4837",
        Brand::Visa => "10.4",
    }
}

pub(super) fn charged_back(
    order: &Order,
    new: NewChargeback,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let payment = order.paid().ok_or(Refused::NothingCollected)?;
    let State::Completed { .. } = payment.state else {
        return Err(Refused::NothingCollected);
    };
    let collected = order.collected();
    if collected == 0 {
        return Err(Refused::NothingCollected);
    }
    let left = collected.saturating_sub(order.charged_back());
    let rest = left.saturating_sub(refunds_sent(order));
    let minor = new.amount_minor.unwrap_or(rest);
    if left == 0 || minor > left {
        return Err(Refused::MoreThanCollected);
    }
    if new.amount_minor.is_none() && rest < 1 {
        return Err(Refused::FullyRefunded);
    }
    if minor < 1 {
        return Err(Refused::NothingToMove);
    }
    let amount = Amount::new(minor, payment.amount.currency);
    let brand = payment.card.brand;
    let respond_by = now.plus(answer_window(brand));
    let reason_code = new.reason_code.unwrap_or_else(|| fraud(brand).to_owned());
    let movement = Movement {
        id: new.id,
        of: payment.id,
        order: order.id.clone(),
        amount,
        created_at: now,
        modified_at: now,
        note: new.note,
        kind: Kind::Chargeback(Dispute { reason_code, respond_by, stage: Stage::New }),
    };
    let mut changes = withdraw_refunds(order, now);
    changes.push(Change::MovementOpened(Box::new(movement)));
    changes.extend(transferred(payment, new.id, Step::Chargeback, amount));
    changes.push(Change::JobDue { job: Job::EndDispute(new.id), at: respond_by });
    changes.retain(|change| *change != Change::NotificationDue);
    changes.push(Change::NotificationDue);
    Ok(changes)
}

/// Minor units of refunds that were paid, or can no longer be stopped.
fn refunds_sent(order: &Order) -> i64 {
    let sent = |found: &&Movement| found.is_refunding() && found.refund() != Some(&RefundState::Reserved);
    order.movements.iter().filter(sent).fold(0, |sum, found| sum.saturating_add(found.amount.minor))
}

/// Refunds that were not sent yet are not paid on top of what the issuer took.
fn withdraw_refunds(order: &Order, now: Timestamp) -> Vec<Change> {
    let resting = order.movements.iter().filter(|found| found.refund() == Some(&RefundState::Reserved));
    resting.flat_map(|found| given_up(order, found, RefundState::Void, now)).collect()
}

pub(super) fn disputed(
    order: &Order,
    id: TransactionId,
    turn: Turn,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let found = order.movement(id).ok_or(Refused::UnknownTransaction)?;
    let dispute = found.dispute().ok_or(Refused::UnknownTransaction)?;
    if !dispute.stage.takes_evidence() {
        return if turn == Turn::TimeOver { Ok(over(id)) } else { Err(Refused::DisputeOver) };
    }
    let job = Job::EndDispute(id);
    Ok(match turn {
        Turn::Evidence => stage(found, dispute, Stage::Submitted, now),
        Turn::MoreWanted => {
            let brand = order.transaction(found.of).map_or(Brand::Visa, |payment| payment.card.brand);
            let respond_by = now.plus(answer_window(brand));
            let moved = Dispute { respond_by, ..dispute.clone() };
            let mut changes = stage(found, &moved, Stage::Ready, now);
            changes.push(Change::JobDue { job, at: respond_by });
            changes
        }
        Turn::TimeOver if !dispute.stage.waits_for_shop() => over(id),
        Turn::TimeOver if now < dispute.respond_by => {
            vec![Change::JobDue { job, at: dispute.respond_by }]
        }
        Turn::Accepted | Turn::TimeOver => ended(found, dispute, Stage::Accepted, now),
        Turn::Lost => ended(found, dispute, Stage::Lost, now),
        Turn::Won(back) => {
            let mut changes = ended(found, dispute, Stage::Won, now);
            changes.extend(won(order, found, back, now));
            changes
        }
    })
}

/// The money of a chargeback comes back.
fn won(order: &Order, chargeback: &Movement, id: TransactionId, now: Timestamp) -> Vec<Change> {
    let kind = Kind::ReverseChargeback { of: chargeback.id };
    let movement = Movement { id, kind, created_at: now, modified_at: now, ..chargeback.clone() };
    let mut changes = vec![Change::MovementOpened(Box::new(movement))];
    let payment = order.transaction(chargeback.of);
    let amount = chargeback.amount;
    changes.extend(payment.and_then(|payment| transferred(payment, id, Step::ReverseChargeback, amount)));
    changes
}

fn ended(found: &Movement, dispute: &Dispute, end: Stage, now: Timestamp) -> Vec<Change> {
    let mut changes = stage(found, dispute, end, now);
    changes.extend(over(found.id));
    changes
}

fn over(id: TransactionId) -> Vec<Change> {
    vec![Change::JobDone(Job::EndDispute(id))]
}

fn stage(found: &Movement, dispute: &Dispute, stage: Stage, now: Timestamp) -> Vec<Change> {
    let kind = Kind::Chargeback(Dispute { stage, ..dispute.clone() });
    let moved = Movement { kind, modified_at: now, ..found.clone() };
    vec![Change::MovementMoved(Box::new(moved)), Change::NotificationDue]
}
