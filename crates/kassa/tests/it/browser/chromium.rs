//! Chromium, driven by Debian's chromedriver. Each test has its own of both, and an empty profile.

use crate::harness::artifacts;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use url::{Origin, Url};

/// A phone and a desktop.
const SIZES: [(u32, u32); 2] = [(390, 844), (1280, 800)];
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often a driver is started until one has a port.
const DRIVER_TRIES: u32 = 5;

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Allowed,
    Forbidden,
}

/// A browser with one window.
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Driver,
    // Removed after the browser has ended.
    _profile: TempDir,
}

/// A running chromedriver.
struct Driver {
    process: Child,
    port: u16,
    session: Option<String>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to, it ends its Chromium, also after a failed test; killed alone it would leave it behind.
        if let Some(session) = &self.session
            && let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port))
        {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let host = format!("127.0.0.1:{}", self.port);
            let _ = write!(
                stream,
                "DELETE /session/{session} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.read_to_end(&mut Vec::new());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Browser {
    pub(crate) async fn start(script: Script) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = tokio::task::spawn_blocking(start_driver).await.unwrap();
        let mut args = vec![format!("--user-data-dir={}", profile.path().display())];
        args.extend(
            [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ]
            .map(str::to_owned),
        );
        let content = match script {
            Script::Allowed => 1,
            Script::Forbidden => 2,
        };
        let capabilities = json!({
            "goog:chromeOptions": {
                "args": args,
                "prefs": {"profile.managed_default_content_settings.javascript": content},
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let capabilities: Capabilities = capabilities;
        let address = format!("http://127.0.0.1:{}", driver.port);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&address).await.unwrap();
        driver.session = client.session_id().await.unwrap();
        let browser = Self { client, driver, _profile: profile };
        browser.resize(SIZES[1]).await;
        browser
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Waits for an element that can be seen.
    pub(crate) async fn see(&self, selector: &str) -> Element {
        let started = Instant::now();
        loop {
            if let Ok(element) = self.client.find(Locator::Css(selector)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            assert!(started.elapsed() < PATIENCE, "no {selector} at {}", self.whereabouts().await);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until an element that can be seen says this.
    pub(crate) async fn read(&self, selector: &str, expected: &str) {
        let started = Instant::now();
        loop {
            let seen = self.see(selector).await.text().await.unwrap_or_default();
            if seen.contains(expected) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{selector} says {seen:?}, not {expected:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until the address begins like this.
    pub(crate) async fn at(&self, url: &str) {
        let started = Instant::now();
        while !self.url().await.starts_with(url) {
            assert!(started.elapsed() < PATIENCE, "not at {url} but {}", self.whereabouts().await);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.map(String::from).unwrap_or_default()
    }

    /// Waits for the result page of this outcome.
    pub(crate) async fn ends(&self, outcome: &str) {
        self.see(&format!("main[data-outcome={outcome}]")).await;
    }

    pub(crate) async fn type_into(&self, id: &str, text: &str) {
        self.see(&format!("#{id}")).await.send_keys(text).await.unwrap();
    }

    /// What stands in a field.
    pub(crate) async fn typed(&self, id: &str) -> String {
        self.see(&format!("#{id}")).await.prop("value").await.unwrap().unwrap_or_default()
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.see(selector).await.click().await.unwrap();
    }

    pub(crate) async fn choose(&self, name: &str, value: &str) {
        self.see(&format!("select[name={name}]")).await.select_by_value(value).await.unwrap();
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    pub(crate) async fn windows(&self) -> Vec<WindowHandle> {
        self.client.windows().await.unwrap()
    }

    pub(crate) async fn switch_to(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.unwrap();
    }

    /// Keeps a picture of the whole page at each size, and sees that it does not have to be scrolled sideways.
    pub(crate) async fn picture(&self, name: &str) {
        for size in SIZES {
            self.resize(size).await;
            self.picture_at(name, size).await;
        }
    }

    /// The same at the size that the page has now.
    pub(crate) async fn picture_at(&self, name: &str, size: (u32, u32)) {
        let file = folder().join(format!("{name}-{}.png", size.0));
        let wide = self.run("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().is_some_and(|more| more <= 0), "{} is too wide", file.display());
        let shot = self.cdp("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let shot = shot["data"].as_str().unwrap();
        let png = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, shot).unwrap();
        std::fs::write(file, png).unwrap();
    }

    pub(crate) async fn resize(&self, (width, height): (u32, u32)) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Ends the visit. Pages that answer a mistake with its status are the only thing a browser may report.
    pub(crate) async fn leave(self, hosts: &[Origin]) {
        self.leave_despite("\0", hosts).await;
    }

    /// The same, where one more warning may be reported.
    pub(crate) async fn leave_despite(self, warning: &str, hosts: &[Origin]) {
        for entry in self.log("browser").await {
            let text = entry["message"].as_str().unwrap_or_default();
            let is_status = text.contains("the server responded with a status of 4");
            let is_known = is_status && entry["source"] == "network" || text.contains(warning);
            assert!(is_known, "the browser reports {entry}");
        }
        for entry in self.log("performance").await {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            if event["message"]["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = event["message"]["params"]["request"]["url"].as_str().unwrap();
            let url = Url::parse(url).unwrap();
            assert!(hosts.contains(&url.origin()) || !is_remote(&url), "{url} was asked for");
        }
        // Ends the browser, which may take a moment.
        tokio::task::spawn_blocking(move || drop(self.driver)).await.unwrap();
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.send("se/log", json!({"type": kind})).await;
        entries.as_array().unwrap().clone()
    }

    async fn cdp(&self, method: &str, params: Value) -> Value {
        self.send("goog/cdp/execute", json!({"cmd": method, "params": params})).await
    }

    async fn send(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Vendor { path, body }).await.unwrap()
    }

    async fn whereabouts(&self) -> String {
        let source = self.client.source().await.unwrap_or_default();
        format!("{}\n{source}", self.url().await)
    }
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(self.body.to_string()))
    }
}

/// Chromedriver takes a free port of IPv4 and then the same of IPv6, which another program may have: it ends then.
fn start_driver() -> Driver {
    let driver = (0..DRIVER_TRIES).find_map(|_| try_driver());
    driver.expect("chromedriver found no port")
}

/// A driver that is ready; `None` when it ended instead, having said why.
fn try_driver() -> Option<Driver> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
    let started = command.spawn();
    let mut process = started.expect("chromedriver is missing: ./test installs it");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    let port = lines.find_map(|line| {
        let port = line.split_once("started successfully on port ").map(|(_, port)| port.to_owned());
        said.push(line);
        port?.trim_end_matches('.').parse().ok()
    });
    let Some(port) = port else {
        eprintln!("chromedriver ended with {:?}: {said:#?}", process.wait());
        return None;
    };
    std::thread::spawn(move || lines.for_each(drop));
    Some(Driver { process, port, session: None })
}

/// Where pictures are kept.
fn folder() -> PathBuf {
    artifacts("browser")
}

/// Not one of the browser's own pages, such as an empty tab.
fn is_remote(url: &Url) -> bool {
    !matches!(url.scheme(), "about" | "chrome" | "chrome-untrusted" | "data")
}

/// Whether a command failed because the window is gone.
pub(crate) fn is_gone(result: &Result<Url, CmdError>) -> bool {
    matches!(result, Err(error) if error.is_no_such_window())
}
