//! What may happen to an order, and what follows from it.
//!
//! [`place()`] answers a shop's request for an order; [`decide()`] answers everything after that. Both are
//! pure: the same order, command and time always give the same changes, and nothing else changes state.

mod authorise;
mod capture;
mod chargeback;
mod end;
mod keep;
mod note;
mod place;
mod refund;
mod soft_decline;
mod submit;

pub use authorise::{INQUIRIES_MAX, Outcome, answer_overdue_after, inquiry_delay, reversal_delay};
pub use capture::NewCapture;
pub use chargeback::{NewChargeback, Turn, answer_window};
pub use place::{NewOrder, Placing, place};
pub use refund::NewRefund;
pub use submit::{Attempt, Route, Screening, TokenWish};

use crate::change::{Change, Job};
use crate::ids::{SessionId, TransactionId};
use crate::ledger::{Step, is_posted};
use crate::money::Amount;
use crate::order::Order;
use crate::threeds::Authentication;
use crate::time::{Millis, Timestamp};
use crate::transaction::{State, Transaction, Verdict};

/// Something that happened, or that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A card was submitted: by the customer on the page, or by the shop.
    SubmitCard(Box<Attempt>),
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
    /// The shop collects what was authorised, or a part of it.
    Capture(Box<NewCapture>),
    /// The acquirer collects a payment that it had to be told to.
    CompletionAcknowledged {
        /// Which attempt.
        transaction: TransactionId,
    },
    /// The acquirer has a capture in its books.
    CaptureAcknowledged {
        /// Which.
        capture: TransactionId,
    },
    /// The shop gives back what it has not captured.
    CancelAuthorisation {
        /// The PSP id drawn for it.
        cancellation: TransactionId,
        /// The shop's words.
        note: String,
    },
    /// An authorisation's time is over.
    ExpireAuthorisation {
        /// Which attempt.
        transaction: TransactionId,
    },
    /// The shop pays money back.
    Refund(Box<NewRefund>),
    /// The shop takes a refund back.
    CancelRefund {
        /// Which.
        refund: TransactionId,
    },
    /// A refund is about to be sent.
    SendRefund {
        /// Which.
        refund: TransactionId,
    },
    /// The acquirer answered a refund, or an inquiry about it.
    RefundAnswered {
        /// Which.
        refund: TransactionId,
        /// What it said.
        outcome: Outcome,
    },
    /// The issuer took money back.
    ChargedBack(NewChargeback),
    /// Something happened to the dispute of a chargeback.
    Disputed {
        /// Which chargeback.
        chargeback: TransactionId,
        /// What.
        turn: Turn,
    },
    /// The shop has sent the goods.
    Ship {
        /// All of the shop's notes, these included.
        annotations: String,
    },
    /// The shop noted something.
    Annotate {
        /// All of the shop's notes, this included.
        annotations: String,
    },
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
    /// The attempt or movement is not where this could happen: too late, twice, or out of turn.
    OutOfTurn,
    /// There is no authorisation to capture or cancel.
    NotAuthorised,
    /// Everything that was authorised is captured.
    FullyCaptured,
    /// The authorisation's time is over.
    AuthorisationExpired,
    /// More than is left of the authorisation.
    MoreThanAuthorised,
    /// An amount of nothing.
    NothingToMove,
    /// A part needs an order id of its own.
    OrderIdTaken,
    /// Nothing was collected under this order.
    NothingCollected,
    /// Everything that was collected is refunded.
    FullyRefunded,
    /// More than is left of what was collected.
    MoreThanCollected,
    /// Another currency than the order's.
    OtherCurrency,
    /// The same amount was refunded a moment ago.
    RefundRepeated,
    /// The time to refund is over.
    RefundTooLate,
    /// The issuer took the money back already.
    ChargedBack,
    /// The dispute is over.
    DisputeOver,
    /// Only what is paid can be shipped.
    NotShippable,
}

