//! The simulated directory server and issuer as others reach them: messages over HTTP, and the pages that browsers
//! are sent to. In the gateway for test sites, and alone for whoever tests against them.

use super::directory_server::{DirectoryServer, ENDPOINT, Reply};
use super::issuer::{Challenge, Over};
use super::scheme::Results;
use crate::app::App;
use crate::clock::Clock;
use crate::outbound::{self, Reach, Request};
use crate::pages;
use crate::pages::locale::Locale;
use crate::pages::pay::is_cross_site;
use crate::pages::respond;
use crate::pages::view::{ChallengePage, HandOverPage, Summary};
use crate::threeds::browser::field;
use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use emv3ds::message::{Received, receive};
use emv3ds::method::MethodData;
use emv3ds::results::RRes;
use payments::money::Currency;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// How much later than the browser a result comes that is late on purpose.
const SOON: Duration = Duration::from_millis(500);
/// How much later one comes that nobody waits for any more.
const LATE: Duration = Duration::from_secs(15);

/// The peer, and whom it tells of results.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    server: DirectoryServer,
    clock: Clock,
    gateway: Gateway,
}

#[derive(Clone, Debug)]
enum Gateway {
    /// The process it is in.
    Here(App),
    /// Whoever asked, at the address it named.
    There(outbound::Client),
}

/// The language that the page is wanted in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    lang: String,
    slow: String,
}

impl Peer {
    /// The one of a gateway.
    pub(crate) fn of(app: &App) -> Self {
        let server = app.threeds.simulated.clone();
        Self { server, clock: app.clock.clone(), gateway: Gateway::Here(app.clone()) }
    }

    /// One that stands alone.
    pub(crate) fn alone(server: DirectoryServer, clock: Clock, client: outbound::Client) -> Self {
        Self { server, clock, gateway: Gateway::There(client) }
    }

    /// The pages that browsers are sent to.
    pub(crate) fn pages<S>(self) -> Router<S> {
        Router::new()
            .route("/simulator/3ds/method", post(method))
            .route("/simulator/3ds/challenge/{id}", get(show).post(choose))
            .with_state(self)
    }

    /// Messages.
    pub(crate) fn messages(self) -> Router {
        Router::new().route("/simulator/3ds", post(message)).with_state(self)
    }

    /// What browsers load with the pages.
    pub(crate) fn assets() -> Router {
        pages::assets_router()
    }

    /// Sends the result of a challenge when the plan says so.
    pub(crate) async fn send_results(&self, challenge: &Challenge, rreq: Option<String>) {
        let Some(rreq) = rreq else { return };
        match challenge.results {
            Results::Before => self.send(&challenge.results_url, &rreq).await,
            Results::Twice => {
                self.send(&challenge.results_url, &rreq).await;
                self.send(&challenge.results_url, &rreq).await;
            }
            Results::After => self.send_later(challenge, rreq, SOON),
            Results::Late => self.send_later(challenge, rreq, LATE),
            Results::Never => {}
        }
    }

    fn send_later(&self, challenge: &Challenge, rreq: String, pause: Duration) {
        let (peer, url) = (self.clone(), challenge.results_url.clone());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            peer.send(&url, &rreq).await;
        });
    }

    async fn send(&self, url: &str, rreq: &str) {
        if let Err(error) = self.try_send(url, rreq).await {
            tracing::warn!(error = format!("{error:#}"), "the simulated issuer's result was not taken");
        }
    }

    async fn try_send(&self, url: &str, rreq: &str) -> anyhow::Result<()> {
        let answer = match &self.gateway {
            Gateway::Here(app) => app.take_results(rreq.as_bytes()).await.into_bytes(),
            Gateway::There(client) => {
                let request = Request {
                    method: hyper::Method::POST,
                    url: Url::parse(url)?,
                    headers: vec![("Content-Type", "application/json; charset=utf-8".to_owned())],
                    body: rreq.as_bytes().to_vec(),
                };
                client.send(request, &Reach::Anywhere).await?.body
            }
        };
        match receive::<RRes>(&answer, &ENDPOINT) {
            Ok(Received::Message(_)) => Ok(()),
            Ok(Received::Erro(erro)) => Err(anyhow!("{} {}", erro.error_code, erro.error_detail)),
            Err(fault) => Err(anyhow!("{fault}")),
        }
    }

    /// An address that a browser is sent to: in the gateway only its path counts, whatever it is reached as.
    fn address(&self, url: &str) -> String {
        match (&self.gateway, Url::parse(url)) {
            (Gateway::Here(_), Ok(url)) => url[url::Position::BeforePath..].to_owned(),
            _ => url.to_owned(),
        }
    }

    async fn find(&self, id: &str) -> Result<Challenge, Response> {
        match self.server.memory.find(id).await {
            Ok(Some(challenge)) => Ok(challenge),
            Ok(None) => Err(StatusCode::NOT_FOUND.into_response()),
            Err(error) => Err(broken(&error)),
        }
    }

    /// Ends a challenge as chosen, and leads the browser back.
    async fn end(&self, challenge: &mut Challenge, chosen: &str, locale: &'static Locale) -> Response {
        let ended = async {
            let over = challenge.end(chosen)?.context("no such choice")?;
            self.server.memory.keep(challenge, self.clock.now()).await?;
            anyhow::Ok(over)
        };
        let Over { rreq, cres } = match ended.await {
            Ok(over) => over,
            Err(error) => return broken(&error),
        };
        self.send_results(challenge, rreq).await;
        let url = self.address(&challenge.notification_url);
        let mut fields = vec![("cres", cres.as_str())];
        fields.extend(challenge.session_data.as_deref().map(|data| ("threeDSSessionData", data)));
        respond::page_for_frames(StatusCode::OK, &HandOverPage { locale, url: &url, fields: &fields })
    }
}

