//! Who was seen calling lately. Most requests need no look at the database to know whose they are: on PostgreSQL that
//! look would be a round trip of each.

use crate::store::{ApiKey, Site};
use payments::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long somebody who was seen is known. For so long a revoked key still works, and a site that was changed elsewhere
/// is as it was.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// More than the callers of that time; beyond it all are looked up again.
const KNOWN_MAX: usize = 10_000;

/// A valid key and its site, as they were when they were looked up.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) key: Arc<ApiKey>,
    pub(crate) site: Arc<Site>,
    until: Instant,
}

/// The callers this process knows, by the digest of their key.
#[derive(Debug, Default)]
pub(crate) struct KnownCallers(Mutex<HashMap<Vec<u8>, Known>>);

impl KnownCallers {
    pub(crate) fn get(&self, digest: &[u8]) -> Option<Known> {
        self.lock().get(digest).filter(|known| Instant::now() < known.until).cloned()
    }

    pub(crate) fn keep(&self, digest: Vec<u8>, key: ApiKey, site: Site) -> Known {
        let known = Known { key: Arc::new(key), site: Arc::new(site), until: Instant::now() + KNOWN_FOR };
        let mut all = self.lock();
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(digest, known.clone());
        known
    }

    /// Notes when a key was last used, so that it is not written again and again.
    pub(crate) fn note_use(&self, digest: &[u8], now: Timestamp) {
        if let Some(known) = self.lock().get_mut(digest) {
            Arc::make_mut(&mut known.key).last_used_at = Some(now);
        }
    }

    /// Looks everybody up again: something about sites or keys has changed.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
