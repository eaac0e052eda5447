//! Chargebacks: what a shop does about them, and how a test site's simulator makes them happen.
//!
//! | Route | Who | What |
//! |---|---|---|
//! | `POST /orders/{id}/files` | shop | evidence against the chargeback of an order |
//! | `PATCH /orders/{id}/chargebacks/{chargeback}` | shop | accepts it |
//! | `POST /simulator/orders/{id}/chargeback` | simulator | the issuer takes the money back |
//! | `POST /simulator/orders/{id}/dispute` | simulator | decides the dispute, or asks for more |
//! | `POST /simulator/orders/{id}/review` | simulator | ends the review of a payment that is held |

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::error::{self, Error, Nothing};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::orders::{ID, OrderPath, find};
use super::refunds::{Note, amount, amount_schema};
use super::refusal::refused;
use super::schema;
use crate::app::App;
use crate::store::NewEvidence;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use payments::decide::{Command, NewChargeback, Refused, Turn};
use payments::ids::TransactionId;
use payments::order::Order;
use payments::transaction::Verdict;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The longest reason code of a scheme, in characters.
const REASON_MAX: usize = 10;
/// The longest description of evidence, in characters.
const DESCRIPTION_MAX: usize = 200;

/// Where files are sent, which are larger than other bodies.
pub(crate) const FILES: &str = "/v1/json/orders/{id}/files";

/// The operations of these resources.
pub(super) fn operations() -> Vec<Operation> {
    let about_order = |operation: Operation| {
        operation
            .path("id", schema::any_text, "my-order-id-1", ID)
            .versioned()
            .refuses(404, &[error::UNKNOWN, error::ORDER_ID])
            .refuses(409, &[error::ORDER_ID])
    };
    vec![
        about_order(Operation::post(FILES, "sendEvidence", send_evidence))
            .doc(Tag::Money, "Dispute a chargeback", "With a file of at most 3 MB.")
            .body("Evidence", evidence_schema, evidence_example)
            .answers::<Nothing>("The file is kept."),
        about_order(Operation::patch(
            "/v1/json/orders/{id}/chargebacks/{chargeback}",
            "acceptChargeback",
            accept,
        ))
        .doc(Tag::Money, "Accept a chargeback", "")
        .path("chargeback", schema::any_text, "1795348800123456", "The `transaction_id` of the chargeback.")
        .body("AcceptChargeback", || word_schema("status", &["accepted"]), || json!({ "status": "accepted" }))
        .answers::<Nothing>("It is accepted."),
        about_order(Operation::post(
            "/v1/json/simulator/orders/{id}/chargeback",
            "simulateChargeback",
            charge_back,
        ))
        .doc(Tag::Simulator, "The customer's bank takes money back", "")
        .body("Chargeback", chargeback_schema, || json!({ "amount": 400, "reason_code": "13.1" }))
        .answers::<ChargedBack>("It is taken.")
        .refuses(400, &[error::AMOUNT])
        .refuses(409, &[error::REFUND])
        .link("acceptChargeback", "id", "/order_id")
        .link("acceptChargeback", "chargeback", "/chargeback_id"),
        about_order(Operation::post(
            "/v1/json/simulator/orders/{id}/dispute",
            "simulateDispute",
            decide_dispute,
        ))
        .doc(Tag::Simulator, "A dispute is decided, or more evidence is asked for", "")
        .body(
            "DecideDispute",
            || word_schema("outcome", &["won", "lost", "more"]),
            || json!({ "outcome": "won" }),
        )
        .answers::<Nothing>("It is decided."),
        about_order(Operation::post(
            "/v1/json/simulator/orders/{id}/review",
            "simulateReview",
            decide_review,
        ))
        .doc(Tag::Simulator, "The review of a held payment ends", "")
        .body(
            "DecideReview",
            || word_schema("verdict", &["accept", "reject"]),
            || json!({ "verdict": "accept" }),
        )
        .answers::<Nothing>("It is decided."),
    ]
}

/// An object with one of these words, in any case, in `key`.
fn word_schema(key: &'static str, words: &[&str]) -> Value {
    let pattern = words.iter().map(|word| schema::any_case(word)).collect::<Vec<_>>().join("|");
    let title = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    let word = json!({
        "title": format!("{title}, in any case"), "type": "string", "pattern": format!("^(?:{pattern})$"),
    });
    schema::object(vec![schema::required(key, "What is decided.", word)])
}

