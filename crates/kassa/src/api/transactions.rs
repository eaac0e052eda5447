//! `/v1/json/transactions`: what was paid and what was given back, newest first, for whoever reconciles.
//!
//! Payments and movements of money are entries of one list:
//!
//! | `type` | `debit_credit` | What |
//! |---|---|---|
//! | `payment` | `C` | an attempt to pay, whatever became of it; a captured part is a payment of its own order |
//! | `refund` | `D` | with its own id and, where it has one, its own reference |
//! | `chargeback` | `D` | with its dispute |
//! | `reverse_chargeback` | `C` | a chargeback that the shop won |
//!
//! Captures and cancellations are not: the money that they move is their payment's. So the completed credits less what
//! was given back are what came into the balance.
//!
//! A page ends with a cursor, the time and id of its last entry. Both never change, and new entries are newer, so a
//! list that is read to its end has every entry once, whatever happens meanwhile.

mod filter;
mod view;
mod walk;

use super::auth::Caller;
use super::error::{self, Error, MISSING_DATA};
use super::operation::{Operation, Tag};
use super::schema;
use super::waiting::whole_number;
use crate::app::App;
use crate::store::list::{Direction, Position};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use filter::Filter;
pub(super) use filter::first;
use payments::ids::TransactionId;
use payments::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use view::{Entry, View};
use walk::Walk;

/// Where the list is.
const PATH: &str = "/v1/json/transactions";
/// The most entries of a page.
const LIMIT_MAX: i64 = 1_000;
/// How many it has when the query does not say.
const LIMIT_DEFAULT: i64 = 100;

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    let filters = filter::parameters().into_iter();
    let listed = Operation::get(PATH, "listTransactions", list)
        .doc(
            Tag::Money,
            "Payments and what became of them",
            "Newest first. `pager` leads to the other pages; new entries never move those that were read.",
        )
        .query("limit", limit_schema, "100", "The most entries of a page.")
        .query("after", schema::any_text, "", "A pager's cursor: what is older.")
        .query("before", schema::any_text, "", "A pager's cursor: what is newer.");
    vec![
        filters
            .fold(listed, Operation::parameter)
            .refuses(400, &[MISSING_DATA])
            .answers_whole::<Page>("A page of the list."),
        Operation::get("/v1/json/transactions/{id}", "getTransaction", read)
            .doc(
                Tag::Money,
                "One payment or movement",
                "For a capture it is the payment whose money it collected.",
            )
            .path("id", schema::any_text, "1", "Its `transaction_id`.")
            .answers::<View>("The entry.")
            .refuses(404, &[error::ORDER_ID]),
    ]
}

fn limit_schema() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Transactions")]
struct Page {
    #[schemars(extend("const" = true))]
    success: bool,
    data: Vec<View>,
    pager: Pager,
}

/// Where the pages before and after this one are; an empty page has none.
#[derive(Serialize, JsonSchema)]
struct Pager {
    after: Option<String>,
    before: Option<String>,
    cursor: Option<Cursors>,
    limit: i64,
}

#[derive(Serialize, JsonSchema)]
struct Cursors {
    after: String,
    before: String,
}

