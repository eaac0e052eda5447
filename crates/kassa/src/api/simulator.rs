//! The simulated acquirer of a test site: what it does wrong, and what is in its book.
//!
//! | Route | What |
//! |---|---|
//! | `POST /simulator/faults` | what goes wrong from now on |
//! | `GET /simulator/faults` | what is still to go wrong |
//! | `GET /simulator/book` | what the acquirer knows |

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::error::{self, Error, MISSING_DATA};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::schema;
use crate::app::App;
use crate::simulator::acquirer_host::faults::{Fault, Kind, Planned, When};
use crate::store::book_list::{Listed, ListedMovement};
use crate::store::db::WriteError;
use crate::store::open_to_buy::OpenToBuy;
use axum::extract::State;
use axum::response::Response;
use iso8583::Mti;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The most faults of a plan.
const FAULTS_MAX: usize = 20;
/// The longest delay, in milliseconds.
const DELAY_MAX: i64 = 600_000;
const NEXT_MAX: i64 = 1_000_000;
const SEED_MAX: i64 = 1_000_000_000;
/// The messages that something can go wrong with.
const MESSAGES: [&str; 6] = ["0100", "0200", "0220", "0400", "0420", "0600"];

/// The operations of these resources.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/json/simulator/faults", "simulateFaults", plan)
            .doc(
                Tag::Simulator,
                "The acquirer goes wrong",
                "From now on, with this site's messages only, and instead of what was planned before. No faults at all \
                 end it. The plan is in the memory of the process that answers.",
            )
            .body("SimulatorFaults", faults_schema, || {
                json!({ "seed": 7, "faults": [{ "kind": "no_answer", "next": 1, "on": "0100" }] })
            })
            .answers::<Plan>("It is planned.")
            .refuses(404, &[error::UNKNOWN]),
        Operation::get("/v1/json/simulator/faults", "getSimulatorFaults", planned)
            .doc(Tag::Simulator, "What is still to go wrong", "")
            .answers::<Plan>("The plan as it is now.")
            .refuses(404, &[error::UNKNOWN]),
        Operation::get("/v1/json/simulator/book", "getSimulatorBook", book)
            .doc(
                Tag::Simulator,
                "The acquirer's book",
                "What arrived there, newest first, and what is left to the cards; a thousand of each kind at most.",
            )
            .answers::<Book>("The book.")
            .refuses(404, &[error::UNKNOWN]),
    ]
}

fn faults_schema() -> Value {
    let kinds = Kind::ALL.map(|kind| schema::any_case(kind.word())).join("|");
    let kind = json!({
        "title": Kind::ALL.map(|kind| format!("`{}`", kind.word())).join(", "),
        "type": "string",
        "pattern": format!("^(?:{kinds})$"),
    });
    let on = json!({ "enum": MESSAGES.iter().map(|mti| json!(mti)).chain([json!(""), Value::Null]).collect::<Vec<_>>() });
    let fault = schema::object(vec![
        schema::required("kind", "What goes wrong.", kind),
        schema::field(
            "next",
            "With so many of the next messages; 1 without `percent`.",
            schema::count(1, NEXT_MAX),
        ),
        schema::field(
            "percent",
            "With so many of a hundred messages, by chance, instead.",
            schema::count(1, 100),
        ),
        schema::field(
            "delay_ms",
            "Milliseconds that `late` and `latency` hold the answer back.",
            schema::count(0, DELAY_MAX),
        ),
        schema::field("on", "Only with this message type, repeats included.", on),
    ]);
    let faults = json!({ "anyOf": [
        { "type": "array", "maxItems": FAULTS_MAX, "items": fault },
        { "type": "object", "maxProperties": 0 },
        { "type": "null" },
    ] });
    schema::object(vec![
        schema::field(
            "amount_rules",
            "Whether the last two digits of an amount decide about cards that are paid otherwise.",
            schema::flag(),
        ),
        schema::field("seed", "The same seed repeats what chance decides.", schema::count(0, SEED_MAX)),
        schema::field("faults", "The first one that applies to a message happens to it.", faults),
    ])
}

