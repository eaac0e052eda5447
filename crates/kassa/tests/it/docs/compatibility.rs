//! `docs/compatibility.md`: each of its rows names what proves it, so that the table cannot lie.
//!
//! | Column | What has to be so |
//! |---|---|
//! | first | `METHOD /path` is served, or in the second table is not; every route that is served is in a row |
//! | third | the source is there |
//! | fourth | every test is there, runs, and one of them is where the source's name suggests |

use super::{folder, routes};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the tests of a source are that does not have its name.
const ELSEWHERE: [(&str, &str); 14] = [
    // What can be said about an order by itself is told apart by subject.
    ("src/api.rs", "tests/it/api/"),
    ("src/api/orders.rs", "tests/it/api/"),
    ("src/api/create_order.rs", "tests/it/api/"),
    ("src/api/account.rs", "tests/it/api/gateways.rs"),
    ("src/api/api_token.rs", "tests/it/api/lists.rs"),
    ("src/api/auth.rs", "tests/it/api/keys.rs"),
    ("src/api/create_order/cart.rs", "tests/it/api/carts.rs"),
    ("src/api/create_order/template.rs", "tests/it/pages/template.rs"),
    ("src/api/disputes.rs", "tests/it/api/chargebacks.rs"),
    ("src/api/notifications.rs", "tests/it/notifications/resend.rs"),
    ("src/api/recurring.rs", "tests/it/api/tokens.rs"),
    ("src/main.rs", "tests/it/clients/"),
    ("src/notify.rs", "tests/it/notifications/"),
    ("src/worker.rs", "tests/it/outcomes/timers.rs"),
];

/// One line of a table.
#[derive(Debug)]
struct Row {
    routes: Vec<(String, String)>,
    sources: Vec<String>,
    tests: Vec<String>,
    line: String,
}

/// The rows below a heading.
fn rows(heading: &str) -> Vec<Row> {
    let text = std::fs::read_to_string(folder().join("compatibility.md")).unwrap();
    let section = text.split(&format!("\n## {heading}\n")).nth(1).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Endpoint"));
    lines.map(Row::read).collect()
}

impl Row {
    fn read(line: &str) -> Self {
        let codes = line.split('`').skip(1).step_by(2).map(str::to_owned);
        let (tests, rest): (Vec<_>, Vec<_>) = codes.partition(|code| code.starts_with("tests/it/"));
        let sources = rest.iter().filter(|code| code.starts_with("src/")).cloned().collect();
        let route = |code: &String| {
            let (method, path) = code.split_once(" /")?;
            let is_method = method.bytes().all(|byte| byte.is_ascii_uppercase());
            is_method.then(|| (method.to_owned(), unnamed(&format!("/v1/json/{path}"))))
        };
        let routes = rest.iter().filter_map(route).collect();
        Self { routes, sources, tests, line: line.to_owned() }
    }

    /// What is named and not there, or not where it belongs.
    fn faults(&self) -> Vec<String> {
        let untested = self.tests.is_empty().then(|| "no test is named".to_owned());
        let missing =
            self.tests.iter().filter(|test| !runs(test)).map(|test| format!("there is no test {test}"));
        let unserved = self.sources.is_empty().then(|| "no source is named".to_owned());
        let misplaced = self.sources.iter().filter_map(|source| {
            if !package().join(source).exists() {
                return Some(format!("there is no {source}"));
            }
            let elsewhere = ELSEWHERE.iter().find(|(known, _)| known == source);
            let stem = source.trim_start_matches("src/").trim_end_matches(".rs");
            let expected =
                elsewhere.map_or_else(|| format!("tests/it/{stem}"), |(_, tests)| (*tests).to_owned());
            let is_there = self.tests.iter().any(|test| test.starts_with(&expected));
            (!is_there).then(|| format!("none of the tests is in {expected}"))
        });
        let what = self.line.split('|').nth(1).unwrap_or_default().trim();
        untested
            .into_iter()
            .chain(missing)
            .chain(unserved)
            .chain(misplaced)
            .map(|fault| format!("{what}: {fault}"))
            .collect()
    }
}

/// A route without the names of what varies in it.
fn unnamed(route: &str) -> String {
    let part = |part| if str::starts_with(part, '{') { "{}" } else { part };
    route.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn served() -> BTreeSet<(String, String)> {
    routes::served().into_iter().map(|(method, route)| (method, unnamed(&route))).collect()
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn every_route_is_in_the_table_and_no_other() {
    let in_table: BTreeSet<_> = rows("Served").into_iter().flat_map(|row| row.routes).collect();
    let served = served();
    assert_eq!(in_table.difference(&served).collect::<Vec<_>>(), Vec::<&_>::new(), "not served");
    assert_eq!(served.difference(&in_table).collect::<Vec<_>>(), Vec::<&_>::new(), "not in the table");
    for row in rows("Not offered") {
        assert!(row.routes.iter().all(|route| !served.contains(route)), "is served: {}", row.line);
    }
}

#[test]
fn every_row_is_served_somewhere_and_proved_by_a_test_that_runs() {
    let rows = rows("Served");
    assert!(rows.len() > 35, "the rows were found");
    let faults: Vec<_> = rows.iter().flat_map(Row::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether there is a test of this name in a file that is part of the test program.
fn runs(test: &str) -> bool {
    let Some((path, name)) = test.split_once("::") else { return false };
    let Ok(source) = std::fs::read_to_string(package().join(path)) else { return false };
    let lines: Vec<_> = source.lines().collect();
    let begins = |line: &&str| line.trim_start_matches("async ").starts_with(&format!("fn {name}("));
    let Some(at) = lines.iter().position(begins) else { return false };
    let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    attributes.any(|line| line.contains("test")) && is_compiled(path)
}

/// Whether each module on the way to a file declares the next one.
fn is_compiled(path: &str) -> bool {
    let modules: Vec<_> = path.trim_start_matches("tests/it/").trim_end_matches(".rs").split('/').collect();
    (0..modules.len()).all(|depth| {
        let parent = if depth == 0 { "main".to_owned() } else { modules[..depth].join("/") };
        let parent = std::fs::read_to_string(package().join(format!("tests/it/{parent}.rs"))).unwrap();
        parent.lines().any(|line| line == format!("mod {};", modules[depth]))
    })
}
