//! The customer's browser between the card form and the issuer: what it says of itself, the 3DS Method, the way to
//! the challenge and the way back.
//!
//! Every step is kept, so a page can be opened again, and another process can go on. Without scripts there is no 3DS
//! Method, and a button leads to the issuer.

use super::server::{Answered, ENDPOINT, Question, challenged, unavailable};
use super::{Kept, kept, text_of};
use crate::api::create_order::Details;
use crate::app::App;
use crate::pages::finish;
use crate::pages::pay::is_cross_site;
use crate::pages::respond;
use crate::pages::view::{IssuerPage, MethodDonePage, MethodPage, Outcome};
use crate::pages::visit::{Visit, WordsQuery};
use crate::store::db::WriteError;
use crate::store::{AuthenticationRow, Stage};
use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use emv3ds::browser::{BrowserInfo, BrowserReport, ScriptReport};
use emv3ds::challenge::{CReq, CRes};
use emv3ds::ids::TransId;
use emv3ds::message::Received;
use emv3ds::method::MethodData;
use emv3ds::values::{ChallengeWindowSize, CompInd};
use emv3ds::version::Version;
use payments::decide::Refused;
use payments::ids::{SessionId, TransactionId};
use payments::order::Order;
use payments::time::Millis;
use payments::transaction::Transaction;
use serde::Deserialize;
use std::time::Duration;
use tracing::Instrument as _;
use url::Url;

/// How often a page looks again whose request to the directory server another page has begun.
const LOOK_AGAIN_SECONDS: u32 = 2;
/// How long after its time a request is taken to be lost with its process.
const LOST_AFTER: Millis = Millis::seconds(5);

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/connect/{session}/3ds/{transaction}", get(show).post(proceed))
        .route("/connect/{session}/3ds/{transaction}/method", post(method_done))
}

/// The page between card form and issuer.
pub(crate) fn path(session: &SessionId, transaction: TransactionId) -> String {
    format!("/connect/{session}/3ds/{transaction}")
}

/// Who pays, as the issuer is told.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) browser: BrowserInfo,
    /// What an address of the visit has behind its path.
    pub(crate) query: String,
}

/// What our script reports of a browser. Everything is text, as the issuer is told it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scripted {
    language: String,
    java: String,
    depth: String,
    height: String,
    width: String,
    zone: String,
}

impl Visitor {
    /// A customer at our page; `scripted` is what our script left in the form.
    pub(crate) fn at_page(visit: &Visit, headers: &HeaderMap, scripted: &str) -> Self {
        let header = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let scripted: Option<Scripted> = serde_json::from_str(scripted).ok();
        let script = scripted.as_ref().map(|scripted| ScriptReport {
            language: Some(&scripted.language),
            java_enabled: Some(&scripted.java),
            color_depth: Some(&scripted.depth),
            screen_height: Some(&scripted.height),
            screen_width: Some(&scripted.width),
            time_zone: Some(&scripted.zone),
        });
        let browser = BrowserInfo::clean(&BrowserReport {
            accept: header(header::ACCEPT),
            user_agent: header(header::USER_AGENT),
            accept_language: header(header::ACCEPT_LANGUAGE),
            ip: visit.details.customer.ip_address.as_deref().and_then(|ip| ip.parse().ok()),
            script,
        });
        Self { browser, query: visit.address("") }
    }

    /// A customer whom only the shop has seen.
    pub(crate) fn of_shop(details: &Details) -> Self {
        let (customer, browser) = (&details.customer, details.customer.browser.clone().unwrap_or_default());
        let ip = browser.ip_address.as_ref().or(customer.ip_address.as_ref());
        let flag = |flag: Option<bool>| flag.map(|flag| if flag { "true" } else { "false" });
        let script = (browser.javascript_enabled == Some(true)).then(|| ScriptReport {
            language: browser.language.as_deref(),
            java_enabled: flag(browser.java_enabled),
            color_depth: browser.screen_color_depth.as_deref(),
            screen_height: browser.screen_height.as_deref(),
            screen_width: browser.screen_width.as_deref(),
            time_zone: browser.time_zone.as_deref(),
        });
        let browser = BrowserInfo::clean(&BrowserReport {
            accept: browser.accept_header.as_deref(),
            user_agent: browser.user_agent.as_deref().or(customer.user_agent.as_deref()),
            accept_language: browser.language.as_deref(),
            ip: ip.and_then(|ip| ip.parse().ok()),
            script,
        });
        Self { browser, query: String::new() }
    }
}

type Where = Path<(String, String)>;

/// A visit to the page, with the attempt and what is kept of its authentication.
struct Step {
    visit: Visit,
    transaction: Transaction,
    row: AuthenticationRow,
    kept: Kept,
}

