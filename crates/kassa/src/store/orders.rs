//! Reading orders.

use super::db::{Columns, Corrupt, ReadError, Row, Statement, WriteError, statement};
use super::{Store, commit, movement_row, transaction_row, words};
use payments::card::Gateway;
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::money::{Amount, Currency};
use payments::order::{Order, Terms};
use payments::session::{Ended, Session};
use payments::time::Timestamp;
use payments::token::{Model, Recurring};
use std::sync::LazyLock;

/// One statement, so that the order, its session, its transactions and their movements are seen in one state.
/// A transaction is there once for each of its movements. The plus keeps SQLite from walking all transactions of the
/// site in order of time; PostgreSQL does not mind.
static LOAD: LazyLock<String> = LazyLock::new(|| load("o.order_id = $2", "+t.created_at"));

/// The same for the order of a payment link; the session in the link need not be the order's newest.
static LOAD_BY_SESSION: LazyLock<String> = LazyLock::new(|| {
    let of_link = "o.order_id = (SELECT l.order_id FROM session l WHERE l.site_id = $1 AND l.id = $2)";
    load(of_link, "+t.created_at")
});

/// How many orders [`Store::load_many`] loads at most.
pub(crate) const LOAD_MAX: usize = 32;

/// The same for [`LOAD_MAX`] orders at once.
static LOAD_MANY: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (0..LOAD_MAX).map(|at| format!("${}", at.saturating_add(2))).collect();
    load(&format!("o.order_id IN ({})", places.join(", ")), "o.order_id, +t.created_at")
});

fn load(wanted: &str, sorted: &str) -> String {
    format!(
        "SELECT o.order_id, o.version, o.gateway, o.currency, o.amount_minor, o.description, o.details, o.created_at, \
         o.modified_at, o.capturing, o.recurring_model, o.customer_reference, o.shipped_at, o.annotations, \
         o.captured_from, s.id, s.opened_at, s.ends_at, s.attempts, s.digest, s.ended_at, s.ended_why, {}, {} \
         FROM shop_order o JOIN session s ON s.site_id = o.site_id AND s.id = o.session_id \
         LEFT JOIN payment_transaction t ON t.site_id = o.site_id AND t.order_id = o.order_id \
         LEFT JOIN movement m ON m.site_id = t.site_id AND m.transaction_id = t.id \
         WHERE o.site_id = $1 AND {wanted} ORDER BY {sorted}, t.id, m.created_at, m.id",
        transaction_row::COLUMNS,
        movement_row::COLUMNS
    )
}

impl Store {
    /// The order with everything that decides about it.
    pub(crate) async fn load(&self, site: SiteId, order: &OrderId) -> Result<Option<Order>, ReadError> {
        if let Some(known) = self.seen.get(site, order)
            && self.is_version(&known).await?
        {
            #[cfg(debug_assertions)]
            self.check_seen(&known).await?;
            return Ok(Some(Order::clone(&known)));
        }
        let found = self.load_anew(site, order).await?;
        found.iter().for_each(|found| self.seen.keep(found.clone()));
        Ok(found)
    }

    /// The same as it is in the database, whatever is remembered of it.
    pub(crate) async fn load_anew(&self, site: SiteId, order: &OrderId) -> Result<Option<Order>, ReadError> {
        let sql: &'static str = LOAD.as_str();
        let rows = self.db.read(statement(sql, [site.0.into(), order.as_str().into()])).await?;
        Ok(parse(site, rows)?.pop())
    }

    /// Whether the order is in the database in this version.
    async fn is_version(&self, known: &Order) -> Result<bool, ReadError> {
        if self.db.is_ceiling() {
            return Ok(true);
        }
        Ok(self.looks.version(known.site, &known.id).await? == Some(known.version))
    }

