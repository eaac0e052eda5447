//! `shopping_cart`: what is bought, at prices without VAT, and what it costs together.
//!
//! The total is the documented one: the prices of all items added up and rounded once, plus the VAT on them added
//! up and rounded once, half a cent up. It is compared with the order's amount only if the shop asks for that.

use super::decimal;
use super::fields::Fields;
use super::taxes::CheckoutOptions;
use crate::api::error::{self, Error, MISSING_DATA};
use payments::money::{Amount, Currency};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest text of an item, in characters: some shops send whole descriptions.
pub(super) const TEXT_MAX: usize = 2_048;
/// The largest price, up or down: that of the largest order in a currency without decimals.
pub(super) const PRICE_MAX: i64 = 99_999_999_999;
/// The most of one item.
pub(super) const QUANTITY_MAX: i64 = 999_999_999;
/// The decimals of a quantity or a weight: `1.5` metres of cloth.
const QUANTITY_DECIMALS: u32 = 4;

/// The request's `shopping_cart`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ShoppingCart {
    /// What is bought; shipping and discounts are items too.
    pub(crate) items: Vec<Item>,
}

/// One of `shopping_cart.items`. What the shop did not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    /// What it is called.
    pub(crate) name: String,
    /// More about it.
    pub(crate) description: String,
    /// The price of one, without VAT; negative for a discount.
    pub(crate) unit_price: Decimal,
    /// How many.
    pub(crate) quantity: Decimal,
    /// The shop's own id of it.
    pub(crate) merchant_item_id: String,
    /// The tax table it is under; empty for the default one.
    pub(crate) tax_table_selector: String,
    /// In which currency the shop said the price is: the order's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) currency: String,
    /// What it weighs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<Weight>,
    /// Echoed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) cashback: String,
    /// Echoed; never loaded by a page of ours.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) image: String,
    /// Echoed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) product_url: String,
    /// Echoed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) options: Vec<Value>,
}

/// An item's `weight`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Weight {
    /// Such as `KG`.
    pub(crate) unit: Option<String>,
    /// How many of them.
    pub(crate) value: Option<Decimal>,
}

/// What a cart costs, in the decimals of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// All items without VAT.
    pub(crate) net: Decimal,
    /// The VAT on them.
    pub(crate) tax: Decimal,
    /// Both together.
    pub(crate) total: Decimal,
}

impl ShoppingCart {
    /// The cart of a request, which may have none; `[]` and a cart without items are none either.
    pub(super) fn read(order: &Fields<'_>, currency: Currency) -> Result<Option<Self>, Error> {
        let cart = order.object("shopping_cart", MISSING_DATA)?;
        let sent = cart.objects("items", MISSING_DATA)?;
        let items = sent.iter().map(Item::read).collect::<Result<Vec<_>, _>>()?;
        let mut currencies = items.iter().map(|item| item.currency.as_str()).filter(|code| !code.is_empty());
        let first = currencies.next();
        if currencies.any(|code| Some(code) != first) {
            return Err(cart.fault("items", error::CART_CURRENCIES, "must all be in one currency"));
        }
        if first.is_some_and(|code| code != currency.code()) {
            return Err(cart.fault("items", error::CART_CURRENCY, "must be in the order's currency"));
        }
        Ok((!items.is_empty()).then_some(Self { items }))
    }

    /// Refuses what cannot be added up, or differs from the order's amount although it must not.
    pub(super) fn check(&self, taxes: &CheckoutOptions, amount: Amount) -> Result<(), Error> {
        for (at, item) in self.items.iter().enumerate() {
            if taxes.rate_of(&item.tax_table_selector).is_none() {
                let field = format!("shopping_cart.items[{at}].tax_table_selector");
                let what = "names a tax table that has no rate";
                return Err(Error::invalid(error::ITEM_TAX_RATE, &field, what));
            }
        }
        let what = "must have prices and quantities that can be added up exactly: too many digits";
        let totals = self
            .totals(taxes, amount.currency)
            .ok_or_else(|| Error::invalid(error::UNIT_PRICE, "shopping_cart.items", what))?;
        let expected = major(amount);
        if taxes.validate_cart && totals.total != expected {
            let currency = amount.currency.code();
            // Nothing that long is repeated: it could be anything.
            let what = if totals.total.abs() > Decimal::from(PRICE_MAX) {
                format!("the cart's total is more than any order's, not the amount {expected} {currency}")
            } else {
                format!("the cart's total is {} {currency}, not the amount {expected}", totals.total)
            };
            return Err(Error::invalid(error::CART_AMOUNT, "shopping_cart", &what));
        }
        Ok(())
    }

