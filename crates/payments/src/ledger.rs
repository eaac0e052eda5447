//! The ledger: money only ever moves from one account to another, so it always sums to zero.

use crate::money::Amount;
use crate::transaction::{Settlement, State, Transaction};

/// Where money can be. Every account is per site and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What the acquirer owes for approved payments.
    Acquirer,
    /// Approved and held for review.
    Uncleared,
    /// What the merchant can be paid out.
    Balance,
}

impl Account {
    /// A stable word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Acquirer => "acquirer",
            Self::Uncleared => "uncleared",
            Self::Balance => "balance",
        }
    }

    /// The account with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Acquirer, Self::Uncleared, Self::Balance].into_iter().find(|account| account.word() == word)
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
        }
    }

    /// The transfer of `amount` that this step makes.
    #[must_use]
    pub fn transfer(self, amount: Amount) -> Transfer {
        let (debit, credit) = match self {
            Self::Collect => (Account::Acquirer, Account::Balance),
            Self::Hold => (Account::Acquirer, Account::Uncleared),
            Self::Clear => (Account::Uncleared, Account::Balance),
            Self::Release => (Account::Uncleared, Account::Acquirer),
        };
        Transfer { debit, credit, amount }
    }
}

/// Whether a transaction's money enters the ledger at all.
#[must_use]
pub fn is_posted(transaction: &Transaction) -> bool {
    !transaction.amount.is_zero() && transaction.settlement == Settlement::Gateway
}

/// What a transaction in this state must have in each account: the audit compares it with the transfers.
#[must_use]
pub fn expected(transaction: &Transaction) -> Option<Account> {
    if !is_posted(transaction) {
        return None;
    }
    match &transaction.state {
        State::Completed { .. } => Some(Account::Balance),
        State::Uncleared { .. } => Some(Account::Uncleared),
        State::Authenticating
        | State::Authorising
        | State::Unknown { .. }
        | State::Reversing { .. }
        | State::Declined(_)
        | State::Expired
        | State::Void { .. }
        | State::Cancelled => None,
    }
}
