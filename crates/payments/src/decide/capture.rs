//! What was authorised is collected, whole or in parts, or given back.

use super::{Refused, moved, transferred};
use crate::change::{Change, Job};
use crate::ids::{OrderId, SessionId, TransactionId};
use crate::ledger::{Step, is_posted};
use crate::money::Amount;
use crate::movement::{Kind, Movement};
use crate::order::{Order, Terms};
use crate::session::{Ended, Ending, Session};
use crate::time::Timestamp;
use crate::transaction::{Approval, Capturing, State, Transaction};

/// A shop's request to collect what was authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCapture {
    /// The PSP id drawn for it.
    pub id: TransactionId,
    /// Minor units; `None` takes everything that is left.
    pub amount_minor: Option<i64>,
    /// What a part is called, as an order of its own.
    pub part: OrderId,
    /// The id drawn for that order's session, which nobody can pay through.
    pub session: SessionId,
    /// The shop's words.
    pub note: String,
}

/// The authorised attempt, with its approval.
struct Authorised<'a> {
    payment: &'a Transaction,
    approval: &'a Approval,
}

impl Authorised<'_> {
    fn find(order: &Order) -> Result<Authorised<'_>, Refused> {
        match order.paid() {
            Some(payment) => match &payment.state {
                State::Authorised { approval, .. } => Ok(Authorised { payment, approval }),
                State::Completed { .. } if payment.capturing == Capturing::Manual => {
                    Err(Refused::FullyCaptured)
                }
                State::Completed { .. }
                | State::Authenticating
                | State::Authorising
                | State::Unknown { .. }
                | State::Reversing { .. }
                | State::Uncleared { .. }
                | State::Declined(_)
                | State::Expired
                | State::Void { .. }
                | State::Cancelled => Err(Refused::NotAuthorised),
            },
            None => Err(Refused::NotAuthorised),
        }
    }
}

pub(super) fn capture(order: &Order, new: NewCapture, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let Authorised { payment, approval } = Authorised::find(order)?;
    if let State::Authorised { expires_at, .. } = payment.state
        && now >= expires_at
    {
        return Err(Refused::AuthorisationExpired);
    }
    let (left, currency) = (order.capturable(), payment.amount.currency);
    let minor = new.amount_minor.unwrap_or(left);
    if minor > left {
        return Err(Refused::MoreThanAuthorised);
    }
    if minor < 1 {
        return Err(Refused::NothingToMove);
    }
    let whole = minor == payment.amount.minor;
    if !whole && new.part == order.id {
        return Err(Refused::OrderIdTaken);
    }
    let amount = Amount::new(minor, currency);
    let movement = Movement {
        id: new.id,
        of: payment.id,
        order: if whole { order.id.clone() } else { new.part.clone() },
        amount,
        created_at: now,
        modified_at: now,
        note: new.note,
        kind: Kind::Capture { told_at: None },
    };
    let step = if whole { Step::Capture } else { Step::CapturePart };
    let mut changes = vec![Change::JobDue { job: Job::SendCapture(new.id), at: now }];
    changes.extend(transferred(payment, new.id, step, amount));
    if !whole {
        let collect = is_posted(payment).then(|| Step::Collect.transfer(amount));
        let part = part(order, payment, approval, &movement, new.session);
        changes.push(Change::PartCaptured { order: Box::new(part), collect });
    }
    changes.push(Change::MovementOpened(Box::new(movement)));
    if minor == left {
        let state = State::Completed { approval: approval.clone(), at: now };
        changes.push(moved(payment, state, now));
        changes.push(Change::JobDone(Job::ExpireAuthorisation(payment.id)));
    }
    changes.push(Change::NotificationDue);
    Ok(changes)
}

