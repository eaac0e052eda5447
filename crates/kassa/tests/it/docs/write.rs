//! JSON as people like to read it: what fits on a line stays on one.

use super::answer::REST;
use serde_json::{Map, Value};

/// The longest line.
const WIDTH: usize = 110;
/// What every answer begins with; the other keys follow as they are answered, sorted.
const FIRST: [&str; 2] = ["success", "data"];

/// `value` in lines of at most [`WIDTH`] where that is possible.
pub(super) fn json(value: &Value) -> String {
    let mut text = String::new();
    put(&mut text, value, 0, 0);
    text
}

/// Appends `value`; `used` is how much of the line is taken.
fn put(text: &mut String, value: &Value, indent: usize, used: usize) {
    let line = line_of(value);
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(object) => {
            sorted(object).into_iter().map(|(key, value)| (format!("\"{key}\": "), value)).collect()
        }
        Value::Array(list) => list.iter().map(|value| (String::new(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    // With a comma behind it.
    if parts.is_empty() || used + line.chars().count() < WIDTH {
        text.push_str(&line);
        return;
    }
    let (open, close) = if value.is_object() { ("{", "}") } else { ("[", "]") };
    let blanks = " ".repeat(indent + 2);
    text.push_str(open);
    // A list of words is filled like a paragraph.
    let is_paragraph = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    let mut taken = WIDTH;
    for (at, (key, value)) in parts.iter().enumerate() {
        let part = line_of(value).chars().count() + 2;
        let stays = is_paragraph && taken + part < WIDTH;
        text.push_str(if at == 0 { "" } else { "," });
        if stays {
            text.push(' ');
            taken += part;
        } else {
            text.push('\n');
            text.push_str(&blanks);
            taken = indent + part;
        }
        text.push_str(key);
        put(text, value, indent + 2, indent + 2 + key.chars().count());
    }
    text.push('\n');
    text.push_str(&blanks[2..]);
    text.push_str(close);
}

fn line_of(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let each =
                sorted(object).into_iter().map(|(key, value)| format!("\"{key}\": {}", line_of(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(line_of).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(key, _)| (key.as_str() == REST, place(key)));
    members
}
