//! Direct orders: the shop sends a card, or a token of one, and the answer is the outcome.

use super::create_order::CreateOrder;
use super::create_order::paying::Means;
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::order_view;
use super::orders::Placed;
use super::refusal::refused;
use crate::app::App;
use crate::cards_in_hand::Card;
use crate::notify;
use crate::run::RunError;
use crate::store::Site;
use crate::submit::{Authenticate, Submission, Submitted};
use crate::threeds::browser::Visitor;
use crate::threeds::{Channel, Started};
use payments::card::{Brand, CardSummary, Gateway, Pan};
use payments::decide::{Refused, TokenWish};
use payments::ids::TransactionId;
use payments::order::Order;
use payments::transaction::{Capturing, Transaction};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// How much longer than the acquirer may take the shop waits for the outcome.
const GRACE: Duration = Duration::from_secs(2);

/// The whole order, with where the customer goes now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DirectOrder")]
pub(super) struct Paid<'a> {
    /// Where the customer goes after giving up.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_url: Option<String>,
    /// There when the customer has to be authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_verification: Option<Verification>,
    #[serde(flatten)]
    #[schemars(with = "order_view::View<'static>")]
    order: Value,
    /// Where the customer goes now.
    payment_url: String,
    /// The name of this way to pay. Whoever knows it can pay.
    session_id: &'a str,
}

/// How the customer gets to the issuer's page.
#[derive(Debug, Serialize, JsonSchema)]
struct Verification {
    /// A form that takes the customer there.
    html: String,
    #[serde(rename = "type")]
    #[schemars(extend("const" = "form"))]
    kind: &'static str,
}

/// The card of a direct order, with how it is to be submitted but for the session; `None` when the customer types
/// it on our page.
pub(super) async fn card(app: &App, site: &Site, request: &CreateOrder) -> Result<Option<Submission>, Error> {
    let currency = request.amount.currency;
    let submission = match &request.means {
        Means::Page => return Ok(None),
        Means::Card(sent) => Submission {
            session: None,
            card: Card { pan: sent.pan.clone(), expiry: sent.expiry, cvc: sent.cvc.clone() },
            brand: sent.brand,
            holder: sent.holder.clone(),
            channel: Channel::Direct,
            visitor: Visitor::of_shop(&request.details),
            authenticate: sent.authenticate,
            token: None,
        },
        Means::Token(id) => {
            let failed = |error: &dyn std::fmt::Display| Error::internal(error);
            let token = app.store.token(site.id, *id).await.map_err(|error| failed(&error))?;
            let reference = request.details.customer.reference.as_deref();
            let token = token.filter(|token| reference.is_none_or(|own| own == token.recurring.reference));
            let token = token.ok_or_else(Error::unknown_token)?;
            let pan = app.keys.open_card(site.id, token.id, &token.sealed).map_err(|error| failed(&error))?;
            Submission {
                session: None,
                card: Card { pan, expiry: token.card.expiry, cvc: None },
                brand: token.card.brand,
                holder: token.card.holder,
                channel: Channel::Direct,
                visitor: Visitor::of_shop(&request.details),
                // The customer was authenticated when the card was kept, and is not there now.
                authenticate: Authenticate::Never,
                token: Some(TokenWish::Known(token.id)),
            }
        }
    };
    let ordered = request.gateway.unwrap_or(Gateway::AnyCard);
    if !ordered.takes(submission.brand) || !site.offers(Gateway::Brand(submission.brand), currency) {
        return Err(Error::unknown_gateway());
    }
    // As on the page: what is only authorised, or only checked, is not paid with American Express.
    if submission.brand == Brand::Amex && (request.capturing == Capturing::Manual || request.amount.is_zero())
    {
        let what = "is of American Express, which is charged at once or not at all";
        let field = if submission.token.is_some() { "recurring_id" } else { "gateway_info.card_number" };
        return Err(Error::invalid(error::NOT_OFFERED, field, what));
    }
    Ok(Some(submission))
}

/// Places the order, submits the card and answers the order as it stands when the outcome is known, or when the
/// customer has to be authenticated.
pub(super) async fn pay(
    app: &App,
    site: &Site,
    request: &CreateOrder,
    digest: [u8; 32],
    card: Submission,
    asked: &Asked,
) -> Result<Answer, Error> {
    let id = &request.order_id;
    let failed = |error: &dyn std::fmt::Display| Error::internal(error);
    let (order, transaction) = match app.place_to_pay(site.id, request, digest).await {
        Ok(order) => submit(app, site, order, card).await.map_err(|error| refused(error, id))?,
        // The answer to the same request was lost before it could be kept: the payment is the answer.
        Err(RunError::Refused(Refused::AlreadyPaid)) if asked.is_keyed() => {
            let known = app.store.load(site.id, id).await.map_err(|error| failed(&error))?;
            let paid = known.filter(|order| order.session.digest == digest);
            let paid = paid.and_then(|order| order.paid().map(|paid| paid.id).map(|paid| (order, paid)));
            paid.ok_or_else(|| Error::order_taken(id))?
        }
        Err(error) => return Err(refused(error, id)),
    };
    let order = settled(app, order, transaction).await?;
    // The issuer wants the customer authenticated after all.
    let transaction = order.second_try_of(transaction).map_or(transaction, |second| second.id);
    let view = view(app, site, &order, transaction).map_err(|error| failed(&error))?;
    let (answer, kept) = asked.answer(&view, Some(order.version), app.now());
    let is_first = app.store.keep_answers(site.id, kept).await.map_err(|error| failed(&error))?;
    let before = if is_first { None } else { asked.answered_before(app).await? };
    Ok(before.unwrap_or(answer))
}

