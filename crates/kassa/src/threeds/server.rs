//! The 3DS Server's side of the messages: a request for authentication, and the result of a challenge.
//!
//! The result decides, and the first one does: every later one gets the first answer again and changes nothing. What
//! a browser brings back is never believed.

use super::ds_link::{Asked, DsLink};
use super::{Kept, Party};
use crate::app::App;
use crate::run::RunError;
use crate::store::db::WriteError;
use crate::store::{AuthenticationRow, Site, Stage};
use anyhow::Context as _;
use emv3ds::areq::{AReq, Card, Cardholder, Merchant, Purchase, Requestor};
use emv3ds::ares::{ARes, Outcome};
use emv3ds::browser::BrowserInfo;
use emv3ds::fault::Fault;
use emv3ds::ids::TransId;
use emv3ds::message::{Body, Endpoint, Message, Received, receive};
use emv3ds::results::RReq;
use emv3ds::secret::Secret;
use emv3ds::values::{
    AuthenticationInd, ChallengeInd, CompInd, Component, DeviceChannel, ErrorCode, MessageCategory,
    ResultsStatus, TransStatus as Letter, TwoDigits,
};
use emv3ds::version::Version;
use payments::card::Pan;
use payments::decide::Refused;
use payments::order::Order;
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::{Millis, Timestamp};
use payments::transaction::Transaction;

/// We, towards directory servers and issuers.
pub(crate) const ENDPOINT: Endpoint = Endpoint::new(Component::Server).with_loopback_http();

/// The longest name of a shop that messages have room for.
const NAME_CHARS: usize = 40;
/// How long after a result was kept a worker looks whether its payment knows.
const APPLY_AFTER: Millis = Millis::seconds(5);

/// What is asked about.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) party: &'a Party,
    pub(super) site: &'a Site,
    pub(super) order: &'a Order,
    pub(super) transaction: &'a Transaction,
    pub(super) pan: &'a Pan,
    pub(super) version: Version,
    pub(super) server_trans_id: TransId,
    pub(super) comp_ind: CompInd,
    pub(super) browser: BrowserInfo,
    /// Where the browser comes back to.
    pub(super) notification_url: String,
    /// Whether to say what the shop would like: nothing in particular. Those requests say so that come without a
    /// customer at our page.
    pub(super) tells_preference: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answered {
    /// It is decided, perhaps with words for the customer.
    Decided(Box<Authentication>, Option<String>),
    /// The customer is to be asked.
    Challenge(Box<ARes>),
}

