//! `kassa pay` against a small gateway in this process.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use clap::Parser;

use super::*;

const CARD: &str = "6799990000000000011";
const SHOP: &str = "https://shop.example/thanks?transactionid=7";
const FORM: &str = "<form method=post action='../card?lang=nl'>
    <input type=hidden name=csrf value=t0k3n>
    <input name=number autocomplete=cc-number><input name=holder autocomplete=cc-name>
    <input name=expiry autocomplete=cc-exp><input name=code autocomplete=cc-csc>
    <button>Pay</button></form>";
const CHALLENGE: &str = "<form method=post action=/answer><input type=hidden name=id value=3>
    <select name=transStatus><option>Y<option>N<option>U<option>A<option>R<option>cancel</select>
    <button>Submit</button></form>";

/// What customers sent, as `path cookie body`, and the result of a card.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

type Gateway = State<Arc<Seen>>;

/// Starts the gateway and gives back its origin.
async fn gateway() -> (String, Arc<Seen>) {
    let page = |body: &'static str| get(move || async move { Html(body) });
    let seen = Arc::new(Seen::default());
    let router = Router::new()
        .route("/connect/open/", get(async || ([("set-cookie", "visit=v1; Path=/; HttpOnly")], Html(FORM))))
        .route("/connect/moved/", get(async || redirect("/connect/open/?lang=nl", None)))
        .route("/connect/loop/", get(async || redirect("/connect/loop/", None)))
        .route("/connect/silent/", get(async || redirect(SHOP, None)))
        .route("/connect/paid/", get(async || (StatusCode::GONE, Html("<body data-outcome=already-paid>"))))
        .route("/connect/get/", page("<form><input autocomplete=cc-number name=n></form>"))
        .route(
            "/connect/evil/",
            page("<form method=post action='//evil.example'><input autocomplete=cc-number>"),
        )
        .route("/connect/forever/", page("<meta http-equiv=refresh content=0>"))
        .route(
            "/connect/relay/",
            page("<form method=post action=/answer><input type=hidden name=cres value=x></form>"),
        )
        .route("/connect/short/", page("<form><select name=transStatus><option>Q</select></form>"))
        .route("/challenge", page(CHALLENGE))
        .route(
            "/declined",
            page(concat!(
                "<p role=alert>The card 6799 9900 0000 0000 011 was declined.</p>",
                "<form method=post><input autocomplete=cc-number></form>"
            )),
        )
        .route(
            "/rejected",
            page(
                "<form method=post><input autocomplete=cc-number><input autocomplete=cc-csc
            aria-invalid=true aria-describedby=why><i id=why>123 is not a code</i></form>",
            ),
        )
        .route("/checking/1", page("<meta http-equiv=refresh content='0;url=/checking/2'>"))
        .route("/checking/2", page("<a id=continue href=3>Continue</a>"))
        .route(
            "/checking/3",
            page("<body data-outcome=paid><a id=continue href='https://shop.example/'>Shop</a>"),
        )
        .route("/shop", page("Thank you"))
        .route("/", page("Welcome"))
        .route("/connect/card", post(card))
        .route("/answer", post(answer))
        .with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, seen)
}

fn redirect(target: &'static str, outcome: Option<&'static str>) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [("location", target)]).into_response();
    if let Some(word) = outcome {
        response.headers_mut().insert("kassa-outcome", word.parse().unwrap());
    }
    response
}

impl Seen {
    fn note(&self, uri: &Uri, headers: &HeaderMap, body: &str) {
        let cookie = headers.get("cookie").map_or("-", |cookie| cookie.to_str().unwrap());
        self.0.lock().unwrap().push(format!("{uri} {cookie} {body}"));
    }
}

/// The name on the card says what happens next.
async fn card(State(seen): Gateway, uri: Uri, headers: HeaderMap, body: String) -> Response {
    seen.note(&uri, &headers, &body);
    match body.split("holder=").nth(1).and_then(|rest| rest.split('&').next()) {
        Some("Declined") => redirect("/declined", Some("declined")),
        Some("Rejected") => redirect("/rejected", None),
        Some("Checking") => redirect("/checking/1", None),
        Some("Local") => redirect("/shop", Some("paid")),
        _ => redirect("/challenge", None),
    }
}

async fn answer(State(seen): Gateway, uri: Uri, headers: HeaderMap, body: String) -> Response {
    seen.note(&uri, &headers, &body);
    match body.rsplit('=').next() {
        Some("Y" | "A" | "x") => redirect(SHOP, Some("paid")),
        Some("cancel") => redirect("https://shop.example/cancel", Some("cancelled")),
        _ => redirect("/declined", None),
    }
}

#[derive(Parser, Debug)]
enum Command {
    Pay(Pay),
}

fn pay(url: &str, arguments: &[&str]) -> Pay {
    let line = ["kassa", "pay", url].into_iter().chain(arguments.iter().copied());
    let Command::Pay(pay) = Command::try_parse_from(line).unwrap();
    pay
}

