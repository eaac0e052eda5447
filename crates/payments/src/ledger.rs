//! The ledger: money only ever moves from one account to another, so it always sums to zero.

use crate::money::Amount;
use crate::movement::{Kind, Movement, RefundState};
use crate::order::Order;
use crate::transaction::{Capturing, Settlement, State, Transaction};
use std::collections::BTreeMap;

/// Where money can be. Every account is per site and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What the acquirer owes for approved payments.
    Acquirer,
    /// Approved and held for review.
    Uncleared,
    /// Approved and not captured.
    Authorised,
    /// Set aside for refunds that are on their way.
    Reserved,
    /// What the merchant can be paid out.
    Balance,
}

impl Account {
    /// Every account.
    pub const ALL: [Self; 5] =
        [Self::Acquirer, Self::Uncleared, Self::Authorised, Self::Reserved, Self::Balance];

    /// A stable word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Acquirer => "acquirer",
            Self::Uncleared => "uncleared",
            Self::Authorised => "authorised",
            Self::Reserved => "reserved",
            Self::Balance => "balance",
        }
    }

    /// The account with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.word() == word)
    }
}

/// A movement of money. It cannot be unbalanced: it has two sides and one amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The account that gives.
    pub debit: Account,
    /// The account that gets.
    pub credit: Account,
    /// How much, above zero.
    pub amount: Amount,
}

/// A step in a transaction's life that moves money. Each is posted at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Approved and collected at once.
    Collect,
    /// Approved and held.
    Hold,
    /// The hold was accepted.
    Clear,
    /// The hold was rejected.
    Release,
    /// Approved, to be captured later.
    Authorise,
    /// The hold was accepted, to be captured later.
    ClearAuthorised,
    /// What was authorised is collected, under the same order.
    Capture,
    /// A part of what was authorised leaves, to be collected under an order of its own.
    CapturePart,
    /// What is left of an authorisation is given back.
    Cancel,
    /// Money is set aside for a refund.
    Reserve,
    /// The refund was paid.
    Refund,
    /// The refund was not paid: the money is the shop's again.
    Unreserve,
    /// The issuer took it back.
    Chargeback,
    /// What was taken back came again.
    ReverseChargeback,
}

impl Step {
    /// A stable word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Hold => "hold",
            Self::Clear => "clear",
            Self::Release => "release",
            Self::Authorise => "authorise",
            Self::ClearAuthorised => "clear_authorised",
            Self::Capture => "capture",
            Self::CapturePart => "capture_part",
            Self::Cancel => "cancel",
            Self::Reserve => "reserve",
            Self::Refund => "refund",
            Self::Unreserve => "unreserve",
            Self::Chargeback => "chargeback",
            Self::ReverseChargeback => "reverse_chargeback",
        }
    }

    /// The transfer of `amount` that this step makes.
    #[must_use]
    pub fn transfer(self, amount: Amount) -> Transfer {
        let (debit, credit) = self.sides();
        Transfer { debit, credit, amount }
    }

    /// The account that gives and the one that gets.
    fn sides(self) -> (Account, Account) {
        match self {
            Self::Collect | Self::ReverseChargeback => (Account::Acquirer, Account::Balance),
            Self::Hold => (Account::Acquirer, Account::Uncleared),
            Self::Clear => (Account::Uncleared, Account::Balance),
            Self::Release => (Account::Uncleared, Account::Acquirer),
            Self::Authorise => (Account::Acquirer, Account::Authorised),
            Self::ClearAuthorised => (Account::Uncleared, Account::Authorised),
            Self::Capture => (Account::Authorised, Account::Balance),
            Self::CapturePart | Self::Cancel => (Account::Authorised, Account::Acquirer),
            Self::Reserve => (Account::Balance, Account::Reserved),
            Self::Refund => (Account::Reserved, Account::Acquirer),
            Self::Unreserve => (Account::Reserved, Account::Balance),
            Self::Chargeback => (Account::Balance, Account::Acquirer),
        }
    }
}

/// Whether a transaction's money enters the ledger at all.
#[must_use]
pub fn is_posted(transaction: &Transaction) -> bool {
    !transaction.amount.is_zero() && transaction.settlement == Settlement::Gateway
}

/// What an order in this state must have in each account, in minor units: the audit compares it with the
/// transfers. Accounts with nothing are left out.
#[must_use]
pub fn expected(order: &Order) -> BTreeMap<Account, i64> {
    let mut held = Held::default();
    for transaction in order.transactions.iter().filter(|transaction| is_posted(transaction)) {
        held.add_payment(order, transaction);
    }
    let posted = |movement: &&Movement| order.transaction(movement.of).is_some_and(is_posted);
    for movement in order.movements.iter().filter(posted) {
        held.add_movement(movement);
    }
    held.0.retain(|_, minor| *minor != 0);
    held.0
}

#[derive(Default)]
struct Held(BTreeMap<Account, i64>);

impl Held {
    fn shift(&mut self, step: Step, minor: i64) {
        let (debit, credit) = step.sides();
        for (account, change) in [(debit, minor.saturating_neg()), (credit, minor)] {
            let held = self.0.entry(account).or_default();
            *held = held.saturating_add(change);
        }
    }

    fn add_payment(&mut self, order: &Order, transaction: &Transaction) {
        // Of this attempt: another one may have been rejected, or given back, before it.
        let parts =
            || order.movements.iter().filter(|moved| moved.of == transaction.id && moved.is_capture());
        let captured = parts().fold(0_i64, |sum, part| sum.saturating_add(part.amount.minor));
        let amount = transaction.amount.minor;
        match &transaction.state {
            State::Completed { .. } => match transaction.capturing {
                Capturing::Immediate => self.shift(Step::Collect, amount),
                Capturing::Manual => self.shift(Step::Authorise, amount),
            },
            State::Authorised { .. } => self.shift(Step::Authorise, amount),
            State::Uncleared { .. } => self.shift(Step::Hold, amount),
            // Rejected after review, or what the captures left: only they remain.
            State::Void { .. } => self.shift(Step::Authorise, captured),
            State::Authenticating
            | State::Authorising
            | State::Unknown { .. }
            | State::Reversing { .. }
            | State::Declined(_)
            | State::Expired
            | State::Cancelled => {}
        }
        for part in parts() {
            let step = if part.order == order.id { Step::Capture } else { Step::CapturePart };
            self.shift(step, part.amount.minor);
        }
    }

    fn add_movement(&mut self, movement: &Movement) {
        let minor = movement.amount.minor;
        match &movement.kind {
            // Counted with their payment.
            Kind::Capture { .. } | Kind::Cancellation => {}
            Kind::Refund(RefundState::Declined { .. } | RefundState::Void) => {}
            Kind::Refund(state) => {
                self.shift(Step::Reserve, minor);
                if state.is_completed() {
                    self.shift(Step::Refund, minor);
                }
            }
            Kind::Chargeback(_) => self.shift(Step::Chargeback, minor),
            Kind::ReverseChargeback { .. } => self.shift(Step::ReverseChargeback, minor),
        }
    }
}
