//! How many requests a key may make: so many per second, and twice as many at once after a quiet time.
//!
//! Counted by each process for itself, in memory: two nodes let twice as many through.

use crate::app::Settings;
use crate::store::{ApiKey, Site};
use payments::ids::SiteId;
use payments::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many seconds' worth of requests may be made at once.
const BURST: i64 = 2;
/// A request, in the unit of a bucket: at one request per second this much flows in per second.
const REQUEST: i64 = 1_000;

/// What every key has left.
#[derive(Debug, Default)]
pub(crate) struct RateLimits(Mutex<HashMap<(SiteId, i64), Bucket>>);

/// Fills steadily, and is emptied by requests.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: i64,
    filled_at: Timestamp,
}

impl RateLimits {
    /// Whether the key may make one more request now.
    pub(crate) fn allow(&self, settings: &Settings, site: &Site, key: &ApiKey, now: Timestamp) -> bool {
        let per_second = if site.live { settings.rate_limit_live } else { settings.rate_limit_test };
        if per_second == 0 {
            return true;
        }
        let full = i64::from(per_second).saturating_mul(BURST * REQUEST);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket =
            buckets.entry((key.site, key.id)).or_insert_with(|| Bucket { left: full, filled_at: now });
        // In a millisecond, a thousandth of what flows in per second.
        let inflow = now.since(bucket.filled_at).0.max(0).saturating_mul(i64::from(per_second));
        bucket.left = bucket.left.saturating_add(inflow).min(full);
        bucket.filled_at = now;
        let allowed = bucket.left >= REQUEST;
        if allowed {
            bucket.left -= REQUEST;
        }
        allowed
    }
}
