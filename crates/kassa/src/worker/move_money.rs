//! Captures and refunds on their way to the acquirer.

use super::{Outcome, TROUBLE};
use crate::acquirer::Told;
use crate::app::App;
use crate::run::RunError;
use payments::decide::{Command, Refused, reversal_delay};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::movement::{Kind, Movement, RefundState};
use payments::order::Order;
use payments::transaction::Transaction;

impl App {
    /// Tells the acquirer of a capture. It is repeated until it is acknowledged: the shop was told that it has
    /// its money.
    pub(super) async fn send_capture(
        &self,
        site: SiteId,
        order: &OrderId,
        capture: TransactionId,
    ) -> anyhow::Result<Outcome> {
        let Some((known, found)) = self.find_movement(site, order, capture).await? else {
            return Ok(Outcome::Done);
        };
        if !matches!(found.kind, Kind::Capture { told_at: None }) {
            return Ok(Outcome::Done);
        }
        let told = self.acquirer.capture(&known, &found).await?;
        self.advised(site, order, told, Command::CaptureAcknowledged { capture }).await
    }

    /// Tells the acquirer to collect a payment. It is repeated until it is acknowledged, like a capture.
    pub(super) async fn send_completion(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
    ) -> anyhow::Result<Outcome> {
        let Some((known, payment)) = self.find(site, order, transaction).await? else {
            return Ok(Outcome::Done);
        };
        if !payment.is_completion_due() {
            return Ok(Outcome::Done);
        }
        let told = self.acquirer.complete(&known, &payment).await?;
        self.advised(site, order, told, Command::CompletionAcknowledged { transaction }).await
    }

    /// What follows an advice: it is sent again until it is `acknowledged`.
    async fn advised(
        &self,
        site: SiteId,
        order: &OrderId,
        told: Told,
        acknowledged: Command,
    ) -> anyhow::Result<Outcome> {
        match told {
            Told::Acknowledged => self.obey(site, order, acknowledged).await,
            Told::NotYet { times } => Ok(Outcome::RetryAt(self.now().plus(reversal_delay(times)))),
        }
    }

    /// One step of a refund: it is sent once its intent is committed; without an answer the host is asked, and
    /// what it never saw is sent again under the same reference.
    pub(super) async fn send_refund(
        &self,
        site: SiteId,
        order: &OrderId,
        refund: TransactionId,
    ) -> anyhow::Result<Outcome> {
        let Some((known, found)) = self.find_movement(site, order, refund).await? else {
            return Ok(Outcome::Done);
        };
        let outcome = match found.refund() {
            // What is collected goes first: the acquirer has to know it when some of it is given back.
            Some(RefundState::Reserved) if is_completion_due(&known, &found) => {
                return Ok(Outcome::RetryAt(self.now().plus(TROUBLE)));
            }
            Some(RefundState::Reserved) => {
                match self.run(site, order, &Command::SendRefund { refund }).await {
                    Ok(_) => self.acquirer.refund(&known, &found).await,
                    // The shop took it back just before, or somebody else sends it.
                    Err(RunError::Refused(Refused::OutOfTurn)) => return Ok(Outcome::Done),
                    Err(error) => anyhow::bail!("refund {refund} could not be begun: {error:?}"),
                }
            }
            Some(RefundState::Sending | RefundState::Unknown { .. }) => {
                match self.acquirer.inquire_refund(&known, &found).await? {
                    (_, true) => self.acquirer.refund(&known, &found).await,
                    (outcome, false) => outcome,
                }
            }
            Some(RefundState::Completed { .. } | RefundState::Declined { .. } | RefundState::Void) | None => {
                return Ok(Outcome::Done);
            }
        };
        tracing::info!(order.id = %order, transaction.id = %refund, ?outcome, "a refund was sent or asked for");
        self.obey(site, order, Command::RefundAnswered { refund, outcome }).await
    }

    async fn find_movement(
        &self,
        site: SiteId,
        order: &OrderId,
        id: TransactionId,
    ) -> anyhow::Result<Option<(Order, Movement)>> {
        let order = self.store.load(site, order).await?;
        Ok(order.and_then(|order| {
            let movement = order.movement(id)?.clone();
            Some((order, movement))
        }))
    }
}

/// Whether the acquirer has yet to collect what the movement is of.
fn is_completion_due(order: &Order, movement: &Movement) -> bool {
    order.transaction(movement.of).is_some_and(Transaction::is_completion_due)
}
