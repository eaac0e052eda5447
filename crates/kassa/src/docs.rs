//! `/docs`: the OpenAPI document as a page, for people. It needs no script and nothing from elsewhere.

mod fields;
mod view;

use crate::api::openapi;
use crate::api::operation::{Answer, Content, Operation, Tag};
use crate::app::App;
use crate::pages::respond;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::LazyLock;
use view::{DocsPage, Section};

/// The operation of the page.
pub(crate) fn operations() -> Vec<Operation> {
    let content = Content::Text(respond::HTML);
    vec![
        Operation::get("/docs", "getDocs", page)
            .doc(Tag::Service, "This page", "Made from `/openapi.json`.")
            .open()
            .answer(Answer { status: 200, about: "A page to read.", content }),
    ]
}

async fn page(State(app): State<App>) -> Response {
    static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| view::sections(openapi::document()));
    let info = &openapi::document()["info"];
    let page = DocsPage {
        version: info["version"].as_str().unwrap_or_default(),
        about: view::words(info["description"].as_str().unwrap_or_default()),
        sections: &SECTIONS,
        base: app.settings.public_url.trim_end_matches('/'),
    };
    respond::page(StatusCode::OK, &page)
}
