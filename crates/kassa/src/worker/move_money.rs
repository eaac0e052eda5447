//! Captures and refunds on their way to the acquirer.

use super::Outcome;
use crate::acquirer::Told;
use crate::app::App;
use crate::run::RunError;
use payments::decide::{Command, Refused, reversal_delay};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::movement::{Kind, Movement, RefundState};
use payments::order::Order;

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
        match self.acquirer.capture(&known, &found).await? {
            Told::Acknowledged => self.obey(site, order, Command::CaptureAcknowledged { capture }).await,
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