impl App {
    /// Asks the directory server. Whatever goes wrong there is an authentication that could not be performed.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Answered {
        let link = &question.party.link;
        let failed = |why: &dyn std::fmt::Display| {
            tracing::warn!(transaction.id = %question.transaction.id, why = %why, "no authentication");
            Answered::Decided(Box::new(unavailable(question.version, None)), None)
        };
        let text = match self.areq_text(question) {
            Ok(text) => text,
            Err(fault) => return failed(&fault),
        };
        let within = self.threeds.setup.timers.answer;
        let answer = match link.exchange(&text, Asked::Authentication, within).await {
            Ok(answer) => answer,
            Err(error) => return failed(&error),
        };
        let answer = match receive::<ARes>(&answer, &ENDPOINT) {
            Ok(Received::Message(answer)) if answer.server_trans_id == question.server_trans_id => answer,
            Ok(Received::Message(other)) => {
                let why = "threeDSServerTransID";
                let fault = Fault::new(ErrorCode::TRANSACTION_UNKNOWN, Component::Server, why, other.about());
                self.tell(link, &fault);
                return failed(&fault);
            }
            Ok(Received::Erro(erro)) => {
                return failed(&format!("{} {}", erro.error_code, erro.error_description));
            }
            Err(fault) => {
                self.tell(link, &fault);
                return failed(&fault);
            }
        };
        if answer.outcome.status == Letter::ChallengeRequired {
            return Answered::Challenge(Box::new(answer));
        }
        let info = answer.outcome.cardholder_info.as_ref().map(|info| info.text.clone());
        let ids = (&answer.ds_trans_id, &answer.acs_trans_id);
        let authentication = authentication(&answer.outcome, Flow::Frictionless, ids, answer.version);
        Answered::Decided(Box::new(authentication), info)
    }

    /// Says why a message could not be used. Nothing depends on whether that arrives.
    fn tell(&self, link: &DsLink, fault: &Fault) {
        let Some(text) = fault.erro().and_then(|erro| erro.to_json(&ENDPOINT).ok()) else { return };
        let (link, within) = (link.clone(), self.threeds.setup.timers.answer);
        self.underway.spawn(async move {
            let _ = link.exchange(&text, Asked::Authentication, within).await;
        });
    }

    /// The request as text. What a shop said of its customer is left out where the rules do not allow it.
    fn areq_text(&self, question: &Question<'_>) -> Result<zeroize::Zeroizing<String>, Fault> {
        let mut request = self.areq(question);
        request.to_json(&ENDPOINT).or_else(|_| {
            request.cardholder = Cardholder::default();
            request.to_json(&ENDPOINT)
        })
    }

    fn areq(&self, question: &Question<'_>) -> AReq {
        let Question { party, site, order, transaction, .. } = question;
        let identity = party.link.identity();
        let amount = transaction.amount;
        let name: String = site.name.chars().take(NAME_CHARS).collect();
        let acquiring = identity.acquiring.get(transaction.card.brand.id());
        let country_code = (question.version == Version::V231).then(|| identity.country.clone());
        AReq {
            version: question.version,
            category: MessageCategory::PAYMENT,
            channel: DeviceChannel::Browser,
            server_trans_id: question.server_trans_id.clone(),
            ds_trans_id: None,
            server: identity.server(self.threeds.results_url(party)),
            requestor: Requestor {
                id: format!("{}-{}", identity.requestor_id, site.id),
                name: name.clone(),
                url: self.threeds.base_url.clone(),
                authentication_ind: Some(AuthenticationInd::PAYMENT),
                three_ri_ind: None,
                challenge_ind: Vec::from_iter(wish(question)),
            },
            comp_ind: Some(question.comp_ind),
            method_id: None,
            notification_url: Some(question.notification_url.clone()),
            browser: Some(question.browser.clone()),
            card: Card {
                number: Secret::new(question.pan.digits()),
                expiry: Some(Secret::new(transaction.card.expiry.yymm())),
                account_type: None,
                security_code: None,
            },
            purchase: Some(Purchase {
                amount: amount.minor.to_string(),
                currency: format!("{:03}", amount.currency.numeric()),
                exponent: amount.currency.exponent().to_string(),
                date: purchase_date(self.now()),
                trans_type: Some(TwoDigits::new(1)),
                instalments: None,
                recurring_expiry: None,
                recurring_frequency: None,
            }),
            merchant: Merchant {
                acquirer_bin: acquiring.map(|acquiring| acquiring.bin.clone()),
                acquirer_merchant_id: acquiring.map(|acquiring| acquiring.merchant.clone()),
                acquirer_country_source: country_code.as_ref().map(|_| TwoDigits::new(1)),
                acquirer_country: country_code,
                category_code: Some(identity.category_code.clone()),
                country: Some(identity.country.clone()),
                name: Some(name),
            },
            cardholder: super::cardholder::of(order, &transaction.card.holder),
            extensions: Vec::new(),
            other: Default::default(),
        }
    }

    /// Takes a message that a directory server sends by itself; the text to answer with, empty where nothing is
    /// answered.
    pub(crate) async fn take_results(&self, message: &[u8]) -> String {
        let result = match Message::parse(message, &ENDPOINT) {
            Ok(Message::RReq(result)) => result,
            Ok(Message::Erro(erro)) => {
                tracing::warn!(code = %erro.error_code, "a directory server reports an error");
                return String::new();
            }
            Ok(Message::PReq(_) | Message::PRes(_) | Message::AReq(_) | Message::ARes(_))
            | Ok(Message::CReq(_) | Message::CRes(_) | Message::RRes(_)) => return String::new(),
            Err(fault) => return erro(&fault),
        };
        match self.take_result(&result).await {
            Ok(Ok(())) => {
                let answer = result.answer(ResultsStatus::RECEIVED).to_json(&ENDPOINT);
                answer.map_or_else(|fault| erro(&fault), |text| text.to_string())
            }
            Ok(Err((code, detail))) => refuse(&*result, code, detail),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a result could not be kept");
                refuse(&*result, ErrorCode::TRANSIENT_FAILURE, "not kept")
            }
        }
    }

    /// Keeps the first result of a challenge and tells its payment. `Err`: why it is refused.
    async fn take_result(&self, result: &RReq) -> anyhow::Result<Result<(), (ErrorCode, &'static str)>> {
        loop {
            let called = result.server_trans_id.text().to_ascii_lowercase();
            let Some(row) = self.store.authentication_called(&called).await? else {
                return Ok(Err((ErrorCode::TRANSACTION_UNKNOWN, "threeDSServerTransID")));
            };
            let same = |kept: &Option<String>, id: &TransId| {
                kept.as_deref().and_then(TransId::parse).as_ref() == Some(id)
            };
            if row.ds_trans_id.is_some() && !same(&row.ds_trans_id, &result.ds_trans_id) {
                return Ok(Err((ErrorCode::TRANSACTION_UNKNOWN, "dsTransID")));
            }
            if row.acs_trans_id.is_some() && !same(&row.acs_trans_id, &result.acs_trans_id) {
                return Ok(Err((ErrorCode::TRANSACTION_UNKNOWN, "acsTransID")));
            }
            let kept = super::kept(&row);
            match row.stage {
                Stage::Challenge => {}
                Stage::Method | Stage::Asking => return Ok(Err(out_of_turn(result.version, "no challenge"))),
                // Decided by an answer to the request: there was no challenge that could have a result.
                Stage::Answered | Stage::Ended if row.acs_trans_id.is_none() => {
                    return Ok(Err(out_of_turn(result.version, "no challenge")));
                }
                Stage::Answered | Stage::Ended => {
                    if row.stage == Stage::Answered {
                        self.apply_outcome(&row).await;
                    }
                    // Too late is not out of turn.
                    let again = kept.is_some_and(|kept| kept.has_result);
                    let refused = again.then(|| out_of_turn(result.version, "a second result"));
                    return Ok(refused.map_or(Ok(()), Err));
                }
            }
            let now = self.now();
            if row.due_at.is_some_and(|due| now >= due) {
                // Too late for the payment, which ends by its own clock.
                match self.end_authentication(&row).await {
                    Err(WriteError::Stale) => continue,
                    ended => return Ok(ended.map(Ok)?),
                }
            }
            let ids = (&result.ds_trans_id, &result.acs_trans_id);
            let mut outcome = authentication(&result.outcome, Flow::Challenge, ids, result.version);
            outcome.cancel = result.challenge_cancel.map(|cancel| cancel.0.to_string());
            let content = kept.map(|kept| super::text_of(&Kept { has_result: true, ..kept }));
            let row = AuthenticationRow { content: content.unwrap_or_else(|| row.content.clone()), ..row };
            match self.answered(&row, &outcome).await {
                Err(WriteError::Stale) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(Ok(())),
            }
        }
    }

    /// Keeps how an authentication ended, if nobody was faster, and tells its payment.
    pub(super) async fn answered(
        &self,
        row: &AuthenticationRow,
        outcome: &Authentication,
    ) -> Result<(), WriteError> {
        let next = AuthenticationRow {
            stage: Stage::Answered,
            outcome: Some(super::outcome_text(outcome)),
            due_at: Some(self.now().plus(APPLY_AFTER)),
            ..row.clone()
        };
        self.store.move_authentication(row, &next).await?;
        self.apply_outcome(&next).await;
        Ok(())
    }

    /// Tells the payment how its authentication ended, or leaves that to the node that holds the card. When it fails a
    /// worker tries again.
    pub(crate) async fn apply_outcome(&self, row: &AuthenticationRow) {
        let Some(outcome) = row.outcome.as_deref().and_then(super::parse_outcome) else { return };
        // Without a code, or with a no, it goes on wherever the outcome is known.
        let needs_card = outcome.decline().is_none() && super::kept(row).is_some_and(|kept| kept.has_code);
        if needs_card && !self.cards.holds(row.site, row.transaction) {
            match self.is_left_to_another(row).await {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!(order.id = %row.order,
                        "an authentication's outcome is left to the node that holds the card");
                    return;
                }
                Err(error) => {
                    tracing::warn!(order.id = %row.order, %error, "an authentication's outcome waits for a worker");
                    return;
                }
            }
        }
        match self.authenticated(row.site, &row.order, row.transaction, outcome).await {
            Ok(_) => {}
            // The payment went on or ended without it.
            Err(RunError::Refused(Refused::OutOfTurn | Refused::UnknownTransaction) | RunError::NotFound) => {
                if let Err(error) = self.end_authentication(row).await {
                    tracing::debug!(%error, "an authentication was not ended");
                }
            }
            Err(error) => {
                tracing::error!(order.id = %row.order, ?error, "an authentication's outcome waits for a worker");
            }
        }
    }

    /// Ends an authentication: the number that it kept is wiped. The card in hand is too when there was no
    /// outcome; with one it belongs to the payment, which may be taking it to the acquirer right now.
    pub(super) async fn end_authentication(&self, row: &AuthenticationRow) -> Result<(), WriteError> {
        let next = AuthenticationRow { stage: Stage::Ended, due_at: None, ..row.clone() };
        self.store.move_authentication(row, &next).await?;
        if row.outcome.is_none() {
            drop(self.cards.take(row.site, row.transaction));
        }
        Ok(())
    }

    /// Looks after authentications whose time is over, or whose outcome their payments do not know.
    pub(crate) async fn end_authentications(&self) -> anyhow::Result<()> {
        let due = self.store.due_authentications(self.now(), 100).await.context("due authentications")?;
        for row in due {
            match row.stage {
                Stage::Answered => self.apply_outcome(&row).await,
                Stage::Method | Stage::Asking | Stage::Challenge => match self.end_authentication(&row).await
                {
                    Ok(()) => {
                        tracing::info!(order.id = %row.order, "an authentication took too long");
                        self.announce(row.site, &row.order);
                    }
                    Err(WriteError::Stale) => {}
                    Err(error) => return Err(error.into()),
                },
                Stage::Ended => {}
            }
        }
        Ok(())
    }
}