/// What follows from `command` for `order` at `now`.
///
/// # Errors
/// [`Refused`] when it may not happen; the order stays as it is. A command whose effect is already
/// there, such as expiring an ended session, answers no changes.
pub fn decide(order: &Order, command: Command, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let mut changes = match command {
        Command::Capture(new) => capture::capture(order, *new, now),
        Command::CaptureAcknowledged { capture } => capture::capture_acknowledged(order, capture, now),
        Command::CancelAuthorisation { cancellation, note } => {
            capture::cancel_authorisation(order, cancellation, note, now)
        }
        Command::ExpireAuthorisation { transaction } => {
            Ok(capture::expire_authorisation(order, transaction, now))
        }
        Command::Refund(new) => refund::refund(order, *new, now),
        Command::CancelRefund { refund } => refund::cancel_refund(order, refund, now),
        Command::SendRefund { refund } => refund::send_refund(order, refund, now),
        Command::RefundAnswered { refund, outcome } => refund::refund_answered(order, refund, &outcome, now),
        Command::ChargedBack(new) => chargeback::charged_back(order, new, now),
        Command::Disputed { chargeback, turn } => chargeback::disputed(order, chargeback, turn, now),
        Command::CompletionAcknowledged { transaction } => {
            authorise::completion_acknowledged(find(order, transaction)?, now)
        }
        Command::Ship { annotations } => note::ship(order, annotations, now),
        Command::Annotate { annotations } => Ok(note::annotate(order, annotations)),
        Command::Cancel => end::cancel(order, now),
        Command::ExpireSession { session } => Ok(end::expire_session(order, &session, now)),
        Command::SubmitCard(attempt) => submit::submit_card(order, *attempt, now),
        Command::Authenticated { transaction, authentication, card_at_hand, answer_within } => {
            let at = find(order, transaction)?;
            authorise::authenticated(at, authentication, card_at_hand, answer_within, now)
        }
        Command::AuthorisationAnswered { transaction, outcome } => {
            authorise::answered(order, find(order, transaction)?, outcome, now)
        }
        Command::AnswerOverdue { transaction } => {
            Ok(authorise::answer_overdue(find(order, transaction)?, now))
        }
        Command::InquiryAnswered { transaction, outcome, not_found } => {
            authorise::inquiry_answered(order, find(order, transaction)?, outcome, not_found, now)
        }
        Command::ReversalAnswered { transaction, acknowledged } => {
            authorise::reversal_answered(find(order, transaction)?, acknowledged, now)
        }
        Command::ReviewEnded { transaction, verdict } => {
            end::review_ended(find(order, transaction)?, verdict, now)
        }
        Command::ApprovalReleased { transaction } => end::approval_released(find(order, transaction)?, now),
        Command::ExpireTransaction { transaction } => {
            Ok(end::expire_transaction(find(order, transaction)?, now))
        }
    }?;
    keep::follow(order, &mut changes, now);
    Ok(changes)
}

fn find(order: &Order, id: TransactionId) -> Result<&Transaction, Refused> {
    order.transaction(id).ok_or(Refused::UnknownTransaction)
}

/// The ledger's part of a step of `id`, where the payment it belongs to has one.
fn transferred(payment: &Transaction, id: TransactionId, step: Step, amount: Amount) -> Option<Change> {
    let moves = is_posted(payment) && !amount.is_zero();
    moves.then(|| Change::Transferred { transaction: id, step, transfer: step.transfer(amount) })
}

/// The attempt in another state, from `now` on.
fn moved(transaction: &Transaction, state: State, now: Timestamp) -> Change {
    Change::TransactionMoved(Box::new(Transaction { state, modified_at: now, ..transaction.clone() }))
}

/// The attempt in another state that its shop cannot tell from the last one: nothing is announced, and nothing looks
/// modified.
fn moved_unseen(transaction: &Transaction, state: State) -> Change {
    Change::TransactionMoved(Box::new(Transaction { state, ..transaction.clone() }))
}

/// The attempt's end without payment: its clock stops and the shop is told.
fn ended(transaction: &Transaction, state: State, now: Timestamp) -> Vec<Change> {
    vec![
        moved(transaction, state, now),
        Change::JobDone(Job::ExpireTransaction(transaction.id)),
        Change::NotificationDue,
    ]
}
