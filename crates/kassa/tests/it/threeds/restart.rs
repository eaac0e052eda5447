//! The process ends in the middle of an authentication, and another one goes on.

use super::*;
use crate::harness::{Home, Http, Reply, Shop};
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_restart_loses_no_step(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, PAID).await;
    let gateway = gateway.restart().await;
    let relay = gateway.proceed_at(&method).await;
    let gateway = gateway.restart().await;
    let challenge = gateway.at_issuer(&relay).await;
    let gateway = gateway.restart().await;
    let last = gateway.customer().submit(&challenge.action(), &[("transStatus", "Y")]).await;
    let end = gateway.back_from_issuer(&last).await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "{end:?}");
    assert_eq!((gateway.status("A-1").await.as_str(), gateway.charged().await), ("completed/completed", 1));
    gateway.work().await;
    gateway.audited().await;
}

impl Gateway {
    /// The same page at the address of the process that goes on.
    async fn proceed_at(&self, method: &Page) -> Page {
        self.customer().submit(&method.action(), &[]).await
    }
}

#[rstest]
#[tokio::test]
async fn a_result_that_was_kept_and_not_applied_is_applied_by_a_worker(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_for("A-1").await;
    gateway.to_issuer(&path, PAID).await;
    // As if the process had ended right after the result was kept.
    let outcome = r#"{"status":"N","frictionless":false,"reason":"01","version":"2.2.0"}"#;
    gateway.sql(&format!("UPDATE authentication SET state = 'answered', outcome = '{outcome}'")).await;
    gateway.sql("UPDATE authentication SET due_at = 0").await;
    let gateway = gateway.restart().await;
    gateway.work().await;
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    assert_eq!(gateway.kept("state").await, ["ended"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binary_killed_between_challenge_and_result_is_paid_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let key = "restartKey7Qm2Vx9Rb4Tz8Lw";
    let home = Home::new(database).await.at_one_address().with("KASSA_TEST_API_KEY", key);
    let shop = Shop::open(key).await;
    let http = Http::keeping();
    let mut binary = home.serve().await;
    let order = json!({
        "type": "redirect", "order_id": "A-1", "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
        "description": "Killed between challenge and result",
        "payment_options": {
            "notification_url": shop.url("/notification?type=notification"),
            "redirect_url": shop.url("/thanks?type=redirect"), "cancel_url": shop.url("/cancelled"),
        },
    });
    let orders = format!("{}/v1/json/orders", binary.url);
    let placed = http.call("POST", &orders, key, &order.to_string()).await.unwrap().json();
    let page = http.open(placed["data"]["payment_url"].as_str().unwrap()).await.unwrap();
    let fields = [
        ("card_number", PAID),
        ("card_holder", "A. Customer"),
        ("card_expiry", "12/35"),
        ("card_cvc", ""),
        ("browser", SCRIPTED),
    ];
    let method = http.submit(&page, &fields).await.unwrap();
    assert!(method.has("#proceed"), "{}", method.text);
    let relay = http.submit(&method, &[]).await.unwrap();
    let field = |page: &Reply, name: &str| page.attribute(&format!("input[name={name}]"), "value").unwrap();
    let challenge = http.submit(&relay, &[("creq", &field(&relay, "creq"))]).await.unwrap();
    assert!(challenge.has("select[name=transStatus]"), "{}", challenge.text);
    binary.kill();
    binary = home.serve().await;
    let last = http.submit(&challenge, &[("transStatus", "Y")]).await.unwrap();
    let end = http.submit(&last, &[("cres", &field(&last, "cres"))]).await.unwrap();
    assert_eq!(end.outcome().as_deref(), Some("paid"), "{}", end.text);
    let order = http.call("GET", &format!("{orders}/A-1"), key, "").await.unwrap().json();
    assert_eq!(order["data"]["status"], "completed", "{order}");
    assert_eq!(order["data"]["payment_details"]["card_authentication_details"]["flow"], "challenge");
    // Once more, by an impatient browser.
    let again = http.submit(&last, &[("cres", &field(&last, "cres"))]).await.unwrap();
    assert_eq!(again.outcome().as_deref(), Some("paid"));
    let audit = home.run(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
    binary.kill();
}
