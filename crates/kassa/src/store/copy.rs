//! Moving everything from one database to another, for `kassa migrate --from … --to …`.
//!
//! The source is read in one snapshot, the target is written in one transaction, and nothing is committed before both
//! sides were counted and added up in the same way. The target has to be empty: nothing is merged.
//!
//! A row's sum is the SHA-256 of its values in the order of their columns; a table's is the sum of these as one large
//! number. So it does not depend on the order in which a database hands out its rows, which differs between the two.

mod embedded;
mod server;

use super::Store;
use super::db::{Location, MIGRATIONS, Value};
use anyhow::{Context as _, anyhow, bail};
use sha2::{Digest as _, Sha256};
use std::fmt;
use tokio::sync::mpsc;

/// How many rows are handed over at once.
const BATCH: usize = 500;
/// How many batches wait at most.
const WAITING: usize = 8;

type Batch = Vec<Vec<Value>>;

/// A column's type; there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Blob,
}

/// A table as this version's schema has it.
#[derive(Clone, Debug)]
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
}

impl Table {
    /// The columns' names, for a statement.
    fn list(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }

    fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.list(), self.name)
    }
}

/// What is in a table: how many rows, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    sum: [u64; 4],
}

impl Tally {
    fn add(&mut self, row: &[Value]) {
        let mut digest = Sha256::new();
        for value in row {
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Int(value) => (1, &value.to_be_bytes()),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Blob(bytes) => (3, bytes),
            };
            digest.update([kind]);
            digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(bytes);
        }
        let digest = digest.finalize();
        let mut carry = false;
        for (at, part) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let part = part.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            let (once, first) = at.overflowing_add(part);
            let (twice, second) = once.overflowing_add(u64::from(carry));
            (*at, carry) = (twice, first | second);
        }
        self.rows = self.rows.saturating_add(1);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().rev().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

/// What was copied of a table, counted and added up on both sides.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) table: String,
    pub(crate) from: Tally,
    pub(crate) to: Tally,
}

impl Copied {
    pub(crate) fn is_same(&self) -> bool {
        self.from == self.to
    }
}

/// One of the two databases, in its transaction.
enum Side {
    Embedded(embedded::Side),
    Server(server::Side),
}

impl Side {
    /// Opens the source: what is read is of one moment.
    async fn source(location: &Location, tables: &[Table]) -> anyhow::Result<Self> {
        let side = match location {
            Location::File(path) => Self::Embedded(embedded::Side::source(path)?),
            Location::Postgres(url) => Self::Server(server::Side::source(url, tables).await?),
        };
        let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
        let version = match &side {
            Self::Embedded(side) => side.version()?,
            Self::Server(side) => side.version().await?,
        };
        if version != newest {
            bail!(
                "the source has version {version} of the schema and this kassa has {newest}: bring it up to date with \
                 kassa migrate first"
            );
        }
        Ok(side)
    }

    /// Opens the target, with a fresh schema when it has none.
    async fn target(location: &Location) -> anyhow::Result<Self> {
        drop(Store::open(location).await.context("preparing the target")?);
        Ok(match location {
            Location::File(path) => Self::Embedded(embedded::Side::target(path)?),
            Location::Postgres(url) => Self::Server(server::Side::target(url).await?),
        })
    }

    /// Reads all of a table, hands it on, and tells what it was.
    async fn read(&self, table: &Table, to: Option<mpsc::Sender<Batch>>) -> anyhow::Result<Tally> {
        let read = match self {
            Self::Embedded(side) => side.read(table, to).await,
            Self::Server(side) => side.read(table, to).await,
        };
        read.with_context(|| format!("reading the table {}", table.name))
    }

    async fn write(&self, table: &Table, from: mpsc::Receiver<Batch>) -> anyhow::Result<()> {
        let written = match self {
            Self::Embedded(side) => side.write(table, from).await,
            Self::Server(side) => side.write(table, from).await,
        };
        written.with_context(|| format!("writing the table {}", table.name))
    }

    async fn commit(self) -> anyhow::Result<()> {
        let committed = match self {
            Self::Embedded(side) => side.commit(),
            Self::Server(side) => side.commit().await,
        };
        committed.context("committing the copy: whether it is there is unknown, look before you try again")
    }
}

/// Copies everything. Nothing is in the target unless every table is the same in both.
///
/// # Errors
/// What could not be read or written, and why; the target is as it was.
pub(crate) async fn copy(from: &Location, to: &Location) -> anyhow::Result<Vec<Copied>> {
    if from == to {
        return Err(anyhow!("the source and the target are the same database"));
    }
    let tables = embedded::tables()?;
    let source = Side::source(from, &tables).await.context("opening the source")?;
    let target = Side::target(to).await.context("opening the target")?;
    for table in &tables {
        if target.read(table, None).await?.rows > 0 {
            bail!("the target is not empty: its table {} has rows. Give it a new database", table.name);
        }
    }
    let mut copied = Vec::new();
    for table in &tables {
        let (send, receive) = mpsc::channel(WAITING);
        let (read, written) = tokio::join!(source.read(table, Some(send)), target.write(table, receive));
        // When writing fails, reading does too, and has less to say.
        written?;
        let (from, to) = (read?, target.read(table, None).await?);
        tracing::debug!(table = table.name, rows = from.rows, "copied");
        copied.push(Copied { table: table.name.clone(), from, to });
    }
    if copied.iter().all(Copied::is_same) {
        target.commit().await?;
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rows: &[&[Value]]) -> String {
        let mut tally = Tally::default();
        rows.iter().for_each(|row| tally.add(row));
        format!("{} {tally}", tally.rows)
    }

    #[test]
    fn a_sum_depends_on_every_value_and_not_on_the_order_of_rows() {
        let (one, two): ([Value; 2], [Value; 2]) = ([1.into(), "a".into()], [2.into(), "b".into()]);
        let whole = tally(&[&one, &two]);
        assert_eq!(whole, tally(&[&two, &one]));
        for other in [
            [Value::from(1), "b".into()],
            [Value::Null, "a".into()],
            [1.into(), Value::Blob(b"a".to_vec())],
            [1.into(), Value::Null],
            ["1".into(), "a".into()],
        ] {
            assert_ne!(whole, tally(&[&other, &two]), "{other:?}");
        }
        let values = |left: &str, right: &str| tally(&[&[left.into(), right.into()]]);
        assert_ne!(values("ab", "c"), values("a", "bc"), "where a value ends counts");
        assert_ne!(tally(&[&one]), tally(&[&one, &one, &one]));
    }

    /// Nothing is forgotten when a migration adds a table, and a parent comes before its children.
    #[test]
    fn every_table_of_the_schema_is_known_in_an_order_in_which_it_can_be_filled() {
        let tables = embedded::tables().unwrap();
        let at = |name: &str| tables.iter().position(|table| table.name == name).unwrap();
        assert!(at("site") < at("shop_order") && at("shop_order") < at("session"));
        assert!(at("site") < at("api_key") && at("shop_order") < at("order_event"));
        let texts: String = MIGRATIONS.iter().map(|migration| migration.sql).collect();
        for table in &tables {
            assert!(texts.contains(&format!("CREATE TABLE {} (", table.name)), "{}", table.name);
        }
        let made = texts.matches("CREATE TABLE ").count();
        // The tables that 0006 made anew.
        assert_eq!(tables.len(), made - 2);
    }
}
