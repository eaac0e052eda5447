//! The one loop that changes orders: load, decide, commit; when somebody was faster, look again.

use crate::api::create_order::CreateOrder;
use crate::api::idempotency::{Answer, Answering};
use crate::app::App;
use crate::metrics;
use crate::store::KeptAnswer;
use crate::store::db::WriteError;
use anyhow::Context as _;
use payments::change::Change;
use payments::decide::{Command, NewOrder, Placing, Refused, decide, place};
use payments::ids::{OrderId, SiteId};
use payments::order::{Order, Terms};
use payments::status;
use payments::time::{Millis, Timestamp};
use payments::transaction::State;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

/// How long a decision is made anew because the order changed meanwhile. Of all who try at once one succeeds in
/// every round, so this is time for hundreds of them.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// What follows for an order, or why nothing does.
type Decided = Result<Vec<Change>, RunError>;

/// Whether an order is looked at before it is first decided upon.
#[derive(Clone, Copy)]
enum Look {
    First,
    /// There is most likely none: its guard finds out, and what it costs to look is saved.
    Later,
}

/// How a change of an order ended.
enum Ended {
    /// The order as it now stands, and the answer that was kept with it.
    Now(Box<Order>, Option<KeptAnswer>),
    /// The request's key was used before: this is what it is answered now.
    Before(Answer),
}

impl App {
    /// Places an order, or answers the one that is there.
    pub(crate) async fn place(
        &self,
        site: SiteId,
        request: &CreateOrder,
        digest: [u8; 32],
        answering: Answering<'_>,
    ) -> Result<Answer, RunError> {
        let placing = self.placing(site, request, digest)?;
        self.answer(site, &request.order_id, placing, Look::Later, answering).await
    }

    /// Places an order that is paid at once. The answer is the order as it then stands.
    pub(crate) async fn place_to_pay(
        &self,
        site: SiteId,
        request: &CreateOrder,
        digest: [u8; 32],
    ) -> Result<Order, RunError> {
        let placing = self.placing(site, request, digest)?;
        match self.change(site, &request.order_id, &placing, Look::Later, None).await? {
            Ended::Now(order, _) => Ok(*order),
            Ended::Before(_) => unreachable!("nothing was asked for by a key"),
        }
    }

    fn placing(
        &self,
        site: SiteId,
        request: &CreateOrder,
        digest: [u8; 32],
    ) -> Result<impl Fn(Option<&Order>, Timestamp) -> Decided, RunError> {
        let details = serde_json::to_string(&request.details).context("writing the order's details");
        let details = details.map_err(RunError::Failed)?;
        Ok(move |known: Option<&Order>, now| {
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
            Ok(match place(known, new, now)? {
                Placing::Same => Vec::new(),
                Placing::Opened(changes) => changes,
            })
        })
    }

    /// Runs a command on an order. The answer is the order as it then stands.
    pub(crate) async fn run(&self, site: SiteId, id: &OrderId, command: &Command) -> Result<Order, RunError> {
        match self.change(site, id, &decided_by(command), Look::First, None).await? {
            Ended::Now(order, _) => Ok(*order),
            Ended::Before(_) => unreachable!("nothing was asked for by a key"),
        }
    }

    /// Submits a card that replaces no attempt: when one was begun since the order was looked at, it is that one's
    /// outcome that counts.
    pub(crate) async fn run_unless_open(
        &self,
        site: SiteId,
        id: &OrderId,
        command: &Command,
    ) -> Result<Order, RunError> {
        let decide = decided_by(command);
        let unless_open = |known: Option<&Order>, now| match known {
            Some(order) if order.open().is_some() => Err(Refused::PaymentInProgress.into()),
            known => decide(known, now),
        };
        match self.change(site, id, &unless_open, Look::First, None).await? {
            Ended::Now(order, _) => Ok(*order),
            Ended::Before(_) => unreachable!("nothing was asked for by a key"),
        }
    }

    /// Runs the command that a request asks for and answers the request. One that carries an `Idempotency-Key`
    /// has its effect once: its answer is committed together with it.
    pub(crate) async fn run_answering(
        &self,
        site: SiteId,
        id: &OrderId,
        command: &Command,
        answering: Answering<'_>,
    ) -> Result<Answer, RunError> {
        self.answer(site, id, decided_by(command), Look::First, answering).await
    }

    async fn answer<D>(
        &self,
        site: SiteId,
        id: &OrderId,
        decide: D,
        look: Look,
        answering: Answering<'_>,
    ) -> Result<Answer, RunError>
    where
        D: Fn(Option<&Order>, Timestamp) -> Decided,
    {
        match self.change(site, id, &decide, look, Some(&answering)).await? {
            Ended::Now(_, Some(kept)) => Ok(Answer::success(kept, false)),
            Ended::Now(order, None) => answering.render(&order).map_err(RunError::Failed),
            Ended::Before(answer) => Ok(answer),
        }
    }

