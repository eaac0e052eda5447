//! 3-D Secure: starting an authentication, keeping it while it lasts, and taking its outcome, server to server.
//!
//! Test sites ask the built-in directory server, live sites the one an operator set up; both by the same messages.
//! Where the customer's browser runs scripts it passes through pages of ours, see `browser`; where it does not, or
//! where the shop sent the card itself, the directory server is asked at once.

pub(crate) mod browser;
mod cardholder;
mod ds_link;
mod ranges;
mod second_try;
pub(crate) mod server;
mod setup;

pub use setup::{Acquiring, Directory, Identity, Setup, Timers};

use crate::app::App;
use crate::cards_in_hand::Card;
use crate::clock::Clock;
use crate::pages;
use crate::random::Random;
use crate::run::RunError;
use crate::simulator::directory_server::DirectoryServer;
use crate::simulator::issuer::Memory;
use crate::store::db::WriteError;
use crate::store::{AuthenticationRow, Site, Stage, Store};
use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use browser::Visitor;
use ds_link::DsLink;
use emv3ds::browser::BrowserInfo;
use emv3ds::ids::TransId;
use emv3ds::message::MESSAGE_BYTES;
use emv3ds::values::{ChallengeWindowSize, CompInd};
use emv3ds::version::Version;
use payments::card::Pan;
use payments::decide::Command;
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::order::Order;
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::Millis;
use payments::transaction::{TRANSACTION_LIFETIME, Transaction};
use ranges::{Enrolled, Ranges};
use serde::{Deserialize, Serialize};
use server::{Answered, Question, unavailable};
use tracing::Instrument as _;
use url::Url;

/// How long a customer may take from the card to the end of the challenge.
const CHALLENGE_LIFETIME: Millis = Millis::minutes(12);

/// What a message between servers is called, from version 2.3.1 on; older ones do not mind.
const REQUEST_ID: &str = "x-request-id";
/// What its answer is called, which repeats the name of the request.
const RESPONSE_ID: &str = "x-response-id";

/// Where the customer goes next.
#[derive(Debug)]
pub(crate) enum Started {
    /// Nowhere: the issuer has decided.
    Decided(Box<Order>),
    /// To this page, and from there to the issuer's.
    Challenge(String),
}

/// Where a card comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The customer typed it on our page.
    Page,
    /// The shop sent it.
    Direct,
}

/// A directory server and what is known of its cards.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) link: DsLink,
    pub(crate) ranges: Ranges,
}

/// Everything 3-D Secure needs.
#[derive(Debug)]
pub(crate) struct ThreeDs {
    pub(crate) setup: Setup,
    /// What addresses in messages begin with.
    pub(crate) base_url: String,
    pub(crate) simulated: DirectoryServer,
    built_in: Party,
    remote: Option<Party>,
}

/// What an authentication needs for its next step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    method_url: Option<String>,
    /// Whether the issuer has said that its 3DS Method is done.
    #[serde(default)]
    method_done: bool,
    acs_url: Option<String>,
    notification_url: String,
    browser: BrowserInfo,
    /// Whether a code came with the card. It is never kept, so such a card is not taken up by another process: it has
    /// to be typed again.
    #[serde(default)]
    has_code: bool,
    /// What the issuer lets the customer know.
    info: Option<String>,
    /// How large the challenge is shown.
    window: Option<ChallengeWindowSize>,
    /// Whether the directory server has sent the challenge's result.
    #[serde(default)]
    has_result: bool,
}

impl Kept {
    /// Before the first step.
    fn new(
        base_url: &str,
        transaction: &Transaction,
        enrolled: &Enrolled,
        visitor: &Visitor,
        has_code: bool,
    ) -> Self {
        let back = format!("/connect/{}/return/{}{}", transaction.session, transaction.id, visitor.query);
        Self {
            method_url: enrolled.method_url.clone(),
            method_done: false,
            acs_url: None,
            notification_url: format!("{base_url}{back}"),
            browser: visitor.browser.clone(),
            has_code,
            info: None,
            window: None,
            has_result: false,
        }
    }
}

