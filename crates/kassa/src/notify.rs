//! Telling the shop: where a notification goes, and with which signatures ([`sign`], [`webhook`]).
//!
//! The shop finds its order by the query that is added to its URL:
//!
//! | Added | Value | To |
//! |---|---|---|
//! | `transactionid` | the shop's order id (not the PSP id) | notifications, redirects, cancels |
//! | `timestamp` | Unix seconds of this try; receivers ignore calls without it | notifications |
//! | `payload_type` | `pretransaction`: the order ended and nobody ever tried to pay it | notifications |
//!
//! The URL's own query comes first and is not touched: shops keep routes and tokens in it, and some compare
//! it as text. Only what no request line can carry (a blank, a quote, a letter outside ASCII) is
//! percent-encoded, as a browser does.

pub(crate) mod sign;
#[cfg(test)]
mod tests;
pub(crate) mod webhook;

use crate::api::create_order::Details;
use crate::api::create_order::payment_options::NotificationMethod;
use crate::store::Site;
use anyhow::Context as _;
use payments::ids::OrderId;
use payments::order::Order;
use payments::status;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// What may not stand for itself in a query value: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the shop wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// As the shop gave it.
    pub(crate) url: String,
    /// By GET and without a body, because it asked for that.
    pub(crate) get: bool,
}

/// Where the shop wants to be told of `order`: the order's own URL, else its site's.
///
/// # Errors
/// The stored order cannot be read.
pub(crate) fn destination(order: &Order, site: &Site) -> anyhow::Result<Option<Destination>> {
    let details: Details =
        serde_json::from_str(&order.terms.details).context("reading the order's details")?;
    let options = details.payment_options;
    Ok(match (options.notification_url, &site.notification_url) {
        (Some(url), _) => {
            Some(Destination { url, get: options.notification_method == NotificationMethod::Get })
        }
        (None, Some(url)) => Some(Destination { url: url.clone(), get: site.notification_method == "GET" }),
        (None, None) => None,
    })
}

/// Where a notification about `order` is sent at `unix_seconds`. A fragment is dropped: it never leaves a
/// browser.
///
/// # Errors
/// `url` is no http or https URL. The message does not repeat it: its query may hold a secret.
pub(crate) fn address(
    url: &str,
    order: &OrderId,
    unix_seconds: i64,
    pretransaction: bool,
) -> anyhow::Result<Url> {
    let url = url.split('#').next().unwrap_or_default();
    let mut query = format!("{}&timestamp={unix_seconds}", transactionid(order));
    if pretransaction {
        query.push_str("&payload_type=pretransaction");
    }
    parse(&with_query(url, &query)).with_context(|| format!("addressing a notification of order {order}"))
}

/// Where the customer of `order` goes when `url` is its `redirect_url` or `cancel_url`: ASCII, fit for a
/// `Location` header. A fragment stays, behind the query.
///
/// # Errors
/// `url` is no http or https URL. The message does not repeat it.
pub(crate) fn return_url(url: &str, order: &OrderId) -> anyhow::Result<String> {
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
    let mut text = with_query(url, &transactionid(order));
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    let url = parse(&text).with_context(|| format!("returning the customer of order {order}"))?;
    Ok(url.into())
}

/// Whether a notification about `order` is marked as one of an order that ended before anybody tried to pay.
/// Shops leave the order alone then, and may place it again.
pub(crate) fn is_pretransaction(order: &Order) -> bool {
    order.transactions.is_empty() && status::of_order(order).order == "cancelled"
}

/// `text` as the value of a query parameter.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn transactionid(order: &OrderId) -> String {
    format!("transactionid={}", encoded(order.as_str()))
}

/// `url`, which has no fragment, with `query` behind the query that it has.
fn with_query(url: &str, query: &str) -> String {
    let separator = if !url.contains('?') {
        "?"
    } else if url.ends_with(['?', '&']) {
        ""
    } else {
        "&"
    };
    format!("{url}{separator}{query}")
}

fn parse(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).context("the URL is not valid")?;
    // These were checked when they were stored; a `javascript:` URL must not be one mistake away.
    anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "the URL is neither http nor https");
    Ok(url)
}