/// What goes wrong.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SimulatorPlan")]
struct Plan {
    /// Only there when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_rules: Option<bool>,
    faults: Vec<FaultView>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SimulatorFault")]
struct FaultView {
    kind: &'static str,
    /// How many messages are left.
    next: Option<u32>,
    percent: Option<u8>,
    delay_ms: u64,
    on: Option<String>,
}

impl Plan {
    fn of(planned: &Planned) -> Self {
        let view = |fault: &Fault| {
            let (next, percent) = match fault.when {
                When::Next(left) => (Some(left), None),
                When::Percent(percent) => (None, Some(percent)),
            };
            FaultView {
                kind: fault.kind.word(),
                next,
                percent,
                delay_ms: u64::try_from(fault.delay.as_millis()).unwrap_or(u64::MAX),
                on: fault.on.map(|mti| mti.to_string()),
            }
        };
        Self {
            amount_rules: planned.by_amount.then_some(true),
            faults: planned.faults.iter().map(view).collect(),
        }
    }
}

/// `POST /simulator/faults`.
async fn plan(State(app): State<App>, caller: Caller, asked: Asked) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    on_test_site(&caller)?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    let seed = fields.count("seed", 0, SEED_MAX)?.and_then(|seed| u64::try_from(seed).ok()).unwrap_or(0);
    let faults = fields.objects("faults", MISSING_DATA)?;
    if faults.len() > FAULTS_MAX {
        return Err(fields.fault("faults", MISSING_DATA, &format!("must have at most {FAULTS_MAX} entries")));
    }
    let by_amount = fields.flag("amount_rules")?;
    let planned = Planned { faults: faults.iter().map(fault).collect::<Result<_, _>>()?, by_amount };
    let view = serde_json::to_value(Plan::of(&planned)).map_err(|error| Error::internal(&error))?;
    let (answer, kept) = asked.answer(&view, None, app.now());
    if !kept.is_empty() {
        match app.store.change_site(caller.site.id, Vec::new(), kept).await {
            Ok(()) => {}
            Err(error @ WriteError::Stale) => {
                return asked.answered_before(&app).await?.ok_or_else(|| Error::internal(&error));
            }
            Err(error) => return Err(Error::internal(&error)),
        }
    }
    app.acquirer.plan_faults(caller.site.id, planned, seed);
    Ok(answer)
}

fn fault(fields: &Fields<'_>) -> Result<Fault, Error> {
    let kind = fields.text("kind", MISSING_DATA)?.unwrap_or_default().to_ascii_lowercase();
    let kind = Kind::parse(&kind).ok_or_else(|| {
        let words = Kind::ALL.map(Kind::word).join(", ");
        fields.fault("kind", MISSING_DATA, &format!("must be one of {words}"))
    })?;
    let next = fields.count("next", 1, NEXT_MAX)?.and_then(|next| u32::try_from(next).ok());
    let percent = fields.count("percent", 1, 100)?.and_then(|percent| u8::try_from(percent).ok());
    let delay = fields.count("delay_ms", 0, DELAY_MAX)?.and_then(|delay| u64::try_from(delay).ok());
    let on = match fields.filled("on") {
        None => None,
        Some(Value::String(mti)) if MESSAGES.contains(&mti.as_str()) => Mti::parse(mti),
        Some(_) => {
            let what = format!("must be one of {}", MESSAGES.join(", "));
            return Err(fields.fault("on", MISSING_DATA, &what));
        }
    };
    Ok(Fault {
        kind,
        when: percent.map_or(When::Next(next.unwrap_or(1)), When::Percent),
        delay: delay.map_or_else(|| kind.usual_delay(), Duration::from_millis),
        on,
    })
}

/// `GET /simulator/faults`.
async fn planned(State(app): State<App>, caller: Caller) -> Result<Response, Error> {
    on_test_site(&caller)?;
    Ok(error::success(&Plan::of(&app.acquirer.planned_faults(caller.site.id))))
}