async fn played(url: &str, arguments: &[&str]) -> Report {
    play(pay(url, arguments)).await.unwrap()
}

#[tokio::test]
async fn a_customer_pays() {
    let (origin, seen) = gateway().await;
    let report = played(&format!("{origin}/connect/open/?lang=nl"), &[]).await;
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        serde_json::json!({
            "paid": true,
            "outcome": "paid",
            "final_url": SHOP,
            "steps": [
                {"step": "open page", "method": "GET", "url": format!("{origin}/connect/open/?lang=nl"), "status": 200},
                {"step": "submit card", "method": "POST", "url": format!("{origin}/connect/card?lang=nl"), "status": 303},
                {"step": "follow redirect", "method": "GET", "url": format!("{origin}/challenge"), "status": 200},
                {"step": "answer challenge", "method": "POST", "url": format!("{origin}/answer"), "status": 303},
            ],
            "messages": [],
        })
    );
    assert_eq!(
        *seen.0.lock().unwrap(),
        [
            format!(
                "/connect/card?lang=nl visit=v1 csrf=t0k3n&number={CARD}&holder=Test+Customer&expiry=12%2F35&code=123"
            ),
            "/answer visit=v1 id=3&transStatus=Y".to_owned(),
        ]
    );
}

#[tokio::test]
async fn every_end_is_told() {
    let (origin, _) = gateway().await;
    let local = |path: &str| format!("{origin}{path}");
    let declined = ["The card 679999*********0011 was declined."];
    for (path, arguments, outcome, final_url, messages) in [
        ("open", &["--outcome", "A"][..], "paid", SHOP.to_owned(), &[][..]),
        ("moved", &["--outcome", "y"], "paid", SHOP.to_owned(), &[]),
        ("open", &["--outcome", "N"], "declined", local("/declined"), &declined),
        ("open", &["--outcome", "cancel"], "cancelled", "https://shop.example/cancel".to_owned(), &[]),
        ("open", &["--holder", "Declined"], "declined", local("/declined"), &declined),
        ("open", &["--holder", "Rejected"], "rejected", local("/rejected"), &["*** is not a code"]),
        ("open", &["--holder", "Checking"], "paid", "https://shop.example/".to_owned(), &[]),
        ("open", &["--holder", "Local"], "paid", local("/shop"), &[]),
        ("relay", &[], "paid", SHOP.to_owned(), &[]),
        ("paid", &[], "already-paid", local("/connect/paid/"), &[]),
        ("silent", &[], "unknown", SHOP.to_owned(), &["sent on without an outcome"]),
        ("forever", &[], "pending", local("/connect/forever/"), &["the result is still being checked"]),
    ] {
        let report = played(&local(&format!("/connect/{path}/")), arguments).await;
        assert_eq!(report.outcome, outcome, "{path} {arguments:?}");
        assert_eq!((report.paid, report.final_url), (outcome == "paid", final_url), "{path} {arguments:?}");
        assert_eq!(report.messages, messages, "{path} {arguments:?}");
    }
}

#[tokio::test]
async fn what_is_no_payment_is_an_error_of_one_line() {
    let (origin, _) = gateway().await;
    for (path, expected) in [
        ("/", "not a payment page: {origin}/ (status 200)"),
        ("/nowhere", "not a payment page: {origin}/nowhere (status 404)"),
        ("/connect/loop/", "more than 20 redirects in a row"),
        ("/connect/get/", "the card form would put the card into a url"),
        ("/connect/evil/", "a form leads to another origin: http://evil.example"),
        ("/connect/short/", "the 3-D Secure challenge does not offer Y"),
    ] {
        let error = play(pay(&format!("{origin}{path}"), &[])).await.unwrap_err();
        assert_eq!(format!("{error:#}"), expected.replace("{origin}", &origin), "{path}");
    }
}

#[tokio::test]
async fn the_exit_code_tells_the_end() {
    let (origin, _) = gateway().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let open = format!("{origin}/connect/open/");
    assert_eq!(run(pay(&open, &[])).await, 0);
    assert_eq!(run(pay(&open, &["--outcome", "R"])).await, 2);
    assert_eq!(run(pay(&format!("http://{closed}/"), &[])).await, 1);
    let error = play(pay(&format!("http://{closed}/"), &[])).await.unwrap_err();
    assert_eq!(format!("{error:#}"), format!("GET http://{closed}/: cannot connect: connection refused"));
}

#[test]
fn the_card_is_not_in_debug_output() {
    let shown = format!("{:?}", pay("http://localhost/", &["--cvc", "987"]));
    assert!(!shown.contains(CARD) && !shown.contains("987"), "{shown}");
}

#[test]
fn the_command_explains_itself() {
    let help = Command::try_parse_from(["kassa", "pay", "--help"]).unwrap_err().to_string();
    assert!(help.contains("Play the customer") && help.contains("Exit code: 0 paid"), "{help}");
    assert!(Command::try_parse_from(["kassa", "pay", "not a url"]).is_err());
}
