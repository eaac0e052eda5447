//! The JSON API under `/v1/json`: what shops send, read into types, and what they are answered.

mod account;
mod auth;
pub(crate) mod body;
mod captures;
pub(crate) mod create_order;
mod direct;
mod disputes;
pub(crate) mod error;
mod events;
mod gateways;
pub(crate) mod idempotency;
pub(crate) mod json;
mod notifications;
pub(crate) mod order_view;
mod orders;
pub(crate) mod rate_limit;
mod recurring;
pub(crate) mod refunds;
mod refusal;
mod update_order;
mod waiting;

use crate::app::App;
use axum::Router;

/// Every route of the API.
pub(crate) fn router() -> Router<App> {
    orders::router()
        .merge(notifications::router())
        .merge(refunds::router())
        .merge(captures::router())
        .merge(disputes::router())
        .merge(recurring::router())
        .merge(gateways::router())
        .merge(account::router())
        .merge(events::router())
}
