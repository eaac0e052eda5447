//! The simulated acquirer's book: what a real host would keep in its own database.

use super::db::{Columns, Corrupt, ReadError, Statement, WriteError, statement};
use super::{Store, orders, words};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::money::Amount;
use payments::time::{Millis, Timestamp};
use payments::transaction::Verdict;

/// An authorisation in the host's book.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) site: SiteId,
    /// The gateway's reference.
    pub(crate) reference: TransactionId,
    pub(crate) order: OrderId,
    pub(crate) amount_minor: i64,
    /// DE 39; `None` when only a reversal ever arrived.
    pub(crate) response_code: Option<String>,
    pub(crate) authorization_code: Option<String>,
    pub(crate) fraud_score: u8,
    pub(crate) review: Option<(Millis, Verdict)>,
    /// The word of the card's manner, for what comes later.
    pub(crate) manner: String,
    /// Reversals that arrived so far.
    pub(crate) reversals: i64,
    pub(crate) reversed: bool,
    /// Approved only: its money is collected by captures.
    pub(crate) captured_later: bool,
}

/// A capture or refund in the host's book.
#[derive(Clone, Debug)]
pub(crate) struct BookedMovement {
    pub(crate) site: SiteId,
    /// The gateway's reference.
    pub(crate) reference: TransactionId,
    /// The authorisation it belongs to.
    pub(crate) authorisation: TransactionId,
    /// `capture` or `refund`.
    pub(crate) kind: &'static str,
    pub(crate) amount_minor: i64,
    /// DE 39.
    pub(crate) response_code: String,
}

impl Entry {
    /// Whether the card is charged as far as the host knows.
    pub(crate) fn is_charged(&self) -> bool {
        self.response_code.as_deref() == Some("00") && !self.reversed
    }
}

const BY_REFERENCE: &str = "SELECT site_id, reference, order_id, amount_minor, response_code, authorization_code, fraud_score, \
     review_after_ms, review_verdict, manner, reversals, reversed_at, captured_later \
     FROM simulator_authorisation WHERE site_id = $1 AND reference = $2";
const BY_ORDER: &str = "SELECT site_id, reference, order_id, amount_minor, response_code, authorization_code, fraud_score, \
     review_after_ms, review_verdict, manner, reversals, reversed_at, captured_later \
     FROM simulator_authorisation WHERE site_id = $1 AND order_id = $2 ORDER BY reference";

impl Store {
    /// What the host knows of a reference.
    pub(crate) async fn book_entry(
        &self,
        site: SiteId,
        reference: TransactionId,
    ) -> Result<Option<Entry>, ReadError> {
        Ok(self.entries(statement(BY_REFERENCE, [site.0.into(), reference.0.into()])).await?.pop())
    }

    /// What the host knows of an order.
    pub(crate) async fn book_of_order(&self, site: SiteId, order: &OrderId) -> Result<Vec<Entry>, ReadError> {
        self.entries(statement(BY_ORDER, [site.0.into(), order.as_str().into()])).await
    }

    /// Books an authorisation. A reference that is booked, or was reversed before it arrived, stays as it is.
    pub(crate) async fn book_authorisation(
        &self,
        entry: &Entry,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let review = entry.review;
        let insert = statement(
            "INSERT INTO simulator_authorisation (site_id, reference, order_id, amount_minor, currency, \
             response_code, authorization_code, fraud_score, review_after_ms, review_verdict, manner, \
             inquiries, reversals, created_at, captured_later) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, $12, $13) \
             ON CONFLICT (site_id, reference) DO NOTHING",
            [
                entry.site.0.into(),
                entry.reference.0.into(),
                entry.order.as_str().into(),
                amount.minor.into(),
                amount.currency.code().into(),
                entry.response_code.clone().into(),
                entry.authorization_code.clone().into(),
                i64::from(entry.fraud_score).into(),
                review.map(|(after, _)| after.0).into(),
                review.map(|(_, verdict)| words::verdict(verdict)).into(),
                entry.manner.as_str().into(),
                now.0.into(),
                entry.captured_later.then_some(now.0).into(),
            ],
        );
        self.book(entry.site, insert).await
    }

    /// Notes that an inquiry arrived.
    pub(crate) async fn book_inquiry(
        &self,
        site: SiteId,
        reference: TransactionId,
    ) -> Result<(), WriteError> {
        let sql = "UPDATE simulator_authorisation SET inquiries = inquiries + 1 \
                   WHERE site_id = $1 AND reference = $2";
        self.book(site, statement(sql, [site.0.into(), reference.0.into()])).await
    }

