//! `kassa serve` with a live site, whose cards are authenticated and charged by peers.

use super::*;
use crate::harness::{Binary, Database, Home, Http, Reply};
use std::fs;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What is not settled yet.
const UNSETTLED: &str = "SELECT state || ' ' || order_id FROM payment_transaction \
     WHERE state IN ('authorising', 'unknown', 'reversing') OR (state = 'void' AND released_at IS NULL) \
     UNION ALL SELECT kind || ' ' || order_id FROM movement \
     WHERE state IN ('reserved', 'sending', 'unknown') OR (kind = 'capture' AND done_at IS NULL) \
     UNION ALL SELECT 'completion ' || order_id FROM payment_transaction \
     WHERE state = 'completed' AND completion IS NOT NULL AND told_at IS NULL";
/// A second less until what waits for the host.
const SOONER: &str = "UPDATE job SET due_at = due_at - 1000 \
     WHERE kind IN ('resolve_unknown', 'release_approval', 'send_capture', 'send_completion', 'send_refund')";
/// The order that an authorisation was sent for, by what the host knows it by.
const SENT: &str =
    "SELECT stan, transmission, order_id FROM trace WHERE operation = 'authorise' AND sends > 0";

/// How the acquirer's host wants things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) has_inquiry: bool,
    pub(super) reverses_by_advice: bool,
    pub(super) completion: bool,
}

pub(super) struct Live {
    pub(super) binary: Binary,
    pub(super) home: Home,
    pub(super) key: String,
    http: Http,
}

