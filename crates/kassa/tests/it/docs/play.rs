//! One file, played against a gateway.
//!
//! | Comment, after `test:` | What happens |
//! |---|---|
//! | `the customer pays ORDER with CARD` | on the payment page, and says yes on the bank's page |
//! | `the customer pays ORDER with CARD and answers X` | the same, with another answer there |
//! | `the customer submits ORDER with CARD` | on the payment page, and stays on the bank's page |
//! | `the customer is authenticated for ORDER` | on the page that a direct order answered |
//! | `N seconds pass`, minutes, hours or days | the clock moves, and what is due is done |
//! | `the shop answers N` | the shop answers notifications with this status from now on |
//! | `the shop was told` | the next block is the newest notification |

use super::answer::{self, Names};
use super::markdown::{Block, Document, Item, Message};
use super::write;
use crate::harness::{Answer, Customer, Database, Gateway, Manners, Page};
use payments::time::Millis;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// What the documentation calls things that every test has its own of.
const GATEWAY: &str = "http://127.0.0.1:8080";
const SHOP: &str = "https://shop.example";
const KEY: &str = "my-first-test-key";
/// Headers that requests of the documentation have.
const HEADERS: [&str; 6] =
    ["api_key", "api-key", "Authorization", "Content-Type", "Idempotency-Key", "X-HTTP-Method-Override"];
/// Those with the caller's key, which otherwise is added.
const KEY_HEADERS: [&str; 3] = ["api_key", "api-key", "Authorization"];

/// A gateway, and what is known of it by the names of the documentation.
pub(super) struct Play<'a> {
    document: &'a mut Document,
    gateway: Gateway,
    names: Names,
    /// Where the customer of an order pays.
    links: HashMap<String, String>,
    /// What came back and is to be compared.
    answer: Option<Answer>,
    faults: Vec<String>,
}

impl<'a> Play<'a> {
    /// Plays the whole file; what differs.
    pub(super) async fn of(document: &'a mut Document) -> Vec<String> {
        let gateway = Gateway::start(Database::Sqlite).await;
        let mut names = Names::default();
        names.bind(GATEWAY, &gateway.url);
        names.bind(SHOP, &gateway.shop.url(""));
        names.bind(KEY, &gateway.key);
        let items = document.items();
        let (links, faults) = (HashMap::new(), Vec::new());
        let mut play = Self { document, gateway, names, links, answer: None, faults };
        for item in items {
            play.item(item).await;
        }
        assert!(play.answer.is_none(), "{}: the last request has no answer", play.document.path.display());
        play.gateway.audited().await;
        play.faults
    }

    async fn item(&mut self, item: Item) {
        match item {
            Item::Told(line, told) => {
                let place = self.document.place(line);
                assert!(self.answer.is_none(), "{place}: the request before has no answer");
                self.told(&place, &told).await;
            }
            Item::Block(block) => {
                let message = block.message();
                let place = self.document.place(block.line);
                if let Some(answer) = self.answer.take() {
                    self.compare(&place, &block, &message, &answer);
                } else {
                    assert!(block.language == "http" && !message.is_answer(), "{place}: nothing was asked");
                    self.answer = Some(self.ask(&message).await);
                }
            }
        }
        self.gateway.work().await;
    }

    async fn told(&mut self, place: &str, told: &str) {
        let words: Vec<_> = told.split(' ').collect();
        let customer = self.gateway.customer();
        match words.as_slice() {
            ["the", "customer", "pays", order, "with", card] => {
                customer.pay(self.link(order), card).await;
            }
            ["the", "customer", "pays", order, "with", card, "and", "answers", outcome] => {
                let page = customer.pay_with(self.link(order), card).await;
                customer.answer(&page, outcome).await;
            }
            ["the", "customer", "submits", order, "with", card] => {
                let page = customer.pay_with(self.link(order), card).await;
                assert!(page.has("select[name=transStatus]"), "{place}: {page:?}");
            }
            ["the", "customer", "is", "authenticated", "for", order] => {
                let page = customer.open(self.link(order)).await;
                if page.has("#proceed") {
                    authenticate(&customer, &page).await;
                } else {
                    customer.answer(&page, "Y").await;
                }
            }
            [count, unit, "pass"] => {
                let count = count.parse().unwrap();
                let time = match *unit {
                    "seconds" => Millis::seconds(count),
                    "minutes" => Millis::minutes(count),
                    "hours" => Millis::minutes(60 * count),
                    "days" => Millis::days(count),
                    _ => panic!("{place}: {told}"),
                };
                self.gateway.pass(time).await;
            }
            ["the", "shop", "answers", "200"] => self.gateway.shop.behave(Manners::Acknowledge),
            ["the", "shop", "answers", status] => {
                self.gateway.shop.behave(Manners::Answer(status.parse().unwrap(), ""));
            }
            ["the", "shop", "was", "told"] => self.answer = Some(self.heard()),
            _ => panic!("{place}: nobody knows how to do this: {told}"),
        }
    }

