//! `amount`: whole minor units, and never a guess about where the point is.
//!
//! A number with an exponent is refused, for a shop that sends one has calculated with floats and an order of a
//! thousand times the price looks like any other. One form is the exception, because it is how Java's Gson
//! writes a whole `Double` from ten million on and shops depend on it: one digit, a point, more digits, `E`,
//! an exponent of 7 or more without a sign (`1.0E7`, `1.2345678E9`). Elsewhere in the request any form of a
//! number is taken.

use super::fields::{self, Fields};
use crate::api::error::{self, Error};
use payments::card::{Brand, Gateway};
use payments::money::{AMOUNT_MAX_MINOR, Amount, Currency};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What the body's text says and its values do not: `1e3` and `1000.0` are the same float.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Written<'a> {
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
}

impl<'a> Written<'a> {
    /// Of a body that was read before; of anything else it knows nothing.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    fn has_odd_exponent(&self) -> bool {
        let text = self.amount.map(RawValue::get).unwrap_or_default();
        text.contains(['e', 'E']) && !is_from_gson(text)
    }
}

/// Whether Java's `Double.toString` writes numbers like this.
fn is_from_gson(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once('E') else {
        return false;
    };
    let Some((digit, fraction)) = mantissa.split_once('.') else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let large =
        digits(exponent) && !exponent.starts_with('0') && exponent.parse().is_ok_and(|by: u32| by >= 7);
    matches!(digit.as_bytes(), [b'1'..=b'9']) && digits(fraction) && large
}

pub(super) fn read(
    order: &Fields<'_>,
    written: &Written<'_>,
    currency: Currency,
    gateway: Option<Gateway>,
) -> Result<Amount, Error> {
    let fault = |what: &str| order.fault("amount", error::AMOUNT, what);
    let value = order.get("amount").ok_or_else(|| fault("is missing"))?;
    let minor = fields::whole(value).filter(|minor| *minor <= AMOUNT_MAX_MINOR).ok_or_else(|| {
        fault(&format!("must be a whole number of minor units, at most {AMOUNT_MAX_MINOR}"))
    })?;
    if matches!(value, Value::Number(_)) && written.has_odd_exponent() {
        return Err(fault("must be written without an exponent"));
    }
    // The reference gateway checks cards of every brand but this one without a payment.
    if minor == 0 && gateway == Some(Gateway::Brand(Brand::Amex)) {
        return Err(fault("must be at least 1 with AMEX"));
    }
    Ok(Amount::new(minor, currency))
}
