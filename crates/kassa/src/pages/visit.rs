//! A visit to a payment link: whose order it is, in which language, and what can be done with it now.

use super::locale::Locale;
use super::respond::{self, HTML};
use super::view::{Outcome, ResultPage, Summary};
use crate::api::create_order::Details;
use crate::api::create_order::template::{Switches, Template};
use crate::app::App;
use crate::notify;
use crate::store::Site;
use anyhow::Context as _;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use payments::card::{Brand, Gateway};
use payments::decide::Refused;
use payments::ids::{SessionId, TransactionId};
use payments::order::Order;
use payments::session::{ATTEMPTS_MAX, Ending};
use payments::transaction::Capturing;
use serde::Deserialize;
use std::sync::Arc;

/// What the pages read from a query; anything else is ignored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Words {
    /// The language the customer chose.
    #[serde(default)]
    lang: String,
    /// `1` when the page runs in a window that a script opened.
    #[serde(default)]
    popup: String,
    /// `all` when every method of the site is to be shown, whatever the order was placed for.
    #[serde(default)]
    methods: String,
    /// `1` when the issuer's page that leads here was in a frame of ours.
    #[serde(default)]
    framed: String,
}

/// A query that cannot be read is an empty one.
pub(crate) type WordsQuery = Result<Query<Words>, QueryRejection>;

/// A visit to an order's page.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) site: Arc<Site>,
    pub(crate) order: Order,
    pub(crate) details: Details,
    pub(crate) locale: &'static Locale,
    /// The session of the link, perhaps not the order's newest.
    pub(crate) session: SessionId,
    /// Whether the page runs in a window that a script opened.
    pub(crate) popup: bool,
    /// Whether every method of the site is shown.
    pub(crate) all_methods: bool,
    /// Whether the issuer's page that leads here was in a frame of ours.
    pub(super) framed: bool,
    amount: String,
}

impl App {
    /// The visit behind a link.
    ///
    /// # Errors
    /// The page to show instead.
    pub(crate) async fn visit(&self, session: &str, words: WordsQuery) -> Result<Visit, Response> {
        let words = words.map(|Query(words)| words).unwrap_or_default();
        let locale = Locale::find(&words.lang);
        let not_found = || nothing(locale);
        let Some(session) = SessionId::parse(session) else {
            return Err(not_found());
        };
        let found = self.look_up(session, words).await.map_err(|error| failed(locale, &error))?;
        found.ok_or_else(not_found)
    }

    async fn look_up(&self, session: SessionId, words: Words) -> anyhow::Result<Option<Visit>> {
        let Some(order) = self.store.load_by_session(&session).await? else { return Ok(None) };
        let Some(site) = self.store.site(order.site).await? else {
            return Ok(None);
        };
        let details: Details =
            serde_json::from_str(&order.terms.details).context("reading the order's details")?;
        let lang = if words.lang.is_empty() { details.locale().unwrap_or_default() } else { &words.lang };
        let locale = Locale::find(lang);
        let price = order.terms.amount;
        let amount = locale.amount(price.minor, price.currency.code(), price.currency.exponent());
        let popup = words.popup == "1" && details.payment_options.close_window;
        let all_methods = words.methods == "all" && !switches(&details).hide_btn_all_methods;
        let framed = words.framed == "1";
        Ok(Some(Visit { site, order, details, locale, session, popup, all_methods, framed, amount }))
    }
}

/// The page for an address that leads nowhere.
pub(crate) async fn not_found(words: WordsQuery) -> Response {
    nothing(spoken(words))
}

/// The page for a request that there is no room for.
pub(crate) fn busy(uri: &Uri) -> Response {
    let mut page = result(StatusCode::SERVICE_UNAVAILABLE, locale_of(uri), Outcome::Busy);
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("3"));
    page
}

/// The page for a fault of ours that nobody expected.
pub(crate) fn broken(uri: &Uri) -> Response {
    result(StatusCode::INTERNAL_SERVER_ERROR, locale_of(uri), Outcome::Failed)
}

fn locale_of(uri: &Uri) -> &'static Locale {
    let words = Query::try_from_uri(uri).map_or_else(|_| Words::default(), |Query(words)| words);
    Locale::find(&words.lang)
}

/// A refusal that no handler made into a page becomes one: people come here, not programs.
pub(crate) async fn explain(words: WordsQuery, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == HTML);
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let locale = spoken(words);
    let (status, outcome) = match status {
        // An address that is no text is none of ours.
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => (StatusCode::NOT_FOUND, Outcome::NotFound),
        status if status.is_client_error() => (status, Outcome::Refused),
        status => (status, Outcome::Failed),
    };
    let mut page = result(status, locale, outcome);
    if let Some(methods) = response.headers().get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, methods.clone());
    }
    page
}

