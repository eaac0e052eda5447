//! Cards between their submission and the authorisation's answer: in memory, wiped when taken or dropped.
//!
//! Neither the number nor the code is ever written down here. A restart forgets them, and the customer is
//! asked to type the card again; nothing was sent for such an attempt.

use payments::card::{Expiry, Pan};
use payments::ids::{SiteId, TransactionId};
use payments::time::{Millis, Timestamp};
use payments::transaction::TRANSACTION_LIFETIME;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    /// Keeps a card for its attempt, or hands it back when another card has this attempt's id.
    pub(crate) fn keep(
        &self,
        site: SiteId,
        transaction: TransactionId,
        card: Card,
        now: Timestamp,
    ) -> Result<(), Card> {
        match self.lock().entry((site, transaction)) {
            Entry::Occupied(_) => Err(card),
            Entry::Vacant(free) => {
                free.insert((now, card));
                Ok(())
            }
        }
    }

    /// Forgets the cards whose hour is over, whoever brought them.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        let patience = Millis(TRANSACTION_LIFETIME.0 + Millis::minutes(5).0);
        self.lock().retain(|_, (since, _)| now.since(*since) < patience);
    }

    /// Forgets the cards that came before `before`, but not those that are still needed.
    pub(crate) fn forget_unless(&self, before: Timestamp, is_needed: impl Fn(SiteId, TransactionId) -> bool) {
        self.lock()
            .retain(|(site, transaction), (since, _)| *since >= before || is_needed(*site, *transaction));
    }

    /// Whether no card is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether the card of an attempt is here.
    pub(crate) fn holds(&self, site: SiteId, transaction: TransactionId) -> bool {
        self.lock().contains_key(&(site, transaction))
    }

    /// Whether the card of an attempt is here, with its code.
    pub(crate) fn has_code(&self, site: SiteId, transaction: TransactionId) -> bool {
        self.lock().get(&(site, transaction)).is_some_and(|(_, card)| card.cvc.is_some())
    }

    /// Hands the card over; it is gone from here.
    pub(crate) fn take(&self, site: SiteId, transaction: TransactionId) -> Option<Card> {
        self.lock().remove(&(site, transaction)).map(|(_, card)| card)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(SiteId, TransactionId), (Timestamp, Card)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(number: &str) -> Card {
        let expiry = Expiry::parse("12/35").unwrap();
        Card { pan: Pan::parse(number).unwrap(), expiry, cvc: None }
    }

    #[test]
    fn two_customers_who_draw_one_id_keep_their_own_cards() {
        let (cards, site, id) = (CardsInHand::default(), SiteId(1), TransactionId(1));
        cards.keep(site, id, card("4111111111111111"), Timestamp(0)).unwrap();
        let back = cards.keep(site, id, card("5500000000000004"), Timestamp(0)).unwrap_err();
        assert_eq!(back.pan.last4(), "0004");
        assert_eq!(cards.take(site, id).unwrap().pan.last4(), "1111");
    }

    #[test]
    fn a_card_whose_hour_is_over_is_forgotten() {
        let (cards, site, id) = (CardsInHand::default(), SiteId(1), TransactionId(1));
        cards.keep(site, id, card("4111111111111111"), Timestamp(0)).unwrap();
        cards.forget_old(Timestamp(0).plus(Millis::hours(1)));
        assert!(cards.holds(site, id));
        cards.forget_old(Timestamp(0).plus(Millis::hours(2)));
        assert!(!cards.holds(site, id));
    }

    #[test]
    fn a_card_that_nobody_needs_any_more_is_forgotten() {
        let (cards, site) = (CardsInHand::default(), SiteId(1));
        for (id, since) in [(1, 10), (2, 10), (3, 20)] {
            cards.keep(site, TransactionId(id), card("4111111111111111"), Timestamp(since)).unwrap();
        }
        cards.forget_unless(Timestamp(20), |_, id| id == TransactionId(1));
        assert_eq!([1, 2, 3].map(|id| cards.holds(site, TransactionId(id))), [true, false, true]);
    }
}
