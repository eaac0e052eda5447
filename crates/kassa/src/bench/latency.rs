//! How long turns took.

use std::time::Duration;

/// Every turn's time, in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<u32>);

impl Latencies {
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Those of several connections as one.
    pub(super) fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        let mut together: Vec<u32> = all.into_iter().flat_map(|each| each.0).collect();
        together.sort_unstable();
        Self(together)
    }

    /// The time that this share of the turns did not exceed, in per mille. Of sorted times.
    pub(super) fn per_mille(&self, share: usize) -> Duration {
        let at = self.0.len().saturating_mul(share).div_ceil(1_000).saturating_sub(1);
        Duration::from_micros(u64::from(self.0.get(at).copied().unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_the_smallest_time_that_so_many_did_not_exceed() {
        let mut one = Latencies::default();
        let mut other = Latencies::default();
        for time in 1..=500 {
            one.add(Duration::from_micros(time * 2));
            other.add(Duration::from_micros(time * 2 - 1));
        }
        let both = Latencies::of_all([one, other]);
        let share = |per_mille| both.per_mille(per_mille).as_micros();
        assert_eq!((both.count(), share(500), share(990), share(999)), (1_000, 500, 990, 999));
        assert_eq!(Latencies::default().per_mille(500), Duration::ZERO);
    }
}