impl ThreeDs {
    pub(crate) fn new(setup: Setup, public_url: &str, store: &Store, clock: &Clock, random: &Random) -> Self {
        let base_url = secure(public_url);
        let simulated = DirectoryServer::new(
            base_url.clone(),
            Memory::Store(store.clone()),
            clock.clone(),
            random.clone(),
        );
        let built_in =
            Party { link: DsLink::BuiltIn(simulated.clone(), Box::default()), ranges: Ranges::default() };
        let remote = setup
            .directory
            .clone()
            .map(|directory| DsLink::Remote(Box::new(directory), random.clone()))
            .map(|link| Party { link, ranges: Ranges::default() });
        Self { setup, base_url, simulated, built_in, remote }
    }

    /// Whom a site asks; nobody on a live site without a directory server.
    fn party_of(&self, site: &Site) -> Option<&Party> {
        let for_test_sites = self.setup.directory.as_ref().is_some_and(|directory| directory.for_test_sites);
        if site.live || for_test_sites { self.remote.as_ref() } else { Some(&self.built_in) }
    }

    /// Where results are sent: `threeDSServerURL`.
    fn results_url(&self, party: &Party) -> String {
        let own = match &party.link {
            DsLink::Remote(directory, _) => directory.results_url.clone(),
            DsLink::BuiltIn(..) => None,
        };
        own.unwrap_or_else(|| format!("{}/threeds/results", self.base_url))
    }

    /// How long a customer may take.
    fn limit(&self, party: &Party) -> Millis {
        let usual = if party.link.is_built_in() { TRANSACTION_LIFETIME } else { CHALLENGE_LIFETIME };
        self.setup.timers.challenge.unwrap_or(usual)
    }

    fn parties(&self) -> impl Iterator<Item = &Party> {
        [Some(&self.built_in), self.remote.as_ref()].into_iter().flatten()
    }
}

/// Our address as messages may carry it: secure, unless it is on this machine. The built-in directory server and
/// issuer only ever use the path behind it.
fn secure(public_url: &str) -> String {
    let plain = public_url.trim_end_matches('/');
    let is_local = Url::parse(plain).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    });
    match plain.strip_prefix("http://") {
        Some(rest) if !is_local => format!("https://{rest}"),
        _ => plain.to_owned(),
    }
}

/// Every route of 3-D Secure.
pub(crate) fn router() -> Router<App> {
    pages::for_people(browser::router()).route("/threeds/results", post(results_here))
}

impl App {
    /// What a directory server reaches by an address of its own, at which it shows who it is.
    pub(crate) fn results_router(&self) -> Router {
        Router::new().fallback(results).layer(DefaultBodyLimit::max(MESSAGE_BYTES)).with_state(self.clone())
    }
}

/// `POST /threeds/results`: a directory server sends the result of a challenge.
async fn results_here(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    if app.threeds.setup.directory.as_ref().is_some_and(|directory| directory.results_url.is_some()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    results(State(app), headers, body).await
}

async fn results(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = app.take_results(&body).await;
    let mut response = ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], answer).into_response();
    if let Some(request) = headers.get(REQUEST_ID) {
        let own = HeaderValue::from_str(app.draw_trans_id().text()).ok();
        response.headers_mut().insert(REQUEST_ID, request.clone());
        response.headers_mut().extend(own.map(|own| (HeaderName::from_static(RESPONSE_ID), own)));
    }
    response
}

