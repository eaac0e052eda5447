//! Answers in the envelope every client expects, for success and for every mistake.
//!
//! An error is always a 4xx (500 when the fault is ours) *and* carries the JSON envelope, on every route:
//! some clients only look at the status, others only at `success`. `error_info` is shown to shoppers by
//! several shop plugins, so it never repeats what was sent beyond a name.

use super::json::Fault;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use payments::ids::OrderId;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// Every `error_code` of the API and what it means.
pub(crate) const CODES: &[(u32, &str)] = &[
    (UNKNOWN, "unknown route, method or token, or a request that cannot be taken"),
    (AMOUNT, "invalid amount"),
    (CURRENCY, "invalid currency"),
    (1003, "invalid account id"),
    (ORDER_ID, "invalid order id: malformed, unknown, or already paid"),
    (IP_ADDRESS, "invalid ip address"),
    (DESCRIPTION, "invalid description"),
    (VARIABLE, "invalid var1, var2, var3 or custom_info"),
    (MISSING_DATA, "missing data, or a field without a code of its own is invalid"),
    (COUNTRY, "invalid country code"),
    (1019, "site inactive"),
    (1020, "account blocked"),
    (NOT_OFFERED, "cannot create this kind of order"),
    (1022, "cannot start the transaction"),
    (GATEWAY, "unknown gateway, or not available to this site"),
    (1024, "transaction declined"),
    (CART_CURRENCIES, "the cart has more than one currency"),
    (CART_CURRENCY, "the cart's currency is not the order's"),
    (CART_AMOUNT, "the cart's amount is not the order's, and the order asked to compare them"),
    (TAX_RATE, "invalid tax rate in a tax table"),
    (ITEM_TAX_RATE, "a cart item names a tax table that has no rate"),
    (ITEM_CURRENCY, "invalid currency of a cart item"),
    (UNIT_PRICE, "invalid unit_price of a cart item"),
    (API_KEY, "invalid API key"),
    (1033, "error reading refund information"),
    (REFUND, "cannot refund"),
    (INTERNAL, "internal error"),
];

/// `error_code` of requests that no handler takes.
pub(crate) const UNKNOWN: u32 = 1000;
/// `error_code` of a wrong amount.
pub(crate) const AMOUNT: u32 = 1001;
/// `error_code` of a wrong currency.
pub(crate) const CURRENCY: u32 = 1002;
/// `error_code` of a malformed, unknown or taken order id.
pub(crate) const ORDER_ID: u32 = 1006;
/// `error_code` of a wrong IP address.
pub(crate) const IP_ADDRESS: u32 = 1007;
/// `error_code` of a missing or wrong description.
pub(crate) const DESCRIPTION: u32 = 1008;
/// `error_code` of a wrong `var1..3` or `custom_info`.
pub(crate) const VARIABLE: u32 = 1010;
/// `error_code` of missing data, and of every field without a code of its own.
pub(crate) const MISSING_DATA: u32 = 1016;
/// `error_code` of a wrong country.
pub(crate) const COUNTRY: u32 = 1018;
/// `error_code` of a kind of order that is not offered.
pub(crate) const NOT_OFFERED: u32 = 1021;
/// `error_code` of an unknown gateway.
pub(crate) const GATEWAY: u32 = 1023;
/// `error_code` of a cart whose items are in different currencies.
pub(crate) const CART_CURRENCIES: u32 = 1025;
/// `error_code` of a cart in another currency than the order.
pub(crate) const CART_CURRENCY: u32 = 1026;
/// `error_code` of a cart that was to be compared with the order and differs.
pub(crate) const CART_AMOUNT: u32 = 1027;
/// `error_code` of a wrong rate in a tax table.
pub(crate) const TAX_RATE: u32 = 1028;
/// `error_code` of an item that names a tax table without a rate.
pub(crate) const ITEM_TAX_RATE: u32 = 1029;
/// `error_code` of a cart item's currency that is none.
pub(crate) const ITEM_CURRENCY: u32 = 1030;
/// `error_code` of a cart item's wrong price.
pub(crate) const UNIT_PRICE: u32 = 1031;
/// `error_code` of a missing or wrong API key.
pub(crate) const API_KEY: u32 = 1032;
/// `error_code` of a refund that cannot be made.
pub(crate) const REFUND: u32 = 1034;
/// `error_code` of our own faults.
pub(crate) const INTERNAL: u32 = 9999;

