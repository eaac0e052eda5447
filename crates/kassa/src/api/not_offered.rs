//! What the reference gateway has and this one does not: each of its paths says so, whatever the method, so that
//! nobody takes a missing feature for a wrong address.

use super::error::{Error, UNKNOWN};
use crate::app::App;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;

/// What is not offered, and the paths below `/v1/json` that it has.
const NOT_OFFERED: [(&str, &[&str]); 14] = [
    ("Bancontact QR payments", &["/orders/{id}/cancel"]),
    (
        "Pay After Delivery",
        &["/pad/ccs", "/pad/orders/{id}", "/pad/orders/{id}/onhold", "/pad/orders/{id}/autoexpire"],
    ),
    ("opening accounts", &["/signup-account"]),
    ("managing affiliates", &["/accounts", "/accounts/{id}"]),
    ("login links", &["/accounts/{id}/login-urls"]),
    (
        "payouts",
        &["/accounts/{id}/autopayouts", "/accounts/{id}/autopayouts/{currency}", "/accounts/{id}/payouts"],
    ),
    ("charging affiliates", &["/accounts/{id}/charges", "/accounts/{id}/fees"]),
    ("adding websites through the API", &["/accounts/{id}/sites"]),
    (
        "bank accounts",
        &[
            "/accounts/{id}/bank-accounts",
            "/bank-accounts/{id}",
            "/bank-accounts/{id}/payment-links",
            "/bank-accounts/{id}/bank-statements",
            "/bank-statements/{id}",
        ],
    ),
    (
        "verifying owners",
        &["/accounts/{id}/ubos", "/ubos/{id}", "/ubos/{id}/identitydocs", "/identitydocs/{id}"],
    ),
    ("payments at a terminal", &["/pos/receipt/{id}", "/terminals", "/terminal-groups/{id}/terminals"]),
    ("customer profiles", &["/customers", "/customers/{id}", "/delivery-details", "/delivery-details/{id}"]),
    ("wallets", &["/wallets/sessions/applepay"]),
    ("parts of an order on their own", &["/orders/{id}/paymentlink", "/orders/{id}/transactions"]),
];

/// A route for each of them.
pub(super) fn router() -> Router<App> {
    let paths = NOT_OFFERED.iter().flat_map(|(what, paths)| paths.iter().map(move |path| (what, path)));
    paths.fold(Router::new(), |router, (what, path)| {
        router.route(&format!("/v1/json{path}"), any(async move || refusal(what)))
    })
}

fn refusal(what: &str) -> Error {
    Error::new(StatusCode::NOT_FOUND, UNKNOWN, format!("Not offered: {what}"))
}
