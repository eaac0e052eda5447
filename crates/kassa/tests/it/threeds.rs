//! 3-D Secure by messages: what decides, what does not, and what a restart loses.

mod browsers;
mod directory;
mod faults;
mod restart;
mod soft_decline;

use crate::harness::{Database, Gateway, Page, Setup};
use emv3ds::challenge::CReq;
use emv3ds::message::{Endpoint, Received};
use emv3ds::values::Component;
use kassa::threeds::{self, Timers};
use serde_json::{Value, json};
use std::time::Duration;

const PAID: &str = "6799990000000000011";

/// The card with these digits before its check digit.
fn card(digits: &str) -> String {
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

/// What a browser with scripts sends beside the card.
const SCRIPTED: &str =
    r#"{"language":"nl-NL","java":"false","depth":"30","height":"800","width":"1280","zone":"-60"}"#;

/// Everything is given up soon.
fn impatient() -> Setup {
    let timers = Timers {
        answer: Duration::from_millis(700),
        result: Duration::from_millis(1_500),
        ..Timers::default()
    };
    Setup { threeds: threeds::Setup { timers, ..threeds::Setup::default() }, ..Setup::default() }
}

fn server() -> Endpoint {
    Endpoint::new(Component::Server).with_loopback_http()
}

fn issuer() -> Endpoint {
    Endpoint::new(Component::Acs).with_loopback_http()
}

impl Gateway {
    /// The path of a new order's page, in English; any card pays it.
    async fn page_for(&self, id: &str) -> String {
        let mut order = self.order(id);
        order["gateway"] = json!("CREDITCARD");
        let session = self.place(&order).await["session_id"].as_str().unwrap().to_owned();
        format!("/connect/{session}/?lang=en")
    }

    /// Submits a card as a browser with scripts does; the page of the 3DS Method, or what came instead.
    async fn submit_scripted(&self, path: &str, card: &str) -> Page {
        let cvc = if card.starts_with('4') || card.starts_with("51") { "123" } else { "" };
        let fields = [
            ("card_number", card),
            ("card_holder", "A. Customer"),
            ("card_expiry", "12/35"),
            ("card_cvc", cvc),
            ("browser", SCRIPTED),
        ];
        self.customer().submit(path, &fields).await
    }

    /// What its script does with the page of the 3DS Method: goes on, with or without it.
    async fn proceed(&self, method: &Page) -> Page {
        self.customer().submit(&method.action(), &[("width", "1280"), ("height", "800")]).await
    }

    /// Submits a card and goes on to the page that carries the request to the issuer.
    async fn to_issuer(&self, path: &str, card: &str) -> Page {
        let method = self.submit_scripted(path, card).await;
        let page = self.proceed(&method).await;
        assert!(page.has("form[data-relay] input[name=creq]"), "{page:?}");
        page
    }

    /// Carries the request to the issuer's page.
    async fn at_issuer(&self, relay: &Page) -> Page {
        let creq = relay.attribute("input[name=creq]", "value");
        self.customer().submit(&relay.action(), &[("creq", &creq)]).await
    }

    /// What the issuer's last page carries back.
    async fn back_from_issuer(&self, last: &Page) -> Page {
        let cres = last.attribute("input[name=cres]", "value");
        self.customer().submit(&last.action(), &[("cres", &cres)]).await
    }

    /// A row of authentications.
    async fn kept(&self, column: &str) -> Vec<String> {
        let rows = self.sql(&format!("SELECT {column} FROM authentication ORDER BY created_at")).await;
        rows.into_iter().map(|mut row| row.remove(0)).collect()
    }

    async fn charged(&self) -> i64 {
        self.count(
            "SELECT COUNT(*) FROM simulator_authorisation WHERE response_code = '00' AND reversed_at IS NULL",
        )
        .await
    }

    async fn decided(&self, id: &str) -> Value {
        self.read(id).await["payment_details"]["card_authentication_result"].clone()
    }
}

/// What the request to the issuer says.
fn creq(page: &Page) -> CReq {
    match CReq::from_form(&page.attribute("input[name=creq]", "value"), &issuer()) {
        Ok(Received::Message(creq)) => creq,
        other => panic!("{other:?}"),
    }
}

/// An RReq that nobody but the issuer could have sent, if it knows the dsTransID.
fn result(creq: &CReq, ds_trans_id: &str, status: &str) -> String {
    let mut message = json!({
        "messageType": "RReq", "messageVersion": "2.2.0", "messageCategory": "01",
        "threeDSServerTransID": creq.server_trans_id.text(), "acsTransID": creq.acs_trans_id.text(),
        "dsTransID": ds_trans_id, "transStatus": status, "interactionCounter": "01",
    });
    match status {
        "Y" => {
            message["eci"] = json!("02");
            message["authenticationValue"] = json!("BwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        }
        _ => message["transStatusReason"] = json!("01"),
    }
    message.to_string()
}
