//! Pieces of request schemas: what the parsers beside them take, in JSON Schema 2020-12.
//!
//! The parsers are lenient, and a schema says all they take. A piece that is used in many places is a component
//! of the document; its `title` is the short form that people read, such as "true or false".

use super::create_order::TEXT_MAX;
use celes::Country;
use payments::card::Gateway;
use payments::ids::ORDER_ID_MAX;
use payments::money::Currency;
use serde_json::{Map, Value, json};

/// Inside of `[…]`: a control character, as Rust's `char::is_control` has it.
pub(crate) const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
/// Inside of `[…]`: a blank that is no control character, as Rust's `char::is_whitespace` has it.
pub(crate) const BLANK: &str = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// A character that is not blank, as Rust's `str::trim` has it.
pub(crate) const SOLID: &str =
    r"[^\u0000\t\n\u000b\u000c\r\u0085\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// A field of an object.
pub(crate) struct Field {
    name: &'static str,
    schema: Value,
    required: bool,
}

/// A field that may be left out.
pub(crate) fn field(name: &'static str, about: &str, schema: Value) -> Field {
    let mut schema = schema;
    if let Some(members) = schema.as_object_mut() {
        members.insert("description".to_owned(), about.into());
    }
    Field { name, schema, required: false }
}

/// A field that has to be there.
pub(crate) fn required(name: &'static str, about: &str, schema: Value) -> Field {
    Field { required: true, ..field(name, about, schema) }
}

/// An object with these fields. Unknown keys are taken and ignored.
pub(crate) fn object(fields: Vec<Field>) -> Value {
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let properties: Map<String, Value> =
        fields.into_iter().map(|field| (field.name.to_owned(), field.schema)).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The same inside of a request: `[]` and `null` stand for an object without members.
pub(crate) fn inner_object(fields: Vec<Field>) -> Value {
    json!({ "anyOf": [object(fields), { "type": "array", "maxItems": 0 }, { "type": "null" }] })
}

/// A text within `max` characters, read with `Fields::text_within`.
pub(crate) fn text_within(max: usize) -> Value {
    let mut ways = vec![json!({ "type": "string", "maxLength": max, "pattern": r"^[^\u0000]*$" })];
    ways.extend(numbers_within(max));
    ways.push(json!({ "type": "null" }));
    json!({ "title": format!("text, at most {max} characters"), "anyOf": ways })
}

/// The numbers that become texts of at most `max` characters. The smallest of all have 350.
fn numbers_within(max: usize) -> Vec<Value> {
    const END: i64 = 9_007_199_254_740_992;
    if max < 50 {
        // Ten characters, the shortest of all limits.
        return vec![
            json!({ "type": "integer", "minimum": -999_999_999, "maximum": 9_999_999_999_i64 }),
            json!({ "type": "number", "multipleOf": 0.5, "minimum": -9_999_999.5, "maximum": 99_999_999.5 }),
        ];
    }
    let (above, below) = match max {
        ..120 => (1e-80, -1e-80),
        120..400 => (1e-100, -1e-100),
        _ => (0.0, 0.0),
    };
    vec![
        json!({ "type": "integer", "minimum": i64::MIN, "maximum": u64::MAX }),
        json!({ "type": "number", "minimum": above, "exclusiveMaximum": END }),
        json!({ "type": "number", "exclusiveMinimum": -END, "maximum": below }),
    ]
}

/// The same, and not blank.
pub(crate) fn filled_text(max: usize) -> Value {
    let pattern = format!(r"^[^\u0000]*{SOLID}[^\u0000]*$");
    let mut ways = vec![json!({ "type": "string", "maxLength": max, "pattern": pattern })];
    ways.extend(numbers_within(max));
    json!({ "title": format!("text of 1 to {max} characters, not all blank"), "anyOf": ways })
}

/// An email address as far as it is read: a text with an `@`.
pub(crate) fn email(max: usize) -> Value {
    json!({
        "title": format!("text with an @, at most {max} characters"),
        "anyOf": [
            { "type": "string", "maxLength": max, "pattern": r"^(?:[^\u0000]*@[^\u0000]*)?$" },
            { "type": "null" },
        ],
    })
}

/// A card's year and month, with or without blanks around them.
pub(crate) fn yymm() -> Value {
    let blank = format!(r"[{BLANK}\t\n\u000b\u000c\r\u0085]");
    json!({
        "title": "YYMM",
        "anyOf": [
            { "type": "string", "maxLength": TEXT_MAX, "pattern": format!("^{blank}*[0-9]{{2}}(?:0[1-9]|1[0-2]){blank}*$") },
            // As a number, of the years from 10 on.
            { "enum": (1..=12).map(|month| 3_500 + month).collect::<Vec<_>>() },
        ],
    })
}

/// The whole number in `min..=max`, read with `Fields::count`.
pub(crate) fn count(min: i64, max: i64) -> Value {
    json!({
        "title": format!("whole number from {min} to {max}"),
        "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": digits(min, max) },
            { "enum": ["", null] },
        ],
    })
}

