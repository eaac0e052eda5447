//! The outbox: claiming what is due, and recording what became of it.

use super::db::{Columns, Corrupt, ReadError, Row, Statement, Write, WriteError, statement};
use super::{Store, commit, orders};
use payments::ids::{OrderId, SiteId};
use payments::order::Order;
use payments::time::Timestamp;
use std::time::Instant;

/// An outbox row that this process alone may deliver until its lease ends.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) site: SiteId,
    pub(crate) order: OrderId,
    /// The order's version the shop is to hear of, at least.
    pub(crate) version_wanted: i64,
    /// Failed tries so far.
    pub(crate) tries: u32,
    /// When the first try was due.
    pub(crate) first_at: Timestamp,
    /// Fences off whoever held an older lease.
    pub(crate) lease_epoch: i64,
    /// When it was claimed, by a clock that nobody sets.
    pub(crate) claimed_at: Instant,
}

/// The verdict on news that had nowhere to go.
pub(super) const NO_ADDRESS: &str = "no address";

/// What became of a delivery.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The version that was told.
    pub(crate) version: i64,
    pub(crate) method: &'static str,
    /// Without its query.
    pub(crate) url: String,
    pub(crate) started_at: Timestamp,
    pub(crate) duration_ms: i64,
    pub(crate) http_status: Option<u16>,
    /// `acknowledged`, or in words why not.
    pub(crate) verdict: String,
    /// The first printable characters of the answer.
    pub(crate) answer: String,
    /// The status the shop was told.
    pub(crate) status: &'static str,
    pub(crate) key_id: Option<i64>,
    /// What is to be done next.
    pub(crate) next: Next,
}

/// What is to be done after a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The shop has heard it.
    Nothing,
    /// Try again then; nothing newer is sent before `quiet_until` either.
    Retry { at: Timestamp, quiet_until: Option<Timestamp> },
    /// All tries failed; nothing newer is sent before `quiet_until` either.
    Park { quiet_until: Option<Timestamp> },
}

impl Store {
    /// The sites with due notifications that nobody delivers yet, and how many, counted up to `most`. Who has
    /// waited longest comes first.
    pub(crate) async fn sites_to_tell(
        &self,
        now: Timestamp,
        most: i64,
    ) -> Result<Vec<(SiteId, i64)>, ReadError> {
        let sql = "SELECT id, waiting FROM (SELECT site.id AS id, \
                   (SELECT n.due_at FROM notification n WHERE n.site_id = site.id AND n.due_at <= $1 \
                   AND n.lease_until <= $1 ORDER BY n.due_at LIMIT 1) AS oldest, \
                   (SELECT COUNT(*) FROM (SELECT 1 FROM notification n \
                   WHERE n.site_id = site.id AND n.due_at <= $1 AND n.lease_until <= $1 \
                   ORDER BY n.due_at LIMIT $2) AS due) \
                   AS waiting FROM site) AS sites WHERE waiting > 0 ORDER BY oldest";
        let rows = self.db.read(statement(sql, [now.0.into(), most.into()])).await?;
        let parse = |columns: &mut Columns| Ok((SiteId(columns.int()?), columns.int()?));
        rows.into_iter().map(|row| parse(&mut row.columns())).collect()
    }

