//! What a browser with scripts goes through: 3DS Method, request, challenge and the way back.

use super::*;
use emv3ds::method::MethodData;
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_payment_goes_through_method_request_challenge_and_result(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, PAID).await;
    assert_eq!(method.attribute("iframe", "name"), "threeds_method");
    assert_eq!(method.attribute("#proceed", "data-limit"), "10000");
    let policy = method.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-src 'self'"), "{policy}");
    assert_eq!(gateway.kept("state").await, ["method"]);
    assert_eq!(gateway.kept("CASE WHEN sealed IS NULL THEN 0 ELSE 1 END").await, ["1"]);

    // In the hidden frame: to the issuer, and from there to us.
    let data = method.attribute("#method input", "value");
    let done = gateway
        .customer()
        .submit(&method.attribute("#method", "action"), &[("threeDSMethodData", &data)])
        .await;
    let answer = done.attribute("input[name=threeDSMethodData]", "value");
    let id = MethodData::from_form(&answer, &server()).unwrap().server_trans_id;
    assert_eq!(gateway.kept("server_trans_id").await, [id.text()]);
    let told = gateway.customer().submit(&done.action(), &[("threeDSMethodData", &answer)]).await;
    assert!(told.has("body[data-method-done]"), "{told:?}");
    assert_eq!(told.headers["x-frame-options"], "SAMEORIGIN");

    let relay = gateway.proceed(&method).await;
    assert_eq!(gateway.kept("state").await, ["challenge"]);
    let request = creq(&relay);
    assert_eq!(request.server_trans_id, id);
    let challenge = gateway.at_issuer(&relay).await;
    assert!(challenge.has("select[name=transStatus]"), "{challenge:?}");
    let last = gateway.customer().submit(&challenge.action(), &[("transStatus", "Y")]).await;
    let end = gateway.back_from_issuer(&last).await;
    assert_eq!(end.outcome.as_deref(), Some("paid"), "{end:?}");
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    let decided = gateway.decided("A-1").await;
    assert_eq!(
        (&decided["status"], &decided["eci"], &decided["version"]),
        (&json!("Y"), &json!("02"), &json!("2.2.0"))
    );
    assert_eq!(gateway.kept("state || ' ' || CASE WHEN sealed IS NULL THEN 0 ELSE 1 END").await, ["ended 0"]);
    assert_eq!(gateway.charged().await, 1);
    gateway.work().await;
    gateway.audited().await;
}

#[tokio::test]
async fn a_method_that_is_not_there_or_never_done_is_said_to_be_so() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (digits, has_method) in
        [("679999300100000", false), ("679999300200000", true), ("679999301000000", true)]
    {
        let path = gateway.page_for(digits).await;
        let method = gateway.submit_scripted(&path, &card(digits)).await;
        assert_eq!(method.has("#method"), has_method, "{digits}");
        let challenge = gateway.at_issuer(&gateway.proceed(&method).await).await;
        assert!(challenge.has("select[name=transStatus]"), "{digits}: {challenge:?}");
        gateway.clock.advance(payments::time::Millis(1));
    }
    assert_eq!(gateway.kept("version").await, ["2.2.0", "2.2.0", "2.3.1"]);
}

#[tokio::test]
async fn whatever_a_shop_says_of_its_customer_is_no_reason_to_refuse_a_card() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let long = "x".repeat(100);
    for (id, customer) in [
        ("spaces", json!({"email": "Simon Smit <simon@example.com>"})),
        ("half", json!({"email": "simon@"})),
        ("long", json!({"email": format!("{long}{long}{long}@example.com"), "address1": long, "city": long})),
        (
            "lines",
            json!({"address1": "Kraanspoor\n39", "zip_code": "\t", "phone": "after six", "state": "a b c"}),
        ),
        ("lone", json!({"state": "NH", "phone": "+", "phone2": "+31"})),
    ] {
        let mut order = gateway.order(id);
        order["customer"] = customer.clone();
        order["delivery"] = customer;
        let session = gateway.place(&order).await["session_id"].as_str().unwrap().to_owned();
        let method = gateway.submit_scripted(&format!("/connect/{session}/"), PAID).await;
        let challenge = gateway.at_issuer(&gateway.proceed(&method).await).await;
        assert!(challenge.has("select[name=transStatus]"), "{id}: {challenge:?}");
    }
}

