//! `/v1/json/orders/{id}/refunds`: money goes back to the customer.
//!
//! How much is said by `amount`; without one, by the cart of what comes back; without either it is everything
//! that is left.

mod returned;

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::{self, Fields};
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::orders::{OrderPath, find};
use super::refusal::refused;
use crate::app::App;
use crate::store::Site;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::{patch, post};
use payments::decide::{Command, NewRefund};
use payments::ids::{OrderId, TransactionId};
use payments::money::Currency;
use payments::order::Order;
use payments::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a refund of a test site rests before it is paid, so that a shop can see it reserved and take it back.
const TEST_REST: Millis = Millis::seconds(2);
/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 200;

/// The routes of this resource.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/json/orders/{id}/refunds", post(create))
        .route("/v1/json/orders/{id}/refunds/{refund}", patch(cancel))
}

/// What a shop says of a movement of money: echoed, and never decided upon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Note {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) var1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) var2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) var3: Option<String>,
    /// What the shop's own papers call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invoice_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Note {
    pub(super) fn read(body: &Fields<'_>) -> Result<Self, Error> {
        let text = |key| body.text(key, error::MISSING_DATA);
        Ok(Self {
            description: body.text_within("description", error::DESCRIPTION, DESCRIPTION_MAX)?,
            var1: body.text("var1", error::VARIABLE)?,
            var2: body.text("var2", error::VARIABLE)?,
            var3: body.text("var3", error::VARIABLE)?,
            invoice_id: text("invoice_id")?,
            reason: text("reason")?,
        })
    }

    /// As it is stored.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// `POST /orders/{id}/refunds`.
async fn create(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = find(&app, &caller, id).await?;
    let refund = app.draw_transaction(caller.site.id).await.map_err(|error| Error::internal(&error))?;
    let new = read(&body, &order, &caller.site, refund)?;
    let new = NewRefund { is_keyed: asked.is_keyed(), ..new };
    let show = |order: &Order| {
        let paid = order.paid().map(|paid| paid.id.0);
        let id = order.id.as_str();
        Ok(json!({ "order_id": id, "transaction_id": paid, "refund_id": refund.0 }))
    };
    let command = Command::Refund(Box::new(new));
    let refunded = app.run_answering(caller.site.id, &order.id, &command, asked.answering(&show)).await;
    refunded.map_err(|error| refused(error, &order.id))
}

fn read(body: &Value, order: &Order, site: &Site, id: TransactionId) -> Result<NewRefund, Error> {
    let Value::Object(body) = body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    let currency = match fields.filled("currency") {
        None => order.terms.amount.currency,
        Some(Value::String(code)) => Currency::parse(code)
            .ok_or_else(|| fields.fault("currency", error::CURRENCY, "must be the currency of the order"))?,
        Some(_) => return Err(fields.fault("currency", error::CURRENCY, "must be text, such as EUR")),
    };
    let reference = fields.text("refund_order_id", error::ORDER_ID)?.filter(|id| !id.is_empty());
    let reference = reference.map(|id| {
        OrderId::parse(&id)
            .ok_or_else(|| fields.fault("refund_order_id", error::ORDER_ID, "must have 1 to 50 characters"))
    });
    let amount_minor = match amount(&fields)? {
        None => returned::amount(&fields, order)?,
        amount => amount,
    };
    Ok(NewRefund {
        id,
        currency,
        amount_minor,
        order: reference.transpose()?.unwrap_or_else(|| order.id.clone()),
        note: Note::read(&fields)?.written(),
        rests: if site.live { Millis(0) } else { TEST_REST },
        is_keyed: false,
    })
}

/// Minor units; absent, empty and 0 mean everything.
pub(super) fn amount(fields: &Fields<'_>) -> Result<Option<i64>, Error> {
    let what = "must be a whole number of minor units";
    let amount = fields
        .filled("amount")
        .map(|value| fields::whole(value).ok_or_else(|| fields.fault("amount", error::AMOUNT, what)));
    Ok(amount.transpose()?.filter(|amount| *amount > 0))
}

type RefundPath = Result<Path<(String, String)>, PathRejection>;

/// `PATCH /orders/{id}/refunds/{refund}`: takes a refund back that was not sent yet.
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    path: RefundPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let Ok(Path((id, refund))) = path else { return Err(Error::unknown_order()) };
    let order = find(&app, &caller, Ok(Path(id))).await?;
    let refund = refund.parse().map(TransactionId).map_err(|_| Error::unknown_order())?;
    match body.get("status") {
        Some(Value::String(status)) if matches!(status.as_str(), "void" | "cancelled") => {}
        _ => return Err(Error::invalid(error::MISSING_DATA, "status", "must be void")),
    }
    let (show, command) = (|_: &Order| Ok(json!({})), Command::CancelRefund { refund });
    let cancelled = app.run_answering(caller.site.id, &order.id, &command, asked.answering(&show)).await;
    cancelled.map_err(|error| refused(error, &order.id))
}
