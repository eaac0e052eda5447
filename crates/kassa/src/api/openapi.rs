//! What we serve, as OpenAPI 3.1: one document, made from the same list of operations as the router.
//!
//! # Adding an operation
//!
//! In the file of its resource, add it to `operations()`; that is also what makes it reachable:
//!
//! ```text
//! Operation::patch("/v1/json/orders/{id}", "updateOrder", update)   // method, path, operationId, handler
//!     .doc(Tag::Orders, "Cancel an order", "Longer text, or \"\".")
//!     .path("id", any_text, "my-order-id-1", "What {id} is.")       // every {name} of the path
//!     .query("locale", any_text, "en_US", "What it does.")          // every query parameter that is read
//!     .body("UpdateOrder", schema, example)                         // fn() -> Value each, beside the parser
//!     .answers::<Updated>("What came of it.")                       // Serialize + JsonSchema, the `data` of 200
//!     .versioned()                                                  // if the answer tells an order's version
//!     .refuses(404, &[error::ORDER_ID])                             // every status and code of its own
//! ```
//!
//! - Answers: derive `Serialize` and `JsonSchema` on the struct that is really serialised, and pass it to
//!   [`error::success`]. A doc comment on a field becomes its description. Answers are
//!   closed: a field that is not in the struct fails the test.
//! - Requests: write the schema with the pieces of [`super::schema`], from the constants the parser uses. It has to
//!   say all that the parser takes and nothing else; the test sends both.
//! - A new file's `operations()` goes into [`super::operations`].
//!
//! `tests/it/schema.rs` sends requests made from the document, right and wrong ones, and holds every answer
//! against it. It names the operation and prints a `curl` line for every difference.

use super::error::{self, CODES, Refusal};
use super::operation::{Answer, Content, Operation, Parameter, Place, Tag};
use super::{idempotency, schema};
use crate::router;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The operation of this document.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/openapi.json", "getOpenApi", serve)
            .doc(Tag::Service, "This document", "OpenAPI 3.1 of everything on this page.")
            .open()
            .answer(Answer {
                status: 200,
                about: "An OpenAPI 3.1 document.",
                content: Content::Json(|| {
                    schema::object(vec![
                        schema::required("openapi", "The version of OpenAPI.", json!({ "const": OPENAPI })),
                        schema::required("info", "Title and version.", json!({ "type": "object" })),
                        schema::required("paths", "Every operation.", json!({ "type": "object" })),
                    ])
                }),
            }),
    ]
}

const OPENAPI: &str = "3.1.1";

async fn serve() -> Response {
    error::answer(StatusCode::OK, error::write(document()))
}

/// The document.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| build(&super::operations()));
    &DOCUMENT
}

fn build(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let described = describe(operation, &mut generator);
        paths.entry(operation.path).or_default().insert(operation.method.as_str().to_lowercase(), described);
    }
    let mut answered: Map<String, Value> = generator.take_definitions(true);
    answered.values_mut().for_each(close);
    let requests = operations.iter().filter_map(|operation| operation.body.as_ref());
    let requests = requests.map(|body| (body.name, (body.schema)())).chain(schema::components());
    let mut schemas: Map<String, Value> = Map::new();
    for (name, schema) in requests.map(|(name, schema)| (name.to_owned(), schema)).chain(answered) {
        let other = schemas.insert(name.clone(), schema.clone()).filter(|other| *other != schema);
        assert!(other.is_none(), "two schemas are called {name}");
    }
    let tags: Vec<Value> =
        Tag::ALL.iter().map(|tag| json!({ "name": tag.name(), "description": tag.about() })).collect();
    json!({
        "openapi": OPENAPI,
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Kassa",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "security": [{ "key" : [] }, { "dashed_key": [] }, { "bearer": [] }, { "query_key": [] }],
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": key_places() },
    })
}

