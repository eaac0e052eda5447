//! The body of `POST /orders` in the OpenAPI document: what [`super::parse`] takes, field by field.
//!
//! Where the parser takes more than a pattern can say (a host name in any script, IPv6 addresses among others in
//! `forwarded_ip`), the schema says the forms that are always taken.

mod bought;
mod paying;

use super::customer::BROWSER_TEXT_MAX;
use super::payment_options::URL_MAX;
use super::{DAYS_MAX, DESCRIPTION_MAX, SECONDS_MAX};
use crate::api::error;
use crate::api::schema::{
    self, BLANK, CONTROL, any_case, count, currency, digits, field, flag, gateways, inner_object, named,
    object, order_id, required, text, text_within,
};
use payments::card::{Brand, Gateway};
use payments::money::{AMOUNT_MAX_MINOR, Currency};
use serde_json::{Value, json};

/// Every `error_code` that comes with 400.
pub(in crate::api) const CODES: &[u32] = &[
    error::AMOUNT,
    error::CURRENCY,
    error::ORDER_ID,
    error::IP_ADDRESS,
    error::DESCRIPTION,
    error::VARIABLE,
    error::COUNTRY,
    error::NOT_OFFERED,
    error::CART_CURRENCIES,
    error::CART_CURRENCY,
    error::CART_AMOUNT,
    error::TAX_RATE,
    error::ITEM_TAX_RATE,
    error::ITEM_CURRENCY,
    error::UNIT_PRICE,
];

/// An order that is taken as it is.
pub(in crate::api) fn example() -> Value {
    json!({
        "type": "redirect",
        "order_id": "my-order-id-1",
        "currency": "EUR",
        "amount": 1000,
        "description": "Test order description",
        "payment_options": {
            "notification_url": "https://shop.example/notification?type=notification",
            "redirect_url": "https://shop.example/thanks",
            "cancel_url": "https://shop.example/cart",
        },
        "customer": { "locale": "nl_NL", "country": "NL", "email": "simon@shop.example" },
    })
}

/// The whole body.
pub(in crate::api) fn body() -> Value {
    let fields = vec![
        field("type", "How the customer pays: on our page, or `direct`: the shop sends the card.", kind()),
        required("order_id", "The shop's own reference, which the order keeps.", order_id()),
        field("gateway", "What to pay with.", named("GatewayId")),
        required("currency", "What the amount is in.", currency()),
        required("amount", "What to pay, in minor units; 0 checks a card.", amount(0)),
        required("description", "What is paid for; the customer reads it.", description()),
        field("payment_options", "Where the shop is told, and where its customer goes.", payment_options()),
        field("customer", "Who pays. Kept and echoed.", customer()),
        field("days_active", "How long it can be paid.", count(1, DAYS_MAX)),
        field("seconds_active", "The same in seconds; wins unless it is 0.", count(0, SECONDS_MAX)),
        field("var1", "The shop's own text.", text()),
        field("var2", "The shop's own text.", text()),
        field("var3", "The shop's own text.", text()),
        field("custom_info", "The shop's own texts.", custom_info()),
        field("capture", "Manual: the money is only reserved, and captured by another request.", capture()),
        field("delivery", "Who gets the goods.", customer()),
        field("affiliate", "Split payments are not offered.", affiliate()),
        field("gateway_info", "The card of a direct order.", paying::gateway_info()),
        field("recurring_model", "What the card is kept for; needs `customer.reference`.", paying::model()),
        field("recurring_id", "The token of a card that was kept. Only with `type: direct`.", text()),
        field("recurring", "The same in a newer form.", paying::recurring()),
        field("shopping_cart", "What is bought.", bought::cart()),
        field("checkout_options", "The taxes on it.", bought::taxes()),
        field("items", "What is bought, as HTML that is cleaned before it is shown.", bought::html()),
    ];
    let mut body = object(fields.into_iter().chain(bought::extras()).collect());
    // American Express is collected in some currencies only, and checks no cards without a payment.
    let amex = gateways(std::iter::once(Gateway::Brand(Brand::Amex)));
    let collected: Vec<&str> = Currency::all()
        .filter(|currency| Brand::Amex.is_collected_in(*currency))
        .map(Currency::code)
        .collect();
    body["if"] = json!({
        "properties": { "gateway": { "type": "string", "pattern": format!("^{amex}$") } },
        "required": ["gateway"],
    });
    body["then"] = json!({ "properties": {
            "amount": amount(1), "currency": { "enum": collected }, "capture": { "enum": ["", null] },
        } });
    body["allOf"] = paying::rules().into();
    body
}

