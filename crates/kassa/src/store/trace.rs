//! Traces: what may have left for an acquirer, in the acquirer's own numbers.
//!
//! A trace is committed before the first byte of its message leaves. So whatever has none was never sent, and whatever
//! has one is never sent again as something new.

use super::db::{Columns, Corrupt, ReadError, Row, Statement, Value, WriteError, statement};
use super::{Store, orders};
use iso8583::Mti;
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::time::Timestamp;

/// What a host knows a message by: what it brings, and what everything about it refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    /// DE 41, without the blanks that fill it up.
    pub(crate) terminal: String,
    /// DE 7.
    pub(crate) transmission: String,
    /// DE 11.
    pub(crate) stan: u32,
    /// DE 37.
    pub(crate) rrn: String,
}

/// What is asked of an acquirer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Of a transaction.
    Authorise,
    /// Of a transaction: it is undone, or what is left of it given back.
    Reverse,
    /// Of a movement, or of a transaction that is collected at once.
    Capture,
    /// Of a movement.
    Refund,
}

/// A message that may have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) site: SiteId,
    /// The PSP id of the transaction or movement.
    pub(crate) reference: TransactionId,
    pub(crate) operation: Operation,
    pub(crate) order: OrderId,
    pub(crate) mark: Mark,
    /// DE 13 and DE 12.
    pub(crate) local_time: String,
    /// Of the first time.
    pub(crate) mti: Mti,
    /// How often it may have left. 0: it never will.
    pub(crate) sends: i64,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Authorise, Self::Reverse, Self::Capture, Self::Refund];

    /// A stable word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Reverse => "reverse",
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }

    fn parse(word: &str) -> Result<Self, Corrupt> {
        let found = Self::ALL.into_iter().find(|operation| operation.word() == word);
        found.ok_or_else(|| Corrupt(format!("{word} is nothing that is asked of an acquirer")))
    }
}

impl Trace {
    /// The type of the message as it leaves now: the mark of a repeat once it has left before.
    pub(crate) fn mti(&self) -> Mti {
        if self.sends > 1 { self.mti.repeat() } else { self.mti }
    }
}

const INSERT: &str = "INSERT INTO trace (site_id, reference, operation, order_id, terminal, transmission, stan, rrn, \
     local_time, mti, sends, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (site_id, reference, operation) DO NOTHING RETURNING 1";
const AGAIN: &str = "UPDATE trace SET sends = sends + 1 \
     WHERE site_id = $1 AND reference = $2 AND operation = $3 AND sends > 0 \
     RETURNING site_id, reference, operation, order_id, terminal, transmission, stan, rrn, local_time, mti, sends";
const BY_REFERENCE: &str = "SELECT site_id, reference, operation, order_id, terminal, transmission, stan, rrn, local_time, mti, \
     sends FROM trace WHERE site_id = $1 AND reference = $2 AND operation = $3";
const BY_NUMBERS: &str = "SELECT site_id, reference, operation, order_id, terminal, transmission, stan, rrn, local_time, mti, \
     sends FROM trace WHERE site_id = $1 AND terminal = $2 AND transmission = $3 AND stan = $4";

impl Store {
    /// Opens the trace of a message; `false` when there is one already, which stays as it is.
    pub(crate) async fn open_trace(&self, trace: &Trace, now: Timestamp) -> Result<bool, WriteError> {
        let insert = statement(
            INSERT,
            [
                trace.site.0.into(),
                trace.reference.0.into(),
                trace.operation.word().into(),
                trace.order.as_str().into(),
                trace.mark.terminal.as_str().into(),
                trace.mark.transmission.as_str().into(),
                i64::from(trace.mark.stan).into(),
                trace.mark.rrn.as_str().into(),
                trace.local_time.as_str().into(),
                trace.mti.to_string().into(),
                trace.sends.into(),
                now.0.into(),
            ],
        );
        Ok(!self.trace_write(trace.site, insert).await?.is_empty())
    }

    /// Notes that a message leaves again; `None` where it never did, and never will.
    pub(crate) async fn trace_again(
        &self,
        site: SiteId,
        reference: TransactionId,
        operation: Operation,
    ) -> anyhow::Result<Option<Trace>> {
        let again = statement(AGAIN, key(site, reference, operation));
        let rows = self.trace_write(site, again).await?;
        Ok(rows.into_iter().next().map(|row| parse(&mut row.columns())).transpose()?)
    }

    /// The trace of what was asked about a transaction or movement.
    pub(crate) async fn trace(
        &self,
        site: SiteId,
        reference: TransactionId,
        operation: Operation,
    ) -> Result<Option<Trace>, ReadError> {
        self.find_trace(statement(BY_REFERENCE, key(site, reference, operation))).await
    }