fn chargeback_schema() -> Value {
    schema::object(vec![
        schema::field("amount", "How much; nothing or 0 for everything that is left.", amount_schema()),
        schema::field("reason_code", "The scheme's code of the reason.", schema::text_within(REASON_MAX)),
    ])
}

/// A file of some type: its base64 begins as that type begins. Spelt out are as many letters as the bytes that
/// are looked at fill.
fn evidence_schema() -> Value {
    let text = || schema::filled_text(DESCRIPTION_MAX);
    let kinds = ["PDF", "JPEG", "PNG"].map(schema::any_case).join("|");
    let kind = json!({
        "title": "PDF, JPEG or PNG, in any case", "type": "string", "pattern": format!("^(?:{kinds})$"),
    });
    let begins = |kind: &str, first: &str| {
        json!({ "properties": {
            "type": { "pattern": format!("^{}$", schema::any_case(kind)) },
            "base64": { "pattern": format!("^{first}(?:[A-Za-z0-9+/]{{4}})*$") },
        } })
    };
    let content = json!({ "title": "base64", "type": "string" });
    let mut body = schema::object(vec![
        schema::required("type", "What kind of file.", kind),
        schema::required("name", "Its name.", text()),
        schema::required("description", "What it shows.", text()),
        schema::required("base64", "The file.", content),
    ]);
    body["anyOf"] = json!([
        begins("PDF", "JVBERi[0-3][A-Za-z0-9+/]"),
        begins("JPEG", "/9j/"),
        begins("PNG", "iVBORw0KGg[o-r][A-Za-z0-9+/]"),
    ]);
    body
}

fn evidence_example() -> Value {
    json!({ "type": "PDF", "name": "receipt.pdf", "description": "Signed by the customer", "base64": "JVBERi0x" })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChargebackMade")]
struct ChargedBack {
    chargeback_id: i64,
    order_id: String,
}

/// `POST /orders/{id}/files`.
async fn send_evidence(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = find(&app, &caller, id).await?;
    let (kind, name, description, content) = evidence(members(&body)?)?;
    let chargeback = disputed(&order)?;
    let digest = Sha256::digest(&content).into();
    let new = NewEvidence { site: caller.site.id, chargeback, digest, kind, name, description, content };
    app.store.keep_evidence(&new, app.now()).await.map_err(|error| Error::internal(&error))?;
    run(&app, &order, &Command::Disputed { chargeback, turn: Turn::Evidence }, &asked).await
}

/// Kind, name, description and content.
fn evidence(body: &Map<String, Value>) -> Result<(&'static str, String, String, Vec<u8>), Error> {
    let fields = Fields::top(body);
    let fault = |key: &str, what: &str| fields.fault(key, error::MISSING_DATA, what);
    let text = |key: &'static str, max: usize| {
        let text = fields.text_within(key, error::MISSING_DATA, max)?.unwrap_or_default();
        if text.trim().is_empty() { Err(fault(key, "is missing")) } else { Ok(text) }
    };
    let kind = fields.text("type", error::MISSING_DATA)?.unwrap_or_default();
    let kinds = ["PDF", "JPEG", "PNG"];
    let kind = kinds.into_iter().find(|known| known.eq_ignore_ascii_case(&kind));
    let kind = kind.ok_or_else(|| fault("type", "must be PDF, JPEG or PNG"))?;
    let name = text("name", DESCRIPTION_MAX)?;
    let description = text("description", DESCRIPTION_MAX)?;
    let encoded = match fields.get("base64") {
        Some(Value::String(encoded)) => encoded.as_str(),
        _ => return Err(fault("base64", "is missing")),
    };
    let content = BASE64_STANDARD.decode(encoded).map_err(|_| fault("base64", "must be base64"))?;
    let begins: &[u8] = match kind {
        "PDF" => b"%PDF-",
        "JPEG" => b"\xff\xd8\xff",
        _ => b"\x89PNG\r\n\x1a\n",
    };
    if !content.starts_with(begins) {
        return Err(fault("base64", "must be a file of the given type"));
    }
    Ok((kind, name, description, content))
}

type ChargebackPath = Result<Path<(String, String)>, PathRejection>;

