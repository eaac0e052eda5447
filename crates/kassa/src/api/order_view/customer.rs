//! `customer`: who pays, as the shop described them.

use super::{LOCALE_DEFAULT, country};
use crate::api::create_order::Details;
use schemars::JsonSchema;
use serde::Serialize;

/// The request's `customer` without what only the fraud filter needs. `company_name` and `reference` are left
/// out when they were not sent; everything else is null then.
#[derive(Serialize, JsonSchema)]
pub(super) struct Customer<'a> {
    address1: Option<&'a str>,
    address2: Option<&'a str>,
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company_name: Option<&'a str>,
    country: Option<&'a str>,
    country_name: Option<String>,
    email: Option<&'a str>,
    first_name: Option<&'a str>,
    house_number: Option<&'a str>,
    last_name: Option<&'a str>,
    locale: &'a str,
    phone1: Option<&'a str>,
    phone2: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    state: Option<&'a str>,
    zip_code: Option<&'a str>,
}

impl<'a> Customer<'a> {
    pub(super) fn of(details: &'a Details) -> Self {
        let customer = &details.customer;
        Self {
            address1: customer.address1.as_deref(),
            address2: customer.address2.as_deref(),
            city: customer.city.as_deref(),
            company_name: customer.company_name.as_deref(),
            country: customer.country.as_deref(),
            country_name: customer.country.as_deref().and_then(country::name),
            email: customer.email.as_deref(),
            first_name: customer.first_name.as_deref(),
            house_number: customer.house_number.as_deref(),
            last_name: customer.last_name.as_deref(),
            locale: details.locale().unwrap_or(LOCALE_DEFAULT),
            phone1: customer.phone1.as_deref(),
            phone2: customer.phone2.as_deref(),
            reference: customer.reference.as_deref(),
            state: customer.state.as_deref(),
            zip_code: customer.zip_code.as_deref(),
        }
    }
}
