//! `/v1/json/me` and `/v1/json/categories`: who a key belongs to, and what kinds of shops there are.

use super::auth::Caller;
use super::error;
use super::operation::{Operation, Tag};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

/// The operations of these resources.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/json/me", "getMe", me)
            .doc(Tag::Account, "Whose key this is", "Plugins call it to check a key.")
            .answers::<Me>("The site behind the key."),
        Operation::get("/v1/json/categories", "listCategories", categories)
            .doc(Tag::Account, "Categories of shops", "")
            .answers::<Vec<Category>>("Every category with its code."),
    ]
}

#[derive(Serialize, JsonSchema)]
struct Me {
    account_id: i64,
    #[schemars(extend("const" = "site"))]
    role: &'static str,
    site_id: i64,
}

#[derive(Serialize, JsonSchema)]
struct Category {
    code: u16,
    description: &'static str,
}

/// `GET /me`: plugins call it to check a key.
async fn me(caller: Caller) -> Response {
    let site = caller.site;
    error::success(&Me { account_id: site.account_id, role: "site", site_id: site.id.0 })
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
    error::success(&CATEGORIES.map(|(code, description)| Category { code, description }))
}
