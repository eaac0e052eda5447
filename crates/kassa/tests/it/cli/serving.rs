//! A gateway that serves: how it stops, and how it rests.

use super::{order, place};
use crate::harness::{Database, Home, Http, Manners, Shop, bare, run};
use rstest::rstest;
use std::time::{Duration, Instant};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_answers_what_is_under_way_and_ends(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await.with("KASSA_PAGE_WAIT_MS", "1500");
    let mut binary = home.serve().await;
    let link = place(&binary, &binary.key, &order("under-way")).await;
    // A page that waits: the acquirer never answers for this card.
    let waiting = tokio::spawn(async move {
        let http = Http::new();
        let page = http.open(&link).await.unwrap();
        let card = [
            ("card_number", "6799990000000000128"),
            ("card_holder", "A. Customer"),
            ("card_expiry", "12/35"),
            ("card_cvc", "123"),
        ];
        let page = http.submit(&page, &card).await.unwrap();
        http.submit(&page, &[("transStatus", "Y")]).await
    });
    let mut orders = Http::new();
    wait_until_moving(&mut orders, &binary.url, &binary.key, &home).await;
    let told = Instant::now();
    binary.terminate();
    let answered = waiting.await.unwrap().expect("the request under way is answered");
    assert_eq!(answered.status, 200);
    assert!(answered.has("meta[http-equiv=refresh]"), "the page that says: being checked: {}", answered.text);
    assert_eq!(binary.ended().await.code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(8), "it took {:?}", told.elapsed());
    assert_eq!(home.run(&["audit"]).code, Some(0));
}

/// Until the customer's payment is with the acquirer, and its page is waiting.
async fn wait_until_moving(http: &mut Http, url: &str, key: &str, home: &Home) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = http.call("GET", &format!("{url}/v1/json/orders/under-way"), key, "").await.unwrap();
        if reply.json()["data"]["transaction_id"].is_number() {
            break;
        }
        assert!(Instant::now() < deadline, "nothing moves: {} {home:?}", reply.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_rests_while_a_shop_takes_its_time(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await.with("KASSA_NOTIFY_HOLD_MS", "0");
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    shop.behave(Manners::Hang);
    let mut order = order("slow-shop");
    order["payment_options"] = serde_json::json!({"notification_url": shop.url("/notification")});
    let link = place(&binary, &binary.key, &order).await;
    assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
    assert!(!shop.heard().is_empty(), "the shop has been asked and does not answer");
    // What the payment left to do takes as long as the machine makes it; what turns in circles never ends.
    let mut seen = Vec::new();
    while seen.len() < 10 {
        let before = wakes(binary.pid());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let woken = wakes(binary.pid()) - before;
        if woken < 300 {
            return;
        }
        seen.push(woken);
    }
    panic!("wakes in three seconds each, with nothing to do: {seen:?}");
}

#[tokio::test]
async fn a_second_process_does_not_serve_from_the_same_folder() {
    let home = Home::new(Database::Sqlite).await;
    let first = home.serve().await;
    let second = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.starts_with("kassa: another kassa serves from the folder "), "{}", second.stderr);
    assert_eq!(second.stderr.lines().count(), 1);
    assert_eq!(home.run(&["audit"]).code, Some(0), "other commands may look");
    drop(first);
    home.serve().await;
}

/// How often the threads of a process went to sleep so far.
fn wakes(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok())
        .map(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
        })
        .sum()
}
