//! Cards between their submission and the authorisation's answer: in memory, wiped when taken or dropped.
//!
//! Neither the number nor the code is ever written down here. A restart forgets them, and the customer is
//! asked to type the card again; nothing was sent for such an attempt.

use payments::card::{Expiry, Pan};
use payments::ids::{SiteId, TransactionId};
use payments::time::{Millis, Timestamp};
use payments::transaction::TRANSACTION_LIFETIME;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// A submitted card.
pub(crate) struct Card {
    pub(crate) pan: Pan,
    pub(crate) expiry: Expiry,
    /// The code on the card, when one was typed. Not kept after the authorisation's answer.
    pub(crate) cvc: Option<Zeroizing<String>>,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("pan", &self.pan).finish_non_exhaustive()
    }
}

/// The cards this process holds.
#[derive(Debug, Default)]
pub(crate) struct CardsInHand(Mutex<HashMap<(SiteId, TransactionId), (Timestamp, Card)>>);

impl CardsInHand {
    /// Keeps a card for its attempt, and forgets those whose hour is over.
    pub(crate) fn keep(&self, site: SiteId, transaction: TransactionId, card: Card, now: Timestamp) {
        let mut cards = self.lock();
        let patience = Millis(TRANSACTION_LIFETIME.0 + Millis::minutes(5).0);
        cards.retain(|_, (since, _)| now.since(*since) < patience);
        cards.insert((site, transaction), (now, card));
    }

    /// Whether the card of an attempt is here.
    pub(crate) fn holds(&self, site: SiteId, transaction: TransactionId) -> bool {
        self.lock().contains_key(&(site, transaction))
    }

    /// Hands the card over; it is gone from here.
    pub(crate) fn take(&self, site: SiteId, transaction: TransactionId) -> Option<Card> {
        self.lock().remove(&(site, transaction)).map(|(_, card)| card)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(SiteId, TransactionId), (Timestamp, Card)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
