//! `POST /orders`: the request, read into types.
//!
//! Fields are read in a fixed order and the first fault is answered: type, order_id, gateway, currency,
//! amount, description, payment_options, customer, then the rest. Clients differ in how they write the
//! same thing, so these forms are taken too:
//!
//! | Meant | Also taken |
//! |---|---|
//! | price, rate, quantity | a number, or the same as text; see [`decimal`] |
//! | whole number | digits as text (`"1000"`), a float without a fraction (`1000.0`); see [`amount`] for exponents |
//! | text | a number, which becomes its digits; not for `description` |
//! | object | `[]` (PHP's empty object) |
//! | `true`, `false` | `1`, `0`, `"true"`, `"false"`, `""` |
//! | not there | `null` everywhere; `""` where a text would mean nothing |
//!
//! Unknown keys are ignored. No message repeats a value that was sent.

mod amount;
pub(crate) mod cart;
pub(crate) mod customer;
pub(crate) mod decimal;
mod extras;
pub(crate) mod fields;
pub(crate) mod paying;
pub(crate) mod payment_options;
pub(super) mod schema;
pub(crate) mod taxes;
pub(crate) mod template;
#[cfg(test)]
mod tests;

use super::error::{self, Error};
use crate::keys::KeyRing;
use crate::store::Site;
pub(crate) use amount::Written;
use cart::ShoppingCart;
use customer::Customer;
use extras::Extras;
use fields::Fields;
pub(super) use fields::TEXT_MAX;
use paying::Means;
use payment_options::PaymentOptions;
use payments::card::Gateway;
use payments::ids::OrderId;
use payments::money::{Amount, Currency};
use payments::ranges::Ranges;
use payments::session::LIFETIME_DEFAULT;
use payments::time::Millis;
use payments::token::Recurring;
use payments::transaction::Capturing;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use taxes::CheckoutOptions;

/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 200;
/// The most days of `days_active`.
const DAYS_MAX: i64 = 365;
/// The most seconds of `seconds_active`: 365 days.
const SECONDS_MAX: i64 = 31_536_000;

/// What depends on the site that orders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// Real money: every URL must be https.
    pub(crate) live: bool,
    /// The shop may send card numbers itself.
    pub(crate) may_send_cards: bool,
    /// What it can be paid with.
    pub(crate) gateways: &'a [Gateway],
    /// What a card is, by its number.
    pub(crate) ranges: &'a Ranges,
}

impl<'a> Rules<'a> {
    /// Those of a site.
    pub(crate) fn of(site: &'a Site, ranges: &'a Ranges) -> Self {
        Self { live: site.live, may_send_cards: site.may_send_cards(), gateways: &site.gateways, ranges }
    }
}

/// An order as a shop places it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreateOrder {
    /// The shop's reference.
    pub(crate) order_id: OrderId,
    /// What to pay with; `None` is any card.
    pub(crate) gateway: Option<Gateway>,
    /// What to pay; 0 checks a card.
    pub(crate) amount: Amount,
    /// What is paid for: plain text, trimmed.
    pub(crate) description: String,
    /// How long the session can be paid.
    pub(crate) lifetime: Millis,
    /// When the money is collected.
    pub(crate) capturing: Capturing,
    /// Whether, and for whom, the card is kept.
    pub(crate) recurring: Option<Recurring>,
    /// Where the card comes from.
    pub(crate) means: Means,
    /// What is kept and echoed.
    pub(crate) details: Details,
}

/// What is stored with an order and echoed, and decides nothing about money. Kept as one JSON text, so a
/// field added later is read as unset from older rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Details {
    /// How the customer pays.
    pub(crate) kind: Kind,
    /// Where to notify and where to send the customer.
    pub(crate) payment_options: PaymentOptions,
    /// Who pays.
    pub(crate) customer: Customer,
    /// Who gets the goods, if it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Customer>,
    /// What is bought, if it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shopping_cart: Option<ShoppingCart>,
    /// The taxes on it; of no meaning without a cart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkout_options: Option<CheckoutOptions>,
    /// What is bought, as the shop's own HTML: never shown before it is cleaned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<String>,
    /// What nobody reads.
    #[serde(skip_serializing_if = "Extras::is_empty")]
    pub(crate) extras: Extras,
    /// The shop's own texts.
    pub(crate) custom_info: CustomInfo,
    /// The shop's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) var1: Option<String>,
    /// The shop's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) var2: Option<String>,
    /// The shop's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) var3: Option<String>,
}

