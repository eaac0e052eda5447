//! Sites as they were a moment ago. Every step of a payment needs its site, and a site hardly ever changes.

use super::Site;
use payments::ids::SiteId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a site is taken to be as it was read: for so long another process's change is not seen.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(1);
/// More sites than take part in a second; beyond it all are read again.
const KNOWN_MAX: usize = 10_000;

/// What this process knows.
#[derive(Debug, Default)]
pub(super) struct KnownSites(Mutex<HashMap<SiteId, (Arc<Site>, Instant)>>);

impl KnownSites {
    pub(super) fn get(&self, id: SiteId) -> Option<Arc<Site>> {
        let known = self.lock().get(&id).cloned();
        known.filter(|(_, until)| Instant::now() < *until).map(|(site, _)| site)
    }

    pub(super) fn keep(&self, site: Site) -> Arc<Site> {
        let site = Arc::new(site);
        let mut all = self.lock();
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(site.id, (Arc::clone(&site), Instant::now() + KNOWN_FOR));
        site
    }

    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SiteId, (Arc<Site>, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