    /// That an order of the version in the database is the order in the database: where tests run, every look proves it.
    #[cfg(debug_assertions)]
    async fn check_seen(&self, known: &Order) -> Result<(), ReadError> {
        let now = self.load_anew(known.site, &known.id).await?;
        let same_version = now.filter(|now| now.version == known.version);
        debug_assert!(same_version.as_ref().is_none_or(|now| now == known), "{same_version:?} {known:?}");
        Ok(())
    }

    /// Up to [`LOAD_MAX`] orders, seen in one state; those that do not exist are left out.
    pub(crate) async fn load_many(&self, site: SiteId, orders: &[OrderId]) -> Result<Vec<Order>, ReadError> {
        let Some(first) = orders.first() else {
            return Ok(Vec::new());
        };
        debug_assert!(orders.len() <= LOAD_MAX, "{} orders at once", orders.len());
        let sql: &'static str = LOAD_MANY.as_str();
        // The places that are left name an order again.
        let padded = orders.iter().chain(std::iter::repeat(first)).take(LOAD_MAX);
        let ids = padded.map(|order| order.as_str().into());
        let params = std::iter::once(site.0.into()).chain(ids).collect();
        let rows = self.db.read(Statement { sql, params }).await?;
        Ok(parse(site, rows)?)
    }

    /// The order that a payment link belongs to.
    pub(crate) async fn load_by_session(&self, session: &SessionId) -> Result<Option<Order>, ReadError> {
        let site = session.site();
        if let Some(order) = self.seen.of_session(session) {
            return self.load(site, &order).await;
        }
        let sql: &'static str = LOAD_BY_SESSION.as_str();
        let rows = self.db.read(statement(sql, [site.0.into(), session.as_str().into()])).await?;
        let found = parse(site, rows)?.pop();
        found.iter().for_each(|found| self.seen.keep(found.clone()));
        Ok(found)
    }

    /// The order of a PSP id of the site: of an attempt's, or of a movement's.
    pub(crate) async fn find_by_transaction(
        &self,
        site: SiteId,
        transaction: TransactionId,
    ) -> Result<Option<OrderId>, ReadError> {
        let sql = "SELECT order_id FROM payment_transaction WHERE site_id = $1 AND id = $2";
        if let Some(order) = self.find(sql, site, transaction.0.into()).await? {
            return Ok(Some(order));
        }
        let sql = "SELECT order_id FROM movement WHERE site_id = $1 AND id = $2";
        self.find(sql, site, transaction.0.into()).await
    }

    /// Whether a PSP id of the site is somebody's, or set aside for a second try.
    pub(crate) async fn is_drawn(&self, site: SiteId, id: TransactionId) -> Result<bool, ReadError> {
        let sql = "SELECT order_id FROM payment_transaction WHERE site_id = $1 AND id = $2 \
                   UNION ALL SELECT order_id FROM movement WHERE site_id = $1 AND id = $2 \
                   UNION ALL SELECT order_id FROM payment_transaction WHERE site_id = $1 AND second_try = $2";
        Ok(self.find(sql, site, id.0.into()).await?.is_some())
    }

    /// Every order id of a site after `after`, for the audit.
    pub(crate) async fn order_ids(&self, site: SiteId, after: &str) -> Result<Vec<OrderId>, ReadError> {
        let sql = "SELECT order_id FROM shop_order WHERE site_id = $1 AND order_id > $2 ORDER BY order_id LIMIT 500";
        let rows = self.db.read(statement(sql, [site.0.into(), after.into()])).await?;
        rows.into_iter().map(|row| Ok(order_id(&mut row.columns())?)).collect()
    }

    /// Counts an opened page. Not part of the order's state: nothing is decided by it.
    pub(crate) async fn count_view(&self, session: &SessionId, order: &OrderId) -> Result<(), WriteError> {
        let sql = "UPDATE session SET views = views + 1 WHERE site_id = $1 AND id = $2";
        let params = [session.site().0.into(), session.as_str().into()];
        let key = commit::key_of(session.site(), order);
        self.db.execute(key, statement(sql, params)).await.map(|_| ())
    }

