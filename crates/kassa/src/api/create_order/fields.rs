//! One object of a request, read key by key with the leniency the contract asks for.

use crate::api::error::{self, Error};
use serde_json::{Map, Number, Value};

/// The longest text of a field without a limit of its own, in characters.
pub(crate) const TEXT_MAX: usize = 500;

/// The largest float up to which every whole number is told apart from its neighbours (2^53).
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// The keys of one object, and where it is in the request.
pub(crate) struct Fields<'a> {
    path: String,
    object: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The request itself.
    pub(crate) fn top(object: &'a Map<String, Value>) -> Self {
        Self { path: String::new(), object: Some(object) }
    }

    /// The value of `key`; `null` counts as not there.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object?.get(key).filter(|value| !value.is_null())
    }

    /// The value of `key`; `null` and `""` count as not there.
    pub(crate) fn filled(&self, key: &str) -> Option<&'a Value> {
        self.get(key).filter(|value| value.as_str() != Some(""))
    }

    /// The refusal of `key` for the reason in `what`.
    pub(crate) fn fault(&self, key: &str, code: u32, what: &str) -> Error {
        Error::invalid(code, &self.path_of(key), what)
    }

    /// Where `key` is in the request.
    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether the object was sent and says anything.
    pub(crate) fn is_sent(&self) -> bool {
        self.object.is_some_and(|object| object.values().any(|value| !value.is_null()))
    }

    /// The object in `key`; an empty list stands for an empty object.
    pub(crate) fn object(&self, key: &str, code: u32) -> Result<Self, Error> {
        match self.get(key) {
            None => Ok(Self { path: self.path_of(key), object: None }),
            Some(value) => Self::of(value, self.path_of(key), code),
        }
    }

    /// The objects in the list in `key`, each with its place. An object without members, which some clients
    /// make of an empty list, has none.
    pub(crate) fn objects(&self, key: &str, code: u32) -> Result<Vec<Self>, Error> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Object(object)) if object.is_empty() => Ok(Vec::new()),
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(at, value)| Self::of(value, format!("{}[{at}]", self.path_of(key)), code))
                .collect(),
            Some(_) => Err(self.fault(key, code, "must be a list")),
        }
    }

    fn of(value: &'a Value, path: String, code: u32) -> Result<Self, Error> {
        match value {
            Value::Object(object) => Ok(Self { path, object: Some(object) }),
            Value::Array(list) if list.is_empty() => Ok(Self { path, object: None }),
            _ => Err(Error::invalid(code, &path, "must be an object")),
        }
    }

    /// The text in `key`, as it was sent; a number becomes its digits.
    pub(crate) fn text(&self, key: &str, code: u32) -> Result<Option<String>, Error> {
        self.text_within(key, code, TEXT_MAX)
    }

    /// The same, of at most `max` characters.
    pub(crate) fn text_within(&self, key: &str, code: u32, max: usize) -> Result<Option<String>, Error> {
        let text = match self.get(key) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => digits(number).ok_or_else(|| {
                self.fault(key, code, "must be text, the number is too large to be kept exactly")
            })?,
            Some(_) => return Err(self.fault(key, code, "must be text")),
        };
        if text.chars().count() > max {
            return Err(self.fault(key, code, &format!("must have at most {max} characters")));
        }
        // PostgreSQL has no such text, and no shop means it.
        if text.contains('\0') {
            return Err(self.fault(key, code, "must not contain the character U+0000"));
        }
        Ok(Some(text))
    }

    /// The flag in `key`; `false` when it is not there.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, Error> {
        let flag = match self.filled(key) {
            None => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(word)) => match word.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            Some(number) => match whole(number) {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
        };
        flag.ok_or_else(|| self.fault(key, error::MISSING_DATA, "must be true or false"))
    }

    /// The whole number in `key`, within `min..=max`.
    pub(crate) fn count(&self, key: &str, min: i64, max: i64) -> Result<Option<i64>, Error> {
        let Some(value) = self.filled(key) else {
            return Ok(None);
        };
        let count = whole(value).filter(|count| (min..=max).contains(count));
        count.map(Some).ok_or_else(|| {
            let what = format!("must be a whole number from {min} to {max}");
            self.fault(key, error::MISSING_DATA, &what)
        })
    }
}

/// A whole number of 0 or more: an integer, digits as text, or a float without a fraction.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => parse_digits(&digits(number)?),
        Value::String(text) => parse_digits(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn parse_digits(text: &str) -> Option<i64> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The digits of a number, without exponent and without `.0`; `None` when a float may have lost some.
pub(crate) fn digits(number: &Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    number.as_f64().filter(|float| float.abs() < EXACT_MAX).map(|float| float.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_are_taken_in_every_form_clients_write_them() {
        for (value, expected) in [
            (json!(1000), Some(1000)),
            (json!("1000"), Some(1000)),
            (json!("0010"), Some(10)),
            (json!(1000.0), Some(1000)),
            (json!(1.0e7), Some(10_000_000)),
            (json!(0), Some(0)),
            (json!(0.0), Some(0)),
            (json!("0"), Some(0)),
            (json!(9_007_199_254_740_991.0), Some(9_007_199_254_740_991)),
            (json!(9_007_199_254_740_992.0), None),
            (json!(i64::MAX), Some(i64::MAX)),
            (json!(u64::MAX), None),
            (json!("9223372036854775808"), None),
            (json!(-1), None),
            (json!(-0.0), None),
            (json!(10.5), None),
            (json!(1e300), None),
            (json!("10.0"), None),
            (json!("1e3"), None),
            (json!("-1"), None),
            (json!("+1"), None),
            (json!(" 1"), None),
            (json!(""), None),
            (json!("١"), None),
            (json!(true), None),
            (json!(null), None),
            (json!([1]), None),
            (json!({"a": 1}), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
    }
}
