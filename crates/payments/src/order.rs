//! An order: what a shop wants to be paid, with the session to pay through and every attempt so far.

use crate::card::Gateway;
use crate::change::Change;
use crate::ids::{OrderId, SiteId, TransactionId};
use crate::money::Amount;
use crate::session::{Ended, Session};
use crate::time::Timestamp;
use crate::transaction::Transaction;

/// An order with all that decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The shop.
    pub site: SiteId,
    /// The shop's reference.
    pub id: OrderId,
    /// Grows by one with every committed change; 0 before the first.
    pub version: i64,
    /// What is to be paid.
    pub terms: Terms,
    /// The newest session.
    pub session: Session,
    /// Every attempt, oldest first.
    pub transactions: Vec<Transaction>,
    /// When the order was first placed.
    pub created_at: Timestamp,
    /// When anything about it changed last.
    pub modified_at: Timestamp,
}

/// What is to be paid, and the shop's words around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What the order was placed for; `None` lets the customer choose.
    pub gateway: Option<Gateway>,
    /// The price.
    pub amount: Amount,
    /// Plain text for the page and the statement.
    pub description: String,
    /// Everything else the shop sent, echoed and never decided upon: a document of the API's own shape.
    pub details: String,
}

impl Order {
    /// The attempt with this id.
    #[must_use]
    pub fn transaction(&self, id: TransactionId) -> Option<&Transaction> {
        self.transactions.iter().find(|transaction| transaction.id == id)
    }

    /// The attempt that paid, held or not.
    #[must_use]
    pub fn paid(&self) -> Option<&Transaction> {
        self.transactions.iter().find(|transaction| transaction.is_paid())
    }

    /// The attempt that is neither paid nor ended. There is at most one.
    #[must_use]
    pub fn open(&self) -> Option<&Transaction> {
        self.transactions.iter().find(|transaction| transaction.is_open())
    }

    /// The attempt that the order's state is read from: paid, else open, else the newest.
    #[must_use]
    pub fn leading(&self) -> Option<&Transaction> {
        self.paid().or_else(|| self.open()).or_else(|| self.transactions.last())
    }

    /// When the order was modified last once `changes` are made at `now`: what its shop cannot see, such as
    /// the end of a paid order's session, leaves it as it was.
    #[must_use]
    pub fn modified_by(&self, changes: &[Change], now: Timestamp) -> Timestamp {
        let seen = |change: &Change| match change {
            Change::OrderPlaced(_)
            | Change::TermsReplaced(_)
            | Change::SessionOpened(_)
            | Change::TransactionOpened(_)
            | Change::NotificationDue => true,
            Change::TransactionMoved(transaction) => transaction.modified_at == now,
            Change::SessionEnded { .. }
            | Change::AttemptCounted { .. }
            | Change::Transferred { .. }
            | Change::JobDue { .. }
            | Change::JobDone(_) => false,
        };
        if changes.iter().any(seen) { now } else { self.modified_at }
    }

    /// The order after one more change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::OrderPlaced(order) => *self = (**order).clone(),
            Change::TermsReplaced(terms) => self.terms = terms.clone(),
            Change::SessionOpened(session) => self.session = session.clone(),
            Change::SessionEnded { session, why, at } => {
                if self.session.id == *session {
                    self.session.ended = Some(Ended { why: *why, at: *at });
                }
            }
            Change::AttemptCounted { attempts, .. } => self.session.attempts = *attempts,
            Change::TransactionOpened(transaction) => self.transactions.push((**transaction).clone()),
            Change::TransactionMoved(moved) => {
                for transaction in &mut self.transactions {
                    if transaction.id == moved.id {
                        *transaction = (**moved).clone();
                    }
                }
            }
            Change::Transferred { .. }
            | Change::NotificationDue
            | Change::JobDue { .. }
            | Change::JobDone(_) => {}
        }
    }
}