impl Visit {
    /// What is being paid.
    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary { shop: &self.site.name, description: &self.order.terms.description, amount: &self.amount }
    }

    /// What the page takes: what the order was placed for; without a word of it, or when every method is
    /// shown, any card.
    pub(crate) fn ordered(&self) -> Gateway {
        self.order.terms.gateway.filter(|_| !self.all_methods).unwrap_or(Gateway::AnyCard)
    }

    /// How the shop wants the page to look.
    pub(super) fn template(&self) -> Option<&Template> {
        self.details.payment_options.template.as_ref()
    }

    /// What the shop wants left out.
    pub(super) fn switches(&self) -> Switches {
        switches(&self.details)
    }

    /// The brands that pay this order, whatever it was placed for: what is only authorised, or only checked, is
    /// not paid with American Express.
    pub(crate) fn brands(&self) -> Vec<Brand> {
        let terms = &self.order.terms;
        let mut brands = self.site.brands(terms.amount.currency);
        if terms.capturing == Capturing::Manual || terms.amount.is_zero() {
            brands.retain(|brand| *brand != Brand::Amex);
        }
        brands
    }

    /// The page's own address, without language.
    pub(crate) fn path(&self) -> String {
        format!("/connect/{}/", self.session)
    }

    /// An address of this visit that keeps its language, methods and window.
    pub(crate) fn address(&self, path: &str) -> String {
        let popup = if self.popup { "&popup=1" } else { "" };
        format!("{path}?lang={}{}{popup}", self.locale.tag, self.methods())
    }

    /// What an address of this page has behind its language.
    pub(super) fn methods(&self) -> &'static str {
        if self.all_methods { "&methods=all" } else { "" }
    }

    /// Where the customer comes back to from the issuer.
    pub(crate) fn return_path(&self, transaction: TransactionId) -> String {
        format!("/connect/{}/return/{transaction}", self.session)
    }

    /// The shop's address for a customer who did not pay, if it gave one.
    pub(crate) fn cancel_target(&self) -> Option<String> {
        let url = self.details.payment_options.cancel_url.as_deref()?;
        notify::return_url(url, &self.order.id).ok()
    }

    /// Why the order can no longer be paid through this link.
    pub(crate) fn obstacle(&self, now: payments::time::Timestamp) -> Option<Refused> {
        let session = &self.order.session;
        if self.order.has_money() {
            return Some(Refused::AlreadyPaid);
        }
        if session.id != self.session {
            return Some(Refused::SessionReplaced);
        }
        match session.ended.map(|ended| ended.why) {
            Some(Ending::Cancelled) => return Some(Refused::SessionCancelled),
            Some(Ending::Expired) => return Some(Refused::SessionExpired),
            Some(Ending::Replaced) => return Some(Refused::SessionReplaced),
            None => {}
        }
        if now >= session.ends_at {
            return Some(Refused::SessionExpired);
        }
        (session.attempts >= ATTEMPTS_MAX).then_some(Refused::TooManyAttempts)
    }

    /// The page that says why the order can no longer be paid.
    pub(crate) fn refused(&self, refused: Refused) -> Response {
        let (status, outcome) = match refused {
            Refused::AlreadyPaid => (StatusCode::OK, Outcome::AlreadyPaid),
            Refused::SessionCancelled => (StatusCode::GONE, Outcome::Cancelled),
            Refused::SessionExpired | Refused::SessionReplaced => (StatusCode::GONE, Outcome::Expired),
            Refused::TooManyAttempts => (StatusCode::GONE, Outcome::TooManyAttempts),
            Refused::UnknownTransaction => (StatusCode::NOT_FOUND, Outcome::NotFound),
            // Most of these are refusals of what no customer can ask for.
            Refused::PaymentInProgress
            | Refused::OutOfTurn
            | Refused::NotAuthorised
            | Refused::FullyCaptured
            | Refused::AuthorisationExpired
            | Refused::MoreThanAuthorised
            | Refused::NothingToMove
            | Refused::OrderIdTaken
            | Refused::NothingCollected
            | Refused::FullyRefunded
            | Refused::MoreThanCollected
            | Refused::OtherCurrency
            | Refused::RefundRepeated
            | Refused::RefundTooLate
            | Refused::ChargedBack
            | Refused::DisputeOver
            | Refused::NotShippable => (StatusCode::CONFLICT, Outcome::Failed),
        };
        self.ended(status, outcome)
    }

    /// A page on which this payment ends.
    pub(crate) fn ended(&self, status: StatusCode, outcome: Outcome) -> Response {
        let pays = matches!(outcome, Outcome::NotPaid | Outcome::Refused);
        let pay = pays.then(|| self.address(&self.path()));
        let back =
            self.cancel_target().filter(|_| outcome != Outcome::Paid && outcome != Outcome::AlreadyPaid);
        let page = ResultPage {
            locale: self.locale,
            test: !self.site.live,
            outcome,
            order: Some(self.summary()),
            issuer_says: None,
            pay_href: pay.as_deref(),
            back_href: back.as_deref(),
        };
        respond::page(status, &page)
    }

    /// The customer has paid and is to read what the issuer says before going back to the shop.
    pub(crate) fn paid_with_words(&self, words: &str, target: Option<&str>) -> Response {
        let page = ResultPage {
            locale: self.locale,
            test: !self.site.live,
            outcome: Outcome::Paid,
            order: Some(self.summary()),
            issuer_says: Some(words),
            pay_href: None,
            back_href: target,
        };
        respond::page(StatusCode::OK, &page)
    }

    /// Something of ours did not work.
    pub(crate) fn failed(&self, error: &anyhow::Error) -> Response {
        failed(self.locale, error)
    }
}

fn switches(details: &Details) -> Switches {
    details.payment_options.template.as_ref().map(|template| template.settings).unwrap_or_default()
}

fn spoken(words: WordsQuery) -> &'static Locale {
    Locale::find(&words.map(|Query(words)| words.lang).unwrap_or_default())
}

fn nothing(locale: &Locale) -> Response {
    result(StatusCode::NOT_FOUND, locale, Outcome::NotFound)
}

/// A page about no order in particular.
fn result(status: StatusCode, locale: &Locale, outcome: Outcome) -> Response {
    let page = ResultPage {
        locale,
        test: false,
        outcome,
        order: None,
        issuer_says: None,
        pay_href: None,
        back_href: None,
    };
    respond::page(status, &page)
}

fn failed(locale: &Locale, error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "a page could not be shown");
    result(StatusCode::INTERNAL_SERVER_ERROR, locale, Outcome::Failed)
}
