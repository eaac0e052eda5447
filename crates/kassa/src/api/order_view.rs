//! How an order is shown: the `data` of `GET /orders/{id}`, and byte for byte the body of a notification.
//!
//! Clients in typed languages read this object, so a field keeps one type for good:
//!
//! | Kind | Written as |
//! |---|---|
//! | money | whole minor units, an integer |
//! | price, rate and total of a cart | text with at least two decimals; see [`cart`] |
//! | quantity and weight of a cart | a number, mostly an integer; no other field is ever a float |
//! | moment | `YYYY-MM-DDTHH:MM:SS` on the wall clock of the site, without a zone |
//! | id, code, number of a card or a house | text, so that leading zeros stay; only `transaction_id` is an integer |
//! | unset | `null`; a field is left out only where the table of its struct says so |
//! | no such object, no such entries | `{}` and `[]`, never the other one |
//!
//! The shop's own texts are echoed as they were sent. Of a card, only what [`CardSummary`] keeps is shown.
//! There is no top-level `gateway`: one client reads it as a number.
//!
//! [`CardSummary`]: payments::card::CardSummary

mod card;
mod cart;
mod country;
mod customer;
mod movement;
#[cfg(test)]
pub(crate) mod tests;

use super::create_order::{Details, stored_locale};
use super::error::Nothing;
use crate::notify;
use anyhow::Context as _;
use card::{PaymentDetails, PaymentMethod};
use cart::Cart;
use customer::Customer;
use jiff::tz::TimeZone;
use movement::Related;
pub(super) use movement::{DisputeView, describe};
use payments::decline::Decline;
use payments::ids::OrderId;
use payments::order::Order;
use payments::status;
use payments::time::Timestamp;
use payments::transaction::{State, Transaction};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The language of a customer whose shop did not say.
const LOCALE_DEFAULT: &str = "en_US";
/// The words of `status`; an order's payments have the same.
pub(super) const STATUSES: [&str; 11] = [
    "cancelled",
    "chargedback",
    "completed",
    "declined",
    "expired",
    "initialized",
    "partial_refunded",
    "refunded",
    "shipped",
    "uncleared",
    "void",
];
/// The words of `financial_status`; null when nobody has tried to pay.
pub(super) const FINANCIAL_STATUSES: [Option<&str>; 8] = [
    Some("cancelled"),
    Some("completed"),
    Some("declined"),
    Some("expired"),
    Some("initialized"),
    Some("uncleared"),
    Some("void"),
    None,
];

/// The order as its shop sees it. `transaction_id` is left out until a card was submitted, `completed` until
/// the order is paid, `auth_order_id` unless it was captured from another order's authorisation, and everything
/// about a cart unless there is one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Order")]
pub(crate) struct View<'a> {
    /// In minor units.
    amount: i64,
    /// In minor units.
    amount_refunded: i64,
    #[serde(flatten)]
    cart: Option<Cart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_order_id: Option<&'a str>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<String>,
    costs: [(); 0],
    created: String,
    currency: &'static str,
    custom_info: CustomInfo<'a>,
    customer: Customer<'a>,
    description: &'a str,
    #[schemars(extend("const" = "NO"))]
    fastcheckout: &'static str,
    #[schemars(extend("enum" = FINANCIAL_STATUSES))]
    financial_status: Option<&'static str>,
    items: Option<String>,
    modified: String,
    order_id: &'a str,
    payment_details: Chosen<'a>,
    payment_methods: Vec<PaymentMethod<'a>>,
    reason: Option<&'a str>,
    reason_code: Option<String>,
    related_transactions: Option<Vec<Related>>,
    #[schemars(extend("enum" = STATUSES))]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<i64>,
    var1: Option<&'a str>,
    var2: Option<&'a str>,
    var3: Option<&'a str>,
}

/// `payment_details`: `{}` until a card was submitted.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum Chosen<'a> {
    Nothing(Nothing),
    // Boxed because most orders are read before there is one.
    Card(Box<PaymentDetails<'a>>),
}

/// `custom_info`: always all three.
#[derive(Serialize, JsonSchema)]
struct CustomInfo<'a> {
    custom_1: Option<&'a str>,
    custom_2: Option<&'a str>,
    custom_3: Option<&'a str>,
}

/// The order as its shop sees it, with the times of `zone`.
///
/// # Errors
/// The stored order cannot be read; the message names it.
pub(crate) fn render(order: &Order, zone: &TimeZone) -> anyhow::Result<Value> {
    let show = || {
        let details = details(order)?;
        anyhow::Ok(serde_json::to_value(view(order, &details, zone)?)?)
    };
    show().with_context(|| format!("showing order {} of site {}", order.id, order.site))
}

