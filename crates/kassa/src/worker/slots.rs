//! Slots: how many notifications of one site may be under way, so that a shop that hangs cannot keep every
//! worker busy.

use payments::ids::SiteId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many notifications of one site are under way at most.
pub(crate) const PER_SITE: usize = 32;

/// A delivery's place; free again when it is dropped.
pub(crate) type Slot = OwnedSemaphorePermit;

/// The slots of every site that this process has told anything.
#[derive(Debug, Default)]
pub(crate) struct Slots(Mutex<HashMap<SiteId, Arc<Semaphore>>>);

impl Slots {
    /// How many of a site's slots are taken.
    pub(crate) fn taken(&self, site: SiteId) -> usize {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.get(&site).map_or(0, |free| PER_SITE - free.available_permits())
    }

    /// Takes as many of a site's slots as are free, up to `most`.
    pub(crate) fn take(&self, site: SiteId, most: usize) -> Vec<Slot> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = sites.entry(site).or_insert_with(|| Arc::new(Semaphore::new(PER_SITE)));
        std::iter::from_fn(|| Arc::clone(free).try_acquire_owned().ok()).take(most).collect()
    }
}
