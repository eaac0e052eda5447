//! A session: one payment link of an order, from the moment it is handed out until it ends.

use crate::ids::SessionId;
use crate::time::{Millis, Timestamp};

/// How many times a card may be submitted through one session.
pub const ATTEMPTS_MAX: u32 = 20;
/// How long a session lives when the order does not say: 30 days.
pub const LIFETIME_DEFAULT: Millis = Millis::days(30);

/// One payment link. An order may have had several; only the newest can be paid through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The unguessable name in the link.
    pub id: SessionId,
    /// When the order was placed, from which the lifetime counts.
    pub opened_at: Timestamp,
    /// When the link stops working.
    pub ends_at: Timestamp,
    /// How many times a card was submitted.
    pub attempts: u32,
    /// SHA-256 of the request that opened it, to know the same request again.
    pub digest: [u8; 32],
    /// Set once the session has ended before or at `ends_at`.
    pub ended: Option<Ended>,
}

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub why: Ending,
    /// When.
    pub at: Timestamp,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its lifetime was over, or that of the authorisation it was paid with.
    Expired,
    /// The shop cancelled the order.
    Cancelled,
    /// A new request for the same order opened another session.
    Replaced,
}

impl Session {
    /// Whether the customer can still submit a card through it.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.ends_at && self.attempts < ATTEMPTS_MAX
    }
}
