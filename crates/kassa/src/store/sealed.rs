//! Every column with something sealed in it, for the rotation of the key-encryption key.
//!
//! Each is a line of the registry below. A column that is not there is lost when the old key is destroyed; a test
//! compares the registry with the schema.

use super::Store;
use super::db::{ReadError, Value, Write, WriteError, statement};
use crate::keys::KeyId;
use payments::ids::SiteId;
use std::sync::LazyLock;

/// Sealed values, their rows, what they are sealed for (`purpose/site/id`), and what else depends on the key.
static SEALED: LazyLock<Vec<SealedColumn>> = LazyLock::new(|| {
    vec![
        SealedColumn::new("api_key", "site_id", "id", "sealed", "api-key", Some(&API_KEY)),
        SealedColumn::new("token", "site_id", "id", "sealed", "token", Some(&CARD)),
        SealedColumn {
            table: "webhook",
            ..SealedColumn::new("site", "id", "id", "webhook_sealed", WEBHOOK, None)
        },
        SealedColumn {
            table: "webhook_before",
            ..SealedColumn::new("site", "id", "id", "webhook_sealed_before", WEBHOOK, None)
        },
        // Cards, for minutes: people see them among the kept ones.
        SealedColumn {
            table: "token",
            ..SealedColumn::new(
                "authentication",
                "site_id",
                "transaction_id",
                "sealed",
                "authentication",
                None,
            )
        },
    ]
});

const WEBHOOK: &str = "webhook-secret";
const API_KEY: Keyed = Keyed { content: Content::ApiKey, column: "digest", context: None };
const CARD: Keyed = Keyed { content: Content::Card, column: "fingerprint", context: Some("reference") };

/// A column beside the sealed one that is computed from the secret under the same key.
struct Keyed {
    content: Content,
    column: &'static str,
    /// The column whose text it depends on as well.
    context: Option<&'static str>,
}

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Something that is only ever opened.
    Secret,
    /// A key with a digest.
    ApiKey,
    /// A card with a key of its own and a fingerprint.
    Card,
}

/// A column with sealed values.
#[derive(Debug)]
pub(crate) struct SealedColumn {
    /// For people.
    pub(crate) table: &'static str,
    pub(crate) content: Content,
    purpose: &'static str,
    count: String,
    select: String,
    update: String,
}

/// A sealed value and where it is.
#[derive(Debug)]
pub(crate) struct SealedRow {
    pub(crate) site: SiteId,
    id: Value,
    pub(crate) sealed: Vec<u8>,
    /// The text that the keyed column depends on.
    pub(crate) context: Option<String>,
}

/// What takes a sealed value's place.
#[derive(Debug)]
pub(crate) struct Resealed {
    pub(crate) sealed: Vec<u8>,
    /// The keyed column's new value, where there is one.
    pub(crate) keyed: Option<Vec<u8>>,
}

impl SealedColumn {
    /// Every one there is.
    pub(crate) fn all() -> &'static [Self] {
        &SEALED
    }

    fn new(
        table: &'static str,
        site: &str,
        id: &str,
        sealed: &str,
        purpose: &'static str,
        keyed: Option<&Keyed>,
    ) -> Self {
        let context = keyed.and_then(|keyed| keyed.context).map(|column| format!(", {column}"));
        let context = context.unwrap_or_default();
        let set = keyed.map(|keyed| format!(", {} = $5", keyed.column)).unwrap_or_default();
        Self {
            table,
            content: keyed.map_or(Content::Secret, |keyed| keyed.content),
            purpose,
            // Version and key id are the first five bytes.
            count: format!(
                "SELECT substr({sealed}, 1, 5), COUNT(*) FROM {table} WHERE {sealed} IS NOT NULL \
                 GROUP BY substr({sealed}, 1, 5) ORDER BY substr({sealed}, 1, 5)"
            ),
            select: format!(
                "SELECT {site}, {id}, {sealed}{context} FROM {table} WHERE substr({sealed}, 1, 5) <> $1 \
                 AND ({site}, {id}) > ($2, $3) ORDER BY {site}, {id} LIMIT $4"
            ),
            update: format!(
                "UPDATE {table} SET {sealed} = $1{set} WHERE {site} = $2 AND {id} = $3 AND {sealed} = $4"
            ),
        }
    }

    /// Whether this is about that column.
    #[cfg(test)]
    pub(crate) fn is(&self, table: &str, column: &str) -> bool {
        self.update.starts_with(&format!("UPDATE {table} SET {column} = "))
    }

    /// What a row's value is sealed for.
    pub(crate) fn purpose(&self, row: &SealedRow) -> String {
        format!("{}/{}/{}", self.purpose, row.site, row.name())
    }
}

impl SealedRow {
    /// The row's id as text.
    pub(crate) fn name(&self) -> String {
        match &self.id {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Null | Value::Blob(_) => String::new(),
        }
    }
}

impl Store {
    /// How many values of a column each key has sealed; `None` for what no key can have sealed.
    pub(crate) async fn count_sealed(
        &self,
        column: &'static SealedColumn,
    ) -> Result<Vec<(Option<KeyId>, i64)>, ReadError> {
        let rows = self.db.read(statement(&column.count, [])).await?;
        let count = |row: super::db::Row| {
            let mut columns = row.columns();
            Ok((KeyId::of_sealed(&columns.blob()?), columns.int()?))
        };
        rows.into_iter().map(count).collect()
    }

    /// The next values of a column that another key than `newest` has sealed, behind the row `after`.
    pub(crate) async fn sealed_otherwise(
        &self,
        column: &'static SealedColumn,
        newest: KeyId,
        after: Option<&SealedRow>,
        limit: i64,
    ) -> Result<Vec<SealedRow>, ReadError> {
        // No site has a negative number, so the first row's id does not matter.
        let (site, id) = after.map_or((-1, Value::Null), |row| (row.site.0, row.id.clone()));
        let parameters = [newest.beginning().into(), site.into(), id, limit.into()];
        let rows = self.db.read(statement(&column.select, parameters)).await?;
        let row = |row: super::db::Row| {
            let mut columns = row.columns();
            let (site, id) = (SiteId(columns.int()?), columns.value());
            Ok(SealedRow { site, id, sealed: columns.blob()?, context: columns.optional_text()? })
        };
        rows.into_iter().map(row).collect()
    }

    /// Puts `new` in the place of a sealed value; [`WriteError::Stale`] when it is not there any more.
    pub(crate) async fn replace_sealed(
        &self,
        column: &'static SealedColumn,
        row: &SealedRow,
        new: Resealed,
    ) -> Result<(), WriteError> {
        let place = [row.site.0.into(), row.id.clone(), row.sealed.clone().into()];
        let mut first = statement(&column.update, [new.sealed.into()]);
        first.params.extend(place);
        first.params.extend(new.keyed.map(Value::from));
        // The key that other writes of API keys have, so that none waits for another.
        self.db.write(Write { key: "sites".into(), first, rest: Vec::new(), guarded: true }).await.map(|_| ())
    }
}
