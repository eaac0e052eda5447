//! `/v1/json/orders/{id}/refunds`: money goes back to the customer.
//!
//! How much is said by `amount`; without one, by the cart of what comes back; without either it is everything
//! that is left.

mod returned;

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::{self, Fields};
use super::error::{self, Error, Nothing};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::orders::{ID, OrderPath, find};
use super::refusal::refused;
use super::schema::{self, Field};
use crate::app::App;
use crate::store::Site;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use payments::decide::{Command, NewRefund};
use payments::ids::{OrderId, TransactionId};
use payments::money::{AMOUNT_MAX_MINOR, Currency};
use payments::order::Order;
use payments::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a refund of a test site rests before it is paid, so that a shop can see it reserved and take it back.
const TEST_REST: Millis = Millis::seconds(2);
/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 200;

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/json/orders/{id}/refunds", "createRefund", create)
            .doc(
                Tag::Money,
                "Pay money back",
                "The whole, or a part. The same amount again within 5 minutes is refused, unless an \
                 `Idempotency-Key` says that it is meant.",
            )
            .path("id", schema::any_text, "my-order-id-1", ID)
            .body(
                "CreateRefund",
                refund_schema,
                || json!({ "amount": 250, "description": "One of four returned" }),
            )
            .answers::<Refunded>("It is on its way.")
            .versioned()
            .refuses(
                400,
                &[error::AMOUNT, error::CURRENCY, error::ORDER_ID, error::DESCRIPTION, error::VARIABLE],
            )
            .refuses(404, &[error::UNKNOWN, error::ORDER_ID])
            .refuses(409, &[error::ORDER_ID, error::REFUND])
            .link("cancelRefund", "id", "/order_id")
            .link("cancelRefund", "refund", "/refund_id"),
        Operation::patch("/v1/json/orders/{id}/refunds/{refund}", "cancelRefund", cancel)
            .doc(
                Tag::Money,
                "Take a refund back",
                "As long as it was not sent: on a test site that is 2 seconds.",
            )
            .path("id", schema::any_text, "my-order-id-1", ID)
            .path("refund", schema::any_text, "1795348800123456", "The `refund_id`.")
            .body("CancelRefund", cancel_schema, || json!({ "status": "void" }))
            .answers::<Nothing>("It will not be sent.")
            .versioned()
            .refuses(404, &[error::UNKNOWN, error::ORDER_ID])
            .refuses(409, &[error::ORDER_ID]),
    ]
}

fn refund_schema() -> Value {
    let currency = json!({
        "title": "the currency of the order",
        "anyOf": [schema::currency(), { "enum": ["", null] }],
    });
    let reference = json!({
        "title": "text of 1 to 50 characters, or a whole number",
        "anyOf": [schema::order_id(), { "enum": ["", null] }],
    });
    let mut fields = vec![
        schema::field("amount", "How much; nothing or 0 for everything that is left.", amount_schema()),
        schema::field("currency", "What the amount is in.", currency),
        schema::field("refund_order_id", "What the shop calls the refund.", reference),
    ];
    fields.extend(Note::schema());
    schema::object(fields)
}

fn cancel_schema() -> Value {
    let words =
        json!({ "title": "`void` or `cancelled`, which mean the same", "enum": ["void", "cancelled"] });
    schema::object(vec![schema::required("status", "That it is taken back.", words)])
}

/// What [`amount`] reads.
pub(super) fn amount_schema() -> Value {
    json!({
        "title": "whole number of minor units",
        "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": AMOUNT_MAX_MINOR },
            { "type": "string", "pattern": schema::digits(0, AMOUNT_MAX_MINOR) },
            { "enum": ["", null] },
        ],
    })
}

#[derive(Serialize, JsonSchema)]
struct Refunded {
    order_id: String,
    refund_id: i64,
    /// The payment that is paid back.
    transaction_id: Option<i64>,
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

    /// Its fields in the document.
    pub(super) fn schema() -> Vec<Field> {
        let description = schema::text_within(DESCRIPTION_MAX);
        let mut fields = vec![schema::field("description", "What it is, in the shop's words.", description)];
        let texts = [
            ("var1", "The shop's own text."),
            ("var2", "The shop's own text."),
            ("var3", "The shop's own text."),
            ("invoice_id", "What the shop's own papers call it."),
            ("reason", "Why."),
        ];
        fields.extend(texts.map(|(name, about)| schema::field(name, about, schema::text())));
        fields
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
        let transaction_id = order.paid().map(|paid| paid.id.0);
        let order_id = order.id.as_str().to_owned();
        Ok(serde_json::to_value(Refunded { order_id, refund_id: refund.0, transaction_id })?)
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
