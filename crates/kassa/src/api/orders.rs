//! `/v1/json/orders`: placing, reading and cancelling orders.

use super::auth::Caller;
use super::body::{Raw, object};
use super::create_order::{self, Rules, Written};
use super::error::{self, Error};
use super::order_view;
use crate::app::App;
use crate::run::RunError;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use payments::decide::{Command, Refused};
use payments::ids::{OrderId, TransactionId};
use payments::order::Order;
use serde_json::{Value, json};

/// The routes of this resource.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/json/orders", post(create))
        .route("/v1/json/orders/{id}", get(read).patch(update).post(update_by_post))
}

/// `POST /orders`: a payment link for an order.
async fn create(State(app): State<App>, caller: Caller, Raw(bytes): Raw) -> Result<Response, Error> {
    let body = object(&bytes)?;
    let request = create_order::parse(&body, &Written::of(&bytes), &Rules { live: caller.site.live })?;
    // A live site needs an acquirer of its own; the simulator never serves one.
    if caller.site.live || !request.gateway.is_none_or(|gateway| caller.site.gateways.contains(&gateway)) {
        return Err(Error::unknown_gateway());
    }
    let currency = request.amount.currency;
    if !request.gateway.is_none_or(|gateway| caller.site.offers(gateway, currency)) {
        return Err(Error::invalid(error::CURRENCY, "currency", "is not collected through this gateway"));
    }
    let digest = create_order::digest(&body);
    let placed = app.place(caller.site.id, &request, digest).await;
    let order = placed.map_err(|error| refused(error, &request.order_id))?;
    let created = order_view::render_created(&order, &app.settings.public_url);
    Ok(error::success(&created.map_err(|error| Error::internal(&error))?))
}

/// `GET /orders/{id}`: the whole order, by the shop's reference or by a PSP id.
async fn read(State(app): State<App>, caller: Caller, id: OrderPath) -> Result<Response, Error> {
    let order = find(&app, &caller, id).await?;
    let zone = caller.site.zone().map_err(|error| Error::internal(&error))?;
    let view = order_view::render(&order, &zone).map_err(|error| Error::internal(&error))?;
    Ok(error::success(&view))
}

/// `PATCH /orders/{id}`: cancels an order that is not paid.
async fn update(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    Raw(body): Raw,
) -> Result<Response, Error> {
    let body = object(&body)?;
    // Which order comes first: an unknown one is 1006 whatever is asked of it.
    let order = find(&app, &caller, id).await?;
    match body.get("status") {
        Some(Value::String(status)) if status.eq_ignore_ascii_case("cancelled") => {}
        known => {
            let what = if known.is_none() { "is missing" } else { "must be cancelled" };
            let what = format!("{what}: nothing else can be changed yet");
            return Err(Error::invalid(error::MISSING_DATA, "status", &what));
        }
    }
    let cancelled = app.run(caller.site.id, &order.id, &Command::Cancel).await;
    cancelled.map_err(|error| refused(error, &order.id))?;
    Ok(error::success(&json!({})))
}

/// Some clients cannot send PATCH and say so in a header.
async fn update_by_post(
    state: State<App>,
    caller: Caller,
    id: OrderPath,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Error> {
    let meant = headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
    if meant.is_some_and(|method| method.eq_ignore_ascii_case("PATCH")) {
        return update(state, caller, id, Raw(body)).await;
    }
    Err(Error::method_not_allowed())
}

/// The id in the path, percent-decoded; one that cannot be decoded belongs to no order.
type OrderPath = Result<Path<String>, PathRejection>;

async fn find(app: &App, caller: &Caller, id: OrderPath) -> Result<Order, Error> {
    let Ok(Path(id)) = id else {
        return Err(Error::unknown_order());
    };
    let site = caller.site.id;
    let failed = |error: crate::store::db::ReadError| Error::internal(&error);
    let Some(order_id) = OrderId::parse(&id) else {
        return Err(Error::unknown_order());
    };
    if let Some(order) = app.store.load(site, &order_id).await.map_err(failed)? {
        return Ok(order);
    }
    // As it is printed: `+1` and `01` are nobody's PSP id.
    let Some(psp_id) = id.parse().ok().map(TransactionId).filter(|psp_id| psp_id.to_string() == id) else {
        return Err(Error::unknown_order());
    };
    let found = app.store.find_by_transaction(site, psp_id).await.map_err(failed)?;
    let Some(order_id) = found else {
        return Err(Error::unknown_order());
    };
    app.store.load(site, &order_id).await.map_err(failed)?.ok_or_else(Error::unknown_order)
}

/// The public answer to a command that had no effect.
fn refused(error: RunError, id: &OrderId) -> Error {
    let conflict = |what: &str| Error::conflict(error::ORDER_ID, format!("Order {id} {what}"));
    match error {
        RunError::NotFound => Error::unknown_order(),
        RunError::Failed(error) => Error::internal(&error),
        RunError::Refused(Refused::AlreadyPaid) => Error::order_taken(id),
        RunError::Refused(Refused::PaymentInProgress) => conflict("has a payment in progress"),
        RunError::Refused(Refused::SessionExpired) => conflict("has expired"),
        RunError::Refused(Refused::SessionCancelled) => conflict("is already cancelled"),
        RunError::Refused(
            Refused::SessionReplaced
            | Refused::TooManyAttempts
            | Refused::UnknownTransaction
            | Refused::OutOfTurn,
        ) => conflict("cannot be changed now"),
    }
}
