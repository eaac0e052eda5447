//! This process as one of several on one database.
//!
//! There is no leader. Work is leased, and all go by the database's clock. What is in one process's memory only is
//! the cards between their submission and the authorisation's answer, as the code on a card may be written nowhere.
//! So the outcome of an authentication, whichever node hears it, is left to the node that holds the card for as long
//! as that one lives. After its death any other one goes on without the card.

use crate::app::App;
use crate::store::AuthenticationRow;
use crate::store::db::ReadError;
use crate::store::nodes::NodeRow;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use payments::time::{Millis, Timestamp};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often a node that holds cards looks whether somebody heard an outcome for one of them.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often a node says that it lives.
const BEAT_EVERY: Millis = Millis::seconds(1);
/// A node that has said nothing for so long is taken to be dead.
const SILENT_FOR: Millis = Millis::seconds(4);
/// Who could not say so himself for this long does not judge others: it is the database that is silent.
const HEARD_WITHIN: Millis = Millis::seconds(3);
/// How long an outcome is left to a living node that should take it and does not.
const LEFT_FOR: Millis = Millis::seconds(5);
/// When a silent node is forgotten altogether.
const FORGOTTEN_AFTER: Millis = Millis::hours(1);
/// A measurement of the database's clock that took longer says too little.
const MEASURED_WITHIN: Duration = Duration::from_millis(500);
/// A clock that was wrong by more than this is worth a line in the log.
const WRONG_BY: Millis = Millis::seconds(2);
/// How long a card is kept for an authentication that has not begun: longer than any directory server may take.
const BEGUN_WITHIN: Millis = Millis::minutes(2);
/// How many outcomes are taken at once.
const OUTCOMES: i64 = 100;

/// Before any time.
const NEVER: i64 = i64::MIN;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The JSON API and its documentation.
    pub api: bool,
    /// What customers and issuers open: the payment pages and 3-D Secure.
    pub pages: bool,
    /// Notifications and everything else that becomes due.
    pub worker: bool,
}

impl Roles {
    /// Everything.
    pub const ALL: Self = Self { api: true, pages: true, worker: true };
    const NONE: Self = Self { api: false, pages: false, worker: false };

    /// Reads a list like `api,pages`; `None` for an empty one, and where a word is no role.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut roles = Self::NONE;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "api" => roles.api = true,
                "pages" => roles.pages = true,
                "worker" => roles.worker = true,
                _ => return None,
            }
        }
        (roles != Self::NONE).then_some(roles)
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.api, "api"), (self.pages, "pages"), (self.worker, "worker")];
        let words: Vec<_> = words.into_iter().filter(|(does, _)| *does).map(|(_, word)| word).collect();
        f.write_str(&words.join(","))
    }
}

/// Who this process is to the others.
#[derive(Debug)]
pub(crate) struct Node {
    /// Drawn at the start, so that no two processes are ever the same.
    pub(crate) id: String,
    /// When it last said that it lives.
    heard_at: AtomicI64,
    /// From when on it knows who is silent: after a time without the database the others need a moment as well.
    judges_from: AtomicI64,
    /// Whether it is about to end.
    draining: AtomicBool,
    /// How many nodes do the work of workers, as far as is known.
    workers: AtomicUsize,
}

