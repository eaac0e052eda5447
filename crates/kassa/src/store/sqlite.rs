//! SQLite: one writer thread that groups what is waiting into one durable commit, and a few readers.

use super::db::{
    MIGRATION_TABLE, MIGRATIONS, QUEUE, Queued, ReadError, Row, Statement, Value, WriteError, Written,
};
use crate::metrics::{self, Stage};
use anyhow::Context as _;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, ffi, params_from_iter};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::mpsc;

const READERS: usize = 4;

/// An open SQLite file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    /// Taken when the database is closed.
    queue: Option<mpsc::Sender<Queued>>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<Mutex<Session>>,
}

/// A clean end: what is queued is committed, and the last connection folds the log into the one file.
impl Drop for Sqlite {
    fn drop(&mut self) {
        self.readers.clear();
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so already.
            let _ = writer.join();
        }
    }
}

/// A connection with its statements, rewritten from `$1` to `?1`: SQLite numbers `$` parameters by their
/// first appearance, not by their digits.
#[derive(Debug)]
struct Session {
    connection: Connection,
    /// By address: a statement's text is the same one every time, and some are long.
    texts: HashMap<(usize, usize), String>,
    /// Whether the disk was full the last time.
    is_refusing: bool,
}

impl Sqlite {
    /// Opens or creates the file, migrates it and starts the writer, which commits up to `group_max` writes at once.
    pub(crate) fn open(path: &Path, group_max: usize) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut writer = Connection::open(path).with_context(|| format!("opening the database {shown}"))?;
        prepare(&writer).with_context(|| format!("preparing the database {shown}"))?;
        migrate(&mut writer).with_context(|| format!("migrating the database {shown}"))?;
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(path, flags)
                .with_context(|| format!("opening the database {shown} for reading"))?;
            reader.busy_timeout(std::time::Duration::from_secs(10))?;
            readers.push(Mutex::new(Session::new(reader)?));
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        let session = Session::new(writer)?;
        let writer = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_all(session, waiting, group_max))
            .context("starting the database writer")?;
        Ok(Self { queue: Some(queue), writer: Some(writer), readers })
    }

    /// Hands a write to the writer; whether there still is one.
    pub(crate) async fn send(&self, queued: Queued) -> bool {
        match &self.queue {
            Some(queue) => queue.send(queued).await.is_ok(),
            None => false,
        }
    }

    /// How many writes wait for the writer.
    pub(crate) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Reads with whichever reader is free.
    pub(crate) fn read(&self, statement: &Statement) -> Result<Vec<Row>, ReadError> {
        let free = self.readers.iter().find_map(|reader| reader.try_lock().ok());
        let mut reader = match (free, self.readers.first()) {
            (Some(reader), _) => reader,
            (None, Some(first)) => first.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
            (None, None) => return Err(ReadError("no reader is open".to_owned())),
        };
        reader.run(statement).map(|(rows, _)| rows).map_err(|error| ReadError(error.to_string()))
    }
}

/// Durability is never traded for speed: WAL with a synced commit.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.pragma_update(None, "cache_size", -16_000)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    tx.execute_batch(MIGRATION_TABLE)?;
    let newest: i64 =
        tx.query_row("SELECT COALESCE(MAX(version), 0) FROM schema_migration", [], |row| row.get(0))?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > newest) {
        tx.execute_batch(migration.sql)?;
        let sql = "INSERT INTO schema_migration (version, name) VALUES (?1, ?2)";
        tx.execute(sql, (migration.version, migration.name))?;
    }
    tx.commit()
}

impl Session {
    fn new(connection: Connection) -> rusqlite::Result<Self> {
        connection.set_prepared_statement_cache_capacity(128);
        // One plan per statement, whatever is bound to it. Otherwise SQLite plans anew at every use.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(Self { connection, texts: HashMap::new(), is_refusing: false })
    }