    /// Takes up to `limit` due notifications of a site for this process alone, until `lease_until`.
    pub(crate) async fn claim_notifications(
        &self,
        site: SiteId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Delivery>, WriteError> {
        // Materialized: PostgreSQL may otherwise look for due rows again and again and take more than the limit.
        let sql = "WITH due AS MATERIALIZED (SELECT order_id FROM notification \
                   WHERE site_id = $4 AND due_at <= $2 AND lease_until <= $2 ORDER BY due_at LIMIT $3 \
                   /* FOR UPDATE SKIP LOCKED */) \
                   UPDATE notification SET lease_until = $1, lease_epoch = lease_epoch + 1 \
                   WHERE site_id = $4 AND lease_until <= $2 AND +due_at <= $2 \
                   AND order_id IN (SELECT order_id FROM due) \
                   RETURNING site_id, order_id, version_wanted, tries, first_at, lease_epoch";
        // The plus keeps SQLite from walking every due row of the site once more; PostgreSQL does not mind.
        let claim = statement(sql, [lease_until.0.into(), now.0.into(), limit.into(), site.0.into()]);
        let rows = self.db.execute(format!("{site} notifications"), claim).await?;
        let parse = |row: Row| {
            let parsed = parse(&mut row.columns());
            parsed.inspect_err(|corrupt| tracing::error!(%corrupt, "a notification cannot be read")).ok()
        };
        Ok(rows.into_iter().filter_map(parse).collect())
    }

    /// Records a delivery and what follows, unless the lease went to somebody else meanwhile.
    pub(crate) async fn record_delivery(
        &self,
        delivery: &Delivery,
        heard: &Heard,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let first = outcome(delivery, heard, now);
        let rest = vec![attempt(delivery, heard)];
        let key = commit::key_of(delivery.site, &delivery.order);
        self.db.write(Write { key, first, rest, guarded: true }).await.map(|_| ())
    }

    /// Nobody is to be told: the order names no URL and neither does its site. Kept in the history, so that who
    /// asks why a shop heard nothing finds it; not recorded when the lease went to somebody else meanwhile.
    pub(crate) async fn drop_delivery(&self, delivery: &Delivery, now: Timestamp) -> Result<(), WriteError> {
        let sql = "UPDATE notification SET lease_until = 0, \
                   due_at = CASE WHEN version_wanted > $4 THEN due_at ELSE NULL END \
                   WHERE site_id = $1 AND order_id = $2 AND lease_epoch = $3";
        let params = [
            delivery.site.0.into(),
            delivery.order.as_str().into(),
            delivery.lease_epoch.into(),
            delivery.version_wanted.into(),
        ];
        let nothing = Heard {
            version: delivery.version_wanted,
            method: "",
            url: String::new(),
            started_at: now,
            duration_ms: 0,
            http_status: None,
            verdict: NO_ADDRESS.to_owned(),
            answer: String::new(),
            status: "",
            key_id: None,
            next: Next::Nothing,
        };
        let key = commit::key_of(delivery.site, &delivery.order);
        let (first, rest) = (statement(sql, params), vec![attempt(delivery, &nothing)]);
        self.db.write(Write { key, first, rest, guarded: true }).await.map(|_| ())
    }

    /// The shop is to be told of `order` now, with all tries, whatever became of earlier ones; `with` is written
    /// in the same commit. A delivery that is under way is followed by another.
    pub(crate) async fn resend_notification(
        &self,
        order: &Order,
        with: Vec<Statement>,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let sql = "INSERT INTO notification (site_id, order_id, version_wanted, version_acked, tries, first_at, \
                   due_at, not_before, lease_until, lease_epoch) VALUES ($1, $2, $3, 0, 0, $4, $4, 0, 0, 0) \
                   ON CONFLICT (site_id, order_id) DO UPDATE SET tries = 0, first_at = excluded.first_at, \
                   parked_at = NULL, due_at = CASE WHEN notification.not_before > excluded.due_at \
                   THEN notification.not_before ELSE excluded.due_at END";
        let params = [order.site.0.into(), order.id.as_str().into(), order.version.into(), now.0.into()];
        let key = commit::key_of(order.site, &order.id);
        let write = Write { key, first: statement(sql, params), rest: with, guarded: false };
        self.db.write(write).await.map(|_| ())
    }

    /// Whether the shop ever acknowledged that the order is paid.
    pub(crate) async fn has_heard_of_payment(
        &self,
        site: SiteId,
        order: &OrderId,
    ) -> Result<bool, ReadError> {
        let sql = "SELECT COUNT(*) FROM notification_attempt WHERE site_id = $1 AND order_id = $2 \
                   AND verdict = 'acknowledged' AND status IN \
                   ('completed', 'shipped', 'partial_refunded', 'refunded', 'chargedback')";
        let rows = self.db.read(statement(sql, [site.0.into(), order.as_str().into()])).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0) > 0)
    }

    /// Whether the shop may still acknowledge `version` until `deadline`: it is being told, or will be by then.
    pub(crate) async fn may_be_told_by(
        &self,
        site: SiteId,
        order: &OrderId,
        version: i64,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<bool, ReadError> {
        let sql = "SELECT COUNT(*) FROM notification WHERE site_id = $1 AND order_id = $2 \
                   AND version_acked < $3 AND due_at IS NOT NULL AND (lease_until > $4 OR due_at <= $5)";
        let params = [site.0.into(), order.as_str().into(), version.into(), now.0.into(), deadline.0.into()];
        let rows = self.db.read(statement(sql, params)).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0) > 0)
    }
}

fn parse(columns: &mut Columns) -> Result<Delivery, Corrupt> {
    Ok(Delivery {
        site: SiteId(columns.int()?),
        order: orders::order_id(columns)?,
        version_wanted: columns.int()?,
        tries: u32::try_from(columns.int()?).map_err(|_| Corrupt("tries".to_owned()))?,
        first_at: Timestamp(columns.int()?),
        lease_epoch: columns.int()?,
        claimed_at: Instant::now(),
    })
}