/// A refusal, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// One of [`CODES`].
    pub(crate) code: u32,
    /// What was wrong, in words for the shop.
    pub(crate) info: String,
}

impl Error {
    /// `status` and `code` with a text of their own.
    pub(crate) fn new(status: StatusCode, code: u32, info: impl Into<String>) -> Self {
        debug_assert!(CODES.iter().any(|(known, _)| *known == code), "{code} is not in CODES");
        Self { status, code, info: info.into() }
    }

    /// 400: `field` (its full path) breaks a rule, said in `what`.
    pub(crate) fn invalid(code: u32, field: &str, what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, format!("Invalid {field}: {what}"))
    }

    /// 404: no such order of this site. PHP's tests compare the text.
    pub(crate) fn unknown_order() -> Self {
        Self::new(StatusCode::NOT_FOUND, ORDER_ID, "Invalid transaction ID")
    }

    /// 401: no key, a wrong one, or two different ones. Clients compare the text.
    pub(crate) fn wrong_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, API_KEY, "Invalid API key")
    }

    /// 409: the order has a transaction that is paid or may still become so.
    pub(crate) fn order_taken(order_id: &OrderId) -> Self {
        let info = format!("Invalid order_id: \"{order_id}\" already has a paid transaction");
        Self::conflict(ORDER_ID, info)
    }

    /// 409: the order's state does not allow what was asked.
    pub(crate) fn conflict(code: u32, info: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, info)
    }

    /// 422: the request is understood and cannot be taken like this.
    pub(crate) fn unprocessable(info: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, UNKNOWN, info)
    }

    /// 422: an `Idempotency-Key` that was used for another request.
    pub(crate) fn key_reused() -> Self {
        Self::unprocessable("Invalid Idempotency-Key: it was used before, for another request")
    }

    /// 404: no such gateway.
    pub(crate) fn unknown_gateway() -> Self {
        let info = "Invalid gateway: unknown gateway";
        Self::new(StatusCode::NOT_FOUND, GATEWAY, info)
    }

    /// 404: no such route, or no such thing behind it. PHP's tests compare the text.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, UNKNOWN, "Not found")
    }

    /// 410: no such token. The reference answers it like this, so clients know it.
    pub(crate) fn unknown_token() -> Self {
        Self::new(StatusCode::GONE, UNKNOWN, "Not found: token")
    }

    /// 410: no such token, in the words with which the reference says what was not done with it.
    pub(crate) fn token_not(done: &'static str) -> Self {
        Self::new(StatusCode::GONE, UNKNOWN, format!("Token not {done}"))
    }

    /// 405: the route exists, the method does not.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, UNKNOWN, "Method not allowed")
    }

    /// 413: 1000 like the other refusals that are made before the body is read; 1016 would say that
    /// something is missing.
    pub(crate) fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, UNKNOWN, "Request body too large")
    }

    /// 429: more requests than a key may make. Whoever waits a second may make one again.
    pub(crate) fn too_many_requests() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, UNKNOWN, "Too many requests with this API key")
    }

    /// 429: there is too much to do for everybody. Whoever waits a second may find room.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, UNKNOWN, "Too many requests at once")
    }

    /// 500: our own fault. `cause` is logged here, once, and never shown.
    pub(crate) fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!("a request failed: {cause:#}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, "Internal error")
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::invalid(MISSING_DATA, "request body", &fault.to_string())
    }
}

