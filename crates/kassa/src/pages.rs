//! The customer's pages: the card form, the way back from the issuer, and every way it can end.

pub(crate) mod assets;
pub(crate) mod cart;
pub(crate) mod finish;
pub(crate) mod locale;
pub(crate) mod pay;
pub(crate) mod respond;
mod shop_html;
mod style;
pub(crate) mod view;
pub(crate) mod visit;

use crate::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// Every route of the pages.
pub(crate) fn router() -> Router<App> {
    for_people(pay::router().merge(finish::router()).merge(style::router()))
}

/// What pages load.
pub(crate) fn assets_router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/static/{hash}/{name}", get(asset))
}

/// Routes that people open: whatever goes wrong there is said on a page.
pub(crate) fn for_people(routes: Router<App>) -> Router<App> {
    routes
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(middleware::from_fn(visit::explain))
}

/// Whether people open addresses like this one, even where there is nothing.
pub(crate) fn are_at(path: &str) -> bool {
    path.starts_with("/connect/") || path.starts_with("/simulator/")
}

/// Names carry a hash of the content, so an asset never changes under its name.
async fn asset(Path((hash, name)): Path<(String, String)>) -> Response {
    let Some((content, content_type)) = assets::find(&hash, &name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}
