//! What a site has in each account of the ledger, now and at other times.
//!
//! The ledger is added up, and what is long over only once: its sums are remembered, so that who asks every day has a
//! day's transfers counted, not those of all the years before.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, Statement, statement};
use super::totals::Way;
use payments::ids::SiteId;
use payments::ledger::Account;
use payments::money::Currency;
use payments::time::{Millis, Timestamp};

/// What is in an account, as far as one other is concerned that it deals with: less than zero when it gave that one
/// more than it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) currency: Currency,
    pub(crate) account: Account,
    pub(crate) minor: i64,
}

/// To what is settled: after so long no transfer comes late any more. One is written seconds after its time; only a
/// machine that was stopped and goes on could take longer.
const TO_SETTLED: Millis = Millis::days(-1);

impl Store {
    /// What every account of a site holds, and when that changed last.
    pub(crate) async fn held(
        &self,
        site: SiteId,
        now: Timestamp,
    ) -> Result<Vec<(Held, Timestamp)>, ReadError> {
        let settled = now.plus(TO_SETTLED);
        let day_before = Timestamp(settled.0.saturating_sub(settled.0.rem_euclid(Millis::days(1).0)));
        let mut held = Vec::new();
        for way in self.ways(site).await? {
            let before = self.totals_at(site, way, &[day_before], settled).await?;
            let sql = "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT), (SELECT MAX(created_at) \
                       FROM ledger_transfer WHERE site_id = $1 AND currency = $2 AND debit = $3 AND credit = $4) \
                       FROM ledger_transfer WHERE site_id = $1 AND currency = $2 AND debit = $3 AND credit = $4 \
                       AND created_at >= $5";
            let rows = self.db.read(about(sql, site, way, &[day_before])).await?;
            let Some(row) = rows.into_iter().next() else { continue };
            let mut columns = row.columns();
            let minor = before.into_iter().sum::<i64>().saturating_add(columns.int()?);
            let moved_at = Timestamp(columns.int()?);
            held.extend(way.sides(minor).map(|side| (side, moved_at)));
        }
        Ok(held)
    }

    /// What every account of a site held just before each of these times, one after the other. Each is the begin of a
    /// quarter of an hour: wherever on earth it is, a day begins with one.
    pub(crate) async fn held_at(
        &self,
        site: SiteId,
        times: &[Timestamp],
        now: Timestamp,
    ) -> Result<Vec<Vec<Held>>, ReadError> {
        let mut held = vec![Vec::new(); times.len()];
        for way in self.ways(site).await? {
            let totals = self.totals_at(site, way, times, now.plus(TO_SETTLED)).await?;
            for (held, minor) in held.iter_mut().zip(totals).filter(|(_, minor)| *minor != 0) {
                held.extend(way.sides(minor));
            }
        }
        Ok(held)
    }

    /// The ways that anything ever went. Each is found behind the one before: nothing else of the index is read.
    async fn ways(&self, site: SiteId) -> Result<Vec<Way>, ReadError> {
        let sql = "SELECT currency, debit, credit FROM ledger_transfer WHERE site_id = $1 \
                   AND (currency, debit, credit) > ($2, $3, $4) ORDER BY currency, debit, credit LIMIT 1";
        let mut ways: Vec<Way> = Vec::new();
        loop {
            let last = ways.last().map_or([""; 3], |last| last.words());
            let params = [site.0.into(), last[0].into(), last[1].into(), last[2].into()];
            let rows = self.db.read(statement(sql, params)).await?;
            match rows.into_iter().next() {
                Some(row) => ways.push(parse(&mut row.columns())?),
                None => return Ok(ways),
            }
        }
    }

    /// All that went this way before each of these times, one after the other. What went before `settled` is remembered.
    async fn totals_at(
        &self,
        site: SiteId,
        way: Way,
        times: &[Timestamp],
        settled: Timestamp,
    ) -> Result<Vec<i64>, ReadError> {
        let mut totals = self.totals.known(site, way, times);
        let rest = times.get(totals.len()..).unwrap_or_default();
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
            return Ok(totals);
        };
        let (from, mut total) = self.totals.newest(site, way, *first);
        let sql = "SELECT created_at / 900000 * 900000 AS quarter, CAST(SUM(amount_minor) AS BIGINT) \
                   FROM ledger_transfer WHERE site_id = $1 AND currency = $2 AND debit = $3 AND credit = $4 \
                   AND created_at >= $5 AND created_at < $6 GROUP BY created_at / 900000 * 900000 ORDER BY quarter";
        let rows = self.db.read(about(sql, site, way, &[from, *last])).await?;
        let quarter = |columns: &mut Columns| Ok((Timestamp(columns.int()?), columns.int()?));
        let quarters: Result<Vec<_>, Corrupt> =
            rows.into_iter().map(|row| quarter(&mut row.columns())).collect();
        let mut quarters = quarters?.into_iter().peekable();
        for time in rest {
            while let Some((_, minor)) = quarters.next_if(|(begin, _)| begin < time) {
                total = total.saturating_add(minor);
            }
            totals.push(total);
            if *time <= settled {
                self.totals.keep(site, way, *time, total);
            }
        }
        Ok(totals)
    }
}

impl Way {
    fn words(self) -> [&'static str; 3] {
        [self.currency.code(), self.debit.word(), self.credit.word()]
    }

    /// What it means for the one who gives and the one who gets.
    fn sides(self, minor: i64) -> [Held; 2] {
        let Self { currency, debit, credit } = self;
        [(debit, minor.saturating_neg()), (credit, minor)].map(|(account, minor)| Held {
            currency,
            account,
            minor,
        })
    }
}

/// A statement whose parameters are a way and times.
fn about(sql: &'static str, site: SiteId, way: Way, times: &[Timestamp]) -> Statement {
    let words = way.words().map(Into::into);
    let times = times.iter().map(|time| time.0.into());
    Statement { sql, params: std::iter::once(site.0.into()).chain(words).chain(times).collect() }
}

fn parse(columns: &mut Columns) -> Result<Way, Corrupt> {
    let wrong = |what: &str| Corrupt(format!("a transfer: {what}"));
    Ok(Way {
        currency: Currency::parse(&columns.text()?).ok_or_else(|| wrong("currency"))?,
        debit: Account::parse(&columns.text()?).ok_or_else(|| wrong("debit"))?,
        credit: Account::parse(&columns.text()?).ok_or_else(|| wrong("credit"))?,
    })
}
