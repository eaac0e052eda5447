//! What the shop says of an order afterwards: that it is on its way, and under which numbers.

use super::Refused;
use crate::change::Change;
use crate::order::Order;
use crate::time::Timestamp;
use crate::transaction::State;

/// The shop has sent the goods. Said twice, it is the same.
pub(super) fn ship(order: &Order, annotations: String, now: Timestamp) -> Result<Vec<Change>, Refused> {
    let collected = order.paid().is_some_and(|paid| matches!(paid.state, State::Completed { .. }));
    if !collected {
        return Err(Refused::NotShippable);
    }
    let mut changes = annotate(order, annotations);
    if order.shipped_at.is_none() {
        changes.push(Change::Shipped { at: now });
        changes.push(Change::NotificationDue);
    }
    Ok(changes)
}

pub(super) fn annotate(order: &Order, annotations: String) -> Vec<Change> {
    if annotations == order.annotations {
        return Vec::new();
    }
    vec![Change::Annotated(annotations)]
}
