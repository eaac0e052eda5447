//! The acquirer behind one narrow interface: authorise, ask, undo. Its answer to a payment is approved,
//! declined or unknown, and unknown is a normal answer.

mod authorise;

use crate::cards_in_hand::Card;
use crate::clock::Clock;
use crate::random::Random;
use crate::simulator::acquirer_host::{AcquirerHost, Found, Reference};
use crate::store::Store;
use payments::decide::Outcome;
use payments::order::Order;
use payments::transaction::Transaction;
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
