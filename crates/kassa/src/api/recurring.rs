//! `/v1/json/recurring/{reference}`: the cards that a shop's customer left for later payments.

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::schema;
use super::waiting::{version_schema, whole_number};
use crate::app::App;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use payments::card::{Brand, Expiry};
use payments::ids::{TOKEN_ID_LENGTH, TokenId};
use payments::time::Timestamp;
use payments::token::{Model, Token};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// How many tokens are listed when the query does not say.
const LIMIT_DEFAULT: i64 = 10;
/// How many are listed at most.
const LIMIT_MAX: i64 = 1_000;

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    let of_customer = |operation: Operation| {
        operation.path("reference", schema::any_text, "customer-1", "The shop's `customer.reference`.")
    };
    let of_token = |operation: Operation| {
        of_customer(operation)
            .path("token", schema::any_text, "998163177297134120", "The token.")
            .refuses(404, &[error::UNKNOWN])
            .refuses(410, &[error::UNKNOWN])
    };
    vec![
        of_customer(Operation::get("/v1/json/recurring/{reference}", "listTokens", list))
            .doc(Tag::Tokens, "Cards of a customer", "A customer without any is not found.")
            .query("limit", limit_schema, "10", "The most tokens to answer.")
            .query("offset", version_schema, "0", "How many to leave out before.")
            .answers::<Tokens>("The tokens.")
            .refuses(400, &[error::MISSING_DATA])
            .refuses(404, &[error::UNKNOWN]),
        of_token(Operation::get("/v1/json/recurring/{reference}/token/{token}", "getToken", read))
            .doc(Tag::Tokens, "One card", "")
            .answers::<TokenView>("The token."),
        of_token(Operation::patch("/v1/json/recurring/{reference}/update/{token}", "updateToken", update))
            .doc(Tag::Tokens, "A card has a new date", "")
            .body("UpdateToken", update_schema, || json!({ "expiry_date": "3512" }))
            .answers::<Updated>("It is updated."),
        of_token(Operation::delete("/v1/json/recurring/{reference}/remove/{token}", "removeToken", remove))
            .doc(Tag::Tokens, "Forget a card", "")
            .answers::<Removed>("It is gone for good."),
        of_token(Operation::delete("/v1/json/recurring/{reference}/token/{token}", "deleteToken", remove))
            .doc(Tag::Tokens, "Forget a card, by the address it is read at", "")
            .answers::<Removed>("It is gone for good."),
    ]
}

fn limit_schema() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX })
}

fn update_schema() -> Value {
    schema::object(vec![schema::required("expiry_date", "The card's year and month.", schema::yymm())])
}