/// `GET`: whatever comes next.
async fn show(State(app): State<App>, place: Where, words: WordsQuery) -> Response {
    let step = match find(&app, place, words).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    let action = step.visit.address(&path(&step.visit.session, step.transaction.id));
    match step.row.stage {
        Stage::Method => method_page(&app, &step, &action),
        Stage::Asking => finish::checking(&step.visit, &action, LOOK_AGAIN_SECONDS),
        Stage::Challenge => issuer_page(&app, &step).unwrap_or_else(|error| step.visit.failed(&error)),
        Stage::Answered | Stage::Ended => respond::redirect(&back(&step)),
    }
}

/// `POST`: the 3DS Method is done, or its time is over.
async fn proceed(
    State(app): State<App>,
    place: Where,
    words: WordsQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let step = match find(&app, place, words).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if is_cross_site(&headers) {
        return step.visit.ended(StatusCode::FORBIDDEN, Outcome::Refused);
    }
    let again = step.visit.address(&path(&step.visit.session, step.transaction.id));
    match app.request_now(&step, Viewport::read(&body)).await {
        // Through a page of its own: what follows a form may lead to the shop, see `Next::Wait` of the card form.
        Ok(Proceeded::Decided) => finish::checking(&step.visit, &back(&step), 0),
        Ok(Proceeded::Elsewhere) => respond::redirect(&again),
        Err(error) => step.visit.failed(&error),
    }
}

/// `POST` by the issuer's page in the hidden frame: it is done.
async fn method_done(State(app): State<App>, place: Where, words: WordsQuery, body: Bytes) -> Response {
    let step = match find(&app, place, words).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    let field = field(&body, "threeDSMethodData").unwrap_or_default();
    let data = MethodData::from_form(&field, &ENDPOINT);
    let is_ours =
        data.is_some_and(|data| Some(data.server_trans_id) == TransId::parse(&step.row.server_trans_id));
    if !is_ours {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if step.row.stage == Stage::Method {
        let content = text_of(&Kept { method_done: true, ..step.kept.clone() });
        let next = AuthenticationRow { content, ..step.row.clone() };
        if let Err(error) = app.store.move_authentication(&step.row, &next).await {
            tracing::warn!(%error, "a 3DS Method was done for nothing");
        }
    }
    respond::page_in_own_frame(StatusCode::OK, &MethodDonePage { locale: step.visit.locale })
}

/// How much room there is for the issuer's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Viewport {
    width: u16,
    height: u16,
}

impl Viewport {
    fn read(body: &[u8]) -> Self {
        let pixels = |name| field(body, name).and_then(|text| text.parse().ok()).unwrap_or(0);
        Self { width: pixels("width"), height: pixels("height") }
    }

    /// The largest frame that fits; the whole page where none does.
    fn window(self) -> ChallengeWindowSize {
        use ChallengeWindowSize as Size;
        let fits = |size: &Size| {
            size.pixels().is_some_and(|(width, height)| width <= self.width && height <= self.height)
        };
        [Size::W500, Size::W600, Size::W390, Size::W250].into_iter().find(fits).unwrap_or(Size::FullPage)
    }
}

/// Where a request went.
enum Proceeded {
    /// The issuer has decided.
    Decided,
    /// The page says what comes next.
    Elsewhere,
}

impl App {
    /// Asks the directory server, once, whoever presses the button how often.
    async fn request_now(&self, step: &Step, viewport: Viewport) -> anyhow::Result<Proceeded> {
        let now = self.now();
        let patience = self.threeds.setup.timers.answer.as_millis();
        let lost = Millis(i64::try_from(patience).unwrap_or(i64::MAX).saturating_add(LOST_AFTER.0));
        let is_lost = step.row.asked_at.is_none_or(|asked| now.since(asked) >= lost);
        match step.row.stage {
            Stage::Method => {}
            Stage::Asking if is_lost => {}
            Stage::Asking | Stage::Challenge => return Ok(Proceeded::Elsewhere),
            Stage::Answered | Stage::Ended => return Ok(Proceeded::Decided),
        }
        if step.row.due_at.is_some_and(|due| now >= due) {
            return Ok(Proceeded::Decided);
        }
        let window =
            if self.threeds.setup.framed { viewport.window() } else { ChallengeWindowSize::FullPage };
        let mut kept = Kept { window: Some(window), ..step.kept.clone() };
        if window.pixels().is_some() {
            kept.notification_url = framed(&kept.notification_url);
        }
        // A request that was lost may have arrived: the next one is another.
        let is_first = step.row.stage == Stage::Method;
        let id =
            if is_first { step.row.server_trans_id.clone() } else { self.draw_trans_id().text().to_owned() };
        let asking = AuthenticationRow {
            stage: Stage::Asking,
            asked_at: Some(now),
            server_trans_id: id,
            content: text_of(&kept),
            due_at: self.lasts_until(&step.visit.site, &step.visit.order, &step.row),
            ..step.row.clone()
        };
        match self.store.move_authentication(&step.row, &asking).await {
            Ok(()) => {}
            Err(WriteError::Stale) => return Ok(Proceeded::Elsewhere),
            Err(error) => return Err(error.into()),
        }
        // From here on it goes to its end, whether or not the browser waits.
        let (app, order, transaction) = (self.clone(), step.visit.order.clone(), step.transaction.clone());
        let asked = async move { app.request(&order, &transaction, &asking, kept).await };
        let asked = self.underway.spawn(asked.in_current_span());
        asked.await.context("asking the directory server")?
    }

