//! What went from one account to another until long ago. It does not change any more, so it is added up once.

use hashlink::LruCache;
use payments::ids::SiteId;
use payments::ledger::Account;
use payments::money::Currency;
use payments::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of so many sites: those whose balances are looked at.
const SITES_MAX: usize = 256;
/// So many times of each way, the newest: the days of two years.
const TIMES_MAX: usize = 732;

/// From one account to another, in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) currency: Currency,
    pub(super) debit: Account,
    pub(super) credit: Account,
}

/// The totals this process knows: all that went a way before a time.
pub(super) struct Totals(Mutex<LruCache<SiteId, OfSite>>);

type OfSite = HashMap<Way, BTreeMap<Timestamp, i64>>;

impl Default for Totals {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(SITES_MAX)))
    }
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totals").finish_non_exhaustive()
    }
}

impl Totals {
    /// Those at the first of these times, up to one that is not known.
    pub(super) fn known(&self, site: SiteId, way: Way, times: &[Timestamp]) -> Vec<i64> {
        let mut all = self.lock();
        let Some(totals) = all.get(&site).and_then(|site| site.get(&way)) else {
            return Vec::new();
        };
        times.iter().map_while(|time| totals.get(time).copied()).collect()
    }

    /// The newest that is known until `time`, and at which time it was; else nothing, when nothing had happened.
    pub(super) fn newest(&self, site: SiteId, way: Way, time: Timestamp) -> (Timestamp, i64) {
        let mut all = self.lock();
        let totals = all.get(&site).and_then(|site| site.get(&way));
        let newest = totals.and_then(|totals| totals.range(..=time).next_back());
        newest.map_or((Timestamp(0), 0), |(time, total)| (*time, *total))
    }

    pub(super) fn keep(&self, site: SiteId, way: Way, time: Timestamp, total: i64) {
        let mut all = self.lock();
        let totals = all.entry(site).or_insert_with(OfSite::new).entry(way).or_default();
        totals.insert(time, total);
        if totals.len() > TIMES_MAX {
            totals.pop_first();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<SiteId, OfSite>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
