//! What the audit compares: the rows as they are, without the code that wrote them.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, statement};
use super::notifications::NO_ADDRESS;
use payments::ids::{OrderId, SiteId};

/// A posted transfer.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) debit: String,
    pub(crate) credit: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
}

impl Store {
    /// The transfers of an order.
    pub(crate) async fn transfers(&self, site: SiteId, order: &OrderId) -> Result<Vec<Row>, ReadError> {
        let sql = "SELECT debit, credit, amount_minor, currency FROM ledger_transfer \
                   WHERE site_id = $1 AND order_id = $2 ORDER BY +transaction_id, step";
        let rows = self.db.read(statement(sql, [site.0.into(), order.as_str().into()])).await?;
        rows.into_iter().map(|row| Ok(parse(&mut row.columns())?)).collect()
    }

    /// Transfers that belong to no transaction or movement of the site.
    pub(crate) async fn stray_transfers(&self, site: SiteId) -> Result<i64, ReadError> {
        let sql = "SELECT COUNT(*) FROM ledger_transfer l WHERE l.site_id = $1 AND NOT EXISTS \
                   (SELECT 1 FROM payment_transaction t WHERE t.site_id = l.site_id \
                   AND t.id = l.transaction_id AND t.order_id = l.order_id) AND NOT EXISTS \
                   (SELECT 1 FROM movement m WHERE m.site_id = l.site_id \
                   AND m.id = l.transaction_id AND m.order_id = l.order_id)";
        self.one_number(sql, [site.0.into()]).await
    }

    /// Payments that lists show among the refunded ones and nothing was given back of, or the other way round.
    pub(crate) async fn misfiled_payments(&self, site: SiteId) -> Result<i64, ReadError> {
        let sql = "SELECT COUNT(*) FROM payment_transaction t WHERE t.site_id = $1 AND \
                   (t.given_back_at IS NULL) = EXISTS (SELECT 1 FROM movement m WHERE m.site_id = t.site_id \
                   AND m.transaction_id = t.id AND m.kind IN ('refund', 'chargeback'))";
        self.one_number(sql, [site.0.into()]).await
    }

    /// Whether the order's outbox row is settled, and the status the shop acknowledged last: nothing when later
    /// news had nowhere to go.
    pub(crate) async fn told(
        &self,
        site: SiteId,
        order: &OrderId,
    ) -> Result<(bool, Option<String>), ReadError> {
        let sql = "SELECT COUNT(*) FROM notification \
                   WHERE site_id = $1 AND order_id = $2 AND due_at IS NULL AND parked_at IS NULL";
        let rows = self.db.read(statement(sql, [site.0.into(), order.as_str().into()])).await?;
        let settled = rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0) > 0;
        let sql = "SELECT status FROM notification_attempt WHERE site_id = $1 AND order_id = $2 \
                   AND verdict IN ('acknowledged', $3) ORDER BY version DESC, lease_epoch DESC LIMIT 1";
        let params = [site.0.into(), order.as_str().into(), NO_ADDRESS.into()];
        let rows = self.db.read(statement(sql, params)).await?;
        let status = rows.into_iter().next().map(|row| row.columns().text()).transpose()?;
        Ok((settled, status.filter(|status| !status.is_empty())))
    }

    /// Whether the order has an outbox row: without one its shop never hears of it.
    pub(crate) async fn has_outbox_row(&self, site: SiteId, order: &OrderId) -> Result<bool, ReadError> {
        let sql = "SELECT COUNT(*) FROM notification WHERE site_id = $1 AND order_id = $2";
        let rows = self.db.read(statement(sql, [site.0.into(), order.as_str().into()])).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0) > 0)
    }

    /// Whether a job of this kind about this session or transaction is waiting.
    pub(crate) async fn has_job(
        &self,
        site: SiteId,
        kind: &'static str,
        subject: &str,
    ) -> Result<bool, ReadError> {
        let sql = "SELECT COUNT(*) FROM job WHERE site_id = $1 AND kind = $2 AND subject = $3";
        let params = [site.0.into(), kind.into(), subject.into()];
        let rows = self.db.read(statement(sql, params)).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0) > 0)
    }
}

fn parse(columns: &mut Columns) -> Result<Row, Corrupt> {
    Ok(Row {
        debit: columns.text()?,
        credit: columns.text()?,
        amount_minor: columns.int()?,
        currency: columns.text()?,
    })
}
