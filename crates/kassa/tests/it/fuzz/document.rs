//! The OpenAPI document as the fuzzer reads it: operations by address, and whether an answer is as documented.

use serde_json::Value;
use std::collections::BTreeMap;

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    /// As it is in the document.
    pub(super) said: Value,
}

/// The document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Value,
    pub(super) operations: Vec<Operation>,
}

/// What is at an address.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Operation(&'a Operation),
    /// The path is there, with other methods.
    OtherMethods,
    Nothing,
}

impl Document {
    pub(super) fn read(root: Value) -> Self {
        let mut operations = Vec::new();
        for (path, methods) in root["paths"].as_object().unwrap() {
            for (method, said) in methods.as_object().unwrap() {
                operations.push(Operation {
                    id: said["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    said: said.clone(),
                });
            }
        }
        Self { root, operations }
    }

    /// What `$ref` stands for.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(to) => self.root.pointer(to.strip_prefix('#').unwrap()).unwrap(),
            None => schema,
        }
    }

    /// What the router should find. Fixed parts of a path win over parameters.
    pub(super) fn find(&self, method: &str, path: &str) -> Found<'_> {
        let path = if path.starts_with("/v1/json/") { path.trim_end_matches('/') } else { path };
        let sent: Vec<&str> = path.split('/').collect();
        let fits = |operation: &&Operation| {
            let parts: Vec<&str> = operation.path.split('/').collect();
            // A parameter may be empty, unless it is the last.
            let ends = sent.last() != Some(&"");
            let mut pairs = parts.iter().zip(&sent);
            ends && parts.len() == sent.len()
                && pairs.all(|(part, sent)| part.starts_with('{') || part == sent)
        };
        let fitting: Vec<&Operation> = self.operations.iter().filter(fits).collect();
        let method = if method == "HEAD" { "GET" } else { method };
        match fitting.iter().find(|operation| operation.method == method) {
            Some(operation) => Found::Operation(operation),
            None if fitting.is_empty() => Found::Nothing,
            None => Found::OtherMethods,
        }
    }

    /// Where an answer differs from its schema; the first place only. It knows the keywords that answers have, and
    /// stops at others.
    pub(super) fn difference(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let wrong = |what: &str| Some(format!("{at}: {what}: {value:.200}"));
        for (keyword, said) in schema.as_object()? {
            let found = match keyword.as_str() {
                "$ref" => self.difference(self.resolve(schema), value, at),
                "type" if !is_of(said, value) => wrong(&format!("is no {said}")),
                "const" if said != value => wrong(&format!("is not {said}")),
                "enum" if !said.as_array()?.contains(value) => wrong(&format!("is none of {said}")),
                "required" => said
                    .as_array()?
                    .iter()
                    .find(|key| value.is_object() && value.get(key.as_str().unwrap()).is_none())
                    .and_then(|key| wrong(&format!("lacks {key}"))),
                "properties" => said
                    .as_object()?
                    .iter()
                    .find_map(|(key, inner)| self.difference(inner, value.get(key)?, &format!("{at}.{key}"))),
                "additionalProperties" => self.surplus(schema, value, at),
                "items" => value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find_map(|entry| self.difference(said, entry, &format!("{at}[]"))),
                "anyOf" | "oneOf" => {
                    let differing: Vec<String> =
                        said.as_array()?.iter().filter_map(|way| self.difference(way, value, at)).collect();
                    let none = differing.len() == said.as_array()?.len();
                    none.then(|| differing.join("; "))
                }
                "allOf" => said.as_array()?.iter().find_map(|part| self.difference(part, value, at)),
                "minimum" if value.as_f64().is_some_and(|number| number < said.as_f64().unwrap()) => {
                    wrong(&format!("is below {said}"))
                }
                "maximum" if value.as_f64().is_some_and(|number| number > said.as_f64().unwrap()) => {
                    wrong(&format!("is above {said}"))
                }
                "maxItems" if value.as_array().is_some_and(|list| list.len() > size(said)) => {
                    wrong("is too long")
                }
                "minItems" if value.as_array().is_some_and(|list| list.len() < size(said)) => {
                    wrong("is too short")
                }
                "maxLength" if value.as_str().is_some_and(|text| text.chars().count() > size(said)) => {
                    wrong("is too long")
                }
                "minLength" if value.as_str().is_some_and(|text| text.chars().count() < size(said)) => {
                    wrong("is too short")
                }
                "type" | "const" | "enum" | "minimum" | "maximum" | "maxItems" | "minItems" | "maxLength"
                | "minLength" | "description" | "title" | "format" | "examples" => None,
                other => panic!("answers have the new keyword {other}"),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn surplus(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let known = schema["properties"].as_object();
        let mut more =
            value.as_object()?.keys().filter(|key| known.is_none_or(|known| !known.contains_key(*key)));
        more.next()
            .filter(|_| schema["additionalProperties"] == false)
            .map(|key| format!("{at}: has {key} as well"))
    }
}

fn size(said: &Value) -> usize {
    usize::try_from(said.as_u64().unwrap()).unwrap()
}

fn is_of(types: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    };
    match types {
        Value::Array(types) => types.iter().any(|name| one(name.as_str().unwrap())),
        name => one(name.as_str().unwrap()),
    }
}

/// The `error_code`s that an operation documents, by status.
pub(super) fn refusals(said: &Value) -> BTreeMap<u16, Vec<u64>> {
    let known = |response: &Value| {
        let codes = response.pointer("/content/application~1json/schema/properties/error_code/oneOf")?;
        Some(codes.as_array()?.iter().map(|code| code["const"].as_u64().unwrap()).collect())
    };
    let responses = said["responses"].as_object().unwrap();
    responses
        .iter()
        .filter_map(|(status, response)| Some((status.parse().unwrap(), known(response)?)))
        .collect()
}