/// `GET /transactions`.
async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Error> {
    let zone = caller.site.zone().map_err(|error| Error::internal(&error))?;
    let filter = Filter::read(&uri, &caller.site, &zone)?;
    let limit = whole_number(&uri, "limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let (direction, from) = match (cursor(&uri, "after")?, cursor(&uri, "before")?) {
        (Some(_), Some(_)) => return Err(Error::invalid(MISSING_DATA, "before", "excludes after")),
        (from, None) => (Direction::Older, from),
        (None, Some(from)) => (Direction::Newer, Some(from)),
    };
    let walk = Walk { store: &app.store, site: caller.site.id, filter: &filter, direction, from };
    let mut found = walk.take(limit).await.map_err(|error| Error::internal(&error))?;
    if direction == Direction::Newer {
        found.reverse();
    }
    let cursors = found
        .first()
        .zip(found.last())
        .map(|(newest, oldest)| Cursors { after: encode(oldest.position), before: encode(newest.position) });
    let entries = found.iter().filter_map(|found| Entry::find(&found.order, found.position.id));
    let data = entries.map(|entry| View::of(&entry, &zone)).collect::<anyhow::Result<_>>();
    let data = data.map_err(|error| Error::internal(&error))?;
    let link = |name, cursor| link(&app.settings.public_url, &uri, name, cursor);
    let pager = Pager {
        after: cursors.as_ref().map(|cursors| link("after", &cursors.after)),
        before: cursors.as_ref().map(|cursors| link("before", &cursors.before)),
        cursor: cursors,
        limit,
    };
    let page = serde_json::to_string(&Page { success: true, data, pager });
    Ok(error::success_of(page.map_err(|error| Error::internal(&error))?))
}

type Id = Result<Path<String>, PathRejection>;

/// `GET /transactions/{id}`. For a capture that is the payment whose money it collected.
async fn read(State(app): State<App>, caller: Caller, id: Id) -> Result<Response, Error> {
    let Ok(Path(text)) = id else { return Err(Error::unknown_order()) };
    // As it is printed: `+1` and `01` are nobody's PSP id.
    let id = text.parse().ok().map(TransactionId).filter(|id| id.to_string() == text);
    let id = id.ok_or_else(Error::unknown_order)?;
    let failed = |error| Error::internal(&error);
    let order = app.store.find_by_transaction(caller.site.id, id).await.map_err(failed)?;
    let order = order.ok_or_else(Error::unknown_order)?;
    let order = app.store.load(caller.site.id, &order).await.map_err(failed)?;
    let order = order.ok_or_else(Error::unknown_order)?;
    let collected = || order.movement(id).and_then(|movement| Entry::find(&order, movement.of));
    let entry = Entry::find(&order, id).or_else(collected).ok_or_else(Error::unknown_order)?;
    let zone = caller.site.zone().map_err(|error| Error::internal(&error))?;
    let view = View::of(&entry, &zone).map_err(|error| Error::internal(&error))?;
    Ok(error::success(&view))
}

/// The cursor in a parameter of the query; an empty one is none.
fn cursor(uri: &Uri, name: &str) -> Result<Option<Position>, Error> {
    let found = first(uri, name);
    found
        .map(|text| {
            decode(&text).ok_or_else(|| Error::invalid(MISSING_DATA, name, "must be a pager's cursor"))
        })
        .transpose()
}

/// A cursor says nothing that the entry at it does not.
fn encode(position: Position) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}.{}", position.at.0, position.id))
}

fn decode(cursor: &str) -> Option<Position> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (at, id) = std::str::from_utf8(&bytes).ok()?.split_once('.')?;
    let position = Position { at: Timestamp(at.parse().ok()?), id: TransactionId(id.parse().ok()?) };
    (encode(position) == cursor).then_some(position)
}

/// The same list from another cursor. A key in the query stays out: addresses are written into logs.
fn link(public_url: &str, uri: &Uri, name: &str, cursor: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let kept = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| !matches!(&**key, "after" | "before" | "api_key"));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, cursor).extend_pairs(kept);
    format!("{}{PATH}?{}", public_url.trim_end_matches('/'), query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_a_cursor() {
        let position =
            Position { at: Timestamp(1_795_348_800_000), id: TransactionId(1_795_348_800_123_456) };
        assert_eq!(decode(&encode(position)), Some(position));
        let written = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        for bad in ["", "x", "!", "MQ", &written("1"), &written("1."), &written("+1.2"), &written("1.2.3")] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_link_keeps_what_was_asked_and_no_key() {
        let uri = "/v1/json/transactions?limit=2&api_key=secret&after=old&var=a%26b".parse().unwrap();
        let link = link("http://kassa.example/", &uri, "before", "new");
        assert_eq!(link, "http://kassa.example/v1/json/transactions?before=new&limit=2&var=a%26b");
    }
}