fn kind() -> Value {
    json!({
        "title": "redirect or paymentlink, which are the same, or direct",
        "enum": ["redirect", "paymentlink", "direct", null],
    })
}

fn capture() -> Value {
    json!({
        "title": "`manual`, in any case",
        "anyOf": [
            { "type": "string", "pattern": format!("^{}$", any_case("manual")) },
            { "enum": ["", null] },
        ],
    })
}

fn amount(min: u8) -> Value {
    json!({
        "title": format!("whole number from {min} to {AMOUNT_MAX_MINOR}, without an exponent"),
        "anyOf": [
            { "type": "integer", "minimum": min, "maximum": AMOUNT_MAX_MINOR },
            { "type": "string", "pattern": digits(i64::from(min), AMOUNT_MAX_MINOR) },
        ],
    })
}

fn description() -> Value {
    // All that `trim` takes off, some control characters among it.
    let blank = format!(r"[{BLANK}\t\n\u000b\u000c\r\u0085]");
    let inner = format!(r"(?:[^{CONTROL}]|[\t\n\r])");
    let solid = format!("[^{CONTROL}{BLANK}]");
    // More blanks around it are taken too, and not worth a promise.
    json!({
        "title": format!("text of 1 to {DESCRIPTION_MAX} characters, not all blank"),
        "type": "string",
        "maxLength": DESCRIPTION_MAX,
        "pattern": format!("^{blank}*{solid}{inner}*{blank}*$"),
    })
}

fn payment_options() -> Value {
    let method = json!({
        "title": "POST or GET, in any case",
        "anyOf": [
            { "type": "string", "pattern": format!("^(?:{}|{})$", any_case("POST"), any_case("GET")) },
            { "enum": ["", null] },
        ],
    });
    inner_object(vec![
        field("notification_url", "Where to notify the shop; else where its site says.", url()),
        field("notification_method", "POST sends the order, signed; GET only its id.", method),
        field("redirect_url", "Where the customer goes after paying.", url()),
        field("cancel_url", "Where the customer goes after giving up.", url()),
        field("close_window", "Whether our page runs in a window of its own, which it closes.", flag()),
        field("settings", "Kept; none of them is about cards.", inner_object(Vec::new())),
        field("template", "How the page looks. What is not understood is ignored.", bought::template()),
        field("template_id", "Kept; there are no saved templates so far.", text()),
    ])
}

/// A full http or https address, of a host with a name in ASCII or an IPv4 address; blanks mean none.
pub(in crate::api) fn url() -> Value {
    let label = "[A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20})?";
    let host = format!(r"(?:(?:{label}\.){{0,3}}[A-Za-z]{{1,20}}|{IPV4})");
    let port = "(?::(?:[0-9]{1,4}|[1-5][0-9]{4}))?";
    let scheme = format!("{}[Ss]?", any_case("http"));
    json!({
        "title": format!("http or https URL, at most {URL_MAX} characters"),
        "anyOf": [
            {
                "type": "string", "maxLength": URL_MAX,
                "pattern": format!("^(?: *|{scheme}://{host}{port}(?:[/?#][^{CONTROL}]*)?)$"),
            },
            { "type": "null" },
        ],
    })
}

const IPV4: &str =
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

