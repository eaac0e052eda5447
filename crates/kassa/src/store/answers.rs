//! Answers that are kept for requests with an `Idempotency-Key`.

use super::db::{Columns, Corrupt, ReadError, Statement, Write, WriteError, statement};
use super::{Store, commit};
use payments::ids::{OrderId, SiteId};
use payments::time::{Millis, Timestamp};

/// How long an answer is kept.
const KEPT_FOR: Millis = Millis::hours(24);

/// An answer and the request it belongs to. Its `Debug` form shows neither key nor body.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeptAnswer {
    pub(crate) site: SiteId,
    /// The shop's `Idempotency-Key`.
    pub(crate) key: String,
    /// What the request was: equal for equal requests.
    pub(crate) digest: Vec<u8>,
    /// The answer's bytes.
    pub(crate) body: String,
    /// The version of the order that the answer is about.
    pub(crate) order_version: Option<i64>,
}

impl std::fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptAnswer(site {}, {} bytes)", self.site, self.body.len())
    }
}

impl KeptAnswer {
    /// What keeps the answer, for the commit of its effect. Where the key has an answer already the commit is
    /// stale: look for the answer again. One that is too old makes room.
    pub(crate) fn statements(&self, now: Timestamp) -> [Statement; 2] {
        let Self { site, key, digest, body, order_version } = self;
        let make_room = statement(
            "DELETE FROM idempotent_answer WHERE site_id = $1 AND idempotency_key = $2 AND created_at <= $3",
            [site.0.into(), key.as_str().into(), oldest(now)],
        );
        let keep = statement(
            "INSERT INTO idempotent_answer (site_id, idempotency_key, digest, body, order_version, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            [
                site.0.into(),
                key.as_str().into(),
                digest.clone().into(),
                body.as_str().into(),
                (*order_version).into(),
                now.0.into(),
            ],
        );
        [make_room, keep]
    }
}

/// Answers from then or before no longer count.
fn oldest(now: Timestamp) -> super::db::Value {
    now.plus(Millis(-KEPT_FOR.0)).0.into()
}

impl Store {
    /// Keeps the answer of a request whose effects are committed already; `false` when the same request, sent to
    /// another node meanwhile, was faster.
    pub(crate) async fn keep_answers(&self, site: SiteId, kept: Vec<Statement>) -> Result<bool, WriteError> {
        let mut kept = kept.into_iter();
        let Some(first) = kept.next() else {
            return Ok(true);
        };
        let write =
            Write { key: format!("{site} answers").into(), first, rest: kept.collect(), guarded: false };
        match self.db.write(write).await {
            Ok(_) => Ok(true),
            Err(WriteError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The answer of a site's key, unless it is too old.
    pub(crate) async fn find_answer(
        &self,
        site: SiteId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, ReadError> {
        let sql = "SELECT digest, body, order_version FROM idempotent_answer \
                   WHERE site_id = $1 AND idempotency_key = $2 AND created_at > $3";
        let rows = self.db.read(statement(sql, [site.0.into(), key.into(), oldest(now)])).await?;
        let parse = |columns: &mut Columns| -> Result<KeptAnswer, Corrupt> {
            let digest = columns.blob()?;
            let (body, order_version) = (columns.text()?, columns.optional_int()?);
            Ok(KeptAnswer { site, key: key.to_owned(), digest, body, order_version })
        };
        Ok(rows.into_iter().next().map(|row| parse(&mut row.columns())).transpose()?)
    }

    /// Keeps the answer of a request that changed nothing about `order`; [`WriteError::Stale`] when its key
    /// has one already.
    pub(crate) async fn keep_answer(
        &self,
        order: &OrderId,
        answer: &KeptAnswer,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let [first, keep] = answer.statements(now);
        let key = commit::key_of(answer.site, order);
        self.db.write(Write { key, first, rest: vec![keep], guarded: false }).await.map(|_| ())
    }

    /// Deletes up to `limit` answers that are too old; how many there were.
    pub(crate) async fn forget_answers(&self, now: Timestamp, limit: i64) -> Result<usize, WriteError> {
        let sql = "DELETE FROM idempotent_answer WHERE (site_id, idempotency_key) IN \
                   (SELECT site_id, idempotency_key FROM idempotent_answer WHERE created_at <= $1 \
                   ORDER BY created_at LIMIT $2) AND created_at <= $1 RETURNING site_id";
        let forget = statement(sql, [oldest(now), limit.into()]);
        Ok(self.db.execute("answers", forget).await?.len())
    }
}