    async fn find(
        &self,
        sql: &'static str,
        site: SiteId,
        by: super::db::Value,
    ) -> Result<Option<OrderId>, ReadError> {
        let rows = self.db.read(statement(sql, [site.0.into(), by])).await?;
        Ok(rows.into_iter().next().map(|row| order_id(&mut row.columns())).transpose()?)
    }
}

pub(super) fn order_id(columns: &mut Columns) -> Result<OrderId, Corrupt> {
    let text = columns.text()?;
    OrderId::parse(&text).ok_or_else(|| Corrupt(format!("order id {text:?}")))
}

/// The rows of one order follow each other.
fn parse(site: SiteId, rows: Vec<Row>) -> Result<Vec<Order>, Corrupt> {
    let mut found: Vec<Order> = Vec::new();
    for row in rows {
        let mut columns = row.columns();
        let order = parse_order(site, &mut columns)?;
        let transaction = transaction_row::parse(&mut columns)?;
        let movement = movement_row::parse(&mut columns)?;
        if found.last().is_none_or(|last| last.id != order.id) {
            found.push(order);
        }
        let Some(order) = found.last_mut() else { continue };
        let known = order.transactions.last().map(|last| last.id);
        order.transactions.extend(transaction.filter(|next| Some(next.id) != known));
        order.movements.extend(movement);
    }
    Ok(found)
}

fn parse_order(site: SiteId, columns: &mut Columns) -> Result<Order, Corrupt> {
    let id = order_id(columns)?;
    let wrong = |what: &str| Corrupt(format!("order {id}: {what}"));
    let version = columns.int()?;
    let gateway = columns.optional_text()?;
    let gateway = gateway.map(|word| Gateway::parse(&word).ok_or_else(|| wrong("gateway"))).transpose()?;
    let currency = Currency::parse(&columns.text()?).ok_or_else(|| wrong("currency"))?;
    let amount = Amount::new(columns.int()?, currency);
    let (description, details) = (columns.text()?, columns.text()?);
    let created_at = Timestamp(columns.int()?);
    let modified_at = Timestamp(columns.int()?);
    let capturing = words::parse_capturing(columns.optional_text()?.as_deref())?;
    let model = columns.optional_text()?;
    let model = model.map(|word| Model::parse(&word).ok_or_else(|| wrong("recurring model"))).transpose()?;
    let recurring = model.zip(columns.optional_text()?);
    let recurring = recurring.map(|(model, reference)| Recurring { model, reference });
    let terms = Terms { gateway, amount, description, capturing, recurring, details };
    let shipped_at = columns.optional_int()?.map(Timestamp);
    let annotations = columns.optional_text()?.unwrap_or_default();
    let captured_from = columns.optional_text()?;
    let captured_from =
        captured_from.map(|id| OrderId::parse(&id).ok_or_else(|| wrong("captured from"))).transpose()?;
    let session = Session {
        id: SessionId::parse(&columns.text()?).ok_or_else(|| wrong("session id"))?,
        opened_at: Timestamp(columns.int()?),
        ends_at: Timestamp(columns.int()?),
        attempts: u32::try_from(columns.int()?).map_err(|_| wrong("attempts"))?,
        digest: columns.blob()?.try_into().map_err(|_| wrong("digest"))?,
        ended: parse_ended(columns)?,
    };
    Ok(Order {
        site,
        id,
        version,
        terms,
        session,
        transactions: Vec::new(),
        movements: Vec::new(),
        shipped_at,
        annotations,
        captured_from,
        created_at,
        modified_at,
    })
}

fn parse_ended(columns: &mut Columns) -> Result<Option<Ended>, Corrupt> {
    let at = columns.optional_int()?.map(Timestamp);
    let why = columns.optional_text()?.map(|word| words::parse_ending(&word)).transpose()?;
    Ok(at.zip(why).map(|(at, why)| Ended { why, at }))
}
