//! The official Python SDK: `python_sdk.py` has the steps, this file the gateway that they meet.
//!
//! Twice: at the address that a test is given, which the SDK permits its developers, and **unmodified**, with the host
//! name that is built into it. `docs/unmodified-clients.md` explains the second.

use super::private_hosts::PrivateHosts;
use crate::harness::{Binary, Database, Home, run};
use rstest::rstest;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The host that is built into the SDK.
const BUILT_IN: &str = "testapi.multisafepay.com";

/// What is run.
const STEPS: &[&str] = &[
    "create_and_get",
    "order_ids_of_any_spelling",
    "pay_and_validate_webhook",
    "update_to_cancelled",
    "refusals_keep_their_codes",
    "gateways",
    "payment_methods",
    "categories",
    "me",
    "direct_card_completes_at_once",
    "update_to_shipped",
    "refund_part_and_rest",
    "refund_refusals",
    "refund_by_item",
    "refund_by_shopping_cart",
    "capture_all",
    "capture_part_and_cancel_the_rest",
    "recurring_tokens",
    "transactions",
    "api_token",
    "issuers",
];

/// The Python that has the SDK, with nothing of this process's environment but the path.
fn python(arguments: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "./test says where it put the SDK")]
    let python = std::env::var("TEST_PYTHON_SDK").unwrap_or_default();
    assert!(
        Path::new(&python).is_file(),
        "TEST_PYTHON_SDK is {python:?}, not the Python that has the SDK: run ./test, which installs it"
    );
    let mut command = Command::new(python);
    command.arg("-B").args(arguments).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

/// The script with these steps.
fn script(steps: &[&str]) -> Command {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients/python_sdk.py");
    let mut command = python(&[file]);
    command.args(steps).env("KASSA_KEY", "unused").env("KASSA_BINARY", env!("CARGO_BIN_EXE_kassa"));
    command
}

/// The list of authorities that this Python trusts, with ours in it and no other, for `PYTHONPATH`. The SDK prepares
/// its requests itself, and so past `REQUESTS_CA_BUNDLE`; what it uses is the list of the package certifi.
fn trusting(authority: &Path, folder: &Path) -> PathBuf {
    let listed = run(&mut python(&["-m", "certifi"]));
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let package = Path::new(listed.stdout.trim()).parent().unwrap();
    let copy = folder.join("trust");
    fs::create_dir_all(copy.join("certifi")).unwrap();
    for file in ["__init__.py", "core.py"] {
        fs::copy(package.join(file), copy.join("certifi").join(file)).unwrap();
    }
    fs::copy(authority, copy.join("certifi/cacert.pem")).unwrap();
    copy
}

/// Runs the steps against this gateway; each has to say that it went well.
fn run_steps(command: &mut Command, binary: &Binary) {
    let ran = run(command);
    let done: Vec<&str> = ran.stdout.lines().collect();
    let expected: Vec<String> = STEPS.iter().map(|step| format!("ok {step}")).collect();
    let expected = (Some(0), expected.iter().map(String::as_str).collect());
    let log = fs::read_to_string(&binary.stderr).unwrap();
    assert_eq!((ran.code, done), expected, "{}\n{log}", ran.stderr);
}

#[test]
fn every_step_of_the_script_is_run() {
    let ran = run(&mut script(&["--list"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let listed: BTreeSet<&str> = ran.stdout.lines().collect();
    assert_eq!(listed.len(), STEPS.len(), "a step is here twice");
    assert_eq!(listed, STEPS.iter().copied().collect());
}

#[rstest]
#[tokio::test]
async fn the_python_sdk_works_at_an_address_of_ours(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    let binary = home.serve().await;
    let mut command = script(STEPS);
    command.env("KASSA_KEY", &binary.key).env("KASSA_URL", &binary.url);
    command.env("MSP_SDK_BUILD_PROFILE", "dev").env("MSP_SDK_ALLOW_CUSTOM_BASE_URL", "1");
    run_steps(&mut command, &binary);
    assert!(binary.stop().await.success());
}

/// No setting of the SDK leads it here: only the name does, and the certificate it checks has to be for that name.
#[tokio::test]
async fn the_python_sdk_works_unmodified() {
    let home = Home::new(Database::Sqlite).await.with("KASSA_TLS", "true").with("KASSA_TLS_NAMES", BUILT_IN);
    let hosts = PrivateHosts::prepare(home.folder(), &[BUILT_IN]);
    println!("{hosts:?}");
    let home = home.at(&hosts.listen());
    let mut binary = home.spawn_within(|command| hosts.server(&command));
    binary.wait_until_serving().await;
    assert_eq!(binary.url, format!("https://{BUILT_IN}"));
    let authority = home.data().join("tls/ca.pem");

    let mut stranger = script(&["me"]);
    stranger.env("KASSA_KEY", &binary.key);
    let refused = run(&mut hosts.client(&stranger, binary.pid()));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("CERTIFICATE_VERIFY_FAILED"), "{}", refused.stderr);

    let mut command = script(STEPS);
    command.env("KASSA_KEY", &binary.key).env("KASSA_CA", &authority);
    command.env("PYTHONPATH", trusting(&authority, home.folder()));
    run_steps(&mut hosts.client(&command, binary.pid()), &binary);
    assert!(binary.stop().await.success());
}