/// The outcome as a payment keeps it. What is no outcome of a payment's authentication, such as a decoupled one,
/// could not be performed.
fn authentication(
    outcome: &Outcome,
    flow: Flow,
    (ds, acs): (&TransId, &TransId),
    version: Version,
) -> Authentication {
    let status = match outcome.status {
        Letter::Authenticated => TransStatus::Authenticated,
        Letter::Attempted => TransStatus::Attempted,
        Letter::NotAuthenticated => TransStatus::NotAuthenticated,
        Letter::Rejected => TransStatus::Rejected,
        Letter::Unavailable
        | Letter::ChallengeRequired
        | Letter::Decoupled
        | Letter::Informational
        | Letter::SecurePaymentConfirmation => TransStatus::Unavailable,
    };
    let proven = outcome.status.has_value();
    let value = outcome.authentication_value.as_ref().filter(|_| proven);
    Authentication {
        status,
        flow,
        reason: outcome.reason.map(|reason| reason.0.to_string()),
        cancel: None,
        eci: outcome.eci.filter(|_| proven).map(|eci| eci.0.to_string()),
        cavv: value.map(|value| value.expose().to_owned()),
        ds_transaction_id: Some(ds.text().to_owned()),
        acs_transaction_id: Some(acs.text().to_owned()),
        version: version.text().to_owned(),
    }
}

