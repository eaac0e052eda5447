//! Work that follows from changes: claiming what is due.

use super::db::{ReadError, WriteError, statement};
use super::{Store, orders, words};
use payments::change::Job;
use payments::ids::{OrderId, SiteId};
use payments::time::Timestamp;

/// A job that this process may do until its lease ends.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) site: SiteId,
    pub(crate) order: OrderId,
    pub(crate) job: Job,
    /// The lease that marks the claim as ours.
    pub(crate) lease_until: Timestamp,
}

impl Store {
    /// Takes up to `limit` due jobs for this process alone, until `lease_until`.
    pub(crate) async fn claim_jobs(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Claimed>, WriteError> {
        let sql = "UPDATE job SET lease_until = $1 WHERE lease_until <= $2 AND (site_id, kind, subject) IN \
                   (SELECT site_id, kind, subject FROM job WHERE due_at <= $2 AND lease_until <= $2 \
                   ORDER BY due_at LIMIT $3) RETURNING site_id, kind, subject, order_id";
        let claim = statement(sql, [lease_until.0.into(), now.0.into(), limit.into()]);
        let rows = self.db.execute("jobs".to_owned(), claim).await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let mut columns = row.columns();
            let mut parse = || {
                let site = SiteId(columns.int()?);
                let (kind, subject) = (columns.text()?, columns.text()?);
                let job = words::parse_job(&kind, &subject)?;
                Ok(Claimed { site, order: orders::order_id(&mut columns)?, job, lease_until })
            };
            claimed.push(
                parse().map_err(|corrupt: super::db::Corrupt| WriteError::Failed(corrupt.to_string()))?,
            );
        }
        Ok(claimed)
    }

    /// The job is done, unless a change has made it due anew.
    pub(crate) async fn finish_job(&self, claimed: &Claimed) -> Result<(), WriteError> {
        let sql = "DELETE FROM job WHERE site_id = $1 AND kind = $2 AND subject = $3 AND lease_until = $4";
        self.end_claim(claimed, sql, None).await
    }

    /// The job is to be tried again at `at`, unless a change has made it due anew.
    pub(crate) async fn retry_job(&self, claimed: &Claimed, at: Timestamp) -> Result<(), WriteError> {
        let sql = "UPDATE job SET due_at = $5, lease_until = 0 \
                   WHERE site_id = $1 AND kind = $2 AND subject = $3 AND lease_until = $4";
        self.end_claim(claimed, sql, Some(at)).await
    }

    async fn end_claim(
        &self,
        claimed: &Claimed,
        sql: &'static str,
        at: Option<Timestamp>,
    ) -> Result<(), WriteError> {
        let (kind, subject) = words::job(&claimed.job);
        let mut ended = statement(
            sql,
            [claimed.site.0.into(), kind.into(), subject.into(), claimed.lease_until.0.into()],
        );
        ended.params.extend(at.map(|at| at.0.into()));
        self.db.execute("jobs".to_owned(), ended).await.map(|_| ())
    }

    /// When the next job or notification becomes due after `now`, as far as is known.
    pub(crate) async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT MIN(due_at) FROM (SELECT MIN(due_at) AS due_at FROM job WHERE due_at > $1 \
                   UNION ALL SELECT MIN(due_at) FROM notification WHERE due_at > $1) AS due";
        let rows = self.db.read(statement(sql, [now.0.into()])).await?;
        let first = rows.into_iter().next();
        Ok(first.map(|row| row.columns().optional_int()).transpose()?.flatten().map(Timestamp))
    }
}
