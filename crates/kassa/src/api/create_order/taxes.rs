//! `checkout_options`: the tax tables of the cart, and whether its total has to be the order's amount.

use super::decimal;
use super::fields::Fields;
use crate::api::error::{self, Error, MISSING_DATA};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The request's `checkout_options`, of which FastCheckout's own members are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CheckoutOptions {
    /// Whether the cart's total has to be the order's amount.
    pub(crate) validate_cart: bool,
    /// What is charged on items that name no table.
    pub(crate) default: DefaultRate,
    /// The tables that items can name. A name may be there twice: the first counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) alternate: Vec<TaxTable>,
}

/// `tax_tables.default`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DefaultRate {
    /// A fraction: 0.21 is 21 %.
    pub(crate) rate: Decimal,
    /// Whether shipping is taxed; echoed, for a cart's shipping is an item like the others.
    pub(crate) shipping_taxed: bool,
}

/// One of `tax_tables.alternate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TaxTable {
    /// What items call it.
    pub(crate) name: String,
    /// Echoed.
    pub(crate) standalone: bool,
    /// Its rates, of which the first counts.
    pub(crate) rules: Vec<TaxRule>,
}

/// One of a table's `rules`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TaxRule {
    /// A fraction: 0.21 is 21 %.
    pub(crate) rate: Decimal,
    /// Where it is charged, in the shop's words; mostly empty.
    pub(crate) country: String,
}

impl CheckoutOptions {
    pub(super) fn read(order: &Fields<'_>) -> Result<Self, Error> {
        let options = order.object("checkout_options", MISSING_DATA)?;
        let tables = options.object("tax_tables", MISSING_DATA)?;
        let default = tables.object("default", MISSING_DATA)?;
        let alternate = tables.objects("alternate", MISSING_DATA)?;
        Ok(Self {
            validate_cart: options.flag("validate_cart")?,
            default: DefaultRate {
                rate: rate(&default)?.unwrap_or_default(),
                shipping_taxed: default.flag("shipping_taxed")?,
            },
            alternate: alternate.iter().map(TaxTable::read).collect::<Result<_, _>>()?,
        })
    }

    /// The rate of the items with this `tax_table_selector`: that of the table it names, else the default.
    /// `None` when the table has no rate.
    pub(crate) fn rate_of(&self, selector: &str) -> Option<Decimal> {
        let named = self.alternate.iter().find(|table| !selector.is_empty() && table.name == selector);
        match named {
            None => Some(self.default.rate),
            Some(table) => table.rules.first().map(|rule| rule.rate),
        }
    }
}

impl TaxTable {
    fn read(table: &Fields<'_>) -> Result<Self, Error> {
        let mut rules = Vec::new();
        for rule in table.objects("rules", MISSING_DATA)? {
            let country = rule.text("country", MISSING_DATA)?.unwrap_or_default();
            // A rule without a rate is none.
            if let Some(rate) = rate(&rule)? {
                rules.push(TaxRule { rate, country });
            }
        }
        Ok(Self {
            name: table.text("name", MISSING_DATA)?.unwrap_or_default(),
            standalone: table.flag("standalone")?,
            rules,
        })
    }
}

fn rate(fields: &Fields<'_>) -> Result<Option<Decimal>, Error> {
    let Some(sent) = fields.filled("rate") else { return Ok(None) };
    let rate = decimal::read(sent).filter(|rate| (Decimal::ZERO..=Decimal::ONE).contains(rate));
    // 21 instead of 0.21 would be 2,100 %.
    let what = "must be a fraction from 0 to 1, such as 0.21";
    rate.map(Some).ok_or_else(|| fields.fault("rate", error::TAX_RATE, what))
}