/// An authentication that nobody performed.
pub(super) fn unavailable(version: Version, reason: Option<&str>) -> Authentication {
    Authentication {
        status: TransStatus::Unavailable,
        flow: Flow::Frictionless,
        reason: reason.map(str::to_owned),
        cancel: None,
        eci: None,
        cavv: None,
        ds_transaction_id: None,
        acs_transaction_id: None,
        version: version.text().to_owned(),
    }
}

/// What the browser is shown of a challenge, kept with it.
pub(super) fn challenged(kept: &Kept, answer: &ARes) -> Kept {
    Kept {
        acs_url: answer.acs_url.clone(),
        info: answer.outcome.cardholder_info.as_ref().map(|info| info.text.clone()),
        ..kept.clone()
    }
}

/// Whether the customer is to be asked. Where the issuer has said so with a soft decline, it must be.
fn wish(question: &Question<'_>) -> Option<ChallengeInd> {
    if question.order.is_second_try(question.transaction.id) {
        return Some(mandate(question.version));
    }
    question.tells_preference.then_some(ChallengeInd::NO_PREFERENCE)
}

fn mandate(version: Version) -> ChallengeInd {
    match version {
        Version::V220 => ChallengeInd::MANDATED,
        Version::V231 => ChallengeInd::ISSUER_REQUESTED,
    }
}

fn out_of_turn(version: Version, detail: &'static str) -> (ErrorCode, &'static str) {
    match version {
        Version::V220 => (ErrorCode::TRANSACTION_UNKNOWN, detail),
        Version::V231 => (ErrorCode::WRONG_STATE, detail),
    }
}

fn refuse(message: &impl Body, code: ErrorCode, detail: &str) -> String {
    erro(&Fault::new(code, Component::Server, detail, message.about()))
}

fn erro(fault: &Fault) -> String {
    let text = fault.erro().and_then(|erro| erro.to_json(&ENDPOINT).ok());
    text.map(|text| text.to_string()).unwrap_or_default()
}

/// `YYYYMMDDHHMMSS` in UTC.
fn purchase_date(now: Timestamp) -> String {
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
    now.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_is_told_in_the_words_of_its_version() {
        let told = |version| mandate(version).0.to_string();
        assert_eq!((told(Version::V220), told(Version::V231)), ("04".to_owned(), "13".to_owned()));
    }
}