    fn link(&self, order: &str) -> &str {
        self.links.get(order).unwrap_or_else(|| panic!("there is no payment_url of {order}"))
    }

    /// The newest notification, as if it were an answer.
    fn heard(&self) -> Answer {
        let heard = self.gateway.shop.heard().pop().expect("the shop was told something");
        assert!(heard.verified || heard.method == "GET", "{heard:?}");
        let text = format!("{} {} HTTP/1.1", heard.method, heard.path_and_query);
        Answer { status: 0, headers: heard.headers, text, json: heard.order }
    }

    async fn ask(&self, message: &Message) -> Answer {
        let mut headers: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in &message.headers {
            let known = HEADERS.iter().find(|known| **known == name);
            let known = known.unwrap_or_else(|| panic!("no request is known to have the header {name}"));
            headers.push((known, self.names.real(value)));
        }
        let has_key = headers.iter().any(|(name, _)| KEY_HEADERS.contains(name));
        if !has_key && !message.target.contains("api_key=") {
            headers.push(("api_key", self.gateway.key.clone()));
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (path, body) = (self.names.real(&message.target), self.names.real(&message.body));
        let mut asked = std::pin::pin!(self.gateway.call_with(&message.method, &path, &headers, &body));
        // What is due is done meanwhile, as in `kassa serve`.
        loop {
            let pause = tokio::time::sleep(Duration::from_millis(5));
            tokio::select! {
                answer = &mut asked => return answer,
                () = pause => {}
            }
            self.gateway.work().await;
        }
    }

    fn compare(&mut self, place: &str, block: &Block, written: &Message, real: &Answer) {
        let data = &real.json["data"];
        if let (Some(order), Some(link)) = (data["order_id"].as_str(), data["payment_url"].as_str()) {
            self.links.insert(order.to_owned(), link.to_owned());
        }
        let body: Value = if written.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&written.body).unwrap_or_else(|error| panic!("{place}: {error}"))
        };
        self.names.learn(&body, &real.json);
        let shown = answer::shown(&body, &self.names.translate(&real.json));
        self.names.learn(&shown, &real.json);
        let head = self.head(written, real);
        let is_plain = block.language == "json";
        assert!(!is_plain || real.status == 200, "{place}: the answer is {} {}", real.status, real.text);
        let text = match (is_plain, &shown) {
            (true, _) => write::json(&shown),
            (false, Value::Null) => head.join("\n"),
            (false, _) => format!("{}\n\n{}", head.join("\n"), write::json(&shown)),
        };
        let is_same = shown == body && (is_plain || head == head_of(block));
        if !is_same {
            self.document.change(block, &text);
            self.faults.push(format!("{place}: written is\n{}\nbut it is\n{text}", block.lines.join("\n")));
        }
    }

    /// The first line, and the headers that are written, as they really are.
    fn head(&self, written: &Message, real: &Answer) -> Vec<String> {
        let first = match axum::http::StatusCode::from_u16(real.status) {
            Ok(status) => format!("HTTP/1.1 {status}"),
            Err(_) => self.names.written(&real.text),
        };
        let header = |(name, value): &(String, String)| {
            let there = real.headers.get(name).map_or("", |value| value.to_str().unwrap());
            let is_alike = answer::is_drawn_header(name) && answer::form(value) == answer::form(there);
            let there = if is_alike { value.clone() } else { self.names.written(there) };
            format!("{name}: {there}")
        };
        std::iter::once(first).chain(written.headers.iter().map(header)).collect()
    }
}

/// From the page of the 3DS Method to the issuer's, and back.
async fn authenticate(customer: &Customer<'_>, method: &Page) {
    let relay = customer.submit(&method.action(), &[]).await;
    let creq = relay.attribute("input[name=creq]", "value");
    let bank = customer.submit(&relay.action(), &[("creq", &creq)]).await;
    let last = customer.answer(&bank, "Y").await;
    let cres = last.attribute("input[name=cres]", "value");
    customer.submit(&last.action(), &[("cres", &cres)]).await;
}

fn head_of(block: &Block) -> Vec<String> {
    block.lines.iter().take_while(|line| !line.is_empty()).cloned().collect()
}
