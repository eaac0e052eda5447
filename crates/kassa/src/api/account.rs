//! `/v1/json/me` and `/v1/json/categories`: who a key belongs to, and what kinds of shops there are.

use super::auth::Caller;
use super::error;
use crate::app::App;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

/// The routes of these resources.
pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/json/me", get(me)).route("/v1/json/categories", get(categories))
}

/// `GET /me`: plugins call it to check a key.
async fn me(caller: Caller) -> Response {
    let site = caller.site;
    error::success(&json!({ "account_id": site.account_id, "role": "site", "site_id": site.id.0 }))
}

/// The reference gateway's categories of shops, with their codes.
const CATEGORIES: [(u16, &str); 16] = [
    (999, "Adult"),
    (100, "Gifts and gadgets"),
    (101, "Electronics and computers"),
    (102, "Games"),
    (103, "Health"),
    (104, "House and garden"),
    (105, "Office supplies"),
    (106, "Kids and toys"),
    (107, "Nutrition"),
    (108, "Fashion and care"),
    (109, "Music, movies, and books"),
    (114, "Other"),
    (110, "Sport, leisure, and hobby"),
    (111, "Phone and internet"),
    (112, "Holiday and travel"),
    (113, "Sales and auctions"),
];

/// `GET /categories`.
async fn categories(_: Caller) -> Response {
    let view = |(code, description)| json!({ "code": code, "description": description });
    error::success(&CATEGORIES.into_iter().map(view).collect::<Value>())
}
