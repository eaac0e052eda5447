//! What real clients send beside the documentation: all of it means what they mean.

use crate::harness::{Answer, Database, Gateway, path};
use serde_json::{Value, json};

const ORDERS: &str = "/v1/json/orders";

async fn place(gateway: &Gateway, order: &Value) -> Answer {
    gateway.call("POST", ORDERS, &order.to_string()).await
}

#[tokio::test]
async fn headers_and_queries_of_real_clients_change_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (at, (headers, query)) in [
        (vec![("content-type", "application/x-www-form-urlencoded")], ""),
        (vec![("content-type", "application/json; charset=UTF-8;")], ""),
        (vec![("content-type", "application/json;charset=iso-8859-1")], ""),
        (vec![("content-type", "text/plain")], ""),
        (vec![("content-type", "")], ""),
        (vec![("accept", "text/html")], ""),
        (vec![("accept-encoding", "application/json")], ""),
        (vec![("accept-encoding", "gzip, deflate")], ""),
        (vec![("cookie", "a=b"), ("origin", "https://shop.example")], ""),
        (vec![], "?locale=en_US"),
        (vec![], "?locale=en_US&locale=&%zz=%ff"),
        (vec![], "?"),
        (vec![], "/"),
        (vec![], "//?locale=en_US"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("order-{at}");
        let mut headers = headers.clone();
        headers.push(("api_key", &gateway.key));
        let order = gateway.order(&id).to_string();
        let placed = gateway.call_with("POST", &format!("{ORDERS}{query}"), &headers, &order).await;
        assert_eq!(placed.status, 200, "{headers:?} {query}: {}", placed.text);
        assert_eq!(placed.headers["content-type"], "application/json; charset=UTF-8");
        let read = gateway.call_with("GET", &(path(&id) + query), &headers, "").await;
        assert_eq!(read.status, 200, "{headers:?} {query}: {}", read.text);
        assert_eq!(read.json["data"]["amount"], 1000, "{headers:?} {query}");
    }
}

#[tokio::test]
async fn every_way_to_write_a_value_is_answered_in_the_one_documented_way() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (at, (field, sent, pointer, answered)) in [
        ("amount", r#""2300""#, "/amount", json!(2300)),
        ("amount", "100.0", "/amount", json!(100)),
        ("amount", "1.0E7", "/amount", json!(10_000_000)),
        ("amount", "0", "/amount", json!(0)),
        ("amount", "99999999999", "/amount", json!(99_999_999_999_i64)),
        ("payment_options", "[]", "/status", json!("initialized")),
        ("customer", "[]", "/customer/locale", json!("en_US")),
        ("custom_info", "[]", "/custom_info/custom_1", json!(null)),
        ("custom_info", r#"{"custom1":5}"#, "/custom_info/custom_1", json!("5")),
        ("plugin", r#"{"shop":"x","shop_version":[]}"#, "/status", json!("initialized")),
        ("gateway", "null", "/status", json!("initialized")),
        ("gateway", r#""maestro""#, "/payment_details", json!({})),
        ("type", r#""paymentlink""#, "/payment_methods", json!([])),
        ("var2", "182", "/var2", json!("182")),
        ("var3", "null", "/var3", json!(null)),
        ("description", r#""  <b>é</b>  ""#, "/description", json!("<b>é</b>")),
        (
            "customer",
            r#"{"firstname":"Zoë","phone":"020","house_number":39}"#,
            "/customer/phone1",
            json!("020"),
        ),
        (
            "customer",
            r#"{"firstname":"Zoë","phone":"020","house_number":39}"#,
            "/customer/house_number",
            json!("39"),
        ),
        ("customer", r#"{"country":"nl"}"#, "/customer/country", json!("NL")),
        ("seconds_active", r#""""#, "/status", json!("initialized")),
        ("days_active", r#""30""#, "/status", json!("initialized")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("order-{at}");
        let mut order = gateway.order(&id);
        order[field] = json!("here");
        let body = order.to_string().replace(r#""here""#, sent);
        let placed = gateway.call("POST", ORDERS, &body).await;
        assert_eq!(placed.status, 200, "{field} {sent}: {}", placed.text);
        let shown = gateway.read(&id).await;
        assert_eq!(shown.pointer(pointer), Some(&answered), "{field} {sent}: {shown}");
    }
}

#[tokio::test]
async fn an_order_id_is_answered_as_text_and_found_under_every_character() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (sent, answered) in [
        (json!(182), "182"),
        (json!(0), "0"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("182-b"), "182-b"),
        (json!("000069038"), "000069038"),
        (json!("69038"), "69038"),
        (json!("1722333.123"), "1722333.123"),
        (json!("1e3"), "1e3"),
        (json!("a/b"), "a/b"),
        (json!("/"), "/"),
        (json!("a b"), "a b"),
        (json!(" a"), " a"),
        (json!("a#b"), "a#b"),
        (json!("a?b=c&d"), "a?b=c&d"),
        (json!("a+b"), "a+b"),
        (json!("100%25"), "100%25"),
        (json!("{id}"), "{id}"),
        (json!("\"'<>\\"), "\"'<>\\"),
        (json!("é€日本😀"), "é€日本😀"),
        (json!("e\u{301}"), "e\u{301}"),
        (json!("é".repeat(50)), &"é".repeat(50)),
    ] {
        let mut order = gateway.order("");
        order["order_id"] = sent.clone();
        let placed = place(&gateway, &order).await;
        assert_eq!(placed.status, 200, "{sent}: {}", placed.text);
        assert_eq!(placed.json["data"]["order_id"], answered, "{sent}");
        assert_eq!(gateway.read(answered).await["order_id"], answered, "{sent}");
    }
    let audited = kassa::audit::audit(gateway.app.store()).await.unwrap();
    assert_eq!(audited.orders, 21, "each of them is an order of its own");
}

#[tokio::test]
async fn a_client_without_patch_says_so_in_a_header() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (method, name, value, body) in [
        ("PATCH", "x-other", "", r#"{"status":"cancelled"}"#),
        ("PATCH", "content-type", "text/plain", r#"{"status":"CANCELLED","exclude_order":true}"#),
        ("POST", "x-http-method-override", "PATCH", r#"{"status":"cancelled"}"#),
        ("POST", "X-HTTP-Method-Override", "patch", r#"{"exclude_order":1,"status":"cancelled"}"#),
    ] {
        let id = format!("{method}/{name}/{value}");
        gateway.place(&gateway.order(&id)).await;
        let headers = [("api_key", gateway.key.as_str()), (name, value)];
        let answer = gateway.call_with(method, &path(&id), &headers, body).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text);
        assert_eq!(answer.text, r#"{"success":true,"data":{}}"#, "{id}");
        assert_eq!(gateway.status(&id).await, "cancelled/null", "{id}");
    }
}

/// .NET sends a body with DELETE, and pools connections.
#[tokio::test]
async fn an_answer_that_needs_no_body_leaves_the_connection_usable() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let gateway = Gateway::start(Database::Sqlite).await;
    let address = gateway.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    for request in
        ["DELETE /v1/json/orders/x", "POST /v1/json/nowhere", "GET /v1/json/me", "POST /v1/json/orders"]
    {
        let text = format!("{request} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 2\r\n\r\n{{}}");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let read = stream.read_buf(&mut answer).await.unwrap();
            assert!(read > 0, "{request}: the connection ended after {:?}", String::from_utf8_lossy(&answer));
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 40") && !answer.contains("connection: close"), "{answer}");
    }
}
