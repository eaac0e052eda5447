//! What a site has, now and at the end of each day, by currency.
//!
//! | Route | What |
//! |---|---|
//! | `GET /accounts/{id}/balances` | what there is now |
//! | `GET /closing-balances`, `GET /accounts/{id}/closing-balances` | what there was when each day ended |
//!
//! All of it is added up from the ledger. A site's key sees the site's own money, whatever else the account has. There
//! are no payouts, so nothing ever leaves a balance through them.

use super::auth::Caller;
use super::error::{self, Error, MISSING_DATA};
use super::operation::{Operation, Tag};
use super::order_view::wall_clock;
use super::schema;
use super::transactions::first;
use super::waiting::{version_schema, whole_number};
use crate::app::App;
use crate::store::Held;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant};
use payments::ledger::Account;
use payments::money::Currency;
use payments::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most days of one answer.
const DAYS_MAX: i64 = 366;
/// The most balances of one answer.
const LIMIT_MAX: i64 = 1_000;

/// The operations of these resources.
pub(super) fn operations() -> Vec<Operation> {
    const ACCOUNT: &str = "The account of the site, as `/me` tells it.";
    let of_days = |operation: Operation| {
        operation
            .query("from", schema::date, "2026-11-01", "The first day.")
            .query("until", schema::date, "2026-12-01", "The day after the last one; today at most.")
            .query("currency", schema::currency_in_query, "EUR", "Only this currency.")
            .refuses(400, &[MISSING_DATA])
            .answers_whole::<List<ClosingView>>(
                "A balance of each currency and day that is over, oldest first.",
            )
    };
    vec![
        Operation::get("/v1/json/accounts/{id}/balances", "listBalances", balances)
            .doc(Tag::Money, "What a site has", "By currency.")
            .path("id", schema::any_text, "1", ACCOUNT)
            .query("limit", limit_schema, "100", "The most balances to answer.")
            .query("offset", version_schema, "0", "How many to leave out before.")
            .refuses(400, &[MISSING_DATA])
            .refuses(404, &[error::UNKNOWN])
            .answers_whole::<List<BalanceView>>("A balance of each currency."),
        of_days(Operation::get("/v1/json/closing-balances", "listClosingBalances", closing_balances)).doc(
            Tag::Money,
            "What a site had when each day ended",
            "",
        ),
        of_days(Operation::get(
            "/v1/json/accounts/{id}/closing-balances",
            "listClosingBalancesOfAccount",
            closing_balances_of,
        ))
        .doc(Tag::Money, "The same by its account", "")
        .path("id", schema::any_text, "1", ACCOUNT)
        .refuses(404, &[error::UNKNOWN]),
    ]
}

fn limit_schema() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
struct List<T> {
    #[schemars(extend("const" = true))]
    success: bool,
    data: Vec<T>,
    page: Pages,
}