    async fn request(
        &self,
        order: &Order,
        transaction: &Transaction,
        row: &AuthenticationRow,
        kept: Kept,
    ) -> anyhow::Result<Proceeded> {
        let site = self.store.site(order.site).await?.context("the site")?;
        let pan = self.kept_pan(row)?.context("the card of an authentication")?;
        let version = Version::parse(&row.version).context("a version")?;
        let Some(party) = self.threeds.party_of(&site) else {
            self.answered(row, &unavailable(version, None)).await?;
            return Ok(Proceeded::Decided);
        };
        let comp_ind = match (&kept.method_url, kept.method_done) {
            (None, _) => CompInd::Unavailable,
            (Some(_), true) => CompInd::Completed,
            (Some(_), false) => CompInd::NotCompleted,
        };
        let question = Question {
            party,
            site: &site,
            order,
            transaction,
            pan: &pan,
            version,
            server_trans_id: TransId::parse(&row.server_trans_id).context("an id")?,
            comp_ind,
            browser: kept.browser.clone(),
            notification_url: kept.notification_url.clone(),
            tells_preference: false,
        };
        match self.ask(&question).await {
            Answered::Decided(authentication, info) => {
                let row = &AuthenticationRow { content: text_of(&Kept { info, ..kept }), ..row.clone() };
                match self.answered(row, &authentication).await {
                    Ok(()) | Err(WriteError::Stale) => Ok(Proceeded::Decided),
                    Err(error) => Err(error.into()),
                }
            }
            Answered::Challenge(answer) => {
                let next = AuthenticationRow {
                    stage: Stage::Challenge,
                    ds_trans_id: Some(answer.ds_trans_id.text().to_owned()),
                    acs_trans_id: Some(answer.acs_trans_id.text().to_owned()),
                    content: text_of(&challenged(&kept, &answer)),
                    ..row.clone()
                };
                match self.store.move_authentication(row, &next).await {
                    Ok(()) | Err(WriteError::Stale) => Ok(Proceeded::Elsewhere),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The browser is back with what the issuer's page gave it. That says nothing but that a result should be here:
    /// it is waited for a while, and then the authentication could not be performed.
    pub(crate) async fn browser_is_back(
        &self,
        order: &Order,
        id: TransactionId,
        cres: &str,
    ) -> anyhow::Result<()> {
        let Some(row) = self.store.authentication(order.site, id).await? else { return Ok(()) };
        if row.stage != Stage::Challenge || !is_answer_to(&row, cres) {
            return Ok(());
        }
        let decided = |order: &Order| order.transaction(id).is_none_or(|now| !now.is_authenticating());
        let patience: Duration = self.threeds.setup.timers.result;
        let order = self.wait_for(order.site, &order.id, patience, decided).await?;
        if order.as_ref().is_none_or(decided) {
            return Ok(());
        }
        let version = Version::parse(&row.version).unwrap_or(Version::V220);
        let mut outcome = unavailable(version, Some("14"));
        outcome.flow = payments::threeds::Flow::Challenge;
        outcome.ds_transaction_id.clone_from(&row.ds_trans_id);
        outcome.acs_transaction_id.clone_from(&row.acs_trans_id);
        match self.answered(&row, &outcome).await {
            Ok(()) | Err(WriteError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The request that a browser takes to the issuer's page.
    pub(crate) fn creq(&self, row: &AuthenticationRow) -> anyhow::Result<String> {
        let kept = kept(row).context("what was kept of a challenge")?;
        let id = |text: Option<&str>| text.and_then(TransId::parse).context("an id");
        let request = CReq {
            version: Version::parse(&row.version).context("a version")?,
            server_trans_id: id(Some(&row.server_trans_id))?,
            acs_trans_id: id(row.acs_trans_id.as_deref())?,
            window_size: Some(kept.window.unwrap_or(ChallengeWindowSize::FullPage)),
            extensions: Vec::new(),
        };
        request.to_form(&ENDPOINT).map_err(|fault| anyhow!("{fault}"))
    }
}

/// Whether a browser brought what the issuer's page of this challenge gives, or an error from there.
fn is_answer_to(row: &AuthenticationRow, cres: &str) -> bool {
    let same =
        |kept: &Option<String>, id: &TransId| kept.as_deref().and_then(TransId::parse).as_ref() == Some(id);
    match CRes::from_form(cres, &ENDPOINT) {
        Ok(Received::Message(answer)) => {
            Some(answer.server_trans_id) == TransId::parse(&row.server_trans_id)
                && same(&row.acs_trans_id, &answer.acs_trans_id)
        }
        Ok(Received::Erro(erro)) => {
            erro.server_trans_id.as_ref() == TransId::parse(&row.server_trans_id).as_ref()
        }
        Err(_) => false,
    }
}

async fn find(app: &App, Path((session, transaction)): Where, words: WordsQuery) -> Result<Step, Response> {
    let visit = app.visit(&session, words).await?;
    let id = transaction.parse().map(TransactionId).ok();
    let Some(transaction) = id.and_then(|id| visit.order.transaction(id)).cloned() else {
        return Err(visit.refused(Refused::UnknownTransaction));
    };
    let row = match app.store.authentication(visit.site.id, transaction.id).await {
        Ok(row) => row.filter(|_| transaction.is_authenticating()),
        Err(error) => return Err(visit.failed(&error.into())),
    };
    let found = row.and_then(|row| kept(&row).map(|kept| (row, kept)));
    let Some((row, kept)) = found else {
        return Err(respond::redirect(&visit.address(&visit.return_path(transaction.id))));
    };
    Ok(Step { visit, transaction, row, kept })
}

fn back(step: &Step) -> String {
    step.visit.address(&step.visit.return_path(step.transaction.id))
}

fn method_page(app: &App, step: &Step, action: &str) -> Response {
    let notify = format!("{}{}/method", app.threeds.base_url, path(&step.visit.session, step.transaction.id));
    let data = TransId::parse(&step.row.server_trans_id)
        .map(|id| MethodData { server_trans_id: id, notification_url: Some(notify) }.to_form());
    let url = step.kept.method_url.as_deref().filter(|url| is_reachable(url));
    let url = url.map(|url| app.on_our_address(url));
    let limit = app.threeds.setup.timers.method;
    let page = MethodPage {
        locale: step.visit.locale,
        test: !step.visit.site.live,
        order: step.visit.summary(),
        action,
        method_url: url.as_deref(),
        method_data: data.as_deref().unwrap_or_default(),
        limit_ms: limit.as_millis(),
    };
    respond::page_with_frame(StatusCode::OK, &page, url.as_deref())
}

fn issuer_page(app: &App, step: &Step) -> anyhow::Result<Response> {
    let url = step.kept.acs_url.as_deref().filter(|url| is_reachable(url)).context("the issuer's address")?;
    let mut url = app.on_our_address(url);
    if url.starts_with('/') {
        // The built-in issuer speaks the customer's language.
        url = step.visit.address(&url);
    }
    let creq = app.creq(&step.row)?;
    let size = step.kept.window.and_then(ChallengeWindowSize::pixels);
    let page = IssuerPage {
        locale: step.visit.locale,
        test: !step.visit.site.live,
        order: step.visit.summary(),
        issuer_url: &url,
        creq: &creq,
        size,
        info: step.kept.info.as_deref(),
        back: &back(step),
    };
    Ok(respond::page_with_frame(StatusCode::OK, &page, Some(&url)))
}

impl App {
    /// An address of ours as the browser reaches it, whatever messages call it.
    fn on_our_address(&self, url: &str) -> String {
        match url.strip_prefix(&*self.threeds.base_url) {
            Some(path) if path.starts_with("/simulator/") => path.to_owned(),
            // Another process of ours had another address.
            _ => match url.find("/simulator/3ds/").and_then(|at| url.get(at..)) {
                Some(path) if self.threeds.setup.directory.is_none() => path.to_owned(),
                _ => url.to_owned(),
            },
        }
    }
}

/// Whether a browser may be sent there: other schemes could run scripts.
fn is_reachable(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

fn framed(notification_url: &str) -> String {
    let mark = if notification_url.contains('?') { '&' } else { '?' };
    format!("{notification_url}{mark}framed=1")
}

/// A field of a form.
pub(crate) fn field(body: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
