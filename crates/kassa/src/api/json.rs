//! Reading a request body: one JSON value, strictly UTF-8, of bounded depth, no key twice.
//!
//! A key that is there twice is refused because readers disagree about which one counts, and here one of them
//! may be the amount. Numbers come out as `i64` or `u64` when they were written as integers that fit, and
//! as floats otherwise; nothing is rounded into an integer. The size of the body is bounded by the router.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep objects and lists may be nested; the outermost is level 1.
pub(crate) const DEPTH_MAX: usize = 32;

/// The most characters of a key that a message repeats.
const KEY_SHOWN_MAX: usize = 50;

/// A run of this many digits could be a card number and is never repeated.
const CARD_DIGITS_MIN: usize = 12;

/// Why bytes are not a request body, in words that may be shown to the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// Reads the one JSON value that `bytes` are.
///
/// # Errors
/// What is wrong and where (line and column), repeating nothing of the body but the name of a doubled key.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault("is not valid UTF-8".to_owned()))?;
    if text.trim().is_empty() {
        return Err(Fault("is empty".to_owned()));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Nested { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    // serde_json's own messages name a kind of mistake and a place, never a part of the text.
    value.map_err(|error| Fault(error.to_string()))
}

/// A value inside `depth` objects and lists.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
}

impl Nested {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {}", shown(&key))));
            }
            let value = entries.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// A key as a message may repeat it: quoted, cut, without control characters, and not at all when its digits
/// could be a card number, however they are separated.
fn shown(key: &str) -> String {
    if key.chars().filter(|letter| letter.is_numeric()).count() >= CARD_DIGITS_MIN {
        return "(a name of many digits)".to_owned();
    }
    let name: String = key
        .chars()
        .take(KEY_SHOWN_MAX)
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect();
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_body_is_read_as_it_was_written() {
        for (text, expected) in [
            (r#" {"a":1} "#, json!({"a": 1})),
            ("{\n  \"a\": [1, -2, \"x\", true, null]\n}\r\n", json!({"a": [1, -2, "x", true, null]})),
            (r#""\u00e9\ud83d\ude00""#, json!("é😀")),
            (r#"{"a":{"a":{"a":0}},"b":{"a":0}}"#, json!({"a": {"a": {"a": 0}}, "b": {"a": 0}})),
            ("null", json!(null)),
            ("9223372036854775807", json!(i64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1000.0", json!(1000.0)),
            ("1e3", json!(1000.0)),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn integers_stay_integers_and_everything_else_is_seen_to_be_a_float() {
        for text in ["0", "-1", "18446744073709551615", "-9223372036854775808"] {
            let value = parse(text.as_bytes()).unwrap();
            assert!(value.is_i64() || value.is_u64(), "{text}");
            assert_eq!(value.to_string(), text);
        }
        for text in ["1.0", "18446744073709551616", "-9223372036854775809", "1e2", "0.1"] {
            assert!(parse(text.as_bytes()).unwrap().is_f64(), "{text}");
        }
    }

    #[test]
    fn what_is_no_body_is_refused_with_the_reason() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "is empty"),
            (b" \r\n\t", "is empty"),
            (b"{", "EOF while parsing an object"),
            (b"{\"a\":1,}", "trailing comma"),
            (b"{a:1}", "key must be a string"),
            (b"{'a':1}", "key must be a string"),
            (b"{\"a\":1} {\"a\":1}", "trailing characters"),
            (b"[1 2]", "expected `,` or `]`"),
            (b"nul", "EOF while parsing a value"),
            (b"NaN", "expected value"),
            (b"01", "invalid number"),
            (b"+1", "expected value"),
            (b".5", "expected value"),
            (b"1.", "EOF while parsing"),
            (b"0x10", "trailing characters"),
            (b"1e999", "number out of range"),
            (b"\"a\nb\"", "control character"),
            (b"\"\\x41\"", "invalid escape"),
            (b"\"\\ud800\"", "hex escape"),
            (b"// a\n{}", "expected value"),
            (b"\xef\xbb\xbf{}", "expected value"),
            (b"{\"a\":\"\xff\"}", "is not valid UTF-8"),
            (b"\"\xed\xa0\x80\"", "is not valid UTF-8"),
            (b"\"\xc0\xaf\"", "is not valid UTF-8"),
            (b"amount=1000&type=redirect", "expected value"),
            (b"{\"a\":1,\"a\":1}", "duplicate key \"a\""),
            (b"{\"a\":1,\"\\u0061\":2}", "duplicate key \"a\""),
            (b"{\"x\":[{\"a\":1,\"b\":2,\"a\":null}]}", "duplicate key \"a\""),
            (b"{\"\":1,\"\":1}", "duplicate key \"\""),
        ];
        for (bytes, expected) in cases {
            let fault = parse(bytes).unwrap_err().to_string();
            assert!(fault.contains(expected), "{:?}: {fault}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn nesting_is_taken_to_32_levels_and_no_further() {
        let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
        for text in [lists(DEPTH_MAX), objects(DEPTH_MAX)] {
            assert!(parse(text.as_bytes()).is_ok(), "{text}");
        }
        for text in [lists(DEPTH_MAX + 1), objects(DEPTH_MAX + 1), lists(127), "[".repeat(300_000)] {
            let fault = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(fault.contains("nested deeper than 32 levels"), "{fault}");
        }
    }

    #[test]
    fn a_message_repeats_little_of_a_key_and_never_a_card_number() {
        let twice = |key: &str| {
            let body = format!("{{{key:?}:1,{key:?}:2}}");
            parse(body.as_bytes()).unwrap_err().to_string()
        };
        assert!(twice(&"k".repeat(51)).contains(&format!("\"{}\"", "k".repeat(50))));
        assert!(!twice(&"k".repeat(51)).contains(&"k".repeat(51)));
        assert!(twice("12345678901").contains("12345678901"));
        for card in ["6799990000000000011", "6799 9900 0000 0000 011", "４１１１１１１１１１１１１１１１"]
        {
            assert!(twice(card).contains("duplicate key (a name of many digits)"), "{}", twice(card));
        }
        assert!(parse(b"{\"a\\nb\":1,\"a\\nb\":2}").unwrap_err().to_string().contains("\"a\u{fffd}b\""));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_text_of_json_letters_panics(text in r#"[\[\]{}",:0-9eE.+\-\\utrfalsn ]{0,80}"#) {
            // Where both readers take a text, they read the same value.
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }
    }
}