    /// Runs one statement; answers its rows and how many rows it touched.
    fn run(&mut self, statement: &Statement) -> rusqlite::Result<(Vec<Row>, usize)> {
        let address = (statement.sql.as_ptr().addr(), statement.sql.len());
        let text = self.texts.entry(address).or_insert_with(|| statement.sql.replace('$', "?"));
        let mut prepared = self.connection.prepare_cached(text)?;
        let columns = prepared.column_count();
        if columns == 0 {
            let touched = prepared.execute(params_from_iter(&statement.params))?;
            return Ok((Vec::new(), touched));
        }
        let mut answer = prepared.query(params_from_iter(&statement.params))?;
        let mut rows = Vec::new();
        while let Some(row) = answer.next()? {
            let values = (0..columns).map(|at| row.get_ref(at).map(value_of));
            rows.push(Row(values.collect::<rusqlite::Result<_>>()?));
        }
        let touched = rows.len();
        Ok((rows, touched))
    }

    /// A commit that worked.
    fn has_room(&mut self) {
        if std::mem::take(&mut self.is_refusing) {
            tracing::info!("there is room on the disk again");
        }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.execute_batch(sql)
    }
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// The writer: takes everything that waits, up to the limit, and commits it at once. There is no timer: a
/// group forms while the one before it is being synced.
fn write_all(mut session: Session, mut waiting: mpsc::Receiver<Queued>, group_max: usize) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < group_max {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        metrics::grouped(group.len());
        group.iter().take(1).for_each(|oldest| metrics::took_since(Stage::StoreQueue, oldest.since));
        commit(&mut session, group);
    }
}

/// Commits a group; when a statement of it fails, each write is tried on its own, so that it fails alone.
fn commit(session: &mut Session, group: Vec<Queued>) {
    if let Err(error) = session.execute("BEGIN IMMEDIATE") {
        // Somebody else keeps the file locked: no write of the group would fare better.
        return fail(group, &error);
    }
    let began = Instant::now();
    match apply(session, &group) {
        Ok(answers) => {
            let applied = Instant::now();
            metrics::took(Stage::StoreStatements, applied - began);
            if let Err(error) = session.execute("COMMIT") {
                if !is_full(&error) {
                    stop(&error);
                }
                // The log had no room for the end of the transaction, so that none of it will ever count.
                roll_back(session);
                return refuse(session, group, &error);
            }
            session.has_room();
            metrics::took_since(Stage::StoreCommit, applied);
            for (queued, answer) in group.into_iter().zip(answers) {
                // Whoever asked may have gone; the write stands all the same.
                let _ = queued.reply.send(answer);
            }
        }
        Err(error) => {
            roll_back(session);
            if is_full(&error) {
                return refuse(session, group, &error);
            }
            if group.len() == 1 {
                return fail(group, &error);
            }
            group.into_iter().for_each(|queued| commit(session, vec![queued]));
        }
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// Nothing of the group happened, and nothing will until there is room. Said once, not for every write.
fn refuse(session: &mut Session, group: Vec<Queued>, error: &rusqlite::Error) {
    if !std::mem::replace(&mut session.is_refusing, true) {
        tracing::error!(%error, "the disk is full: nothing new is taken until there is room");
    }
    fail(group, error);
}

fn fail(group: Vec<Queued>, error: &rusqlite::Error) {
    let error = if is_taken(error) { WriteError::Stale } else { WriteError::Failed(error.to_string()) };
    for queued in group {
        let _ = queued.reply.send(Err(error.clone()));
    }
}

/// Whether something that may be there once is there already: somebody was faster.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE))
}

/// A full disk has rolled back by itself, and says so to a second attempt.
fn roll_back(session: &Session) {
    if let Err(error) = session.execute("ROLLBACK")
        && !session.connection.is_autocommit()
    {
        stop(&error);
    }
}

fn apply(session: &mut Session, group: &[Queued]) -> rusqlite::Result<Vec<Written>> {
    let mut answers = Vec::with_capacity(group.len());
    for Queued { write, .. } in group {
        let (rows, touched) = session.run(&write.first)?;
        if write.guarded && touched == 0 {
            answers.push(Err(WriteError::Stale));
            continue;
        }
        for statement in &write.rest {
            session.run(statement)?;
        }
        answers.push(Ok(rows));
    }
    Ok(answers)
}

/// A COMMIT that fails may still have reached the disk: nobody may act on either belief. The process ends;
/// on the next start the database says what is true.
fn stop(error: &rusqlite::Error) -> ! {
    tracing::error!(%error, "a commit failed and its outcome is unknown: stopping, restart to continue");
    std::process::exit(70)
}
