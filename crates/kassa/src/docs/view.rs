//! The page as data: one section for each tag of the document, in its order.

use super::fields::{Field, Reader, members, plain};
use askama::Template;
use serde_json::Value;

/// `/docs`.
#[derive(Debug, Template)]
#[template(path = "docs.html")]
pub(super) struct DocsPage<'a> {
    pub(super) version: &'a str,
    pub(super) about: Vec<Piece>,
    pub(super) sections: &'a [Section],
    /// What every address starts with, without a slash at its end.
    pub(super) base: &'a str,
}

/// A piece of running text, or of code within it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) is_code: bool,
}

/// The operations of one tag.
#[derive(Debug)]
pub(super) struct Section {
    name: String,
    about: Vec<Piece>,
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    id: String,
    method: String,
    path: String,
    title: String,
    about: Vec<Piece>,
    keyed: bool,
    parameters: Vec<Row>,
    request: Vec<Row>,
    /// The request's example, as JSON to read.
    example: Option<String>,
    /// The path with an example for every parameter in it.
    target: String,
    answers: Vec<Answer>,
    refusals: Vec<Refusal>,
}

#[derive(Debug)]
struct Row {
    name: String,
    kind: Vec<Piece>,
    required: bool,
    about: Vec<Piece>,
}

#[derive(Debug)]
struct Answer {
    status: String,
    about: Vec<Piece>,
    content_type: String,
    /// What is in its `data`.
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Refusal {
    status: String,
    about: Vec<Piece>,
    codes: Vec<(String, String)>,
}

/// The sections of an OpenAPI document.
pub(super) fn sections(document: &Value) -> Vec<Section> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| Section {
        name: text(&tag["name"]),
        about: words(&text(&tag["description"])),
        operations: operations(document, &tag["name"]),
    })
    .collect()
}

fn operations(document: &Value, tag: &Value) -> Vec<Operation> {
    let paths = members(&document["paths"]);
    let all = paths.flat_map(|(path, methods)| members(methods).map(move |(method, it)| (path, method, it)));
    let mut found: Vec<_> = all
        .filter(|(_, _, operation)| operation["tags"][0] == *tag)
        .map(|(path, method, operation)| read(document, path, method, operation))
        .collect();
    // Methods are written in the order of their use, paths in the order of their depth.
    let rank = |method: &str| ["POST", "GET", "PUT", "PATCH"].iter().position(|known| *known == method);
    found.sort_by(|a, b| {
        (&a.path, rank(&a.method).unwrap_or(9)).cmp(&(&b.path, rank(&b.method).unwrap_or(9)))
    });
    found
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let reader = Reader(document);
    let content = &operation["requestBody"]["content"]["application/json"];
    let example = content.get("example").map(|example| format!("{example:#}"));
    let (answers, refusals): (Vec<_>, Vec<_>) =
        members(&operation["responses"]).partition(|(_, response)| codes(response).is_empty());
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        title: text(&operation["summary"]),
        about: words(&text(&operation["description"])),
        keyed: operation.get("security").is_none(),
        parameters: parameters(reader, operation),
        request: reader.fields(&content["schema"]).into_iter().map(row).collect(),
        example,
        target: target(path, operation),
        answers: answers.into_iter().map(|(status, response)| answer(reader, status, response)).collect(),
        refusals: refusals
            .into_iter()
            .map(|(status, response)| Refusal {
                status: status.clone(),
                about: words(&text(&response["description"])),
                codes: codes(response),
            })
            .collect(),
    }
}

fn parameters(reader: Reader<'_>, operation: &Value) -> Vec<Row> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let shown = parameters.map(|parameter| {
        let kind = reader.kind(&parameter["schema"]);
        row(Field {
            name: text(&parameter["name"]),
            kind: format!("{kind}, in the {}", text(&parameter["in"])),
            required: parameter["required"] == true,
            about: text(&parameter["description"]),
        })
    });
    shown.collect()
}

/// The path with the examples of its parameters.
fn target(path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.fold(path.to_owned(), |path, parameter| {
        path.replace(&format!("{{{}}}", text(&parameter["name"])), &plain(&parameter["example"]))
    })
}

fn answer(reader: Reader<'_>, status: &str, response: &Value) -> Answer {
    let content = members(&response["content"]).next();
    let schema = content.map_or(&Value::Null, |(_, content)| &content["schema"]);
    let data = schema.pointer("/properties/data").unwrap_or(schema);
    Answer {
        status: status.to_owned(),
        about: words(&text(&response["description"])),
        content_type: content.map_or_else(String::new, |(content_type, _)| content_type.clone()),
        rows: reader.fields(data).into_iter().map(row).collect(),
    }
}

/// The `error_code`s of a response with their meanings; none of an answer that is no refusal.
fn codes(response: &Value) -> Vec<(String, String)> {
    let known = response.pointer("/content/application~1json/schema/properties/error_code/oneOf");
    let known = known.and_then(Value::as_array).into_iter().flatten();
    known.map(|code| (code["const"].to_string(), text(&code["description"]))).collect()
}

fn row(field: Field) -> Row {
    Row { name: field.name, kind: words(&field.kind), required: field.required, about: words(&field.about) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Text in which code stands between backticks.
pub(super) fn words(text: &str) -> Vec<Piece> {
    let pieces = text.split('`').enumerate();
    let pieces = pieces.map(|(at, text)| Piece { text: text.to_owned(), is_code: at % 2 == 1 });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::openapi;

    #[test]
    fn the_page_has_every_operation_and_every_field_of_the_document() {
        let document = openapi::document();
        let sections = sections(document);
        let shown: usize = sections.iter().map(|section| section.operations.len()).sum();
        let operations: usize =
            members(&document["paths"]).map(|(_, methods)| members(methods).count()).sum();
        assert_eq!(shown, operations);

        let page =
            DocsPage { version: "1", about: Vec::new(), sections: &sections, base: "https://pay.example" };
        let html = page.render().unwrap();
        for operation in sections.iter().flat_map(|section| &section.operations) {
            assert!(html.contains(&format!("id=\"{}\"", operation.id)), "{}", operation.id);
            assert!(!operation.target.contains(['{', '\'']), "{}", operation.target);
            assert!(operation.example.as_ref().is_none_or(|json| !json.contains('\'')), "{}", operation.id);
            let rows = operation.request.iter().chain(&operation.parameters);
            for row in rows.chain(operation.answers.iter().flat_map(|answer| &answer.rows)) {
                assert!(html.contains(&format!("<code>{}</code>", row.name)), "{}", row.name);
                assert!(!row.kind.is_empty(), "{}: {}", operation.id, row.name);
            }
        }
        for forbidden in ["<script", "style=", "http://"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn code_stands_between_backticks() {
        let piece = |text: &str, is_code| Piece { text: text.to_owned(), is_code };
        assert_eq!(
            words("`a` and `b`."),
            [piece("a", true), piece(" and ", false), piece("b", true), piece(".", false)]
        );
        assert_eq!(words(""), []);
    }
}