    /// The trace of the message with this DE 41, 7 and 11, of which there is one at most.
    pub(crate) async fn trace_of_numbers(
        &self,
        site: SiteId,
        terminal: &str,
        transmission: &str,
        stan: u32,
    ) -> Result<Option<Trace>, ReadError> {
        let params = [site.0.into(), terminal.into(), transmission.into(), i64::from(stan).into()];
        self.find_trace(statement(BY_NUMBERS, params)).await
    }

    /// Takes the next `count` numbers of a terminal; how many were ever taken, these included.
    pub(crate) async fn lease_stans(&self, site: SiteId, terminal: &str, count: i64) -> anyhow::Result<i64> {
        let sql = "INSERT INTO stan_counter (site_id, terminal, taken) VALUES ($1, $2, $3) \
                   ON CONFLICT (site_id, terminal) DO UPDATE SET taken = stan_counter.taken + excluded.taken \
                   RETURNING taken";
        let rows =
            self.trace_write(site, statement(sql, [site.0.into(), terminal.into(), count.into()])).await?;
        let row = rows.into_iter().next().ok_or_else(|| Corrupt("a counter did not count".to_owned()))?;
        Ok(row.columns().int()?)
    }

    /// The numbers from `first` to `last` whose outcome is still open: they are not given out again.
    pub(crate) async fn stans_in_flight(
        &self,
        site: SiteId,
        terminal: &str,
        first: u32,
        last: u32,
    ) -> Result<Vec<u32>, ReadError> {
        let sql = "SELECT t.stan FROM trace t WHERE t.site_id = $1 AND t.terminal = $2 AND t.stan >= $3 \
                   AND t.stan <= $4 AND (EXISTS (SELECT 1 FROM payment_transaction p WHERE p.site_id = t.site_id \
                   AND p.id = t.reference AND (p.state IN ('authorising', 'unknown', 'reversing') \
                   OR (p.state = 'void' AND p.released_at IS NULL) \
                   OR (p.state = 'completed' AND p.completion IS NOT NULL AND p.told_at IS NULL))) \
                   OR EXISTS (SELECT 1 FROM movement m WHERE m.site_id = t.site_id AND m.id = t.reference \
                   AND m.done_at IS NULL AND m.state IN ('', 'sending', 'unknown')))";
        let params = [site.0.into(), terminal.into(), i64::from(first).into(), i64::from(last).into()];
        let rows = self.db.read(statement(sql, params)).await?;
        rows.into_iter().map(|row| Ok(stan(&mut row.columns())?)).collect()
    }

    async fn find_trace(&self, query: Statement) -> Result<Option<Trace>, ReadError> {
        let row = self.db.read(query).await?.into_iter().next();
        Ok(row.map(|row| parse(&mut row.columns())).transpose()?)
    }

    async fn trace_write(&self, site: SiteId, write: Statement) -> Result<Vec<Row>, WriteError> {
        self.db.execute(format!("{site} trace"), write).await
    }
}

fn key(site: SiteId, reference: TransactionId, operation: Operation) -> [Value; 3] {
    [site.0.into(), reference.0.into(), operation.word().into()]
}

/// The five columns that every row about a mark begins with.
pub(super) fn by_mark(site: SiteId, mark: &Mark) -> [Value; 5] {
    [
        site.0.into(),
        mark.terminal.as_str().into(),
        mark.transmission.as_str().into(),
        i64::from(mark.stan).into(),
        mark.rrn.as_str().into(),
    ]
}

fn parse(columns: &mut Columns) -> Result<Trace, Corrupt> {
    let site = SiteId(columns.int()?);
    let reference = TransactionId(columns.int()?);
    let operation = Operation::parse(&columns.text()?)?;
    let order = orders::order_id(columns)?;
    let mark = mark(columns)?;
    let (local_time, mti) = (columns.text()?, columns.text()?);
    let mti = Mti::parse(&mti).ok_or_else(|| Corrupt(format!("{mti} is no message type")))?;
    Ok(Trace { site, reference, operation, order, mark, local_time, mti, sends: columns.int()? })
}

/// Terminal, transmission, STAN and RRN.
pub(super) fn mark(columns: &mut Columns) -> Result<Mark, Corrupt> {
    let (terminal, transmission) = (columns.text()?, columns.text()?);
    let stan = stan(columns)?;
    Ok(Mark { terminal, transmission, stan, rrn: columns.text()? })
}

fn stan(columns: &mut Columns) -> Result<u32, Corrupt> {
    let number = columns.int()?;
    u32::try_from(number).map_err(|_| Corrupt(format!("{number} is no STAN")))
}
