//! The cart of an order, in the form in which the reference gateway gives it back.
//!
//! Prices, rates and totals are text, so that no reader turns them into floats of its own; quantities and weights are
//! numbers, for a typed client stumbles over text there. Texts that were not sent are empty rather than null:
//! PHP's SDK reads every one of these keys.

use crate::api::create_order::cart::{Item, ShoppingCart, Totals};
use crate::api::create_order::taxes::{CheckoutOptions, TaxTable};
use crate::api::create_order::{Details, decimal};
use payments::money::Currency;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// The members that an order with a cart has besides; without one they are all left out.
#[derive(Serialize, JsonSchema)]
pub(super) struct Cart<'a> {
    checkout_options: Taxes<'a>,
    order_adjustment: Adjustment,
    order_total: String,
    shopping_cart: Items<'a>,
}

/// `checkout_options`: without the request's `tax_tables` around it.
#[derive(Serialize, JsonSchema)]
struct Taxes<'a> {
    alternate: Vec<Table<'a>>,
    default: DefaultRate,
}

#[derive(Serialize, JsonSchema)]
struct DefaultRate {
    rate: String,
    shipping_taxed: bool,
}

#[derive(Serialize, JsonSchema)]
struct Table<'a> {
    name: &'a str,
    rules: Vec<Rule<'a>>,
    standalone: bool,
}

#[derive(Serialize, JsonSchema)]
struct Rule<'a> {
    country: &'a str,
    rate: String,
}

/// `order_adjustment`: nothing adjusts an order so far.
#[derive(Serialize, JsonSchema)]
struct Adjustment {
    total_adjustment: String,
    total_tax: String,
}

#[derive(Serialize, JsonSchema)]
struct Items<'a> {
    items: Vec<Line<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    cashback: &'a str,
    currency: &'a str,
    description: &'a str,
    image: &'a str,
    merchant_item_id: &'a str,
    name: &'a str,
    options: &'a [Value],
    product_url: &'a str,
    #[schemars(with = "f64")]
    quantity: Value,
    tax_table_selector: &'a str,
    unit_price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Weight<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Weight<'a> {
    unit: Option<&'a str>,
    #[schemars(with = "Option<f64>")]
    value: Option<Value>,
}

impl<'a> Cart<'a> {
    /// The cart, if the order has one.
    pub(super) fn of(details: &'a Details, currency: Currency) -> Option<Self> {
        let (cart, taxes, totals) = costed(details, currency)?;
        Some(Self {
            checkout_options: Taxes {
                alternate: taxes.alternate.iter().map(Table::of).collect(),
                default: DefaultRate {
                    rate: decimal::text(taxes.default.rate, 2),
                    shipping_taxed: taxes.default.shipping_taxed,
                },
            },
            order_adjustment: Adjustment {
                total_adjustment: decimal::text(0.into(), currency.exponent()),
                total_tax: totals.tax.to_string(),
            },
            order_total: totals.total.to_string(),
            shopping_cart: Items { items: cart.items.iter().map(|item| Line::of(item, currency)).collect() },
        })
    }
}

/// A cart with what it costs. Every stored one was added up before it was stored.
fn costed(details: &Details, currency: Currency) -> Option<(&ShoppingCart, &CheckoutOptions, Totals)> {
    let (cart, taxes) = (details.shopping_cart.as_ref()?, details.checkout_options.as_ref()?);
    Some((cart, taxes, cart.totals(taxes, currency)?))
}

impl<'a> Table<'a> {
    fn of(table: &'a TaxTable) -> Self {
        let rules = table.rules.iter();
        let rules = rules.map(|rule| Rule { country: &rule.country, rate: decimal::text(rule.rate, 2) });
        Self { name: &table.name, rules: rules.collect(), standalone: table.standalone }
    }
}

impl<'a> Line<'a> {
    fn of(item: &'a Item, currency: Currency) -> Self {
        Self {
            cashback: &item.cashback,
            currency: currency.code(),
            description: &item.description,
            image: &item.image,
            merchant_item_id: &item.merchant_item_id,
            name: &item.name,
            options: &item.options,
            product_url: &item.product_url,
            quantity: decimal::number(item.quantity),
            tax_table_selector: &item.tax_table_selector,
            unit_price: decimal::text(item.unit_price, 2),
            weight: item.weight.as_ref().map(|weight| Weight {
                unit: weight.unit.as_deref(),
                value: weight.value.map(decimal::number),
            }),
        }
    }
}

/// `items`: the shop's HTML as it was sent; else the cart as a table, which shops put into their mails.
pub(super) fn items(details: &Details, currency: Currency) -> Option<String> {
    if let Some(html) = &details.items {
        return Some(html.clone());
    }
    let (cart, _, totals) = costed(details, currency)?;
    let mut html = String::from(
        "<table border=\"0\" cellpadding=\"5\" width=\"100%\"><tr><th width=\"10%\">Quantity</th>\
         <th align=\"left\"></th><th align=\"left\">Details</th><th width=\"19%\" align=\"right\">Price</th></tr>",
    );
    for item in &cart.items {
        let price = decimal::text(item.unit_price, 2);
        let (quantity, name) = (item.quantity.normalize(), escaped(&item.name));
        let row = format_args!(
            "<tr><td align=\"center\">{quantity}</td><td width=\"6%\"></td><td width=\"65%\">{name}</td>\
             <td align=\"right\">{currency} {price}</td></tr>"
        );
        html.write_fmt(row).expect("a String takes every text");
    }
    for (label, sum) in [("VAT", totals.tax), ("Total", totals.total)] {
        let row = format_args!(
            "<tr bgcolor=\"#E9F1F7\"><td colspan=\"3\" align=\"right\">{label}:</td>\
             <td align=\"right\">{currency} {sum}</td></tr>"
        );
        html.write_fmt(row).expect("a String takes every text");
    }
    Some(html + "</table>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;")
}
