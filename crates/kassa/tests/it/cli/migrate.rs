//! `kassa migrate --from … --to …`: a shop moves to another database and notices nothing.

use super::{order, place};
use crate::harness::{Binary, Database, Home, Http, Ran, Shop, bare, run};
use serde_json::{Value, json};
use std::fs;

const PAID: &str = "6799990000000000011";
const LISTS: &[&str] = &[
    "/v1/json/transactions?limit=100",
    "/v1/json/recurring/anna?limit=100",
    "/v1/json/events?after=0&limit=100",
    "/v1/json/gateways",
];

fn migrate(from: &str, to: &str) -> Ran {
    run(&mut bare(&["migrate", "--from", from, "--to", to]))
}

/// What a shop sees.
async fn seen(binary: &Binary, ids: &[&str]) -> Vec<Value> {
    let mut seen = Vec::new();
    let orders = ids.iter().map(|id| format!("/v1/json/orders/{id}"));
    for path in orders.chain(LISTS.iter().map(|path| (*path).to_owned())) {
        let reply = Http::new().call("GET", &format!("{}{path}", binary.url), &binary.key, "").await.unwrap();
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        seen.push(reply.json());
    }
    seen
}

async fn refund(binary: &Binary, id: &str, amount: u64) {
    let body = json!({"currency": "EUR", "amount": amount, "description": "Part"}).to_string();
    let url = format!("{}/v1/json/orders/{id}/refunds", binary.url);
    let reply = Http::new().call("POST", &url, &binary.key, &body).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Orders in every state, a refund and a card that is kept.
async fn trade(binary: &Binary, shop: &Shop) -> Vec<&'static str> {
    let cards = [("paid", PAID), ("declined", "6799990000000000037"), ("held", "6799990000000000052")];
    for (id, card) in cards {
        let mut order = order(id);
        order["description"] = json!("Größe \"é\" 😀 \\");
        order["payment_options"] = json!({"notification_url": shop.url("/notification")});
        order["recurring_model"] = json!("cardOnFile");
        order["customer"] = json!({"reference": "anna", "locale": "nl_NL"});
        let link = place(binary, &binary.key, &order).await;
        run(&mut bare(&["pay", &link, "--card", card]));
    }
    place(binary, &binary.key, &order("unpaid")).await;
    refund(binary, "paid", 100).await;
    vec!["paid", "declined", "held", "unpaid"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_moves_to_postgresql_and_back_and_notices_nothing() {
    let home = Home::new(Database::Sqlite).await.at_one_address();
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    let ids = trade(&binary, &shop).await;
    let before = seen(&binary, &ids).await;
    let server = Home::new(Database::Postgres).await.at(home.url().trim_start_matches("http://"));
    let (folder, url) = (format!("sqlite:{}", home.data().display()), server.postgres().unwrap());

    let running = migrate(&folder, url);
    assert_eq!(running.code, Some(1), "{running:?}");
    assert!(running.stderr.contains("another kassa serves from the folder"), "{running:?}");
    assert!(binary.stop().await.success());

    let moved = migrate(&folder, url);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    for table in ["shop_order ", "payment_transaction ", "movement ", "token ", "notification_attempt "] {
        let line = moved.stdout.lines().find(|line| line.starts_with(table)).unwrap();
        assert!(!line.contains(" 0  "), "nothing of it was tested: {line}");
    }
    let again = migrate(&folder, url);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("the target is not empty"), "{again:?}");

    // What came back is what was there, although in between it was another database's.
    let back = home.folder().join("back");
    fs::create_dir(&back).unwrap();
    let returned = migrate(url, &format!("sqlite:{}", back.join("kassa.db").display()));
    assert_eq!(returned.code, Some(0), "{returned:?}");
    let tables = |ran: &Ran| {
        ran.stdout.lines().filter(|line| !line.contains("copied in")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(tables(&returned), tables(&moved));

    fs::copy(home.data().join("key-encryption.key"), server.folder().join("key")).unwrap();
    let audit = server.run(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
    let binary = server.serve().await;
    assert_eq!(seen(&binary, &ids).await, before);
    refund(&binary, "paid", 200).await;
    let token = before[ids.len() + 1]["data"]["tokens"][0]["token"].as_str().unwrap();
    let mut direct = order("with a token");
    direct.as_object_mut().unwrap().remove("gateway");
    for (name, value) in [("type", "direct"), ("recurring_id", token), ("recurring_model", "cardOnFile")] {
        direct[name] = json!(value);
    }
    direct["customer"] = json!({"reference": "anna"});
    place(&binary, &binary.key, &direct).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_closed_properly_moves_completely() {
    let home = Home::new(Database::Sqlite).await;
    let mut binary = home.serve().await;
    place(&binary, &binary.key, &order("a")).await;
    binary.kill();
    let server = Home::new(Database::Postgres).await;
    let moved = migrate(&format!("sqlite:{}", home.data().display()), server.postgres().unwrap());
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let line = moved.stdout.lines().find(|line| line.starts_with("shop_order ")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("1"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_is_said() {
    let home = Home::new(Database::Sqlite).await;
    assert!(home.serve().await.stop().await.success());
    let server = Home::new(Database::Postgres).await;
    let (folder, url) = (format!("sqlite:{}", home.data().display()), server.postgres().unwrap());
    let missing = migrate("sqlite:/nowhere/kassa.db", url);
    assert!(missing.stderr.contains("there is no database at /nowhere/kassa.db"), "{missing:?}");
    for (harm, said) in [
        ("UPDATE site SET name = 'a' || char(0) || 'b'", "PostgreSQL keeps no text with a NUL character"),
        ("UPDATE site SET name = x'ff'", "it holds a Blob where Text belongs"),
        ("UPDATE site SET name = CAST(x'ff' AS TEXT)", "invalid utf-8"),
        ("UPDATE site SET name = 'a', created_at = 1.5", "it holds a Real where Int belongs"),
        ("DELETE FROM schema_migration WHERE version > 3", "the source has version 3 of the schema"),
    ] {
        home.sqlite().execute(harm, []).unwrap();
        let ran = migrate(&folder, url);
        assert_eq!(ran.code, Some(1), "{harm}: {ran:?}");
        assert!(ran.stderr.contains(said), "{harm}: {ran:?}");
    }
}
