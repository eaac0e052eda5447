//! Work that follows from changes: claiming what is due.

use super::db::{Columns, Corrupt, ReadError, Row, WriteError, statement};
use super::{Store, commit, orders, words};
use payments::change::Job;
use payments::ids::{OrderId, SiteId};
use payments::time::Timestamp;
use std::time::Instant;

/// A job that this process may do until its lease ends.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) site: SiteId,
    pub(crate) order: OrderId,
    pub(crate) job: Job,
    /// Fences off whoever held an older lease.
    pub(crate) lease_epoch: i64,
    /// When it was claimed, by a clock that nobody sets.
    pub(crate) claimed_at: Instant,
}

impl Store {
    /// Whether there is a job to claim.
    pub(crate) async fn is_job_due(&self, now: Timestamp) -> Result<bool, ReadError> {
        let sql = "SELECT 1 FROM job WHERE due_at <= $1 AND lease_until <= $1 LIMIT 1";
        Ok(!self.db.read(statement(sql, [now.0.into()])).await?.is_empty())
    }

    /// Takes up to `limit` due jobs for this process alone, until `lease_until`.
    pub(crate) async fn claim_jobs(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Claimed>, WriteError> {
        // Materialized: PostgreSQL may otherwise look for due rows again and again and take more than the limit.
        let sql = "WITH due AS MATERIALIZED (SELECT site_id, kind, subject FROM job \
                   WHERE due_at <= $2 AND lease_until <= $2 ORDER BY due_at LIMIT $3 \
                   /* FOR UPDATE SKIP LOCKED */) \
                   UPDATE job SET lease_until = $1, lease_epoch = lease_epoch + 1 WHERE lease_until <= $2 \
                   AND due_at <= $2 AND (+site_id, kind, subject) IN (SELECT site_id, kind, subject FROM due) \
                   RETURNING site_id, kind, subject, order_id, lease_epoch";
        // The plus keeps SQLite from walking every job of the site; PostgreSQL does not mind.
        let claim = statement(sql, [lease_until.0.into(), now.0.into(), limit.into()]);
        let rows = self.db.execute("jobs", claim).await?;
        // A row of a newer version is left to who knows it: its lease keeps it away meanwhile.
        let parse = |row: Row| {
            let parsed = parse(&mut row.columns());
            parsed.inspect_err(|corrupt| tracing::error!(%corrupt, "a job cannot be read")).ok()
        };
        Ok(rows.into_iter().filter_map(parse).collect())
    }

    /// The job is done, unless a change has made it due anew.
    pub(crate) async fn finish_job(&self, claimed: &Claimed) -> Result<(), WriteError> {
        let sql = "DELETE FROM job WHERE site_id = $1 AND kind = $2 AND subject = $3 AND lease_epoch = $4";
        self.end_claim(claimed, sql, None).await
    }

    /// The job is to be tried again at `at`, unless a change has made it due anew.
    pub(crate) async fn retry_job(&self, claimed: &Claimed, at: Timestamp) -> Result<(), WriteError> {
        let sql = "UPDATE job SET due_at = $5, lease_until = 0 \
                   WHERE site_id = $1 AND kind = $2 AND subject = $3 AND lease_epoch = $4";
        self.end_claim(claimed, sql, Some(at)).await
    }

    async fn end_claim(
        &self,
        claimed: &Claimed,
        sql: &'static str,
        at: Option<Timestamp>,
    ) -> Result<(), WriteError> {
        let (kind, subject) = words::job(&claimed.job);
        let mut ended =
            statement(sql, [claimed.site.0.into(), kind.into(), subject.into(), claimed.lease_epoch.into()]);
        ended.params.extend(at.map(|at| at.0.into()));
        self.db.execute(commit::key_of(claimed.site, &claimed.order), ended).await.map(|_| ())
    }

    /// The next time after `now` at which a job or notification is due, as far as is known.
    pub(crate) async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT MIN(due_at) FROM (SELECT MIN(due_at) AS due_at FROM job WHERE due_at > $1 \
                   UNION ALL SELECT MIN(due_at) FROM notification WHERE due_at > $1) AS due";
        let rows = self.db.read(statement(sql, [now.0.into()])).await?;
        let first = rows.into_iter().next();
        Ok(first.map(|row| row.columns().optional_int()).transpose()?.flatten().map(Timestamp))
    }
}

fn parse(columns: &mut Columns) -> Result<Claimed, Corrupt> {
    let site = SiteId(columns.int()?);
    let (kind, subject) = (columns.text()?, columns.text()?);
    let order = orders::order_id(columns)?;
    let job = words::parse_job(&kind, &subject)?;
    Ok(Claimed { site, order, job, lease_epoch: columns.int()?, claimed_at: Instant::now() })
}