/// The request's `type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The customer pays on our page; a `paymentlink` is the same, sent by the shop instead of followed.
    #[default]
    Redirect,
    /// The shop sends the card, or a token of it.
    Direct,
}

/// The request's `custom_info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CustomInfo {
    /// The shop's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_1: Option<String>,
    /// The shop's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_2: Option<String>,
    /// The shop's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_3: Option<String>,
}

impl Details {
    /// The language asked for; any text, and `None` when nothing was said.
    pub(crate) fn locale(&self) -> Option<&str> {
        self.customer.locale.as_deref().filter(|locale| !locale.is_empty())
    }
}

/// The same of details as they are stored, of which nothing else is read.
pub(crate) fn stored_locale(details: &str) -> serde_json::Result<Option<String>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Stored {
        customer: Speaker,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Speaker {
        locale: Option<String>,
    }
    let Stored { customer } = serde_json::from_str(details)?;
    Ok(customer.locale.filter(|locale| !locale.is_empty()))
}

/// Reads the body of `POST /orders`, of which `written` keeps what its numbers have lost.
///
/// # Errors
/// The first rule that is broken, naming the field by its full path.
pub(crate) fn parse(body: &Value, written: &Written<'_>, rules: &Rules<'_>) -> Result<CreateOrder, Error> {
    let Value::Object(body) = body else {
        return Err(Error::invalid(error::MISSING_DATA, "request body", "must be a JSON object"));
    };
    let order = Fields::top(body);
    let kind = kind(&order)?;
    let order_id = order_id(&order)?;
    let gateway = gateway(&order)?;
    let currency = currency(&order)?;
    let amount = amount::read(&order, written, currency, gateway)?;
    let description = description(&order)?;
    let payment_options =
        PaymentOptions::read(&order.object("payment_options", error::MISSING_DATA)?, rules)?;
    let customer = Customer::read(&order.object("customer", error::MISSING_DATA)?)?;
    let delivery = order.object("delivery", error::MISSING_DATA)?;
    let delivery = delivery.is_sent().then(|| Customer::read(&delivery)).transpose()?;
    let (shopping_cart, checkout_options) = cart(&order, amount)?;
    let lifetime = lifetime(&order)?;
    extras::refuse_splits(&order)?;
    let capturing = paying::capturing(&order, gateway)?;
    let recurring = paying::recurring(&order, amount, customer.reference.as_deref())?;
    let means = paying::means(&order, kind, gateway, rules)?;
    let details = Details {
        kind,
        payment_options,
        customer,
        delivery,
        shopping_cart,
        checkout_options,
        items: extras::items(&order)?,
        extras: Extras::read(&order)?,
        var1: order.text("var1", error::VARIABLE)?,
        var2: order.text("var2", error::VARIABLE)?,
        var3: order.text("var3", error::VARIABLE)?,
        custom_info: custom_info(&order)?,
    };
    Ok(CreateOrder { order_id, gateway, amount, description, lifetime, capturing, recurring, means, details })
}

/// What is bought and the taxes on it, if a cart was sent.
fn cart(
    order: &Fields<'_>,
    amount: Amount,
) -> Result<(Option<ShoppingCart>, Option<CheckoutOptions>), Error> {
    let cart = ShoppingCart::read(order, amount.currency)?;
    let taxes = CheckoutOptions::read(order)?;
    let Some(cart) = cart else { return Ok((None, None)) };
    cart.check(&taxes, amount)?;
    Ok((Some(cart), Some(taxes)))
}

/// A fingerprint of the request: equal for bodies that differ in the order of keys and in blanks only. One with
/// card data is keyed, and knows nothing of the card's code: that must not even be kept as a digest.
pub(crate) fn digest(body: &Value, keys: &KeyRing) -> [u8; 32] {
    if body.get("gateway_info").is_some_and(|info| info.as_object().is_some_and(|info| !info.is_empty())) {
        let mut kept = body.clone();
        if let Some(info) = kept.get_mut("gateway_info").and_then(Value::as_object_mut) {
            info.retain(|key, _| !matches!(key.as_str(), "card_cvc" | "cvc"));
        }
        // Blanks are in no API key, so no digest of one is the same.
        return Sha256::digest(keys.digest(&format!("order {kept}"))).into();
    }
    // serde_json keeps the keys of an object sorted, so that its compact text is canonical; a test would
    // notice its `preserve_order` feature.
    Sha256::digest(body.to_string()).into()
}

