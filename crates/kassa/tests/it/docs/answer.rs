//! What was answered, held against what is written.

use serde_json::{Map, Value};

/// The key, and the last entry of a list, that stand for what is left out.
pub(super) const REST: &str = "…";

/// Keys whose values a gateway draws, or that depend on what is not the API's: compared by their form.
const DRAWN: [&str; 18] = [
    "acs_transaction_id",
    "after",
    "api_token",
    "authorization_code",
    "before",
    "cavv",
    "chargeback_id",
    "ds_transaction_id",
    "large",
    "medium",
    "recurring_id",
    "reference_transaction_id",
    "refund_id",
    "session_id",
    "token",
    "token_id",
    "transaction_id",
    "vector",
];
/// Headers of the same kind.
const DRAWN_HEADERS: [&str; 4] = ["auth", "kassa-event-id", "webhook-id", "webhook-signature"];
/// Shorter texts are looked for where they are expected, and not in the middle of others.
const FAMILIAR_MIN: usize = 12;

/// Which written value stands for which real one.
#[derive(Debug, Default)]
pub(super) struct Names {
    pairs: Vec<(String, String)>,
}

impl Names {
    /// `written` stands for `real` from now on.
    pub(super) fn bind(&mut self, written: &str, real: &str) {
        if !self.pairs.iter().any(|(known, _)| known == written) {
            self.pairs.push((written.to_owned(), real.to_owned()));
        }
    }

    /// A text with real values, from one with written ones.
    pub(super) fn real(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (written, real)| replaced(&text, written, real))
    }

    /// The other way round.
    pub(super) fn written(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (written, real)| replaced(&text, real, written))
    }

    /// Learns what the drawn values of an answer are called.
    pub(super) fn learn(&mut self, written: &Value, real: &Value) {
        match (written, real) {
            (Value::Object(written), Value::Object(real)) => {
                for (key, real) in real {
                    let Some(written) = written.get(key) else { continue };
                    match (scalar(written), scalar(real)) {
                        (Some(name), Some(drawn)) if is_drawn(key) && form(&name) == form(&drawn) => {
                            self.bind(&name, &drawn);
                        }
                        _ => self.learn(written, real),
                    }
                }
            }
            (Value::Array(written), Value::Array(real)) => {
                written.iter().zip(real).for_each(|(written, real)| self.learn(written, real));
            }
            _ => {}
        }
    }

    /// An answer with written values.
    pub(super) fn translate(&self, real: &Value) -> Value {
        match real {
            Value::Object(object) => {
                let each = object.iter().map(|(key, value)| (key.clone(), self.entry(key, value)));
                Value::Object(each.collect())
            }
            Value::Array(list) => list.iter().map(|value| self.translate(value)).collect(),
            Value::String(text) => Value::String(self.written(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => real.clone(),
        }
    }

    fn entry(&self, key: &str, real: &Value) -> Value {
        let known = scalar(real).filter(|_| is_drawn(key));
        let known = known.and_then(|text| self.pairs.iter().find(|(_, real)| *real == text));
        match (known, real) {
            (Some((written, _)), Value::Number(_)) => written.parse::<i64>().unwrap().into(),
            (Some((written, _)), _) => Value::String(written.clone()),
            (None, _) => self.translate(real),
        }
    }
}

/// Whether a header is compared by its form.
pub(super) fn is_drawn_header(name: &str) -> bool {
    DRAWN_HEADERS.contains(&name.to_lowercase().as_str())
}

/// What of an answer is to be shown where `written` stands: all of it, or the keys that are there.
pub(super) fn shown(written: &Value, real: &Value) -> Value {
    match (written, real) {
        (Value::Object(written), Value::Object(real)) => {
            let is_whole = !written.contains_key(REST);
            let mut kept: Map<String, Value> = real
                .iter()
                .filter(|(key, _)| is_whole || written.contains_key(*key))
                .map(|(key, value)| (key.clone(), shown(written.get(key).unwrap_or(&Value::Null), value)))
                .collect();
            if kept.len() < real.len() {
                kept.insert(REST.to_owned(), REST.into());
            }
            Value::Object(kept)
        }
        (Value::Array(written), Value::Array(real)) => {
            let is_whole = written.last().is_none_or(|last| last != REST);
            let count = if is_whole { real.len() } else { real.len().min(written.len() - 1) };
            let each = real.iter().take(count).enumerate();
            let each = each.map(|(at, value)| shown(written.get(at).unwrap_or(&Value::Null), value));
            let rest = (count < real.len()).then(|| Value::from(REST));
            each.chain(rest).collect()
        }
        _ => real.clone(),
    }
}

fn is_drawn(key: &str) -> bool {
    DRAWN.contains(&key)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What every drawn value of a kind has in common: its length, where there is neither a letter nor a digit, and
/// that it has digits only if it has.
pub(super) fn form(text: &str) -> String {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // Anywhere in base64.
    let is_base64 = !text.contains("://");
    let letter = |letter: char| match letter {
        _ if all_digits => '0',
        '+' | '/' | '=' | '-' | '_' if is_base64 => 'a',
        letter if letter.is_ascii_alphanumeric() => 'a',
        letter => letter,
    };
    text.chars().map(letter).collect()
}

/// `text` with `new` wherever `old` stands on its own.
fn replaced(text: &str, old: &str, new: &str) -> String {
    if old.len() < FAMILIAR_MIN {
        return text.to_owned();
    }
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let mut written = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let stands_alone = !is_part(before.chars().last()) && !is_part(after.chars().next());
        written.push_str(before);
        written.push_str(if stands_alone { new } else { old });
        rest = after;
    }
    written + rest
}

#[test]
fn only_what_is_drawn_may_differ() {
    use serde_json::json;
    let written = json!({"transaction_id": 12, "amount": 1, "list": [1, "…"], "a": {"b": 1, "…": "…"}});
    let real = json!({"transaction_id": 34, "amount": 1, "list": [1, 2], "a": {"b": 1, "c": 2}});
    let mut names = Names::default();
    names.learn(&written, &real);
    assert_eq!(shown(&written, &names.translate(&real)), written);
    for (key, value) in [("transaction_id", 35), ("amount", 2), ("more", 1)] {
        let mut other = real.clone();
        other[key] = value.into();
        assert_ne!(shown(&written, &names.translate(&other)), written, "{key}");
    }
    assert_eq!(replaced("x/abcdefghijkl/ and xabcdefghijkl", "abcdefghijkl", "y"), "x/y/ and xabcdefghijkl");
}
