//! The acquirer behind one narrow interface: authorise, ask, undo. Its answer to a payment is approved,
//! declined or unknown, and unknown is a normal answer.

use crate::app::App;
use crate::cards_in_hand::Card;
use crate::clock::Clock;
use crate::random::Random;
use crate::run::RunError;
use crate::simulator::acquirer_host::{AcquirerHost, Found, Reference};
use crate::store::Store;
use payments::decide::{Command, Outcome, Refused};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::order::Order;
use payments::transaction::{State, Transaction};
use std::time::Duration;

/// The link to the host that charges cards.
#[derive(Clone, Debug)]
pub(crate) enum Acquirer {
    /// The built-in host, for test sites.
    Simulated(AcquirerHost),
}

impl Acquirer {
    pub(crate) fn simulated(store: Store, clock: Clock, random: Random) -> Self {
        Self::Simulated(AcquirerHost::new(store, clock, random))
    }

    /// Sends an authorisation whose intent is committed. Whatever keeps the answer away makes it unknown.
    async fn authorise(&self, reference: &Reference, card: &Card, within: Duration) -> Outcome {
        let Self::Simulated(host) = self;
        let has_cvc = card.cvc.is_some();
        let answer = async {
            match host.authorise(reference, &card.pan, has_cvc).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => std::future::pending().await,
                Err(error) => {
                    tracing::error!(transaction.id = %reference.transaction, error = format!("{error:#}"),
                        "the simulated acquirer host failed");
                    Outcome::Unknown
                }
            }
        };
        tokio::time::timeout(within, answer).await.unwrap_or(Outcome::Unknown)
    }

    /// Asks what became of an authorisation: the outcome, and whether the host never saw it.
    pub(crate) async fn inquire(&self, reference: &Reference) -> anyhow::Result<(Outcome, bool)> {
        let Self::Simulated(host) = self;
        Ok(match host.inquire(reference).await? {
            Found::Answer(outcome) => (outcome, false),
            Found::Nothing => (Outcome::Unknown, true),
            Found::Silence => (Outcome::Unknown, false),
        })
    }

    /// Tells the host to undo an authorisation; whether it acknowledged.
    pub(crate) async fn reverse(&self, reference: &Reference) -> anyhow::Result<bool> {
        let Self::Simulated(host) = self;
        host.reverse(reference).await
    }
}

/// What the host knows a transaction by.
pub(crate) fn reference(order: &Order, transaction: &Transaction) -> Reference {
    let (site, id) = (order.site, order.id.clone());
    Reference { site, order: id, transaction: transaction.id, amount: transaction.amount }
}

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
        tokio::spawn(async move { app.authorise(reference).await });
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
