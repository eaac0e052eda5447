//! `customer`: who pays, and `delivery`: who gets the goods. Kept as sent; only addresses and countries have a
//! form to keep.

use super::fields::Fields;
use crate::api::error::{self, Error, MISSING_DATA};
use celes::Country;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::IpAddr;

/// The longest text that a browser says about itself, in characters.
pub(super) const BROWSER_TEXT_MAX: usize = 2_048;

/// The request's `customer`, and its `delivery`, which shops send through the same class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Customer {
    /// Language and country, such as `nl_NL`; anything is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) locale: Option<String>,
    /// Where the customer's browser is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address: Option<String>,
    /// The `X-Forwarded-For` that the shop saw: addresses with commas between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forwarded_ip: Option<String>,
    /// First name; PHP's SDK sends it as `firstname`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_name: Option<String>,
    /// Last name; PHP's SDK sends it as `lastname`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_name: Option<String>,
    /// Company; Go's client sends it as `company`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_name: Option<String>,
    /// Gender or title, in the shop's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gender: Option<String>,
    /// Date of birth, in the shop's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) birthday: Option<String>,
    /// Street.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address1: Option<String>,
    /// What the street line did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address2: Option<String>,
    /// House number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) house_number: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zip_code: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) city: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<String>,
    /// Telephone, sent as `phone` or `phone1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone1: Option<String>,
    /// Another telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone2: Option<String>,
    /// Email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// The browser's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    /// The page the customer came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) referrer: Option<String>,
    /// The shop's name for this customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Whether no mail may go to the customer.
    pub(crate) disable_send_email: bool,
    /// What the shop's page knows of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) browser: Option<Browser>,
}

/// `customer.browser`: what 3-D Secure asks of a browser that never sees a page of ours. What was sent as a flag
/// or a number is kept as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Browser {
    /// Whether scripts run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) javascript_enabled: Option<bool>,
    /// Whether Java runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) java_enabled: Option<bool>,
    /// Whether cookies are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cookies_enabled: Option<bool>,
    /// Its language, such as `nl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<String>,
    /// Its `Accept` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accept_header: Option<String>,
    /// Bits a pixel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) screen_color_depth: Option<String>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) screen_height: Option<String>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) screen_width: Option<String>,
    /// Minutes behind UTC, or a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    /// Its `User-Agent` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    /// The system it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address: Option<String>,
}

impl Customer {
    pub(super) fn read(customer: &Fields<'_>) -> Result<Self, Error> {
        let text = |key| customer.text(key, MISSING_DATA);
        // Browsers send longer ones than people do.
        let long = |key| customer.text_within(key, MISSING_DATA, BROWSER_TEXT_MAX);
        let either = |key, other| Ok::<_, Error>(text(key)?.or(text(other)?));
        Ok(Self {
            locale: text("locale")?,
            ip_address: ip_address(customer)?,
            forwarded_ip: forwarded_ip(customer)?,
            first_name: either("first_name", "firstname")?,
            last_name: either("last_name", "lastname")?,
            company_name: either("company_name", "company")?,
            gender: text("gender")?,
            birthday: text("birthday")?,
            address1: text("address1")?,
            address2: text("address2")?,
            house_number: text("house_number")?,
            zip_code: text("zip_code")?,
            city: text("city")?,
            state: text("state")?,
            country: country(customer)?,
            phone1: either("phone", "phone1")?,
            phone2: text("phone2")?,
            email: email(customer)?,
            user_agent: long("user_agent")?,
            referrer: long("referrer")?,
            reference: text("reference")?,
            disable_send_email: customer.flag("disable_send_email")?,
            browser: Browser::read(customer)?,
        })
    }
}

impl Browser {
    fn read(customer: &Fields<'_>) -> Result<Option<Self>, Error> {
        let browser = customer.object("browser", MISSING_DATA)?;
        let text = |key| browser.text_within(key, MISSING_DATA, BROWSER_TEXT_MAX);
        let flag = |key| browser.filled(key).map(|_| browser.flag(key)).transpose();
        if !browser.is_sent() {
            return Ok(None);
        }
        Ok(Some(Self {
            javascript_enabled: flag("javascript_enabled")?,
            java_enabled: flag("java_enabled")?,
            cookies_enabled: flag("cookies_enabled")?,
            language: text("language")?,
            accept_header: text("accept_header")?,
            screen_color_depth: text("screen_color_depth")?,
            screen_height: text("screen_height")?,
            screen_width: text("screen_width")?,
            time_zone: text("time_zone")?,
            user_agent: text("user_agent")?,
            platform: text("platform")?,
            ip_address: ip_address(&browser)?,
        }))
    }
}

fn ip_address(customer: &Fields<'_>) -> Result<Option<String>, Error> {
    let fault = |what| customer.fault("ip_address", error::IP_ADDRESS, what);
    match customer.filled("ip_address") {
        None => Ok(None),
        Some(Value::String(text)) if is_address(text) => Ok(Some(text.clone())),
        Some(_) => Err(fault("must be an IPv4 or IPv6 address")),
    }
}

fn forwarded_ip(customer: &Fields<'_>) -> Result<Option<String>, Error> {
    let fault = |what| customer.fault("forwarded_ip", error::IP_ADDRESS, what);
    match customer.text("forwarded_ip", error::IP_ADDRESS)? {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) if text.split(',').all(|part| is_address(part.trim_matches(' '))) => Ok(Some(text)),
        Some(_) => Err(fault("must be IPv4 or IPv6 addresses, with commas between them")),
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn country(customer: &Fields<'_>) -> Result<Option<String>, Error> {
    let fault = |what| customer.fault("country", error::COUNTRY, what);
    match customer.filled("country") {
        None => Ok(None),
        Some(Value::String(code)) => Country::from_alpha2(code)
            .map(|country| Some(country.alpha2.to_owned()))
            .map_err(|_| fault("must be an ISO 3166-1 code of two letters, such as NL")),
        Some(_) => Err(fault("must be text, such as NL")),
    }
}

fn email(customer: &Fields<'_>) -> Result<Option<String>, Error> {
    let email = customer.text("email", MISSING_DATA)?;
    // Addresses are a world of their own; this only catches a field filled with something else.
    if email.as_deref().is_some_and(|email| !email.is_empty() && !email.contains('@')) {
        return Err(customer.fault("email", MISSING_DATA, "must contain an @"));
    }
    Ok(email)
}
