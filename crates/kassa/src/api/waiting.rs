//! Long polls: an answer that is held back until there is something new to tell, or the time is over.

use super::error::{Error, MISSING_DATA};
use crate::app::App;
use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Response;
use payments::order::Order;
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long a request may wait, in seconds.
pub(super) const WAIT_SECONDS: RangeInclusive<i64> = 0..=60;
/// How long it waits when it does not say.
const WAIT_DEFAULT: i64 = 30;

/// `wait_version=N&timeout=S`: answer when the order has reached this version, or after `S` seconds as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait(Option<(i64, Duration)>);

impl FromRequestParts<App> for Wait {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let Some(version) = whole_number(&parts.uri, "wait_version", 0..=i64::MAX)? else {
            return Ok(Self(None));
        };
        let timeout = whole_number(&parts.uri, "timeout", WAIT_SECONDS)?.unwrap_or(WAIT_DEFAULT);
        Ok(Self(Some((version, seconds(timeout)))))
    }
}

impl Wait {
    /// The order once there is nothing left to wait for.
    pub(super) async fn until_reached(self, app: &App, order: Order) -> Result<Order, Error> {
        let Some((version, patience)) = self.0 else {
            return Ok(order);
        };
        if order.version >= version {
            return Ok(order);
        }
        let waited = app.wait_for(order.site, &order.id, patience, |order| order.version >= version);
        let newest = tokio::select! {
            waited = waited => waited.map_err(|error| Error::internal(&error))?,
            () = app.stopping.cancelled() => Some(order),
        };
        newest.ok_or_else(Error::unknown_order)
    }
}

/// What `wait_version` is.
pub(super) fn version_schema() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
}

/// What `timeout` is.
pub(super) fn seconds_schema() -> Value {
    json!({ "type": "integer", "minimum": WAIT_SECONDS.start(), "maximum": WAIT_SECONDS.end() })
}

/// A whole number of the query, when it is there.
pub(super) fn whole_number(uri: &Uri, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Error> {
    let query = uri.query().unwrap_or_default();
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    let Some((_, text)) = found else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ if *range.end() == i64::MAX => {
            let what = format!("must be a whole number from {}", range.start());
            Err(Error::invalid(MISSING_DATA, name, &what))
        }
        _ => {
            let what = format!("must be a whole number from {} to {}", range.start(), range.end());
            Err(Error::invalid(MISSING_DATA, name, &what))
        }
    }
}

/// Seconds of [`WAIT_SECONDS`].
pub(super) fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// The same answer with the order's version in a header: what `wait_version` is compared with.
pub(super) fn with_version(mut response: Response, version: i64) -> Response {
    response.headers_mut().insert("kassa-order-version", version.into());
    response
}