/// The envelope of a refusal.
#[derive(Serialize, JsonSchema)]
pub(super) struct Refusal<'a> {
    #[schemars(extend("const" = false))]
    success: bool,
    data: Nothing,
    /// What was wrong, as a number.
    error_code: u32,
    /// What was wrong, in words; some shops show it to their customers.
    error_info: &'a str,
}

/// `{}`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Nothing {}

/// The envelope of everything else.
#[derive(Serialize)]
struct Success<'a, T> {
    success: bool,
    data: &'a T,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body =
            Refusal { success: false, data: Nothing {}, error_code: self.code, error_info: &self.info };
        let mut response = answer(self.status, write(&body));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// 200 with `data` in the envelope.
pub(crate) fn success(data: &impl Serialize) -> Response {
    success_of(envelope(data))
}

/// `data` in the envelope of a success. It is an object or a list, for several clients crash on `null`.
pub(super) fn envelope(data: &impl Serialize) -> String {
    let is_filled = |data: serde_json::Value| data.is_object() || data.is_array();
    debug_assert!(serde_json::to_value(data).is_ok_and(is_filled), "data is an object or a list");
    write(&Success { success: true, data })
}

/// 200 with what [`envelope`] gave.
pub(super) fn success_of(envelope: String) -> Response {
    answer(StatusCode::OK, envelope)
}

/// JSON as text.
pub(super) fn write(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("an envelope of text keys can be written as JSON")
}

/// JSON as it is, without the envelope.
pub(super) fn answer(status: StatusCode, body: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json; charset=UTF-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Status, headers and body as a client sees them.
    async fn read(response: Response) -> (u16, Vec<(String, String)>, String) {
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn plain_headers() -> Vec<(String, String)> {
        let headers = [("content-type", "application/json; charset=UTF-8"), ("cache-control", "no-store")];
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    #[tokio::test]
    async fn every_refusal_has_its_status_code_and_text_in_the_envelope() {
        let order_id = OrderId::parse("my \"order\" 1").unwrap();
        let fault = crate::api::json::parse(b"").unwrap_err();
        for (error, status, code, info) in [
            (Error::invalid(AMOUNT, "amount", "is missing"), 400, 1001, "Invalid amount: is missing"),
            (Error::from(fault), 400, 1016, "Invalid request body: is empty"),
            (Error::wrong_key(), 401, 1032, "Invalid API key"),
            (Error::unknown_order(), 404, 1006, "Invalid transaction ID"),
            (Error::unknown_gateway(), 404, 1023, "Invalid gateway: unknown gateway"),
            (Error::not_found(), 404, 1000, "Not found"),
            (Error::method_not_allowed(), 405, 1000, "Method not allowed"),
            (
                Error::order_taken(&order_id),
                409,
                1006,
                r#"Invalid order_id: "my "order" 1" already has a paid transaction"#,
            ),
            (Error::conflict(1034, "nothing left"), 409, 1034, "nothing left"),
            (Error::unprocessable("not like this"), 422, 1000, "not like this"),
            (Error::body_too_large(), 413, 1000, "Request body too large"),
            (Error::internal(&"disk on fire"), 500, 9999, "Internal error"),
        ] {
            let expected = json!({"success": false, "data": {}, "error_code": code, "error_info": info});
            let (seen, headers, body) = read(error.into_response()).await;
            assert_eq!(seen, status, "{body}");
            assert_eq!(headers, plain_headers(), "{body}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected);
            assert!(body.starts_with(r#"{"success":false,"data":{},"error_code":"#), "{body}");
        }
    }

    #[tokio::test]
    async fn success_is_200_with_the_data() {
        let (status, headers, body) = read(success(&json!({"order_id": "1", "é": "/"}))).await;
        assert_eq!(status, 200);
        assert_eq!(headers, plain_headers());
        assert_eq!(body, r#"{"success":true,"data":{"order_id":"1","é":"/"}}"#);
        assert_eq!(read(success(&json!([]))).await.2, r#"{"success":true,"data":[]}"#);
    }

    #[test]
    fn every_code_is_listed_once_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
