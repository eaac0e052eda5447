//! One side of a copy in a SQLite file; and the schema, which every version can tell by making it.

use super::super::db::{MIGRATIONS, Value};
use super::{BATCH, Batch, Kind, Table, Tally};
use anyhow::{Context as _, bail};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Every table of this version's schema, parents first.
pub(super) fn tables() -> anyhow::Result<Vec<Table>> {
    let connection = Connection::open_in_memory()?;
    for migration in MIGRATIONS {
        connection.execute_batch(migration.sql)?;
    }
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut left: Vec<String> = texts(&connection, names)?;
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut tables = Vec::new();
    while !left.is_empty() {
        let mut later = Vec::new();
        for name in left.clone() {
            let parents =
                texts(&connection, &format!("SELECT \"table\" FROM pragma_foreign_key_list('{name}')"))?;
            if parents.iter().all(|parent| known.contains(parent) || *parent == name) {
                tables.push(Table { columns: columns(&connection, &name)?, name: name.clone() });
                known.insert(name);
            } else {
                later.push(name);
            }
        }
        if later.len() == left.len() {
            bail!("the tables {} refer to each other", later.join(", "));
        }
        left = later;
    }
    Ok(tables)
}

fn texts(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn columns(connection: &Connection, table: &str) -> anyhow::Result<Vec<(String, Kind)>> {
    let sql = format!("SELECT name, type FROM pragma_table_info('{table}') ORDER BY cid");
    let mut prepared = connection.prepare(&sql)?;
    let columns = prepared.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    columns
        .map(|column| {
            let (name, kind) = column?;
            Ok(match kind.as_str() {
                "BIGINT" => (name, Kind::Int),
                "TEXT" => (name, Kind::Text),
                "BYTEA" => (name, Kind::Blob),
                other => bail!("the column {table}.{name} has the type {other}"),
            })
        })
        .collect()
}

/// A connection in a transaction.
pub(super) struct Side(Arc<Mutex<Connection>>);

impl Side {
    /// Reads one snapshot, whatever is written meanwhile.
    pub(super) fn source(path: &Path) -> anyhow::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags);
        let connection = opened.with_context(|| format!("opening {}", path.display()))?;
        connection.execute_batch("BEGIN")?;
        // The snapshot begins with the first read.
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(super) fn target(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path).with_context(|| format!("opening {}", path.display()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(super) fn version(&self) -> anyhow::Result<i64> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = connection.query_row("SELECT MAX(version) FROM schema_migration", [], |row| row.get(0));
        read.context("looking for the schema of kassa")
    }

    pub(super) async fn read(&self, table: &Table, to: Option<mpsc::Sender<Batch>>) -> anyhow::Result<Tally> {
        let (connection, table) = (Arc::clone(&self.0), table.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            read(&connection, &table, to.as_ref())
        });
        reading.await?
    }

    pub(super) async fn write(&self, table: &Table, from: mpsc::Receiver<Batch>) -> anyhow::Result<()> {
        let (connection, table) = (Arc::clone(&self.0), table.clone());
        let writing = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            write(&connection, &table, from)
        });
        writing.await?
    }

    pub(super) fn commit(self) -> anyhow::Result<()> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).execute_batch("COMMIT")?)
    }
}

fn read(connection: &Connection, table: &Table, to: Option<&mpsc::Sender<Batch>>) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut batch = Vec::new();
    let mut prepared = connection.prepare(&table.select())?;
    let mut rows = prepared.query([])?;
    while let Some(row) = rows.next()? {
        let values = table.columns.iter().enumerate().map(|(at, (name, kind))| {
            exactly(row.get_ref(at)?, *kind).with_context(|| format!("the column {name} of a row"))
        });
        let values = values.collect::<anyhow::Result<Vec<Value>>>()?;
        tally.add(&values);
        if let Some(to) = to {
            batch.push(values);
            if batch.len() == BATCH {
                to.blocking_send(std::mem::take(&mut batch)).context("nobody writes any more")?;
            }
        }
    }
    if let Some(to) = to {
        to.blocking_send(batch).context("nobody writes any more")?;
    }
    Ok(tally)
}

/// SQLite stores what it is given. What the other database could not take is found here.
fn exactly(value: ValueRef<'_>, kind: Kind) -> anyhow::Result<Value> {
    Ok(match (value, kind) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(value), Kind::Int) => Value::Int(value),
        (ValueRef::Text(bytes), Kind::Text) => Value::Text(std::str::from_utf8(bytes)?.to_owned()),
        (ValueRef::Blob(bytes), Kind::Blob) => Value::Blob(bytes.to_owned()),
        (other, kind) => bail!("it holds a {} where {kind:?} belongs", other.data_type()),
    })
}

fn write(connection: &Connection, table: &Table, mut from: mpsc::Receiver<Batch>) -> anyhow::Result<()> {
    let places: Vec<String> = (1..=table.columns.len()).map(|number| format!("?{number}")).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, table.list(), places.join(", "));
    let mut prepared = connection.prepare(&sql)?;
    while let Some(batch) = from.blocking_recv() {
        for row in batch {
            prepared.execute(params_from_iter(row.iter().map(parameter)))?;
        }
    }
    Ok(())
}

fn parameter(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Int(value) => ValueRef::Integer(*value),
        Value::Text(value) => ValueRef::Text(value.as_bytes()),
        Value::Blob(value) => ValueRef::Blob(value),
    })
}
