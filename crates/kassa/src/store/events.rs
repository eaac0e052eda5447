//! The feed of events: numbering what is new, and reading on from a number.
//!
//! A number that was read is never followed by a smaller one: whoever reads numbers first, in one write, every
//! event that is committed and has no number yet, behind all that have one. Two nodes that do so at once would
//! give a number twice, which its unique index refuses; the slower one looks again.

use super::db::{Columns, Corrupt, ReadError, Statement, WriteError, statement};
use super::{Store, orders};
use payments::ids::{OrderId, SiteId};
use payments::order::Order;
use payments::status;
use payments::time::Timestamp;

/// An order changed in a way that its shop is to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its number in its site's feed.
    pub(crate) number: i64,
    pub(crate) order: OrderId,
    /// The order's version after the change.
    pub(crate) version: i64,
    /// The API's `status` then.
    pub(crate) status: String,
    /// The API's `financial_status` then.
    pub(crate) financial_status: Option<String>,
    pub(crate) created_at: Timestamp,
}

/// The event of a change, for the commit that makes the order what it is here.
pub(super) fn insert(order: &Order, now: Timestamp) -> Statement {
    let status = status::of_order(order);
    statement(
        "INSERT INTO order_event (site_id, order_id, version, status, financial_status, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        [
            order.site.0.into(),
            order.id.as_str().into(),
            order.version.into(),
            status.order.into(),
            status.financial.into(),
            now.0.into(),
        ],
    )
}

impl Store {
    /// Up to `limit` events of a site after the number `after`, in order.
    ///
    /// # Errors
    /// [`WriteError::Stale`] when another node numbered events at the same time: read again.
    pub(crate) async fn events(
        &self,
        site: SiteId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Event>, WriteError> {
        let failed = |error: ReadError| WriteError::Failed(error.to_string());
        if self.has_news(site).await.map_err(failed)? {
            self.number_events(site).await?;
        }
        self.numbered_events(site, after, limit).await.map_err(failed)
    }

    async fn has_news(&self, site: SiteId) -> Result<bool, ReadError> {
        let sql = "SELECT 1 FROM order_event WHERE site_id = $1 AND number IS NULL LIMIT 1";
        Ok(!self.db.read(statement(sql, [site.0.into()])).await?.is_empty())
    }

    /// In the order of their times, and those of one order by version whatever the clocks of the nodes said.
    async fn number_events(&self, site: SiteId) -> Result<(), WriteError> {
        let sql = "WITH fresh AS (SELECT order_id, version, \
                   MAX(created_at) OVER (PARTITION BY order_id ORDER BY version) AS happened_at \
                   FROM order_event WHERE site_id = $1 AND number IS NULL), \
                   numbered AS (SELECT order_id, version, \
                   ROW_NUMBER() OVER (ORDER BY happened_at, order_id, version) \
                   + (SELECT COALESCE(MAX(number), 0) FROM order_event WHERE site_id = $1) AS number FROM fresh) \
                   UPDATE order_event SET number = numbered.number FROM numbered \
                   WHERE order_event.site_id = $1 AND order_event.number IS NULL \
                   AND order_event.order_id = numbered.order_id AND order_event.version = numbered.version";
        self.db.execute(format!("{site} events"), statement(sql, [site.0.into()])).await.map(|_| ())
    }

    async fn numbered_events(&self, site: SiteId, after: i64, limit: i64) -> Result<Vec<Event>, ReadError> {
        let sql = "SELECT number, order_id, version, status, financial_status, created_at FROM order_event \
                   WHERE site_id = $1 AND number > $2 ORDER BY number LIMIT $3";
        let rows = self.db.read(statement(sql, [site.0.into(), after.into(), limit.into()])).await?;
        rows.into_iter().map(|row| Ok(parse(&mut row.columns())?)).collect()
    }
}

fn parse(columns: &mut Columns) -> Result<Event, Corrupt> {
    Ok(Event {
        number: columns.int()?,
        order: orders::order_id(columns)?,
        version: columns.int()?,
        status: columns.text()?,
        financial_status: columns.optional_text()?,
        created_at: Timestamp(columns.int()?),
    })
}
