//! What is waiting, for whoever watches over the gateway: cheap enough to be asked every few seconds.

use super::Store;
use super::db::{ReadError, statement};
use payments::time::Timestamp;

/// So many are counted at most: a queue that long is bad enough.
const COUNTED: i64 = 10_000;

/// What is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Notifications that are due.
    pub(crate) notifications: i64,
    pub(crate) oldest_notification: Option<Timestamp>,
    /// Jobs that are due.
    pub(crate) jobs: i64,
    pub(crate) oldest_job: Option<Timestamp>,
    /// Payments whose outcome at the acquirer is not known.
    pub(crate) unknown: i64,
}

impl Store {
    /// How many writes wait for the database.
    pub(crate) fn queued(&self) -> usize {
        self.db.queued()
    }

    /// What is due at `now`, and what is not known.
    pub(crate) async fn backlog(&self, now: Timestamp) -> Result<Backlog, ReadError> {
        // Each reads its index from the oldest on, and no further than it counts.
        let notifications = "SELECT COUNT(*), MIN(due_at) FROM (SELECT due_at FROM notification \
                             WHERE due_at <= $1 ORDER BY due_at LIMIT $2) AS due";
        let jobs = "SELECT COUNT(*), MIN(due_at) FROM (SELECT due_at FROM job \
                    WHERE due_at <= $1 ORDER BY due_at LIMIT $2) AS due";
        // Site by site and state by state: that is how the index is sorted.
        let unknown = "SELECT CAST(COALESCE(SUM((SELECT COUNT(*) FROM payment_transaction t \
                       WHERE t.site_id = site.id AND t.state IN ('unknown', 'reversing'))), 0) AS BIGINT) FROM site";
        let (notifications, oldest_notification) = self.due(notifications, now).await?;
        let (jobs, oldest_job) = self.due(jobs, now).await?;
        let rows = self.db.read(statement(unknown, [])).await?;
        let unknown = rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0);
        Ok(Backlog { notifications, oldest_notification, jobs, oldest_job, unknown })
    }

    async fn due(&self, sql: &'static str, now: Timestamp) -> Result<(i64, Option<Timestamp>), ReadError> {
        let rows = self.db.read(statement(sql, [now.0.into(), COUNTED.into()])).await?;
        let Some(row) = rows.into_iter().next() else { return Ok((0, None)) };
        let mut columns = row.columns();
        Ok((columns.int()?, columns.optional_int()?.map(Timestamp)))
    }
}
