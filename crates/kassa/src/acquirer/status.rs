//! How the links to the hosts are doing, for those who keep the gateway running.

use super::Acquirer;
use super::line::Line;
use super::link::{Counters, Standing};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// A link: how it is now, and what happened since the process was started. [`Counters`] says what counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// What the configuration calls it.
    pub(crate) acquirer: String,
    pub(crate) state: State,
    /// How many sessions are signed on, and how many there should be.
    pub(crate) signed_on: usize,
    pub(crate) sessions: usize,
    /// How many messages wait for an answer.
    pub(crate) in_flight: usize,
    pub(crate) requests: u64,
    pub(crate) approvals: u64,
    pub(crate) declines: u64,
    pub(crate) unknown: u64,
    pub(crate) late: u64,
    pub(crate) duplicates: u64,
    pub(crate) unmatched: u64,
    pub(crate) unreadable: u64,
    pub(crate) connections: u64,
    /// Of those, the ones after the first of each session.
    pub(crate) reconnects: u64,
    pub(crate) not_connected: u64,
    pub(crate) queue_full: u64,
    pub(crate) suspended: u64,
}

/// Whether cards can be charged over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// A session is signed on.
    Up,
    /// None is.
    Down,
    /// One is, but the host stopped answering: it has to answer an echo, and then one message.
    Suspended,
}

impl State {
    /// A stable word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Suspended => "suspended",
        }
    }
}

impl Status {
    fn of(line: &Line) -> Self {
        let Standing { signed_on, sessions, in_flight, is_suspended } = line.link.standing();
        let state = match signed_on {
            0 => State::Down,
            _ if is_suspended => State::Suspended,
            _ => State::Up,
        };
        let counters: &Counters = line.link.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let connections = read(&counters.connections);
        Self {
            acquirer: line.name.clone(),
            state,
            signed_on,
            sessions,
            in_flight,
            requests: read(&counters.requests),
            approvals: read(&counters.approvals),
            declines: read(&counters.declines),
            unknown: read(&counters.unknown),
            late: read(&counters.late),
            duplicates: read(&counters.duplicates),
            unmatched: read(&counters.unmatched),
            unreadable: read(&counters.unreadable),
            connections,
            reconnects: connections.saturating_sub(u64::try_from(sessions).unwrap_or(0)),
            not_connected: read(&counters.not_connected),
            queue_full: read(&counters.queue_full),
            suspended: read(&counters.suspended),
        }
    }

    /// Its numbers, each with its name.
    pub(crate) fn counted(&self) -> [(&'static str, u64); 13] {
        [
            ("requests", self.requests),
            ("approvals", self.approvals),
            ("declines", self.declines),
            ("unknown", self.unknown),
            ("late", self.late),
            ("duplicates", self.duplicates),
            ("unmatched", self.unmatched),
            ("unreadable", self.unreadable),
            ("connections", self.connections),
            ("reconnects", self.reconnects),
            ("not connected", self.not_connected),
            ("queue full", self.queue_full),
            ("suspended", self.suspended),
        ]
    }
}

impl Acquirer {
    /// Of every acquirer of the configuration, in its order.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.lines.others.iter().map(|line| Status::of(line)).collect()
    }
}