/// How many pages there are: always one.
#[derive(Serialize, JsonSchema)]
struct Pages {
    total: u8,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Balance")]
struct BalanceView {
    account_id: i64,
    amount_available: i64,
    amount_reserved: i64,
    amount_uncleared: i64,
    currency: &'static str,
    id: String,
    modified: String,
}

/// What there was at the end of a day. The fields of a payout are empty.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ClosingBalance")]
struct ClosingView {
    account_id: i64,
    amount: i64,
    amount_uncleared: i64,
    bic: (),
    closing_date: String,
    currency: &'static str,
    iban: (),
    payout_amount: i64,
    payout_transaction_id: (),
    status: (),
}

/// What there is in one currency.
#[derive(Clone, Copy, Debug)]
struct Sums {
    available: i64,
    reserved: i64,
    uncleared: i64,
    moved_at: Timestamp,
}

type Accounts = BTreeMap<Currency, Sums>;

/// Adds what is held in an account and moved at that time.
fn add(accounts: &mut Accounts, held: &Held, moved_at: Timestamp) {
    let none = Sums { available: 0, reserved: 0, uncleared: 0, moved_at };
    let sums = accounts.entry(held.currency).or_insert(none);
    sums.moved_at = sums.moved_at.max(moved_at);
    let sum = match held.account {
        Account::Balance => &mut sums.available,
        Account::Reserved => &mut sums.reserved,
        Account::Uncleared => &mut sums.uncleared,
        // Others owe it, or have lent it.
        Account::Acquirer | Account::Authorised => return,
    };
    *sum = sum.saturating_add(held.minor);
}

type Id = Result<Path<String>, PathRejection>;

/// Only the caller's own account is known.
fn check_account(caller: &Caller, id: Id) -> Result<(), Error> {
    let own = caller.site.account_id.to_string();
    match id {
        Ok(Path(id)) if id == own => Ok(()),
        _ => Err(Error::new(StatusCode::NOT_FOUND, error::UNKNOWN, "Invalid account ID")),
    }
}

/// `GET /accounts/{id}/balances`.
async fn balances(State(app): State<App>, caller: Caller, id: Id, uri: Uri) -> Result<Response, Error> {
    check_account(&caller, id)?;
    let site = &caller.site;
    let limit = whole_number(&uri, "limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let offset = whole_number(&uri, "offset", 0..=i64::MAX)?.unwrap_or(0);
    let held = app.store.held(site.id, app.now()).await.map_err(|error| Error::internal(&error))?;
    let mut accounts = Accounts::new();
    held.iter().for_each(|(held, moved_at)| add(&mut accounts, held, *moved_at));
    let zone = site.zone().map_err(|error| Error::internal(&error))?;
    let view = |(currency, sums): (Currency, Sums)| {
        Ok(BalanceView {
            account_id: site.account_id,
            amount_available: sums.available,
            amount_reserved: sums.reserved,
            amount_uncleared: sums.uncleared,
            currency: currency.code(),
            id: format!("{}-{}", site.id, currency),
            modified: wall_clock(sums.moved_at, &zone)?,
        })
    };
    let [skipped, taken] = [offset, limit].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let views = accounts.into_iter().skip(skipped).take(taken).map(view);
    answer(views.collect::<anyhow::Result<_>>())
}

/// `GET /accounts/{id}/closing-balances`.
async fn closing_balances_of(state: State<App>, caller: Caller, id: Id, uri: Uri) -> Result<Response, Error> {
    check_account(&caller, id)?;
    closing_balances(state, caller, uri).await
}

/// `GET /closing-balances?from&until&currency`: the days from `from` on and before `until` that are over, oldest first.
async fn closing_balances(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Error> {
    let zone = caller.site.zone().map_err(|error| Error::internal(&error))?;
    let days = Days::read(&uri, &zone, app.now())?;
    let currency = first(&uri, "currency").map(|code| {
        let what = "must be the code of a currency that is collected, such as EUR";
        let currency = Currency::parse(&code.to_ascii_uppercase());
        currency.ok_or_else(|| Error::invalid(MISSING_DATA, "currency", what))
    });
    let currency = currency.transpose()?;
    answer(closings(&app, &caller, &days, currency, &zone).await)
}

async fn closings(
    app: &App,
    caller: &Caller,
    days: &Days,
    wanted: Option<Currency>,
    zone: &TimeZone,
) -> anyhow::Result<Vec<ClosingView>> {
    let site = &caller.site;
    let days: Vec<Date> = days.from.series(Span::new().days(1)).take_while(|day| *day < days.until).collect();
    let ends: Vec<Timestamp> =
        days.iter().map(|day| start(day.tomorrow()?, zone)).collect::<anyhow::Result<_>>()?;
    let held = app.store.held_at(site.id, &ends, app.now()).await?;
    let mut views = Vec::new();
    for ((day, end), held) in days.iter().zip(ends).zip(held) {
        let mut accounts = Accounts::new();
        held.iter().for_each(|held| add(&mut accounts, held, end));
        let shown = accounts.iter().filter(|(currency, _)| wanted.is_none_or(|wanted| wanted == **currency));
        views.extend(shown.map(|(currency, sums)| ClosingView {
            account_id: site.account_id,
            amount: sums.available,
            amount_uncleared: sums.uncleared,
            bic: (),
            closing_date: format!("{day}T23:59:59"),
            currency: currency.code(),
            iban: (),
            payout_amount: 0,
            payout_transaction_id: (),
            status: (),
        }));
    }
    Ok(views)
}

/// The days that are asked for, the last one excluded.
struct Days {
    from: Date,
    until: Date,
}

impl Days {
    fn read(uri: &Uri, zone: &TimeZone, now: Timestamp) -> Result<Self, Error> {
        let today = Instant::from_millisecond(now.0).map(|now| zone.to_datetime(now).date());
        let today = today.map_err(|error| Error::internal(&error))?;
        let until = date(uri, "until")?.map_or(today, |until| until.min(today));
        let earliest = until.checked_sub(Span::new().days(DAYS_MAX)).unwrap_or(Date::MIN);
        let from = date(uri, "from")?.unwrap_or(earliest);
        if from < earliest {
            let what = format!("must be at most {DAYS_MAX} days before until");
            return Err(Error::invalid(MISSING_DATA, "from", &what));
        }
        Ok(Self { from: from.min(until), until })
    }
}

fn date(uri: &Uri, name: &str) -> Result<Option<Date>, Error> {
    let found = first(uri, name).map(|text| {
        let what = "must be a date, such as 2026-11-22";
        text.parse::<Date>().map_err(|_| Error::invalid(MISSING_DATA, name, what))
    });
    found.transpose()
}

/// When a day begins.
fn start(day: Date, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    Ok(Timestamp(zone.to_timestamp(day.at(0, 0, 0, 0))?.as_millisecond()))
}

fn answer<T: Serialize>(data: anyhow::Result<Vec<T>>) -> Result<Response, Error> {
    let data = data.map_err(|error| Error::internal(&error))?;
    let list = List { success: true, data, page: Pages { total: 1 } };
    let body = serde_json::to_string(&list).map_err(|error| Error::internal(&error))?;
    Ok(error::success_of(body))
}
