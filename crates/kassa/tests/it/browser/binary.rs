//! `kassa serve` as a process of its own, on an empty database.

use crate::harness::Database;
use kassa::outbound::{Answer, Client, Options, Reach, Request};
use kassa::store::Location;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running `kassa serve`. It is killed when this is dropped.
pub(crate) struct Binary {
    pub(crate) url: String,
    pub(crate) key: String,
    process: Child,
    folder: TempDir,
    client: Client,
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Binary {
    /// Starts it on a free port. An acquirer that does not answer is given up on soon.
    pub(crate) async fn start(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kassa"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--acquirer-answer-ms", "1500"]);
        command.args(["--page-wait-ms", "500", "--data-dir"]).arg(folder.path().join("data"));
        if let Location::Postgres(url) = database.create(folder.path()).await {
            let file = folder.path().join("key");
            let mut options = std::fs::OpenOptions::new();
            let mut key = options.write(true).create_new(true).mode(0o600).open(&file).unwrap();
            writeln!(key, "{}", "5a".repeat(32)).unwrap();
            command.args(["--database", &url, "--key-file"]).arg(file);
        }
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let read = move || {
            let mut lines = output.lines().map(Result::unwrap);
            let mut after = |words: &str| {
                lines.find_map(|line| Some(line.split_once(words)?.1.trim().to_owned())).expect(words)
            };
            let found = (after("Kassa is running at "), after("API key "));
            // Whatever else it prints is taken off its hands.
            std::thread::spawn(move || lines.for_each(drop));
            found
        };
        let (url, key) = tokio::task::spawn_blocking(read).await.unwrap();
        Self { url, key, process, folder, client: Client::new(Options::default()).unwrap() }
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
        let path: PathBuf = self.folder.path().join("data").join("kassa.db");
        rusqlite::Connection::open(path).unwrap()
    }
}
