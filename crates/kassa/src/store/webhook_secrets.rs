//! The secrets that sign a site's webhooks, sealed.

use super::Store;
use super::db::{ReadError, Value, Write, WriteError, statement};
use payments::ids::SiteId;
use payments::time::Timestamp;

/// A site's secrets as they are kept: nobody can use them without the key-encryption key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedSecrets {
    pub(crate) current: Vec<u8>,
    /// The one before, and since when it is.
    pub(crate) before: Option<(Vec<u8>, Timestamp)>,
}

impl Store {
    /// A site's secrets, once it has any.
    pub(crate) async fn webhook_secrets(&self, site: SiteId) -> Result<Option<SealedSecrets>, ReadError> {
        let sql = "SELECT webhook_sealed, webhook_rotated_at, webhook_sealed_before FROM site \
                   WHERE id = $1 AND webhook_sealed IS NOT NULL";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        let Some(mut columns) = rows.into_iter().next().map(super::db::Row::columns) else {
            return Ok(None);
        };
        let (current, rotated_at) = (columns.blob()?, columns.optional_int()?.map(Timestamp));
        let before = rotated_at.map(|at| columns.blob().map(|before| (before, at))).transpose()?;
        Ok(Some(SealedSecrets { current, before }))
    }

    /// Gives a site its first secret, or, when `known` is its secret, the next one; [`WriteError::Stale`] when
    /// somebody was faster.
    pub(crate) async fn set_webhook_secret(
        &self,
        site: SiteId,
        known: Option<&SealedSecrets>,
        next: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let first = match known {
            None => statement(
                "UPDATE site SET webhook_sealed = $1 WHERE id = $2 AND webhook_sealed IS NULL",
                [Value::Blob(next), site.0.into()],
            ),
            Some(known) => statement(
                "UPDATE site SET webhook_sealed_before = webhook_sealed, webhook_sealed = $1, \
                 webhook_rotated_at = $2 WHERE id = $3 AND webhook_sealed = $4",
                [Value::Blob(next), now.0.into(), site.0.into(), Value::Blob(known.current.clone())],
            ),
        };
        let write = Write { key: "sites".into(), first, rest: Vec::new(), guarded: true };
        self.db.write(write).await.map(|_| ())
    }
}
