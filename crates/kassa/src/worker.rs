//! The workers: what is due is claimed, done and recorded. Everything is safe to do twice.

mod deliver_notification;
mod forget_history;
mod move_money;
mod resolve_unknown;
pub(crate) mod slots;

use crate::app::App;
use crate::run::RunError;
use crate::store::{Claimed, Delivery};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use payments::change::Job;
use payments::decide::{Command, Refused, Turn, reversal_delay};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::movement::Kind;
use payments::order::Order;
use payments::time::{Millis, Timestamp};
use payments::transaction::{State, Transaction};
use slots::{PER_SITE, Slot};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;
use tracing::field::Empty;

/// How long a claim holds. What is claimed is over, or given up, five seconds before that: so far may the clocks of
/// two nodes be apart before both have the same thing in their hands.
const LEASE: Millis = Millis::seconds(30);
/// How long after its claim a job may take. A delivery has limits of its own.
const JOB_WITHIN: Duration = Duration::from_secs(25);
/// How many jobs are under way at once.
const JOBS: usize = 64;
/// How long a stop waits for jobs that are under way: an acquirer who does not answer holds up no stop.
const JOBS_END: Duration = Duration::from_secs(3);
/// How many notifications are under way at once.
const DELIVERIES: usize = 256;
/// How many old answers are forgotten at once.
const FORGOTTEN: usize = 500;
/// How often old answers are looked for.
const FORGET_EVERY: Millis = Millis::minutes(1);
/// How often authentications are looked after.
const AUTHENTICATIONS_EVERY: Millis = Millis::seconds(1);
/// How long after a job failed for a reason of our own it is tried again.
const TROUBLE: Millis = Millis::seconds(5);
/// How long a worker sleeps at most: other nodes may have left work behind.
const NAP: Duration = Duration::from_secs(1);
/// The same where all work is left behind by others, who cannot wake it.
const NAP_ALONE: Duration = Duration::from_millis(100);

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing is left to do, or a change has already said what is.
    Done,
    /// Try again then.
    RetryAt(Timestamp),
}

/// Works until `stopped`; what is under way is finished first. A panic is a bug, but no reason to leave every
/// other shop untold: the work goes on.
pub(crate) async fn work(app: App, stopped: watch::Receiver<bool>) {
    while AssertUnwindSafe(work_until(app.clone(), stopped.clone())).catch_unwind().await.is_err() {
        tracing::error!("the worker panicked; what it had claimed is free again when its leases end");
        tokio::time::sleep(NAP).await;
    }
}

async fn work_until(app: App, mut stopped: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(DELIVERIES));
    let mut deliveries = JoinSet::new();
    let mut jobs = JoinSet::new();
    let mut forget_at = app.now();
    let mut history_at = app.now();
    let mut authentications_at = app.now();
    while !*stopped.borrow() {
        let looked_at = app.now();
        app.cards.forget_old(looked_at);
        app.look_after_authentications(&mut authentications_at).await;
        let claimed = app.claim_due(permits.available_permits()).await;
        let mut busy = !claimed.is_empty() | app.forget_answers(&mut forget_at).await;
        busy |= app.forget_history(&mut history_at).await;
        for (delivery, slot) in claimed {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let app = app.clone();
            deliveries.spawn(async move {
                app.deliver(delivery).await;
                drop((permit, slot));
            });
        }
        while deliveries.try_join_next().is_some() || jobs.try_join_next().is_some() {
            busy = true;
        }
        // An acquirer that takes its time holds up nothing but what waits for it.
        for job in app.due_jobs(JOBS.saturating_sub(jobs.len())).await {
            let app = app.clone();
            jobs.spawn(async move { app.work_job(&job).await });
            busy = true;
        }
        if busy {
            continue;
        }
        let nap = app.nap(looked_at).await;
        tokio::select! {
            () = app.work.notified() => {}
            () = tokio::time::sleep(nap) => {}
            _ = stopped.changed() => {}
            Some(_) = deliveries.join_next() => {}
            Some(_) = jobs.join_next() => {}
        }
    }
    deliveries.join_all().await;
    // A job that is cut short is done again once its lease is over.
    let _ = tokio::time::timeout(JOBS_END, async { while jobs.join_next().await.is_some() {} }).await;
}

impl App {
    /// Does everything that is due now, and what becomes due through it. For tests with a clock that stands.
    #[doc(hidden)]
    pub async fn run_jobs(&self) {
        loop {
            let mut deliveries = JoinSet::new();
            for (delivery, slot) in self.claim_due(DELIVERIES).await {
                let app = self.clone();
                deliveries.spawn(async move {
                    app.deliver(delivery).await;
                    drop(slot);
                });
            }
            let delivered = deliveries.join_all().await.len();
            let forgotten =
                self.forget_answers(&mut self.now()).await | self.forget_history(&mut self.now()).await;
            self.look_after_authentications(&mut self.now()).await;
            if !self.work_jobs().await && delivered == 0 && !forgotten {
                return;
            }
        }
    }

