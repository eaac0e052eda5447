//! Direct orders: the shop sends a card, or a token of one, and the answer is the outcome.

use super::create_order::CreateOrder;
use super::create_order::paying::Means;
use super::error::Error;
use super::idempotency::{Answer, Asked};
use super::order_view;
use super::refusal::refused;
use crate::app::App;
use crate::cards_in_hand::Card;
use crate::notify;
use crate::run::RunError;
use crate::store::Site;
use crate::submit::{Submission, Submitted};
use crate::threeds::{Channel, challenge_path};
use payments::card::Gateway;
use payments::decide::{Refused, TokenWish};
use payments::ids::TransactionId;
use payments::order::Order;
use payments::transaction::Transaction;
use serde_json::{Value, json};
use std::time::Duration;

/// How much longer than the acquirer may take the shop waits for the outcome.
const GRACE: Duration = Duration::from_secs(2);

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
            is_authenticated: sent.is_authenticated,
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
                // The customer was authenticated when the card was kept, and is not there now.
                is_authenticated: false,
                token: Some(TokenWish::Known(token.id)),
            }
        }
    };
    let ordered = request.gateway.unwrap_or(Gateway::AnyCard);
    if !ordered.takes(submission.brand) || !site.offers(Gateway::Brand(submission.brand), currency) {
        return Err(Error::unknown_gateway());
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
        Ok(order) => match under_way(app, &order) {
            // Asked for again: the attempt that is under way is the answer, and no second one.
            Some(open) => (order, open),
            None => match app.submit(site, &order, card).await.map_err(|error| refused(error, id))? {
                Submitted::Decided(order, transaction) | Submitted::Challenge(order, transaction, _) => {
                    (*order, transaction)
                }
            },
        },
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
    let view = view(app, site, &order, transaction).map_err(|error| failed(&error))?;
    let (answer, kept) = asked.answer(&view, Some(order.version), app.now());
    app.store.keep_answers(site.id, kept).await.map_err(|error| failed(&error))?;
    Ok(answer)
}

/// The attempt that may still lead to a payment. One that waits for its customer while its card is forgotten leads
/// to none: the card is here again, so it takes that one's place.
fn under_way(app: &App, order: &Order) -> Option<TransactionId> {
    let open = order.open()?;
    let lost = open.is_authenticating() && !app.cards.holds(order.site, open.id);
    (!lost).then_some(open.id)
}

/// The order once nobody asks the acquirer any more, or when that takes too long.
async fn settled(app: &App, order: Order, transaction: TransactionId) -> Result<Order, Error> {
    let settled = |order: &Order| order.transaction(transaction).is_none_or(|known| !known.is_money_moving());
    if settled(&order) {
        return Ok(order);
    }
    let patience = Duration::from_millis(u64::try_from(app.settings.answer_within.0).unwrap_or(0)) + GRACE;
    let waited = app.wait_for(order.site, &order.id, patience, settled).await;
    waited.map_err(|error| Error::internal(&error))?.ok_or_else(Error::unknown_order)
}

/// The whole order, with where the customer goes now.
fn view(app: &App, site: &Site, order: &Order, transaction: TransactionId) -> anyhow::Result<Value> {
    let mut view = order_view::render(order, &site.zone()?)?;
    let details = order_view::details(order)?;
    let public_url = app.settings.public_url.trim_end_matches('/');
    let session = &order.session.id;
    let attempt = order.transaction(transaction);
    let back = format!("{public_url}/connect/{session}/return/{transaction}");
    let options = &details.payment_options;
    let redirect =
        options.redirect_url.as_deref().map(|url| notify::return_url(url, &order.id)).transpose()?;
    let cancel = options.cancel_url.as_deref().map(|url| notify::return_url(url, &order.id)).transpose()?;
    let payment_url = match attempt {
        Some(attempt) if attempt.is_authenticating() => {
            let url = format!("{public_url}{}", challenge_path(session, transaction));
            view["customer_verification"] = json!({ "html": form(&url), "type": "form" });
            url
        }
        Some(attempt) if attempt.is_money_moving() => back,
        Some(attempt) if Transaction::is_paid(attempt) => redirect.unwrap_or(back),
        Some(_) | None => cancel.clone().unwrap_or(back),
    };
    view["payment_url"] = json!(payment_url);
    view["session_id"] = json!(session.as_str());
    if let Some(cancel) = cancel {
        view["cancel_url"] = json!(cancel);
    }
    Ok(view)
}

/// A form that takes the customer to the issuer's page by itself, or by its button. The address is ours: there
/// is nothing in it to escape.
fn form(url: &str) -> String {
    format!(
        "<form id=\"kassa-3ds\" method=\"get\" action=\"{url}\"><button type=\"submit\">Continue</button></form>\
         <script>document.getElementById(\"kassa-3ds\").submit()</script>"
    )
}
