//! The commands beside `serve`, run next to a gateway that serves.

use super::{order, place};
use crate::harness::{Database, Home, Http, Shop, bare, run, verify};
use rstest::rstest;
use serde_json::Value;
use std::time::{Duration, Instant};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pay_plays_the_customer_and_says_how_it_ended(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    let binary = home.serve().await;
    for (id, arguments, code, outcome) in [
        ("paid", &[][..], 0, "paid"),
        ("denied", &["--outcome", "N"], 2, "declined"),
        ("cancelled", &["--outcome", "cancel"], 2, "declined"),
        ("refused", &["--card", "6799990000000000029"], 2, "declined"),
        ("mistyped", &["--card", "6799990000000000012"], 2, "rejected"),
        ("held", &["--card", "6799990000000000052"], 2, "uncleared"),
    ] {
        let link = place(&binary, &binary.key, &order(id)).await;
        let ran = run(bare(&["pay", &link]).args(arguments));
        assert_eq!(ran.code, Some(code), "{id}: {ran:?}");
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["outcome"], outcome, "{id}: {report}");
        assert_eq!(report["paid"], code == 0, "{id}");
        assert_eq!(ran.stderr, "", "{id}");
    }
    assert!(binary.stop().await.success());
    let ran = run(&mut bare(&["pay", "http://127.0.0.1:1/connect/x/"]));
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(1), "", 1), "{ran:?}");
    assert!(ran.stderr.starts_with("kassa pay: "), "{ran:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_are_listed_created_and_given_new_keys(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    let binary = home.serve().await;
    let created = home.run(&["sites", "create", "--name", "Flowers & Co"]);
    assert_eq!(created.code, Some(0), "{created:?}");
    assert!(created.stdout.starts_with("Site 2: Flowers & Co\nAPI key: "), "{created:?}");
    let listed = home.run(&["sites", "list"]).stdout;
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows,
        [
            vec!["ID", "KIND", "NAME"],
            vec!["1", "test", "Test", "shop"],
            vec!["2", "test", "Flowers", "&", "Co"],
        ]
    );

    let old = key(&created.stdout);
    let shop = Shop::open(&old).await;
    let mut with_shop = order("before-the-rotation");
    with_shop["payment_options"] = serde_json::json!({"notification_url": shop.url("/notification")});
    let link = place(&binary, &old, &with_shop).await;
    let rotated = home.run(&["sites", "rotate-key", "2"]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let new = key(&rotated.stdout);
    assert_ne!(old, new);
    let url = format!("{}/v1/json/orders/before-the-rotation", binary.url);
    let revoked = || async { Http::new().call("GET", &url, &old, "").await.unwrap().status == 401 };
    let by = Instant::now() + Duration::from_secs(5);
    while !revoked().await {
        assert!(Instant::now() < by, "the old key still works, and it was to end within a second");
    }
    for (key, status) in [(&old, 401), (&new, 200), (&binary.key, 404)] {
        assert_eq!(Http::new().call("GET", &url, key, "").await.unwrap().status, status, "{key}");
    }
    assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
    let heard = shop.heard();
    assert!(heard.last().is_some_and(|heard| heard.order["status"] == "completed"), "{heard:?}");
    for heard in heard {
        assert!(!heard.verified, "signed with the old key");
        assert!(verify(&new, &heard.headers, heard.body.as_bytes()), "not signed with the new key");
    }
}

fn key(printed: &str) -> String {
    printed.trim_end().rsplit_once("API key: ").unwrap().1.to_owned()
}

#[rstest]
#[tokio::test]
async fn migrate_prepares_a_database_for_serving(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    for _ in 0..2 {
        let ran = home.run(&["migrate"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "The database is up to date.\n"), "{ran:?}");
    }
    assert!(home.serve().await.stop().await.success());
}

#[test]
fn version_and_help_are_answers() {
    let version = run(&mut bare(&["--version"]));
    assert_eq!(version.code, Some(0));
    assert_eq!(version.stdout, format!("kassa {}\n", env!("CARGO_PKG_VERSION")));
    for command in [
        "",
        "serve",
        "pay",
        "ca",
        "audit",
        "migrate",
        "sites",
        "sites create",
        "sites rotate-key",
        "keys",
        "keys add",
        "keys rotate",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = run(&mut bare(&arguments));
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(help.stdout.contains("Examples:\n"), "{command}: {}", help.stdout);
    }
    let wrong = run(&mut bare(&["bake"]));
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""), "{wrong:?}");
}
