//! Reading a page: the lanes that its filter needs are merged, in pieces, until the page is full or the list is over.
//!
//! The status words are not stored. Which stored states can have a word is a table of the filter's, so only those
//! lanes are read; whether an entry has it is asked of its order, when that is loaded. A page is always full unless
//! the list is over, so a filter that fits hardly anything may read many pieces for it; each is bounded, and others
//! get their turn in between.
//!
//! Lanes of states are read in the order of an attempt's life. An attempt that moves on meanwhile can be seen twice,
//! and is then left out the second time; it cannot be missed.

use super::filter::Filter;
use super::view::Entry;
use crate::store::Store;
use crate::store::db::ReadError;
use crate::store::list::{Direction, Key, Lane, Position};
use crate::store::orders::LOAD_MAX;
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::order::Order;
use payments::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many keys are read of a lane at once, at most. They begin with as many as the page has entries.
const PIECE_MAX: i64 = 2_000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) store: &'a Store,
    pub(super) site: SiteId,
    pub(super) filter: &'a Filter,
    pub(super) direction: Direction,
    /// Where it begins; `None` is the newest entry's side.
    pub(super) from: Option<Position>,
}

/// An entry that fits.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) order: Arc<Order>,
    pub(super) position: Position,
}

impl Walk<'_> {
    /// Up to `limit` entries, nearest first.
    pub(super) async fn take(self, limit: i64) -> Result<Vec<Found>, ReadError> {
        let limit = usize::try_from(limit).unwrap_or_default();
        let mut merged = Merged::begin(self, limit).await?;
        let mut found = Vec::new();
        while found.len() < limit {
            let keys = merged.next_keys().await?;
            if keys.is_empty() {
                break;
            }
            let wanted: Vec<Key> = keys.into_iter().filter(|key| self.filter.may_take(key)).collect();
            for some in wanted.chunks(LOAD_MAX) {
                if found.len() < limit {
                    self.take_some(some, limit, &mut found).await?;
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(found)
    }

    async fn take_some(self, keys: &[Key], limit: usize, found: &mut Vec<Found>) -> Result<(), ReadError> {
        let mut ids: Vec<OrderId> = keys.iter().map(|key| key.order.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let orders = self.store.load_many(self.site, &ids).await?;
        let orders: HashMap<OrderId, Arc<Order>> =
            orders.into_iter().map(|order| (order.id.clone(), Arc::new(order))).collect();
        for key in keys {
            let Some(order) = orders.get(&key.order) else { continue };
            let entry = Entry::find(order, key.position.id);
            if found.len() < limit && entry.is_some_and(|entry| self.filter.takes(&entry)) {
                found.push(Found { order: Arc::clone(order), position: key.position });
            }
        }
        Ok(())
    }
}

/// A lane, and how far it was read.
struct Strand {
    lane: Lane,
    next: Position,
    /// Nothing beyond it can fit.
    end: Timestamp,
    waiting: VecDeque<Key>,
    is_over: bool,
}

/// The lanes as one.
struct Merged<'a> {
    walk: Walk<'a>,
    strands: Vec<Strand>,
    piece: i64,
    last: Option<Position>,
}

impl<'a> Merged<'a> {
    async fn begin(walk: Walk<'a>, limit: usize) -> Result<Self, ReadError> {
        let mut strands = Vec::new();
        for lane in walk.filter.lanes() {
            let span = walk.filter.created(lane, walk.store, walk.site).await?;
            let before = |at| Position { at, id: TransactionId(i64::MIN) };
            let (newest, oldest) = (before(span.until), before(span.from));
            let (next, end) = match walk.direction {
                Direction::Older => (walk.from.map_or(newest, |from| from.min(newest)), span.from),
                Direction::Newer => (walk.from.map_or(oldest, |from| from.max(oldest)), span.until),
            };
            strands.push(Strand { lane, next, end, waiting: VecDeque::new(), is_over: false });
        }
        let piece = i64::try_from(limit.max(LOAD_MAX)).unwrap_or(PIECE_MAX);
        Ok(Self { walk, strands, piece, last: None })
    }

    /// The next piece; empty when the list is over.
    async fn next_keys(&mut self) -> Result<Vec<Key>, ReadError> {
        let size = usize::try_from(self.piece).unwrap_or_default();
        let mut keys = Vec::new();
        while keys.len() < size {
            self.refill().await?;
            let Some(key) = self.pop() else { break };
            // Seen in the lane of the state before.
            if self.last == Some(key.position) {
                continue;
            }
            self.last = Some(key.position);
            keys.push(key);
        }
        self.piece = self.piece.saturating_mul(2).min(PIECE_MAX);
        Ok(keys)
    }

    /// Sees to it that every lane that is not over has a key waiting.
    async fn refill(&mut self) -> Result<(), ReadError> {
        let Walk { store, site, direction, .. } = self.walk;
        let piece = self.piece;
        for strand in &mut self.strands {
            if strand.is_over || !strand.waiting.is_empty() {
                continue;
            }
            let keys = store.list(site, strand.lane, direction, strand.next, strand.end, piece).await?;
            match keys.last() {
                Some(last) => strand.next = last.position,
                None => strand.is_over = true,
            }
            strand.waiting.extend(keys);
        }
        Ok(())
    }

    /// The nearest key that waits.
    fn pop(&mut self) -> Option<Key> {
        let fronts = self.strands.iter().enumerate();
        let fronts = fronts.filter_map(|(at, strand)| Some((strand.waiting.front()?.position, at)));
        let (_, at) = match self.walk.direction {
            Direction::Older => fronts.max_by_key(|(position, _)| *position)?,
            Direction::Newer => fronts.min_by_key(|(position, _)| *position)?,
        };
        self.strands.get_mut(at)?.waiting.pop_front()
    }
}
