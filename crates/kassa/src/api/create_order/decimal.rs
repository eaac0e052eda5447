//! Prices, rates, quantities and weights: decimals, as exact as they were sent.
//!
//! Shops write them as numbers or as text. A number has passed through a float on its way, here and mostly at the
//! shop already: of up to 15 digits its shortest text is what was written, and what a float adds behind the
//! tenth decimal (`41.322314049599999`) is rounded off. No arithmetic is done on floats.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};

/// How many decimals are kept; plugins send up to ten.
const DECIMALS_MAX: u32 = 10;

/// A decimal that was sent as a number or as a text of digits.
pub(crate) fn read(value: &Value) -> Option<Decimal> {
    let decimal = match value {
        Value::Number(number) if !number.is_f64() => number.to_string().parse().ok()?,
        // Not an exponent: this is how Rust writes every float.
        Value::Number(number) => number.as_f64()?.to_string().parse().ok()?,
        Value::String(text) if is_decimal(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(rounded(decimal, DECIMALS_MAX))
}

/// Digits with at most one point and one minus: neither exponents nor the blanks and marks that parsers differ on.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // Some write `.5`.
    (whole.is_empty() || digits(whole)) && digits(fraction)
}

/// Half of the last digit is rounded up, away from zero for a discount: the documented rule.
pub(crate) fn rounded(decimal: Decimal, decimals: u32) -> Decimal {
    let rounded = decimal.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    // Nobody owes minus nothing.
    if rounded.is_zero() { rounded.abs() } else { rounded }
}

/// With at least `decimals` decimals: `50` is `50.00`.
pub(crate) fn text(mut decimal: Decimal, decimals: u32) -> String {
    if decimal.scale() < decimals {
        decimal.rescale(decimals);
    }
    decimal.to_string()
}

/// As a JSON number that every reader writes back as it was, or as text where there is none.
///
/// Python and we write a float alike while it has no exponent and at most 15 digits.
pub(crate) fn number(decimal: Decimal) -> Value {
    let decimal = decimal.normalize();
    let text = decimal.to_string();
    if decimal.scale() == 0 {
        return text.parse::<i64>().map_or(Value::String(text), Value::from);
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let float = text.parse().ok().and_then(Number::from_f64);
    match float {
        Some(float) if digits <= 15 && decimal.abs() >= Decimal::new(1, 4) => Value::Number(float),
        _ => Value::String(text),
    }
}

/// What a shop sent and nobody reads, with only such numbers in it as every reader writes back as they were.
pub(super) fn stable(value: &Value) -> Value {
    match value {
        Value::Number(float) if float.is_f64() => match read(value) {
            Some(decimal) => number(decimal),
            None => Value::String(float.to_string()),
        },
        Value::Array(list) => list.iter().map(stable).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), stable(value))).collect(),
        plain => plain.clone(),
    }
}

/// The product, or nothing when it has more digits than can be kept: prices are never rounded on the way.
pub(crate) fn product(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.checked_mul(b)?;
    (product.is_zero() || product.scale() == a.scale() + b.scale()).then_some(product)
}

/// The sum, or nothing when it has more digits than can be kept.
pub(crate) fn sum(a: Decimal, b: Decimal) -> Option<Decimal> {
    let sum = a.checked_add(b)?;
    (sum.scale() == a.scale().max(b.scale())).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_decimal_is_read_from_a_number_and_from_text_and_nothing_else() {
        for (sent, shown) in [
            (json!(50), Some("50.00")),
            (json!("50"), Some("50.00")),
            (json!("50.0"), Some("50.00")),
            (json!("50.1234567891"), Some("50.1234567891")),
            (json!("50.12345678915"), Some("50.1234567892")),
            (json!(41.322_314_049_599_999), Some("41.3223140496")),
            (json!(0.1), Some("0.10")),
            (json!(-5.25), Some("-5.25")),
            (json!("-5.25"), Some("-5.25")),
            (json!("-0"), Some("0.00")),
            (json!("0.00000000001"), Some("0.0000000000")),
            (json!(1e-300), Some("0.0000000000")),
            (json!(1.5e3), Some("1500.00")),
            (json!(".5"), Some("0.50")),
            (json!(u64::MAX), Some("18446744073709551615.00")),
            (json!(1e300), None),
            (json!("1e3"), None),
            (json!("+1"), None),
            (json!(" 1"), None),
            (json!("1."), None),
            (json!("1,50"), None),
            (json!("1_000"), None),
            (json!("--1"), None),
            (json!("1.2.3"), None),
            (json!(""), None),
            (json!("."), None),
            (json!("NaN"), None),
            (json!("9".repeat(40)), None),
            (json!(null), None),
            (json!(true), None),
            (json!([1]), None),
        ] {
            let read = read(&sent).map(|decimal| text(decimal, 2));
            assert_eq!(read.as_deref(), shown, "{sent}");
        }
    }

    #[test]
    fn a_number_is_written_where_every_reader_writes_it_back() {
        for (sent, written) in [
            ("12", "12"),
            ("12.00", "12"),
            ("12.50", "12.5"),
            ("0.0001", "0.0001"),
            ("0.00005", "\"0.00005\""),
            ("123456789012.345", "123456789012.345"),
            ("1234567890123.4567", "\"1234567890123.4567\""),
            ("-0.5", "-0.5"),
        ] {
            assert_eq!(number(sent.parse().unwrap()).to_string(), written);
        }
        let odd = json!({"a": [1e-7, 1e22, 1e300, 0.1, 7, -0.0, "1e5"], "b": null});
        let stable = stable(&odd).to_string();
        assert_eq!(
            stable,
            r#"{"a":["0.0000001","10000000000000000000000","1e+300",0.1,7,0,"1e5"],"b":null}"#
        );
    }

    #[test]
    fn what_has_too_many_digits_is_not_multiplied() {
        let parsed = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(product(parsed("18.3333333333"), parsed("0.08375")), Some(parsed("1.535416666663875")));
        assert_eq!(product(parsed("99999999999.9999999999"), parsed("123456.7891")), None);
        assert_eq!(product(parsed("99999999999.0000000000"), parsed("0.0")), Some(Decimal::ZERO));
        assert_eq!(sum(parsed("79228162514264337593543950335"), parsed("0.1")), None);
    }
}
