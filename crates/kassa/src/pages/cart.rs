//! What is bought, as the page shows it: the shop's own HTML, else the cart line by line.

use super::locale::Locale;
use super::shop_html;
use crate::api::create_order::Details;
use payments::money::{Amount, Currency};
use rust_decimal::Decimal;

/// Longer carts are folded: on a phone the form would be far below.
const OPEN_MAX: usize = 4;

/// What stands below the amount.
#[derive(Debug)]
pub(crate) enum Bought {
    /// HTML that was made harmless.
    Html(String),
    /// A cart.
    Cart(Cart),
}

/// A cart in the words of the customer.
#[derive(Debug)]
pub(crate) struct Cart {
    /// Its items.
    pub(crate) lines: Vec<Line>,
    /// The VAT in the total, unless there is none.
    pub(crate) tax: Option<String>,
    /// What it costs together.
    pub(crate) total: String,
}

/// An item of a cart.
#[derive(Debug)]
pub(crate) struct Line {
    /// What it is: plain text from the merchant.
    pub(crate) name: String,
    /// How many.
    pub(crate) quantity: String,
    /// What all of them cost, with VAT.
    pub(crate) price: String,
}

impl Cart {
    /// Whether it is short enough to be shown at once.
    pub(crate) fn is_short(&self) -> bool {
        self.lines.len() <= OPEN_MAX
    }
}

impl Bought {
    /// What the shop said, if it wants that shown.
    pub(crate) fn of(details: &Details, amount: Amount, locale: &Locale) -> Option<Self> {
        let template = details.payment_options.template.as_ref();
        if template.is_some_and(|template| template.settings.hide_cart) {
            return None;
        }
        let html = details.items.as_deref().and_then(shop_html::clean);
        html.map(Self::Html).or_else(|| cart(details, amount.currency, locale).map(Self::Cart))
    }
}

fn cart(details: &Details, currency: Currency, locale: &Locale) -> Option<Cart> {
    let (cart, taxes) = (details.shopping_cart.as_ref()?, details.checkout_options.as_ref()?);
    let totals = cart.totals(taxes, currency)?;
    let money = |price| money(price, currency, locale);
    let lines = cart.items.iter().map(|item| {
        Some(Line {
            name: item.name.clone(),
            quantity: locale.quantity(&item.quantity.normalize().to_string()),
            price: money(item.gross(taxes, currency)?)?,
        })
    });
    let tax = if totals.tax.is_zero() { None } else { Some(money(totals.tax)?) };
    Some(Cart { lines: lines.collect::<Option<_>>()?, tax, total: money(totals.total)? })
}

/// A price as the language writes amounts.
fn money(price: Decimal, currency: Currency, locale: &Locale) -> Option<String> {
    let mut price = price;
    price.rescale(currency.exponent());
    let minor = i64::try_from(price.mantissa()).ok()?;
    Some(locale.amount(minor, currency.code(), currency.exponent()))
}
