//! What a line of the log is about: the order and the payment, wherever the line was written.

use crate::harness::{Database, Home, Http, Shop, bare, run};
use serde_json::{Value, json};
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_say_which_order_and_payment_they_are_about() {
    let home = Home::new(Database::Sqlite).await.with("KASSA_LOG", "debug").with("KASSA_LOG_FORMAT", "json");
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    let order = json!({"type": "redirect", "order_id": "logged", "currency": "EUR", "amount": 1000,
        "description": "An order", "payment_options": {"notification_url": shop.url("/notification")}});
    let url = format!("{}/v1/json/orders", binary.url);
    let placed = Http::new().call("POST", &url, &binary.key, &order.to_string()).await.unwrap();
    let link = placed.json()["data"]["payment_url"].as_str().unwrap().to_owned();
    assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
    let read = Http::new().call("GET", &format!("{url}/logged"), &binary.key, "").await.unwrap();
    let transaction = read.json()["data"]["transaction_id"].clone();
    assert!(transaction.is_number(), "{}", read.text);

    let log = fs::read_to_string(&binary.stderr).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let about = |name: &str, wanted: &dyn Fn(&Value) -> bool| {
        let found = lines.iter().any(|line| line["span"]["name"] == name && wanted(&line["span"]));
        assert!(found, "no line of a {name} says what it is about: {log}");
    };
    let is_of_order = |span: &Value| span["order.id"] == "logged";
    about("request", &|span| span["route"] == "/v1/json/orders" && is_of_order(span));
    about("request", &|span| is_of_order(span) && span["transaction.id"] == transaction);
    about("notification", &is_of_order);
    let session = link.split("/connect/").nth(1).unwrap().split(['/', '?']).next().unwrap();
    for secret in [session, binary.key.as_str(), "6799990000000000011"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
