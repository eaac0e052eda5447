//! The two public status words of an order: a projection of what is stored, never stored themselves.

use crate::movement::{Kind, Movement, RefundState, Stage};
use crate::order::Order;
use crate::session::Ending;
use crate::transaction::{Settlement, State, Transaction};

/// How the shop's order and its money stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The API's `status`.
    pub order: &'static str,
    /// The API's `financial_status`; `None` where no transaction ever existed.
    pub financial: Option<&'static str>,
}

impl Status {
    fn both(word: &'static str) -> Self {
        Self { order: word, financial: Some(word) }
    }
}

/// The status of an order: paid beats held beats open beats the newest ended attempt.
#[must_use]
pub fn of_order(order: &Order) -> Status {
    if let Some(transaction) = order.paid() {
        let paid = of_transaction(transaction);
        return Status { order: later(order).unwrap_or(paid.order), ..paid };
    }
    if let Some(transaction) = order.open() {
        return of_transaction(transaction);
    }
    let ended = order.session.ended.map(|ended| ended.why);
    match (order.transactions.last(), ended) {
        (None, Some(Ending::Expired | Ending::Cancelled)) => Status { order: "cancelled", financial: None },
        (None, Some(Ending::Replaced) | None) => Status::both("initialized"),
        (Some(_), Some(Ending::Cancelled)) => Status { order: "void", financial: Some("cancelled") },
        // Withdrawn by a new request for the same order, which can be paid now: nothing is over.
        (Some(newest), None) if newest.state == State::Cancelled => Status::both("initialized"),
        (Some(newest), Some(Ending::Expired | Ending::Replaced) | None) => of_transaction(newest),
    }
}

/// What became of a collected payment since, by what weighs most; `None` when nothing did.
fn later(order: &Order) -> Option<&'static str> {
    let (collected, refunded) = (order.collected(), order.refunds_completed());
    if order.charged_back() > 0 {
        // The schema's word is another, but this is the one that every client listens for.
        Some("chargedback")
    } else if collected > 0 && refunded >= collected {
        Some("refunded")
    } else if refunded > 0 {
        Some("partial_refunded")
    } else {
        order.shipped_at.map(|_| "shipped")
    }
}

/// The status of one attempt beside its order's others: the attempt that the order's state is read from has the
/// order's status, every other its own.
#[must_use]
pub fn of_attempt(order: &Order, attempt: &Transaction) -> Status {
    match order.leading() {
        Some(leading) if leading.id == attempt.id => of_order(order),
        Some(_) | None => of_transaction(attempt),
    }
}

/// The status of a movement: the same word twice.
#[must_use]
pub fn of_movement(movement: &Movement) -> Status {
    Status::both(match &movement.kind {
        Kind::Capture { .. } | Kind::Cancellation | Kind::ReverseChargeback { .. } => "completed",
        Kind::Refund(RefundState::Reserved | RefundState::Sending | RefundState::Unknown { .. }) => {
            "reserved"
        }
        Kind::Refund(RefundState::Completed { .. }) => "completed",
        Kind::Refund(RefundState::Declined { .. }) => "declined",
        Kind::Refund(RefundState::Void) => "void",
        Kind::Chargeback(dispute) => match dispute.stage {
            Stage::New | Stage::Submitted | Stage::Ready => "reserved",
            Stage::Accepted | Stage::Lost | Stage::Won => "completed",
        },
    })
}

/// The status of one attempt.
#[must_use]
pub fn of_transaction(transaction: &Transaction) -> Status {
    match &transaction.state {
        State::Authenticating | State::Authorising | State::Unknown { .. } | State::Reversing { .. } => {
            Status::both("initialized")
        }
        State::Uncleared { .. } => match transaction.settlement {
            Settlement::Gateway => Status::both("uncleared"),
            Settlement::Scheme => Status { order: "uncleared", financial: Some("initialized") },
        },
        // Told apart from an own contract by what the API shows of the capture.
        State::Authorised { .. } => Status { order: "completed", financial: Some("initialized") },
        State::Completed { .. } => match transaction.settlement {
            Settlement::Gateway => Status::both("completed"),
            Settlement::Scheme => Status { order: "completed", financial: Some("initialized") },
        },
        State::Declined(_) => Status::both("declined"),
        State::Expired => Status::both("expired"),
        State::Void { .. } => Status::both("void"),
        State::Cancelled => Status { order: "void", financial: Some("cancelled") },
    }
}