#[tokio::test]
async fn a_forged_end_of_the_method_counts_for_nothing() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, PAID).await;
    let other = emv3ds::ids::TransId::from_random([7; 16]);
    let forged = MethodData { server_trans_id: other, notification_url: None }.to_form();
    let address = format!("{}/method", method.url.path());
    for data in [forged.as_str(), "", "e30"] {
        let body = format!("threeDSMethodData={data}");
        assert_eq!(gateway.call_with("POST", &address, &[], &body).await.status, 404);
    }
    assert!(gateway.kept("content").await[0].contains("\"method_done\":false"));
}

#[tokio::test]
async fn a_form_of_another_site_does_not_ask_the_directory_server() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, PAID).await;
    let forged = [("sec-fetch-site", "cross-site")];
    assert_eq!(gateway.call_with("POST", &method.action(), &forged, "").await.status, 403);
    assert_eq!(gateway.kept("state").await, ["method"]);
}

#[tokio::test]
async fn a_challenge_is_framed_where_there_is_room_and_the_operator_wants_it() {
    let setup =
        Setup { threeds: threeds::Setup { framed: true, ..threeds::Setup::default() }, ..Setup::default() };
    let gateway = Gateway::start_as(Database::Sqlite, setup).await;
    for (width, height, size, name) in [
        ("1280", "800", Some(("500", "600")), "03"),
        ("640", "500", Some(("600", "400")), "04"),
        ("412", "700", Some(("390", "400")), "02"),
        ("320", "480", Some(("250", "400")), "01"),
        ("200", "300", None, "05"),
        ("", "x", None, "05"),
    ] {
        let id = format!("{width}x{height}");
        let path = gateway.page_for(&id).await;
        let method = gateway.submit_scripted(&path, PAID).await;
        let relay =
            gateway.customer().submit(&method.action(), &[("width", width), ("height", height)]).await;
        assert_eq!(serde_json::to_value(creq(&relay).window_size).unwrap(), json!(name), "{id}");
        let Some((wide, high)) = size else {
            assert!(!relay.has("iframe"));
            continue;
        };
        assert_eq!(
            (relay.attribute("iframe", "width"), relay.attribute("iframe", "height")),
            (wide.to_owned(), high.to_owned())
        );
        let challenge = gateway.at_issuer(&relay).await;
        assert!(!challenge.headers.contains_key("x-frame-options"), "{id}");
        let last = gateway.customer().submit(&challenge.action(), &[("transStatus", "Y")]).await;
        let out = gateway.back_from_issuer(&last).await;
        assert!(out.has("a[data-top]"), "{out:?}");
        let end = gateway.customer().open(&out.attribute("a[data-top]", "href")).await;
        assert_eq!(end.outcome.as_deref(), Some("paid"));
    }
}

#[tokio::test]
async fn what_the_issuer_says_is_shown_as_text() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (id, scripted) in [("scripted", true), ("not", false)] {
        let path = gateway.page_for(id).await;
        let number = card("679999300000300");
        let page = if scripted {
            let method = gateway.submit_scripted(&path, &number).await;
            gateway.proceed(&method).await
        } else {
            gateway.customer().pay_with(&path, &number).await
        };
        let notice = page.text(".notice p");
        assert!(
            notice.contains("Your bank says:") && notice.contains("Call the number on the back"),
            "{notice}"
        );
        assert_eq!(gateway.status(id).await, "declined/declined");
    }
}
