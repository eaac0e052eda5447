//! The way back: from the issuer to the shop, or out by the Cancel link.

use super::respond::{self, with_outcome};
use super::view::{BreakOutPage, ClosePage, Outcome, ProcessingPage};
use super::visit::{Visit, WordsQuery};
use crate::app::App;
use crate::notify;
use crate::threeds::browser::{self, field};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use payments::decide::Refused;
use payments::ids::TransactionId;
use payments::order::Order;
use payments::threeds::Flow;
use payments::transaction::{State as Stands, Transaction};

/// How many seconds the page that says "being checked" waits until it looks again.
const LOOK_AGAIN_SECONDS: u32 = 2;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/connect/{session}/return/{transaction}", get(come_back).post(bring_back))
        .route("/connect/{session}/cancel", get(cancel))
}

/// `GET /connect/{session}/return/{transaction}`: the customer is back. How it ended is looked up, never
/// believed.
async fn come_back(
    State(app): State<App>,
    Path((session, transaction)): Path<(String, String)>,
    words: WordsQuery,
) -> Response {
    let mut visit = match app.visit(&session, words).await {
        Ok(visit) => visit,
        Err(instead) => return instead,
    };
    let id = transaction.parse().map(TransactionId).ok();
    let Some(id) = id.filter(|id| visit.order.transaction(*id).is_some()) else {
        return visit.refused(Refused::UnknownTransaction);
    };
    let waits;
    (visit.order, waits) = match app.caught_up(visit.order.clone(), id).await {
        Ok(caught_up) => caught_up,
        Err(error) => return visit.failed(&error),
    };
    // Another node has the card, and will hear of the outcome in a moment.
    let under_way = |known: &Transaction| known.is_money_moving() || (waits && known.is_authenticating());
    let settled = |order: &Order| order.transaction(id).is_none_or(|known| !under_way(known));
    let patience = app.settings.page_wait;
    match app.wait_for(visit.order.site, &visit.order.id, patience, settled).await {
        Ok(Some(order)) => visit.order = order,
        Ok(None) => return visit.refused(Refused::UnknownTransaction),
        Err(error) => return visit.failed(&error),
    }
    let Some(transaction) = visit.order.transaction(id).cloned() else {
        return visit.refused(Refused::UnknownTransaction);
    };
    if let Some(second) = visit.order.second_try_of(transaction.id) {
        // The issuer wants to see the customer after all.
        let asked = second.is_authenticating();
        let next =
            if asked { browser::path(&visit.session, second.id) } else { visit.return_path(second.id) };
        return respond::redirect(&visit.address(&next));
    }
    if under_way(&transaction) {
        let url = visit.address(&visit.return_path(transaction.id));
        return checking(&visit, &url, LOOK_AGAIN_SECONDS);
    }
    if transaction.is_paid() {
        return paid(&app, &visit, &transaction).await;
    }
    // Declined, given up or never finished: the form says why and takes another card.
    respond::redirect(&visit.address(&visit.path()))
}

/// `POST /connect/{session}/return/{transaction}`: the issuer's page sends the browser back with a form.
async fn bring_back(
    State(app): State<App>,
    Path((session, transaction)): Path<(String, String)>,
    words: WordsQuery,
    body: Bytes,
) -> Response {
    let visit = match app.visit(&session, words).await {
        Ok(visit) => visit,
        Err(instead) => return instead,
    };
    let id = transaction.parse().map(TransactionId).ok();
    let Some(id) = id.filter(|id| visit.order.transaction(*id).is_some()) else {
        return visit.refused(Refused::UnknownTransaction);
    };
    if let Some(cres) = field(&body, "cres")
        && let Err(error) = app.browser_is_back(&visit.order, id, &cres).await
    {
        return visit.failed(&error);
    }
    let target = visit.address(&visit.return_path(id));
    if !visit.framed {
        return respond::redirect(&target);
    }
    // Out of the frame that the issuer's page was in.
    let page = BreakOutPage { locale: visit.locale, target: &target };
    respond::page_in_own_frame(StatusCode::OK, &page)
}

/// The page that says "being checked" and moves on to `url` by itself.
pub(crate) fn checking(visit: &Visit, url: &str, seconds: u32) -> Response {
    let (locale, order, test) = (visit.locale, visit.summary(), !visit.site.live);
    respond::page(StatusCode::OK, &ProcessingPage { locale, test, order, seconds, url })
}

/// The customer has paid: held until the shop knows, for a moment at most, and sent back to it.
async fn paid(app: &App, visit: &Visit, transaction: &Transaction) -> Response {
    let (order, hold) = (&visit.order, app.settings.notify_hold);
    if let Err(error) = app.wait_until_told(order.site, &order.id, order.version, hold).await {
        tracing::warn!(order.id = %order.id, error = format!("{error:#}"), "a customer was not held");
    }
    // Whoever pays is not told that somebody reviews it.
    let word = if matches!(transaction.state, Stands::Uncleared { .. }) { "uncleared" } else { "paid" };
    let target = visit.details.payment_options.redirect_url.as_deref();
    let target = match target.map(|url| notify::return_url(url, &order.id)).transpose() {
        Ok(target) => target,
        Err(error) => return with_outcome(visit.failed(&error), word),
    };
    let response = match (words_to_read(app, visit, transaction).await, target) {
        (Some(words), target) => visit.paid_with_words(&words, target.as_deref()),
        (None, Some(target)) => hand_over(visit, &target),
        (None, None) => visit.ended(StatusCode::OK, Outcome::Paid),
    };
    with_outcome(response, word)
}

/// What the issuer wants a customer to read whom it has not asked anything: `cardholderInfo`. A window that closes by
/// itself shows nothing.
async fn words_to_read(app: &App, visit: &Visit, transaction: &Transaction) -> Option<String> {
    let was_asked = transaction.authentication.as_ref().is_none_or(|known| known.flow != Flow::Frictionless);
    if was_asked || visit.popup {
        return None;
    }
    app.words_of_issuer(visit.site.id, transaction.id).await
}

/// Back to the shop; a window that its script opened hands the address over and closes.
fn hand_over(visit: &Visit, target: &str) -> Response {
    if !visit.popup {
        return respond::redirect(target);
    }
    let page = ClosePage { locale: visit.locale, test: !visit.site.live, target };
    respond::page(StatusCode::OK, &page)
}

/// `GET /connect/{session}/cancel`: back to the shop without paying. Nothing changes: the link keeps working.
async fn cancel(State(app): State<App>, Path(session): Path<String>, words: WordsQuery) -> Response {
    let visit = match app.visit(&session, words).await {
        Ok(visit) => visit,
        Err(instead) => return instead,
    };
    if visit.order.paid().is_some() {
        return visit.refused(Refused::AlreadyPaid);
    }
    let response = match visit.cancel_target() {
        Some(target) => hand_over(&visit, &target),
        None => visit.ended(StatusCode::OK, Outcome::NotPaid),
    };
    with_outcome(response, "cancelled")
}