    /// What the cart costs; nothing when a number on the way is too long to be kept exactly.
    pub(crate) fn totals(&self, taxes: &CheckoutOptions, currency: Currency) -> Option<Totals> {
        let (mut net, mut tax) = (Decimal::ZERO, Decimal::ZERO);
        for item in &self.items {
            let price = item.net()?;
            net = decimal::sum(net, price)?;
            tax = decimal::sum(tax, decimal::product(price, taxes.rate_of(&item.tax_table_selector)?)?)?;
        }
        let round = |exact| {
            let mut rounded = decimal::rounded(exact, currency.exponent());
            rounded.rescale(currency.exponent());
            rounded
        };
        let (net, tax) = (round(net), round(tax));
        Some(Totals { net, tax, total: decimal::sum(net, tax)? })
    }
}

impl Item {
    fn read(item: &Fields<'_>) -> Result<Self, Error> {
        let text = |key| Ok::<_, Error>(item.text_within(key, MISSING_DATA, TEXT_MAX)?.unwrap_or_default());
        // Nobody reads them: what is no text is not worth refusing an order.
        let loose = |key| text(key).unwrap_or_default();
        let options = item.get("options").and_then(Value::as_array);
        Ok(Self {
            name: text("name")?,
            description: text("description")?,
            unit_price: unit_price(item)?,
            quantity: quantity(item)?,
            merchant_item_id: text("merchant_item_id")?,
            tax_table_selector: text("tax_table_selector")?,
            currency: currency(item)?,
            weight: Weight::read(item)?,
            cashback: loose("cashback"),
            image: loose("image"),
            product_url: loose("product_url"),
            options: options.map(|list| list.iter().map(decimal::stable).collect()).unwrap_or_default(),
        })
    }

    /// What all of it costs without VAT.
    fn net(&self) -> Option<Decimal> {
        decimal::product(self.unit_price, self.quantity)
    }

    /// What all of it costs with VAT, to the decimals of the currency: for people, who add nothing up.
    pub(crate) fn gross(&self, taxes: &CheckoutOptions, currency: Currency) -> Option<Decimal> {
        let net = self.net()?;
        let tax = decimal::product(net, taxes.rate_of(&self.tax_table_selector)?)?;
        Some(decimal::rounded(decimal::sum(net, tax)?, currency.exponent()))
    }
}

fn unit_price(item: &Fields<'_>) -> Result<Decimal, Error> {
    let fault = |what: &str| item.fault("unit_price", error::UNIT_PRICE, what);
    let sent = item.get("unit_price").ok_or_else(|| fault("is missing"))?;
    let price = decimal::read(sent).filter(|price| price.abs() <= Decimal::from(PRICE_MAX));
    price.ok_or_else(|| fault(&format!("must be a price such as 12.50, at most {PRICE_MAX}")))
}

fn quantity(item: &Fields<'_>) -> Result<Decimal, Error> {
    let Some(sent) = item.filled("quantity") else {
        return Err(item.fault("quantity", MISSING_DATA, "is missing"));
    };
    let range = Decimal::ZERO..=Decimal::from(QUANTITY_MAX);
    let quantity = decimal::read(sent).map(|quantity| decimal::rounded(quantity, QUANTITY_DECIMALS));
    let what = format!("must be a number from 0 to {QUANTITY_MAX}");
    quantity
        .filter(|quantity| range.contains(quantity))
        .ok_or_else(|| item.fault("quantity", MISSING_DATA, &what))
}

/// Whether it is the order's is for the cart to say.
fn currency(item: &Fields<'_>) -> Result<String, Error> {
    match item.filled("currency") {
        None => Ok(String::new()),
        Some(Value::String(code))
            if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) =>
        {
            Ok(code.clone())
        }
        Some(_) => {
            let what = "must be an ISO 4217 code of three capital letters, such as EUR";
            Err(item.fault("currency", error::ITEM_CURRENCY, what))
        }
    }
}

impl Weight {
    fn read(item: &Fields<'_>) -> Result<Option<Self>, Error> {
        let weight = item.object("weight", MISSING_DATA)?;
        let unit = weight.text("unit", MISSING_DATA)?.filter(|unit| !unit.is_empty());
        let value = match weight.filled("value") {
            None => None,
            Some(sent) => {
                let read = decimal::read(sent).filter(|value| value.abs() <= Decimal::from(QUANTITY_MAX));
                let fault = || weight.fault("value", MISSING_DATA, "must be a number");
                Some(decimal::rounded(read.ok_or_else(fault)?, QUANTITY_DECIMALS))
            }
        };
        Ok((unit.is_some() || value.is_some()).then_some(Self { unit, value }))
    }
}

/// An amount in the units that prices are in.
fn major(amount: Amount) -> Decimal {
    Decimal::new(amount.minor, amount.currency.exponent())
}
