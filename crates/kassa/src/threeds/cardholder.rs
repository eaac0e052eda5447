//! What a shop said of its customer, as far as it helps the issuer and is what the message can hold.
//!
//! Shops send what people typed. Whatever does not fit its field is shortened or left out: no payment fails for an
//! address that nobody needs.

use crate::api::create_order::Details;
use crate::api::create_order::customer::Customer;
use celes::Country;
use emv3ds::areq::{BillingAddress, Cardholder, Phone, ShippingAddress};
use emv3ds::secret::Secret;
use emv3ds::values::YesNo;
use payments::order::Order;

/// The longest `addrLine…` and `addrCity`, in characters.
const LINE: usize = 50;
/// The longest `email`.
const EMAIL: usize = 254;

/// The customer of an order, with the name on the card.
pub(super) fn of(order: &Order, holder: &str) -> Cardholder {
    let details = serde_json::from_str(&order.terms.details).unwrap_or_default();
    told(&details, holder)
}

fn told(details: &Details, holder: &str) -> Cardholder {
    let customer = &details.customer;
    let billing = address(customer);
    let delivery = details.delivery.as_ref().map(address).filter(|to| *to != BillingAddress::default());
    let matches = delivery.as_ref().map(|to| if *to == billing { YesNo::Yes } else { YesNo::No });
    Cardholder {
        name: text(Some(holder), 45).filter(|name| name.chars().nth(1).is_some()).map(Secret::new),
        email: email(customer),
        home_phone: phone(customer.phone2.as_deref()),
        mobile_phone: phone(customer.phone1.as_deref()),
        work_phone: None,
        addresses_match: matches,
        billing,
        shipping: delivery.map(shipping).unwrap_or_default(),
    }
}

fn address(customer: &Customer) -> BillingAddress {
    let line1 = match (&customer.address1, &customer.house_number) {
        (Some(street), Some(number)) => Some(format!("{street} {number}")),
        (street, _) => street.clone(),
    };
    let country = customer.country.as_deref().and_then(|code| Country::from_alpha2(code).ok());
    BillingAddress {
        line1: secret(line1.as_deref(), LINE),
        line2: secret(customer.address2.as_deref(), LINE),
        line3: None,
        post_code: secret(customer.zip_code.as_deref(), 16),
        city: secret(customer.city.as_deref(), LINE),
        // What it is a part of is required with it.
        state: country.and_then(|country| subdivision(customer.state.as_deref()?, country.alpha2)),
        country: country.map(|country| Secret::new(format!("{:03}", country.value))),
    }
}

fn shipping(
    BillingAddress { line1, line2, line3, post_code, city, state, country }: BillingAddress,
) -> ShippingAddress {
    ShippingAddress { line1, line2, line3, post_code, city, state, country }
}

/// Text on one line without blanks around it, shortened; `None` when nothing is left.
fn text(text: Option<&str>, longest: usize) -> Option<String> {
    let line = text?.replace(char::is_control, " ");
    let short: String = line.trim().chars().take(longest).collect();
    let short = short.trim_end();
    (!short.is_empty()).then(|| short.to_owned())
}

fn secret(sent: Option<&str>, longest: usize) -> Option<Secret> {
    text(sent, longest).map(Secret::new)
}

/// The address, where it is one: a part of one is somebody else's.
fn email(customer: &Customer) -> Option<Secret> {
    let address = text(customer.email.as_deref(), EMAIL + 1)?;
    let (name, host) = address.split_once('@')?;
    let is_one = !name.is_empty() && !host.is_empty() && !host.contains('@');
    let fits = address.chars().count() <= EMAIL && !address.contains(char::is_whitespace);
    (is_one && fits).then(|| Secret::new(address))
}

/// The part of an ISO 3166-2 code after the dash, where a shop sends that or the whole code and no name.
fn subdivision(state: &str, country: &str) -> Option<Secret> {
    let state = state.trim();
    let own = match state.split_once('-') {
        Some((of, rest)) if of.eq_ignore_ascii_case(country) => rest,
        Some(_) => return None,
        None => state,
    };
    let is_code = (1..=3).contains(&own.len()) && own.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| Secret::new(own.to_ascii_uppercase()))
}