impl App {
    /// Starts the authentication of a transaction that waits for it.
    pub(crate) async fn authenticate(
        &self,
        order: &Order,
        transaction: &Transaction,
        pan: &Pan,
        channel: Channel,
        visitor: &Visitor,
    ) -> Result<Started, RunError> {
        let site = self.store.site(order.site).await.map_err(failed)?.ok_or(RunError::NotFound)?;
        let Some(party) = self.threeds.party_of(&site) else {
            return self.decided(order, transaction, unavailable(Version::V220, None)).await;
        };
        if party.link.is_built_in() {
            self.refresh_ranges_of(&party.link, &party.ranges).await;
        }
        let Some(enrolled) = party.ranges.find(pan) else {
            // Its issuer takes no part.
            return self.decided(order, transaction, unavailable(Version::V220, Some("13"))).await;
        };
        let has_code = self.cards.has_code(order.site, transaction.id);
        let kept = Kept::new(&self.threeds.base_url, transaction, &enrolled, visitor, has_code);
        let row = self.new_row(order, transaction, &enrolled, &kept, self.threeds.limit(party));
        if channel == Channel::Page && visitor.browser.javascript_enabled {
            self.begin(&self.with_card(row, pan)?).await?;
            return Ok(Started::Challenge(browser::path(&transaction.session, transaction.id)));
        }
        let has_method = enrolled.method_url.is_some();
        let question = Question {
            party,
            site: &site,
            order,
            transaction,
            pan,
            version: enrolled.version,
            server_trans_id: TransId::parse(&row.server_trans_id)
                .context("an id")
                .map_err(RunError::Failed)?,
            comp_ind: if has_method { CompInd::NotCompleted } else { CompInd::Unavailable },
            browser: visitor.browser.clone(),
            notification_url: kept.notification_url.clone(),
            tells_preference: channel == Channel::Direct,
        };
        match self.ask(&question).await {
            Answered::Decided(authentication, info) => {
                if info.is_some() {
                    let content = text_of(&Kept { info, ..kept });
                    self.begin(&AuthenticationRow { stage: Stage::Ended, content, due_at: None, ..row })
                        .await?;
                }
                self.decided(order, transaction, *authentication).await
            }
            Answered::Challenge(answer) => {
                self.begin(&AuthenticationRow {
                    stage: Stage::Challenge,
                    ds_trans_id: Some(answer.ds_trans_id.text().to_owned()),
                    acs_trans_id: Some(answer.acs_trans_id.text().to_owned()),
                    content: text_of(&server::challenged(&kept, &answer)),
                    ..self.with_card(row, pan)?
                })
                .await?;
                let by_us = party.link.is_built_in();
                let path = if by_us { challenge_path } else { browser::path };
                Ok(Started::Challenge(path(&transaction.session, transaction.id)))
            }
        }
    }

    async fn decided(
        &self,
        order: &Order,
        transaction: &Transaction,
        authentication: Authentication,
    ) -> Result<Started, RunError> {
        let taken = self.authenticated(order.site, &order.id, transaction.id, authentication);
        Ok(Started::Decided(Box::new(taken.await?)))
    }

    /// What is kept from the first step on, but for the card.
    fn new_row(
        &self,
        order: &Order,
        transaction: &Transaction,
        enrolled: &Enrolled,
        kept: &Kept,
        limit: Millis,
    ) -> AuthenticationRow {
        AuthenticationRow {
            site: order.site,
            transaction: transaction.id,
            order: order.id.clone(),
            server_trans_id: self.draw_trans_id().text().to_owned(),
            ds_trans_id: None,
            acs_trans_id: None,
            version: enrolled.version.text().to_owned(),
            stage: Stage::Method,
            content: text_of(kept),
            sealed: None,
            asked_at: None,
            due_at: Some(self.now().plus(limit)),
            outcome: None,
            holder: self.cards.holds(order.site, transaction.id).then(|| self.node.id.clone()),
        }
    }

    /// The card is only kept where the authentication goes on after this step.
    fn with_card(&self, row: AuthenticationRow, pan: &Pan) -> Result<AuthenticationRow, RunError> {
        let sealed = self.keys.seal(&purpose(row.site, row.transaction), pan.digits().as_bytes());
        Ok(AuthenticationRow { sealed: Some(sealed.map_err(RunError::Failed)?), ..row })
    }

