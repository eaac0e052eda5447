//! `/v1/json/events`: what happened since, so that a shop that was down catches up.
//!
//! Events are numbered 1, 2, 3 … within a site, without gaps. A shop remembers the last number it has dealt with
//! and asks for what came after it; nothing ever appears behind a number that was answered.

use super::auth::Caller;
use super::error::{self, Error};
use super::operation::{Operation, Tag};
use super::order_view::{FINANCIAL_STATUSES, STATUSES, wall_clock};
use super::waiting::{WAIT_SECONDS, seconds, seconds_schema, version_schema, whole_number};
use crate::app::App;
use crate::store::db::WriteError;
use crate::store::{Event, Site};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use jiff::tz::TimeZone;
use payments::ids::SiteId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The most events of one answer.
const LIMIT_MAX: i64 = 1_000;
/// How many it has when the shop does not say.
const LIMIT_DEFAULT: i64 = 100;
/// How long is tried to number events while other nodes do the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/json/events", "listEvents", list)
            .doc(
                Tag::Events,
                "What happened since",
                "Numbered 1, 2, 3 … for each site. Nothing ever appears behind a number that was answered.",
            )
            .query("after", version_schema, "0", "The number of the last event that is known.")
            .query("limit", limit_schema, "100", "The most events to answer.")
            .query("wait", seconds_schema, "0", "How many seconds to wait for the first event.")
            .refuses(400, &[error::MISSING_DATA])
            .answers_whole::<Feed<'static>>("What came after that number, oldest first."),
    ]
}

fn limit_schema() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX })
}

/// `?after=N&limit=L&wait=S`.
struct Since {
    after: i64,
    limit: i64,
    /// How long to wait for the first event.
    patience: Duration,
}

impl FromRequestParts<App> for Since {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let uri = &parts.uri;
        Ok(Self {
            after: whole_number(uri, "after", 0..=i64::MAX)?.unwrap_or(0),
            limit: whole_number(uri, "limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT),
            patience: seconds(whole_number(uri, "wait", WAIT_SECONDS)?.unwrap_or(0)),
        })
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Events")]
struct Feed<'a> {
    #[schemars(extend("const" = true))]
    success: bool,
    data: Vec<EventView<'a>>,
    /// What to ask for next.
    next_after: i64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
struct EventView<'a> {
    /// Its number.
    id: i64,
    #[serde(rename = "type")]
    #[schemars(extend("const" = "order.changed"))]
    kind: &'static str,
    order_id: &'a str,
    /// What the order's was then.
    #[schemars(extend("enum" = STATUSES))]
    status: &'a str,
    #[schemars(extend("enum" = FINANCIAL_STATUSES))]
    financial_status: Option<&'a str>,
    /// The order's version then.
    version: i64,
    created: String,
}

/// `GET /events`: what came after a number.
async fn list(State(app): State<App>, caller: Caller, since: Since) -> Result<Response, Error> {
    let events = app.events(caller.site.id, &since).await.map_err(|error| Error::internal(&error))?;
    let feed = render(&events, &caller.site, since.after).map_err(|error| Error::internal(&error))?;
    Ok(error::success_of(feed))
}

impl App {
    /// The events, as soon as there are any, or none when the time is over.
    async fn events(&self, site: SiteId, since: &Since) -> anyhow::Result<Vec<Event>> {
        let deadline = Instant::now() + since.patience;
        let mut changes = self.listen();
        loop {
            let events = self.number_and_read(site, since).await?;
            if !events.is_empty() || Instant::now() >= deadline || self.stopping.is_cancelled() {
                return Ok(events);
            }
            let _away = self.admission.step_out();
            tokio::select! {
                () = changes.next_of(site, deadline) => {}
                () = self.stopping.cancelled() => {}
            }
        }
    }

    async fn number_and_read(&self, site: SiteId, since: &Since) -> anyhow::Result<Vec<Event>> {
        let started = Instant::now();
        loop {
            match self.store.events(site, since.after, since.limit).await {
                Err(WriteError::Stale) if started.elapsed() < PATIENCE => {}
                read => return Ok(read?),
            }
        }
    }
}

fn render(events: &[Event], site: &Site, after: i64) -> anyhow::Result<String> {
    let zone = site.zone()?;
    let data = events.iter().map(|event| view(event, &zone)).collect::<anyhow::Result<_>>()?;
    let next_after = events.last().map_or(after, |event| event.number);
    Ok(serde_json::to_string(&Feed { success: true, data, next_after })?)
}

fn view<'a>(event: &'a Event, zone: &TimeZone) -> anyhow::Result<EventView<'a>> {
    Ok(EventView {
        id: event.number,
        kind: "order.changed",
        order_id: event.order.as_str(),
        status: &event.status,
        financial_status: event.financial_status.as_deref(),
        version: event.version,
        created: wall_clock(event.created_at, zone)?,
    })
}
