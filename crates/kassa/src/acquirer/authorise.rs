//! Authorising in the background: a committed intent is sent, and its outcome is committed.

use super::reference;
use crate::app::App;
use crate::run::RunError;
use crate::simulator::acquirer_host::Reference;
use payments::decide::{Command, Refused};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::order::Order;
use payments::transaction::State;
use std::time::Duration;

impl App {
    /// Authorises in the background: a customer who closes the browser changes nothing.
    pub(crate) fn authorise_soon(&self, order: &Order, transaction: TransactionId) {
        let Some(found) = order.transaction(transaction) else {
            return;
        };
        if found.state != State::Authorising {
            return;
        }
        let reference = reference(order, found);
        let app = self.clone();
        self.underway.spawn(async move { app.authorise(reference).await });
    }

    async fn authorise(&self, reference: Reference) {
        let (site, transaction) = (reference.site, reference.transaction);
        // Without the card nothing can have been sent; the job of the intent reverses all the same.
        let Some(card) = self.cards.take(site, transaction) else {
            return;
        };
        let within = Duration::from_millis(u64::try_from(self.settings.answer_within.0).unwrap_or(0));
        let outcome = self.acquirer.authorise(&reference, &card, within).await;
        drop(card);
        let command = Command::AuthorisationAnswered { transaction, outcome };
        self.settle(site, &reference.order, &command).await;
    }

    /// Commits what the host said. When that fails the intent's job asks again.
    async fn settle(&self, site: SiteId, order: &OrderId, command: &Command) {
        match self.run(site, order, command).await {
            Ok(_) | Err(RunError::Refused(Refused::OutOfTurn)) => {}
            Err(error) => tracing::error!(order.id = %order, ?error,
                "an authorisation's answer could not be recorded; it will be asked for"),
        }
    }
}