    /// Undoes an authorisation, once; one that has not arrived yet is forbidden for good.
    pub(crate) async fn book_reversal(
        &self,
        site: SiteId,
        order: &OrderId,
        reference: TransactionId,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let upsert = statement(
            "INSERT INTO simulator_authorisation (site_id, reference, order_id, amount_minor, currency, manner, \
             inquiries, reversals, reversed_at, created_at) VALUES ($1, $2, $3, $4, $5, 'normal', 0, 1, $6, $6) \
             ON CONFLICT (site_id, reference) DO UPDATE SET \
             reversals = simulator_authorisation.reversals + 1, \
             reversed_at = COALESCE(simulator_authorisation.reversed_at, excluded.reversed_at)",
            [
                site.0.into(),
                reference.0.into(),
                order.as_str().into(),
                amount.minor.into(),
                amount.currency.code().into(),
                now.0.into(),
            ],
        );
        self.book(site, upsert).await
    }

    /// Books a capture or refund; one that is booked stays as it is.
    pub(crate) async fn book_movement(
        &self,
        movement: &BookedMovement,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let insert = statement(
            "INSERT INTO simulator_movement (site_id, reference, authorisation, kind, amount_minor, \
             response_code, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (site_id, reference) DO NOTHING",
            [
                movement.site.0.into(),
                movement.reference.0.into(),
                movement.authorisation.0.into(),
                movement.kind.into(),
                movement.amount_minor.into(),
                movement.response_code.as_str().into(),
                now.0.into(),
            ],
        );
        self.book(movement.site, insert).await
    }

    /// DE 39 and minor units of a booked capture or refund.
    pub(crate) async fn booked_movement(
        &self,
        site: SiteId,
        reference: TransactionId,
    ) -> Result<Option<(String, i64)>, ReadError> {
        let sql = "SELECT response_code, amount_minor FROM simulator_movement \
                   WHERE site_id = $1 AND reference = $2";
        let rows = self.db.read(statement(sql, [site.0.into(), reference.0.into()])).await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let mut columns = row.columns();
        Ok(Some((columns.text()?, columns.int()?)))
    }

    /// Minor units that are booked for an authorisation as done, of one kind.
    pub(crate) async fn booked_sum(
        &self,
        site: SiteId,
        authorisation: TransactionId,
        kind: &'static str,
    ) -> Result<i64, ReadError> {
        let sql = "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM simulator_movement \
                   WHERE site_id = $1 AND authorisation = $2 AND kind = $3 AND response_code = '00'";
        let params = [site.0.into(), authorisation.0.into(), kind.into()];
        let rows = self.db.read(statement(sql, params)).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0))
    }

    /// Captures and refunds in the host's book that belong to nothing of ours.
    pub(crate) async fn stray_movements(&self, site: SiteId) -> Result<i64, ReadError> {
        let sql = "SELECT COUNT(*) FROM simulator_movement b WHERE b.site_id = $1 AND NOT EXISTS \
                   (SELECT 1 FROM movement m WHERE m.site_id = b.site_id AND m.id = b.reference \
                   AND m.kind = b.kind AND m.amount_minor = b.amount_minor)";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0))
    }

    async fn book(&self, site: SiteId, write: Statement) -> Result<(), WriteError> {
        self.db.execute(format!("{site} simulator"), write).await.map(|_| ())
    }

    async fn entries(&self, query: Statement) -> Result<Vec<Entry>, ReadError> {
        let rows = self.db.read(query).await?;
        rows.into_iter().map(|row| Ok(parse(&mut row.columns())?)).collect()
    }
}

fn parse(columns: &mut Columns) -> Result<Entry, Corrupt> {
    let site = SiteId(columns.int()?);
    let reference = TransactionId(columns.int()?);
    let order = orders::order_id(columns)?;
    let amount_minor = columns.int()?;
    let response_code = columns.optional_text()?;
    let authorization_code = columns.optional_text()?;
    let fraud_score = columns.optional_int()?.and_then(|score| u8::try_from(score).ok()).unwrap_or(1);
    let after = columns.optional_int()?.map(Millis);
    let verdict = columns.optional_text()?.map(|word| words::parse_verdict(&word)).transpose()?;
    Ok(Entry {
        site,
        reference,
        order,
        amount_minor,
        response_code,
        authorization_code,
        fraud_score,
        review: after.zip(verdict),
        manner: columns.text()?,
        reversals: columns.int()?,
        reversed: columns.optional_int()?.is_some(),
        captured_later: columns.optional_int()?.is_some(),
    })
}
