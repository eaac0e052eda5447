//! The acquirer behind one narrow interface: authorise, ask, undo. Its answer to a payment is approved,
//! declined or unknown, and unknown is a normal answer.

mod authorise;

use crate::cards_in_hand::Card;
use crate::clock::Clock;
use crate::random::Random;
use crate::simulator::acquirer_host::{AcquirerHost, Found, Moved, Reference};
use crate::store::Store;
use payments::decide::Outcome;
use payments::movement::Movement;
use payments::order::Order;
use payments::transaction::{Capturing, Transaction};
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
        Ok(known(host.inquire(reference).await?))
    }

    /// Tells the host of a capture; it acknowledges.
    pub(crate) async fn capture(&self, moved: &Moved) -> anyhow::Result<()> {
        let Self::Simulated(host) = self;
        host.capture(moved).await
    }

    /// Sends a refund whose intent is committed. Whatever keeps the answer away makes it unknown. `again`: under
    /// the same reference as before, which the host pays once.
    pub(crate) async fn refund(&self, moved: &Moved, again: bool) -> Outcome {
        let Self::Simulated(host) = self;
        match host.refund(moved, again).await {
            Ok(answer) => answer.unwrap_or(Outcome::Unknown),
            Err(error) => {
                tracing::error!(transaction.id = %moved.reference, error = format!("{error:#}"),
                    "the simulated acquirer host failed");
                Outcome::Unknown
            }
        }
    }

    /// Asks what became of a refund: the outcome, and whether the host never saw it.
    pub(crate) async fn inquire_refund(&self, moved: &Moved) -> anyhow::Result<(Outcome, bool)> {
        let Self::Simulated(host) = self;
        Ok(known(host.inquire_refund(moved).await?))
    }

    /// Tells the host to undo an authorisation; whether it acknowledged.
    pub(crate) async fn reverse(&self, reference: &Reference) -> anyhow::Result<bool> {
        let Self::Simulated(host) = self;
        host.reverse(reference).await
    }
}

fn known(found: Found) -> (Outcome, bool) {
    match found {
        Found::Answer(outcome) => (outcome, false),
        Found::Nothing => (Outcome::Unknown, true),
        Found::Silence => (Outcome::Unknown, false),
    }
}

/// What the host knows a capture or refund by.
pub(crate) fn moved(order: &Order, movement: &Movement) -> Option<Moved> {
    let payment = order.transaction(movement.of)?;
    let (site, reference, amount) = (order.site, movement.id, movement.amount);
    Some(Moved { site, reference, authorisation: payment.authorisation(), amount })
}

/// What the host knows a transaction by.
pub(crate) fn reference(order: &Order, transaction: &Transaction) -> Reference {
    let (site, id) = (order.site, order.id.clone());
    let captured_later = transaction.capturing == Capturing::Manual && !transaction.amount.is_zero();
    Reference { site, order: id, transaction: transaction.id, amount: transaction.amount, captured_later }
}
