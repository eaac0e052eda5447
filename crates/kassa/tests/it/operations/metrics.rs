//! `/metrics` of the real binary: what it shows, what moves, what is never in it.

use super::exposition::Exposition;
use crate::harness::{Database, Home, Http, Shop, bare, free_address, run};
use rstest::rstest;
use serde_json::json;

/// A deployment whose metrics can be read at the address.
pub(super) async fn watched(database: Database) -> (Home, String) {
    let address = free_address();
    let home = Home::new(database).await.with("KASSA_METRICS_LISTEN", &address);
    (home, format!("http://{address}/metrics"))
}

pub(super) async fn scrape(url: &str) -> (String, Exposition) {
    let reply = Http::new().send("GET", url, &[], "").await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4");
    let read = Exposition::parse(&reply.text);
    (reply.text, read)
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_move_with_a_payment_and_hold_no_secret(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let (home, url) = watched(database).await;
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    let (_, before) = scrape(&url).await;
    assert!((before.value("kassa_build_info", &[("version", env!("CARGO_PKG_VERSION"))]) - 1.0).abs() < 0.1);
    assert!((before.value("kassa_orders_total", &[])).abs() < 0.1, "what has not happened is 0");

    let order = json!({"type": "redirect", "order_id": "secret-order", "currency": "EUR", "amount": 1000,
        "description": "An order", "payment_options": {"notification_url": shop.url("/notification?token=hidden")}});
    let orders = format!("{}/v1/json/orders", binary.url);
    let placed = Http::new().call("POST", &orders, &binary.key, &order.to_string()).await.unwrap();
    let link = placed.json()["data"]["payment_url"].as_str().unwrap().to_owned();
    assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
    for (key, path) in
        [(binary.key.as_str(), "secret-order"), ("wrong-key", "secret-order"), (&binary.key, "none")]
    {
        Http::new().call("GET", &format!("{orders}/{path}"), key, "").await.unwrap();
    }

    let (text, after) = scrape(&url).await;
    let moved = |name: &str, labels: &[(&str, &str)]| after.value(name, labels) - before.value(name, labels);
    let by = |expected: f64, name: &str, labels: &[(&str, &str)]| {
        let moved = moved(name, labels);
        assert!((moved - expected).abs() < 0.1, "{name} {labels:?} moved by {moved}\n{text}");
    };
    let (create, read) = ("/v1/json/orders", "/v1/json/orders/{id}");
    by(1.0, "kassa_http_requests_total", &[("method", "POST"), ("route", create), ("status", "200")]);
    by(1.0, "kassa_http_request_duration_seconds_count", &[("method", "POST"), ("route", create)]);
    for status in ["200", "401", "404"] {
        by(1.0, "kassa_http_requests_total", &[("route", read), ("status", status)]);
    }
    for outcome in ["placed", "completed"] {
        by(1.0, "kassa_orders_total", &[("outcome", outcome)]);
    }
    by(0.0, "kassa_orders_total", &[("outcome", "declined")]);
    let told = moved("kassa_notifications_total", &[("result", "acknowledged")]);
    assert!(told >= 1.0 && !shop.heard().is_empty());
    assert!(moved("kassa_stage_duration_seconds_count", &[("stage", "notify")]) >= told);
    for stage in ["authorise", "authenticate"] {
        by(1.0, "kassa_stage_duration_seconds_count", &[("stage", stage)]);
    }
    for stage in ["store_queue", "store_statements", "store_commit"] {
        let commits = moved("kassa_stage_duration_seconds_count", &[("stage", stage)]);
        assert!(commits >= 5.0, "{stage}: {commits}");
    }
    assert!(moved("kassa_store_writes_total", &[("result", "done")]) >= 5.0);
    by(0.0, "kassa_store_retries_total", &[]);
    assert!(moved("kassa_store_group_writes_sum", &[]) >= moved("kassa_store_group_writes_count", &[]));
    assert!((after.value("kassa_database_up", &[]) - 1.0).abs() < 0.1);
    assert!(after.value("kassa_unknown_outcomes", &[]).abs() < 0.1);
    assert!(after.value("process_resident_memory_bytes", &[]) > 1e6);
    assert!(after.value("process_cpu_seconds_total", &[]) > 0.0);
    assert!(after.value("process_open_fds", &[]) < after.value("process_max_fds", &[]));

    let session = link.split("/connect/").nth(1).unwrap().split(['/', '?']).next().unwrap();
    for secret in [binary.key.as_str(), "secret-order", session, "679999", "hidden", "wrong-key"] {
        // Without the numbers, in which anything may stand by accident.
        let mut lines = text.lines().map(|line| line.rsplit_once(' ').unwrap().0);
        assert!(lines.all(|line| !line.contains(secret)), "{secret} is shown:\n{text}");
    }
}

/// Whoever asks for many addresses makes no more series than whoever asks for one of each kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_and_methods_make_no_series() {
    let (home, url) = watched(Database::Sqlite).await;
    let binary = home.serve().await;
    let ask = async |number: u32| {
        for path in [
            format!("/v1/json/orders/order-{number}"),
            format!("/v1/json/orders/order-{number}/refunds?page={number}"),
            format!("/connect/{number}"),
            format!("/nowhere/{number}"),
            format!("/static/{number}/{number}"),
        ] {
            for method in ["GET", "POST", "BREW", "TRACE"] {
                let asked = format!("{}{path}", binary.url);
                Http::new().call(method, &asked, &binary.key, "").await.unwrap();
            }
        }
    };
    ask(0).await;
    let (_, once) = scrape(&url).await;
    for number in 1..30 {
        ask(number).await;
    }
    let (text, often) = scrape(&url).await;
    assert_eq!(once.series(), often.series(), "{text}");
    for (_, labels) in often.0["kassa_http_requests_total"].samples.keys() {
        assert!(!labels["route"].contains("order-"), "{labels:?}");
        assert!(labels["method"] != "BREW", "{labels:?}");
    }
}

/// A proxy before the gateway can show nobody what it cannot reach.
#[tokio::test]
async fn the_numbers_are_nowhere_else() {
    let (home, metrics) = watched(Database::Sqlite).await;
    let binary = home.serve().await;
    let at = |url: String| async move { Http::new().send("GET", &url, &[], "").await.unwrap() };
    assert_eq!(at(format!("{}/metrics", binary.url)).await.status, 404);
    assert_eq!(
        at(metrics.replace("/metrics", "/v1/json/orders")).await.status,
        404,
        "and nothing else is there"
    );

    let taken = metrics.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    let other = Home::new(Database::Sqlite).await;
    let second = other.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", taken]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.starts_with(&format!("kassa: listening on {taken} for metrics: ")),
        "{}",
        second.stderr
    );
}
