//! What the source promises about itself, looked at as text.

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 500;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 5, "nothing was looked at in {folder}");
    found
}

#[test]
fn there_is_no_clock_no_network_and_no_randomness() {
    let words =
        ["std::time", "std::fs", "std::env", "TcpStream", "tokio", "getrandom", "async ", "payments::"];
    for (path, text) in sources("src") {
        let code = text.lines().take_while(|line| *line != "mod tests {");
        for line in code.map(|line| line.split("//").next().unwrap_or_default()) {
            assert!(!words.iter().any(|word| line.contains(word)), "{}: {line}", path.display());
        }
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for forbidden in ["tokio", "rand", "jiff", "hyper", "tracing", "payments"] {
        assert!(!dependencies.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_stand() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        assert!(text.lines().count() <= LINES_MAX, "{}", path.display());
    }
}
