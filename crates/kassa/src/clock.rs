//! The clock, handed to everything that asks for the time, so that tests and test sites can move it.

use payments::time::{Millis, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// A clock that is off by no more is left alone: small corrections would make time go back all day.
const RIGHT_WITHIN: Millis = Millis(20);

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<AtomicI64>),
    /// The database's clock, which every node on it goes by.
    Shared(Arc<Shared>),
}

/// What another clock showed, carried on by one that nobody sets.
#[derive(Debug)]
pub struct Shared {
    since: Instant,
    /// What the other clock showed at `since`, as far as is known by now.
    began_at: AtomicI64,
}

impl Clock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now.0)))
    }

    /// A clock that shows what another one showed just now, and goes on from there.
    #[must_use]
    pub fn shared(now: Timestamp) -> Self {
        Self::Shared(Arc::new(Shared { since: Instant::now(), began_at: AtomicI64::new(now.0) }))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system(),
            Self::Manual(millis) => Timestamp(millis.load(Ordering::SeqCst)),
            Self::Shared(shared) => {
                Timestamp(shared.began_at.load(Ordering::SeqCst)).plus(millis(shared.since.elapsed()))
            }
        }
    }

    /// Moves a manual clock forward; the others move by themselves.
    pub fn advance(&self, length: Millis) {
        if let Self::Manual(millis) = self {
            millis.fetch_add(length.0, Ordering::SeqCst);
        }
    }

    /// Sets a shared clock by the other one, which showed `then` half-way between these moments, unless it is right
    /// but for what the way there and back may have taken. How far it was wrong; `None` for a clock that is not set by
    /// another.
    pub fn set(&self, then: Timestamp, asked: Instant, answered: Instant) -> Option<Millis> {
        let Self::Shared(shared) = self else { return None };
        let half_way = asked + answered.saturating_duration_since(asked) / 2;
        let began_at = then.0 - millis(half_way.saturating_duration_since(shared.since)).0;
        let wrong_by = Millis(began_at - shared.began_at.load(Ordering::SeqCst));
        if wrong_by.0.abs() > RIGHT_WITHIN.0 {
            shared.began_at.store(began_at, Ordering::SeqCst);
        }
        Some(wrong_by)
    }
}

fn millis(length: Duration) -> Millis {
    Millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_clock_goes_by_the_other_one() {
        let clock = Clock::shared(Timestamp(1_000_000));
        let Clock::Shared(shared) = &clock else { unreachable!() };
        let asked = shared.since + Duration::from_secs(10);
        let answered = asked + Duration::from_secs(2);
        // Eleven seconds after the start, the other clock shows half an hour more.
        let wrong_by = clock.set(Timestamp(1_000_000 + 1_811_000), asked, answered);
        assert_eq!(wrong_by, Some(Millis::minutes(30)));
        let now = clock.now();
        assert!((2_800_000..2_810_000).contains(&now.0), "{now:?}");
        assert_eq!(clock.set(Timestamp(1_000_000 + 1_811_000), asked, answered), Some(Millis(0)));
        for _ in 0..2 {
            let wrong_by = clock.set(Timestamp(1_000_000 + 1_810_990), asked, answered);
            assert_eq!(wrong_by, Some(Millis(-10)), "too little to go back for");
        }
    }

    #[test]
    fn no_other_clock_is_set() {
        let (clock, now) = (Clock::manual(Timestamp(5)), Instant::now());
        assert_eq!(clock.set(Timestamp(7), now, now), None);
        assert_eq!(clock.now(), Timestamp(5));
    }
}