fn customer() -> Value {
    let address = json!({
        "title": "IPv4 or IPv6 address",
        "anyOf": [
            { "type": "string", "format": "ipv4", "pattern": format!("^{IPV4}$") },
            { "type": "string", "format": "ipv6" },
            { "enum": ["", null] },
        ],
    });
    let addresses = json!({
        "title": "IPv4 or IPv6 addresses, with commas between them",
        "anyOf": [
            { "type": "string", "pattern": format!("^(?:{IPV4}(?: *, *{IPV4}){{0,9}})?$") },
            { "type": "string", "format": "ipv6" },
            { "type": "null" },
        ],
    });
    let email = schema::email(super::TEXT_MAX);
    let named = [
        ("locale", "Language and country, such as `nl_NL`."),
        ("first_name", "First name."),
        ("firstname", "The same, when `first_name` is not there."),
        ("last_name", "Last name."),
        ("lastname", "The same, when `last_name` is not there."),
        ("company_name", "Company."),
        ("company", "The same, when `company_name` is not there."),
        ("gender", "Gender or title."),
        ("birthday", "Date of birth."),
        ("address1", "Street."),
        ("address2", "What the street line did not hold."),
        ("house_number", "House number."),
        ("zip_code", "Postal code."),
        ("city", "City."),
        ("state", "State or province."),
        ("phone", "Telephone, answered as `phone1`."),
        ("phone1", "The same, when `phone` is not there."),
        ("phone2", "Another telephone."),
        ("reference", "The shop's name for this customer."),
    ];
    let mut fields: Vec<_> = named.into_iter().map(|(name, about)| field(name, about, text())).collect();
    let long = || text_within(BROWSER_TEXT_MAX);
    fields.extend([
        field("country", "Where the customer lives.", crate::api::schema::named("Country")),
        field("email", "Email address.", email),
        field("ip_address", "Where the customer's browser is.", address.clone()),
        field("forwarded_ip", "The `X-Forwarded-For` that the shop saw.", addresses),
        field("user_agent", "The browser's own name.", long()),
        field("referrer", "The page the customer came from.", long()),
        field("disable_send_email", "Whether no mail may go to the customer.", flag()),
        field("browser", "What 3-D Secure asks of a browser that sees no page of ours.", browser(address)),
    ]);
    inner_object(fields)
}

fn browser(address: Value) -> Value {
    let flags = ["javascript_enabled", "java_enabled", "cookies_enabled"];
    let texts = [
        ("language", "Its language, such as `nl`."),
        ("accept_header", "Its `Accept` header."),
        ("screen_color_depth", "Bits a pixel."),
        ("screen_height", "In pixels."),
        ("screen_width", "In pixels."),
        ("time_zone", "Minutes from its clock to UTC."),
        ("user_agent", "Its own name."),
        ("platform", "The system it runs on."),
    ];
    let flags = flags.map(|name| field(name, "Whether it is.", flag()));
    let texts = texts.map(|(name, about)| field(name, about, text_within(BROWSER_TEXT_MAX)));
    let address = field("ip_address", "Where it is.", address);
    inner_object(flags.into_iter().chain(texts).chain([address]).collect())
}

fn custom_info() -> Value {
    inner_object(vec![
        field("custom_1", "The shop's own text.", text()),
        field("custom1", "The same, when `custom_1` is not there.", text()),
        field("custom_2", "The shop's own text.", text()),
        field("custom2", "The same, when `custom_2` is not there.", text()),
        field("custom_3", "The shop's own text.", text()),
        field("custom3", "The same, when `custom_3` is not there.", text()),
    ])
}

fn affiliate() -> Value {
    let none = json!({ "title": "nothing", "anyOf": [
        { "type": "array", "maxItems": 0 }, { "type": "object", "maxProperties": 0 }, { "type": "null" },
    ] });
    inner_object(vec![field("split_payments", "Split payments are not offered.", none)])
}
