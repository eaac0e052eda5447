//! Who is connected and has nothing under way, so that they can make room for others.
//!
//! When every place is taken and somebody comes, those leave who never completed a header, the oldest first, then those
//! who rest between requests. Whoever has a request under way stays. So thousands of connections that say nothing keep
//! nobody out, and an honest visitor, whose header follows the connection at once, is not among the oldest.

use crate::metrics::METRICS;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// For how long a connection has had nothing under way before others may be let in, several at once, in its place. When
/// nobody has, the oldest of the silent leaves all the same.
const RESTED_MS: u64 = 300;
/// How many leave at once: looking through all of them for each newcomer would take too long.
const AT_ONCE: usize = 64;
/// Stands for "has a request under way" where there is a time otherwise.
const BUSY: u64 = u64::MAX;

/// Everybody who is connected.
#[derive(Debug)]
pub(super) struct Visitors {
    began: Instant,
    next: AtomicU64,
    all: Mutex<HashMap<u64, Arc<Visitor>>>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Visitor {
    began: Instant,
    number: u64,
    /// Milliseconds from the start until there was nothing under way, or [`BUSY`].
    resting_since: AtomicU64,
    had_a_header: AtomicBool,
    leave: Notify,
}

impl Visitor {
    /// A request's header is here.
    pub(super) fn begins(&self) {
        self.had_a_header.store(true, Ordering::Relaxed);
        self.resting_since.store(BUSY, Ordering::Relaxed);
    }

    /// The request is answered.
    pub(super) fn rests(&self) {
        self.resting_since.store(milliseconds(self.began.elapsed()), Ordering::Relaxed);
    }

    /// Whether it ever completed a header.
    pub(super) fn had_a_header(&self) -> bool {
        self.had_a_header.load(Ordering::Relaxed)
    }

    /// Ready when it has to make room.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Visitors {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), next: AtomicU64::new(0), all: Mutex::default() }
    }

    pub(super) fn enter(&self) -> Arc<Visitor> {
        let visitor = Arc::new(Visitor {
            began: self.began,
            number: self.next.fetch_add(1, Ordering::Relaxed),
            resting_since: AtomicU64::new(milliseconds(self.began.elapsed())),
            had_a_header: AtomicBool::new(false),
            leave: Notify::new(),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(visitor.number, Arc::clone(&visitor));
        visitor
    }

    pub(super) fn left(&self, visitor: &Visitor) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&visitor.number);
    }

    /// Tells some to leave who have nothing under way; how many.
    pub(super) fn make_room(&self) -> usize {
        let now = milliseconds(self.began.elapsed());
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut resting: Vec<_> = all
            .values()
            .map(|visitor| (visitor.had_a_header(), visitor.resting_since.load(Ordering::Relaxed), visitor))
            .filter(|(_, since, _)| *since != BUSY)
            .collect();
        // Those without a header first, and of either kind the oldest.
        let at_once = AT_ONCE.min(resting.len());
        if at_once < resting.len() {
            resting.select_nth_unstable_by_key(at_once, |(had, since, _)| (*had, *since));
            resting.truncate(at_once);
        }
        resting.sort_unstable_by_key(|(had, since, _)| (*had, *since));
        let rested = |since: u64| now.saturating_sub(since) >= RESTED_MS;
        let mut told = 0;
        for (had_a_header, since, visitor) in resting {
            if rested(since) || (told == 0 && !had_a_header) {
                visitor.leave.notify_one();
                // Nobody is told twice.
                visitor.resting_since.store(BUSY, Ordering::Relaxed);
                METRICS.shed.inc();
                told += 1;
            }
        }
        told
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn told(visitor: &Visitor) -> bool {
        visitor.told_to_leave().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_leave_first_then_those_who_rest_and_nobody_with_a_request() {
        let visitors = Visitors::new();
        let [resting, working] = [visitors.enter(), visitors.enter()];
        resting.begins();
        resting.rests();
        working.begins();
        tokio::time::advance(Duration::from_secs(5)).await;
        let silent = visitors.enter();
        assert_eq!(
            visitors.make_room(),
            2,
            "the silent one although it is new, and the one that rested long"
        );
        assert!(told(&silent) && told(&resting) && !told(&working));
        assert_eq!(visitors.make_room(), 0, "nobody is told twice");
        working.rests();
        assert_eq!(visitors.make_room(), 0, "it has just been answered");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(visitors.make_room(), 1);
        for visitor in [&resting, &working, &silent] {
            visitors.left(visitor);
        }
        assert!(visitors.all.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_silent_ones_the_oldest_leave() {
        let visitors = Visitors::new();
        let mut all = Vec::new();
        for _ in 0..AT_ONCE + 10 {
            all.push(visitors.enter());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert_eq!(visitors.make_room(), AT_ONCE);
        let gone: Vec<_> = all.iter().map(|visitor| told(visitor)).collect();
        assert!(gone[..AT_ONCE].iter().all(|told| *told), "{gone:?}");
        assert!(gone[AT_ONCE..].iter().all(|told| !told), "{gone:?}");
        let rested = all[AT_ONCE..].len() - 2;
        assert_eq!(visitors.make_room(), rested, "those that are silent for a while");
        assert_eq!(visitors.make_room(), 1, "of the new ones one at a time");
    }
}
