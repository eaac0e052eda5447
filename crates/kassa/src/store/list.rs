//! Payments and movements of a site as one list, newest first, in pieces of a bounded size.
//!
//! A [`Lane`] is a part of the list that one index serves in the list's own order: all payments, those in a state,
//! the refunds. A page is merged from its lanes. What no index narrows is in the [`Key`]s, so that whoever merges can
//! pass over them without loading their orders.

use super::db::{Columns, Corrupt, ReadError, Row, Statement, Value, statement};
use super::{Store, orders};
use payments::card::Brand;
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::money::Currency;
use payments::time::Timestamp;
use std::sync::LazyLock;

/// A place between the entries of the list: its order is by time, then by PSP id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) at: Timestamp,
    pub(crate) id: TransactionId,
}

/// Which way a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Older,
    Newer,
}

/// A part of the list that an index serves in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Every payment.
    Payments,
    /// Those in one currency.
    PaymentsIn(Currency),
    /// Those whose state is stored as this word.
    PaymentsAs(&'static str),
    /// Those of which a refund or chargeback was ever opened.
    GivenBack,
    /// Movements of this kind.
    Movements(&'static str),
    /// The same in one currency.
    MovementsIn(&'static str, Currency),
}

/// An entry as it is found, before its order is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) position: Position,
    /// The order that it is part of.
    pub(crate) order: OrderId,
    pub(crate) currency: Currency,
    /// The brand that paid, or whose payment was given back.
    pub(crate) brand: Brand,
    /// The word of its kind: `payment`, or that of a movement.
    pub(crate) kind: String,
    /// The word that its state is stored as.
    pub(crate) state: String,
    /// When it was completed, if it was: a dispute is when it is decided.
    pub(crate) completed_at: Option<Timestamp>,
    /// Whether its order was shipped.
    pub(crate) is_shipped: bool,
}

/// The condition of each lane of payments, if it has one. `$6` is its word.
const PAYMENT_LANES: [&str; 4] =
    ["", "AND x.currency = $6", "AND x.state = $6", "AND x.given_back_at IS NOT NULL"];
/// The same for movements. `$6` and `$7` are their words.
const MOVEMENT_LANES: [&str; 2] = ["AND x.kind = $6", "AND x.kind = $6 AND x.currency = $7"];

const PAYMENT_FACTS: &str = "x.brand, 'payment', x.state, x.completed_at";
const MOVEMENT_FACTS: &str = "(SELECT t.brand FROM payment_transaction t WHERE t.site_id = x.site_id \
     AND t.id = x.transaction_id), x.kind, x.state, CASE x.kind WHEN 'refund' THEN x.done_at \
     WHEN 'chargeback' THEN CASE WHEN x.state IN ('accepted', 'lost', 'won') THEN x.modified_at END \
     WHEN 'reverse_chargeback' THEN x.created_at END";

/// The statement of a lane in one direction.
fn scan(table: &str, facts: &str, lane: &str, direction: Direction) -> String {
    let (range, way) = match direction {
        Direction::Older => ("x.created_at >= $4 AND (x.created_at, x.id) < ($2, $3)", "DESC"),
        Direction::Newer => ("x.created_at < $4 AND (x.created_at, x.id) > ($2, $3)", "ASC"),
    };
    format!(
        "SELECT x.id, x.created_at, x.order_id, x.currency, {facts}, (SELECT o.shipped_at FROM shop_order o \
         WHERE o.site_id = x.site_id AND o.order_id = x.order_id) FROM {table} x \
         WHERE x.site_id = $1 AND {range} {lane} ORDER BY x.created_at {way}, x.id {way} LIMIT $5"
    )
}

/// Every lane's statement: towards older entries, and towards newer ones.
static SCANS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let payments = PAYMENT_LANES.iter().map(|lane| ("payment_transaction", PAYMENT_FACTS, *lane));
    let movements = MOVEMENT_LANES.iter().map(|lane| ("movement", MOVEMENT_FACTS, *lane));
    let both = |(table, facts, lane)| {
        [Direction::Older, Direction::Newer].map(|direction| scan(table, facts, lane, direction))
    };
    payments.chain(movements).map(both).collect()
});

impl Lane {
    /// Whether it has payments, or what happened to their money.
    pub(crate) fn has_payments(self) -> bool {
        !matches!(self, Self::Movements(_) | Self::MovementsIn(..))
    }

    fn scan(self, direction: Direction) -> &'static str {
        let at = match self {
            Self::Payments => 0,
            Self::PaymentsIn(_) => 1,
            Self::PaymentsAs(_) => 2,
            Self::GivenBack => 3,
            Self::Movements(_) => 4,
            Self::MovementsIn(..) => 5,
        };
        let [older, newer] = &SCANS[at];
        match direction {
            Direction::Older => older,
            Direction::Newer => newer,
        }
    }

    fn words(self) -> Vec<Value> {
        match self {
            Self::Payments | Self::GivenBack => Vec::new(),
            Self::PaymentsIn(currency) => vec![currency.code().into()],
            Self::PaymentsAs(word) | Self::Movements(word) => vec![word.into()],
            Self::MovementsIn(kind, currency) => vec![kind.into(), currency.code().into()],
        }
    }
}

impl Store {
    /// Up to `limit` entries of a lane after `from`, nearest first, that are within `end`: not before it towards
    /// older ones, and before it towards newer ones.
    pub(crate) async fn list(
        &self,
        site: SiteId,
        lane: Lane,
        direction: Direction,
        from: Position,
        end: Timestamp,
        limit: i64,
    ) -> Result<Vec<Key>, ReadError> {
        let mut params = vec![site.0.into(), from.at.0.into(), from.id.0.into(), end.0.into(), limit.into()];
        params.extend(lane.words());
        let rows = self.db.read(Statement { sql: lane.scan(direction), params }).await?;
        rows.into_iter().map(|row: Row| Ok(parse(&mut row.columns())?)).collect()
    }

    /// When the oldest of the payments was created that were completed from `from` on and before `until`.
    pub(crate) async fn oldest_completed(
        &self,
        site: SiteId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT MIN(created_at) FROM payment_transaction \
                   WHERE site_id = $1 AND completed_at >= $2 AND completed_at < $3";
        let rows = self.db.read(statement(sql, [site.0.into(), from.0.into(), until.0.into()])).await?;
        let oldest = rows.into_iter().next().map(|row| row.columns().optional_int()).transpose()?;
        Ok(oldest.flatten().map(Timestamp))
    }
}

/// Notes that a refund or chargeback of a payment was opened.
pub(super) fn give_back(site: SiteId, payment: TransactionId, at: Timestamp) -> Statement {
    statement(
        "UPDATE payment_transaction SET given_back_at = $1 \
         WHERE site_id = $2 AND id = $3 AND given_back_at IS NULL",
        [at.0.into(), site.0.into(), payment.0.into()],
    )
}

fn parse(columns: &mut Columns) -> Result<Key, Corrupt> {
    let id = TransactionId(columns.int()?);
    let wrong = |what: &str| Corrupt(format!("entry {id}: {what}"));
    Ok(Key {
        position: Position { at: Timestamp(columns.int()?), id },
        order: orders::order_id(columns)?,
        currency: Currency::parse(&columns.text()?).ok_or_else(|| wrong("currency"))?,
        brand: Brand::parse(&columns.text()?).ok_or_else(|| wrong("brand"))?,
        kind: columns.text()?,
        state: columns.text()?,
        completed_at: columns.optional_int()?.map(Timestamp),
        is_shipped: columns.optional_int()?.is_some(),
    })
}
