//! `/v1/json/orders/{id}/notifications`: telling the shop again.

use super::auth::Caller;
use super::error::{Error, MISSING_DATA};
use super::idempotency::{Answer, Asked};
use super::orders::{OrderPath, find};
use crate::app::App;
use crate::notify;
use crate::store::db::WriteError;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::json;

/// The routes of this resource.
pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/json/orders/{id}/notifications/resend", post(resend))
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