#[derive(Serialize, JsonSchema)]
struct Tokens {
    tokens: Vec<TokenView>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenUpdated")]
struct Updated {
    #[schemars(extend("const" = true))]
    updated: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenRemoved")]
struct Removed {
    #[schemars(extend("const" = true))]
    removed: bool,
}

/// A token as it is shown. Clients in typed languages insist on every field; `model` and `recurring_model` are the
/// same, because some read the one and some the other.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Token")]
struct TokenView {
    bin: Option<i64>,
    #[schemars(extend("enum" = Brand::ALL.map(Brand::id)))]
    code: &'static str,
    display: String,
    /// 0 or 1.
    #[schemars(extend("enum" = [0, 1]))]
    expired: u8,
    /// YYMM as a number.
    expiry_date: i64,
    last4: String,
    #[schemars(extend("enum" = Model::ALL.map(Model::word)))]
    model: &'static str,
    name_holder: String,
    #[schemars(extend("enum" = Model::ALL.map(Model::word)))]
    recurring_model: &'static str,
    #[schemars(length(equal = TOKEN_ID_LENGTH))]
    token: String,
}

impl TokenView {
    fn of(token: &Token, now: Timestamp) -> Self {
        let card = &token.card;
        let model = token.recurring.model.word();
        Self {
            bin: card.bin.as_deref().and_then(|bin| bin.parse().ok()),
            code: card.brand.id(),
            display: display(card.brand, &card.last4),
            expired: u8::from(is_over(card.expiry, now)),
            expiry_date: card.expiry.yymm().parse().unwrap_or(0),
            last4: card.last4.clone(),
            model,
            name_holder: card.holder.clone(),
            recurring_model: model,
            token: token.id.to_string(),
        }
    }
}

/// The number as people know it from receipts.
fn display(brand: Brand, last4: &str) -> String {
    match brand {
        // Fifteen digits: the last group takes one of the three.
        Brand::Amex => {
            let (first, rest) = last4.split_at_checked(1).unwrap_or(("", last4));
            format!("Card xxxx xxxx xxx{first} {rest}")
        }
        Brand::Maestro | Brand::Mastercard | Brand::Visa => format!("Card xxxx xxxx xxxx {last4}"),
    }
}

/// Whether the card's last month is over, in UTC.
fn is_over(expiry: Expiry, now: Timestamp) -> bool {
    let Ok(now) = jiff::Timestamp::from_millisecond(now.0) else {
        return false;
    };
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let this_month = format!("{:02}{:02}", date.year().rem_euclid(100), date.month());
    expiry.yymm() < this_month
}

type ReferencePath = Result<Path<String>, PathRejection>;
type TokenPath = Result<Path<(String, String)>, PathRejection>;

/// `GET /recurring/{reference}`.
async fn list(
    State(app): State<App>,
    caller: Caller,
    reference: ReferencePath,
    uri: Uri,
) -> Result<Response, Error> {
    let Ok(Path(reference)) = reference else { return Err(Error::not_found()) };
    let limit = whole_number(&uri, "limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let offset = whole_number(&uri, "offset", 0..=i64::MAX)?.unwrap_or(0);
    let tokens = app.store.tokens(caller.site.id, &reference, limit, offset).await;
    let tokens = tokens.map_err(|error| Error::internal(&error))?;
    // The reference gateway says so, and a client crashes on an empty list.
    if tokens.is_empty() {
        return Err(Error::not_found());
    }
    let tokens = tokens.iter().map(|token| TokenView::of(token, app.now())).collect();
    Ok(error::success(&Tokens { tokens }))
}

/// `GET /recurring/{reference}/token/{token}`.
async fn read(State(app): State<App>, caller: Caller, path: TokenPath) -> Result<Response, Error> {
    let token = find(&app, &caller, path).await?.ok_or_else(Error::unknown_token)?;
    Ok(error::success(&TokenView::of(&token, app.now())))
}

/// `PATCH /recurring/{reference}/update/{token}`: the same card with a new date.
async fn update(
    State(app): State<App>,
    caller: Caller,
    path: TokenPath,
    asked: Asked,
) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let token = find(&app, &caller, path).await?.ok_or_else(|| Error::token_not("updated"))?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let fields = Fields::top(body);
    let text = fields.text("expiry_date", error::MISSING_DATA)?.unwrap_or_default();
    let expiry = Expiry::parse_yymm(text.trim()).ok_or_else(|| {
        fields.fault("expiry_date", error::MISSING_DATA, "must be the card's year and month, YYMM")
    })?;
    let updated = serde_json::to_value(Updated { updated: true }).map_err(|error| Error::internal(&error))?;
    let (answer, kept) = asked.answer(&updated, None, app.now());
    let renewed = app.store.renew_token(caller.site.id, &token, expiry, kept).await;
    renewed.map_err(|error| Error::internal(&error))?;
    Ok(answer)
}

/// `DELETE /recurring/{reference}/remove/{token}`: gone for good.
async fn remove(State(app): State<App>, caller: Caller, path: TokenPath) -> Result<Response, Error> {
    let token = find(&app, &caller, path).await?.ok_or_else(|| Error::token_not("removed"))?;
    let removed = app.store.remove_token(caller.site.id, &token).await;
    removed.map_err(|error| Error::internal(&error))?;
    Ok(error::success(&Removed { removed: true }))
}

async fn find(app: &App, caller: &Caller, path: TokenPath) -> Result<Option<Token>, Error> {
    let Ok(Path((reference, token))) = path else { return Ok(None) };
    let Some(id) = TokenId::parse(&token) else { return Ok(None) };
    let found = app.store.token(caller.site.id, id).await.map_err(|error| Error::internal(&error))?;
    Ok(found.filter(|token| token.recurring.reference == reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_over_when_its_month_is() {
        // 2026-11-30T23:59:59Z and the second after.
        for (expiry, now, over) in [
            ("2611", 1_796_083_199_000, false),
            ("2611", 1_796_083_200_000, true),
            ("2612", 1_796_083_200_000, false),
            ("3501", 1_796_083_200_000, false),
            ("2512", 1_796_083_200_000, true),
        ] {
            let expiry = Expiry::parse_yymm(expiry).unwrap();
            assert_eq!(is_over(expiry, Timestamp(now)), over, "{expiry:?} {now}");
        }
    }

    #[test]
    fn numbers_are_shown_by_their_last_digits_in_their_brands_groups() {
        assert_eq!(display(Brand::Visa, "1111"), "Card xxxx xxxx xxxx 1111");
        assert_eq!(display(Brand::Amex, "0005"), "Card xxxx xxxx xxx0 005");
    }
}
