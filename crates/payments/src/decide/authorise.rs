//! From the authentication's outcome to a settled authorisation, also when nobody answers.
//!
//! The intent to authorise is committed before anything is sent, together with the job that finds out
//! what became of it. From there on only the host's word, or an acknowledged reversal, ends it.

use super::soft_decline::tried_again;
use super::{Refused, ended, moved, moved_unseen, transferred};
use crate::change::{Change, Job};
use crate::decline::Decline;
use crate::ids::TransactionId;
use crate::ledger::Step;
use crate::order::Order;
use crate::threeds::Authentication;
use crate::time::{Millis, Timestamp};
use crate::transaction::{
    Approval, Capturing, Completion, FRAUD_SCORE_HELD, REVIEW_LIFETIME, Review, State, Transaction, Verdict,
    authorisation_lifetime,
};

/// What the acquirer says about an authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The card was charged.
    Approved {
        /// The issuer's words.
        approval: Approval,
        /// How a hold ends by itself, where the host foretells it (the simulator does); five days otherwise.
        review: Option<(Millis, Verdict)>,
    },
    /// The card was not charged.
    Declined {
        /// DE 39.
        response_code: String,
    },
    /// No usable answer: the card may have been charged.
    Unknown,
}

/// Inquiries without an answer after which an authorisation is reversed instead.
pub const INQUIRIES_MAX: u32 = 4;

/// How long after the answer's deadline the worker takes over an authorisation.
#[must_use]
pub fn answer_overdue_after(answer_within: Millis) -> Millis {
    Millis(answer_within.0.saturating_add(Millis::seconds(5).0))
}

/// How long to wait before inquiry number `asked` + 1.
#[must_use]
pub fn inquiry_delay(asked: u32) -> Millis {
    Millis::seconds(match asked {
        0 => 2,
        1 => 5,
        2 => 15,
        _ => 30,
    })
}

/// How long to wait before reversal number `sent` + 1. There is no last one.
#[must_use]
pub fn reversal_delay(sent: u32) -> Millis {
    Millis::seconds(match sent {
        0 => 0,
        1 => 10,
        2 => 30,
        3 => 60,
        4 => 300,
        _ => 900,
    })
}

pub(super) fn authenticated(
    transaction: &Transaction,
    authentication: Authentication,
    card_at_hand: bool,
    answer_within: Millis,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    if !transaction.is_authenticating() || now >= transaction.expires_at() {
        return Err(Refused::OutOfTurn);
    }
    let decline = authentication.decline();
    let transaction = Transaction { authentication: Some(authentication), ..transaction.clone() };
    let decline = decline.or_else(|| (!card_at_hand).then(Decline::card_forgotten));
    if let Some(decline) = decline {
        return Ok(ended(&transaction, State::Declined(decline), now));
    }
    let mut changes = vec![
        moved(&transaction, State::Authorising, now),
        Change::JobDone(Job::ExpireTransaction(transaction.id)),
    ];
    changes.push(intent(transaction.id, answer_within, now));
    Ok(changes)
}

/// What belongs to every intent to authorise: whatever happens, somebody finds out what became of it.
pub(super) fn intent(id: TransactionId, answer_within: Millis, now: Timestamp) -> Change {
    Change::JobDue { job: Job::ResolveUnknown(id), at: now.plus(answer_overdue_after(answer_within)) }
}

pub(super) fn answered(
    order: &Order,
    transaction: &Transaction,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    match (&transaction.state, outcome) {
        (State::Authorising, Outcome::Unknown) => Ok(unknown(transaction, now)),
        // A late answer is as good as one in time until the reversal is on its way; then the reversal stands.
        (State::Authorising | State::Unknown { .. }, outcome) => {
            Ok(settled(order, transaction, outcome, now))
        }
        _ => Err(Refused::OutOfTurn),
    }
}

pub(super) fn answer_overdue(transaction: &Transaction, now: Timestamp) -> Vec<Change> {
    if matches!(transaction.state, State::Authorising) { unknown(transaction, now) } else { Vec::new() }
}

fn unknown(transaction: &Transaction, now: Timestamp) -> Vec<Change> {
    let job = Job::ResolveUnknown(transaction.id);
    vec![
        moved_unseen(transaction, State::Unknown { asked: 0 }),
        Change::JobDue { job, at: now.plus(inquiry_delay(0)) },
    ]
}

