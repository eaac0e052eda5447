//! Authentications by 3-D Secure while they last.
//!
//! Every step is guarded by the state before it, so that of two messages that come at once one counts. The card is
//! wiped in the commit that takes its payment out of the authentication: see [`wipe`].

use super::db::{Columns, Corrupt, ReadError, Row, Statement, Value, Write, WriteError, statement};
use super::{Store, commit};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::time::Timestamp;
use std::collections::HashSet;

/// Where an authentication stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The browser is at the 3DS Method.
    Method,
    /// The directory server is being asked.
    Asking,
    /// The customer is at the issuer.
    Challenge,
    /// The issuer has said how it ended; the payment does not know yet.
    Answered,
    /// It is over.
    Ended,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Method, Self::Asking, Self::Challenge, Self::Answered, Self::Ended];

    fn word(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Asking => "asking",
            Self::Challenge => "challenge",
            Self::Answered => "answered",
            Self::Ended => "ended",
        }
    }

    fn parse(word: &str) -> Result<Self, Corrupt> {
        let found = Self::ALL.into_iter().find(|stage| stage.word() == word);
        found.ok_or_else(|| Corrupt(format!("authentication state {word:?}")))
    }
}

/// An authentication as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticationRow {
    pub(crate) site: SiteId,
    pub(crate) transaction: TransactionId,
    pub(crate) order: OrderId,
    pub(crate) server_trans_id: String,
    pub(crate) ds_trans_id: Option<String>,
    pub(crate) acs_trans_id: Option<String>,
    pub(crate) version: String,
    pub(crate) stage: Stage,
    /// JSON.
    pub(crate) content: String,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) asked_at: Option<Timestamp>,
    pub(crate) due_at: Option<Timestamp>,
    /// JSON.
    pub(crate) outcome: Option<String>,
    /// The node that has the card with its code in memory.
    pub(crate) holder: Option<String>,
}

/// The statement that ends the authentication of a payment that is authenticated no more.
pub(super) fn wipe(site: SiteId, transaction: TransactionId) -> Statement {
    statement(
        "UPDATE authentication SET state = 'ended', sealed = NULL, due_at = NULL, holder = NULL \
         WHERE site_id = $1 AND transaction_id = $2",
        [site.0.into(), transaction.0.into()],
    )
}

fn blob(bytes: Option<&Vec<u8>>) -> Value {
    bytes.map_or(Value::Null, |bytes| Value::Blob(bytes.clone()))
}

impl Store {
    /// Keeps a new authentication; [`WriteError::Stale`] when its payment has one.
    pub(crate) async fn begin_authentication(
        &self,
        row: &AuthenticationRow,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let first = statement(
            "INSERT INTO authentication (site_id, transaction_id, order_id, server_trans_id, ds_trans_id, \
             acs_trans_id, version, state, content, sealed, asked_at, due_at, outcome, holder, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT (site_id, transaction_id) DO NOTHING",
            [
                row.site.0.into(),
                row.transaction.0.into(),
                row.order.as_str().into(),
                row.server_trans_id.as_str().into(),
                row.ds_trans_id.as_deref().into(),
                row.acs_trans_id.as_deref().into(),
                row.version.as_str().into(),
                row.stage.word().into(),
                row.content.as_str().into(),
                blob(row.sealed.as_ref()),
                row.asked_at.map(|at| at.0).into(),
                row.due_at.map(|at| at.0).into(),
                row.outcome.as_deref().into(),
                row.holder.as_deref().into(),
                now.0.into(),
            ],
        );
        self.guarded(row, first).await
    }

    /// Puts `next` in the place of `known`; [`WriteError::Stale`] when it stands elsewhere by now.
    pub(crate) async fn move_authentication(
        &self,
        known: &AuthenticationRow,
        next: &AuthenticationRow,
    ) -> Result<(), WriteError> {
        let first = statement(
            "UPDATE authentication SET server_trans_id = $1, ds_trans_id = $2, acs_trans_id = $3, version = $4, \
             state = $5, content = $6, asked_at = $7, due_at = $8, outcome = $9, \
             sealed = CASE WHEN $5 = 'ended' THEN NULL ELSE sealed END, \
             holder = CASE WHEN $5 = 'ended' THEN NULL ELSE holder END \
             WHERE site_id = $10 AND transaction_id = $11 AND state = $12 AND server_trans_id = $13",
            [
                next.server_trans_id.as_str().into(),
                next.ds_trans_id.as_deref().into(),
                next.acs_trans_id.as_deref().into(),
                next.version.as_str().into(),
                next.stage.word().into(),
                next.content.as_str().into(),
                next.asked_at.map(|at| at.0).into(),
                next.due_at.map(|at| at.0).into(),
                next.outcome.as_deref().into(),
                known.site.0.into(),
                known.transaction.0.into(),
                known.stage.word().into(),
                known.server_trans_id.as_str().into(),
            ],
        );
        self.guarded(known, first).await
    }

    async fn guarded(&self, row: &AuthenticationRow, first: Statement) -> Result<(), WriteError> {
        let key = commit::key_of(row.site, &row.order);
        let write = Write { key, first, rest: Vec::new(), guarded: true };
        self.db.write(write).await.map(|_| ())
    }

    /// The authentication of a payment.
    pub(crate) async fn authentication(
        &self,
        site: SiteId,
        transaction: TransactionId,
    ) -> Result<Option<AuthenticationRow>, ReadError> {
        let sql = "SELECT site_id, transaction_id, order_id, server_trans_id, ds_trans_id, acs_trans_id, version, \
                   state, content, sealed, asked_at, due_at, outcome, holder FROM authentication \
                   WHERE site_id = $1 AND transaction_id = $2";
        let rows = self.db.read(statement(sql, [site.0.into(), transaction.0.into()])).await?;
        Ok(rows.into_iter().next().map(parse).transpose()?)
    }

