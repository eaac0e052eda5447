//! The OpenAPI document against the running server: requests made from it, right and wrong ones, and every answer
//! held against it. Schemathesis does both; see `schema/schemathesis.toml`.

mod states;

use crate::harness::{Database, Gateway, Home, Http, artifacts};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn schemathesis() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the test script says where its tools are")]
    let path = std::env::var_os("TEST_SCHEMATHESIS");
    path.expect("TEST_SCHEMATHESIS is not set: run ./test, which installs it").into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_every_route_field_and_error_of_the_document_real() {
    let home = Home::new(Database::Sqlite).await;
    let kassa = home.serve().await;
    let names = states::prepare(&kassa).await;
    // Orders that are held stay so: on a busy machine this takes longer than the three minutes of their card.
    let postpone = "UPDATE job SET due_at = due_at + 3600000 WHERE kind = 'end_review'";
    assert_eq!(home.sqlite().execute(postpone, []).unwrap(), 3);
    let reports = artifacts("schemathesis");
    let report = reports.join("report.json");
    let log = reports.join("log.txt");
    let tool = schemathesis();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/schema");
    let mut written = fs::read_to_string(folder.join("schemathesis.toml")).unwrap();
    let hooks = folder.join("hooks.py").to_str().unwrap().to_owned();
    for (name, value) in names.iter().chain([("hooks", hooks)].iter()) {
        written = written.replace(&format!("{{{name}}}"), value);
    }
    let settings = home.folder().join("schemathesis.toml");
    fs::write(&settings, written).unwrap();
    let output = fs::File::create(&log).unwrap();
    // It has been seen to hang when its server was gone. It takes two minutes alone, and five among others.
    let status = Command::new("timeout")
        .arg("900")
        .arg(tool)
        .arg("--config-file")
        .arg(settings)
        .args(["run", "--checks", "all", "--no-color", "-H"])
        .arg(format!("api_key: {}", kassa.key))
        .arg("--report-json-path")
        .arg(&report)
        .arg(format!("{}/openapi.json", kassa.url))
        // It leaves its caches where it runs.
        .current_dir(home.folder())
        .env("PYTHONHASHSEED", "0")
        .env("KASSA_URL", &kassa.url)
        .env("KASSA_API_KEY", &kassa.key)
        // Nor beside its hooks.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stderr(output.try_clone().unwrap())
        .stdout(output)
        .status()
        .expect("TEST_SCHEMATHESIS can be run");
    assert!(status.success(), "{}", fs::read_to_string(&log).unwrap());

    // Not one operation was tried in vain.
    let report: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    let document = Http::new().send("GET", &format!("{}/openapi.json", kassa.url), &[], "").await.unwrap();
    let document: Value = serde_json::from_str(&document.text).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            // It leaves the document itself out, which it has read.
            if path == "/openapi.json" {
                continue;
            }
            let name = format!("{} {path}", method.to_uppercase());
            let phases = report["valid_rates"][&name].as_object().expect(&name);
            assert!(phases.values().any(|phase| phase["accepted"].as_u64() > Some(0)), "{name}: {phases:?}");
        }
    }
    for phase in ["examples", "coverage", "fuzzing", "stateful"] {
        assert_eq!(report["phases"][phase]["status"], "success", "{phase}");
    }
}

/// A method that is not documented does not exist, and 405 says which do.
#[tokio::test]
async fn what_is_not_documented_is_not_there() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let document =
        Http::new().send("GET", &format!("{}/openapi.json", gateway.url), &[], "").await.unwrap().json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "CHEESE"] {
            let answer = gateway.call(method, path, "{}").await;
            if operations.get(method.to_lowercase()).is_some() {
                assert_ne!(answer.status, 405, "{method} {path}: {}", answer.text);
                continue;
            }
            assert_eq!((answer.status, &answer.json["error_code"]), (405, &json!(1000)), "{method} {path}");
            let allowed = answer.headers["allow"].to_str().unwrap().to_lowercase();
            let mut allowed: Vec<&str> = allowed.split(',').filter(|method| *method != "head").collect();
            allowed.sort_unstable();
            assert_eq!(allowed, operations.as_object().unwrap().keys().collect::<Vec<_>>(), "{path}");
        }
    }
}
