//! Results that are early, late, missing, repeated or forged, and requests without a usable answer.

use super::*;
use payments::time::Millis;
use rstest::rstest;

/// Digits before the check digit: how the payment ends, and the code of a decline.
#[rstest]
#[case::asked_and_passed("679999300000010", "completed", "")]
#[case::asked_and_failed("679999300000020", "declined", "3001")]
#[case::asked_and_given_up("679999300000030", "declined", "4999")]
#[case::result_after_the_browser("679999300000011", "completed", "")]
#[case::no_result("679999300000012", "declined", "4999")]
#[case::result_twice("679999300000013", "completed", "")]
#[case::yes("510000300000100", "completed", "")]
#[case::attempted("400000300000200", "completed", "")]
#[case::no("679999300000300", "declined", "3001")]
#[case::rejected("679999300000400", "declined", "3011")]
#[case::unavailable("679999300000500", "declined", "3001")]
#[case::informational("679999300000600", "declined", "3001")]
#[case::silence("679999300000700", "declined", "3001")]
#[case::error("679999300000800", "declined", "3001")]
#[case::nonsense("679999300000900", "declined", "3001")]
#[case::newer_version("679999301000010", "completed", "")]
#[case::nineteen_digits("679999300000000010", "completed", "")]
#[tokio::test]
async fn a_card_that_spells_it_out_ends_as_spelled(
    #[case] digits: &str,
    #[case] status: &str,
    #[case] reason: &str,
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(true, false)] scripted: bool,
) {
    let gateway = Gateway::start_as(database, impatient()).await;
    let path = gateway.page_for("A-1").await;
    let number = card(digits);
    if scripted {
        let method = gateway.submit_scripted(&path, &number).await;
        let page = gateway.proceed(&method).await;
        if page.has("input[name=creq]") {
            let last = gateway.at_issuer(&page).await;
            gateway.back_from_issuer(&last).await;
        }
    } else {
        let fields = [
            ("card_number", number.as_str()),
            ("card_holder", "A. Customer"),
            ("card_expiry", "12/35"),
            ("card_cvc", "123"),
        ];
        gateway.customer().submit(&path, &fields).await;
    }
    gateway.work().await;
    let order = gateway.read("A-1").await;
    assert_eq!(order["status"], status, "{order}");
    assert_eq!(order["reason_code"].as_str().unwrap_or_default(), reason, "{order}");
    assert_eq!(gateway.charged().await, i64::from(status == "completed"));
    assert!(gateway.kept("CASE WHEN sealed IS NULL THEN 0 ELSE 1 END").await.iter().all(|kept| kept == "0"));
    gateway.audited().await;
}

/// `cardholderInfo` of an issuer that asks nothing: who has paid reads it before going back to the shop.
#[rstest]
#[tokio::test]
async fn what_the_issuer_says_to_who_has_paid_is_read_on_the_way_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, &card("400000300000200")).await;
    let page = gateway.proceed(&method).await;
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!((page.outcome.as_deref(), page.ending().as_str()), (Some("paid"), "paid"));
    let words = page.text(".issuer-says");
    assert!(words.ends_with("Sign up in its app."), "{words}");
    let back = page.attribute("a#back", "href");
    assert!(back.starts_with(&gateway.shop.url("/")) && back.contains("transactionid=A-1"), "{back}");
    // One that says nothing leads there at once.
    let path = gateway.page_for("A-2").await;
    let method = gateway.submit_scripted(&path, &card("510000300000100")).await;
    let page = gateway.proceed(&method).await;
    assert!(page.url.as_str().starts_with(&gateway.shop.url("/")), "{page:?}");
}

#[rstest]
#[tokio::test]
async fn the_first_result_decides_and_every_other_is_refused(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, impatient()).await;
    let path = gateway.page_for("A-1").await;
    let relay = gateway.to_issuer(&path, PAID).await;
    let request = creq(&relay);
    let ds = gateway.kept("ds_trans_id").await.remove(0);
    let send = async |body: String| gateway.call_with("POST", "/threeds/results", &[], &body).await.json;

    // Somebody who saw what the browser carries knows everything but the directory server's id.
    let forged = send(result(&request, "8a880dc0-d2d2-4067-bcb1-b08d1690b26e", "Y")).await;
    assert_eq!((&forged["messageType"], &forged["errorCode"]), (&json!("Erro"), &json!("301")), "{forged}");
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");

    let first = send(result(&request, &ds, "N")).await;
    assert_eq!((&first["messageType"], &first["resultsStatus"]), (&json!("RRes"), &json!("01")), "{first}");
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    for status in ["Y", "N"] {
        let again = send(result(&request, &ds, status)).await;
        assert_eq!((&again["messageType"], &again["errorCode"]), (&json!("Erro"), &json!("301")), "{again}");
        assert_eq!(again["errorDetail"], "a second result");
    }
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    assert_eq!(gateway.charged().await, 0);
    let unknown = send(result(&request, &ds, "Y").replace(request.server_trans_id.text(), &ds)).await;
    assert_eq!(unknown["errorCode"], "301");
    for (body, code) in [("", "101"), ("{}", "101"), ("{\"messageType\":\"RReq\"}", "201")] {
        let answer = send(body.to_owned()).await;
        assert_eq!((&answer["messageType"], &answer["errorCode"]), (&json!("Erro"), &json!(code)), "{body}");
    }
}