/// A captured part as an order of its own: paid, complete, and refunded under its own reference.
fn part(
    order: &Order,
    payment: &Transaction,
    approval: &Approval,
    movement: &Movement,
    session: SessionId,
) -> Order {
    let at = movement.created_at;
    let payment = Transaction {
        id: movement.id,
        session: session.clone(),
        created_at: at,
        modified_at: at,
        amount: movement.amount,
        capturing: Capturing::Immediate,
        authorised_by: Some(payment.authorisation()),
        second_try: None,
        token: None,
        state: State::Completed { approval: approval.clone(), at },
        ..payment.clone()
    };
    let digest = order.session.digest;
    let ended = Some(Ended { why: Ending::Replaced, at });
    let session = Session { id: session, opened_at: at, ends_at: at, attempts: 0, digest, ended };
    let capturing = Capturing::Immediate;
    let terms = Terms { amount: movement.amount, capturing, recurring: None, ..order.terms.clone() };
    Order {
        site: order.site,
        id: movement.order.clone(),
        version: 0,
        terms,
        session,
        transactions: vec![payment],
        movements: Vec::new(),
        shipped_at: None,
        annotations: String::new(),
        captured_from: Some(order.id.clone()),
        created_at: at,
        modified_at: at,
    }
}

/// The acquirer has a capture in its books.
pub(super) fn capture_acknowledged(
    order: &Order,
    id: TransactionId,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let found = order.movement(id).ok_or(Refused::UnknownTransaction)?;
    let Kind::Capture { told_at: None } = found.kind else {
        return Err(Refused::OutOfTurn);
    };
    let told = Movement { kind: Kind::Capture { told_at: Some(now) }, ..found.clone() };
    Ok(vec![Change::MovementMoved(Box::new(told)), Change::JobDone(Job::SendCapture(id))])
}

/// The shop gives back what it has not captured.
pub(super) fn cancel_authorisation(
    order: &Order,
    id: TransactionId,
    note: String,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let Authorised { payment, .. } = Authorised::find(order)?;
    let left = Amount::new(order.capturable(), payment.amount.currency);
    let cancellation = Movement {
        id,
        of: payment.id,
        order: order.id.clone(),
        amount: left,
        created_at: now,
        modified_at: now,
        note,
        kind: Kind::Cancellation,
    };
    let mut changes = vec![Change::MovementOpened(Box::new(cancellation))];
    changes.extend(give_back(order, payment, now));
    Ok(changes)
}

/// Nobody captured in time.
pub(super) fn expire_authorisation(order: &Order, id: TransactionId, now: Timestamp) -> Vec<Change> {
    let job = Job::ExpireAuthorisation(id);
    let authorised = order.transaction(id).filter(|found| matches!(found.state, State::Authorised { .. }));
    match authorised {
        Some(Transaction { state: State::Authorised { expires_at, .. }, .. }) if now < *expires_at => {
            vec![Change::JobDue { job, at: *expires_at }]
        }
        Some(payment) => give_back(order, payment, now),
        None => vec![Change::JobDone(job)],
    }
}

/// What is left of the authorisation leaves the books; the acquirer is told until it has acknowledged.
fn give_back(order: &Order, payment: &Transaction, now: Timestamp) -> Vec<Change> {
    let Some(approval) = payment.approval() else {
        return Vec::new();
    };
    let state = State::Void { approval: approval.clone(), released_at: None };
    let left = Amount::new(order.capturable(), payment.amount.currency);
    let mut changes = vec![moved(payment, state, now)];
    changes.extend(transferred(payment, payment.id, Step::Cancel, left));
    changes.push(Change::JobDone(Job::ExpireAuthorisation(payment.id)));
    changes.push(Change::JobDue { job: Job::ReleaseApproval(payment.id), at: now });
    // What the shop has given back is not paid through an old link.
    if order.session.ended.is_none() {
        let session = order.session.id.clone();
        changes.push(Change::JobDone(Job::ExpireSession(session.clone())));
        changes.push(Change::SessionEnded { session, why: Ending::Expired, at: now });
    }
    changes.push(Change::NotificationDue);
    changes
}
