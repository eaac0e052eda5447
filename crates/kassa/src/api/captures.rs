//! `/v1/json/orders/{id}/capture` and `/v1/json/capture/{id}`: what was authorised is collected or given back.

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::orders::{OrderPath, find};
use super::refunds::{Note, amount};
use super::refusal::refused;
use crate::app::App;
use axum::Router;
use axum::extract::State;
use axum::routing::{patch, post};
use payments::decide::{Command, NewCapture};
use payments::ids::OrderId;
use payments::order::Order;
use serde_json::{Value, json};

/// The routes of this resource.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/json/orders/{id}/capture", post(create))
        .route("/v1/json/capture/{id}", patch(cancel))
}

/// `POST /orders/{id}/capture`: everything, or a part that becomes an order of its own.
async fn create(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = find(&app, &caller, id).await?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    let amount_minor = amount(&fields)?;
    new_status(&fields)?;
    let site = caller.site.id;
    let capture = app.draw_transaction(site).await.map_err(|error| Error::internal(&error))?;
    let named = fields.text("new_order_id", error::ORDER_ID)?.filter(|id| !id.is_empty());
    let part = OrderId::parse(&named.unwrap_or_else(|| capture.to_string()));
    let part =
        part.ok_or_else(|| fields.fault("new_order_id", error::ORDER_ID, "must have 1 to 50 characters"))?;
    let note = Note::read(&fields)?.written();
    let new = NewCapture { id: capture, amount_minor, part, session: app.draw_session(site), note };
    let show = |order: &Order| {
        let reference = order.movement(capture).map_or(&order.id, |movement| &movement.order);
        Ok(json!({ "order_id": reference.as_str(), "transaction_id": capture.0 }))
    };
    let command = Command::Capture(Box::new(new));
    let captured = app.run_answering(site, &order.id, &command, asked.answering(&show)).await;
    captured.map_err(|error| refused(error, &order.id))
}

/// The status that the shop wants the captured order to have: any that a paid one can have is fine, for all of
/// them mean that the money is collected.
fn new_status(fields: &Fields<'_>) -> Result<(), Error> {
    let status = fields.text("new_order_status", error::MISSING_DATA)?.unwrap_or_default();
    match status.to_ascii_lowercase().as_str() {
        "" | "completed" | "shipped" => Ok(()),
        _ => Err(fields.fault("new_order_status", error::MISSING_DATA, "must be completed or shipped")),
    }
}

/// `PATCH /capture/{id}`: gives back what was not captured.
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = find(&app, &caller, id).await?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    match fields.text("status", error::MISSING_DATA)?.as_deref() {
        Some("cancelled") => {}
        _ => return Err(fields.fault("status", error::MISSING_DATA, "must be cancelled")),
    }
    let note = Note::read(&fields)?.written();
    let site = caller.site.id;
    let cancellation = app.draw_transaction(site).await.map_err(|error| Error::internal(&error))?;
    let command = Command::CancelAuthorisation { cancellation, note };
    let show = |order: &Order| {
        let payment = order.leading().map(|payment| payment.id.0);
        Ok(json!({ "order_id": order.id.as_str(), "success": true, "transaction_id": payment }))
    };
    let cancelled = app.run_answering(site, &order.id, &command, asked.answering(&show)).await;
    cancelled.map_err(|error| refused(error, &order.id))
}
