//! The simulated acquirer's book as it is shown.

use super::Store;
use super::book::{Entry, parse};
use super::db::{Columns, Corrupt, ReadError, statement};
use super::trace::{Mark, mark};
use payments::ids::{SiteId, TransactionId};

/// An authorisation in the host's book.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) entry: Entry,
    pub(crate) currency: String,
    pub(crate) inquiries: i64,
    pub(crate) captured_minor: i64,
    /// The order and PSP id it was sent for.
    pub(crate) ours: Option<(String, TransactionId)>,
}

/// A capture or refund in the host's book.
#[derive(Clone, Debug)]
pub(crate) struct ListedMovement {
    pub(crate) mark: Mark,
    pub(crate) kind: String,
    pub(crate) amount_minor: i64,
    pub(crate) response_code: String,
    pub(crate) ours: Option<(String, TransactionId)>,
}

impl Store {
    /// The authorisations in a site's book, newest first.
    pub(crate) async fn list_book(&self, site: SiteId) -> Result<Vec<Listed>, ReadError> {
        let sql = "SELECT b.site_id, b.terminal, b.transmission, b.stan, b.rrn, b.amount_minor, b.response_code, \
                   b.authorization_code, b.fraud_score, b.review_after_ms, b.review_verdict, b.manner, b.reversals, \
                   b.reversed_at, b.captured_later, b.currency, b.inquiries, \
                   CAST(COALESCE((SELECT SUM(m.amount_minor) FROM simulator_movement m WHERE m.site_id = b.site_id \
                   AND m.terminal = b.terminal AND m.original_transmission = b.transmission \
                   AND m.original_stan = b.stan AND m.rrn = b.rrn AND m.kind = 'capture' \
                   AND m.response_code = '00'), 0) AS BIGINT), t.order_id, t.reference \
                   FROM (SELECT * FROM simulator_authorisation WHERE site_id = $1 \
                   ORDER BY created_at DESC, rrn DESC LIMIT 1000) b LEFT JOIN trace t ON t.site_id = b.site_id \
                   AND t.terminal = b.terminal AND t.transmission = b.transmission AND t.stan = b.stan \
                   AND t.rrn = b.rrn AND t.operation = 'authorise' ORDER BY b.created_at DESC, b.rrn DESC";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        let listed = rows.into_iter().map(|row| {
            let mut columns = row.columns();
            let entry = parse(&mut columns)?;
            let (currency, inquiries) = (columns.text()?, columns.int()?);
            let captured_minor = columns.int()?;
            Ok(Listed { entry, currency, inquiries, captured_minor, ours: ours(&mut columns)? })
        });
        listed.collect()
    }

    /// The captures and refunds in a site's book, newest first.
    pub(crate) async fn list_booked_movements(&self, site: SiteId) -> Result<Vec<ListedMovement>, ReadError> {
        let sql = "SELECT b.terminal, b.transmission, b.stan, b.rrn, b.kind, b.amount_minor, b.response_code, \
                   t.order_id, t.reference FROM (SELECT * FROM simulator_movement WHERE site_id = $1 \
                   ORDER BY created_at DESC, stan DESC LIMIT 1000) b LEFT JOIN trace t ON t.site_id = b.site_id \
                   AND t.terminal = b.terminal AND t.transmission = b.transmission AND t.stan = b.stan \
                   AND t.rrn = b.rrn AND t.operation = b.kind ORDER BY b.created_at DESC, b.stan DESC";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        let listed = rows.into_iter().map(|row| {
            let mut columns = row.columns();
            let mark = mark(&mut columns)?;
            let (kind, amount_minor, response_code) = (columns.text()?, columns.int()?, columns.text()?);
            Ok(ListedMovement { mark, kind, amount_minor, response_code, ours: ours(&mut columns)? })
        });
        listed.collect()
    }
}

fn ours(columns: &mut Columns) -> Result<Option<(String, TransactionId)>, Corrupt> {
    Ok(columns.optional_text()?.zip(columns.optional_int()?.map(TransactionId)))
}