/// Submits the card. Asked for again, also by another node at the same time, the attempt that is under way is the
/// answer, and no second one.
async fn submit(
    app: &App,
    site: &Site,
    order: Order,
    card: Submission,
) -> Result<(Order, TransactionId), RunError> {
    let (pan, summary) = (card.card.pan.clone(), card.summary(&app.settings.ranges));
    if let Some(open) = order.open().map(|open| open.id) {
        if order.transaction(open).is_some_and(|open| open.card == summary) {
            // The process that took it may be gone, and the card with it: here it is again.
            drop(app.cards.keep(site.id, open, card.card, app.now()));
        }
        return begun(app, order, open, (&pan, &summary)).await;
    }
    let refused = match app.submit(site, &order, card).await {
        Ok(Submitted::Decided(order, transaction) | Submitted::Challenge(order, transaction, _)) => {
            return Ok((*order, transaction));
        }
        Err(refused) => refused,
    };
    if !matches!(refused, RunError::Refused(Refused::PaymentInProgress)) {
        return Err(refused);
    }
    let now = app.store.load(site.id, &order.id).await.map_err(|error| RunError::Failed(error.into()))?;
    let same = now.filter(|now| now.session.id == order.session.id);
    match same.and_then(|now| now.leading().map(|leading| leading.id).map(|leading| (now, leading))) {
        Some((order, transaction)) => begun(app, order, transaction, (&pan, &summary)).await,
        None => Err(refused),
    }
}

/// An attempt that another request began: as it stands when the customer has to be asked, or once the issuer has
/// decided without them, which takes a moment. One with another card was begun by the customer on our page.
async fn begun(
    app: &App,
    order: Order,
    transaction: TransactionId,
    (pan, summary): (&Pan, &CardSummary),
) -> Result<(Order, TransactionId), RunError> {
    let decided = |order: &Order| order.transaction(transaction).is_none_or(|now| !now.is_authenticating());
    let is_asked = app.is_asked(order.site, transaction).await?;
    let waits = |now: &Transaction| now.card != *summary || is_asked;
    if decided(&order) || order.transaction(transaction).is_some_and(waits) {
        return Ok((order, transaction));
    }
    let waited = app.wait_for(order.site, &order.id, GRACE, decided).await;
    let order = waited.map_err(RunError::Failed)?.ok_or(RunError::NotFound)?;
    let Some(left) = order.transaction(transaction).filter(|now| now.is_authenticating()) else {
        return Ok((order, transaction));
    };
    // Whoever began it did not get this far.
    let visitor = Visitor::of_shop(&order_view::details(&order).map_err(RunError::Failed)?);
    match app.authenticate(&order, left, pan, Channel::Direct, &visitor).await {
        Ok(Started::Decided(order)) => Ok((*order, transaction)),
        Ok(Started::Challenge(_)) | Err(RunError::Refused(Refused::OutOfTurn)) => Ok((order, transaction)),
        Err(error) => Err(error),
    }
}

/// The order once nobody asks the acquirer any more, or when that takes too long.
async fn settled(app: &App, order: Order, transaction: TransactionId) -> Result<Order, Error> {
    let settled = |order: &Order| order.transaction(transaction).is_none_or(|known| !known.is_money_moving());
    if settled(&order) {
        return Ok(order);
    }
    let answer_within = app.acquirer.answer_within(order.site);
    let patience = Duration::from_millis(u64::try_from(answer_within.0).unwrap_or(0)) + GRACE;
    let waited = app.wait_for(order.site, &order.id, patience, settled).await;
    waited.map_err(|error| Error::internal(&error))?.ok_or_else(Error::unknown_order)
}

/// The whole order, with where the customer goes now.
fn view(app: &App, site: &Site, order: &Order, transaction: TransactionId) -> anyhow::Result<Value> {
    let details = order_view::details(order)?;
    let public_url = app.settings.public_url.trim_end_matches('/');
    let session = &order.session.id;
    let attempt = order.transaction(transaction);
    let back = format!("{public_url}/connect/{session}/return/{transaction}");
    let options = &details.payment_options;
    let redirect =
        options.redirect_url.as_deref().map(|url| notify::return_url(url, &order.id)).transpose()?;
    let cancel = options.cancel_url.as_deref().map(|url| notify::return_url(url, &order.id)).transpose()?;
    let mut customer_verification = None;
    let payment_url = match attempt {
        Some(attempt) if attempt.is_authenticating() => {
            let url = format!("{public_url}{}", app.issuer_path(site, order, transaction));
            customer_verification = Some(Verification { html: form(&url), kind: "form" });
            url
        }
        Some(attempt) if attempt.is_money_moving() => back,
        Some(attempt) if Transaction::is_paid(attempt) => redirect.unwrap_or(back),
        Some(_) | None => cancel.clone().unwrap_or(back),
    };
    let paid = Paid {
        cancel_url: cancel,
        customer_verification,
        order: order_view::render(order, &site.zone()?)?,
        payment_url,
        session_id: session.as_str(),
    };
    Ok(serde_json::to_value(Placed::Direct(Box::new(paid)))?)
}

/// A form that takes the customer to the issuer's page by itself, or by its button. The address is ours: there
/// is nothing in it to escape.
fn form(url: &str) -> String {
    format!(
        "<form id=\"kassa-3ds\" method=\"get\" action=\"{url}\"><button type=\"submit\">Continue</button></form>\
         <script>document.getElementById(\"kassa-3ds\").submit()</script>"
    )
}