/// `PATCH /orders/{id}/chargebacks/{chargeback}`.
async fn accept(
    State(app): State<App>,
    caller: Caller,
    path: ChargebackPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let Ok(Path((id, chargeback))) = path else { return Err(Error::unknown_order()) };
    let order = find(&app, &caller, Ok(Path(id))).await?;
    let chargeback = chargeback.parse().map(TransactionId).map_err(|_| Error::unknown_order())?;
    if word(members(&body)?, "status")? != "accepted" {
        return Err(Error::invalid(error::MISSING_DATA, "status", "must be accepted"));
    }
    run(&app, &order, &Command::Disputed { chargeback, turn: Turn::Accepted }, &asked).await
}

/// `POST /simulator/orders/{id}/chargeback`.
async fn charge_back(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = on_test_site(&app, &caller, id).await?;
    let fields = Fields::top(members(&body)?);
    let reason_code = fields.text_within("reason_code", error::MISSING_DATA, REASON_MAX)?;
    let chargeback = app.draw_transaction(order.site).await.map_err(|error| Error::internal(&error))?;
    let new = NewChargeback {
        id: chargeback,
        amount_minor: amount(&fields)?,
        reason_code: reason_code.filter(|code| !code.is_empty()),
        note: Note::default().written(),
    };
    let show = |order: &Order| {
        let order_id = order.id.as_str().to_owned();
        Ok(serde_json::to_value(ChargedBack { chargeback_id: chargeback.0, order_id })?)
    };
    let command = Command::ChargedBack(new);
    let charged = app.run_answering(order.site, &order.id, &command, asked.answering(&show)).await;
    charged.map_err(|error| refused(error, &order.id))
}

/// `POST /simulator/orders/{id}/dispute`: `outcome` is `won`, `lost` or `more`.
async fn decide_dispute(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = on_test_site(&app, &caller, id).await?;
    let turn = match word(members(&body)?, "outcome")?.as_str() {
        "won" => Turn::Won(app.draw_transaction(order.site).await.map_err(|error| Error::internal(&error))?),
        "lost" => Turn::Lost,
        "more" => Turn::MoreWanted,
        _ => return Err(Error::invalid(error::MISSING_DATA, "outcome", "must be won, lost or more")),
    };
    let chargeback = disputed(&order)?;
    run(&app, &order, &Command::Disputed { chargeback, turn }, &asked).await
}

/// `POST /simulator/orders/{id}/review`: `verdict` is `accept` or `reject`.
async fn decide_review(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let order = on_test_site(&app, &caller, id).await?;
    let verdict = match word(members(&body)?, "verdict")?.as_str() {
        "accept" => Verdict::Accept,
        "reject" => Verdict::Reject,
        _ => return Err(Error::invalid(error::MISSING_DATA, "verdict", "must be accept or reject")),
    };
    let held = order.paid().ok_or_else(|| refused(Refused::OutOfTurn.into(), &order.id))?;
    run(&app, &order, &Command::ReviewEnded { transaction: held.id, verdict }, &asked).await
}

/// The order, where the simulator may do as it likes with it.
async fn on_test_site(app: &App, caller: &Caller, id: OrderPath) -> Result<Order, Error> {
    if caller.site.live {
        return Err(Error::not_found());
    }
    find(app, caller, id).await
}

/// The chargeback that can still be disputed.
fn disputed(order: &Order) -> Result<TransactionId, Error> {
    let open = order
        .movements
        .iter()
        .rev()
        .find(|movement| movement.dispute().is_some_and(|dispute| dispute.stage.takes_evidence()));
    open.map(|movement| movement.id).ok_or_else(|| refused(Refused::DisputeOver.into(), &order.id))
}

async fn run(app: &App, order: &Order, command: &Command, asked: &Asked) -> Result<Answer, Error> {
    let show = |_: &Order| Ok(json!({}));
    let done = app.run_answering(order.site, &order.id, command, asked.answering(&show)).await;
    done.map_err(|error| refused(error, &order.id))
}

fn members(body: &Value) -> Result<&Map<String, Value>, Error> {
    body.as_object()
        .ok_or_else(|| Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"))
}

fn word(body: &Map<String, Value>, key: &'static str) -> Result<String, Error> {
    Ok(Fields::top(body).text(key, error::MISSING_DATA)?.unwrap_or_default().to_ascii_lowercase())
}