    /// The authentication that messages call by this `threeDSServerTransID`.
    pub(crate) async fn authentication_called(
        &self,
        server_trans_id: &str,
    ) -> Result<Option<AuthenticationRow>, ReadError> {
        let sql = "SELECT site_id, transaction_id, order_id, server_trans_id, ds_trans_id, acs_trans_id, version, \
                   state, content, sealed, asked_at, due_at, outcome, holder FROM authentication \
                   WHERE server_trans_id = $1";
        let rows = self.db.read(statement(sql, [server_trans_id.into()])).await?;
        Ok(rows.into_iter().next().map(parse).transpose()?)
    }

    /// Authentications that a worker has to look after.
    pub(crate) async fn due_authentications(
        &self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<AuthenticationRow>, ReadError> {
        let sql = "SELECT site_id, transaction_id, order_id, server_trans_id, ds_trans_id, acs_trans_id, version, \
                   state, content, sealed, asked_at, due_at, outcome, holder FROM authentication \
                   WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";
        let rows = self.db.read(statement(sql, [now.0.into(), limit.into()])).await?;
        Ok(rows.into_iter().map(parse).collect::<Result<_, _>>()?)
    }

    /// The authentications whose outcome is known and whose cards this node has, oldest first.
    pub(crate) async fn answered_authentications(
        &self,
        holder: &str,
        limit: i64,
    ) -> Result<Vec<AuthenticationRow>, ReadError> {
        let sql = "SELECT site_id, transaction_id, order_id, server_trans_id, ds_trans_id, acs_trans_id, version, \
                   state, content, sealed, asked_at, due_at, outcome, holder FROM authentication \
                   WHERE holder = $1 AND state = 'answered' ORDER BY due_at LIMIT $2";
        let rows = self.db.read(statement(sql, [holder.into(), limit.into()])).await?;
        Ok(rows.into_iter().map(parse).collect::<Result<_, _>>()?)
    }

    /// The payments whose cards this node still needs for an authentication.
    pub(crate) async fn held_authentications(
        &self,
        holder: &str,
    ) -> Result<HashSet<(SiteId, TransactionId)>, ReadError> {
        let sql = "SELECT site_id, transaction_id FROM authentication WHERE holder = $1";
        let rows = self.db.read(statement(sql, [holder.into()])).await?;
        let parse = |row: Row| -> Result<_, Corrupt> {
            let mut columns = row.columns();
            Ok((SiteId(columns.int()?), TransactionId(columns.int()?)))
        };
        Ok(rows.into_iter().map(parse).collect::<Result<_, _>>()?)
    }

    /// The card ranges of a directory server as they were kept, and since when.
    pub(crate) async fn directory(&self, id: &str) -> Result<Option<(String, Timestamp)>, ReadError> {
        let sql = "SELECT ranges, fetched_at FROM directory WHERE id = $1";
        let rows = self.db.read(statement(sql, [id.into()])).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let mut columns = row.columns();
        Ok(Some((columns.text()?, Timestamp(columns.int()?))))
    }

    /// Keeps the card ranges of a directory server.
    pub(crate) async fn keep_directory(
        &self,
        id: &str,
        ranges: &str,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let first = statement(
            "INSERT INTO directory (id, ranges, fetched_at) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET ranges = $2, fetched_at = $3",
            [id.into(), ranges.into(), now.0.into()],
        );
        self.db.execute("directories", first).await.map(|_| ())
    }

    /// What the built-in issuer remembers of a challenge.
    pub(crate) async fn simulator_challenge(&self, id: &str) -> Result<Option<String>, ReadError> {
        let sql = "SELECT content FROM simulator_challenge WHERE id = $1";
        let rows = self.db.read(statement(sql, [id.into()])).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().text()).transpose()?)
    }

    /// Keeps a challenge of the built-in issuer, or what it remembers of it by now.
    pub(crate) async fn keep_simulator_challenge(
        &self,
        id: &str,
        content: &str,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let first = statement(
            "INSERT INTO simulator_challenge (id, content, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET content = $2",
            [id.into(), content.into(), now.0.into()],
        );
        self.db.execute(format!("challenge:{id}"), first).await.map(|_| ())
    }
}

fn parse(row: Row) -> Result<AuthenticationRow, Corrupt> {
    let mut columns = row.columns();
    let (site, transaction) = (SiteId(columns.int()?), TransactionId(columns.int()?));
    let order = columns.text()?;
    let order = OrderId::parse(&order).ok_or_else(|| Corrupt(format!("order id {order:?}")))?;
    Ok(AuthenticationRow {
        site,
        transaction,
        order,
        server_trans_id: columns.text()?,
        ds_trans_id: columns.optional_text()?,
        acs_trans_id: columns.optional_text()?,
        version: columns.text()?,
        stage: Stage::parse(&columns.text()?)?,
        content: columns.text()?,
        sealed: sealed(&mut columns)?,
        asked_at: columns.optional_int()?.map(Timestamp),
        due_at: columns.optional_int()?.map(Timestamp),
        outcome: columns.optional_text()?,
        holder: columns.optional_text()?,
    })
}

fn sealed(columns: &mut Columns) -> Result<Option<Vec<u8>>, Corrupt> {
    match columns.value() {
        Value::Null => Ok(None),
        Value::Blob(bytes) => Ok(Some(bytes)),
        other => Err(Corrupt(format!("bytes were expected, not {other:?}"))),
    }
}