/// A number in its international form, `+31 6 …` or `0031 6 …`, in the two parts that the message wants. One without
/// its country's code cannot be told apart.
fn phone(number: Option<&str>) -> Option<Phone> {
    let number = number?.trim();
    let rest = number.strip_prefix('+').or_else(|| number.strip_prefix("00"))?;
    // A zero in brackets is dialled from within the country only.
    let rest = rest.replacen("(0)", "", 1);
    if rest.chars().any(|sign| !sign.is_ascii_digit() && !" -./()".contains(sign)) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let (code, subscriber) = digits.split_at_checked(calling_code_length(&digits))?;
    // E.164: fifteen digits with the code, which begins with no zero.
    let fits = !code.starts_with('0') && (4..=15 - code.len()).contains(&subscriber.len());
    fits.then(|| Phone { country_code: Secret::new(code), subscriber: Secret::new(subscriber) })
}

/// How many digits the country's code has that a number begins with (ITU-T E.164, list of assigned codes).
fn calling_code_length(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The members of the message that are about a customer like this.
    fn members(customer: &Value, delivery: Option<&Value>) -> Value {
        let mut details = json!({ "customer": customer });
        if let Some(delivery) = delivery {
            details["delivery"] = delivery.clone();
        }
        serde_json::to_value(told(&serde_json::from_value(details).unwrap(), "A. Customer")).unwrap()
    }

    fn home() -> Value {
        json!({
            "address1": "Kraanspoor", "house_number": "39C", "address2": " 4th\nfloor ", "zip_code": "1033SC",
            "city": "Amsterdam", "state": "NL-NH", "country": "NL", "email": "simon@example.com",
            "phone1": "+31 (0)6 1234-5678", "phone2": "0031 20 850 05 00",
        })
    }

    #[test]
    fn the_issuer_is_told_who_buys_and_where_it_goes() {
        let mut expected = json!({
            "cardholderName": "A. Customer", "email": "simon@example.com",
            "mobilePhone": { "cc": "31", "subscriber": "612345678" },
            "homePhone": { "cc": "31", "subscriber": "208500500" },
            "billAddrLine1": "Kraanspoor 39C", "billAddrLine2": "4th floor", "billAddrPostCode": "1033SC",
            "billAddrCity": "Amsterdam", "billAddrState": "NH", "billAddrCountry": "528",
        });
        assert_eq!(members(&home(), None), expected);
        // An empty object is no address.
        assert_eq!(members(&home(), Some(&json!({ "email": "a@b" }))), expected);

        let to = json!({ "address1": "Main St 1", "city": "Austin", "state": "tx", "country": "US" });
        expected["addrMatch"] = json!("N");
        expected["shipAddrLine1"] = json!("Main St 1");
        expected["shipAddrCity"] = json!("Austin");
        expected["shipAddrState"] = json!("TX");
        expected["shipAddrCountry"] = json!("840");
        assert_eq!(members(&home(), Some(&to)), expected);
        let same = members(&home(), Some(&home()));
        assert_eq!((&same["addrMatch"], &same["shipAddrState"]), (&json!("Y"), &json!("NH")));
    }

    #[test]
    fn what_does_not_fit_is_shortened_or_left_out() {
        let long = "x".repeat(60);
        for (field, sent, member, told) in [
            ("address1", long.as_str(), "billAddrLine1", Some(json!("x".repeat(50)))),
            ("zip_code", "  \u{7}", "billAddrPostCode", None),
            ("email", "Simon Smit <simon@example.com>", "email", None),
            ("email", "simon@", "email", None),
            ("email", "@example.com", "email", None),
            ("email", "a@b@c", "email", None),
            ("email", &format!("{}@example.com", "x".repeat(250)), "email", None),
            ("state", "Noord-Holland", "billAddrState", None),
            ("state", "BE-NH", "billAddrState", None),
            ("state", "", "billAddrState", None),
            ("phone1", "0612345678", "mobilePhone", None),
            ("phone1", "+31 6 1234 5678 ext 5", "mobilePhone", None),
            ("phone1", "+3", "mobilePhone", None),
            ("phone1", "+31 6", "mobilePhone", None),
            ("phone1", "+0031612345678", "mobilePhone", None),
            ("phone1", "+31 1234567890123456", "mobilePhone", None),
            (
                "phone1",
                "+1 (202) 555-0173",
                "mobilePhone",
                Some(json!({"cc": "1", "subscriber": "2025550173"})),
            ),
            ("phone1", "+353.1.234567", "mobilePhone", Some(json!({"cc": "353", "subscriber": "1234567"}))),
            ("phone1", "0049/30/123456", "mobilePhone", Some(json!({"cc": "49", "subscriber": "30123456"}))),
        ] {
            let mut customer = home();
            customer[field] = json!(sent);
            assert_eq!(members(&customer, None).get(member), told.as_ref(), "{field} {sent:?}");
        }
        let stateless = members(&json!({ "state": "NH" }), None);
        assert_eq!(stateless, json!({ "cardholderName": "A. Customer" }));
    }
}
