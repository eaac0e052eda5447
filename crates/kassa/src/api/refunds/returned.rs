//! A refund by what comes back: the negative lines of a cart.
//!
//! Clients send `checkout_data.items` with the lines of the order as they were, and behind them each returned item
//! with a negative price, or with a negative quantity as older ones do. Only what comes back counts. The tax tables
//! are the order's own, and the sum is rounded as the cart of an order is.

use crate::api::create_order::cart::Item;
use crate::api::create_order::decimal;
use crate::api::create_order::fields::Fields;
use crate::api::create_order::taxes::CheckoutOptions;
use crate::api::error::{self, Error, MISSING_DATA};
use crate::api::order_view;
use payments::money::{AMOUNT_MAX_MINOR, Currency};
use payments::order::Order;
use rust_decimal::Decimal;

/// A line of the cart, as far as its price goes.
struct Line {
    unit_price: Decimal,
    quantity: Decimal,
    merchant_item_id: String,
    tax_table_selector: String,
}

/// Minor units that the returned lines cost; `None` when the request has no cart.
pub(super) fn amount(refund: &Fields<'_>, order: &Order) -> Result<Option<i64>, Error> {
    let data = refund.object("checkout_data", MISSING_DATA)?;
    let items = data.objects("items", MISSING_DATA)?;
    if items.is_empty() {
        return Ok(None);
    }
    let details = order_view::details(order).map_err(|error| Error::internal(&error))?;
    let bought = details.shopping_cart.map(|cart| cart.items).unwrap_or_default();
    let taxes = details.checkout_options.unwrap_or_default();
    let currency = order.terms.amount.currency;
    let mut returned = Vec::new();
    for item in &items {
        let line = Line::read(item, currency)?;
        if taxes.rate_of(&line.tax_table_selector).is_none() {
            let what = "names a tax table that has no rate";
            return Err(item.fault("tax_table_selector", error::ITEM_TAX_RATE, what));
        }
        // A discount was a negative line of the order already: sent back as it was, it is not returned.
        if line.is_negative() && !bought.iter().any(|item| line.is(item)) {
            returned.push(line);
        }
    }
    let what = "has no item that is returned: none with a negative unit_price or quantity";
    if returned.is_empty() {
        return Err(data.fault("items", MISSING_DATA, what));
    }
    let what = "must have prices and quantities that can be added up exactly, to an amount";
    let minor = total(&returned, &taxes, currency).filter(|minor| (1..=AMOUNT_MAX_MINOR).contains(minor));
    minor.map(Some).ok_or_else(|| data.fault("items", error::UNIT_PRICE, what))
}

/// What the lines cost with VAT, in minor units, the sign turned.
fn total(lines: &[Line], taxes: &CheckoutOptions, currency: Currency) -> Option<i64> {
    let (mut net, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for line in lines {
        let price = decimal::product(line.unit_price, line.quantity)?.abs();
        net = decimal::sum(net, price)?;
        tax = decimal::sum(tax, decimal::product(price, taxes.rate_of(&line.tax_table_selector)?)?)?;
    }
    let exponent = currency.exponent();
    let mut total = decimal::sum(decimal::rounded(net, exponent), decimal::rounded(tax, exponent))?;
    total.rescale(exponent);
    i64::try_from(total.mantissa()).ok()
}

impl Line {
    fn read(item: &Fields<'_>, currency: Currency) -> Result<Self, Error> {
        let number = |key, code| {
            let sent = item.filled(key).ok_or_else(|| item.fault(key, code, "is missing"))?;
            decimal::read(sent).ok_or_else(|| item.fault(key, code, "must be a number such as -12.50"))
        };
        let text = |key| Ok::<_, Error>(item.text(key, MISSING_DATA)?.unwrap_or_default());
        let named = text("currency")?;
        if !named.is_empty() && named != currency.code() {
            return Err(item.fault("currency", error::CART_CURRENCY, "must be the currency of the order"));
        }
        Ok(Self {
            unit_price: number("unit_price", error::UNIT_PRICE)?,
            quantity: number("quantity", MISSING_DATA)?,
            merchant_item_id: text("merchant_item_id")?,
            tax_table_selector: text("tax_table_selector")?,
        })
    }

    /// Whether exactly one of price and quantity is below zero.
    fn is_negative(&self) -> bool {
        let below = |number: Decimal| number < Decimal::ZERO;
        let zero = self.unit_price.is_zero() || self.quantity.is_zero();
        !zero && below(self.unit_price) != below(self.quantity)
    }

    /// Whether it is this line of the order.
    fn is(&self, item: &Item) -> bool {
        self.merchant_item_id == item.merchant_item_id
            && self.unit_price == item.unit_price
            && self.quantity == item.quantity
    }
}
