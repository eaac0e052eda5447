//! History that is forgotten after a time: a bounded number of rows at once, the oldest first, found by indexes that
//! have nothing else in them. What a payment, its books or a shop's knowledge rests on is not history and stays.

use super::Store;
use super::db::{Value, Write, WriteError, statement};
use payments::time::Timestamp;

/// Up to where events are looked at this time. The newest number of a site stays: the next one follows it.
const EVENTS_UNTIL: &str = "SELECT MAX(created_at) FROM (SELECT created_at FROM order_event e WHERE created_at < $1 \
     AND (number IS NULL OR number < (SELECT MAX(number) FROM order_event m WHERE m.site_id = e.site_id)) \
     ORDER BY created_at LIMIT $2) AS oldest";
/// By time: with a list of keys SQLite would walk all events of a site.
const EVENTS: &str = "DELETE FROM order_event WHERE created_at <= $1 AND (number IS NULL OR number < \
     (SELECT MAX(number) FROM order_event m WHERE m.site_id = order_event.site_id))";
const AUTHENTICATIONS_UNTIL: &str = "SELECT MAX(created_at) FROM (SELECT created_at FROM authentication \
     WHERE due_at IS NULL AND created_at < $1 AND state = 'ended' ORDER BY created_at LIMIT $2) AS oldest";
const AUTHENTICATIONS: &str =
    "DELETE FROM authentication WHERE due_at IS NULL AND created_at <= $1 AND state = 'ended'";
const CHALLENGES_UNTIL: &str = "SELECT MAX(created_at) FROM (SELECT created_at FROM simulator_challenge \
     WHERE created_at < $1 ORDER BY created_at LIMIT $2) AS oldest";
const CHALLENGES: &str = "DELETE FROM simulator_challenge WHERE created_at <= $1";
/// Up to where the attempts are looked at this time.
const ATTEMPTS_UNTIL: &str = "SELECT MAX(started_at) FROM (SELECT started_at FROM notification_attempt \
     WHERE kept_since IS NULL AND started_at < $1 ORDER BY started_at LIMIT $2) AS oldest";
const ATTEMPTS: &str = "DELETE FROM notification_attempt WHERE kept_since IS NULL AND started_at <= $1 \
     AND NOT (verdict IN ('acknowledged', 'no address') AND NOT EXISTS (SELECT 1 FROM notification_attempt later \
     WHERE later.site_id = notification_attempt.site_id AND later.order_id = notification_attempt.order_id \
     AND later.verdict IN ('acknowledged', 'no address') AND (later.version > notification_attempt.version \
     OR later.version = notification_attempt.version AND later.lease_epoch > notification_attempt.lease_epoch)))";
const ATTEMPTS_KEPT: &str = "UPDATE notification_attempt SET kept_since = $2 \
     WHERE kept_since IS NULL AND started_at <= $1";

impl Store {
    /// Forgets history from before `until`, up to `limit` rows of each kind; whether there may be more.
    pub(crate) async fn forget_history(
        &self,
        until: Timestamp,
        now: Timestamp,
        limit: i64,
    ) -> Result<bool, WriteError> {
        let mut more = false;
        // Read first: where nothing is old, nothing is committed.
        for (oldest, delete) in
            [(EVENTS_UNTIL, EVENTS), (AUTHENTICATIONS_UNTIL, AUTHENTICATIONS), (CHALLENGES_UNTIL, CHALLENGES)]
        {
            if let Some(bound) = self.bound(oldest, until, limit).await? {
                self.db.execute("history", statement(delete, [bound])).await?;
                more = true;
            }
        }
        if let Some(bound) = self.bound(ATTEMPTS_UNTIL, until, limit).await? {
            let first = statement(ATTEMPTS, [bound.clone()]);
            let rest = vec![statement(ATTEMPTS_KEPT, [bound, now.0.into()])];
            self.db.write(Write { key: "history".into(), first, rest, guarded: false }).await?;
            more = true;
        }
        Ok(more)
    }

    /// The time of the last of the oldest `limit` rows from before `until`.
    async fn bound(
        &self,
        sql: &'static str,
        until: Timestamp,
        limit: i64,
    ) -> Result<Option<Value>, WriteError> {
        let failed = |error: &dyn std::fmt::Display| WriteError::Failed(error.to_string());
        let oldest = statement(sql, [until.0.into(), limit.into()]);
        let rows = self.db.read(oldest).await.map_err(|error| failed(&error))?;
        let bound = rows.into_iter().next().map(|row| row.columns().optional_int()).transpose();
        Ok(bound.map_err(|corrupt| failed(&corrupt))?.flatten().map(Value::Int))
    }
}
