//! STANs, retrieval references and traces: what makes a message unique, and known before it leaves.
//!
//! STANs are taken from the store in blocks, so that nodes never share one; 999999 is followed by 1. One whose outcome
//! is still open is skipped.

use super::stamps::Stamps;
use super::terminal::Terminal;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::trace::{Mark, Operation, Trace};
use iso8583::Mti;
use jiff::tz::TimeZone;
use payments::ids::{OrderId, SiteId, TransactionId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How many STANs are taken at once.
const BLOCK: u32 = 100;
/// How many there are.
const STANS: i64 = 999_999;

/// Where numbers come from. Clones share what is left of a block.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    store: Store,
    clock: Clock,
    left: Arc<Mutex<Blocks>>,
}

/// What is left of the block of each terminal.
type Blocks = HashMap<(SiteId, String), VecDeque<u32>>;

/// What a message is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) site: SiteId,
    pub(super) reference: TransactionId,
    pub(super) operation: Operation,
    pub(super) order: &'a OrderId,
}

impl Numbers {
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, left: Arc::default() }
    }

    /// A STAN of the terminal `id`, and the times that go with it.
    pub(super) async fn draw(
        &self,
        site: SiteId,
        id: &str,
        zone: &TimeZone,
    ) -> anyhow::Result<(u32, Stamps)> {
        let stan = self.stan(site, id).await?;
        Ok((stan, Stamps::of(self.clock.now(), zone)))
    }

    /// Opens the trace of something that is sent for the first and only time; `None` when it may have been before.
    pub(super) async fn open(
        &self,
        subject: Subject<'_>,
        terminal: &Terminal,
        mti: Mti,
    ) -> anyhow::Result<Option<Trace>> {
        let trace = self.prepare(subject, terminal, mti, None).await?;
        Ok(self.store.open_trace(&trace, self.clock.now()).await?.then_some(trace))
    }

    /// Makes sure that something is never sent; `false` when it may have been already.
    pub(super) async fn forbid(
        &self,
        subject: Subject<'_>,
        terminal: &Terminal,
        mti: Mti,
    ) -> anyhow::Result<bool> {
        let trace = Trace { sends: 0, ..self.prepare(subject, terminal, mti, None).await? };
        Ok(self.store.open_trace(&trace, self.clock.now()).await?)
    }

    /// The trace of something that is repeated until it is answered: under the numbers of the first time.
    pub(super) async fn open_or_again(
        &self,
        subject: Subject<'_>,
        terminal: &Terminal,
        mti: Mti,
        original: &Trace,
    ) -> anyhow::Result<Trace> {
        let Subject { site, reference, operation, .. } = subject;
        if let Some(trace) = self.store.trace_again(site, reference, operation).await? {
            return Ok(trace);
        }
        let trace = self.prepare(subject, terminal, mti, Some(original)).await?;
        if self.store.open_trace(&trace, self.clock.now()).await? {
            return Ok(trace);
        }
        let again = self.store.trace_again(site, reference, operation).await?;
        again.ok_or_else(|| anyhow::anyhow!("{reference} may not be sent to the acquirer"))
    }

    async fn prepare(
        &self,
        subject: Subject<'_>,
        terminal: &Terminal,
        mti: Mti,
        original: Option<&Trace>,
    ) -> anyhow::Result<Trace> {
        let Subject { site, reference, operation, order } = subject;
        // What is about an earlier message carries that one's terminal and reference.
        let id = original.map_or(&terminal.id, |original| &original.mark.terminal);
        let (stan, Stamps { transmission, local_time, rrn }) = self.draw(site, id, &terminal.zone).await?;
        let rrn = original.map_or_else(|| format!("{rrn}{stan:06}"), |original| original.mark.rrn.clone());
        let mark = Mark { terminal: id.clone(), transmission, stan, rrn };
        Ok(Trace { site, reference, operation, order: order.clone(), mark, local_time, mti, sends: 1 })
    }

    async fn stan(&self, site: SiteId, terminal: &str) -> anyhow::Result<u32> {
        let mut left = self.left.lock().await;
        let block = left.entry((site, terminal.to_owned())).or_default();
        loop {
            if let Some(stan) = block.pop_front() {
                return Ok(stan);
            }
            let taken = self.store.lease_stans(site, terminal, i64::from(BLOCK)).await?;
            block.extend(numbers(taken));
            for (first, last) in ranges(block) {
                let in_flight = self.store.stans_in_flight(site, terminal, first, last).await?;
                block.retain(|stan| !in_flight.contains(stan));
            }
        }
    }
}

/// The block that ends with number `taken` of all that were ever taken.
fn numbers(taken: i64) -> impl Iterator<Item = u32> {
    (taken.saturating_sub(i64::from(BLOCK))..taken)
        .map(|number| u32::try_from(number.rem_euclid(STANS)).unwrap_or(0).saturating_add(1))
}

/// A block as ranges that go up: two where it crosses the end.
fn ranges(block: &VecDeque<u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for stan in block {
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1) == *stan => *last = *stan,
            Some(_) | None => ranges.push((*stan, *stan)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_followed_by_the_first() {
        let around: VecDeque<u32> = numbers(1_000_049).collect();
        assert_eq!(around.len(), 100);
        assert_eq!(around.iter().take(52).rev().take(3).copied().collect::<Vec<_>>(), [2, 1, 999_999]);
        assert_eq!(ranges(&around), [(999_950, 999_999), (1, 50)]);
        assert_eq!(ranges(&numbers(100).collect()), [(1, 100)]);
    }
}
