//! `/v1/json/orders/{id}/capture` and `/v1/json/capture/{id}`: what was authorised is collected or given back.

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::orders::{ID, OrderPath, find};
use super::refunds::{Note, amount, amount_schema};
use super::refusal::refused;
use super::schema;
use crate::app::App;
use axum::extract::State;
use payments::decide::{Command, NewCapture};
use payments::ids::OrderId;
use payments::order::Order;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/json/orders/{id}/capture", "captureOrder", create)
            .doc(
                Tag::Money,
                "Capture what was authorised",
                "The whole, or a part, which becomes an order of its own. When nothing is left, `error_info` is exactly \
                 `fullcaptured`.",
            )
            .path("id", schema::any_text, "my-order-id-1", ID)
            .body("Capture", capture_schema, || json!({ "amount": 400, "new_order_id": "my-order-id-1-a" }))
            .answers::<Captured>("It is captured.")
            .versioned()
            .refuses(400, &[error::AMOUNT, error::ORDER_ID, error::DESCRIPTION, error::VARIABLE])
            .refuses(404, &[error::UNKNOWN, error::ORDER_ID])
            .refuses(409, &[error::ORDER_ID])
            .link("createRefund", "id", "/order_id"),
        Operation::patch("/v1/json/capture/{id}", "cancelAuthorisation", cancel)
            .doc(Tag::Money, "Give back what was not captured", "")
            .path("id", schema::any_text, "my-order-id-1", ID)
            .body("CancelAuthorisation", cancel_schema, || json!({ "status": "cancelled" }))
            .answers::<GivenBack>("It is given back.")
            .versioned()
            .refuses(400, &[error::DESCRIPTION, error::VARIABLE])
            .refuses(404, &[error::UNKNOWN, error::ORDER_ID])
            .refuses(409, &[error::ORDER_ID]),
    ]
}

fn capture_schema() -> Value {
    let words = ["completed", "shipped"].map(schema::any_case).join("|");
    let status = json!({
        "title": "`completed` or `shipped`, in any case, which mean the same",
        "anyOf": [{ "type": "string", "pattern": format!("^(?:{words})$") }, { "enum": ["", null] }],
    });
    let reference = json!({
        "title": "text of 1 to 50 characters, or a whole number",
        "anyOf": [schema::order_id(), { "enum": ["", null] }],
    });
    let mut fields = vec![
        schema::field("amount", "How much; nothing or 0 for everything that is left.", amount_schema()),
        schema::field("new_order_id", "What the part is called as an order of its own.", reference),
        schema::field("new_order_status", "What the captured order is.", status),
    ];
    fields.extend(Note::schema());
    schema::object(fields)
}

fn cancel_schema() -> Value {
    let status = json!({ "title": "`cancelled`", "const": "cancelled" });
    let mut fields = vec![schema::required("status", "That it is given back.", status)];
    fields.extend(Note::schema());
    schema::object(fields)
}

#[derive(Serialize, JsonSchema)]
struct Captured {
    /// The order that holds what was captured: this one, or that of the part.
    order_id: String,
    transaction_id: i64,
}

#[derive(Serialize, JsonSchema)]
struct GivenBack {
    order_id: String,
    #[schemars(extend("const" = true))]
    success: bool,
    /// The payment whose authorisation it was.
    transaction_id: Option<i64>,
}

/// `POST /orders/{id}/capture`: everything, or a part that becomes an order of its own.
async fn create(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = find(&app, &caller, id).await?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    let amount_minor = amount(&fields)?;
    new_status(&fields)?;
    let site = caller.site.id;
    let capture = app.draw_transaction(site).await.map_err(|error| Error::internal(&error))?;
    let named = fields.text("new_order_id", error::ORDER_ID)?.filter(|id| !id.is_empty());
    let part = OrderId::parse(&named.unwrap_or_else(|| capture.to_string()));
    let part =
        part.ok_or_else(|| fields.fault("new_order_id", error::ORDER_ID, "must have 1 to 50 characters"))?;
    let note = Note::read(&fields)?.written();
    let new = NewCapture { id: capture, amount_minor, part, session: app.draw_session(site), note };
    let show = |order: &Order| {
        let reference = order.movement(capture).map_or(&order.id, |movement| &movement.order);
        let captured = Captured { order_id: reference.as_str().to_owned(), transaction_id: capture.0 };
        Ok(serde_json::to_value(captured)?)
    };
    let command = Command::Capture(Box::new(new));
    let captured = app.run_answering(site, &order.id, &command, asked.answering(&show)).await;
    captured.map_err(|error| refused(error, &order.id))
}

/// The status that the shop wants the captured order to have: any that a paid one can have is fine, for all of
/// them mean that the money is collected.
fn new_status(fields: &Fields<'_>) -> Result<(), Error> {
    let status = fields.text("new_order_status", error::MISSING_DATA)?.unwrap_or_default();
    match status.to_ascii_lowercase().as_str() {
        "" | "completed" | "shipped" => Ok(()),
        _ => Err(fields.fault("new_order_status", error::MISSING_DATA, "must be completed or shipped")),
    }
}

/// `PATCH /capture/{id}`: gives back what was not captured.
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = find(&app, &caller, id).await?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    match fields.text("status", error::MISSING_DATA)?.as_deref() {
        Some("cancelled") => {}
        _ => return Err(fields.fault("status", error::MISSING_DATA, "must be cancelled")),
    }
    let note = Note::read(&fields)?.written();
    let site = caller.site.id;
    let cancellation = app.draw_transaction(site).await.map_err(|error| Error::internal(&error))?;
    let command = Command::CancelAuthorisation { cancellation, note };
    let show = |order: &Order| {
        let transaction_id = order.leading().map(|payment| payment.id.0);
        let given_back = GivenBack { order_id: order.id.as_str().to_owned(), success: true, transaction_id };
        Ok(serde_json::to_value(given_back)?)
    };
    let cancelled = app.run_answering(site, &order.id, &command, asked.answering(&show)).await;
    cancelled.map_err(|error| refused(error, &order.id))
}