/// The card with these digits before its check digit.
pub(super) fn card(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// `[threeds]` with this directory server.
pub(super) fn threeds(directory: &str, more: &str) -> String {
    let acquiring: String = ["MAESTRO", "MASTERCARD", "VISA", "AMEX"]
        .map(|brand| {
            format!("[threeds.acquiring.{brand}]\nbin = \"525000\"\nmerchant = \"MERCHANT0000001\"\n")
        })
        .concat();
    format!("[threeds]\ndirectory = \"{directory}\"\nreference_number = \"KASSA-PEERS\"\n{more}\n{acquiring}")
}

/// `[[acquirer]]` with this host, which is given up on soon.
pub(super) fn acquirer(
    host: &Peer,
    site: &str,
    Manner { has_inquiry, reverses_by_advice, completion }: Manner,
) -> String {
    let address = host.address();
    format!(
        r#"
        [[acquirer]]
        name = "peer"
        address = "{address}"
        profile = "B"
        acquirer_id = "525000"
        country = "528"
        merchant_category = "5732"
        city = "Utrecht"
        country_letters = "NLD"
        currencies = ["EUR"]
        has_inquiry = {has_inquiry}
        reverses_by_advice = {reverses_by_advice}
        completion = {completion}
        timers = {{ reconnect_ms = 50, echo_after_ms = 700 }}
        site = [{{ id = {site}, terminal_id = "TERM0001", merchant_id = "MERCHANT0000001" }}]
        "#
    )
}

impl Live {
    /// Creates the site, writes the settings and serves, once it is ready for cards.
    pub(super) async fn start(settings: impl FnOnce(&str) -> String) -> Self {
        let home = Home::new(Database::Sqlite).await;
        let created = home.run(&["sites", "create", "--live", "--name", "Peer shop"]);
        assert_eq!(created.code, Some(0), "{created:?}");
        let after = |mark: &str| created.stdout.split_once(mark).unwrap().1.lines().next().unwrap();
        let site = after("Site ").split_once(':').unwrap().0.to_owned();
        let key = after("API key: ").to_owned();
        let file = home.folder().join("kassa.toml");
        fs::write(&file, settings(&site)).unwrap();
        let home = home
            .with("KASSA_CONFIG", file.to_str().unwrap())
            .with("KASSA_ACQUIRER_ANSWER_MS", "500")
            .with("KASSA_PAGE_WAIT_MS", "500");
        let binary = home.serve().await;
        let live = Self { binary, home, key, http: Http::new() };
        live.logs("signed on to the acquirer's host", 1).await;
        live.logs("card ranges of 3-D Secure", 1).await;
        live
    }

    /// How often the log says this.
    pub(super) fn logged(&self, words: &str) -> usize {
        fs::read_to_string(&self.binary.stderr).unwrap().matches(words).count()
    }

    /// Waits until the log has said this so often.
    pub(super) async fn logs(&self, words: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.logged(words) < times {
            let log = || fs::read_to_string(&self.binary.stderr).unwrap();
            assert!(Instant::now() < deadline, "it does not log {words:?} {times} times: {}", log());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        let url = format!("{}/v1/json{path}", self.binary.url);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http.call(method, &url, &self.key, &body).await.unwrap()
    }

    /// A call that has to be done; its `data`.
    pub(super) async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.call(method, path, body).await;
        assert_eq!(reply.status, 200, "{method} {path} {body}: {}", reply.text);
        reply.json()["data"].clone()
    }

    /// Places an order; its payment link.
    pub(super) async fn place(&self, id: &str, amount: i64, more: Value) -> String {
        let mut order = json!({
            "type": "redirect", "order_id": id, "gateway": "CREDITCARD", "currency": "EUR", "amount": amount,
            "description": "By peers",
            "customer": {
                "locale": "nl_NL", "ip_address": "123.123.123.123", "address1": "Kraanspoor", "house_number": "39C",
                "zip_code": "1033SC", "city": "Amsterdam", "state": "NH", "country": "NL",
                "phone": "+31 (0)20 850 05 00", "email": "simon@example.com",
            },
            "delivery": {"address1": "Main St 1", "city": "Austin", "state": "TX", "country": "US"},
        });
        if let Value::Object(more) = more {
            order.as_object_mut().unwrap().extend(more);
        }
        self.done("POST", "/orders", &order).await["payment_url"].as_str().unwrap().to_owned()
    }

    /// Places an order and types this card on its page, in a browser without scripts; the page that follows.
    pub(super) async fn pay(&self, id: &str, amount: i64, card: &str, more: Value) -> Reply {
        let page = self.http.open(&self.place(id, amount, more).await).await.unwrap();
        let code = if card.starts_with('6') { "" } else { "123" };
        let fields = [
            ("card_number", card),
            ("card_holder", "A. Customer"),
            ("card_expiry", "12/35"),
            ("card_cvc", code),
        ];
        self.http.submit(&page, &fields).await.unwrap()
    }

    /// The order as the API shows it.
    pub(super) async fn read(&self, id: &str) -> Value {
        self.done("GET", &format!("/orders/{id}"), &Value::Null).await
    }

    /// Waits until the order's two status words are these, as `status/financial_status`; the order.
    pub(super) async fn becomes(&self, id: &str, words: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let order = self.read(id).await;
            let word = |key: &str| order[key].as_str().unwrap_or("null").to_owned();
            let now = format!("{}/{}", word("status"), word("financial_status"));
            if now == words {
                return order;
            }
            assert!(now == "initialized/initialized", "{id} became {now} and not {words}: {order:#}");
            assert!(Instant::now() < deadline, "{id} does not become {words}: {order:#}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until nothing is under way: nobody waits for an answer of the host's. What is to be tried again is tried
    /// ten times as soon.
    pub(super) async fn settles(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connection = self.home.sqlite();
            let mut rows = connection.prepare(UNSETTLED).unwrap();
            let rows = rows.query_map([], |row| row.get(0)).unwrap();
            let rows: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
            if rows.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "not settled: {rows:#?}");
            connection.execute(SOONER, []).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The host's book, each approval with the order that it is for. The gateway knows all of them.
    pub(super) async fn booked(&self, host: &mut Peer) -> Vec<(String, Value)> {
        let book = host.printed("book").await;
        let connection = self.home.sqlite();
        let mut rows = connection.prepare(SENT).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows = rows.query_map([], read).unwrap();
        let sent: Vec<(i64, String, String)> = rows.collect::<Result<_, _>>().unwrap();
        let order_of = |approval: &Value| {
            let (stan, de7) = (approval["stan"].as_str().unwrap(), approval["de7"].as_str().unwrap());
            let stan: i64 = stan.parse().unwrap();
            let mut found = sent.iter().filter(|(sent, at, _)| (*sent, at.as_str()) == (stan, de7));
            found.next().unwrap_or_else(|| panic!("charged for nothing: {approval}")).2.clone()
        };
        let approvals = book["approvals"].as_array().unwrap();
        approvals.iter().map(|approval| (order_of(approval), approval.clone())).collect()
    }

    /// Stops in good order, with books that agree with themselves.
    pub(super) async fn stop(self) {
        let Self { binary, home, .. } = self;
        assert!(binary.stop().await.success());
        let audit = home.run(&["audit"]);
        assert_eq!(audit.code, Some(0), "{audit:?}");
    }
}

/// A number of an approval.
pub(super) fn number(approval: &Value, name: &str) -> i64 {
    approval[name].as_i64().unwrap_or_else(|| panic!("no {name} in {approval}"))
}
