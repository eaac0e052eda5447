//! The simulated acquirer's book: what a real host would keep in its own database.

use super::db::{Columns, Corrupt, ReadError, Row, Statement, Value, WriteError, statement};
use super::open_to_buy::Account;
use super::trace::{Mark, by_mark, mark};
use super::{Store, words};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::money::Amount;
use payments::time::{Millis, Timestamp};
use payments::transaction::Verdict;

/// An authorisation in the host's book.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) site: SiteId,
    /// What it arrived with.
    pub(crate) mark: Mark,
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
    /// What it arrived with; its RRN is the authorisation's.
    pub(crate) mark: Mark,
    /// The authorisation it belongs to.
    pub(crate) authorisation: Mark,
    /// `capture` or `refund`.
    pub(crate) kind: &'static str,
    pub(crate) amount_minor: i64,
    /// DE 39.
    pub(crate) response_code: String,
}

impl Entry {
    /// Whether the card is charged as far as the host knows, if only with a part.
    pub(crate) fn is_charged(&self) -> bool {
        matches!(self.response_code.as_deref(), Some("00" | "10")) && !self.reversed
    }

    /// Whether only a part of the amount is approved.
    pub(crate) fn is_in_part(&self) -> bool {
        self.response_code.as_deref() == Some("10")
    }

    /// What was approved in minor units: the half where it is a part.
    pub(crate) fn approved_minor(&self) -> i64 {
        match self.response_code.as_deref() {
            Some("00") => self.amount_minor,
            Some("10") => self.amount_minor / 2,
            Some(_) | None => 0,
        }
    }

    /// Puts an authorisation into the book, unless its reference is there.
    fn insertion(&self, amount: Amount, now: Timestamp) -> Statement {
        let (entry, review) = (self, self.review);
        statement(
            "INSERT INTO simulator_authorisation (site_id, terminal, transmission, stan, rrn, amount_minor, \
             currency, response_code, authorization_code, fraud_score, review_after_ms, review_verdict, manner, \
             inquiries, reversals, created_at, captured_later) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, $14, $15) \
             ON CONFLICT (site_id, terminal, transmission, stan, rrn) DO NOTHING",
            [
                entry.site.0.into(),
                entry.mark.terminal.as_str().into(),
                entry.mark.transmission.as_str().into(),
                i64::from(entry.mark.stan).into(),
                entry.mark.rrn.as_str().into(),
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
        )
    }
}

const BY_MARK: &str = "SELECT site_id, terminal, transmission, stan, rrn, amount_minor, response_code, authorization_code, \
     fraud_score, review_after_ms, review_verdict, manner, reversals, reversed_at, captured_later \
     FROM simulator_authorisation \
     WHERE site_id = $1 AND terminal = $2 AND transmission = $3 AND stan = $4 AND rrn = $5";
/// Joined by the numbers that the gateway sent them with. The plus keeps SQLite from walking all of the site in order.
const BY_ORDER: &str = "SELECT t.reference, b.site_id, b.terminal, b.transmission, b.stan, b.rrn, b.amount_minor, b.response_code, \
     b.authorization_code, b.fraud_score, b.review_after_ms, b.review_verdict, b.manner, b.reversals, b.reversed_at, \
     b.captured_later FROM trace t JOIN simulator_authorisation b ON b.site_id = t.site_id \
     AND b.terminal = t.terminal AND b.transmission = t.transmission AND b.stan = t.stan AND b.rrn = t.rrn \
     WHERE t.site_id = $1 AND t.order_id = $2 AND t.operation = 'authorise' ORDER BY +t.reference";

impl Store {
    /// What the host knows of an authorisation.
    pub(crate) async fn book_entry(&self, site: SiteId, mark: &Mark) -> Result<Option<Entry>, ReadError> {
        let rows = self.db.read(statement(BY_MARK, by_mark(site, mark))).await?;
        Ok(rows.into_iter().next().map(|row| parse(&mut row.columns())).transpose()?)
    }

