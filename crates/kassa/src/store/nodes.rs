//! The processes that serve from one database: each says every second that it lives.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, WriteError, statement};
use payments::time::{Millis, Timestamp};

/// A process that serves, or has served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRow {
    /// Drawn at its start.
    pub(crate) id: String,
    /// What it does.
    pub(crate) roles: String,
    /// When it last said that it lives.
    pub(crate) seen_at: Timestamp,
}

impl Store {
    /// The clock of a database that several processes share; `None` where there is one process only.
    pub(crate) async fn shared_clock(&self) -> Result<Option<Timestamp>, ReadError> {
        self.db.clock().await
    }

    /// Says that a node lives.
    pub(crate) async fn beat(&self, id: &str, roles: &str, now: Timestamp) -> Result<(), WriteError> {
        let sql = "INSERT INTO node (id, roles, started_at, seen_at) VALUES ($1, $2, $3, $3) \
                   ON CONFLICT (id) DO UPDATE SET roles = $2, seen_at = $3";
        let beat = statement(sql, [id.into(), roles.into(), now.0.into()]);
        self.db.execute(format!("node {id}"), beat).await.map(|_| ())
    }

    /// Every node that has not been forgotten.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeRow>, ReadError> {
        let rows = self.db.read(statement("SELECT id, roles, seen_at FROM node ORDER BY id", [])).await?;
        let parse = |columns: &mut Columns| -> Result<NodeRow, Corrupt> {
            let (id, roles) = (columns.text()?, columns.text()?);
            Ok(NodeRow { id, roles, seen_at: Timestamp(columns.int()?) })
        };
        Ok(rows.into_iter().map(|row| parse(&mut row.columns())).collect::<Result<_, _>>()?)
    }

    /// When a node last said that it lives; `None` for one that is not there, or said good-bye.
    pub(crate) async fn node_seen_at(&self, id: &str) -> Result<Option<Timestamp>, ReadError> {
        let rows = self.db.read(statement("SELECT seen_at FROM node WHERE id = $1", [id.into()])).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.map(Timestamp))
    }

    /// A node says good-bye.
    pub(crate) async fn forget_node(&self, id: &str) -> Result<(), WriteError> {
        let forget = statement("DELETE FROM node WHERE id = $1", [id.into()]);
        self.db.execute(format!("node {id}"), forget).await.map(|_| ())
    }

    /// Forgets the nodes that have been silent for this long.
    pub(crate) async fn forget_silent_nodes(
        &self,
        now: Timestamp,
        silence: Millis,
    ) -> Result<(), WriteError> {
        let before = Timestamp(now.0.saturating_sub(silence.0));
        let forget = statement("DELETE FROM node WHERE seen_at < $1", [before.0.into()]);
        self.db.execute("nodes", forget).await.map(|_| ())
    }
}