/// A pattern of the whole numbers from `min`, which is 0 or 1, to `max`, leading zeros included.
pub(crate) fn digits(min: i64, max: i64) -> String {
    let max = max.to_string();
    let mut ways = Vec::new();
    if min == 0 {
        ways.push("0".to_owned());
    }
    for length in 1..max.len() {
        ways.push(format!("[1-9][0-9]{{{}}}", length - 1));
    }
    for (at, digit) in max.bytes().enumerate() {
        let lowest = if at == 0 { b'1' } else { b'0' };
        if digit > lowest {
            let (same, rest) = (&max[..at], max.len() - at - 1);
            let (from, to) = (char::from(lowest), char::from(digit - 1));
            ways.push(format!("{same}[{from}-{to}][0-9]{{{rest}}}"));
        }
    }
    ways.push(max);
    format!("^0*(?:{})$", ways.join("|"))
}

/// A pattern of `word` in any case.
pub(crate) fn any_case(word: &str) -> String {
    let letter = |letter: char| format!("[{}{}]", letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
    word.chars().map(letter).collect()
}

/// A component by its name; see [`components`].
pub(crate) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A text of the usual length.
pub(crate) fn text() -> Value {
    named("Text")
}

/// True or false.
pub(crate) fn flag() -> Value {
    named("Flag")
}

/// A currency that cards are paid in.
pub(crate) fn currency() -> Value {
    named("Currency")
}

/// The shop's reference of an order.
pub(crate) fn order_id() -> Value {
    named("OrderId")
}

/// Any text; of a parameter that never refuses one.
pub(crate) fn any_text() -> Value {
    json!({ "type": "string" })
}

/// A currency in a query, in any case.
pub(crate) fn currency_in_query() -> Value {
    word(Currency::all().map(Currency::code))
}

/// One of these words in a query, in any case; nothing is as if it were not there.
pub(crate) fn word(words: impl IntoIterator<Item = &'static str>) -> Value {
    let ways: Vec<String> = words.into_iter().map(any_case).collect();
    json!({ "type": "string", "pattern": format!("^(?:{})?$", ways.join("|")) })
}

/// A day in a query.
pub(crate) fn date() -> Value {
    json!({ "title": "date, such as 2026-11-22", "type": "string", "pattern": format!("^(?:{DAY})?$") })
}

/// A moment in a query.
pub(crate) fn moment() -> Value {
    let pattern = format!("^(?:{DAY}(?:T{TIME}(?:Z|[+-]0[0-9]:[0-5][0-9])?)?|[0-9]{{1,11}})?$");
    json!({ "title": "date, date and time, or Unix seconds", "type": "string", "pattern": pattern })
}

/// A day that every month has.
const DAY: &str = "20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])";
const TIME: &str = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";

/// The id of a gateway in a path.
pub(crate) fn gateway_id() -> Value {
    let pattern = format!("^(?:{})$", gateways(Gateway::all()));
    json!({ "title": "gateway", "type": "string", "minLength": 1, "examples": gateway_ids(), "pattern": pattern })
}

/// Pattern of these gateways' ids, in any case.
pub(crate) fn gateways(gateways: impl Iterator<Item = Gateway>) -> String {
    gateways.map(|gateway| any_case(gateway.id())).collect::<Vec<_>>().join("|")
}

fn gateway_ids() -> Vec<&'static str> {
    Gateway::all().map(Gateway::id).collect()
}