    /// What the host knows of an order: each authorisation with the PSP id it was sent for.
    pub(crate) async fn book_of_order(
        &self,
        site: SiteId,
        order: &OrderId,
    ) -> Result<Vec<(TransactionId, Entry)>, ReadError> {
        let rows = self.db.read(statement(BY_ORDER, [site.0.into(), order.as_str().into()])).await?;
        let entry = |row: Row| {
            let mut columns = row.columns();
            Ok((TransactionId(columns.int()?), parse(&mut columns)?))
        };
        rows.into_iter().map(entry).collect()
    }

    /// Approvals in the host's book that belong to nothing of ours.
    pub(crate) async fn stray_approvals(&self, site: SiteId) -> Result<i64, ReadError> {
        let sql = "SELECT COUNT(*) FROM simulator_authorisation b WHERE b.site_id = $1 \
                   AND b.response_code IN ('00', '10') AND b.reversed_at IS NULL AND NOT EXISTS \
                   (SELECT 1 FROM trace t JOIN payment_transaction p ON p.site_id = t.site_id \
                   AND p.id = t.reference AND p.order_id = t.order_id AND p.amount_minor = b.amount_minor \
                   WHERE t.site_id = b.site_id AND t.terminal = b.terminal AND t.transmission = b.transmission \
                   AND t.stan = b.stan AND t.rrn = b.rrn AND t.operation = 'authorise')";
        self.one_number(sql, [site.0.into()]).await
    }

    /// Books an authorisation. A reference that is booked, or was reversed before it arrived, stays as it is.
    pub(crate) async fn book_authorisation(
        &self,
        entry: &Entry,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        self.book(entry.site, entry.insertion(amount, now)).await
    }

    /// The same of an approval, if its card has that much left; whether it has.
    pub(crate) async fn book_approval(
        &self,
        account: &Account,
        entry: &Entry,
        amount: Amount,
        now: Timestamp,
    ) -> Result<bool, WriteError> {
        let insert = entry.insertion(amount, now);
        self.book_within_line(account, entry, amount.currency, insert).await
    }

    /// Notes that an inquiry arrived.
    pub(crate) async fn book_inquiry(&self, site: SiteId, mark: &Mark) -> Result<(), WriteError> {
        let sql = "UPDATE simulator_authorisation SET inquiries = inquiries + 1 \
                   WHERE site_id = $1 AND terminal = $2 AND transmission = $3 AND stan = $4 AND rrn = $5";
        self.book(site, statement(sql, by_mark(site, mark))).await
    }

    /// Undoes an authorisation, once; one that has not arrived yet is forbidden for good.
    pub(crate) async fn book_reversal(
        &self,
        site: SiteId,
        mark: &Mark,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut upsert = statement(
            "INSERT INTO simulator_authorisation (site_id, terminal, transmission, stan, rrn, amount_minor, \
             currency, manner, inquiries, reversals, reversed_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'normal', 0, 1, $8, $8) \
             ON CONFLICT (site_id, terminal, transmission, stan, rrn) DO UPDATE SET \
             reversals = simulator_authorisation.reversals + 1, \
             reversed_at = COALESCE(simulator_authorisation.reversed_at, excluded.reversed_at)",
            by_mark(site, mark),
        );
        upsert.params.extend([amount.minor.into(), amount.currency.code().into(), now.0.into()]);
        self.book_about(site, mark, upsert).await
    }

    /// Books a capture or refund; one that is booked stays as it is.
    pub(crate) async fn book_movement(
        &self,
        movement: &BookedMovement,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut insert = statement(
            "INSERT INTO simulator_movement (site_id, terminal, transmission, stan, rrn, original_stan, \
             original_transmission, kind, amount_minor, response_code, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (site_id, terminal, transmission, stan, rrn) DO NOTHING",
            by_mark(movement.site, &movement.mark),
        );
        insert.params.extend([
            i64::from(movement.authorisation.stan).into(),
            movement.authorisation.transmission.as_str().into(),
            movement.kind.into(),
            movement.amount_minor.into(),
            movement.response_code.as_str().into(),
            now.0.into(),
        ]);
        let authorisation = Mark { rrn: movement.mark.rrn.clone(), ..movement.authorisation.clone() };
        self.book_about(movement.site, &authorisation, insert).await
    }