fn kind(order: &Fields<'_>) -> Result<Kind, Error> {
    let fault = |code, what| Err(order.fault("type", code, what));
    match order.get("type") {
        None => Ok(Kind::Redirect),
        Some(Value::String(kind)) => match kind.as_str() {
            "redirect" | "paymentlink" => Ok(Kind::Redirect),
            "direct" => Ok(Kind::Direct),
            "checkout" => fault(error::NOT_OFFERED, "checkout is not offered, use redirect"),
            _ => fault(error::MISSING_DATA, "is not offered, use redirect, paymentlink or direct"),
        },
        Some(_) => fault(error::MISSING_DATA, "must be text: redirect, paymentlink or direct"),
    }
}

fn order_id(order: &Fields<'_>) -> Result<OrderId, Error> {
    let fault = |what| order.fault("order_id", error::ORDER_ID, what);
    let what = "must be text or a whole number of at most 19 digits";
    let text = match order.get("order_id") {
        None => return Err(fault("is missing")),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => match fields::digits(number) {
            // Java writes every number with a point: 182.0.
            Some(digits) if !digits.contains('.') => digits,
            Some(_) | None => return Err(fault(what)),
        },
        Some(_) => return Err(fault(what)),
    };
    OrderId::parse(&text)
        .ok_or_else(|| fault("must have 1 to 50 characters, not all blank and no control characters"))
}

fn gateway(order: &Fields<'_>) -> Result<Option<Gateway>, Error> {
    match order.get("gateway") {
        None => Ok(None),
        Some(Value::String(id)) if id.is_empty() => Ok(None),
        Some(Value::String(id)) => Gateway::parse(id).map(Some).ok_or_else(Error::unknown_gateway),
        Some(_) => Err(Error::unknown_gateway()),
    }
}

fn currency(order: &Fields<'_>) -> Result<Currency, Error> {
    let fault = |what| order.fault("currency", error::CURRENCY, what);
    match order.get("currency") {
        None => Err(fault("is missing")),
        Some(Value::String(code)) => Currency::parse(code)
            .ok_or_else(|| fault("must be an ISO 4217 code that cards are paid in, such as EUR")),
        Some(_) => Err(fault("must be text, such as EUR")),
    }
}

fn description(order: &Fields<'_>) -> Result<String, Error> {
    let fault = |what| order.fault("description", error::DESCRIPTION, what);
    let text = match order.get("description") {
        None => return Err(fault("is missing")),
        Some(Value::String(text)) => text.trim(),
        Some(_) => return Err(fault("must be text")),
    };
    if text.is_empty() || text.chars().count() > DESCRIPTION_MAX {
        return Err(fault("must have 1 to 200 characters"));
    }
    if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
        return Err(fault("must not contain control characters"));
    }
    Ok(text.to_owned())
}

fn lifetime(order: &Fields<'_>) -> Result<Millis, Error> {
    let days = order.count("days_active", 1, DAYS_MAX)?;
    let seconds = order.count("seconds_active", 0, SECONDS_MAX)?;
    Ok(match (seconds, days) {
        (Some(seconds @ 1..), _) => Millis::seconds(seconds),
        (_, Some(days)) => Millis::days(days),
        (_, None) => LIFETIME_DEFAULT,
    })
}

fn custom_info(order: &Fields<'_>) -> Result<CustomInfo, Error> {
    let info = order.object("custom_info", error::VARIABLE)?;
    // Python's request class leaves the underscore out.
    let either = |name, short| {
        Ok::<_, Error>(info.text(name, error::VARIABLE)?.or(info.text(short, error::VARIABLE)?))
    };
    Ok(CustomInfo {
        custom_1: either("custom_1", "custom1")?,
        custom_2: either("custom_2", "custom2")?,
        custom_3: either("custom_3", "custom3")?,
    })
}