/// The pieces that are components, by name.
pub(crate) fn components() -> Vec<(&'static str, Value)> {
    let currencies: Vec<&str> = Currency::all().map(Currency::code).collect();
    let mut countries: Vec<Value> =
        Country::get_countries().iter().map(|country| country.alpha2.into()).collect();
    countries.extend(["".into(), Value::Null]);
    vec![
        ("Text", text_within(TEXT_MAX)),
        (
            "Flag",
            json!({ "title": "true or false", "enum": [true, false, 1, 0, "true", "false", "1", "0", "", null] }),
        ),
        ("Currency", json!({ "title": "ISO 4217 code, such as EUR", "type": "string", "enum": currencies })),
        (
            "Country",
            json!({ "title": "ISO 3166-1 code of two letters, such as NL; in any case", "enum": countries }),
        ),
        (
            "OrderId",
            json!({
                "title": format!("text of 1 to {ORDER_ID_MAX} characters, or a whole number"),
                "anyOf": [
                    {
                        "type": "string", "minLength": 1, "maxLength": ORDER_ID_MAX,
                        "pattern": format!("^[^{CONTROL}]*[^{CONTROL}{BLANK}][^{CONTROL}]*$"),
                    },
                    { "type": "integer", "minimum": i64::MIN, "maximum": u64::MAX },
                ],
            }),
        ),
        (
            "GatewayId",
            json!({
                "title": format!("one of {}, in any case; nothing for any card", gateway_ids().join(", ")),
                "anyOf": [
                    { "type": "string", "pattern": format!("^(?:{})$", gateways(Gateway::all())) },
                    { "enum": ["", null] },
                ],
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_digits_takes_exactly_its_numbers() {
        for (min, max) in [(0, 0), (0, 9), (1, 10), (0, 365), (1, 365), (1, 1_000), (0, 31_536_000)] {
            let pattern = digits(min, max);
            for number in
                [0, 1, 5, 9, 10, 11, 99, 100, 299, 300, 359, 365, 366, 999, 1_000, 1_001, 31_536_000]
            {
                for text in [number.to_string(), format!("00{number}")] {
                    assert_eq!(takes(&pattern, &text), (min..=max).contains(&number), "{pattern} {text}");
                }
            }
            assert!(!takes(&pattern, "") && !takes(&pattern, "1a") && !takes(&pattern, "31536001"));
        }
    }

    /// The few forms that [`digits`] writes.
    fn takes(pattern: &str, text: &str) -> bool {
        let ways = pattern.strip_prefix("^0*(?:").unwrap().strip_suffix(")$").unwrap();
        // The leading zeros may be as many as one likes, or none.
        let zeros = text.len() - text.trim_start_matches('0').len();
        (0..=zeros).any(|skipped| ways.split('|').any(|way| is_way(way, &text[skipped..])))
    }

    fn is_way(way: &str, text: &str) -> bool {
        let mut rest = text.bytes();
        let mut way = way;
        while let Some(first) = way.chars().next() {
            let (range, after) = match way.strip_prefix('[') {
                Some(inner) => {
                    let (range, after) = inner.split_once(']').unwrap();
                    ((range.as_bytes()[0], range.as_bytes()[2]), after)
                }
                None => ((first as u8, first as u8), &way[1..]),
            };
            let (count, after) = match after.strip_prefix('{') {
                Some(inner) => {
                    inner.split_once('}').map(|(count, after)| (count.parse().unwrap(), after)).unwrap()
                }
                None => (1, after),
            };
            for _ in 0..count {
                if !rest.next().is_some_and(|byte| (range.0..=range.1).contains(&byte)) {
                    return false;
                }
            }
            way = after;
        }
        rest.next().is_none()
    }
}
