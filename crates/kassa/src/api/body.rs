//! Request bodies: JSON whatever the content type says, within limits.

use super::error::{Error, MISSING_DATA};
use super::json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::Value;

/// The largest body that is read, in bytes.
pub(crate) const BODY_MAX: usize = 256 * 1024;
/// The largest body with a file in it, in bytes: three megabytes of file as base64.
pub(crate) const FILE_MAX: usize = 4 * 1024 * 1024;

/// A JSON object; PHP's empty array counts as one without members.
pub(super) fn object(bytes: &[u8]) -> Result<Value, Error> {
    let value = json::parse(bytes)?;
    match value {
        Value::Array(items) if items.is_empty() => Ok(Value::Object(serde_json::Map::new())),
        value => Ok(value),
    }
}

/// The bytes of a body within [`BODY_MAX`], or [`FILE_MAX`]; the router sees to that.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::body_too_large(),
            _ => Error::new(StatusCode::BAD_REQUEST, MISSING_DATA, "The request body could not be read"),
        })
    }
}
