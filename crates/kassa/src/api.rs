//! The JSON API under `/v1/json`: what shops send, read into types, and what they are answered.

mod account;
mod api_token;
mod auth;
mod balances;
pub(crate) mod body;
pub(crate) mod callers;
mod captures;
pub(crate) mod create_order;
mod direct;
pub(crate) mod disputes;
pub(crate) mod error;
mod events;
mod gateways;
pub(crate) mod idempotency;
pub(crate) mod json;
mod not_offered;
mod notifications;
pub(crate) mod openapi;
pub(crate) mod operation;
pub(crate) mod order_view;
mod orders;
pub(crate) mod rate_limit;
mod recurring;
pub(crate) mod refunds;
mod refusal;
pub(crate) mod schema;
mod simulator;
mod sites;
mod transactions;
mod update_order;
mod waiting;

use crate::app::App;
use crate::{docs, router};
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, Uri};
use operation::Operation;

/// Everything that programs and their authors call, in the order of the documentation.
pub(crate) fn operations() -> Vec<Operation> {
    [
        orders::operations(),
        captures::operations(),
        refunds::operations(),
        disputes::operations(),
        simulator::operations(),
        recurring::operations(),
        events::operations(),
        notifications::operations(),
        transactions::operations(),
        balances::operations(),
        gateways::operations(),
        account::operations(),
        sites::operations(),
        api_token::operations(),
        router::operations(),
        openapi::operations(),
        docs::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The routes of all of them, and of what only says that it is not offered.
pub(crate) fn router() -> Router<App> {
    operation::router(operations()).merge(not_offered::router())
}

/// A request as its client means it: some can only send POST and say in a header what they mean, and some end
/// every path with a slash.
pub(crate) fn as_meant(mut request: Request) -> Request {
    let said = request.headers().get("x-http-method-override").and_then(|value| value.to_str().ok());
    let meant = [Method::PATCH, Method::PUT, Method::DELETE]
        .into_iter()
        .find(|method| said.is_some_and(|said| said.eq_ignore_ascii_case(method.as_str())));
    if let Some(meant) = meant.filter(|_| request.method() == Method::POST) {
        *request.method_mut() = meant;
    }
    if let Some(meant) = without_slash(request.uri()) {
        *request.uri_mut() = meant;
    }
    request
}

/// An address of the API without the slashes at its end, if it has any.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let shorter = path.trim_end_matches('/');
    if shorter == path || !path.starts_with("/v1/json/") {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{shorter}{query}").parse().ok()
}