const ABOUT: &str = "A payment gateway. Every answer under `/v1/json` is JSON in an envelope: `success` and \
    `data`, and for a refusal also `error_code` and `error_info`. Amounts are whole minor units (cents for EUR). \
    Times are on the wall clock of the site. Requests are read leniently: unknown keys and parameters are ignored, \
    `null` counts as not there, a body is read as JSON whatever its content type says. A body has at most 256 KiB \
    and 32 levels. A client that cannot send PATCH sends POST with the header `X-HTTP-Method-Override: PATCH`. With a header \
    `Idempotency-Key` a request that is sent again has its effect once.";

/// Where a key may be. One place is enough; in several, it has to be the same key.
fn key_places() -> Value {
    json!({
        "key": { "type": "apiKey", "in": "header", "name": "api_key", "description": "The site's API key." },
        "dashed_key": {
            "type": "apiKey", "in": "header", "name": "api-key",
            "description": "The same, for proxies that drop names with an underscore.",
        },
        "bearer": { "type": "http", "scheme": "bearer", "description": "The same, as a bearer token." },
        "query_key": {
            "type": "apiKey", "in": "query", "name": "api_key",
            "description": "The same, for clients that can set no header. Addresses end up in logs: avoid it.",
        },
    })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag.name()],
        "summary": operation.title,
        "responses": responses(operation, generator),
    });
    if !operation.about.is_empty() {
        described["description"] = operation.about.into();
    }
    if !operation.keyed {
        described["security"] = json!([]);
    }
    let repeatable = operation.is_repeatable().then(idempotency::parameter);
    let parameters: Vec<Value> = operation.parameters.iter().chain(&repeatable).map(parameter).collect();
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = &operation.body {
        let content = json!({ "schema": schema::named(body.name), "example": (body.example)() });
        described["requestBody"] = json!({ "required": true, "content": { JSON: content } });
    }
    described
}

const JSON: &str = "application/json";

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": match parameter.place { Place::Path => "path", Place::Query => "query", Place::Header => "header" },
        "required": parameter.place == Place::Path,
        "description": parameter.about,
        "schema": (parameter.schema)(),
        "example": parameter.example,
    })
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in &operation.answers {
        responses.insert(answer.status.to_string(), response(operation, answer, generator));
    }
    for (status, codes) in refusals(operation) {
        let known = CODES.iter().filter(|(code, _)| codes.contains(code));
        let known: Vec<Value> =
            known.map(|(code, meaning)| json!({ "const": code, "description": meaning })).collect();
        let envelope = schema_of::<Refusal<'static>>(generator);
        let schema = json!({ "allOf": [envelope], "properties": { "error_code": { "oneOf": known } } });
        let mut response =
            json!({ "description": meaning(status), "content": { JSON: { "schema": schema } } });
        if status == 429 {
            response["headers"] = json!({ "Retry-After": {
                "required": true, "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 },
            } });
        }
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

/// Everything that the operation may refuse with: its own codes, and what comes with its kind.
fn refusals(operation: &Operation) -> BTreeMap<u16, BTreeSet<u32>> {
    let mut refusals: BTreeMap<u16, BTreeSet<u32>> = BTreeMap::new();
    let mut add = |status, codes: &[u32]| refusals.entry(status).or_default().extend(codes);
    add(500, &[error::INTERNAL]);
    // Whoever watches over the gateway is answered however much there is to do.
    if !router::is_health(operation.path) {
        add(429, &[error::UNKNOWN]);
    }
    if operation.keyed {
        add(401, &[error::API_KEY]);
    }
    if operation.is_repeatable() {
        add(400, &[error::MISSING_DATA]);
        add(413, &[error::UNKNOWN]);
        // An `Idempotency-Key` in flight, and one of another request.
        add(409, &[error::UNKNOWN]);
        add(422, &[error::UNKNOWN]);
    }
    for (status, codes) in &operation.refusals {
        add(*status, codes);
    }
    refusals
}

fn response(operation: &Operation, answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let (content_type, schema) = match &answer.content {
        Content::Envelope(data) => {
            let data: Value = data(generator).into();
            let envelope = json!({
                "type": "object",
                "properties": { "success": { "const": true }, "data": data },
                "required": ["success", "data"],
                "additionalProperties": false,
            });
            (JSON, envelope)
        }
        Content::Whole(whole) => (JSON, whole(generator).into()),
        Content::Json(schema) => (JSON, schema()),
        Content::Text(content_type) => (*content_type, json!({ "type": "string" })),
    };
    let mut response =
        json!({ "description": answer.about, "content": { content_type: { "schema": schema } } });
    if operation.versioned {
        response["headers"]["Kassa-Order-Version"] = json!({
            "required": true,
            "description": "The order's version, which `wait_version` of `getOrder` is compared with.",
            "schema": { "type": "integer", "minimum": 0 },
        });
    }
    if operation.is_repeatable() {
        response["headers"]["Idempotent-Replayed"] = json!({
            "description": "There when this is the answer of an earlier request with the same `Idempotency-Key`.",
            "schema": { "const": "true" },
        });
    }
    for link in &operation.links {
        let to = &mut response["links"][link.to];
        to["operationId"] = link.to.into();
        to["parameters"][link.parameter] = format!("$response.body#/data{}", link.from).into();
    }
    response
}

fn schema_of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What a status says by itself.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request breaks a rule; `error_info` names the field.",
        401 => "No API key, a wrong one, or two different ones.",
        403 => "The site may not do this.",
        404 => "There is no such thing.",
        409 => "The state of things does not allow it.",
        410 => "It was there and is gone.",
        413 => "The body is larger than 256 KiB.",
        422 => "The idempotency key was used for another request.",
        429 => "Too many requests; `Retry-After` says when to come back.",
        500 => "A fault of the gateway.",
        _ => "Refused.",
    }
}

