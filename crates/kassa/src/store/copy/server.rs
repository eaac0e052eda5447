//! One side of a copy in a PostgreSQL database.

use super::super::db::Value;
use super::super::postgres::{Wire, connect, row_of, words};
use super::{BATCH, Batch, Kind, Table, Tally};
use anyhow::{Context as _, anyhow, bail};
use futures_util::TryStreamExt as _;
use std::pin::pin;
use tokio::sync::mpsc;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

/// A copy may take as long as it takes; waiting for a lock may not.
const SETTINGS: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
     SET lock_timeout = '10s'";

/// A connection in a transaction.
pub(super) struct Side(Wire);

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn told(error: tokio_postgres::Error) -> anyhow::Error {
    anyhow!(words(&error))
}

impl Side {
    /// Reads one snapshot. Whoever wants to write meanwhile has to wait: what was written after the snapshot would be
    /// missing in the copy, and nobody would know.
    pub(super) async fn source(url: &str, tables: &[Table]) -> anyhow::Result<Self> {
        let wire = Self::begin(url, "BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let lock = format!("LOCK TABLE {} IN SHARE MODE", names.join(", "));
        let locked = wire.client.batch_execute(&lock).await.map_err(told);
        locked.context(
            "locking the tables: stop the gateways on this database, and bring its schema up to date",
        )?;
        Ok(Self(wire))
    }

    pub(super) async fn target(url: &str) -> anyhow::Result<Self> {
        Ok(Self(Self::begin(url, "BEGIN").await?))
    }

    async fn begin(url: &str, begin: &str) -> anyhow::Result<Wire> {
        let wire = connect(url).await?;
        wire.client.batch_execute(SETTINGS).await.map_err(told)?;
        wire.client.batch_execute(begin).await.map_err(told)?;
        Ok(wire)
    }

    pub(super) async fn version(&self) -> anyhow::Result<i64> {
        let sql = "SELECT COALESCE(MAX(version), 0)::BIGINT FROM schema_migration";
        let row = self.0.client.query_one(sql, &[]).await.map_err(told);
        Ok(row.context("looking for the schema of kassa")?.get(0))
    }

    pub(super) async fn read(&self, table: &Table, to: Option<mpsc::Sender<Batch>>) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut batch = Vec::new();
        let none: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = pin!(self.0.client.query_raw(&table.select(), none).await.map_err(told)?);
        while let Some(row) = rows.try_next().await.map_err(told)? {
            let values = row_of(&row).map_err(told)?.0;
            tally.add(&values);
            if let Some(to) = &to {
                batch.push(values);
                if batch.len() == BATCH {
                    to.send(std::mem::take(&mut batch)).await.context("nobody writes any more")?;
                }
            }
        }
        if let Some(to) = to {
            to.send(batch).await.context("nobody writes any more")?;
        }
        Ok(tally)
    }

    pub(super) async fn write(&self, table: &Table, mut from: mpsc::Receiver<Batch>) -> anyhow::Result<()> {
        let sql = format!("COPY {} ({}) FROM STDIN BINARY", table.name, table.list());
        let types: Vec<Type> = table.columns.iter().map(|(_, kind)| kind_of(*kind)).collect();
        let sink = self.0.client.copy_in(&sql).await.map_err(told)?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        while let Some(batch) = from.recv().await {
            for row in &batch {
                // It would be said as well, with the text in it.
                if row.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0'))) {
                    bail!("PostgreSQL keeps no text with a NUL character, and a row has one");
                }
                writer.as_mut().write_raw(row).await.map_err(told)?;
            }
        }
        writer.finish().await.map_err(told)?;
        Ok(())
    }

    pub(super) async fn commit(self) -> anyhow::Result<()> {
        self.0.client.batch_execute("COMMIT").await.map_err(told)
    }
}

fn kind_of(kind: Kind) -> Type {
    match kind {
        Kind::Int => Type::INT8,
        Kind::Text => Type::TEXT,
        Kind::Blob => Type::BYTEA,
    }
}
