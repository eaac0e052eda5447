//! What the source promises about itself, looked at as text.

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 800;

/// A source file: its path from `crates/`, and its text.
struct Source {
    path: String,
    text: String,
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below `folder`.
fn sources(folder: &str) -> Vec<Source> {
    let mut open = vec![crates().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(crates()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "nothing was looked at in {folder}");
    found
}

/// The lines of code of `folder` that hold one of `words`, outside of the files in `allowed`.
fn offences(folder: &str, words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut offences = Vec::new();
    for Source { path, text } in sources(folder) {
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        if is_test || allowed.contains(&path.as_str()) {
            continue;
        }
        // A file's own tests come last.
        let code = text.lines().take_while(|line| *line != "mod tests {");
        for (number, line) in code.enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                offences.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    offences
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_stand() {
    let crates = ["payments", "iso8583", "kassa"];
    let files = crates
        .into_iter()
        .flat_map(|name| ["src", "tests"].map(|folder| sources(&format!("{name}/{folder}"))));
    let long = files.flatten().map(|source| (source.text.lines().count(), source.path));
    let long: Vec<_> = long.filter(|(lines, _)| *lines > LINES_MAX).collect();
    assert_eq!(long, []);
}

#[test]
fn only_the_drivers_know_which_database_it_is() {
    let words = ["Postgres", "Sqlite", "rusqlite", "tokio_postgres", "deadpool"];
    let allowed = [
        "kassa/src/store/copy.rs",
        "kassa/src/store/copy/embedded.rs",
        "kassa/src/store/copy/server.rs",
        "kassa/src/store/db.rs",
        "kassa/src/store/postgres.rs",
        "kassa/src/store/postgres/failure.rs",
        "kassa/src/store/postgres/lane.rs",
        "kassa/src/store/postgres/rows.rs",
        "kassa/src/store/postgres/server.rs",
        "kassa/src/store/postgres/tls.rs",
        "kassa/src/store/postgres/together.rs",
        "kassa/src/store/postgres/witness.rs",
        "kassa/src/store/sqlite.rs",
        "kassa/src/store/backup.rs",
        // Where an operator says which it is.
        "kassa/src/cli/migrate.rs",
        "kassa/src/cli/open.rs",
        "kassa/src/config/database.rs",
        // Both are measured.
        "kassa/src/bench/data.rs",
        "kassa/src/bench/plan.rs",
    ];
    assert_eq!(offences("kassa/src", &words, &allowed), Vec::<String>::new());
    assert!(!offences("kassa/src", &words, &[]).is_empty(), "the words are the ones that are used");
}

/// A route that is added by hand would be in no document.
#[test]
fn every_route_of_the_api_is_an_operation() {
    // What is not offered has paths of its own, and nothing else.
    let allowed = ["kassa/src/api/operation.rs", "kassa/src/api/not_offered.rs"];
    let words = ["Router::new()", ".route(", "routing::"];
    assert_eq!(offences("kassa/src/api", &words, &allowed), Vec::<String>::new());
    assert!(!offences("kassa/src/api", &words, &[]).is_empty(), "the words are the ones that are used");
}

#[test]
fn payments_has_no_clock_no_network_and_no_formats() {
    let words = ["std::time", "std::net", "std::fs", "std::env", "tokio", "serde", "getrandom", "async "];
    assert_eq!(offences("payments/src", &words, &[]), Vec::<String>::new());
    let manifest = fs::read_to_string(crates().join("payments/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for forbidden in ["tokio", "serde", "rand", "jiff", "chrono", "hyper", "tracing"] {
        assert!(!dependencies.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn iso8583_has_no_clock_no_network_and_no_payments() {
    let words = ["std::time", "std::net", "std::fs", "std::env", "std::io", "tokio", "payments", "async "];
    assert_eq!(offences("iso8583/src", &words, &[]), Vec::<String>::new());
}

#[test]
fn every_file_of_tests_is_part_of_a_test() {
    for Source { path, .. } in sources("kassa/tests").into_iter().chain(sources("kassa/src")) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let module = name.trim_end_matches(".rs");
        if matches!(name, "main.rs" | "lib.rs") {
            continue;
        }
        let parents = [format!("{folder}.rs"), format!("{folder}/main.rs"), format!("{folder}/lib.rs")];
        let declared = parents.iter().filter_map(|parent| fs::read_to_string(crates().join(parent)).ok());
        let declared = declared.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        let found = declared.filter(|line| line.trim_end().ends_with(&format!("mod {module};"))).count();
        assert_eq!(found, 1, "{path} is declared by nobody");
    }
}

/// The planted bugs of `./test --planted` still fit the source, so that none is missed because it was not there.
#[test]
fn every_planted_bug_can_be_planted() {
    let root = crates().parent().unwrap().to_owned();
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.current_dir(&root).args(arguments).output().is_ok_and(|ran| ran.status.success())
    };
    if !git(&["rev-parse", "--is-inside-work-tree"]) {
        eprintln!("this is no git work tree: nothing can be planted");
        return;
    }
    let folder = crates().join("kassa/tests/planted");
    let patches: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(patches.len() >= 10, "{patches:?}");
    for patch in patches {
        assert!(git(&["apply", "--check", patch.to_str().unwrap()]), "{} no longer applies", patch.display());
    }
}
