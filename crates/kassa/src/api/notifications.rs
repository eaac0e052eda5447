//! `/v1/json/orders/{id}/notifications`: telling the shop again.

use super::auth::Caller;
use super::error::{Error, MISSING_DATA, Nothing, ORDER_ID, UNKNOWN};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::orders::{ID, OrderPath, find};
use super::schema;
use crate::app::App;
use crate::notify;
use crate::store::db::WriteError;
use axum::extract::State;
use serde_json::json;

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/json/orders/{id}/notifications/resend", "resendNotification", resend)
            .doc(
                Tag::Events,
                "Notify once more",
                "Sends the order's state as it is now, with all its tries, whatever became of earlier ones. What is in \
                 the body is ignored.",
            )
            .path("id", schema::any_text, "my-order-id-1", ID)
            .answers::<Nothing>("It will be sent.")
            .versioned()
            .refuses(404, &[UNKNOWN, ORDER_ID])
            .refuses(409, &[MISSING_DATA]),
    ]
}

/// `POST /orders/{id}/notifications/resend`: sends the order's state as it is now, with all its tries, whatever
/// became of earlier ones.
async fn resend(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let order = find(&app, &caller, id).await?;
    let destination = notify::destination(&order, &caller.site).map_err(|error| Error::internal(&error))?;
    if destination.is_none() {
        let info = "Invalid notification_url: neither the order nor its site has one";
        return Err(Error::conflict(MISSING_DATA, info));
    }
    let (answer, keep) = asked.answer(&json!({}), Some(order.version), app.now());
    match app.store.resend_notification(&order, keep, app.now()).await {
        Ok(()) => app.work.notify_one(),
        Err(WriteError::Stale) => {
            let before = asked.answered_before(&app).await?;
            return before.ok_or_else(|| Error::internal(&WriteError::Stale));
        }
        Err(error) => return Err(Error::internal(&error)),
    }
    Ok(answer)
}
