//! `/sites/{id}`: what a site says about itself, and what follows from changing it.

use crate::harness::{Database, Gateway, path};
use rstest::rstest;
use serde_json::{Value, json};

const SITE: &str = "/v1/json/sites/1";

fn about() -> Value {
    json!({
        "account_id": 1, "id": 1, "name": "Test shop", "notification_url": null, "support_email": null,
        "support_phone": null, "url": null,
    })
}

#[rstest]
#[tokio::test]
async fn what_is_sent_changes_and_the_rest_stays(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut expected = about();
    assert_eq!(gateway.fetch("GET", SITE, &json!("")).await, expected);
    for (body, changed) in [
        (json!({"name": " Zoë's & Søn "}), json!({"name": "Zoë's & Søn"})),
        (
            json!({"url": "https://shop.example/", "support_email": "help@shop.example", "other": 1}),
            json!({"url": "https://shop.example/", "support_email": "help@shop.example"}),
        ),
        (json!({"support_phone": 31201234567_u64}), json!({"support_phone": "31201234567"})),
        (json!({"url": "", "name": null, "support_email": null}), json!({"url": null})),
        (json!([]), json!({})),
    ] {
        expected.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        assert_eq!(gateway.fetch("PATCH", SITE, &body).await, expected, "{body}");
        assert_eq!(gateway.fetch("GET", SITE, &json!("")).await, expected, "{body}");
    }
    let posted = gateway
        .call_with(
            "POST",
            SITE,
            &[("api_key", &gateway.key), ("x-http-method-override", "PATCH")],
            r#"{"name":"By POST"}"#,
        )
        .await;
    assert_eq!((posted.status, &posted.json["data"]["name"]), (200, &json!("By POST")));
    assert_eq!(gateway.call("POST", SITE, "{}").await.status, 405);
}

#[rstest]
#[tokio::test]
async fn later_notifications_go_to_the_new_url(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_url"] = json!("");
    gateway.place(&order).await;
    gateway.fetch("PATCH", &path("A-1"), &json!({"status": "cancelled"})).await;
    gateway.work().await;
    assert_eq!(gateway.shop.heard().len(), 0, "nobody to tell");
    let url = gateway.shop.url("/notification?of=site");
    gateway.fetch("PATCH", SITE, &json!({"notification_url": url})).await;
    order["order_id"] = json!("A-2");
    gateway.place(&order).await;
    gateway.fetch("PATCH", &path("A-2"), &json!({"status": "cancelled"})).await;
    gateway.work().await;
    let heard = gateway.shop.heard();
    let told = heard.iter().find(|heard| heard.query("transactionid").as_deref() == Some("A-2")).unwrap();
    assert_eq!((told.query("of").as_deref(), told.verified), (Some("site"), true));
}

#[rstest]
#[tokio::test]
async fn a_change_with_a_key_happens_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let headers = [("api_key", gateway.key.as_str()), ("idempotency-key", "change-1")];
    let first = gateway.call_with("PATCH", SITE, &headers, r#"{"name":"One"}"#).await;
    assert_eq!(first.status, 200, "{}", first.text);
    gateway.fetch("PATCH", SITE, &json!({"name": "Two"})).await;
    let again = gateway.call_with("PATCH", SITE, &headers, r#"{"name":"One"}"#).await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(gateway.fetch("GET", SITE, &json!("")).await["name"], "Two");
    let other = gateway.call_with("PATCH", SITE, &headers, r#"{"name":"Three"}"#).await;
    assert_eq!(other.status, 422, "{}", other.text);
}

#[tokio::test]
async fn another_site_is_not_there_and_nonsense_changes_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.app.create_site("Another shop", false).await.unwrap();
    for target in ["/v1/json/sites/2", "/v1/json/sites/01", "/v1/json/sites/x", "/v1/json/sites/%ff"] {
        for (method, body) in [("GET", ""), ("PATCH", r#"{"name":"Mine"}"#)] {
            let answer = gateway.call(method, target, body).await;
            let expected =
                json!({"success": false, "data": {}, "error_code": 1000, "error_info": "Not found"});
            assert_eq!((answer.status, answer.json), (404, expected), "{method} {target}");
        }
    }
    let long = |count: usize| "x".repeat(count);
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": long(121)}), "name"),
        (json!({"name": ["x"]}), "name"),
        (json!({"support_email": "nobody"}), "support_email"),
        (json!({"support_email": format!("@{}", long(100))}), "support_email"),
        (json!({"support_phone": long(101)}), "support_phone"),
        (json!({"url": "shop.example"}), "url"),
        (json!({"notification_url": "ftp://shop.example/"}), "notification_url"),
        (json!({"notification_url": "https://user:password@shop.example/"}), "notification_url"),
        (json!({"notification_url": 7}), "notification_url"),
        (json!({"price_till": 100_000, "name": "Limited"}), "price_till"),
        (json!("name"), "request body"),
    ] {
        let answer = gateway.call("PATCH", SITE, &body.to_string()).await;
        assert_eq!(
            (answer.status, &answer.json["error_code"]),
            (400, &json!(1016)),
            "{body}: {}",
            answer.text
        );
        let info = answer.json["error_info"].as_str().unwrap();
        assert!(info.starts_with(&format!("Invalid {field}: ")), "{body}: {info}");
    }
    assert_eq!(gateway.fetch("GET", SITE, &json!("")).await, about());
    assert_eq!(gateway.call_with("GET", SITE, &[], "").await.status, 401);
}
