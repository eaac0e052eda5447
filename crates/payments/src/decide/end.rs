//! Ends that nobody paid for: cancelled, expired, rejected after review.

use super::authorise::{Accepted, accepted};
use super::{Refused, ended, moved, moved_unseen, transferred};
use crate::change::{Change, Job};
use crate::ids::SessionId;
use crate::ledger::Step;
use crate::order::Order;
use crate::session::Ending;
use crate::status;
use crate::time::Timestamp;
use crate::transaction::{State, Transaction, Verdict};

pub(super) fn review_ended(
    transaction: &Transaction,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let State::Uncleared { approval, .. } = &transaction.state else {
        return Err(Refused::OutOfTurn);
    };
    let approval = approval.clone();
    let done = Change::JobDone(Job::EndReview(transaction.id));
    let mut changes = match verdict {
        Verdict::Accept => accepted(transaction, approval, Accepted::AfterReview, now),
        Verdict::Reject => {
            let mut changes = vec![moved(transaction, State::Void { approval, released_at: None }, now)];
            changes.extend(transferred(transaction, transaction.id, Step::Release, transaction.amount));
            changes.push(Change::JobDue { job: Job::ReleaseApproval(transaction.id), at: now });
            changes.push(Change::NotificationDue);
            changes
        }
    };
    changes.push(done);
    Ok(changes)
}

pub(super) fn approval_released(transaction: &Transaction, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let State::Void { approval, released_at: None } = &transaction.state else {
        return Err(Refused::OutOfTurn);
    };
    let state = State::Void { approval: approval.clone(), released_at: Some(now) };
    Ok(vec![moved_unseen(transaction, state), Change::JobDone(Job::ReleaseApproval(transaction.id))])
}

pub(super) fn cancel(order: &Order, now: Timestamp) -> Result<Vec<Change>, Refused> {
    if order.has_money() {
        return Err(Refused::AlreadyPaid);
    }
    match order.session.ended.map(|ended| ended.why) {
        Some(Ending::Cancelled) => return Err(Refused::SessionCancelled),
        Some(Ending::Expired) => return Err(Refused::SessionExpired),
        Some(Ending::Replaced) | None => {}
    }
    let mut changes = withdraw_open(order, now)?;
    let session = order.session.id.clone();
    changes.push(Change::SessionEnded { session: session.clone(), why: Ending::Cancelled, at: now });
    changes.push(Change::JobDone(Job::ExpireSession(session)));
    changes.push(Change::NotificationDue);
    Ok(changes)
}

/// Ends the attempt that waits for its customer, on the shop's behalf.
pub(super) fn withdraw_open(order: &Order, now: Timestamp) -> Result<Vec<Change>, Refused> {
    match order.open() {
        None => Ok(Vec::new()),
        Some(open) if open.is_money_moving() => Err(Refused::PaymentInProgress),
        Some(open) => {
            let stop = Change::JobDone(Job::ExpireTransaction(open.id));
            Ok(vec![moved(open, State::Cancelled, now), stop])
        }
    }
}

pub(super) fn expire_transaction(transaction: &Transaction, now: Timestamp) -> Vec<Change> {
    let (job, at) = (Job::ExpireTransaction(transaction.id), transaction.expires_at());
    if !transaction.is_authenticating() {
        return vec![Change::JobDone(job)];
    }
    // A clock may step back: too early is not never.
    if now < at { vec![Change::JobDue { job, at }] } else { ended(transaction, State::Expired, now) }
}

pub(super) fn expire_session(order: &Order, session: &SessionId, now: Timestamp) -> Vec<Change> {
    let done = Change::JobDone(Job::ExpireSession(session.clone()));
    let current = &order.session;
    if current.id != *session || current.ended.is_some() {
        return vec![done];
    }
    if now < current.ends_at {
        return vec![Change::JobDue { job: Job::ExpireSession(session.clone()), at: current.ends_at }];
    }
    let ended = Change::SessionEnded { session: session.clone(), why: Ending::Expired, at: now };
    let mut after = order.clone();
    after.apply(&ended);
    let mut changes = vec![ended];
    if status::of_order(&after) != status::of_order(order) {
        changes.push(Change::NotificationDue);
    }
    changes.push(done);
    changes
}
