//! An order: what a shop wants to be paid, with the session to pay through and every attempt so far.

use crate::card::Gateway;
use crate::change::Change;
use crate::ids::{OrderId, SiteId, TransactionId};
use crate::money::Amount;
use crate::movement::{Movement, RefundState};
use crate::session::{Ended, Session};
use crate::time::Timestamp;
use crate::token::Recurring;
use crate::transaction::{Capturing, State, Transaction};

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
    /// Captures, refunds and chargebacks, oldest first.
    pub movements: Vec<Movement>,
    /// When the shop said that it has sent the goods.
    pub shipped_at: Option<Timestamp>,
    /// What the shop noted later (invoice, parcel), echoed and never decided upon: a document of the API's own
    /// shape, empty when there is none.
    pub annotations: String,
    /// The order whose authorisation this one was captured from.
    pub captured_from: Option<OrderId>,
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
    /// When the money is collected.
    pub capturing: Capturing,
    /// Whether, and for whom, the card is kept.
    pub recurring: Option<Recurring>,
    /// Everything else the shop sent, echoed and never decided upon: a document of the API's own shape.
    pub details: String,
}

impl Order {
    /// The attempt with this id.
    #[must_use]
    pub fn transaction(&self, id: TransactionId) -> Option<&Transaction> {
        self.transactions.iter().find(|transaction| transaction.id == id)
    }

    /// The second try of an attempt whose issuer wanted the customer authenticated.
    #[must_use]
    pub fn second_try_of(&self, first: TransactionId) -> Option<&Transaction> {
        self.transaction(self.transaction(first)?.second_try?)
    }

    /// Whether an attempt is a second try: its issuer has said that it wants the customer authenticated.
    #[must_use]
    pub fn is_second_try(&self, id: TransactionId) -> bool {
        self.transactions.iter().any(|transaction| transaction.second_try == Some(id))
    }

    /// The movement with this id.
    #[must_use]
    pub fn movement(&self, id: TransactionId) -> Option<&Movement> {
        self.movements.iter().find(|movement| movement.id == id)
    }

    /// The attempt that paid: collected, authorised or held.
    #[must_use]
    pub fn paid(&self) -> Option<&Transaction> {
        self.transactions.iter().find(|transaction| transaction.is_paid())
    }

    /// Whether anything was ever paid: what was captured stays so, also when the rest was given back.
    #[must_use]
    pub fn has_money(&self) -> bool {
        self.paid().is_some() || self.movements.iter().any(Movement::is_capture)
    }

    /// Minor units captured from this order's authorisation, whatever order they are collected under.
    #[must_use]
    pub fn captured(&self) -> i64 {
        self.sum(Movement::is_capture)
    }

    /// Minor units that can still be captured.
    #[must_use]
    pub fn capturable(&self) -> i64 {
        match self.paid() {
            Some(Transaction { state: State::Authorised { .. }, amount, .. }) => {
                amount.minor.saturating_sub(self.captured())
            }
            Some(_) | None => 0,
        }
    }

    /// Minor units collected under this order's own reference.
    #[must_use]
    pub fn collected(&self) -> i64 {
        match self.paid() {
            Some(Transaction { state: State::Completed { .. }, capturing, amount, .. }) => match capturing {
                Capturing::Immediate => amount.minor,
                Capturing::Manual => self.sum(|movement| movement.is_capture() && movement.order == self.id),
            },
            Some(_) | None => 0,
        }
    }

    /// Minor units refunded or on their way back: the API's `amount_refunded`.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.sum(Movement::is_refunding)
    }

    /// Minor units of refunds that the acquirer has paid.
    #[must_use]
    pub fn refunds_completed(&self) -> i64 {
        self.sum(|movement| movement.refund().is_some_and(RefundState::is_completed))
    }

    /// Minor units that issuers took back and that did not come again.
    #[must_use]
    pub fn charged_back(&self) -> i64 {
        self.sum(Movement::is_charged_back)
    }

    fn sum(&self, counts: impl Fn(&Movement) -> bool) -> i64 {
        let counted = self.movements.iter().filter(|movement| counts(movement));
        counted.fold(0, |sum, movement| sum.saturating_add(movement.amount.minor))
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
            | Change::MovementOpened(_)
            | Change::Shipped { .. }
            | Change::Annotated(_)
            | Change::NotificationDue => true,
            Change::MovementMoved(movement) => movement.modified_at == now,
            Change::TransactionMoved(transaction) => transaction.modified_at == now,
            Change::SessionEnded { .. }
            | Change::AttemptCounted { .. }
            | Change::PartCaptured { .. }
            | Change::TokenKept(_)
            | Change::TokenUsable { .. }
            | Change::TokenDropped(_)
            | Change::Transferred { .. }
            | Change::JobDue { .. }
            | Change::JobDone(_) => false,
        };
        if changes.iter().any(seen) { now } else { self.modified_at }
    }

    /// The order as it stands once `changes` of one decision about `known`, or nothing, are committed; `None`
    /// when they place no order where there is none.
    #[must_use]
    pub fn after(known: Option<&Self>, changes: &[Change], now: Timestamp) -> Option<Self> {
        let placed = changes
            .iter()
            .find_map(|change| if let Change::OrderPlaced(order) = change { Some(&**order) } else { None });
        let mut order = known.or(placed)?.clone();
        order.modified_at = order.modified_by(changes, now);
        let version = order.version.saturating_add(1);
        changes.iter().for_each(|change| order.apply(change));
        order.version = version;
        Some(order)
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
            Change::MovementOpened(movement) => self.movements.push((**movement).clone()),
            Change::MovementMoved(moved) => {
                for movement in &mut self.movements {
                    if movement.id == moved.id {
                        *movement = (**moved).clone();
                    }
                }
            }
            Change::Shipped { at } => self.shipped_at = Some(*at),
            Change::Annotated(annotations) => annotations.clone_into(&mut self.annotations),
            // Other records: nothing of this order is different.
            Change::PartCaptured { .. }
            | Change::TokenKept(_)
            | Change::TokenUsable { .. }
            | Change::TokenDropped(_)
            | Change::Transferred { .. }
            | Change::NotificationDue
            | Change::JobDue { .. }
            | Change::JobDone(_) => {}
        }
    }
}
