//! Where a key may be, and what it opens: one site and nothing of any other.

use crate::harness::{Database, Gateway, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::json;

#[tokio::test]
async fn a_key_is_taken_wherever_clients_put_it() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.place(&gateway.order("1")).await;
    for (headers, query) in [
        ("api_key:KEY", ""),
        ("api-key:KEY", ""),
        ("API_KEY:KEY", ""),
        ("Api-Key:KEY", ""),
        ("api_key: KEY ", ""),
        ("authorization:Bearer KEY", ""),
        ("Authorization:bearer  KEY", ""),
        ("", "?api_key=KEY"),
        ("", "?locale=nl_NL&api_key=KEY&x="),
        ("api_key:KEY,api-key:KEY", ""),
        ("api_key:KEY,api_key:KEY", ""),
        ("api_key:KEY", "?api_key=KEY"),
        ("api_key:KEY,authorization:Bearer KEY", "?api_key=KEY&api_key=KEY"),
    ] {
        let pairs = headers.split(',').filter_map(|pair| pair.split_once(':'));
        let headers: Vec<_> = pairs.map(|(name, value)| (name, value.replace("KEY", &gateway.key))).collect();
        let sent: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let target = path("1") + &query.replace("KEY", &gateway.key);
        let answer = gateway.call_with("GET", &target, &sent, "").await;
        assert_eq!(answer.status, 200, "{headers:?} {query}: {}", answer.text);
        assert_eq!(answer.json["data"]["order_id"], "1", "{headers:?} {query}");
    }
}

#[rstest]
#[tokio::test]
async fn a_site_cannot_see_or_change_the_orders_of_another(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let other = gateway.app.create_site("Another shop", false).await.unwrap();
    let as_other = [("api_key", other.expose())];
    let placed = gateway.place(&gateway.order("mine")).await;
    gateway.customer().pay(placed["payment_url"].as_str().unwrap(), "6799990000000000011").await;
    let paid = gateway.read("mine").await;
    let open = gateway.place(&gateway.order("shared")).await;
    let cancel = json!({"status": "cancelled"}).to_string();

    let psp_id = paid["transaction_id"].to_string();
    for (method, id, body) in [
        ("GET", "mine", ""),
        ("GET", psp_id.as_str(), ""),
        ("PATCH", "mine", cancel.as_str()),
        ("PATCH", "shared", cancel.as_str()),
    ] {
        let answer = gateway.call_with(method, &path(id), &as_other, body).await;
        assert_eq!((answer.status, &answer.json["error_code"]), (404, &json!(1006)), "{method} {id}");
    }
    assert_eq!(gateway.read("mine").await, paid);
    assert_eq!(gateway.status("shared").await, "initialized/initialized");

    // The same reference is another order there, even where it is paid here.
    for id in ["shared", "mine"] {
        let order = gateway.order(id).to_string();
        let theirs = gateway.call_with("POST", "/v1/json/orders", &as_other, &order).await;
        assert_eq!(theirs.status, 200, "{}", theirs.text);
        assert_ne!(theirs.json["data"]["session_id"], open["session_id"]);
    }
    assert_eq!(gateway.call_with("PATCH", &path("shared"), &as_other, &cancel).await.status, 200);
    assert_eq!(gateway.status("shared").await, "initialized/initialized");
    gateway.pass(Millis::days(30)).await;
    assert_eq!(gateway.status("shared").await, "cancelled/null");
    assert_eq!(gateway.read("mine").await, paid);
}
