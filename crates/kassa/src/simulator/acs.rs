//! The simulated issuer's page for customers whose browsers run no scripts, and for those whom a shop sends there:
//! they would have to press a button on every page that only carries a message on. Here the messages go from server
//! to server instead, and say the same.

use super::issuer::{Challenge, Over};
use super::peer::Peer;
use crate::app::App;
use crate::pages::pay::is_cross_site;
use crate::pages::respond;
use crate::pages::view::{ChallengePage, Outcome};
use crate::pages::visit::{Visit, WordsQuery};
use crate::store::{AuthenticationRow, Stage};
use crate::threeds::challenge_path;
use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use payments::decide::Refused;
use payments::ids::TransactionId;
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
    let back = visit.address(&visit.return_path(transaction.id));
    let row = match challenge_of(&app, &visit, &transaction).await {
        Ok(Some(row)) => row,
        Ok(None) => return respond::redirect(&back),
        Err(error) => return visit.failed(&error),
    };
    let challenge = match begin(&app, &row).await {
        Ok(challenge) => challenge,
        Err(error) => return visit.failed(&error),
    };
    if let Some(chosen) = challenge.chooses() {
        return end(&app, &visit, &transaction, &row, chosen).await;
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
    match challenge_of(&app, &visit, &transaction).await {
        Ok(Some(row)) => end(&app, &visit, &transaction, &row, &chosen).await,
        // Twice, or too late: how it stands is shown all the same.
        Ok(None) => respond::redirect(&back),
        Err(error) => visit.failed(&error),
    }
}

/// Ends the challenge as chosen: the result goes to the gateway, and the browser's part as well.
async fn end(
    app: &App,
    visit: &Visit,
    transaction: &Transaction,
    row: &AuthenticationRow,
    chosen: &str,
) -> Response {
    let ended = async {
        let mut challenge = begin(app, row).await?;
        let Some(over) = challenge.end(chosen)? else { return Ok(false) };
        app.threeds.simulated.memory.keep(&challenge, app.now()).await?;
        let Over { rreq, cres } = over;
        Peer::of(app).send_results(&challenge, rreq).await;
        app.browser_is_back(&visit.order, transaction.id, &cres).await?;
        anyhow::Ok(true)
    };
    match ended.await {
        Ok(true) => respond::redirect(&visit.address(&visit.return_path(transaction.id))),
        Ok(false) => respond::redirect(&visit.address(&challenge_path(&visit.session, transaction.id))),
        Err(error) => visit.failed(&error),
    }
}

/// The issuer's side of a challenge, begun with the request that the browser would have brought.
async fn begin(app: &App, row: &AuthenticationRow) -> anyhow::Result<Challenge> {
    let id = row.acs_trans_id.as_deref().context("a challenge without an id")?;
    let found = app.threeds.simulated.memory.find(id).await?;
    let mut challenge = found.context("the simulated issuer knows nothing of the challenge")?;
    challenge.begin(&app.creq(row)?, None)?;
    Ok(challenge)
}

/// What is kept of the challenge, while it lasts.
async fn challenge_of(
    app: &App,
    visit: &Visit,
    transaction: &Transaction,
) -> anyhow::Result<Option<AuthenticationRow>> {
    if !transaction.is_authenticating() {
        return Ok(None);
    }
    let row = app.store.authentication(visit.order.site, transaction.id).await?;
    Ok(row.filter(|row| row.stage == Stage::Challenge))
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
