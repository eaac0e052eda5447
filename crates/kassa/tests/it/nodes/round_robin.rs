//! Every request of a customer goes to another node, and nobody notices: no card is asked for twice, and each reaches
//! the acquirer with its code.

use super::Three;
use crate::harness::{Http, Reply, Shop};
use futures_util::future::join_all;
use serde_json::json;

const KEY: &str = "roundRobinKey7Qm2Vx9Rb4T";
const CARD: &str = "4111111111111111";
const CUSTOMERS: usize = 12;
/// What a browser with scripts sends beside the card.
const SCRIPTED: &str =
    r#"{"language":"nl-NL","java":"false","depth":"30","height":"800","width":"1280","zone":"-60"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_whose_requests_arrive_anywhere_pay_as_usual() {
    let (three, shop, http) = (Three::new(KEY).await, Shop::open(KEY).await, Http::new());
    let nodes = [three.serve(0).await, three.serve(1).await, three.serve(2).await];
    let url = three.url.as_str();
    join_all((0..CUSTOMERS).map(|number| pay(&http, url, &shop, number))).await;

    let left = "left to the node that holds the card";
    let logs = nodes.iter().map(|node| std::fs::read_to_string(&node.stderr).unwrap());
    let left: usize = logs.map(|log| log.matches(left).count()).sum();
    assert!(left > 0, "every outcome was heard where the card was: nothing was tested");
    let charged = "SELECT COUNT(*) FROM simulator_authorisation WHERE response_code = '00'";
    assert_eq!(three.home.sql(charged).await, [[CUSTOMERS.to_string()]]);
    let mut heard: Vec<String> = shop
        .heard()
        .iter()
        .filter(|heard| heard.order["status"] == "completed")
        .map(|heard| heard.order["order_id"].to_string())
        .collect();
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), CUSTOMERS, "{heard:?}");
    let audit = three.home.run(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

/// Half of them have a browser that runs scripts.
async fn pay(http: &Http, url: &str, shop: &Shop, number: usize) {
    let order = json!({
        "type": "redirect", "order_id": format!("A-{number}"), "gateway": "VISA", "currency": "EUR", "amount": 1000,
        "description": "Paid anywhere",
        "payment_options": {
            "notification_url": shop.url("/notification?type=notification"),
            "redirect_url": shop.url("/thanks?type=redirect"), "cancel_url": shop.url("/cancelled"),
        },
    });
    let placed = http.call("POST", &format!("{url}/v1/json/orders"), KEY, &order.to_string()).await.unwrap();
    let page = http.open(placed.json()["data"]["payment_url"].as_str().unwrap()).await.unwrap();
    let browser = if number.is_multiple_of(2) { SCRIPTED } else { "" };
    let card = [
        ("card_number", CARD),
        ("card_holder", "A. Customer"),
        ("card_expiry", "12/35"),
        ("card_cvc", "123"),
        ("browser", browser),
    ];
    let mut page = http.submit(&page, &card).await.unwrap();
    let field = |page: &Reply, name: &str| page.attribute(&format!("input[name={name}]"), "value");
    for _ in 0..60 {
        if let Some(outcome) = page.outcome() {
            assert_eq!(outcome, "paid", "{}", page.text);
            return;
        }
        assert!(!page.has("input[name=card_number]"), "the card is asked for again: {}", page.text);
        let fields = ["creq", "cres"].map(|name| (name, field(&page, name)));
        let sent = if page.has("select[name=transStatus]") {
            http.submit(&page, &[("transStatus", "Y")]).await
        } else if let Some((name, Some(value))) = fields.iter().find(|(_, value)| value.is_some()) {
            http.submit(&page, &[(name, value.as_str())]).await
        } else if page.has("#proceed") {
            http.submit(&page, &[]).await
        } else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            http.open(page.url.as_str()).await
        };
        page = sent.unwrap();
    }
    panic!("the payment never ends: {}", page.text);
}
