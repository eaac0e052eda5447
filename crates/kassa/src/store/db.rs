//! The two databases behind one face: statements in, rows out, writes grouped into few commits.
//!
//! Everything above speaks one SQL text in the portable subset (see `migrations/`). What differs between
//! the engines, connecting, grouping and migrating, lives here and in the two driver files.

use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::variant::{Ceiling, Variant};
use crate::metrics::{self, Wrote};
use payments::time::Timestamp;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// A column's value or a parameter. Its `Debug` form shows no text: that may be a name or a payment link.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BYTEA.
    Blob(Vec<u8>),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Int(value) => value.fmt(f),
            Self::Text(text) => write!(f, "a text of {} bytes", text.len()),
            Self::Blob(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One statement with its parameters `$1…`.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Value>,
}

/// A statement; parameters convert themselves.
pub(crate) fn statement<const N: usize>(sql: &'static str, params: [Value; N]) -> Statement {
    Statement { sql, params: params.into() }
}

/// One row of an answer, read left to right.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Value>);

/// A row does not hold what its reader expects: the database was changed behind our back.
#[derive(Debug)]
pub(crate) struct Corrupt(pub(crate) String);

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unexpected data in the database: {}", self.0)
    }
}

impl std::error::Error for Corrupt {}

/// Takes a row's columns one after the other.
pub(crate) struct Columns(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn columns(self) -> Columns {
        Columns(self.0.into_iter())
    }
}

impl Columns {
    fn next(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Null)
    }

    /// Whatever comes next, for a reader that only hands it on.
    pub(crate) fn value(&mut self) -> Value {
        self.next()
    }

    pub(crate) fn optional_int(&mut self) -> Result<Option<i64>, Corrupt> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(value)),
            other => Err(Corrupt(format!("a number was expected, not {other:?}"))),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, Corrupt> {
        self.optional_int()?.ok_or_else(|| Corrupt("a number is missing".to_owned()))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, Corrupt> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other => Err(Corrupt(format!("text was expected, not {other:?}"))),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Corrupt> {
        self.optional_text()?.ok_or_else(|| Corrupt("a text is missing".to_owned()))
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, Corrupt> {
        match self.next() {
            Value::Blob(value) => Ok(value),
            other => Err(Corrupt(format!("bytes were expected, not {other:?}"))),
        }
    }
}

/// What a write is about. Writes of one key never overtake each other and are locked in one order on every node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// One order: all that is written about it has this key.
    Order(String),
    /// Anything else, such as claiming what is due of many orders. PostgreSQL commits it apart from orders: it may lock
    /// rows of theirs, so it must not wait for one, or they would wait for each other until the database notices.
    Other(String),
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Other(name.to_owned())
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self::Other(name)
    }
}

/// A group of statements that take effect together or not at all.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) key: Key,
    /// The first statement. With `guarded` it must touch a row, or nothing of this write happens.
    pub(crate) first: Statement,
    /// What follows when it did.
    pub(crate) rest: Vec<Statement>,
    /// Whether the first statement decides.
    pub(crate) guarded: bool,
}

/// Why a write did not happen, or may not have.
#[derive(Clone, Debug)]
pub(crate) enum WriteError {
    /// The guard touched no row, or what may be there once is there already: somebody was faster.
    Stale,
    /// It was refused or could not be tried; nothing of it happened.
    Failed(String),
    /// The commit's answer was lost: it may have happened.
    Unknown(String),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("somebody else changed it first"),
            Self::Failed(why) => write!(f, "writing to the database: {why}"),
            Self::Unknown(why) => write!(f, "a commit's outcome is unknown: {why}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// A read that did not work.
#[derive(Debug)]
pub(crate) struct ReadError(pub(crate) String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading from the database: {}", self.0)
    }
}

impl std::error::Error for ReadError {}

impl From<Corrupt> for ReadError {
    fn from(corrupt: Corrupt) -> Self {
        Self(corrupt.to_string())
    }
}

/// What a write answers: the rows of its first statement's RETURNING.
pub(crate) type Written = Result<Vec<Row>, WriteError>;

/// A write on its way to the writer.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) write: Write,
    pub(crate) reply: oneshot::Sender<Written>,
    /// Since when it waits.
    pub(crate) since: Instant,
}

/// How many writes wait at most before new ones wait for room.
pub(crate) const QUEUE: usize = 4_096;
/// How many writes share one commit at most.
pub(crate) const GROUP_MAX: usize = 256;

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL connection string or URL.
    Postgres(String),
}

/// What a PostgreSQL is asked at once by one process, and how long it may take. The embedded database needs none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Connections that write orders; each has one group of writes under way. One more writes everything else.
    pub lanes: usize,
    /// Connections that read, at most.
    pub readers: usize,
    /// How long it may work on a statement.
    pub statement_ms: u64,
    /// How long a statement may wait for another transaction.
    pub lock_ms: u64,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { lanes: 2, readers: 8, statement_ms: 10_000, lock_ms: 2_000 }
    }
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
    /// Neither keeps what is written; see [`Variant`].
    Ceiling(Arc<Ceiling>),
}

