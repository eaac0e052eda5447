//! The routes that are served, read off the source.

use std::collections::BTreeSet;
use std::path::Path;

/// Methods, as axum's functions are called.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Method and path of everything under `/v1/json`.
pub(super) fn served() -> BTreeSet<(String, String)> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")];
    let mut served = BTreeSet::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                routes(&std::fs::read_to_string(&path).unwrap(), &mut served);
            }
        }
    }
    served
}

fn routes(source: &str, served: &mut BTreeSet<(String, String)>) {
    let mut serve = |method: &str, path: &str| {
        if path.starts_with("/v1/json") {
            served.insert((method.to_uppercase(), path.to_owned()));
        }
    };
    for method in METHODS {
        for rest in source.split(&format!("Operation::{method}(")).skip(1) {
            if let Some((path, _)) = argument(source, rest.trim_start()) {
                serve(method, path);
            }
        }
    }
    for rest in source.split(".route(").skip(1) {
        let Some((path, rest)) = argument(source, rest.trim_start()) else { continue };
        let handlers = call(rest);
        METHODS
            .into_iter()
            .filter(|method| handlers.contains(&format!("{method}(")))
            .for_each(|method| serve(method, path));
    }
}

/// The text that a call begins with, written there or as a constant of the file, and what follows it.
fn argument<'a>(source: &'a str, rest: &'a str) -> Option<(&'a str, &'a str)> {
    if let Some(rest) = rest.strip_prefix('"') {
        return rest.split_once('"');
    }
    let (name, rest) = rest.split_once(',')?;
    let value = source.split(&format!("const {name}: &str = \"")).nth(1)?;
    Some((value.split('"').next()?, rest))
}

/// What comes before the parenthesis that closes a call.
fn call(rest: &str) -> &str {
    let mut depth = 1;
    for (at, letter) in rest.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[..at];
        }
    }
    rest
}

/// Whether a request for `path` is one for `route`.
pub(super) fn is_of(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len()
        && route.iter().zip(path).all(|(expected, part)| expected.starts_with('{') || *expected == part)
}