/// What `POST /orders` answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CreatedOrder")]
pub(crate) struct Created {
    /// The shop's reference.
    order_id: String,
    /// Where the customer pays.
    payment_url: String,
    /// The name of this way to pay, which is also in `payment_url`. Whoever knows it can pay.
    session_id: String,
}

/// What `POST /orders` answers: where the customer can pay.
///
/// # Errors
/// The stored order cannot be read; the message names it.
pub(crate) fn render_created(order: &Order, public_url: &str) -> anyhow::Result<Created> {
    let locale = stored_locale(&order.terms.details).map_err(|fault| unreadable(&fault));
    let locale = locale.with_context(|| format!("answering order {} of site {}", order.id, order.site))?;
    let session = &order.session.id;
    let public_url = public_url.trim_end_matches('/');
    let locale = notify::encoded(locale.as_deref().unwrap_or(LOCALE_DEFAULT));
    Ok(Created {
        order_id: order.id.as_str().to_owned(),
        payment_url: format!("{public_url}/connect/{session}/?lang={locale}"),
        session_id: session.as_str().to_owned(),
    })
}

/// What the shop sent and nothing decides upon.
pub(crate) fn details(order: &Order) -> anyhow::Result<Details> {
    serde_json::from_str(&order.terms.details).map_err(|fault| unreadable(&fault))
}

/// The parser's message could repeat a stored value, so only the place of the fault is told.
fn unreadable(fault: &serde_json::Error) -> anyhow::Error {
    anyhow::anyhow!("its stored details are unreadable at line {} column {}", fault.line(), fault.column())
}

fn view<'a>(order: &'a Order, details: &'a Details, zone: &TimeZone) -> anyhow::Result<View<'a>> {
    let status = status::of_order(order);
    let leading = order.leading();
    // On success the reference gateway has answered null, "" and "1000" as `reason_code`, and null, "" and
    // "SUCCESS" as `reason`. Clients take text or null and act on neither; null cannot be taken for a fault.
    let decline = leading.and_then(decline);
    let currency = order.terms.amount.currency;
    let completed = leading.and_then(completed_at).map(|at| wall_clock(at, zone)).transpose()?;
    Ok(View {
        amount: order.terms.amount.minor,
        amount_refunded: order.refunded(),
        auth_order_id: order.captured_from.as_ref().map(OrderId::as_str),
        cart: Cart::of(details, currency),
        completed,
        costs: [],
        created: wall_clock(order.created_at, zone)?,
        currency: currency.code(),
        custom_info: CustomInfo {
            custom_1: details.custom_info.custom_1.as_deref(),
            custom_2: details.custom_info.custom_2.as_deref(),
            custom_3: details.custom_info.custom_3.as_deref(),
        },
        customer: Customer::of(details),
        description: &order.terms.description,
        fastcheckout: "NO",
        financial_status: status.financial,
        items: cart::items(details, currency),
        modified: wall_clock(order.modified_at, zone)?,
        order_id: order.id.as_str(),
        payment_details: match leading {
            None => Chosen::Nothing(Nothing {}),
            Some(leading) => Chosen::Card(Box::new(PaymentDetails::of(order, leading, zone)?)),
        },
        payment_methods: leading
            .map(|transaction| {
                PaymentMethod::of(
                    transaction,
                    &order.terms.description,
                    method_status(transaction, status.order),
                )
            })
            .into_iter()
            .collect(),
        reason: decline.map(|decline| decline.reason.as_str()),
        reason_code: decline.map(|decline| decline.reason_code.to_string()),
        related_transactions: movement::all(order, zone)?,
        status: status.order,
        transaction_id: leading.map(|transaction| transaction.id.0),
        var1: details.var1.as_deref(),
        var2: details.var2.as_deref(),
        var3: details.var3.as_deref(),
    })
}

/// The order's status, but for what is authorised only: the reference gateway shows that its money has not come.
fn method_status(transaction: &Transaction, order: &'static str) -> &'static str {
    if matches!(transaction.state, State::Authorised { .. }) { "initialized" } else { order }
}

fn decline(transaction: &Transaction) -> Option<&Decline> {
    if let State::Declined(decline) = &transaction.state { Some(decline) } else { None }
}

/// When the attempt was completed, or approved to be captured.
pub(super) fn completed_at(transaction: &Transaction) -> Option<Timestamp> {
    match transaction.state {
        State::Completed { at, .. } | State::Authorised { at, .. } => Some(at),
        _ => None,
    }
}

/// `YYYY-MM-DDTHH:MM:SS`: what a clock on the wall of `zone` showed.
pub(super) fn wall_clock(at: Timestamp, zone: &TimeZone) -> anyhow::Result<String> {
    let at = jiff::Timestamp::from_millisecond(at.0).context("a stored time is out of range")?;
    Ok(zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string())
}
