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
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::orders::{OrderPath, find};
use super::refusal::refused;
use crate::app::App;
use axum::extract::State;
use axum::http::HeaderMap;
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

/// Some clients cannot send PATCH and say so in a header.
pub(super) async fn update_by_post(
    state: State<App>,
    caller: Caller,
    id: OrderPath,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Answer, Error> {
    only_as_patch(&headers)?;
    update(state, caller, id, asked).await
}

/// Refuses a POST that does not say that it is a PATCH.
pub(super) fn only_as_patch(headers: &HeaderMap) -> Result<(), Error> {
    let meant = headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
    let is_patch = meant.is_some_and(|method| method.eq_ignore_ascii_case("PATCH"));
    if is_patch { Ok(()) } else { Err(Error::method_not_allowed()) }
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