    /// Ends authentications whose time is over, and asks for card ranges, when that is due `at`.
    async fn look_after_authentications(&self, at: &mut Timestamp) {
        let now = self.now();
        if now < *at {
            return;
        }
        *at = now.plus(AUTHENTICATIONS_EVERY);
        if let Err(error) = self.end_authentications().await {
            tracing::error!(error = format!("{error:#}"), "authentications could not be looked after");
        }
        let app = self.clone();
        self.underway.spawn(async move { app.refresh_ranges().await });
    }

    /// Forgets some of the answers that are kept no longer, when that is due `at`; whether there may be more.
    async fn forget_answers(&self, at: &mut Timestamp) -> bool {
        let now = self.now();
        if now < *at {
            return false;
        }
        let forgotten = self.store.forget_answers(now, i64::try_from(FORGOTTEN).unwrap_or(i64::MAX)).await;
        let more = forgotten.unwrap_or_else(|error| {
            tracing::warn!(%error, "old answers could not be forgotten; they no longer count all the same");
            0
        }) == FORGOTTEN;
        if !more {
            *at = now.plus(FORGET_EVERY);
        }
        more
    }

    /// Claims what is due and may run: `room` deliveries at most, and no more of a site than its slots.
    async fn claim_due(&self, mut room: usize) -> Vec<(Delivery, Slot)> {
        let now = self.now();
        let sites =
            self.store.sites_to_tell(now, i64::try_from(PER_SITE).unwrap_or(i64::MAX)).await.unwrap_or_else(
                |error| {
                    tracing::error!(%error, "due notifications could not be looked up");
                    Vec::new()
                },
            );
        // Whoever has least under way comes first, and nobody takes all the room: shops that hang fill their
        // share and no more.
        let mut sites: Vec<_> =
            sites.into_iter().map(|(site, waiting)| (self.slots.taken(site), site, waiting)).collect();
        sites.sort_by_key(|(taken, ..)| *taken);
        let mut claims = Vec::new();
        let mut left = sites.len();
        for (taken, site, waiting) in sites {
            let share = room.div_ceil(left.max(1));
            // All workers together tell a shop no more at once than one alone would.
            let free = self.node.share_of(PER_SITE).saturating_sub(taken);
            let slots = self.slots.take(site, usize::try_from(waiting).unwrap_or(0).min(share).min(free));
            (room, left) = (room - slots.len(), left - 1);
            if !slots.is_empty() {
                claims.push(self.claim_for(site, slots, now));
            }
        }
        join_all(claims).await.into_iter().flatten().collect()
    }

