//! What a site has in each account of the ledger, now and at the end of each day.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, statement};
use payments::ids::SiteId;
use payments::ledger::Account;
use payments::money::Currency;
use payments::time::Timestamp;

/// What came into an account, or went out of it. An account has one for each other that it deals with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) currency: Currency,
    pub(crate) account: Account,
    pub(crate) minor: i64,
    /// When it moved last; of what is told by quarters, when its quarter began.
    pub(crate) moved_at: Timestamp,
}

/// What flowed from one account to another.
struct Flow {
    currency: Currency,
    debit: Account,
    credit: Account,
    minor: i64,
    moved_at: Timestamp,
}

impl Store {
    /// What every account of a site held just before `until`.
    pub(crate) async fn held(&self, site: SiteId, until: Timestamp) -> Result<Vec<Held>, ReadError> {
        let flows = self.flows(site, until, until).await?;
        Ok(flows.iter().flat_map(Flow::sides).collect())
    }

    /// What every account of a site held just before `from`, and what came into it and went out of it from then on and
    /// before `until`, by quarters of an hour, oldest first: wherever on earth it is, a day begins with such a quarter.
    pub(crate) async fn held_and_moved(
        &self,
        site: SiteId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(Vec<Held>, Vec<Held>), ReadError> {
        let flows = self.flows(site, from, until).await?;
        let mut moved = Vec::new();
        for flow in flows.iter().filter(|flow| flow.moved_at >= from) {
            moved.extend(self.quarters(site, flow, from, until).await?.iter().flat_map(Flow::sides));
        }
        moved.sort_by_key(|held| held.moved_at);
        let before = flows.iter().filter(|flow| flow.minor != 0).flat_map(Flow::sides).collect();
        Ok((before, moved))
    }

    /// Every flow of a site before `until` with the sum of what flowed before `from`. One index has them in this order
    /// and everything that is asked of them, so nothing is sorted and no transfer is looked up.
    async fn flows(&self, site: SiteId, from: Timestamp, until: Timestamp) -> Result<Vec<Flow>, ReadError> {
        let sql = "SELECT currency, debit, credit, \
                   CAST(SUM(CASE WHEN created_at < $2 THEN amount_minor ELSE 0 END) AS BIGINT), MAX(created_at) \
                   FROM ledger_transfer WHERE site_id = $1 AND created_at < $3 \
                   GROUP BY currency, debit, credit ORDER BY currency, debit, credit";
        let rows = self.db.read(statement(sql, [site.0.into(), from.0.into(), until.0.into()])).await?;
        rows.into_iter().map(|row| Ok(parse(&mut row.columns())?)).collect()
    }

    async fn quarters(
        &self,
        site: SiteId,
        flow: &Flow,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Flow>, ReadError> {
        let sql = "SELECT currency, debit, credit, CAST(SUM(amount_minor) AS BIGINT), \
                   created_at / 900000 * 900000 AS quarter FROM ledger_transfer WHERE site_id = $1 \
                   AND currency = $2 AND debit = $3 AND credit = $4 AND created_at >= $5 AND created_at < $6 \
                   GROUP BY currency, debit, credit, created_at / 900000 * 900000 ORDER BY quarter";
        let params = [
            site.0.into(),
            flow.currency.code().into(),
            flow.debit.word().into(),
            flow.credit.word().into(),
            from.0.into(),
            until.0.into(),
        ];
        let rows = self.db.read(statement(sql, params)).await?;
        rows.into_iter().map(|row| Ok(parse(&mut row.columns())?)).collect()
    }
}

impl Flow {
    /// What it means for the one who gives and the one who gets.
    fn sides(&self) -> [Held; 2] {
        let Self { currency, moved_at, minor, .. } = *self;
        [(self.debit, minor.saturating_neg()), (self.credit, minor)].map(|(account, minor)| Held {
            currency,
            account,
            minor,
            moved_at,
        })
    }
}

fn parse(columns: &mut Columns) -> Result<Flow, Corrupt> {
    let wrong = |what: &str| Corrupt(format!("a transfer: {what}"));
    Ok(Flow {
        currency: Currency::parse(&columns.text()?).ok_or_else(|| wrong("currency"))?,
        debit: Account::parse(&columns.text()?).ok_or_else(|| wrong("debit"))?,
        credit: Account::parse(&columns.text()?).ok_or_else(|| wrong("credit"))?,
        minor: columns.int()?,
        moved_at: Timestamp(columns.int()?),
    })
}
