//! The one loop that changes orders: load, decide, commit; when somebody was faster, look again.

use crate::api::create_order::CreateOrder;
use crate::app::App;
use crate::store::db::WriteError;
use anyhow::Context as _;
use payments::change::Change;
use payments::decide::{Command, NewOrder, Placing, Refused, decide, place};
use payments::ids::{OrderId, SiteId};
use payments::order::{Order, Terms};
use payments::time::{Millis, Timestamp};
use payments::transaction::State;
use std::time::Duration;
use tokio::time::Instant;

/// How long a decision is made anew because the order changed meanwhile. Of all who try at once one succeeds in
/// every round, so this is time for hundreds of them.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a command had no effect.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The site has no such order.
    NotFound,
    /// The rules say no.
    Refused(Refused),
    /// It did not work, or nobody knows whether it did.
    Failed(anyhow::Error),
}

impl From<Refused> for RunError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl App {
    /// Places an order, or answers the one that is there. The answer is the order as it then stands.
    pub(crate) async fn place(
        &self,
        site: SiteId,
        request: &CreateOrder,
        digest: [u8; 32],
    ) -> Result<Order, RunError> {
        let details = serde_json::to_string(&request.details).context("writing the order's details");
        let details = details.map_err(RunError::Failed)?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let (known, now) = (self.look(site, &request.order_id).await?, self.now());
            let new = NewOrder {
                site,
                id: request.order_id.clone(),
                terms: Terms {
                    gateway: request.gateway,
                    amount: request.amount,
                    description: request.description.clone(),
                    capturing: request.capturing,
                    recurring: request.recurring.clone(),
                    details: details.clone(),
                },
                lifetime: request.lifetime,
                session: self.draw_session(site),
                digest,
            };
            let changes = match (place(known.as_ref(), new, now)?, known.clone()) {
                (Placing::Same, Some(known)) => return Ok(known),
                (Placing::Same, None) => unreachable!("only a known order can be asked for again"),
                (Placing::Opened(changes), _) => changes,
            };
            if let Some(order) = self.commit(site, &request.order_id, known, changes, now).await? {
                return Ok(order);
            }
        }
        Err(busy(&request.order_id))
    }

    /// Runs a command on an order. The answer is the order as it then stands.
    pub(crate) async fn run(&self, site: SiteId, id: &OrderId, command: &Command) -> Result<Order, RunError> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let known = self.look(site, id).await?.ok_or(RunError::NotFound)?;
            let now = self.now();
            let changes = decide(&known, command.clone(), now)?;
            if changes.is_empty() {
                return Ok(known);
            }
            if let Some(order) = self.commit(site, id, Some(known), changes, now).await? {
                return Ok(order);
            }
        }
        Err(busy(id))
    }

    async fn look(&self, site: SiteId, id: &OrderId) -> Result<Option<Order>, RunError> {
        self.store.load(site, id).await.map_err(|error| RunError::Failed(error.into()))
    }

    /// Commits, and does what follows, whether or not whoever asked still waits; `None` when somebody was
    /// faster.
    async fn commit(
        &self,
        site: SiteId,
        id: &OrderId,
        known: Option<Order>,
        changes: Vec<Change>,
        now: Timestamp,
    ) -> Result<Option<Order>, RunError> {
        let (app, id) = (self.clone(), id.clone());
        let committed =
            self.underway.spawn(async move { app.commit_now(site, &id, known, &changes, now).await });
        committed.await.unwrap_or_else(|error| Err(RunError::Failed(error.into())))
    }

    async fn commit_now(
        &self,
        site: SiteId,
        id: &OrderId,
        known: Option<Order>,
        changes: &[Change],
        now: Timestamp,
    ) -> Result<Option<Order>, RunError> {
        match self.store.commit(site, id, known.as_ref(), changes, now).await {
            Ok(()) => {}
            Err(WriteError::Stale) => return Ok(None),
            Err(error) => {
                let error = anyhow::Error::from(error).context(format!("committing order {id}"));
                return Err(RunError::Failed(error));
            }
        }
        self.forget_cards(site, changes);
        let placed = changes.iter().find_map(|change| match change {
            Change::OrderPlaced(order) => Some((**order).clone()),
            _ => None,
        });
        let mut order = known.or(placed).ok_or_else(|| busy(id))?;
        let modified_at = order.modified_by(changes, now);
        changes.iter().for_each(|change| order.apply(change));
        order.version = order.version.saturating_add(1);
        order.modified_at = modified_at;
        // What is due later is found by the worker's own look.
        let soon = now.plus(Millis::seconds(1));
        let due = |change: &Change| match change {
            Change::NotificationDue => true,
            Change::JobDue { at, .. } => *at <= soon,
            _ => false,
        };
        if changes.iter().any(due) {
            self.work.notify_one();
        }
        self.announce(site, id);
        Ok(Some(order))
    }

    /// A card is kept no longer than its attempt may still need it.
    fn forget_cards(&self, site: SiteId, changes: &[Change]) {
        for change in changes {
            if let Change::TransactionMoved(moved) = change
                && !matches!(moved.state, State::Authenticating | State::Authorising)
            {
                drop(self.cards.take(site, moved.id));
            }
        }
    }
}

fn busy(id: &OrderId) -> RunError {
    RunError::Failed(anyhow::anyhow!("order {id} kept changing for {PATIENCE:?} while it was decided upon"))
}
