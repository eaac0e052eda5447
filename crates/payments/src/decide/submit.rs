//! The customer submits a card: an attempt is born.

use super::{Refused, Screening, moved};
use crate::card::CardSummary;
use crate::change::{Change, Job};
use crate::decline::Decline;
use crate::ids::{SessionId, TransactionId};
use crate::order::Order;
use crate::session::{ATTEMPTS_MAX, Ending};
use crate::time::Timestamp;
use crate::transaction::{Settlement, State, Transaction};

pub(super) struct Attempt {
    pub(super) session: SessionId,
    pub(super) transaction: TransactionId,
    pub(super) card: CardSummary,
    pub(super) settlement: Settlement,
    pub(super) screening: Screening,
}

pub(super) fn submit_card(order: &Order, attempt: Attempt, now: Timestamp) -> Result<Vec<Change>, Refused> {
    may_submit(order, &attempt.session, now)?;
    let mut changes = Vec::new();
    if let Some(abandoned) = order.open() {
        if abandoned.is_money_moving() {
            return Err(Refused::PaymentInProgress);
        }
        // The customer came back from the issuer's page by another way and starts again.
        changes.push(moved(abandoned, State::Declined(Decline::authentication_cancelled()), now));
        changes.push(Change::JobDone(Job::ExpireTransaction(abandoned.id)));
    }
    let state = match attempt.screening {
        Screening::Clear => State::Authenticating,
        Screening::Blocked => State::Declined(Decline::blocked()),
    };
    let transaction = Transaction {
        id: attempt.transaction,
        session: attempt.session.clone(),
        created_at: now,
        modified_at: now,
        amount: order.terms.amount,
        card: attempt.card,
        settlement: attempt.settlement,
        authentication: None,
        state,
    };
    let attempts = order.session.attempts.saturating_add(1);
    changes.push(Change::AttemptCounted { session: attempt.session, attempts });
    if transaction.is_open() {
        let job = Job::ExpireTransaction(transaction.id);
        changes.push(Change::JobDue { job, at: transaction.expires_at() });
    }
    changes.push(Change::TransactionOpened(Box::new(transaction)));
    changes.push(Change::NotificationDue);
    Ok(changes)
}

fn may_submit(order: &Order, session: &SessionId, now: Timestamp) -> Result<(), Refused> {
    if order.paid().is_some() {
        return Err(Refused::AlreadyPaid);
    }
    if order.session.id != *session {
        return Err(Refused::SessionReplaced);
    }
    match order.session.ended.map(|ended| ended.why) {
        Some(Ending::Cancelled) => return Err(Refused::SessionCancelled),
        Some(Ending::Replaced) => return Err(Refused::SessionReplaced),
        Some(Ending::Expired) => return Err(Refused::SessionExpired),
        None => {}
    }
    if now >= order.session.ends_at {
        return Err(Refused::SessionExpired);
    }
    if order.session.attempts >= ATTEMPTS_MAX {
        return Err(Refused::TooManyAttempts);
    }
    Ok(())
}
