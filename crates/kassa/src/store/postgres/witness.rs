//! What tells whether a commit happened whose answer was lost.
//!
//! Every group leaves a row with its lane's name and a ticket that was never used before. Afterwards, on whichever
//! server takes writes by then, somebody who inserts the same row waits for a transaction that still holds it, and
//! then either finds it or has put one there that says no, which also stops whatever might still be on its way.
//! Looking is a commit of its own: with synchronous replication a row that was found is on the standby too once the
//! look is acknowledged, which the lost commit alone would not prove.
//!
//! Rows are only ever inserted, and deleted in a range that was not looked at before: an update of one row would slow
//! down with every dead version of it that a long-running reader, a dump say, keeps alive.

use super::super::db::{Statement, Value};
use super::rows::parameters;
use tokio_postgres::{Client, Error};

/// Made with the schema. It is no part of what is kept, so SQLite has no such table.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS commit_witness (lane TEXT NOT NULL, \
     ticket BIGINT NOT NULL, happened BIGINT NOT NULL, looks BIGINT NOT NULL, \
     made_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(), PRIMARY KEY (lane, ticket))";
/// What lanes that are gone have left.
pub(super) const TIDY: &str = "DELETE FROM commit_witness WHERE made_at < now() - INTERVAL '1 hour'";
/// A name for the lanes of this process.
pub(super) const NAME: &str = "SELECT CAST(gen_random_uuid() AS TEXT)";
const LEAVE: &str = "INSERT INTO commit_witness (lane, ticket, happened, looks) VALUES ($1, $2, 1, 0)";
const FORGET: &str = "DELETE FROM commit_witness WHERE lane = $1 AND ticket >= $2 AND ticket < $3";
const LOOK: &str = "INSERT INTO commit_witness (lane, ticket, happened, looks) VALUES ($1, $2, 0, 1) \
     ON CONFLICT (lane, ticket) DO UPDATE SET looks = commit_witness.looks + 1 RETURNING happened";
/// How many rows a lane collects before it deletes them.
const KEPT: i64 = 256;

/// The tickets of one lane.
#[derive(Debug)]
pub(super) struct Witness {
    lane: String,
    ticket: i64,
    /// Below this nothing is left.
    forgotten: i64,
}

impl Witness {
    /// For a lane with this name, which nobody ever had.
    pub(super) fn new(lane: String) -> Self {
        Self { lane, ticket: 0, forgotten: 0 }
    }

    /// What the next group leaves.
    pub(super) fn next(&mut self) -> Statement {
        self.ticket = self.ticket.saturating_add(1);
        Statement { sql: LEAVE, params: vec![self.lane.as_str().into(), self.ticket.into()] }
    }

    /// Deletes what earlier groups left, once there is enough of it.
    pub(super) fn forget(&self) -> Option<Statement> {
        let is_much = self.ticket.saturating_sub(self.forgotten) >= KEPT;
        let params = || vec![self.lane.as_str().into(), self.forgotten.into(), Value::Int(self.ticket)];
        is_much.then(|| Statement { sql: FORGET, params: params() })
    }

    /// That was committed.
    pub(super) fn forgot(&mut self) {
        self.forgotten = self.ticket;
    }

    /// Whether the newest group was committed. The answer holds for ever.
    pub(super) async fn look(&self, client: &Client) -> Result<bool, Error> {
        let look = Statement { sql: LOOK, params: vec![self.lane.as_str().into(), self.ticket.into()] };
        let happened: i64 = client.query_one(look.sql, &parameters(&look)).await?.try_get(0)?;
        Ok(happened == 1)
    }
}
