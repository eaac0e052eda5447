//! A second try: the issuer of a card that was charged without its customer's authentication wants that after all.
//!
//! All that the authentication will need is kept before the first try is sent, under the id that is set aside for the
//! second, so that it goes on in whatever process, or after whatever restart, the issuer's answer is heard. It begins when
//! the customer's browser comes. The code on the card is not kept: the issuer has seen it with the first try.

use super::{Kept, failed};
use crate::api::order_view;
use crate::app::App;
use crate::run::RunError;
use crate::store::db::ReadError;
use crate::store::{AuthenticationRow, Site};
use crate::threeds::browser::Visitor;
use payments::card::Pan;
use payments::ids::TransactionId;
use payments::order::Order;
use payments::time::{Millis, Timestamp};
use payments::transaction::{TRANSACTION_LIFETIME, Transaction};

/// How long a first try's card is kept at the most: for an hour until the issuer's answer, and for another one.
const KEPT_FOR: Millis = Millis(TRANSACTION_LIFETIME.0.saturating_mul(2));

impl App {
    /// Draws the id of the second try of `first`; `None` where nobody could authenticate the card's customer.
    pub(crate) async fn draw_second_try(
        &self,
        site: &Site,
        first: TransactionId,
        pan: &Pan,
    ) -> Result<Option<TransactionId>, ReadError> {
        let Some(party) = self.threeds.party_of(site) else { return Ok(None) };
        if party.link.is_built_in() {
            self.refresh_ranges_of(&party.link, &party.ranges).await;
        }
        if party.ranges.find(pan).is_none() {
            return Ok(None);
        }
        loop {
            let second = self.draw_transaction(site.id).await?;
            if second != first {
                return Ok(Some(second));
            }
        }
    }

    /// Keeps what a second try of `first` needs, when there can be one.
    pub(crate) async fn keep_for_second_try(
        &self,
        order: &Order,
        first: &Transaction,
        pan: &Pan,
    ) -> Result<(), RunError> {
        let Some(second) = first.second_try else { return Ok(()) };
        let site = self.store.site(order.site).await.map_err(failed)?.ok_or(RunError::NotFound)?;
        let enrolled = self.threeds.party_of(&site).and_then(|party| party.ranges.find(pan));
        // The card took part a moment ago.
        let Some(enrolled) = enrolled else { return Ok(()) };
        let visitor = Visitor::of_shop(&order_view::details(order).map_err(RunError::Failed)?);
        let second = Transaction { id: second, ..first.clone() };
        let kept = Kept::new(&self.threeds.base_url, &second, &enrolled, &visitor, false);
        let row = self.new_row(order, &second, &enrolled, &kept, KEPT_FOR);
        self.begin(&self.with_card(row, pan)?).await
    }

    /// Until when an authentication may last of which the browser asks for the first step now.
    pub(super) fn lasts_until(
        &self,
        site: &Site,
        order: &Order,
        row: &AuthenticationRow,
    ) -> Option<Timestamp> {
        let party = self.threeds.party_of(site).filter(|_| order.is_second_try(row.transaction));
        let from_now = party.map(|party| self.now().plus(self.threeds.limit(party)));
        from_now.or(row.due_at)
    }
}
