//! Changes: what a decision does to an order, as data. A store commits all changes of one decision or none.

use crate::ids::TokenId;
use crate::ids::{SessionId, TransactionId};
use crate::ledger::{Step, Transfer};
use crate::movement::Movement;
use crate::order::{Order, Terms};
use crate::session::{Ending, Session};
use crate::time::Timestamp;
use crate::token::Token;
use crate::transaction::Transaction;

/// One thing that changes. Every value is whole: a store writes it without looking at what was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The order exists now, with its first session.
    OrderPlaced(Box<Order>),
    /// A new request replaced what is to be paid.
    TermsReplaced(Terms),
    /// Another session is the order's current one.
    SessionOpened(Session),
    /// A session can no longer be paid through.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// Why.
        why: Ending,
        /// When.
        at: Timestamp,
    },
    /// A card was submitted through the current session.
    AttemptCounted {
        /// Which session.
        session: SessionId,
        /// How many so far.
        attempts: u32,
    },
    /// An attempt began.
    TransactionOpened(Box<Transaction>),
    /// An attempt stands elsewhere now.
    TransactionMoved(Box<Transaction>),
    /// Money of a payment begins to move.
    MovementOpened(Box<Movement>),
    /// A movement stands elsewhere now.
    MovementMoved(Box<Movement>),
    /// A part of an authorisation was captured: it is an order of its own, paid and complete.
    PartCaptured {
        /// That order.
        order: Box<Order>,
        /// Its money, where its payment enters the ledger.
        collect: Option<Transfer>,
    },
    /// The shop has sent the goods.
    Shipped {
        /// When it said so first.
        at: Timestamp,
    },
    /// The shop added to its own notes on the order; this is what they are now.
    Annotated(String),
    /// A card is kept, sealed; it cannot be used yet.
    TokenKept(Box<Token>),
    /// A kept card can be used.
    TokenUsable {
        /// Which.
        token: TokenId,
        /// Since when.
        at: Timestamp,
    },
    /// A kept card is deleted for good: its payment failed.
    TokenDropped(TokenId),
    /// Money moved in the ledger. A step is posted once per transaction.
    Transferred {
        /// For which attempt or movement.
        transaction: TransactionId,
        /// Which step of its life.
        step: Step,
        /// From where to where.
        transfer: Transfer,
    },
    /// The shop has to be told how the order stands.
    NotificationDue,
    /// Something has to be done later.
    JobDue {
        /// What.
        job: Job,
        /// Not before.
        at: Timestamp,
    },
    /// Something no longer has to be done.
    JobDone(Job),
}

/// Work that follows from a change and is done by a worker. Each is safe to run twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// End a session whose lifetime is over.
    ExpireSession(SessionId),
    /// End an attempt whose customer never came back.
    ExpireTransaction(TransactionId),
    /// Find out, or undo, what the host did with an authorisation.
    ResolveUnknown(TransactionId),
    /// End a hold that nobody reviewed.
    EndReview(TransactionId),
    /// Give a rejected or cancelled payment's approval back to the acquirer.
    ReleaseApproval(TransactionId),
    /// End an authorisation that was not captured in time.
    ExpireAuthorisation(TransactionId),
    /// Tell the acquirer of a capture until it has acknowledged.
    SendCapture(TransactionId),
    /// Tell the acquirer to collect a payment until it has acknowledged.
    SendCompletion(TransactionId),
    /// Pay a refund, and find out what became of it.
    SendRefund(TransactionId),
    /// Accept a chargeback that the shop did not answer.
    EndDispute(TransactionId),
}