pub(super) fn inquiry_answered(
    order: &Order,
    transaction: &Transaction,
    outcome: Outcome,
    not_found: bool,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let State::Unknown { asked } = transaction.state else {
        return Err(Refused::OutOfTurn);
    };
    if outcome != Outcome::Unknown {
        return Ok(settled(order, transaction, outcome, now));
    }
    let asked = asked.saturating_add(1);
    // "Never seen" is not enough: the request may still be under way. A reversal settles it for good.
    let (state, delay) = if not_found || asked >= INQUIRIES_MAX {
        (State::Reversing { sent: 0 }, reversal_delay(0))
    } else {
        (State::Unknown { asked }, inquiry_delay(asked))
    };
    let job = Job::ResolveUnknown(transaction.id);
    Ok(vec![moved_unseen(transaction, state), Change::JobDue { job, at: now.plus(delay) }])
}

pub(super) fn reversal_answered(
    transaction: &Transaction,
    acknowledged: bool,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let State::Reversing { sent } = transaction.state else {
        return Err(Refused::OutOfTurn);
    };
    let job = Job::ResolveUnknown(transaction.id);
    if acknowledged {
        let mut changes = ended(transaction, State::Declined(Decline::reversed()), now);
        changes.push(Change::JobDone(job));
        return Ok(changes);
    }
    let sent = sent.saturating_add(1);
    let at = now.plus(reversal_delay(sent));
    Ok(vec![moved_unseen(transaction, State::Reversing { sent }), Change::JobDue { job, at }])
}

/// The host has spoken: approved or declined.
fn settled(order: &Order, transaction: &Transaction, outcome: Outcome, now: Timestamp) -> Vec<Change> {
    let mut changes = match outcome {
        Outcome::Unknown => return Vec::new(),
        Outcome::Declined { response_code } => tried_again(order, transaction, &response_code, now)
            .unwrap_or_else(|| {
                let decline = Decline::authorisation(&response_code, transaction.card.brand);
                ended(transaction, State::Declined(decline), now)
            }),
        Outcome::Approved { approval, review } if approval.fraud_score >= FRAUD_SCORE_HELD => {
            let (after, verdict) = review.unwrap_or((REVIEW_LIFETIME, Verdict::Reject));
            let review = Review { ends_at: now.plus(after), verdict };
            let mut changes = paid(transaction, State::Uncleared { approval, review }, Step::Hold, now);
            changes.push(Change::JobDue { job: Job::EndReview(transaction.id), at: review.ends_at });
            changes
        }
        Outcome::Approved { approval, .. } => accepted(transaction, approval, Accepted::AtOnce, now),
    };
    changes.push(Change::JobDone(Job::ResolveUnknown(transaction.id)));
    changes
}

/// How an approval came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// Nothing was in the way.
    AtOnce,
    /// A reviewer accepted it.
    AfterReview,
}

/// An approval stands: its money is collected, or waits for the shop to capture it.
pub(super) fn accepted(
    transaction: &Transaction,
    approval: Approval,
    how: Accepted,
    now: Timestamp,
) -> Vec<Change> {
    let zero = transaction.amount.is_zero();
    match transaction.capturing {
        Capturing::Manual if !zero => {
            let expires_at = now.plus(authorisation_lifetime(transaction.card.brand));
            let step = match how {
                Accepted::AtOnce => Step::Authorise,
                Accepted::AfterReview => Step::ClearAuthorised,
            };
            let state = State::Authorised { approval, at: now, expires_at };
            let mut changes = paid(transaction, state, step, now);
            let job = Job::ExpireAuthorisation(transaction.id);
            changes.push(Change::JobDue { job, at: expires_at });
            changes
        }
        Capturing::Manual | Capturing::Immediate => {
            let step = match how {
                Accepted::AtOnce => Step::Collect,
                Accepted::AfterReview => Step::Clear,
            };
            let mut changes = paid(transaction, State::Completed { approval, at: now }, step, now);
            if transaction.completion.is_some() {
                changes.push(Change::JobDue { job: Job::SendCompletion(transaction.id), at: now });
            }
            changes
        }
    }
}

/// The attempt is paid or held: the ledger moves in the same commit, and the shop is told.
fn paid(transaction: &Transaction, state: State, step: Step, now: Timestamp) -> Vec<Change> {
    let mut changes = vec![moved(transaction, state, now)];
    changes.extend(transferred(transaction, transaction.id, step, transaction.amount));
    changes.push(Change::NotificationDue);
    changes
}

/// The acquirer collects what it was told to collect. The shop was told of its money before: it sees nothing new.
pub(super) fn completion_acknowledged(
    transaction: &Transaction,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    if !transaction.is_completion_due() {
        return Err(Refused::OutOfTurn);
    }
    let told = Transaction { completion: Some(Completion { told_at: Some(now) }), ..transaction.clone() };
    Ok(vec![Change::TransactionMoved(Box::new(told)), Change::JobDone(Job::SendCompletion(transaction.id))])
}
