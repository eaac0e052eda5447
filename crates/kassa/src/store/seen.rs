//! Orders as they were seen or left last. A payment looks at its order ten times within a second, and mostly nothing has
//! changed: then the database only says so.
//!
//! Nothing is believed that is kept here: what decides about an order changes with its version, so an order of the
//! version that the database names is the order in the database, whichever process wrote it.

use hashlink::LruCache;
use payments::ids::{OrderId, SessionId, SiteId};
use payments::order::Order;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many are kept: those of the payments of a few seconds on a machine that does nothing else.
const KEPT_MAX: usize = 4_096;
/// Longer ones, in bytes of the shop's words, are not: a few thousand of them would be noticed.
const DETAILS_MAX: usize = 4_096;

/// The orders this process saw last.
pub(super) struct Seen(Mutex<All>);

struct All {
    orders: LruCache<(SiteId, OrderId), Arc<Order>>,
    /// Whose a session is never changes.
    of_sessions: LruCache<SessionId, OrderId>,
}

impl Default for Seen {
    fn default() -> Self {
        Self(Mutex::new(All { orders: LruCache::new(KEPT_MAX), of_sessions: LruCache::new(KEPT_MAX) }))
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").finish_non_exhaustive()
    }
}

impl Seen {
    pub(super) fn get(&self, site: SiteId, order: &OrderId) -> Option<Arc<Order>> {
        self.lock().orders.get(&(site, order.clone())).cloned()
    }

    pub(super) fn of_session(&self, session: &SessionId) -> Option<OrderId> {
        self.lock().of_sessions.get(session).cloned()
    }

    /// Keeps an order as it was read, or as a commit left it; never one that is older than what is kept.
    pub(super) fn keep(&self, order: Order) {
        if order.terms.details.len() > DETAILS_MAX {
            return;
        }
        let (key, kept) = ((order.site, order.id.clone()), Arc::new(as_read(order)));
        let (session, of) = (kept.session.id.clone(), kept.id.clone());
        let mut all = self.lock();
        if all.orders.peek(&key).is_none_or(|known| known.version < kept.version) {
            all.orders.insert(key, kept);
            all.of_sessions.insert(session, of);
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With its attempts and movements in the sequence in which the database tells them.
fn as_read(mut order: Order) -> Order {
    order.transactions.sort_by_key(|transaction| (transaction.created_at, transaction.id));
    let nth: HashMap<_, _> = order.transactions.iter().enumerate().map(|(nth, of)| (of.id, nth)).collect();
    order
        .movements
        .sort_by_key(|movement| (nth.get(&movement.of).copied(), movement.created_at, movement.id));
    order
}
