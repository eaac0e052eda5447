//! Kept cards follow their attempts: usable once it is paid, deleted for good when it fails.

use crate::change::Change;
use crate::ids::TransactionId;
use crate::order::Order;
use crate::time::Timestamp;
use crate::token::TokenUse;
use crate::transaction::{State, Transaction};

/// Adds what becomes of the tokens of the attempts that `changes` move.
pub(super) fn follow(order: &Order, changes: &mut Vec<Change>, now: Timestamp) {
    let mut followed = Vec::new();
    for change in changes.iter() {
        // Of an attempt that is tried again the second try decides.
        if let Change::TransactionMoved(moved) = change
            && !changes.iter().any(|change| opens(change, moved.second_try))
        {
            followed.extend(token_of(order, moved, now));
        }
    }
    changes.append(&mut followed);
}

fn opens(change: &Change, second_try: Option<TransactionId>) -> bool {
    matches!(change, Change::TransactionOpened(opened) if Some(opened.id) == second_try)
}

fn token_of(order: &Order, moved: &Transaction, now: Timestamp) -> Option<Change> {
    let Some(TokenUse::Keeps(token)) = &moved.token else {
        return None;
    };
    let before = order.transaction(moved.id).map_or(Standing::Open, standing);
    match (before, standing(moved)) {
        (Standing::Open, Standing::Good) => Some(Change::TokenUsable { token: *token, at: now }),
        (Standing::Open, Standing::Failed) => Some(Change::TokenDropped(*token)),
        // Once usable it stays so: that money was given back says nothing about the card.
        (Standing::Open, Standing::Open) | (Standing::Good | Standing::Failed, _) => None,
    }
}

enum Standing {
    Open,
    Good,
    Failed,
}

fn standing(transaction: &Transaction) -> Standing {
    match transaction.state {
        State::Authenticating
        | State::Authorising
        | State::Unknown { .. }
        | State::Reversing { .. }
        | State::Uncleared { .. } => Standing::Open,
        State::Authorised { .. } | State::Completed { .. } => Standing::Good,
        State::Declined(_) | State::Expired | State::Void { .. } | State::Cancelled => Standing::Failed,
    }
}