impl Node {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            heard_at: AtomicI64::new(NEVER),
            judges_from: AtomicI64::new(NEVER),
            draining: AtomicBool::new(false),
            workers: AtomicUsize::new(1),
        }
    }

    /// Notes that the database has heard this node.
    fn was_heard(&self, now: Timestamp) {
        let before = self.heard_at.swap(now.0, Ordering::SeqCst);
        if before != NEVER && now.since(Timestamp(before)) >= HEARD_WITHIN {
            self.judges_from.store(now.plus(SILENT_FOR).0, Ordering::SeqCst);
        }
    }

    /// Whether it can tell a dead node from a silent database.
    fn may_judge(&self, now: Timestamp) -> bool {
        let heard_at = self.heard_at.load(Ordering::SeqCst);
        let is_heard = now.0.saturating_sub(heard_at) < HEARD_WITHIN.0;
        is_heard && now.0 >= self.judges_from.load(Ordering::SeqCst)
    }

    /// This node's share of what all workers together may take.
    pub(crate) fn share_of(&self, all: usize) -> usize {
        all.div_ceil(self.workers.load(Ordering::SeqCst).max(1))
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

impl App {
    /// Tells balancers to send nobody here any more; whoever comes all the same is served.
    pub fn drain(&self) {
        self.node.draining.store(true, Ordering::SeqCst);
    }

    /// Says that this node lives, and learns what time it is to all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn beat(&self) -> anyhow::Result<()> {
        let asked = Instant::now();
        let then = self.store.shared_clock().await?;
        if let Some(then) = then.filter(|_| asked.elapsed() < MEASURED_WITHIN)
            && let Some(wrong_by) = self.clock.set(then, asked, Instant::now())
            && wrong_by.0.abs() > WRONG_BY.0
        {
            tracing::warn!(ms = wrong_by.0, "the database's clock moved, and with it this node's");
        }
        let now = self.now();
        self.store.beat(&self.node.id, &self.settings.roles.to_string(), now).await?;
        self.node.was_heard(now);
        Ok(())
    }

    /// Beats, and takes the outcomes that other nodes heard for the cards that are here, until `stopped`. A panic is a
    /// bug, but no reason for the others to take this node for dead.
    pub(crate) async fn tend_node(self, stopped: watch::Receiver<bool>) {
        while AssertUnwindSafe(self.tend_until(stopped.clone())).catch_unwind().await.is_err() {
            tracing::error!("looking after this node panicked; it goes on");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if let Err(error) = self.store.forget_node(&self.node.id).await {
            tracing::debug!(%error, "this node could not say good-bye; it is forgotten when it has been silent");
        }
    }

    async fn tend_until(&self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat_at = self.now().plus(BEAT_EVERY);
        while !*stopped.borrow() {
            if let Err(error) = self.take_outcomes().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "outcomes for the cards in hand could not be looked up"
                );
            }
            if self.now() >= beat_at {
                if let Err(error) = self.keep_house().await {
                    tracing::warn!(error = format!("{error:#}"), "this node could not say that it lives");
                }
                beat_at = self.now().plus(BEAT_EVERY);
            }
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.changed() => {}
            }
        }
    }

    async fn keep_house(&self) -> anyhow::Result<()> {
        self.beat().await?;
        self.cards.forget_old(self.now());
        self.drop_cards_of_others().await?;
        if !self.settings.roles.worker {
            let app = self.clone();
            self.underway.spawn(async move { app.refresh_ranges().await });
        }
        self.count_nodes().await
    }

    async fn count_nodes(&self) -> anyhow::Result<()> {
        let now = self.now();
        let mut living = self.store.nodes().await?;
        if living.iter().any(|node| now.since(node.seen_at) > FORGOTTEN_AFTER) {
            self.store.forget_silent_nodes(now, FORGOTTEN_AFTER).await?;
        }
        living.retain(|node| now.since(node.seen_at) < SILENT_FOR);
        let works = |node: &&NodeRow| Roles::parse(&node.roles).is_none_or(|roles| roles.worker);
        let workers = living.iter().filter(works).count();
        if self.node.workers.swap(workers, Ordering::SeqCst) != workers {
            tracing::info!(nodes = living.len(), workers, "nodes came or went");
        }
        Ok(())
    }

    /// Takes the outcomes that other nodes heard for the cards that are here.
    ///
    /// # Errors
    /// When the database does not answer.
    #[doc(hidden)]
    pub async fn take_outcomes(&self) -> anyhow::Result<()> {
        if self.cards.is_empty() {
            return Ok(());
        }
        let answered = self.store.answered_authentications(&self.node.id, OUTCOMES).await?;
        join_all(answered.iter().map(|row| self.apply_outcome(row))).await;
        Ok(())
    }

    /// Drops the cards whose payments went on at other nodes, or ended there.
    async fn drop_cards_of_others(&self) -> Result<(), ReadError> {
        let before = Timestamp(self.now().0.saturating_sub(BEGUN_WITHIN.0));
        if self.cards.is_empty() {
            return Ok(());
        }
        let needed = self.store.held_authentications(&self.node.id).await?;
        self.cards.forget_unless(before, |site, transaction| needed.contains(&(site, transaction)));
        Ok(())
    }

    /// Whether an outcome is left to another node: it holds the card, and it lives.
    pub(crate) async fn is_left_to_another(&self, row: &AuthenticationRow) -> Result<bool, ReadError> {
        let Some(holder) = row.holder.as_deref().filter(|holder| *holder != self.node.id) else {
            return Ok(false);
        };
        let now = self.now();
        if row.due_at.is_some_and(|due| now >= due.plus(LEFT_FOR)) {
            return Ok(false);
        }
        let Some(seen_at) = self.store.node_seen_at(holder).await? else { return Ok(false) };
        Ok(!self.node.may_judge(now) || now.since(seen_at) < SILENT_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        for text in ["api", "pages", "worker", "api,pages", "api,pages,worker"] {
            assert_eq!(Roles::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Roles::parse(" worker , api,"), Some(Roles { pages: false, ..Roles::ALL }));
        assert_eq!((Roles::parse(""), Roles::parse("api,shop")), (None, None));
    }
}
