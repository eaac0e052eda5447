//! `kassa backup`: a copy that was made while orders were placed and paid, and what can be done with it.

use crate::harness::{Database, Home, Http, Shop, bare, run};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many place orders at once, and how many pay them.
const PLACING: usize = 4;
const PAYING: usize = 2;
/// How long there is load before the backup, and how long after it began.
const LOAD: Duration = Duration::from_millis(1_500);

/// Orders that were acknowledged, with the time, and those that were paid.
#[derive(Default)]
struct Acknowledged {
    placed: Mutex<Vec<(String, Instant)>>,
    paid: Mutex<Vec<(String, Instant)>>,
    stop: AtomicBool,
}

impl Acknowledged {
    fn before(list: &Mutex<Vec<(String, Instant)>>, then: Instant) -> Vec<String> {
        let list = list.lock().unwrap();
        list.iter().filter(|(_, at)| *at < then).map(|(id, _)| id.clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_everything_that_was_acknowledged_and_adds_up() {
    let home = Home::new(Database::Sqlite).await;
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    let acknowledged = Arc::new(Acknowledged::default());
    let mut load = Vec::new();
    for worker in 0..PLACING + PAYING {
        let (url, key, known) = (binary.url.clone(), binary.key.clone(), Arc::clone(&acknowledged));
        let notify = shop.url("/notification");
        load.push(tokio::spawn(async move { work(worker, &url, &key, &notify, &known).await }));
    }
    tokio::time::sleep(LOAD).await;
    let began = Instant::now();
    let to = home.folder().join("copy.db");
    let copied = home.run(&["backup", "--to", to.to_str().unwrap()]);
    let took = began.elapsed();
    tokio::time::sleep(LOAD / 3).await;
    acknowledged.stop.store(true, Ordering::Relaxed);
    for worker in load {
        worker.await.unwrap();
    }
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert!(copied.stdout.contains("key-encryption.key is not in it"), "{}", copied.stdout);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!home.folder().join("copy.db.part").exists());

    // Restored as docs/operating.md says: the copy and the key file in a new folder.
    let restored = Home::new(Database::Sqlite).await;
    fs::create_dir(restored.data()).unwrap();
    fs::set_permissions(restored.data(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(&to, restored.data().join("kassa.db")).unwrap();
    fs::copy(home.data().join("key-encryption.key"), restored.data().join("key-encryption.key")).unwrap();
    let audit = restored.run(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");

    let placed = Acknowledged::before(&acknowledged.placed, began);
    let paid = Acknowledged::before(&acknowledged.paid, began);
    println!(
        "backup: {} orders and {} payments were acknowledged before it, it took {took:?}",
        placed.len(),
        paid.len()
    );
    assert!(placed.len() > 20 && !paid.is_empty(), "{} {}", placed.len(), paid.len());
    let database = restored.sqlite();
    let has = |sql: &str, id: &str| database.query_row(sql, [id], |row| row.get::<_, i64>(0)).unwrap() == 1;
    for id in &placed {
        assert!(has("SELECT COUNT(*) FROM shop_order WHERE order_id = ?1", id), "{id} is not in the backup");
    }
    for id in &paid {
        let sql = "SELECT COUNT(*) FROM payment_transaction WHERE order_id = ?1 AND state = 'completed'";
        assert!(has(sql, id), "{id} is not paid in the backup");
    }
    drop(database);

    let again = restored.serve().await;
    assert_eq!(again.key, binary.key, "the key opens the keys");
    let order = format!("{}/v1/json/orders/{}", again.url, paid[0]);
    let answer = Http::new().call("GET", &order, &again.key, "").await.unwrap();
    assert_eq!(answer.json()["data"]["status"], "completed");
}

/// Places orders, and pays them if it is one of those who do.
async fn work(worker: usize, url: &str, key: &str, notify: &str, known: &Acknowledged) {
    let http = Http::new();
    for number in 0.. {
        if known.stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("w{worker}-{number}");
        let order = json!({"type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR",
            "amount": 1000, "description": "An order", "payment_options": {"notification_url": notify}});
        let reply =
            http.call("POST", &format!("{url}/v1/json/orders"), key, &order.to_string()).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        known.placed.lock().unwrap().push((id.clone(), Instant::now()));
        if worker >= PLACING {
            let link = reply.json()["data"]["payment_url"].as_str().unwrap().to_owned();
            let paid = tokio::task::spawn_blocking(move || run(&mut bare(&["pay", &link]))).await.unwrap();
            assert_eq!(paid.code, Some(0), "{paid:?}");
            known.paid.lock().unwrap().push((id, Instant::now()));
        }
    }
}

#[tokio::test]
async fn a_backup_replaces_nothing_and_says_what_is_wrong() {
    let home = Home::new(Database::Sqlite).await;
    let to = home.folder().join("copy.db");
    let to = to.to_str().unwrap();
    let none = home.run(&["backup", "--to", to]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.starts_with("kassa: there is no database in "), "{}", none.stderr);
    assert!(!home.data().exists(), "nothing was created");

    home.serve().await.stop().await;
    assert_eq!(home.run(&["backup", "--to", to]).code, Some(0), "also while nobody serves");
    let kept = fs::read(to).unwrap();
    let again = home.run(&["backup", "--to", to]);
    assert_eq!(again.code, Some(1));
    assert_eq!(again.stderr, format!("kassa: {to} exists already: a backup replaces nothing\n"));
    assert_eq!(fs::read(to).unwrap(), kept);
    let nowhere = home.run(&["backup", "--to", "/nowhere/copy.db"]);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.stderr.starts_with("kassa: writing /nowhere/copy.db.part: "), "{}", nowhere.stderr);

    let postgres = Home::new(Database::Postgres).await;
    let refused = postgres.run(&["backup", "--to", "/nowhere/copy.db"]);
    assert_eq!(refused.stderr, "kassa: PostgreSQL makes its own backups: docs/operating.md says how\n");
}
