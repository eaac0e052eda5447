//! The fields of a schema as a flat list, with the kind of each in words.

use serde_json::{Map, Value};

/// How deep fields are listed; deeper than any of ours.
const DEPTH_MAX: usize = 8;

/// A field, or a parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its path from the top, such as `customer.city` or `brands[].id`.
    pub(super) name: String,
    /// What it holds, in words.
    pub(super) kind: String,
    /// Whether it is always there.
    pub(super) required: bool,
    /// What it means.
    pub(super) about: String,
}

/// Reads schemas of one document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a Value);

impl<'a> Reader<'a> {
    /// Every field of `schema`, those that are always there first.
    pub(super) fn fields(self, schema: &'a Value) -> Vec<Field> {
        let mut fields = Vec::new();
        self.add(schema, "", DEPTH_MAX, &mut fields);
        fields
    }

    fn add(self, schema: &'a Value, prefix: &str, depth: usize, fields: &mut Vec<Field>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let schema = self.resolve(schema);
        if let Some(items) = schema.get("items") {
            return self.add(items, &format!("{}[].", prefix.trim_end_matches('.')), depth, fields);
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return ways(schema).for_each(|way| self.add(way, prefix, depth, fields));
        };
        let is_required = |name: &String| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name))
        };
        let (needed, free): (Vec<_>, Vec<_>) = properties.iter().partition(|(name, _)| is_required(name));
        for (name, inner) in needed.into_iter().chain(free) {
            let path = format!("{prefix}{name}");
            // Several forms of an answer may have it.
            if fields.iter().any(|field| field.name == path) {
                continue;
            }
            fields.push(Field {
                kind: self.kind(inner),
                required: is_required(name),
                about: inner["description"].as_str().unwrap_or_default().to_owned(),
                name: path.clone(),
            });
            self.add(inner, &format!("{path}."), depth, fields);
        }
    }

    /// What a value of `schema` is, in words.
    pub(super) fn kind(self, schema: &'a Value) -> String {
        let schema = self.resolve(schema);
        if let Some(title) = schema["title"].as_str() {
            return title.to_owned();
        }
        if let Some(only) = schema.get("const") {
            return format!("`{}`", plain(only));
        }
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<String> = words.iter().map(|word| format!("`{}`", plain(word))).collect();
            return words.join(", ");
        }
        let ways: Vec<String> = ways(schema).map(|way| self.kind(way)).collect();
        if !ways.is_empty() {
            return ways.join(" or ");
        }
        let types = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        };
        let words: Vec<String> = types.into_iter().map(|name| self.word(name, schema)).collect();
        words.join(" or ")
    }

    fn word(self, type_name: &str, schema: &'a Value) -> String {
        match type_name {
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "true or false".to_owned(),
            "null" => "`null`".to_owned(),
            "array" => match schema.get("items") {
                _ if schema["maxItems"] == 0 => "`[]`".to_owned(),
                Some(items) => format!("list of {}", self.kind(items)),
                None => "list".to_owned(),
            },
            "object" if schema.get("properties").is_none() => "`{}`".to_owned(),
            other => other.to_owned(),
        }
    }

    /// What a reference stands for.
    fn resolve(self, schema: &'a Value) -> &'a Value {
        let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        reference.and_then(|pointer| self.0.pointer(pointer)).unwrap_or(schema)
    }
}

/// The forms of which a value has one.
fn ways(schema: &Value) -> impl Iterator<Item = &Value> {
    schema.get("anyOf").and_then(Value::as_array).into_iter().flatten()
}

/// A value as it is written, a text without its quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The members of an object, or none.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_listed_with_their_paths_and_kinds() {
        let document = json!({ "here": {
            "City": { "title": "name of a city", "type": "string" },
            "Row": { "type": "object", "properties": { "id": { "const": 7 } }, "required": ["id"] },
        } });
        let schema = json!({
            "type": "object",
            "required": ["total"],
            "properties": {
                "address": { "anyOf": [
                    { "type": "object", "properties": { "city": { "$ref": "#/here/City", "description": "Where." } } },
                    { "type": "array", "maxItems": 0 },
                ] },
                "rows": { "type": "array", "items": { "$ref": "#/here/Row" } },
                "total": { "type": ["integer", "null"] },
            },
        });
        let fields = Reader(&document).fields(&schema);
        let listed: Vec<_> =
            fields.iter().map(|f| (f.name.as_str(), f.kind.as_str(), f.required, f.about.as_str())).collect();
        assert_eq!(
            listed,
            [
                ("total", "whole number or `null`", true, ""),
                ("address", "object or `[]`", false, ""),
                ("address.city", "name of a city", false, "Where."),
                ("rows", "list of object", false, ""),
                ("rows[].id", "`7`", true, ""),
            ]
        );
    }
}
