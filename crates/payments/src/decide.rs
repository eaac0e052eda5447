//! What may happen to an order, and what follows from it.
//!
//! [`place()`] answers a shop's request for an order; [`decide()`] answers everything after that. Both are
//! pure: the same order, command and time always give the same changes, and nothing else changes state.

mod authorise;
mod end;
mod place;
mod submit;

pub use authorise::{INQUIRIES_MAX, Outcome, answer_overdue_after, inquiry_delay, reversal_delay};
pub use place::{NewOrder, Placing, place};

use crate::card::CardSummary;
use crate::change::{Change, Job};
use crate::ids::{SessionId, TransactionId};
use crate::order::Order;
use crate::threeds::Authentication;
use crate::time::{Millis, Timestamp};
use crate::transaction::{Settlement, State, Transaction, Verdict};

/// Something that happened, or that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The customer submitted a card on the page.
    SubmitCard {
        /// The session whose page it was.
        session: SessionId,
        /// The PSP id drawn for this attempt.
        transaction: TransactionId,
        /// What may be kept of the card.
        card: CardSummary,
        /// Whose balance the money would enter.
        settlement: Settlement,
        /// What the gateway's own fraud filter says.
        screening: Screening,
    },
    /// 3-D Secure reported its outcome, server to server.
    Authenticated {
        /// Which attempt.
        transaction: TransactionId,
        /// The outcome.
        authentication: Authentication,
        /// Whether this process still holds the card; it is kept in memory only.
        card_at_hand: bool,
        /// How long the acquirer may take to answer before the outcome counts as unknown.
        answer_within: Millis,
    },
    /// The acquirer answered the authorisation, or did not.
    AuthorisationAnswered {
        /// Which attempt.
        transaction: TransactionId,
        /// What it said.
        outcome: Outcome,
    },
    /// Nobody waits for the acquirer's answer any more.
    AnswerOverdue {
        /// Which attempt.
        transaction: TransactionId,
    },
    /// The acquirer was asked what became of an authorisation.
    InquiryAnswered {
        /// Which attempt.
        transaction: TransactionId,
        /// What it said; `Unknown` when it did not answer.
        outcome: Outcome,
        /// Whether it said that it never saw the authorisation.
        not_found: bool,
    },
    /// The acquirer was told to undo an authorisation.
    ReversalAnswered {
        /// Which attempt.
        transaction: TransactionId,
        /// Whether it acknowledged.
        acknowledged: bool,
    },
    /// A held payment was reviewed, or nobody came to review it.
    ReviewEnded {
        /// Which attempt.
        transaction: TransactionId,
        /// The decision.
        verdict: Verdict,
    },
    /// The acquirer acknowledged that a rejected payment's approval is released.
    ApprovalReleased {
        /// Which attempt.
        transaction: TransactionId,
    },
    /// The shop cancels the order.
    Cancel,
    /// An attempt's hour is over.
    ExpireTransaction {
        /// Which attempt.
        transaction: TransactionId,
    },
    /// A session's lifetime is over.
    ExpireSession {
        /// Which session.
        session: SessionId,
    },
}

/// What the gateway's own fraud filter says about a card before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screening {
    /// Nothing against it.
    Clear,
    /// It is refused here.
    Blocked,
}

/// Why a command is refused. Nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The order is paid or held.
    AlreadyPaid,
    /// An authorisation is on its way or its outcome is not known yet.
    PaymentInProgress,
    /// The session was replaced by a newer one.
    SessionReplaced,
    /// The session's lifetime is over.
    SessionExpired,
    /// The shop cancelled the order.
    SessionCancelled,
    /// Cards were submitted too often through this session.
    TooManyAttempts,
    /// The order has no such attempt.
    UnknownTransaction,
    /// The attempt is not where this could happen: too late, twice, or out of turn.
    OutOfTurn,
}

/// What follows from `command` for `order` at `now`.
///
/// # Errors
/// [`Refused`] when it may not happen; the order stays as it is. A command whose effect is already
/// there, such as expiring an ended session, answers no changes.
pub fn decide(order: &Order, command: Command, now: Timestamp) -> Result<Vec<Change>, Refused> {
    match command {
        Command::SubmitCard { session, transaction, card, settlement, screening } => {
            let attempt = submit::Attempt { session, transaction, card, settlement, screening };
            submit::submit_card(order, attempt, now)
        }
        Command::Authenticated { transaction, authentication, card_at_hand, answer_within } => {
            let at = find(order, transaction)?;
            authorise::authenticated(at, authentication, card_at_hand, answer_within, now)
        }
        Command::AuthorisationAnswered { transaction, outcome } => {
            authorise::answered(find(order, transaction)?, outcome, now)
        }
        Command::AnswerOverdue { transaction } => {
            Ok(authorise::answer_overdue(find(order, transaction)?, now))
        }
        Command::InquiryAnswered { transaction, outcome, not_found } => {
            authorise::inquiry_answered(find(order, transaction)?, outcome, not_found, now)
        }
        Command::ReversalAnswered { transaction, acknowledged } => {
            authorise::reversal_answered(find(order, transaction)?, acknowledged, now)
        }
        Command::ReviewEnded { transaction, verdict } => {
            end::review_ended(find(order, transaction)?, verdict, now)
        }
        Command::ApprovalReleased { transaction } => end::approval_released(find(order, transaction)?, now),
        Command::Cancel => end::cancel(order, now),
        Command::ExpireTransaction { transaction } => {
            Ok(end::expire_transaction(find(order, transaction)?, now))
        }
        Command::ExpireSession { session } => Ok(end::expire_session(order, &session, now)),
    }
}

fn find(order: &Order, id: TransactionId) -> Result<&Transaction, Refused> {
    order.transaction(id).ok_or(Refused::UnknownTransaction)
}

/// The attempt in another state, from `now` on.
fn moved(transaction: &Transaction, state: State, now: Timestamp) -> Change {
    Change::TransactionMoved(Box::new(Transaction { state, modified_at: now, ..transaction.clone() }))
}

/// The attempt's end without payment: its clock stops and the shop is told.
fn ended(transaction: &Transaction, state: State, now: Timestamp) -> Vec<Change> {
    vec![
        moved(transaction, state, now),
        Change::JobDone(Job::ExpireTransaction(transaction.id)),
        Change::NotificationDue,
    ]
}
