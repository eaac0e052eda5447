//! The shop asks for an order, perhaps not for the first time.

use super::end::withdraw_open;
use super::{Refused, keep};
use crate::change::{Change, Job};
use crate::ids::{OrderId, SessionId, SiteId};
use crate::order::{Order, Terms};
use crate::session::{Ending, Session};
use crate::time::{Millis, Timestamp};

/// A valid request for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The shop.
    pub site: SiteId,
    /// The shop's reference.
    pub id: OrderId,
    /// What is to be paid.
    pub terms: Terms,
    /// How long the session may be used.
    pub lifetime: Millis,
    /// The id drawn for a new session.
    pub session: SessionId,
    /// SHA-256 of the request, equal for equal requests.
    pub digest: [u8; 32],
}

/// What a request for an order leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placing {
    /// It was asked for before and the session still works: nothing changes.
    Same,
    /// These changes open a session.
    Opened(Vec<Change>),
}

/// Answers a request for an order of which `existing` is known.
///
/// # Errors
/// [`Refused::AlreadyPaid`] once an attempt is paid or held, [`Refused::PaymentInProgress`] when
/// other terms are asked for while money may be moving.
pub fn place(existing: Option<&Order>, new: NewOrder, now: Timestamp) -> Result<Placing, Refused> {
    let session = Session {
        id: new.session,
        opened_at: now,
        ends_at: now.plus(new.lifetime),
        attempts: 0,
        digest: new.digest,
        ended: None,
    };
    let expiry = Change::JobDue { job: Job::ExpireSession(session.id.clone()), at: session.ends_at };
    let Some(order) = existing else {
        let order = Order {
            site: new.site,
            id: new.id,
            version: 0,
            terms: new.terms,
            session,
            transactions: Vec::new(),
            movements: Vec::new(),
            shipped_at: None,
            annotations: String::new(),
            captured_from: None,
            created_at: now,
            modified_at: now,
        };
        return Ok(Placing::Opened(vec![Change::OrderPlaced(Box::new(order)), expiry]));
    };
    if order.has_money() {
        return Err(Refused::AlreadyPaid);
    }
    if order.session.digest == new.digest && order.session.is_usable(now) {
        return Ok(Placing::Same);
    }
    let mut changes = replace(order, now)?;
    keep::follow(order, &mut changes, now);
    changes.extend([Change::TermsReplaced(new.terms), Change::SessionOpened(session), expiry]);
    Ok(Placing::Opened(changes))
}

/// Ends the order's current session, and the attempt that still waits for its customer. For the shop the order
/// stays initialized: a shop that is told of an end would cancel what can be paid again.
fn replace(order: &Order, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let mut changes = withdraw_open(order, now)?;
    let old = &order.session;
    if old.ended.is_none() {
        changes.push(Change::SessionEnded { session: old.id.clone(), why: Ending::Replaced, at: now });
        changes.push(Change::JobDone(Job::ExpireSession(old.id.clone())));
    }
    Ok(changes)
}
