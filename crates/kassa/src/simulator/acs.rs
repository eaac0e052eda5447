//! The simulated access control server: the issuer's page on which the customer is authenticated.
//!
//! It reports the outcome to the gateway server to server, then sends the browser back without it.

use super::directory_server;
use crate::app::App;
use crate::pages::pay::is_cross_site;
use crate::pages::respond;
use crate::pages::view::{ChallengePage, Outcome};
use crate::pages::visit::{Visit, WordsQuery};
use crate::run::RunError;
use crate::threeds::challenge_path;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use payments::decide::Refused;
use payments::ids::TransactionId;
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::transaction::Transaction;

pub(super) fn router() -> Router<App> {
    Router::new().route("/simulator/acs/{session}/{transaction}", get(show).post(confirm))
}

type Where = Path<(String, String)>;

/// The challenge page.
async fn show(State(app): State<App>, path: Where, words: WordsQuery) -> Response {
    let (visit, transaction) = match find(&app, path, words).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    if !transaction.is_authenticating() {
        return respond::redirect(&visit.address(&visit.return_path(transaction.id)));
    }
    let action = visit.address(&challenge_path(&visit.session, transaction.id));
    let page = ChallengePage {
        locale: visit.locale,
        order: visit.summary(),
        last4: &transaction.card.last4,
        action: &action,
    };
    respond::page_leading_away(StatusCode::OK, &page)
}

/// The customer chose how the issuer answers.
async fn confirm(
    State(app): State<App>,
    path: Where,
    words: WordsQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (mut visit, transaction) = match find(&app, path, words).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    if is_cross_site(&headers) {
        return visit.ended(StatusCode::FORBIDDEN, Outcome::Refused);
    }
    let mut chosen = String::new();
    for (name, value) in url::form_urlencoded::parse(&body) {
        match name.as_ref() {
            "transStatus" => chosen = value.into_owned(),
            "popup" => visit.popup |= value == "1" && visit.details.payment_options.close_window,
            _ => {}
        }
    }
    let back = visit.address(&visit.return_path(transaction.id));
    let Some(authentication) = authentication(&app, &transaction, &chosen) else {
        return respond::redirect(&visit.address(&challenge_path(&visit.session, transaction.id)));
    };
    let order = &visit.order;
    match app.authenticated(order.site, &order.id, transaction.id, authentication).await {
        // Twice, or too late: how it stands is shown all the same.
        Ok(_) | Err(RunError::Refused(Refused::OutOfTurn)) => respond::redirect(&back),
        Err(RunError::Refused(refused)) => visit.refused(refused),
        Err(RunError::NotFound) => visit.refused(Refused::UnknownTransaction),
        Err(RunError::Failed(error)) => visit.failed(&error),
    }
}

async fn find(app: &App, path: Where, words: WordsQuery) -> Result<(Visit, Transaction), Response> {
    let Path((session, transaction)) = path;
    let visit = app.visit(&session, words).await?;
    let id = transaction.parse().map(TransactionId).ok();
    let transaction = id.and_then(|id| visit.order.transaction(id)).cloned();
    match transaction {
        Some(transaction) if !visit.site.live => Ok((visit, transaction)),
        _ => Err(visit.refused(Refused::UnknownTransaction)),
    }
}

/// The results message for a choice of the drop-down; `None` for what is not in it.
fn authentication(app: &App, transaction: &Transaction, chosen: &str) -> Option<Authentication> {
    let (letter, reason, cancel) = match chosen {
        "cancel" => ("N", Some("01"), Some("01")),
        "N" => ("N", Some("01"), None),
        "R" => ("R", Some("11"), None),
        "U" => ("U", Some("22"), None),
        other => (other, None, None),
    };
    let status = TransStatus::parse(letter)?;
    let brand = transaction.card.brand;
    let result = directory_server::result(&app.keys, transaction.id, brand, status, Flow::Challenge);
    Some(Authentication { reason: reason.map(str::to_owned), cancel: cancel.map(str::to_owned), ..result })
}