    /// Keeps a new authentication. Where another process was faster, its own stands.
    async fn begin(&self, row: &AuthenticationRow) -> Result<(), RunError> {
        match self.store.begin_authentication(row, self.now()).await {
            Ok(()) | Err(WriteError::Stale) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn draw_trans_id(&self) -> TransId {
        let mut random = [0; 16];
        self.random.fill(&mut random);
        TransId::from_random(random)
    }

    /// Whether the customer of an attempt has to go to the issuer, or is on the way there.
    pub(crate) async fn is_asked(&self, site: SiteId, transaction: TransactionId) -> Result<bool, RunError> {
        let row = self.store.authentication(site, transaction).await.map_err(failed)?;
        Ok(row.is_some_and(|row| matches!(row.stage, Stage::Method | Stage::Asking | Stage::Challenge)))
    }

    /// The page that leads a shop's customer to the issuer. A second try begins there, so that the customer is not at
    /// the issuer's yet.
    pub(crate) fn issuer_path(&self, site: &Site, order: &Order, transaction: TransactionId) -> String {
        let by_us = self.threeds.party_of(site).is_none_or(|party| party.link.is_built_in());
        let path = if by_us && !order.is_second_try(transaction) { challenge_path } else { browser::path };
        path(&order.session.id, transaction)
    }

    /// What the issuer wants the customer to read.
    pub(crate) async fn words_of_issuer(&self, site: SiteId, transaction: TransactionId) -> Option<String> {
        let row = self.store.authentication(site, transaction).await.ok()??;
        kept(&row)?.info
    }

    /// Whether the customer took too long at the issuer's.
    pub(crate) async fn took_too_long(&self, site: SiteId, transaction: TransactionId) -> bool {
        let row = self.store.authentication(site, transaction).await.ok().flatten();
        row.is_some_and(|row| row.stage == Stage::Ended && row.outcome.is_none())
    }

    /// The order as it stands once its payment knows what is known of its authentication, and whether another node
    /// still has to tell it.
    pub(crate) async fn caught_up(
        &self,
        order: Order,
        transaction: TransactionId,
    ) -> anyhow::Result<(Order, bool)> {
        if order.transaction(transaction).is_none_or(|known| !known.is_authenticating()) {
            return Ok((order, false));
        }
        match self.store.authentication(order.site, transaction).await? {
            Some(row) if row.stage == Stage::Answered => self.apply_outcome(&row).await,
            Some(row) if row.stage == Stage::Ended => {}
            Some(_) | None => return Ok((order, false)),
        }
        let now = self.store.load(order.site, &order.id).await?.unwrap_or(order);
        let waits = now.transaction(transaction).is_some_and(Transaction::is_authenticating);
        let row = if waits { self.store.authentication(now.site, transaction).await? } else { None };
        Ok((now, row.is_some_and(|row| row.stage == Stage::Answered)))
    }

    /// Takes an authentication's outcome and, when it allows that, starts the authorisation. It goes on when
    /// whoever brought the outcome hangs up: from the committed intent on nothing may stop half-way.
    pub(crate) async fn authenticated(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
        authentication: Authentication,
    ) -> Result<Order, RunError> {
        let (app, order) = (self.clone(), order.clone());
        let taking = async move { app.take_authentication(site, &order, transaction, authentication).await };
        let taken = self.underway.spawn(taking.in_current_span());
        taken.await.unwrap_or_else(|error| Err(RunError::Failed(error.into())))
    }

    async fn take_authentication(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
        authentication: Authentication,
    ) -> Result<Order, RunError> {
        if authentication.decline().is_none() && !self.cards.holds(site, transaction) {
            self.take_up_card(site, order, transaction).await?;
        }
        let command = Command::Authenticated {
            transaction,
            authentication,
            card_at_hand: self.cards.holds(site, transaction),
            answer_within: self.acquirer.answer_within(site),
        };
        let order = self.run(site, order, &command).await?;
        self.authorise_soon(&order, transaction);
        Ok(order)
    }

    /// Takes up the card of an authentication that another process began, when all of it was kept.
    async fn take_up_card(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
    ) -> Result<(), RunError> {
        let Some(row) = self.store.authentication(site, transaction).await.map_err(failed)? else {
            return Ok(());
        };
        let Some(pan) = self.kept_pan(&row).map_err(RunError::Failed)? else { return Ok(()) };
        if kept(&row).is_none_or(|kept| kept.has_code) {
            return Ok(());
        }
        let known = self.store.load(site, order).await.map_err(failed)?;
        let Some(attempt) = known.as_ref().and_then(|order| order.transaction(transaction)) else {
            return Ok(());
        };
        if attempt.is_authenticating() {
            let card = Card { pan, expiry: attempt.card.expiry, cvc: None };
            // Somebody else may have been faster.
            drop(self.cards.keep(site, transaction, card, self.now()));
        }
        Ok(())
    }

    /// The card of an authentication that lasts.
    fn kept_pan(&self, row: &AuthenticationRow) -> anyhow::Result<Option<Pan>> {
        let Some(sealed) = &row.sealed else { return Ok(None) };
        let purpose = purpose(row.site, row.transaction);
        let digits = self.keys.open_sealed(&purpose, sealed)?;
        let pan = std::str::from_utf8(&digits).ok().and_then(|digits| Pan::parse(digits).ok());
        Ok(Some(pan.with_context(|| format!("opening {purpose}: what was sealed is no card number"))?))
    }
}

/// What the card of an authentication is sealed for.
fn purpose(site: SiteId, transaction: TransactionId) -> String {
    format!("authentication/{site}/{transaction}")
}

fn failed(error: impl Into<anyhow::Error>) -> RunError {
    RunError::Failed(error.into())
}

fn kept(row: &AuthenticationRow) -> Option<Kept> {
    serde_json::from_str(&row.content).ok()
}

fn text_of(kept: &Kept) -> String {
    serde_json::to_string(kept).expect("texts can be written")
}

/// An outcome as it is kept until its payment knows it.
#[derive(Serialize, Deserialize)]
struct KeptOutcome {
    status: String,
    frictionless: bool,
    reason: Option<String>,
    cancel: Option<String>,
    eci: Option<String>,
    cavv: Option<String>,
    ds: Option<String>,
    acs: Option<String>,
    version: String,
}

fn outcome_text(outcome: &Authentication) -> String {
    let outcome = outcome.clone();
    let kept = KeptOutcome {
        status: outcome.status.letter().to_owned(),
        frictionless: outcome.flow == Flow::Frictionless,
        reason: outcome.reason,
        cancel: outcome.cancel,
        eci: outcome.eci,
        cavv: outcome.cavv,
        ds: outcome.ds_transaction_id,
        acs: outcome.acs_transaction_id,
        version: outcome.version,
    };
    serde_json::to_string(&kept).expect("texts can be written")
}

fn parse_outcome(text: &str) -> Option<Authentication> {
    let kept: KeptOutcome = serde_json::from_str(text).ok()?;
    Some(Authentication {
        status: TransStatus::parse(&kept.status)?,
        flow: if kept.frictionless { Flow::Frictionless } else { Flow::Challenge },
        reason: kept.reason,
        cancel: kept.cancel,
        eci: kept.eci,
        cavv: kept.cavv,
        ds_transaction_id: kept.ds,
        acs_transaction_id: kept.acs,
        version: kept.version,
    })
}

/// The path of the simulated issuer's page for browsers that cannot carry a message there.
pub(crate) fn challenge_path(session: &SessionId, transaction: TransactionId) -> String {
    format!("/simulator/acs/{session}/{transaction}")
}