/// Answers hold what their structs hold and nothing else, and what may be left out is never null: a struct says
/// `Option` for both, and leaves out what is `None` or writes it as null.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("type") == Some(&json!("object")) {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
                let required = members.get("required").cloned().unwrap_or_default();
                let required: Vec<&str> =
                    required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if let Some(Value::Object(properties)) = members.get_mut("properties") {
                    let free = properties.iter_mut().filter(|(name, _)| !required.contains(&name.as_str()));
                    free.for_each(|(_, property)| take_null_away(property));
                }
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn take_null_away(schema: &mut Value) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
    }
    if let Some(Value::Array(ways)) = schema.get_mut("anyOf") {
        ways.retain(|way| way["type"] != "null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_all_there_is_to_say() {
        let operations = super::super::operations();
        let mut ids = BTreeSet::new();
        for operation in &operations {
            let id = operation.id;
            assert!(ids.insert(id), "{id} is there twice");
            assert!(!operation.title.is_empty() && !operation.answers.is_empty(), "{id}");
            let named: Vec<&str> =
                operation.path.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect();
            let places = operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
            let places: Vec<&str> = places.map(|parameter| parameter.name).collect();
            assert_eq!(places, named, "{id}");
            for code in refusals(operation).into_values().flatten() {
                assert!(CODES.iter().any(|(known, _)| *known == code), "{id}: {code}");
            }
        }
        let links = operations.iter().flat_map(|operation| &operation.links);
        assert!(links.map(|link| link.to).all(|to| ids.contains(to)));
    }

    /// Every `$ref` leads somewhere.
    #[test]
    fn the_document_refers_to_nothing_that_is_missing() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(to)) = members.get("$ref") {
                        found.insert(to.clone());
                    }
                    members.values().for_each(|member| references(member, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let mut found = BTreeSet::new();
        references(document(), &mut found);
        for reference in &found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document().pointer(pointer).is_some(), "{reference}");
        }
        let schemas = document()["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            assert!(found.contains(&format!("#/components/schemas/{name}")), "nobody uses {name}");
        }
    }
}