#[rstest]
#[tokio::test]
async fn a_result_pays_without_the_browser_and_before_its_challenge_never(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, PAID).await;
    let server_trans_id = gateway.kept("server_trans_id").await.remove(0);
    let any = "8a880dc0-d2d2-4067-bcb1-b08d1690b26e";
    let early = json!({
        "messageType": "RReq", "messageVersion": "2.2.0", "messageCategory": "01", "transStatus": "Y", "eci": "02",
        "threeDSServerTransID": server_trans_id, "acsTransID": any, "dsTransID": any,
        "authenticationValue": "BwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    });
    let early = gateway.call_with("POST", "/threeds/results", &[], &early.to_string()).await;
    assert_eq!(early.json["errorCode"], "301", "{}", early.text);

    let relay = gateway.proceed(&method).await;
    let challenge = gateway.at_issuer(&relay).await;
    // The browser chooses and is gone.
    gateway.call_with("POST", &challenge.action(), &[], "transStatus=Y").await;
    while gateway.status("A-1").await == "initialized/initialized" {
        gateway.work().await;
    }
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(gateway.charged().await, 1);
}

#[rstest]
#[tokio::test]
async fn a_forged_return_of_the_browser_authenticates_nobody(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, impatient()).await;
    let path = gateway.page_for("A-1").await;
    let relay = gateway.to_issuer(&path, PAID).await;
    let request = creq(&relay);
    let cres = |acs: &str| {
        let text = json!({
            "messageType": "CRes", "messageVersion": "2.2.0", "transStatus": "Y",
            "threeDSServerTransID": request.server_trans_id.text(), "acsTransID": acs,
        });
        emv3ds::base64url::encode(text.to_string())
    };
    let transaction = gateway.read("A-1").await["transaction_id"].to_string();
    let back = format!("{}return/{transaction}", path.split('?').next().unwrap());
    // Of another challenge: nothing happens at all.
    let other = cres("8a880dc0-d2d2-4067-bcb1-b08d1690b26e");
    for nothing in [other.as_str(), "", "x", "e30"] {
        gateway.customer().submit(&back, &[("cres", nothing)]).await;
        assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    }
    // Of this one, before the issuer has said anything: waited for in vain.
    let end = gateway.customer().submit(&back, &[("cres", &cres(request.acs_trans_id.text()))]).await;
    assert!(end.has(".notice[role=alert]"), "{end:?}");
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    assert_eq!(gateway.decided("A-1").await["status"], "U");
    let ds = gateway.kept("ds_trans_id").await.remove(0);
    let late = gateway.call_with("POST", "/threeds/results", &[], &result(&request, &ds, "Y")).await;
    assert_eq!(late.json["messageType"], "RRes", "too late, and answered all the same: {}", late.text);
    gateway.work().await;
    assert_eq!(gateway.status("A-1").await, "declined/declined");
    assert_eq!(gateway.charged().await, 0);
}

#[rstest]
#[tokio::test]
async fn a_challenge_ends_when_its_time_is_over_and_its_card_is_wiped(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(true, false)] worker_is_awake: bool,
) {
    let mut setup = impatient();
    setup.threeds.timers.challenge = Some(Millis::minutes(12));
    let gateway = Gateway::start_as(database, setup).await;
    let path = gateway.page_for("A-1").await;
    let relay = gateway.to_issuer(&path, PAID).await;
    let (request, ds) = (creq(&relay), gateway.kept("ds_trans_id").await.remove(0));
    gateway.pass(Millis(Millis::minutes(12).0 - 1)).await;
    assert_eq!(gateway.kept("state").await, ["challenge"]);
    gateway.clock.advance(Millis(1));
    if worker_is_awake {
        gateway.work().await;
        assert_eq!(
            gateway.kept("state || ' ' || CASE WHEN sealed IS NULL THEN 0 ELSE 1 END").await,
            ["ended 0"]
        );
    }
    let late = gateway.call_with("POST", "/threeds/results", &[], &result(&request, &ds, "Y")).await;
    assert_eq!(late.json["messageType"], "RRes", "{}", late.text);
    assert_eq!(gateway.status("A-1").await, "initialized/initialized", "the payment has its hour");
    let page = gateway.customer().open(&path).await;
    assert!(page.text(".notice p").contains("took too long"), "{page:?}");
    gateway.pass(Millis::hours(1)).await;
    assert_eq!(gateway.status("A-1").await, "expired/expired");
    assert_eq!(gateway.charged().await, 0);
    assert_eq!(gateway.kept("CASE WHEN sealed IS NULL THEN 0 ELSE 1 END").await, ["0"]);
    gateway.audited().await;
}

#[tokio::test]
async fn however_often_the_page_goes_on_the_directory_server_is_asked_once() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let path = gateway.page_for("A-1").await;
    let method = gateway.submit_scripted(&path, PAID).await;
    let (customer, action) = (gateway.customer(), method.action());
    futures_util::future::join_all((0..10).map(|_| customer.submit(&action, &[]))).await;
    assert_eq!(gateway.count("SELECT COUNT(*) FROM simulator_challenge").await, 1);
    let again = customer.open(method.url.as_str()).await;
    assert!(again.has("input[name=creq]"), "{again:?}");
}

#[tokio::test]
async fn an_attempt_that_is_replaced_takes_its_card_with_it() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let path = gateway.page_for("A-1").await;
    let first = gateway.to_issuer(&path, PAID).await;
    let ds = gateway.kept("ds_trans_id").await.remove(0);
    gateway.clock.advance(Millis(1));
    gateway.to_issuer(&path, PAID).await;
    assert_eq!(gateway.kept("CASE WHEN sealed IS NULL THEN 0 ELSE 1 END").await, ["0", "1"]);
    let late = gateway.call_with("POST", "/threeds/results", &[], &result(&creq(&first), &ds, "Y")).await;
    assert_eq!(late.json["messageType"], "RRes");
    assert_eq!(gateway.charged().await, 0);
}
