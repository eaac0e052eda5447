//! Forgetting what is only history, in small portions between other work.

use crate::app::App;
use payments::time::{Millis, Timestamp};

/// How many rows of a kind are forgotten at once: a commit of a few milliseconds.
const PORTION: i64 = 200;
/// How often old history is looked for when there was none.
const EVERY: Millis = Millis::minutes(1);

impl App {
    /// Forgets a portion of what is older than the settings say, when that is due `at`; whether there may be more.
    pub(super) async fn forget_history(&self, at: &mut Timestamp) -> bool {
        let (now, keep) = (self.now(), self.settings.history);
        if keep == Millis(0) || now < *at {
            return false;
        }
        let until = Timestamp(now.0.saturating_sub(keep.0));
        let more = self.store.forget_history(until, now, PORTION).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "old history could not be forgotten; it is tried again later");
            false
        });
        if !more {
            *at = now.plus(EVERY);
        }
        more
    }
}
