//! The documentation for merchants is true: every request in `docs/api` is made, every answer there is compared,
//! every route is shown, and what `docs/compatibility.md` says of tests is so.
//!
//! A request is a fenced block of `http`, its answer the next block: of `json` when it is a 200, of `http` with the
//! status and the headers that matter otherwise. Each file is played in order against a gateway of its own, whose
//! clock stands at 2026-11-22 13:00 in Amsterdam. What is no call of the API is told in a comment, see [`play`].
//! An answer may leave keys out and says so with `"…": "…"`. What a gateway draws, see [`answer`], is compared by its
//! form, and stays the same value in all of a file.
//!
//! `TEST_DOCS_WRITE=1 cargo test -p kassa --test it -- docs` writes the answers that differ anew.

mod answer;
mod compatibility;
mod markdown;
mod play;
mod routes;
mod write;

use markdown::Document;
use play::Play;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the documentation is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Every file of `docs/api`.
fn documents() -> Vec<Document> {
    let files = std::fs::read_dir(folder().join("api")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    files.sort();
    files.iter().map(|path| Document::read(path)).collect()
}

fn is_to_be_written() -> bool {
    #[expect(clippy::disallowed_methods, reason = "whoever changed an answer says that it is meant")]
    let wish = std::env::var("TEST_DOCS_WRITE");
    wish.is_ok_and(|wish| wish == "1")
}

#[tokio::test]
async fn every_request_in_the_documentation_is_answered_as_it_says() {
    let mut faults = Vec::new();
    for mut document in documents() {
        let differences = Play::of(&mut document).await;
        if is_to_be_written() {
            document.write();
        } else {
            faults.extend(differences);
        }
    }
    assert!(
        faults.is_empty(),
        "{}\n\nIf the program is right: TEST_DOCS_WRITE=1 cargo test -p kassa --test it -- docs",
        faults.join("\n\n")
    );
}

#[test]
fn every_route_of_the_api_is_documented_with_a_request() {
    let served = routes::served();
    assert!(served.len() > 20, "the routes were found: {served:?}");
    let documents = documents();
    let shown: Vec<_> = documents.iter().flat_map(Document::requests).collect();
    let is_shown = |method: &str, route: &str| {
        shown.iter().any(|request| request.method == method && routes::is_of(route, &request.path()))
    };
    let missing: BTreeSet<_> = served.iter().filter(|(method, route)| !is_shown(method, route)).collect();
    assert!(missing.is_empty(), "not in docs/api: {missing:#?}");
}

#[test]
fn every_code_of_an_error_is_in_the_table() {
    let source = std::fs::read_to_string(folder().join("../crates/kassa/src/api/error.rs")).unwrap();
    let numbers = source.split("const ").filter_map(|rest| rest.split_once(": u32 = ")?.1.split_once(';'));
    let codes: Vec<_> = numbers.map(|(code, _)| code).collect();
    assert!(codes.len() > 15, "the codes were found: {codes:?}");
    let readme = std::fs::read_to_string(folder().join("api/README.md")).unwrap();
    for code in codes {
        assert!(
            readme.contains(&format!("\n| {code} |")),
            "{code} is not in the table of docs/api/README.md"
        );
    }
}

#[test]
fn every_test_card_is_in_the_guide_to_testing() {
    let source = std::fs::read_to_string(folder().join("../crates/kassa/src/simulator/cards.rs")).unwrap();
    let guide = std::fs::read_to_string(folder().join("api/testing.md")).unwrap();
    let table = source.split("static CARDS").nth(1).unwrap().split("];").next().unwrap();
    let is_number = |text: &&str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Vec<_> = table.split('"').filter(is_number).collect();
    assert!(numbers.len() > 20, "the cards were found: {numbers:?}");
    for number in numbers {
        assert!(guide.contains(&format!("\n| `{number}` |")), "{number} is not in docs/api/testing.md");
    }
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut files = vec![folder().join("../README.md")];
    files.extend(["compatibility.md", "nodes.md"].map(|name| folder().join(name)));
    files.extend(documents().into_iter().map(|document| document.path));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if path.contains("://") {
                continue;
            }
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(target.exists(), "{} leads to {path}, which is not there", file.display());
            if !anchor.is_empty() {
                let known = markdown::anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(known.contains(anchor), "{}: {link} is not there", file.display());
            }
        }
    }
}