/// A migration: its number, its name and its statements.
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// Every migration, oldest first. Append only.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "orders", sql: include_str!("../../migrations/0001_orders.sql") },
    Migration { version: 2, name: "movements", sql: include_str!("../../migrations/0002_movements.sql") },
    Migration { version: 3, name: "answers", sql: include_str!("../../migrations/0003_answers.sql") },
    Migration { version: 4, name: "lists", sql: include_str!("../../migrations/0004_lists.sql") },
    Migration { version: 5, name: "cards", sql: include_str!("../../migrations/0005_cards.sql") },
    Migration { version: 6, name: "traces", sql: include_str!("../../migrations/0006_traces.sql") },
    Migration {
        version: 7,
        name: "authentications",
        sql: include_str!("../../migrations/0007_authentications.sql"),
    },
    Migration { version: 8, name: "completions", sql: include_str!("../../migrations/0008_completions.sql") },
    Migration {
        version: 9,
        name: "second_tries",
        sql: include_str!("../../migrations/0009_second_tries.sql"),
    },
    Migration {
        version: 10,
        name: "book_by_time",
        sql: include_str!("../../migrations/0010_book_by_time.sql"),
    },
    Migration {
        version: 11,
        name: "open_to_buy",
        sql: include_str!("../../migrations/0011_open_to_buy.sql"),
    },
    Migration { version: 12, name: "nodes", sql: include_str!("../../migrations/0012_nodes.sql") },
    Migration { version: 13, name: "history", sql: include_str!("../../migrations/0013_history.sql") },
];

/// The table that remembers which migrations were applied.
pub(crate) const MIGRATION_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL)";

impl Db {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// One line that says what could not be opened and why.
    pub(crate) async fn open(
        location: &Location,
        variant: Variant,
        limits: PoolLimits,
    ) -> anyhow::Result<Self> {
        let db = match location {
            Location::File(path) => Self::Sqlite(Arc::new(Sqlite::open(path, variant.group_max())?)),
            Location::Postgres(url) => Self::Postgres(Arc::new(Postgres::open(url, variant, limits).await?)),
        };
        let log = match (variant, location) {
            (Variant::Group | Variant::PerRequest, _) => return Ok(db),
            (Variant::Log, Location::File(path)) => Some(path.with_extension("log")),
            (Variant::Log, Location::Postgres(_)) => anyhow::bail!("a log needs a folder: use a SQLite file"),
            (Variant::Nothing, _) => None,
        };
        Ok(Self::Ceiling(Arc::new(Ceiling::new(db, log.as_deref())?)))
    }

    /// Commits a write together with whatever else is waiting.
    pub(crate) async fn write(&self, write: Write) -> Written {
        let (reply, answer) = oneshot::channel();
        let queued = Queued { write, reply, since: Instant::now() };
        let sent = match self {
            Self::Sqlite(db) => db.send(queued).await,
            Self::Postgres(db) => db.lane(&queued.write.key).send(queued).await.is_ok(),
            Self::Ceiling(db) => db.send(queued).await,
        };
        if !sent {
            return Err(WriteError::Failed("the writer has stopped".to_owned()));
        }
        let written = answer.await;
        let written =
            written.unwrap_or_else(|_| Err(WriteError::Unknown("the writer has stopped".to_owned())));
        metrics::wrote(match &written {
            Ok(_) => Wrote::Done,
            Err(WriteError::Stale) => Wrote::Stale,
            Err(WriteError::Failed(_)) => Wrote::Failed,
            Err(WriteError::Unknown(_)) => Wrote::Unknown,
        });
        written
    }

    /// Whether nothing that is written is kept, so that what was read once is always true.
    pub(crate) fn is_ceiling(&self) -> bool {
        matches!(self, Self::Ceiling(_))
    }

    /// Whether a read is a round trip to another process.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// How many writes wait to be taken into a group.
    pub(crate) fn queued(&self) -> usize {
        match self {
            Self::Sqlite(db) => db.queued(),
            Self::Postgres(db) => db.queued(),
            Self::Ceiling(_) => 0,
        }
    }

    /// One statement on its own, whether or not it touches a row.
    pub(crate) async fn execute(&self, key: impl Into<Key>, first: Statement) -> Written {
        self.write(Write { key: key.into(), first, rest: Vec::new(), guarded: false }).await
    }

    /// Whether the database answers a read at once: one that is away is not waited for.
    pub(crate) async fn answers(&self, statement: Statement) -> bool {
        match self {
            Self::Postgres(db) => db.answers(&statement).await,
            Self::Sqlite(_) | Self::Ceiling(_) => self.read(statement).await.is_ok(),
        }
    }

    /// What time it is to a database that several processes share; `None` for one that a process has to itself.
    pub(crate) async fn clock(&self) -> Result<Option<Timestamp>, ReadError> {
        let Self::Postgres(db) = self else { return Ok(None) };
        let sql = "SELECT CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT)";
        let row = db.read(&statement(sql, [])).await?.into_iter().next();
        Ok(row.map(|row| row.columns().int()).transpose()?.map(Timestamp))
    }

    /// Reads rows; a single statement sees one state of the database.
    pub(crate) async fn read(&self, statement: Statement) -> Result<Vec<Row>, ReadError> {
        match self {
            Self::Sqlite(db) => db.read(&statement),
            Self::Postgres(db) => db.read(&statement).await,
            Self::Ceiling(db) => db.read(&statement).await,
        }
    }
}