/// Ends the lease. A version that became wanted meanwhile, or a resend that was asked for, is due at once, or
/// after the quiet time; the tries counted so far were for an older one. A resend shows in the time of the first
/// try of the same wanted version. When what was told comes before the wanted version, that one is due with all
/// its tries once this is acknowledged, and until then each try counts for it.
fn outcome(delivery: &Delivery, heard: &Heard, now: Timestamp) -> Statement {
    let reached = match heard.next {
        Next::Nothing => heard.version,
        Next::Retry { .. } | Next::Park { .. } => heard.version.max(delivery.version_wanted),
    };
    let key = [
        delivery.site.0.into(),
        delivery.order.as_str().into(),
        delivery.lease_epoch.into(),
        reached.into(),
        now.0.into(),
        delivery.version_wanted.into(),
        delivery.first_at.0.into(),
    ];
    let (quiet_until, sql) = match heard.next {
        Next::Nothing => (
            None,
            "UPDATE notification SET lease_until = 0, version_acked = $4, parked_at = NULL, \
             tries = CASE WHEN version_wanted > $4 AND version_wanted = $6 THEN 0 ELSE tries END, \
             first_at = CASE WHEN version_wanted > $4 AND version_wanted = $6 \
             THEN CAST($5 AS BIGINT) ELSE first_at END, \
             due_at = CASE WHEN version_wanted > $4 OR version_wanted = $6 AND first_at <> $7 \
             THEN CAST($5 AS BIGINT) ELSE NULL END \
             WHERE site_id = $1 AND order_id = $2 AND lease_epoch = $3",
        ),
        Next::Retry { quiet_until, .. } => (
            quiet_until,
            "UPDATE notification SET lease_until = 0, not_before = $8, \
             tries = CASE WHEN version_wanted > $4 OR version_wanted = $6 AND first_at <> $7 \
             THEN 0 ELSE tries + 1 END, \
             due_at = CASE WHEN version_wanted <= $4 AND (version_wanted <> $6 OR first_at = $7) \
             THEN CAST($9 AS BIGINT) \
             WHEN CAST($8 AS BIGINT) > CAST($5 AS BIGINT) THEN CAST($8 AS BIGINT) ELSE CAST($5 AS BIGINT) END \
             WHERE site_id = $1 AND order_id = $2 AND lease_epoch = $3",
        ),
        Next::Park { quiet_until } => (
            quiet_until,
            "UPDATE notification SET lease_until = 0, not_before = $8, \
             tries = CASE WHEN version_wanted > $4 OR version_wanted = $6 AND first_at <> $7 \
             THEN 0 ELSE tries + 1 END, \
             parked_at = CASE WHEN version_wanted > $4 OR version_wanted = $6 AND first_at <> $7 \
             THEN NULL ELSE CAST($5 AS BIGINT) END, \
             due_at = CASE WHEN version_wanted <= $4 AND (version_wanted <> $6 OR first_at = $7) \
             THEN NULL \
             WHEN CAST($8 AS BIGINT) > CAST($5 AS BIGINT) THEN CAST($8 AS BIGINT) ELSE CAST($5 AS BIGINT) END \
             WHERE site_id = $1 AND order_id = $2 AND lease_epoch = $3",
        ),
    };
    let mut statement = statement(sql, key);
    if heard.next != Next::Nothing {
        statement.params.push(quiet_until.map_or(0, |until| until.0).into());
    }
    if let Next::Retry { at, .. } = heard.next {
        statement.params.push(at.0.into());
    }
    statement
}

fn attempt(delivery: &Delivery, heard: &Heard) -> Statement {
    statement(
        "INSERT INTO notification_attempt (site_id, order_id, lease_epoch, version, try, method, url, \
         started_at, duration_ms, http_status, verdict, answer, status, key_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        [
            delivery.site.0.into(),
            delivery.order.as_str().into(),
            delivery.lease_epoch.into(),
            heard.version.into(),
            i64::from(delivery.tries.saturating_add(1)).into(),
            heard.method.into(),
            heard.url.as_str().into(),
            heard.started_at.0.into(),
            heard.duration_ms.into(),
            heard.http_status.map(i64::from).into(),
            heard.verdict.as_str().into(),
            heard.answer.as_str().into(),
            heard.status.into(),
            heard.key_id.into(),
        ],
    )
}
