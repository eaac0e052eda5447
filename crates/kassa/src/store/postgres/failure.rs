//! What an error of the database means for what was being done.

use super::super::db::Written;
use super::server::words;
use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// How long a database that is away is waited for: a failover takes less, and whoever asked is still there.
const OUTAGE_MAX: Duration = Duration::from_secs(10);
/// How long until it is looked for again.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How a group ended.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing of it happened.
    Aborted(String),
    /// Nothing of it happened, for another transaction's sake: it may work when tried again.
    Contended(String),
    /// Nothing of it happened: something that may be there once is there already.
    Taken,
    /// Nothing of it happened, and it may work on another connection.
    Unreachable(String),
    /// The commit was sent and its answer never came. It would have been these.
    Lost { why: String, answers: Vec<Written> },
}

impl Failure {
    /// Before the commit was sent.
    pub(super) fn before_commit(error: &Error) -> Self {
        let why = words(error);
        match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => Self::Taken,
            Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
                Self::Contended(why)
            }
            _ if is_gone(error) => Self::Unreachable(why),
            _ => Self::Aborted(why),
        }
    }

    /// While the commit was under way: a server that says no has rolled back, unless what it says is that it,
    /// or a proxy before it, does not know.
    pub(super) fn during_commit(error: &Error, answers: Vec<Written>) -> Self {
        let unsure = |code: &SqlState| {
            let code = code.code();
            code == "40003" || ["08", "57P", "58"].iter().any(|class| code.starts_with(class))
        };
        match error.code() {
            Some(code) if !unsure(code) => Self::before_commit(error),
            Some(_) | None => Self::Lost { why: words(error), answers },
        }
    }
}

/// Whether the server is away, ends, starts, or is not the one to write to any more.
pub(super) fn is_gone(error: &Error) -> bool {
    if let Some(code) = error.code() {
        let code = code.code();
        // 25006: it has become a standby. 57014 is not among them: a statement that took too long.
        return code == "25006"
            || code == "53300"
            || ["08", "57P"].iter().any(|class| code.starts_with(class));
    }
    if error.is_closed() {
        return true;
    }
    let mut next = StdError::source(error);
    while let Some(cause) = next {
        if cause.is::<std::io::Error>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// Since when the database is away. It is waited for once: what comes when it has been away for longer is refused at
/// once, so that nothing piles up.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Mutex<Option<Instant>>,
}

impl Outage {
    /// Whether it is worth trying again, now that it did not answer.
    pub(super) fn may_wait(&self) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now).elapsed() < OUTAGE_MAX
    }

    /// It answers.
    pub(super) fn end(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How long something new may take that cannot be refused.
    pub(super) fn limit() -> Duration {
        OUTAGE_MAX
    }
}
