//! What a shop said of its customer, as far as it helps the issuer.

use crate::api::create_order::Details;
use emv3ds::areq::{BillingAddress, Cardholder};
use emv3ds::secret::Secret;
use payments::order::Order;
use std::str::FromStr as _;

/// The customer of an order, with the name on the card.
pub(super) fn of(order: &Order, holder: &str) -> Cardholder {
    let details: Option<Details> = serde_json::from_str(&order.terms.details).ok();
    let Some(details) = details else { return Cardholder { name: name(holder), ..Cardholder::default() } };
    let customer = &details.customer;
    let field = |text: Option<&str>, longest| {
        let text: String = text?.trim().chars().take(longest).collect();
        (!text.is_empty()).then(|| Secret::new(text))
    };
    let line1 = match (&customer.address1, &customer.house_number) {
        (Some(street), Some(number)) => Some(format!("{street} {number}")),
        (street, _) => street.clone(),
    };
    let country = customer.country.as_deref().and_then(|code| celes::Country::from_str(code).ok());
    Cardholder {
        name: name(holder),
        email: field(customer.email.as_deref(), 254),
        billing: BillingAddress {
            line1: field(line1.as_deref(), 50),
            line2: field(customer.address2.as_deref(), 50),
            line3: None,
            post_code: field(customer.zip_code.as_deref(), 16),
            city: field(customer.city.as_deref(), 50),
            state: None,
            country: country.map(|country| Secret::new(format!("{:03}", country.value))),
        },
        ..Cardholder::default()
    }
}

fn name(holder: &str) -> Option<Secret> {
    let name: String = holder.chars().take(45).collect();
    (name.chars().count() >= 2).then(|| Secret::new(name))
}
