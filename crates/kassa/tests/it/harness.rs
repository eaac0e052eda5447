//! A whole gateway for one test: its own database, a clock that stands, a shop that listens.

mod binary;
mod cobadged;
mod customer;
mod database;
mod dice;
mod host;
mod http;
mod inspect;
mod money;
mod server;
mod setup;
mod shop;

pub(crate) use binary::{Binary, Home, Ran, bare, free_address, run, write_key};
pub(crate) use cobadged::{COBADGED, COBADGED_RANGES};
pub(crate) use customer::{Customer, Page};
pub(crate) use database::Database;
pub(crate) use dice::{Dice, fresh_seed, setting};
pub(crate) use host::Host;
pub(crate) use http::{Http, Reply};
pub(crate) use money::FRICTIONLESS;
pub(crate) use server::{DatabaseServer, database_tool, open_folder};
pub(crate) use setup::Setup;
pub(crate) use shop::{Heard, Manners, Shop, verify};

use kassa::app::App;
use kassa::clock::Clock;
use kassa::keys::KeyRing;
use kassa::outbound;
use kassa::random::Random;
use kassa::store::{Location, Store};
use payments::time::{Millis, Timestamp};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// 2026-11-22T12:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_795_348_800_000);

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) shop: Shop,
    client: outbound::Client,
    location: Location,
    setup: Setup,
    folder: TempDir,
    serving: tokio::task::JoinHandle<()>,
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// A folder that outlives the test, for whoever wants to see what it saw.
pub(crate) fn artifacts(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the test script says where artefacts go")]
    let root = std::env::var_os("TEST_ARTIFACTS");
    let root = root.map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test-artifacts"),
        PathBuf::from,
    );
    let folder = root.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Where an order is in the API.
pub(crate) fn path(id: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    format!("/v1/json/orders/{id}")
}

impl Gateway {
    /// A gateway on an empty database, with its test site and a shop that acknowledges everything.
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, Duration::from_secs(20)).await
    }

    /// The same, with an acquirer that is given up on after `answer_within`.
    pub(crate) async fn start_with(database: Database, answer_within: Duration) -> Self {
        let answer_within = Millis(i64::try_from(answer_within.as_millis()).unwrap());
        Self::start_as(database, Setup { answer_within, ..Setup::default() }).await
    }

    /// The same, set up differently.
    pub(crate) async fn start_as(database: Database, setup: Setup) -> Self {
        // Shown with a failing test. The first test of the process sets it up for all.
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_test_writer().try_init();
        let folder = tempfile::tempdir().unwrap();
        let location = database.create(folder.path()).await;
        let store = Store::open(&location).await.unwrap();
        KeyRing::create(&folder.path().join("key"), &Random::system()).unwrap();
        let clock = Clock::manual(START);
        let (app, url, serving) = serve(&setup, &clock, store, folder.path()).await;
        let key = app.set_up(None).await.unwrap().expose().to_owned();
        let shop = Shop::open(&key).await;
        let client = outbound::Client::new(outbound::Options::default()).unwrap();
        Self { app, clock, url, key, shop, client, location, setup, folder, serving }
    }

    /// The process ends without a good-bye and another one starts on what was kept, at another address.
    pub(crate) async fn restart(self) -> Self {
        self.serving.abort();
        let (app, url, serving) = self.start_another().await;
        Self { app, url, serving, ..self }
    }

    /// Another process on the same database.
    pub(crate) async fn twin(&self) -> App {
        self.start_another().await.0
    }

    /// Where another process on the same database can be reached.
    pub(crate) async fn twin_url(&self) -> String {
        self.start_another().await.1
    }

    /// Another process on the same database, and where it can be reached.
    pub(crate) async fn peer(&self) -> (App, String) {
        let (app, url, _) = self.start_another().await;
        (app, url)
    }

    async fn start_another(&self) -> (App, String, tokio::task::JoinHandle<()>) {
        let store = Store::open(&self.location).await.unwrap();
        serve(&self.setup, &self.clock, store, self.folder.path()).await
    }

    /// The order of the README, with this shop's URLs.
    pub(crate) fn order(&self, id: &str) -> Value {
        json!({
            "type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
            "description": "Test order description",
            "payment_options": {
                "notification_url": self.shop.url("/notification?type=notification"),
                "redirect_url": self.shop.url("/thanks?type=redirect"),
                "cancel_url": self.shop.url("/cancelled?type=cancel"),
                "close_window": true,
            },
            "customer": {"locale": "nl_NL", "ip_address": "123.123.123.123"},
        })
    }

    /// A call with the site's key.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.call_with(method, path, &[("api_key", &self.key)], body).await
    }

    /// A call with these headers.
    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        self.call_at(&self.url, method, path, headers, body).await
    }

    /// A call of the process at `url`.
    pub(crate) async fn call_at(
        &self,
        url: &str,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let request = outbound::Request {
            method: method.parse().unwrap(),
            url: format!("{url}{path}").parse().unwrap(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        };
        let answer = self.client.send(request, &outbound::Reach::Anywhere).await.unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: answer.status, headers: answer.headers, text, json }
    }

    /// Places an order that has to be accepted; its `data`.
    pub(crate) async fn place(&self, order: &Value) -> Value {
        let answer = self.call("POST", "/v1/json/orders", &order.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["data"].clone()
    }

    /// The order as the API shows it.
    pub(crate) async fn read(&self, id: &str) -> Value {
        let answer = self.call("GET", &path(id), "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["data"].clone()
    }

    /// The order's two status words, as `status/financial_status`.
    pub(crate) async fn status(&self, id: &str) -> String {
        let order = self.read(id).await;
        let financial = order["financial_status"].as_str().unwrap_or("null").to_owned();
        format!("{}/{financial}", order["status"].as_str().unwrap())
    }

    /// A command of the real binary on the same database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Ran {
        let mut command = bare(arguments);
        command
            .env("KASSA_DATA_DIR", self.folder.path())
            .env("KASSA_KEY_FILE", self.folder.path().join("key"));
        if let Location::Postgres(url) = &self.location {
            command.env("KASSA_DATABASE", url);
        }
        run(&mut command)
    }

    /// Does everything that is due.
    pub(crate) async fn work(&self) {
        self.app.run_jobs().await;
    }

    /// Lets time pass, and does what becomes due.
    pub(crate) async fn pass(&self, time: Millis) {
        self.clock.advance(time);
        self.work().await;
    }

    /// A customer with a browser that has no JavaScript. Jobs run beside them, as they do in `kassa serve`.
    pub(crate) fn customer(&self) -> Customer<'_> {
        Customer::new(self, self.client.clone())
    }
}

async fn serve(
    setup: &Setup,
    clock: &Clock,
    store: Store,
    folder: &Path,
) -> (App, String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let keys = Arc::new(KeyRing::open(&folder.join("key")).unwrap());
    let client = outbound::Client::new(setup.outbound.clone()).unwrap();
    let app = App::with_peers(
        setup.settings(&url),
        clock.clone(),
        Random::system(),
        keys,
        store,
        client,
        setup.peers(),
    );
    let router = app.router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (app, url, serving)
}
