//! The JSON API under `/v1/json`: what shops send, read into types, and what they are answered.

mod account;
mod auth;
pub(crate) mod body;
pub(crate) mod create_order;
pub(crate) mod error;
mod gateways;
pub(crate) mod json;
pub(crate) mod order_view;
mod orders;

use crate::app::App;
use axum::Router;

/// Every route of the API.
pub(crate) fn router() -> Router<App> {
    orders::router().merge(gateways::router()).merge(account::router())
}