    /// The loop. `decide` gives no changes where everything is as it was asked to be.
    async fn change<D>(
        &self,
        site: SiteId,
        id: &OrderId,
        decide: &D,
        mut look: Look,
        answering: Option<&Answering<'_>>,
    ) -> Result<Ended, RunError>
    where
        D: Fn(Option<&Order>, Timestamp) -> Decided,
    {
        Span::current().record("order.id", id.as_str());
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let known = match std::mem::replace(&mut look, Look::First) {
                Look::First => self.look(site, id).await?,
                Look::Later => None,
            };
            let now = self.now();
            let refused = match decide(known.as_ref(), now) {
                Ok(changes) => {
                    let part = part_of(&changes);
                    match self.commit(site, id, known, changes, answering, now).await? {
                        Some(ended) => return Ok(ended),
                        None => self.taken(site, part).await?,
                    }
                }
                Err(refused) => Some(refused),
            };
            // Whoever was faster may have been this very request, sent to another node.
            if let Some(before) = self.answered_before(answering).await? {
                return Ok(Ended::Before(before));
            }
            if let Some(refused) = refused {
                return Err(refused);
            }
        }
        Err(busy(id))
    }

    async fn look(&self, site: SiteId, id: &OrderId) -> Result<Option<Order>, RunError> {
        self.store.load(site, id).await.map_err(|error| RunError::Failed(error.into()))
    }

    /// Why a part cannot be captured: its order id belongs to another order. No new look at the captured order
    /// would tell.
    async fn taken(&self, site: SiteId, part: Option<OrderId>) -> Result<Option<RunError>, RunError> {
        let Some(part) = part else { return Ok(None) };
        Ok(self.look(site, &part).await?.map(|_| Refused::OrderIdTaken.into()))
    }

    async fn answered_before(&self, answering: Option<&Answering<'_>>) -> Result<Option<Answer>, RunError> {
        let Some(ticket) = answering.and_then(|answering| answering.ticket) else {
            return Ok(None);
        };
        ticket.find_answer(self).await.map_err(|error| RunError::Failed(error.into()))
    }

    /// Commits, and does what follows, whether or not whoever asked still waits; `None` when somebody was
    /// faster. The answer is rendered first: it is of the same commit.
    async fn commit(
        &self,
        site: SiteId,
        id: &OrderId,
        known: Option<Order>,
        changes: Vec<Change>,
        answering: Option<&Answering<'_>>,
        now: Timestamp,
    ) -> Result<Option<Ended>, RunError> {
        let next =
            if changes.is_empty() { known.clone() } else { Order::after(known.as_ref(), &changes, now) };
        let next = next.with_context(|| format!("there is no order {id} to change"));
        let next = next.map_err(RunError::Failed)?;
        let kept = answering.and_then(|answering| answering.keep(&next)).transpose();
        let kept = kept.map_err(RunError::Failed)?;
        if changes.is_empty() && kept.is_none() {
            return Ok(Some(Ended::Now(Box::new(next), None)));
        }
        if let Some(newest) = next.transactions.last() {
            Span::current().record("transaction.id", newest.id.0);
        }
        let outcome = outcome(known.as_ref(), &next);
        let (app, id) = (self.clone(), id.clone());
        let committing = async move {
            let done = app.commit_now(site, &id, known, &changes, kept.as_ref(), now).await?;
            outcome.filter(|_| done).into_iter().for_each(metrics::order_became);
            Ok::<_, RunError>((done, kept))
        };
        let (done, kept) = match self.underway.spawn(committing.in_current_span()).await {
            Ok(committed) => committed?,
            Err(error) => return Err(RunError::Failed(error.into())),
        };
        Ok(done.then(|| Ended::Now(Box::new(next), kept)))
    }

    /// Whether it was done: `false` when somebody was faster.
    async fn commit_now(
        &self,
        site: SiteId,
        id: &OrderId,
        known: Option<Order>,
        changes: &[Change],
        kept: Option<&KeptAnswer>,
        now: Timestamp,
    ) -> Result<bool, RunError> {
        let committed = match kept {
            Some(kept) if changes.is_empty() => self.store.keep_answer(id, kept, now).await,
            kept => self.store.commit_answering(site, id, known.as_ref(), changes, kept, now).await,
        };
        match committed {
            Ok(()) => {}
            Err(WriteError::Stale) => return Ok(false),
            Err(error) => {
                let error = anyhow::Error::from(error).context(format!("committing order {id}"));
                return Err(RunError::Failed(error));
            }
        }
        if changes.is_empty() {
            return Ok(true);
        }
        self.forget_cards(site, changes);
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
        Ok(true)
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

fn decided_by(command: &Command) -> impl Fn(Option<&Order>, Timestamp) -> Decided {
    move |known, now| Ok(decide(known.ok_or(RunError::NotFound)?, command.clone(), now)?)
}

/// What a change makes of an order, where that is another status than before.
fn outcome(known: Option<&Order>, next: &Order) -> Option<&'static str> {
    let Some(known) = known else { return Some("placed") };
    let status = status::of_order(next).order;
    (status::of_order(known).order != status).then_some(status)
}

/// The order that a captured part becomes.
fn part_of(changes: &[Change]) -> Option<OrderId> {
    changes.iter().find_map(|change| match change {
        Change::PartCaptured { order, .. } => Some(order.id.clone()),
        _ => None,
    })
}

fn busy(id: &OrderId) -> RunError {
    RunError::Failed(anyhow::anyhow!("order {id} kept changing for {PATIENCE:?} while it was decided upon"))
}
