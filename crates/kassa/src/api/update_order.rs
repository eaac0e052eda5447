//! `PATCH /orders/{id}`: one route for several intents, told apart by the body.
//!
//! | Body | Intent |
//! |---|---|
//! | `status: cancelled` | the order can no longer be paid |
//! | `status: shipped` | the goods are on their way, with the parcel's numbers |
//! | an invoice or a parcel's numbers, no `status` | a note, also on a finished order |
//! | anything else | refused, and said why |

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::error::{self, Error, Nothing};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::orders::{ID, OrderPath, find};
use super::refusal::refused;
use super::schema;
use crate::app::App;
use axum::extract::State;
use payments::decide::Command;
use payments::order::Order;
use serde_json::{Map, Value, json};

/// What a shop notes on an order.
const NOTES: [&str; 9] = [
    "tracktrace_code",
    "tracktrace_url",
    "carrier",
    "ship_date",
    "reason",
    "invoice_id",
    "invoice_url",
    "po_number",
    "memo",
];

/// What the document says about it.
pub(super) fn operation() -> Operation {
    Operation::patch("/v1/json/orders/{id}", "updateOrder", update)
        .doc(
            Tag::Orders,
            "Cancel, ship or annotate an order",
            "`cancelled` ends an order that is not paid; `shipped` says that the goods of a paid one are on their \
             way. Without a status, the rest is noted, also on a finished order.",
        )
        .path("id", schema::any_text, "my-order-id-1", ID)
        .body("UpdateOrder", body_schema, || json!({ "status": "cancelled" }))
        .answers::<Nothing>("It is done.")
        .versioned()
        .refuses(400, &[error::NOT_OFFERED])
        .refuses(404, &[error::UNKNOWN, error::ORDER_ID])
        .refuses(409, &[error::ORDER_ID])
}

/// A status, or a note.
fn body_schema() -> Value {
    let words = ["cancelled", "shipped"].map(schema::any_case).join("|");
    let status = json!({
        "title": "`cancelled` or `shipped`, in any case",
        "anyOf": [{ "type": "string", "pattern": format!("^(?:{words})$") }, { "enum": ["", null] }],
    });
    let nothing = || json!({ "title": "nothing", "enum": ["", null] });
    let mut fields = vec![
        schema::field("status", "What the order becomes.", status),
        schema::field("exclude_order", "Taken and of no effect.", schema::flag()),
        schema::field("new_order_id", "An order keeps its id.", nothing()),
        schema::field("extend_expiration", "Not offered for cards.", nothing()),
        schema::field("amount", "A part cannot be shipped on its own.", nothing()),
        schema::field("partial_shipment_amount", "A part cannot be shipped on its own.", nothing()),
    ];
    fields.extend(NOTES.map(|note| schema::field(note, "Noted.", schema::text())));
    let mut body = schema::object(fields);
    let noted = NOTES
        .map(|note| json!({ "required": [note], "properties": { note: { "type": ["string", "number"] } } }));
    let mut ways = vec![json!({
        "required": ["status"], "properties": { "status": { "type": "string", "minLength": 1 } },
    })];
    ways.extend(noted);
    body["anyOf"] = ways.into();
    body
}

/// `PATCH /orders/{id}`.
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    id: OrderPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    // Which order comes first: an unknown one is 1006 whatever is asked of it.
    let order = find(&app, &caller, id).await?;
    let command = intent(&body, &order)?;
    let show = |_: &Order| Ok(json!({}));
    let updated = app.run_answering(caller.site.id, &order.id, &command, asked.answering(&show)).await;
    updated.map_err(|error| refused(error, &order.id))
}

fn intent(body: &Value, order: &Order) -> Result<Command, Error> {
    let Value::Object(body) = body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    for (key, what) in [
        ("new_order_id", "cannot be changed: an order keeps its id"),
        ("extend_expiration", "is not offered for cards"),
    ] {
        if fields.filled(key).is_some() {
            return Err(fields.fault(key, error::NOT_OFFERED, what));
        }
    }
    if fields.filled("amount").or(fields.filled("partial_shipment_amount")).is_some() {
        let what = "a part cannot be shipped on its own with cards: ship the order, or capture parts";
        return Err(fields.fault("amount", error::NOT_OFFERED, what));
    }
    let status = fields.text("status", error::MISSING_DATA)?.unwrap_or_default();
    let annotations = annotations(&fields, order)?;
    match status.to_ascii_lowercase().as_str() {
        "cancelled" => {
            fields.flag("exclude_order")?;
            Ok(Command::Cancel)
        }
        "shipped" => {
            Ok(Command::Ship { annotations: annotations.unwrap_or_else(|| order.annotations.clone()) })
        }
        "" => match annotations {
            Some(annotations) => Ok(Command::Annotate { annotations }),
            None => {
                Err(fields.fault("status", error::MISSING_DATA, "is missing, and so is anything to note"))
            }
        },
        _ => Err(fields.fault("status", error::MISSING_DATA, "must be cancelled or shipped")),
    }
}

/// The order's notes with those of this request; `None` when it has none.
fn annotations(fields: &Fields<'_>, order: &Order) -> Result<Option<String>, Error> {
    // What we wrote ourselves can be read; an order without notes has an empty text.
    let mut notes: Map<String, Value> = serde_json::from_str(&order.annotations).unwrap_or_default();
    let mut any = false;
    for key in NOTES {
        if let Some(text) = fields.text(key, error::MISSING_DATA)? {
            any = true;
            notes.insert(key.to_owned(), Value::String(text));
        }
    }
    Ok(any.then(|| Value::Object(notes).to_string()))
}