/// What the acquirer knows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SimulatorBook")]
struct Book {
    authorisations: Vec<AuthorisationView>,
    cards: Vec<CardView>,
    movements: Vec<MovementView>,
}

/// What is left to a card that was paid with.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SimulatorCard")]
struct CardView {
    currency: String,
    last4: String,
    /// What it may spend in all, in minor units.
    line: i64,
    /// What is left of that.
    open_to_buy: i64,
}

/// An authorisation that arrived, or one that was reversed before it did.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SimulatorAuthorisation")]
struct AuthorisationView {
    /// Ours, by the numbers it was sent with.
    order_id: Option<String>,
    transaction_id: Option<i64>,
    amount: i64,
    currency: String,
    authorization_code: Option<String>,
    /// What of the customer's money it holds or took: nothing once it is reversed, but for what was captured.
    charged: i64,
    inquiries: i64,
    response_code: Option<String>,
    reversals: i64,
    reversed: bool,
    rrn: String,
    stan: u32,
    terminal_id: String,
    transmission_date_time: String,
}

/// A capture or refund that arrived.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SimulatorMovement")]
struct MovementView {
    order_id: Option<String>,
    transaction_id: Option<i64>,
    amount: i64,
    kind: String,
    response_code: String,
    rrn: String,
    stan: u32,
    terminal_id: String,
    transmission_date_time: String,
}

/// `GET /simulator/book`.
async fn book(State(app): State<App>, caller: Caller) -> Result<Response, Error> {
    on_test_site(&caller)?;
    let listed = app.store.list_book(caller.site.id).await.map_err(|error| Error::internal(&error))?;
    let moved = app.store.list_booked_movements(caller.site.id).await;
    let moved = moved.map_err(|error| Error::internal(&error))?;
    let cards = app.store.open_to_buy(caller.site.id).await.map_err(|error| Error::internal(&error))?;
    let authorisations = listed.into_iter().map(AuthorisationView::from).collect();
    Ok(error::success(&Book {
        authorisations,
        cards: cards.into_iter().map(CardView::from).collect(),
        movements: moved.into_iter().map(MovementView::from).collect(),
    }))
}

impl From<Listed> for AuthorisationView {
    fn from(Listed { entry, currency, inquiries, captured_minor, ours }: Listed) -> Self {
        let charged = if entry.is_charged() { entry.approved_minor() } else { captured_minor };
        let (order_id, transaction_id) = ours.unzip();
        Self {
            order_id,
            transaction_id: transaction_id.map(|id| id.0),
            amount: entry.amount_minor,
            currency,
            authorization_code: entry.authorization_code,
            charged,
            inquiries,
            response_code: entry.response_code,
            reversals: entry.reversals,
            reversed: entry.reversed,
            rrn: entry.mark.rrn,
            stan: entry.mark.stan,
            terminal_id: entry.mark.terminal,
            transmission_date_time: entry.mark.transmission,
        }
    }
}

impl From<OpenToBuy> for CardView {
    fn from(OpenToBuy { last4, currency, line_minor, open_minor }: OpenToBuy) -> Self {
        Self { currency, last4, line: line_minor, open_to_buy: open_minor }
    }
}

impl From<ListedMovement> for MovementView {
    fn from(ListedMovement { mark, kind, amount_minor, response_code, ours }: ListedMovement) -> Self {
        let (order_id, transaction_id) = ours.unzip();
        Self {
            order_id,
            transaction_id: transaction_id.map(|id| id.0),
            amount: amount_minor,
            kind,
            response_code,
            rrn: mark.rrn,
            stan: mark.stan,
            terminal_id: mark.terminal,
            transmission_date_time: mark.transmission,
        }
    }
}

fn on_test_site(caller: &Caller) -> Result<(), Error> {
    if caller.site.live { Err(Error::not_found()) } else { Ok(()) }
}
