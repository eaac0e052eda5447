//! The binary at its command line: what a first start prints, what a wrong setting gets, what the commands do.

mod acquirer;
mod audit;
mod bench;
mod commands;
mod https;
mod keys;
mod migrate;
mod mistakes;
mod serving;

use crate::harness::{Binary, Database, Home, Http, Ran, bare, run};
use rstest::rstest;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

fn text(path: &std::path::Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs a command as it was printed.
fn shell(command: &str) -> Ran {
    run(Command::new("sh").args(["-c", command]))
}

/// Places an order of this site; its payment link.
async fn place(binary: &Binary, key: &str, order: &Value) -> String {
    let url = format!("{}/v1/json/orders", binary.url);
    let reply = Http::new().call("POST", &url, key, &order.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["data"]["payment_url"].as_str().unwrap().to_owned()
}

fn order(id: &str) -> Value {
    json!({"type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
        "description": "An order"})
}

#[tokio::test]
async fn a_first_start_creates_what_it_needs_and_later_starts_say_the_same() {
    let home = Home::new(Database::Sqlite).await.at_one_address();
    let first = home.serve().await;
    assert_eq!(first.url, home.url());
    assert_eq!(first.key.len(), 40, "a drawn key");
    let greeting = text(&first.stdout);
    for part in ["Test shop", "curl -s", "/v1/json/orders", "payment_url", "6799990000000000011", "kassa pay"]
    {
        assert!(greeting.contains(part), "{part} is missing: {greeting}");
    }
    assert_eq!(mode(&home.data()), 0o700);
    assert_eq!(mode(&home.data().join("key-encryption.key")), 0o600);
    assert!(home.data().join("kassa.db").is_file());
    let key_file = text(&home.data().join("key-encryption.key"));
    assert!(first.stop().await.success());

    let second = home.serve().await;
    assert_eq!(text(&second.stdout), greeting);
    assert_eq!(text(&home.data().join("key-encryption.key")), key_file);
    assert!(second.stop().await.success());
}

#[rstest]
#[tokio::test]
async fn the_printed_commands_run_as_they_are(#[values("false", "true")] tls: &str) {
    let found = shell("command -v curl");
    assert_eq!(found.code, Some(0), "curl is missing: apt-get install curl");
    // A key may have any printable character, those of the shell included.
    let key = r#"it's-"$HOME"-`id`-\'!"#;
    let binary = Home::new(Database::Sqlite).await.with("KASSA_TEST_API_KEY", key).with("KASSA_TLS", tls);
    let binary = binary.serve().await;
    assert_eq!(binary.key, key);
    let greeting = text(&binary.stdout);
    let commands: Vec<&str> =
        greeting.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(commands.len(), 2, "{greeting}");
    for command in commands {
        let ran = shell(&format!(r"{command} -w '\n%{{http_code}}'"));
        let (body, status) = ran.stdout.rsplit_once('\n').unwrap_or_else(|| panic!("{command}: {ran:?}"));
        assert_eq!(status, "200", "{command}: {ran:?}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["success"], true, "{body}");
        assert_eq!(body["data"]["order_id"], "my-order-id-1", "{body}");
    }
}

#[tokio::test]
async fn the_test_key_is_set_by_the_first_start_only() {
    let home = Home::new(Database::Sqlite).await.with("KASSA_TEST_API_KEY", "the-first-key");
    let first = home.serve().await;
    assert_eq!(first.key, "the-first-key");
    place(&first, "the-first-key", &order("one")).await;
    assert!(first.stop().await.success());

    let home = home.with("KASSA_TEST_API_KEY", "another-key");
    let second = home.serve().await;
    assert_eq!(second.key, "the-first-key");
    place(&second, "the-first-key", &order("two")).await;
    let url = format!("{}/v1/json/orders/one", second.url);
    assert_eq!(Http::new().call("GET", &url, "another-key", "").await.unwrap().status, 401);
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kassa.toml");
    fs::write(&file, "public_url = 'https://file.example'\nlisten = '127.0.0.1:0'").unwrap();
    for (variable, flag, wins) in [
        (None, None, "https://file.example"),
        (Some("https://variable.example"), None, "https://variable.example"),
        (Some("https://variable.example"), Some("https://flag.example"), "https://flag.example"),
    ] {
        let mut command = bare(&["serve", "--config", file.to_str().unwrap(), "--data-dir"]);
        command.arg(folder.path().join("data"));
        variable.map(|url| command.env("KASSA_PUBLIC_URL", url));
        flag.map(|url| command.args(["--public-url", url]));
        let [output, log] = ["output", "log"].map(|name| folder.path().join(name));
        command.stdout(fs::File::create(&output).unwrap()).stderr(fs::File::create(&log).unwrap());
        let mut binary = Binary::of(command.spawn().unwrap(), output, log);
        binary.wait_until_serving().await;
        assert_eq!(binary.url, wins);
        assert!(binary.stop().await.success());
    }
}
