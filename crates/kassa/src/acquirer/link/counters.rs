//! What happened on a link since the process was started, for whoever watches over it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Everything only ever grows.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Messages that were sent, repeats among them; network management is not.
    pub(crate) requests: AtomicU64,
    /// Authorisations that were approved in time.
    pub(crate) approvals: AtomicU64,
    /// Authorisations that the host declined in time.
    pub(crate) declines: AtomicU64,
    /// Authorisations that nobody knows the outcome of when their time is over.
    pub(crate) unknown: AtomicU64,
    /// Answers after their time that are to something that was asked.
    pub(crate) late: AtomicU64,
    /// Answers to what was answered before.
    pub(crate) duplicates: AtomicU64,
    /// Answers to nothing that is known.
    pub(crate) unmatched: AtomicU64,
    /// Messages that could not be read, or whose code was wrong.
    pub(crate) unreadable: AtomicU64,
    /// Connections that were signed on.
    pub(crate) connections: AtomicU64,
    /// Messages that were not sent because there was no connection.
    pub(crate) not_connected: AtomicU64,
    /// Messages that were not sent because too much was in flight.
    pub(crate) queue_full: AtomicU64,
    /// Messages that were not sent because the host had stopped answering.
    pub(crate) suspended: AtomicU64,
}

/// Once more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
