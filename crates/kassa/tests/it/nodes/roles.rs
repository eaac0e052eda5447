//! What a node does by its roles, and how it leaves.

use crate::harness::{Binary, Database, Home, Http, Reply, Shop};
use serde_json::json;
use std::time::Duration;

const KEY: &str = "rolesKey4Vx8Qm2Zt6Rb1Lw9";

async fn open(http: &Http, node: &Binary, path: &str) -> Reply {
    http.send("GET", &format!("{}{path}", node.url), &[("api_key", KEY)], "").await.unwrap()
}

async fn serve(home: &Home, role: &str) -> Binary {
    let mut node = home.spawn_within(|mut command| {
        command.env("KASSA_ROLE", role);
        command
    });
    node.wait_until_serving().await;
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_answers_its_own_and_together_they_are_a_gateway() {
    let home = Home::new(Database::Postgres).await.with("KASSA_TEST_API_KEY", KEY);
    let (http, shop) = (Http::new(), Shop::open(KEY).await);
    let api = serve(&home, "api").await;
    let pages = serve(&home, "pages").await;
    let worker = serve(&home, "worker").await;
    for node in [&api, &pages, &worker] {
        assert_eq!(open(&http, node, "/health/live").await.status, 200);
        assert_eq!(open(&http, node, "/health/ready").await.status, 200);
    }
    for (node, has) in [(&api, true), (&pages, false), (&worker, false)] {
        for path in ["/v1/json/gateways", "/openapi.json", "/docs"] {
            let answer = open(&http, node, path).await;
            assert_eq!(answer.status, if has { 200 } else { 404 }, "{path} of {}", node.url);
            assert!(
                has || answer.json()["error_code"] == 1_006 || answer.json()["success"] == false,
                "{}",
                answer.text
            );
        }
    }

    let order = json!({
        "type": "redirect", "order_id": "A-1", "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
        "description": "Paid through three processes",
        "payment_options": {
            "notification_url": shop.url("/notification?type=notification"),
            "redirect_url": shop.url("/thanks?type=redirect"), "cancel_url": shop.url("/cancelled"),
        },
    });
    let orders = format!("{}/v1/json/orders", api.url);
    let placed = http.call("POST", &orders, KEY, &order.to_string()).await.unwrap();
    let link = placed.json()["data"]["payment_url"].as_str().unwrap().to_owned();
    let path = link.strip_prefix(&api.url).unwrap();
    for node in [&api, &worker] {
        let page = open(&http, node, path).await;
        assert_eq!(page.status, 404);
        assert!(page.text.contains("<html"), "people are told on a page: {}", page.text);
    }

    let form = http.open(&format!("{}{path}", pages.url)).await.unwrap();
    let card = [
        ("card_number", "6799990000000000011"),
        ("card_holder", "A. Customer"),
        ("card_expiry", "12/35"),
        ("card_cvc", "123"),
    ];
    let challenge = http.submit(&form, &card).await.unwrap();
    let paid = http.submit(&challenge, &[("transStatus", "Y")]).await.unwrap();
    assert_eq!(paid.outcome().as_deref(), Some("paid"), "{}", paid.text);
    assert_eq!(open(&http, &api, "/v1/json/orders/A-1").await.json()["data"]["status"], "completed");
    assert!(!shop.heard().is_empty(), "the worker told the shop while the customer was held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_drains_serves_on_and_is_not_ready() {
    let home =
        Home::new(Database::Postgres).await.with("KASSA_TEST_API_KEY", KEY).with("KASSA_DRAIN_MS", "600000");
    let http = Http::new();
    let mut node = home.serve().await;
    assert_eq!(open(&http, &node, "/health/ready").await.status, 200);
    node.terminate();
    let mut ready = open(&http, &node, "/health/ready").await;
    while ready.status == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        ready = open(&http, &node, "/health/ready").await;
    }
    assert_eq!((ready.status, ready.text.as_str()), (503, "about to stop\n"));
    assert_eq!(open(&http, &node, "/health/live").await.status, 200);
    assert_eq!(open(&http, &node, "/v1/json/gateways").await.status, 200, "who comes all the same is served");
    assert_eq!(home.sql("SELECT roles FROM node").await, [["api,pages,worker"]]);
    // Somebody is in a hurry.
    node.terminate();
    assert!(node.ended().await.success());
    assert!(home.sql("SELECT id FROM node").await.is_empty(), "it said good-bye");
}
