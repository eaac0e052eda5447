//! Pages and redirects as responses, with the headers that keep them to themselves.

use askama::Template;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use url::Url;

/// Tells tools how a payment ended; browsers and shops ignore it.
const OUTCOME: HeaderName = HeaderName::from_static("kassa-outcome");

/// The content type of every page.
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// A page. Its forms may lead to this gateway, and through its redirects to `targets`: Chromium holds a
/// form's redirects to the same rule.
pub(crate) fn page(status: StatusCode, page: &impl Template, targets: &[Option<&str>]) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, HTML);
    set(header::CONTENT_SECURITY_POLICY, &content_security_policy(targets));
    set(header::CACHE_CONTROL, "no-store");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("x-robots-tag"), "noindex");
    response
}

fn content_security_policy(targets: &[Option<&str>]) -> String {
    let origins = targets.iter().flatten().filter_map(|target| Url::parse(target).ok());
    let mut origins: Vec<String> = origins.map(|url| url.origin().ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    let forms: String = origins.iter().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'{forms}; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The browser goes on to `target`, by GET.
pub(crate) fn redirect(target: &str) -> Response {
    let location = Uri::try_from(target).ok().and_then(|uri| HeaderValue::from_str(&uri.to_string()).ok());
    let Some(location) = location else {
        tracing::error!("a redirect target is no address");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The same response, telling tools how the payment ended.
pub(crate) fn with_outcome(mut response: Response, outcome: &'static str) -> Response {
    response.headers_mut().insert(OUTCOME, HeaderValue::from_static(outcome));
    response
}