    /// DE 39 and minor units of a booked capture or refund.
    pub(crate) async fn booked_movement(
        &self,
        site: SiteId,
        mark: &Mark,
    ) -> Result<Option<(String, i64)>, ReadError> {
        let sql = "SELECT response_code, amount_minor FROM simulator_movement \
                   WHERE site_id = $1 AND terminal = $2 AND transmission = $3 AND stan = $4 AND rrn = $5";
        let rows = self.db.read(statement(sql, by_mark(site, mark))).await?;
        Ok(rows.into_iter().next().map(|row| code_and_amount(&mut row.columns())).transpose()?)
    }

    /// The same, of what was sent for a movement of ours.
    pub(crate) async fn booked_for(
        &self,
        site: SiteId,
        movement: TransactionId,
    ) -> Result<Option<(String, i64)>, ReadError> {
        let sql = "SELECT b.response_code, b.amount_minor FROM trace t JOIN simulator_movement b \
                   ON b.site_id = t.site_id AND b.terminal = t.terminal AND b.transmission = t.transmission \
                   AND b.stan = t.stan AND b.rrn = t.rrn AND b.kind = t.operation \
                   WHERE t.site_id = $1 AND t.reference = $2";
        let rows = self.db.read(statement(sql, [site.0.into(), movement.0.into()])).await?;
        Ok(rows.into_iter().next().map(|row| code_and_amount(&mut row.columns())).transpose()?)
    }

    /// Minor units that are booked for an authorisation as done, of one kind.
    pub(crate) async fn booked_sum(
        &self,
        site: SiteId,
        authorisation: &Mark,
        kind: &'static str,
    ) -> Result<i64, ReadError> {
        let sql = "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM simulator_movement \
                   WHERE site_id = $1 AND terminal = $2 AND original_transmission = $3 AND original_stan = $4 \
                   AND rrn = $5 AND kind = $6 AND response_code = '00'";
        let mut query = statement(sql, by_mark(site, authorisation));
        query.params.push(kind.into());
        let rows = self.db.read(query).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0))
    }

    /// Captures and refunds in the host's book that belong to nothing of ours.
    pub(crate) async fn stray_movements(&self, site: SiteId) -> Result<i64, ReadError> {
        let sql = "SELECT COUNT(*) FROM simulator_movement b WHERE b.site_id = $1 AND NOT EXISTS \
                   (SELECT 1 FROM trace t JOIN movement m ON m.site_id = t.site_id AND m.id = t.reference \
                   AND m.kind = t.operation AND m.amount_minor = b.amount_minor WHERE t.site_id = b.site_id \
                   AND t.terminal = b.terminal AND t.transmission = b.transmission AND t.stan = b.stan \
                   AND t.rrn = b.rrn AND t.operation = b.kind)";
        self.one_number(sql, [site.0.into()]).await
    }

    pub(super) async fn one_number(&self, sql: &'static str, params: [Value; 1]) -> Result<i64, ReadError> {
        let rows = self.db.read(statement(sql, params)).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(0))
    }

    async fn book(&self, site: SiteId, write: Statement) -> Result<(), WriteError> {
        self.db.execute(format!("{site} simulator"), write).await.map(|_| ())
    }
}

fn code_and_amount(columns: &mut Columns) -> Result<(String, i64), Corrupt> {
    Ok((columns.text()?, columns.int()?))
}

pub(super) fn parse(columns: &mut Columns) -> Result<Entry, Corrupt> {
    let site = SiteId(columns.int()?);
    let mark = mark(columns)?;
    let amount_minor = columns.int()?;
    let response_code = columns.optional_text()?;
    let authorization_code = columns.optional_text()?;
    let fraud_score = columns.optional_int()?.and_then(|score| u8::try_from(score).ok()).unwrap_or(1);
    let after = columns.optional_int()?.map(Millis);
    let verdict = columns.optional_text()?.map(|word| words::parse_verdict(&word)).transpose()?;
    Ok(Entry {
        site,
        mark,
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