/// `POST`: a message.
async fn message(State(peer): State<Peer>, body: Bytes) -> Response {
    match peer.server.receive(&body).await {
        Reply::Text(text) => {
            ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
        }
        Reply::Silence => {
            tokio::time::sleep(LATE.saturating_mul(4)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

/// `POST` by a hidden frame: the 3DS Method.
async fn method(State(peer): State<Peer>, wanted: Query<Wanted>, body: Bytes) -> Response {
    let locale = Locale::find(&wanted.lang);
    let data = field(&body, "threeDSMethodData").and_then(|data| MethodData::from_form(&data, &ENDPOINT));
    let Some(MethodData { server_trans_id, notification_url: Some(url) }) = data else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if wanted.slow == "1" {
        return StatusCode::NO_CONTENT.into_response();
    }
    let done = MethodData { server_trans_id, notification_url: None }.to_form();
    let (url, fields) = (peer.address(&url), [("threeDSMethodData", done.as_str())]);
    respond::page_for_frames(StatusCode::OK, &HandOverPage { locale, url: &url, fields: &fields })
}

/// `POST`: the browser comes with a request, or with a choice.
async fn choose(
    State(peer): State<Peer>,
    Path(id): Path<String>,
    wanted: Query<Wanted>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut challenge = match peer.find(&id).await {
        Ok(challenge) => challenge,
        Err(instead) => return instead,
    };
    let again = format!("/simulator/3ds/challenge/{id}?lang={}", Locale::find(&wanted.lang).tag);
    if let Some(creq) = field(&body, "creq") {
        let begun = challenge.begin(&creq, field(&body, "threeDSSessionData"));
        if let Err(error) = begun {
            tracing::info!(error = format!("{error:#}"), "the simulated issuer refuses a browser");
            return StatusCode::BAD_REQUEST.into_response();
        }
        return match peer.server.memory.keep(&challenge, peer.clock.now()).await {
            // Not the page itself: one that follows a form cannot be opened again.
            Ok(()) => respond::redirect(&again),
            Err(error) => broken(&error),
        };
    }
    if is_cross_site(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match field(&body, "transStatus") {
        Some(chosen) if matches!(&*chosen, "Y" | "N" | "A" | "U" | "R" | "cancel") => {
            peer.end(&mut challenge, &chosen, Locale::find(&wanted.lang)).await
        }
        _ => respond::redirect(&again),
    }
}

/// `GET`: the page on which the cardholder is asked.
async fn show(State(peer): State<Peer>, Path(id): Path<String>, wanted: Query<Wanted>) -> Response {
    let mut challenge = match peer.find(&id).await {
        Ok(challenge) => challenge,
        Err(instead) => return instead,
    };
    let locale = Locale::find(&wanted.lang);
    if challenge.is_over() {
        return peer.end(&mut challenge, "Y", locale).await;
    }
    if challenge.window.is_none() {
        // Nobody comes here without a request.
        return StatusCode::BAD_REQUEST.into_response();
    }
    if let Some(chosen) = challenge.chooses() {
        return peer.end(&mut challenge, chosen, locale).await;
    }
    let numeric = challenge.currency.parse::<u16>().ok();
    let currency = Currency::all().find(|currency| Some(currency.numeric()) == numeric);
    let amount = currency.map_or_else(
        || challenge.amount_minor.to_string(),
        |currency| locale.amount(challenge.amount_minor, currency.code(), currency.exponent()),
    );
    let action = format!("/simulator/3ds/challenge/{id}?lang={}", locale.tag);
    let page = ChallengePage {
        locale,
        order: Summary { shop: &challenge.shop, description: "", amount: &amount },
        last4: &challenge.last4,
        action: &action,
    };
    if challenge.is_framed() {
        respond::page_for_frames(StatusCode::OK, &page)
    } else {
        respond::page_leading_away(StatusCode::OK, &page)
    }
}

fn broken(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "the simulated issuer failed");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
