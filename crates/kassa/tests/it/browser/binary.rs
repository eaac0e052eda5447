//! The real binary with the calls of a shop's server.

use crate::harness::{Database, Home};
use kassa::outbound::{Answer, Client, Options, Reach, Request};
use serde_json::Value;

/// A running `kassa serve`. It is killed when this is dropped.
pub(crate) struct Binary {
    pub(crate) url: String,
    pub(crate) key: String,
    client: Client,
    _process: crate::harness::Binary,
    home: Home,
}

impl Binary {
    /// Starts it on a free port. An acquirer that does not answer is given up on soon.
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_at(Home::new(database).await).await
    }

    /// The same, with card ranges of the operator's own.
    pub(crate) async fn start_with(database: Database, ranges: &str) -> Self {
        let home = Home::new(database).await;
        let file = home.folder().join("ranges.toml");
        std::fs::write(&file, ranges).unwrap();
        Self::start_at(home.with("KASSA_CARDS_RANGES", file.to_str().unwrap())).await
    }

    pub(super) async fn start_at(home: Home) -> Self {
        let home = home.with("KASSA_ACQUIRER_ANSWER_MS", "1500").with("KASSA_PAGE_WAIT_MS", "500");
        let process = home.serve().await;
        let (url, key) = (process.url.clone(), process.key.clone());
        Self { url, key, client: Client::new(Options::default()).unwrap(), _process: process, home }
    }

    /// Places an order that has to be accepted; its payment link.
    pub(crate) async fn place(&self, order: &Value) -> String {
        let answer = self.call("POST", "/v1/json/orders", &order.to_string()).await;
        answer["data"]["payment_url"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The order as the API shows it.
    pub(crate) async fn read(&self, id: &str) -> Value {
        self.call("GET", &format!("/v1/json/orders/{id}"), "").await["data"].clone()
    }

    /// The order's two status words, as `status/financial_status`.
    pub(crate) async fn status(&self, id: &str) -> String {
        let order = self.read(id).await;
        format!("{}/{}", order["status"].as_str().unwrap(), order["financial_status"].as_str().unwrap())
    }

    /// A call with the site's key.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.send(method, &format!("{}{path}", self.url), body).await;
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Any request, with the site's key.
    pub(crate) async fn send(&self, method: &str, url: &str, body: &str) -> Answer {
        self.send_with(method, url, ("api_key", &self.key), body).await
    }

    /// Any request, with this header.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        url: &str,
        header: (&'static str, &str),
        body: &str,
    ) -> Answer {
        let request = Request {
            method: method.parse().unwrap(),
            url: url.parse().unwrap(),
            headers: vec![(header.0, header.1.to_owned())],
            body: body.as_bytes().to_vec(),
        };
        self.client.send(request, &Reach::Anywhere).await.unwrap()
    }

    /// The embedded database.
    pub(crate) fn sqlite(&self) -> rusqlite::Connection {
        self.home.sqlite()
    }
}
