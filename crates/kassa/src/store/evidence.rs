//! Evidence that shops send against chargebacks.

use super::Store;
use super::db::{Value, WriteError, statement};
use payments::ids::{SiteId, TransactionId};
use payments::time::Timestamp;

/// A file that a shop sent.
#[derive(Debug)]
pub(crate) struct NewEvidence {
    pub(crate) site: SiteId,
    pub(crate) chargeback: TransactionId,
    /// SHA-256 of the content.
    pub(crate) digest: [u8; 32],
    /// `PDF`, `JPEG` or `PNG`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) content: Vec<u8>,
}

impl Store {
    /// Keeps a file; the same one again changes nothing.
    pub(crate) async fn keep_evidence(&self, new: &NewEvidence, now: Timestamp) -> Result<(), WriteError> {
        let insert = statement(
            "INSERT INTO evidence (site_id, chargeback_id, digest, kind, name, description, content, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (site_id, chargeback_id, digest) DO NOTHING",
            [
                new.site.0.into(),
                new.chargeback.0.into(),
                Value::Blob(new.digest.to_vec()),
                new.kind.into(),
                new.name.as_str().into(),
                new.description.as_str().into(),
                new.content.clone().into(),
                now.0.into(),
            ],
        );
        self.db.execute(format!("{} evidence", new.site), insert).await.map(|_| ())
    }
}