    async fn claim_for(&self, site: SiteId, slots: Vec<Slot>, now: Timestamp) -> Vec<(Delivery, Slot)> {
        let limit = i64::try_from(slots.len()).unwrap_or(i64::MAX);
        let claimed_at = Instant::now();
        let claimed = self.store.claim_notifications(site, now, now.plus(LEASE), limit).await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::error!(site.id = %site, %error, "due notifications could not be claimed");
            Vec::new()
        });
        // The lease is counted from before the claim was written.
        let since = |delivery| Delivery { claimed_at, ..delivery };
        claimed.into_iter().map(since).zip(slots).collect()
    }

    /// Does the jobs that are due; whether there were any.
    async fn work_jobs(&self) -> bool {
        let claimed = self.due_jobs(JOBS).await;
        join_all(claimed.iter().map(|job| self.work_job(job))).await;
        !claimed.is_empty()
    }

    /// Claims the jobs that are due, `room` at most.
    async fn due_jobs(&self, room: usize) -> Vec<Claimed> {
        let claimed = self.claim_jobs(self.now(), room).await;
        claimed.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "due jobs could not be claimed");
            Vec::new()
        })
    }

    /// A look before the leap: claiming is a write, and mostly nothing is due.
    async fn claim_jobs(&self, now: Timestamp, room: usize) -> anyhow::Result<Vec<Claimed>> {
        if room == 0 || !self.store.is_job_due(now).await? {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let claimed_at = Instant::now();
        let claimed = self.store.claim_jobs(now, now.plus(LEASE), limit).await?;
        // The lease is counted from before the claim was written.
        Ok(claimed.into_iter().map(|job| Claimed { claimed_at, ..job }).collect())
    }

    async fn work_job(&self, claimed: &Claimed) {
        // Whoever took longer would still be at it when somebody else has the lease. As after a crash, nothing is lost:
        // what was sent has a trace.
        let span = tracing::info_span!("job", order.id = %claimed.order, transaction.id = Empty);
        let left = JOB_WITHIN.saturating_sub(claimed.claimed_at.elapsed());
        let attempted = tokio::time::timeout(left, self.attempt(claimed).instrument(span)).await;
        let attempted =
            attempted.unwrap_or_else(|_| Err(anyhow::anyhow!("it took longer than its lease allows")));
        let outcome = attempted.unwrap_or_else(|error| {
            tracing::error!(order.id = %claimed.order, job = ?claimed.job, error = format!("{error:#}"),
                "a job failed and will be tried again");
            Outcome::RetryAt(self.now().plus(TROUBLE))
        });
        let recorded = match outcome {
            Outcome::Done => self.store.finish_job(claimed).await,
            Outcome::RetryAt(at) => self.store.retry_job(claimed, at).await,
        };
        if let Err(error) = recorded {
            tracing::error!(order.id = %claimed.order, job = ?claimed.job, %error,
                "a job's end could not be recorded; its lease runs out");
        }
    }

    async fn attempt(&self, claimed: &Claimed) -> anyhow::Result<Outcome> {
        let (site, order) = (claimed.site, &claimed.order);
        match &claimed.job {
            Job::ExpireSession(session) => {
                self.obey(site, order, Command::ExpireSession { session: session.clone() }).await
            }
            Job::ExpireTransaction(transaction) => {
                self.obey(site, order, Command::ExpireTransaction { transaction: *transaction }).await
            }
            Job::ResolveUnknown(transaction) => self.resolve_unknown(site, order, *transaction).await,
            Job::EndReview(transaction) => self.end_review(site, order, *transaction).await,
            Job::ReleaseApproval(transaction) => self.release_approval(site, order, *transaction).await,
            Job::ExpireAuthorisation(transaction) => {
                self.obey(site, order, Command::ExpireAuthorisation { transaction: *transaction }).await
            }
            Job::SendCapture(capture) => self.send_capture(site, order, *capture).await,
            Job::SendCompletion(payment) => self.send_completion(site, order, *payment).await,
            Job::SendRefund(refund) => self.send_refund(site, order, *refund).await,
            Job::EndDispute(chargeback) => {
                let command = Command::Disputed { chargeback: *chargeback, turn: Turn::TimeOver };
                self.obey(site, order, command).await
            }
        }
    }

    /// Runs a command whose refusal only means that it came too late.
    async fn obey(&self, site: SiteId, order: &OrderId, command: Command) -> anyhow::Result<Outcome> {
        match self.run(site, order, &command).await {
            Ok(_) | Err(RunError::NotFound | RunError::Refused(Refused::OutOfTurn)) => Ok(Outcome::Done),
            Err(RunError::Refused(refused)) => anyhow::bail!("{command:?} was refused: {refused:?}"),
            Err(RunError::Failed(error)) => Err(error),
        }
    }

    /// Ends a hold with the verdict that was foretold for it.
    async fn end_review(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
    ) -> anyhow::Result<Outcome> {
        let Some((_, held)) = self.find(site, order, transaction).await? else {
            return Ok(Outcome::Done);
        };
        let State::Uncleared { review, .. } = held.state else {
            return Ok(Outcome::Done);
        };
        if self.now() < review.ends_at {
            return Ok(Outcome::RetryAt(review.ends_at));
        }
        self.obey(site, order, Command::ReviewEnded { transaction, verdict: review.verdict }).await
    }

    /// Gives the approval of a rejected payment back to the acquirer.
    async fn release_approval(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
    ) -> anyhow::Result<Outcome> {
        let Some((known, voided)) = self.find(site, order, transaction).await? else {
            return Ok(Outcome::Done);
        };
        if !matches!(voided.state, State::Void { released_at: None, .. }) {
            return Ok(Outcome::Done);
        }
        // What was captured goes first: the acquirer has to know it when the rest is given back.
        if known.movements.iter().any(|movement| movement.kind == Kind::Capture { told_at: None }) {
            return Ok(Outcome::RetryAt(self.now().plus(TROUBLE)));
        }
        if !self.acquirer.reverse(&known, &voided).await? {
            let patience = reversal_delay(voided_for(voided.modified_at, self.now()));
            return Ok(Outcome::RetryAt(self.now().plus(patience)));
        }
        self.obey(site, order, Command::ApprovalReleased { transaction }).await
    }

    pub(crate) async fn find(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
    ) -> anyhow::Result<Option<(Order, Transaction)>> {
        let order = self.store.load(site, order).await?;
        Ok(order.and_then(|order| {
            let transaction = order.transaction(transaction)?.clone();
            Some((order, transaction))
        }))
    }

    /// How long there is nothing to do, as far as is known. What was due at `looked_at` was taken then, or
    /// waits for something that wakes the worker.
    async fn nap(&self, looked_at: Timestamp) -> Duration {
        let roles = self.settings.roles;
        let longest = if roles.api && roles.pages { NAP } else { NAP_ALONE };
        let due = self.store.next_due(looked_at).await.ok().flatten();
        let left = due.map_or(NAP.as_millis().try_into().unwrap_or(1_000), |due| due.since(self.now()).0);
        Duration::from_millis(u64::try_from(left.max(5)).unwrap_or(5)).min(longest)
    }
}

/// The step of the reversal schedule after waiting this long: later steps are further apart.
fn voided_for(since: Timestamp, now: Timestamp) -> u32 {
    let minutes = now.since(since).0 / Millis::minutes(1).0;
    match minutes {
        ..1 => 2,
        1..5 => 3,
        5..60 => 4,
        60.. => 5,
    }
}
