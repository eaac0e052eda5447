//! Pages and redirects as responses, with the headers that keep them to themselves.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};

/// Tells tools how a payment ended; browsers and shops ignore it.
const OUTCOME: HeaderName = HeaderName::from_static("kassa-outcome");

/// The content type of every page.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// A page whose forms lead to this gateway only, redirects included.
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Response {
    respond(status, page, &Policy { forms: "'self'", frames: None, framed_by: "'none'" })
}

/// A page whose form may end at any shop: Chromium holds every redirect that follows a form to `form-action`,
/// also those that the shop makes from its return address.
pub(crate) fn page_leading_away(status: StatusCode, page: &impl Template) -> Response {
    respond(status, page, &Policy { forms: "'self' https: http:", frames: None, framed_by: "'none'" })
}

/// A page with an issuer's page in a frame, whose form leads there.
pub(crate) fn page_with_frame(status: StatusCode, page: &impl Template, url: Option<&str>) -> Response {
    // Issuers lead from one host to another.
    let frames = url.map(|url| match url::Url::parse(url) {
        Ok(url) => format!("'self' https: {}", url.origin().ascii_serialization()),
        Err(_) => "'self' https:".to_owned(),
    });
    let policy = Policy { forms: "'self' https: http:", frames: frames.as_deref(), framed_by: "'none'" };
    respond(status, page, &policy)
}

/// A page in a frame of another page of ours.
pub(crate) fn page_in_own_frame(status: StatusCode, page: &impl Template) -> Response {
    respond(status, page, &Policy { forms: "'self'", frames: None, framed_by: "'self'" })
}

/// A page of the simulated issuer, in a frame of whoever's customer it is.
pub(crate) fn page_for_frames(status: StatusCode, page: &impl Template) -> Response {
    let policy = Policy { forms: "'self' https: http:", frames: None, framed_by: "'self' https: http:" };
    respond(status, page, &policy)
}

/// Where a page's content may come from and lead to.
struct Policy<'a> {
    forms: &'a str,
    frames: Option<&'a str>,
    framed_by: &'a str,
}

fn respond(status: StatusCode, page: &impl Template, policy: &Policy<'_>) -> Response {
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
    let Policy { forms, frames, framed_by } = policy;
    let frames = frames.map(|frames| format!(" frame-src {frames};")).unwrap_or_default();
    let text = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action {forms};{frames} \
         base-uri 'none'; frame-ancestors {framed_by}"
    );
    set(header::CONTENT_SECURITY_POLICY, &text);
    set(header::CACHE_CONTROL, "no-store");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    match *framed_by {
        "'none'" => set(header::X_FRAME_OPTIONS, "DENY"),
        "'self'" => set(header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        _ => {}
    }
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("x-robots-tag"), "noindex");
    response
}

/// The browser goes on to `target`, by GET.
pub(crate) fn redirect(target: &str) -> Response {
    // As it is: a parsed address would lose its fragment.
    let Some(location) = HeaderValue::from_str(target).ok().filter(|_| target.is_ascii()) else {
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
