//! What is packaged fits what is built: the numbers that alerts and dashboard ask for are shown, everything is said in
//! `docs/operating.md`, and every file that the package takes is there.

use super::exposition::Exposition;
use super::metrics::{scrape, watched};
use crate::harness::{Database, Home, Http, bare, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// A gateway with a link that is down and a payment that is done, so that everything has been counted once.
async fn everything_counted() -> (Home, Exposition) {
    let (home, url) = watched(Database::Sqlite).await;
    let config = home.folder().join("kassa.toml");
    let acquirer = r#"
        [[acquirer]]
        name = "example"
        address = "127.0.0.1:9"
        acquirer_id = "525000"
        country = "528"
        merchant_category = "5732"
        city = "Utrecht"
        country_letters = "NLD"
        currencies = ["EUR"]
        site = [{ id = 2, terminal_id = "TERM0001", merchant_id = "MERCHANT0000001" }]
    "#;
    fs::write(&config, acquirer).unwrap();
    let home = home.with("KASSA_CONFIG", config.to_str().unwrap());
    home.serve().await.stop().await;
    assert_eq!(home.run(&["sites", "create", "--name", "Second"]).code, Some(0));
    let binary = home.serve().await;
    let order =
        json!({"type": "redirect", "order_id": "one", "currency": "EUR", "amount": 1000, "description": "x"});
    let orders = format!("{}/v1/json/orders", binary.url);
    let placed = Http::new().call("POST", &orders, &binary.key, &order.to_string()).await.unwrap();
    let link = placed.json()["data"]["payment_url"].as_str().unwrap().to_owned();
    assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
    let (_, shown) = scrape(&url).await;
    (home, shown)
}

/// Every query: those of the alerts, and those of the dashboard.
fn queries() -> Vec<String> {
    let alerts = text("packaging/prometheus/alerts.yml");
    let without_comments: Vec<&str> = alerts.lines().filter(|line| !line.trim().starts_with('#')).collect();
    let mut found = vec![without_comments.join("\n")];
    let dashboard: Value = serde_json::from_str(&text("packaging/grafana/kassa.json")).unwrap();
    let mut open = vec![&dashboard];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(query) if ["expr", "definition"].contains(&name.as_str()) => {
                            found.push(query.clone());
                        }
                        value => open.push(value),
                    }
                }
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(found.len() > 30, "the dashboard has many queries");
    found
}

/// The names of metrics in a query, each with the labels that it is asked by.
fn asked(query: &str) -> Vec<(String, Vec<(String, String)>)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let starts = query.match_indices(is_part).map(|(at, _)| at);
    let starts = starts.filter(|at| !query[..*at].ends_with(is_part));
    let words = starts.map(|at| {
        let rest = &query[at..];
        let name = rest.split(|letter| !is_part(letter)).next().unwrap();
        let labels =
            rest[name.len()..].strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
        let labels = labels.split(',').filter_map(|label| {
            let (name, value) = label.split_once("=\"")?;
            Some((name.to_owned(), value.trim_end_matches('"').to_owned()))
        });
        (name.to_owned(), labels.collect())
    });
    words
        .filter(|(name, _): &(String, _)| name.starts_with("kassa_") || name.starts_with("process_"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_and_dashboard_ask_for_what_is_shown_and_all_of_it_is_explained() {
    let (_home, shown) = everything_counted().await;
    let names = shown.names();
    let manual = text("docs/operating.md");
    let mut used = BTreeSet::new();
    for query in queries() {
        for (name, labels) in asked(&query) {
            assert!(names.contains(&name), "{name} is not shown: {query}");
            for (label, value) in labels.iter().filter(|(label, _)| label != "job" && label != "instance") {
                let has = |(known, of): &(String, std::collections::BTreeMap<String, String>)| {
                    *known == name && of.get(label) == Some(value)
                };
                // A status or result that has not been seen yet is fine, a label that does not exist is not.
                let by_label = |(known, of): &(String, std::collections::BTreeMap<String, String>)| {
                    *known == name && of.contains_key(label)
                };
                let series: Vec<_> = shown.0.values().flat_map(|family| family.samples.keys()).collect();
                assert!(series.iter().any(|series| by_label(series)), "{name} has no {label}: {query}");
                let drawn =
                    ["result", "outcome", "stage", "state", "event", "route"].contains(&label.as_str());
                assert!(
                    !drawn || series.iter().any(|series| has(series)),
                    "{name} has no {label}={value}: {query}"
                );
            }
            used.insert(name);
        }
    }
    assert!(used.len() > 25, "{used:?}");
    for name in shown.0.keys() {
        assert!(manual.contains(&format!("`{name}`")), "docs/operating.md does not explain {name}");
    }
    let alerts = text("packaging/prometheus/alerts.yml");
    let alerts: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 15);
    for alert in alerts {
        assert!(
            manual.contains(&format!("`{alert}`")),
            "docs/operating.md does not say what to do about {alert}"
        );
    }
}

#[test]
fn every_file_that_the_debian_package_takes_is_there() {
    let manifest: toml::Table = text("crates/kassa/Cargo.toml").parse().unwrap();
    let package = &manifest["package"]["metadata"]["deb"];
    for asset in package["assets"].as_array().unwrap() {
        let path = asset[0].as_str().unwrap();
        let is_built = path.starts_with("target/");
        let folder = root().join("crates/kassa").join(Path::new(path).parent().unwrap());
        let there = if path.contains('*') {
            folder.is_dir()
        } else {
            root().join("crates/kassa").join(path).is_file()
        };
        assert!(is_built || there, "{path}");
    }
    let settings = root().join("packaging/debian/kassa.toml");
    let missing =
        run(&mut bare(&["audit", "--config", settings.to_str().unwrap(), "--data-dir", "/nowhere"]));
    assert!(missing.stderr.starts_with("kassa: there is no database in /nowhere"), "{}", missing.stderr);
}

#[test]
fn systemd_understands_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("kassa.service");
    let text = text("packaging/systemd/kassa.service");
    assert!(text.contains("ExecStart=/usr/bin/kassa serve"));
    fs::write(&unit, text.replace("/usr/bin/kassa", "/bin/true")).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&unit).output() {
        Err(_) => eprintln!("skipped: there is no systemd-analyze here"),
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stderr);
            let own: Vec<&str> = text.lines().filter(|line| line.contains("kassa.service")).collect();
            assert!(said.status.success() && own.is_empty(), "{text}");
        }
    }
}
