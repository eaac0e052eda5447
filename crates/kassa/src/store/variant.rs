//! What the store is measured against: the same gateway with its writes done in another way, or not done at all.
//! Only `kassa bench` asks for these; nothing is safe with any but the first.

use super::db::{Db, GROUP_MAX, QUEUE, Queued, ReadError, Row, Statement, Value, Written};
use anyhow::Context as _;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// How writes are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Variant {
    /// Whatever waits shares one commit: how Kassa works.
    #[default]
    #[value(name = "group")]
    Group,
    /// Every request has a transaction of its own.
    #[value(name = "per_request")]
    PerRequest,
    /// Writes are appended to a file and synced, groups at a time: durable, and nothing can be found again.
    #[value(name = "log")]
    Log,
    /// Writes are acknowledged and forgotten.
    #[value(name = "none")]
    Nothing,
}

impl Variant {
    /// How many writes share one commit at most.
    pub(super) fn group_max(self) -> usize {
        if self == Self::PerRequest { 1 } else { GROUP_MAX }
    }

    /// As it is written in a report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::PerRequest => "per_request",
            Self::Log => "log",
            Self::Nothing => "none",
        }
    }
}

/// The ids of orders that only a ceiling sees start with this, so that it need not look for them.
pub(crate) const UNSEEN: &str = "new-";

/// A query and its parameters.
type Asked = (&'static str, Vec<Value>);

/// A database that is read once: what was found is answered from memory from then on, and nothing is written to it.
#[derive(Debug)]
pub(crate) struct Ceiling {
    beneath: Db,
    known: Mutex<HashMap<Asked, Vec<Row>>>,
    /// Where writes are appended, if anywhere.
    log: Option<mpsc::Sender<Queued>>,
}

impl Ceiling {
    /// Over a database; with a file to which writes are appended.
    pub(crate) fn new(beneath: Db, log: Option<&Path>) -> anyhow::Result<Self> {
        let log = log.map(append_to).transpose()?;
        Ok(Self { beneath, known: Mutex::default(), log })
    }

    pub(crate) async fn read(&self, statement: &Statement) -> Result<Vec<Row>, ReadError> {
        let is_unseen = |value: &Value| matches!(value, Value::Text(text) if text.starts_with(UNSEEN));
        if statement.params.iter().any(is_unseen) {
            return Ok(Vec::new());
        }
        let key = (statement.sql, statement.params.clone());
        if let Some(rows) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(rows.clone());
        }
        let rows = Box::pin(self.beneath.read(statement.clone())).await?;
        if !rows.is_empty() {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, rows.clone());
        }
        Ok(rows)
    }

    /// Acknowledges a write, at once or when the log is synced; whether there still is a log.
    pub(crate) async fn send(&self, queued: Queued) -> bool {
        match &self.log {
            Some(log) => log.send(queued).await.is_ok(),
            None => {
                let _ = queued.reply.send(Ok(Vec::new()));
                true
            }
        }
    }
}

/// A thread that appends whatever waits and syncs it once.
fn append_to(path: &Path) -> anyhow::Result<mpsc::Sender<Queued>> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let (queue, waiting) = mpsc::channel(QUEUE);
    let writer = std::thread::Builder::new().name("log-writer".to_owned());
    writer.spawn(move || append_all(file, waiting)).context("starting the log's writer")?;
    Ok(queue)
}

fn append_all(mut file: File, mut waiting: mpsc::Receiver<Queued>) {
    let mut bytes = Vec::new();
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        crate::metrics::grouped(group.len());
        bytes.clear();
        for Queued { write, .. } in &group {
            encode(&write.first, &mut bytes);
            write.rest.iter().for_each(|statement| encode(statement, &mut bytes));
        }
        let appended = file.write_all(&bytes).and_then(|()| file.sync_data());
        for queued in group {
            let failed = |error: &std::io::Error| super::db::WriteError::Failed(error.to_string());
            let answer: Written = appended.as_ref().map(|()| Vec::new()).map_err(failed);
            let _ = queued.reply.send(answer);
        }
    }
}

/// What a replay would need: which statement, and its parameters with their lengths.
fn encode(statement: &Statement, bytes: &mut Vec<u8>) {
    let length = |bytes: &mut Vec<u8>, length: usize| bytes.extend(length.to_le_bytes());
    bytes.extend((statement.sql.as_ptr().addr()).to_le_bytes());
    length(bytes, statement.params.len());
    for value in &statement.params {
        match value {
            Value::Null => bytes.push(0),
            Value::Int(number) => {
                bytes.push(1);
                bytes.extend(number.to_le_bytes());
            }
            Value::Text(text) => {
                bytes.push(2);
                length(bytes, text.len());
                bytes.extend(text.as_bytes());
            }
            Value::Blob(blob) => {
                bytes.push(3);
                length(bytes, blob.len());
                bytes.extend(blob);
            }
        }
    }
}
