//! Finds out what became of an authorisation without an answer, and undoes it when nobody can tell.

use super::Outcome;
use crate::app::App;
use payments::decide::Command;
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::transaction::State;

impl App {
    /// One step: the answer is overdue, or the host is asked, or told to undo it. What comes next is a job of
    /// the same commit.
    pub(super) async fn resolve_unknown(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
    ) -> anyhow::Result<Outcome> {
        let Some((known, found)) = self.find(site, order, transaction).await? else {
            return Ok(Outcome::Done);
        };
        let command = match &found.state {
            State::Authorising => Command::AnswerOverdue { transaction },
            State::Unknown { .. } => {
                let (outcome, not_found) = self.acquirer.inquire(&known, &found).await?;
                Command::InquiryAnswered { transaction, outcome, not_found }
            }
            State::Reversing { .. } => {
                let acknowledged = self.acquirer.reverse(&known, &found).await?;
                Command::ReversalAnswered { transaction, acknowledged }
            }
            State::Authenticating
            | State::Uncleared { .. }
            | State::Authorised { .. }
            | State::Completed { .. }
            | State::Declined(_)
            | State::Expired
            | State::Void { .. }
            | State::Cancelled => return Ok(Outcome::Done),
        };
        tracing::info!(order.id = %order, transaction.id = %transaction, state = ?found.state, "an unknown outcome moves on");
        self.obey(site, order, command).await
    }
}
