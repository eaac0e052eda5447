//! A soft decline: the issuer wants the customer authenticated, who was not asked. The payment is tried again with
//! that, once.
//!
//! The shop is not told of a decline: there is one only when the second try ends with it. Where no customer is there,
//! and with Maestro, whose cards are always authenticated first, a soft decline is like any other.

use super::moved;
use crate::card::Brand;
use crate::change::{Change, Job};
use crate::decline::Decline;
use crate::order::Order;
use crate::time::{Millis, Timestamp};
use crate::transaction::{State, Transaction};

/// The second try of an attempt that was refused with `response_code`; `None` when there is none.
pub(super) fn tried_again(
    order: &Order,
    transaction: &Transaction,
    response_code: &str,
    now: Timestamp,
) -> Option<Vec<Change>> {
    let brand = transaction.card.brand;
    let is_soft = brand != Brand::Maestro && Decline::wants_authentication(response_code, brand);
    let second = transaction.second_try.filter(|_| is_soft && may_be_asked(order, transaction, now))?;
    // The newest attempt is the one that counts, also where the answer came at once or a clock stepped back.
    let at = now.max(transaction.created_at.plus(Millis(1)));
    let second = Transaction {
        id: second,
        created_at: at,
        modified_at: at,
        second_try: None,
        state: State::Authenticating,
        ..transaction.clone()
    };
    Some(vec![
        moved(transaction, State::Declined(Decline::soft(response_code)), now),
        Change::JobDue { job: Job::ExpireTransaction(second.id), at: second.expires_at() },
        Change::TransactionOpened(Box::new(second)),
        Change::NotificationDue,
    ])
}

/// Whether the customer can still be asked: the link and the attempt's hour last.
fn may_be_asked(order: &Order, transaction: &Transaction, now: Timestamp) -> bool {
    let session = &order.session;
    let is_current = session.id == transaction.session && session.ended.is_none() && now < session.ends_at;
    is_current && now < transaction.expires_at()
}
