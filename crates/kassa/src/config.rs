//! The settings of a deployment, read once at the start and passed down.
//!
//! Every setting has one key, `snake_case` here and in the TOML file, `KASSA_…` in the environment and
//! `--kebab-case` as a flag. A flag wins over the environment and the environment over the file. All three are
//! texts to the same reader (`Config::set`), so a value means the same wherever it stands. A key that does
//! not exist is an error: a misspelt setting that is silently ignored is found on the worst of days.
//!
//! `config.example.toml` and the table in `README.md` list every key; tests keep them in step.

pub(crate) mod acquirer;
mod database;
mod flags;
mod sources;
pub(crate) mod threeds;
mod tls;
mod traces;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use tracing::Level;
use url::Url;

use crate::keys::ApiSecret;
use crate::node::Roles;
use crate::outbound::Network;
use crate::store::PoolLimits;

pub use acquirer::Acquirer;
pub use database::DatabaseUrl;
pub use flags::{Flags, StoreFlags};
pub use threeds::ThreeDs;
pub use traces::Traces;

/// Every key of the TOML file and, as `KASSA_…`, of the environment; the latter also knows [`CONFIG`].
const KEYS: [&str; 33] = [
    "listen",
    "metrics_listen",
    "public_url",
    "tls",
    "tls_names",
    "tls_cert",
    "tls_key",
    "data_dir",
    "database",
    "key_file",
    "role",
    "test_api_key",
    "log",
    "log_format",
    "traces_url",
    "traces_header",
    "traces_ratio",
    "notify_allow",
    "cards_ranges",
    "acquirer_answer_ms",
    "page_wait_ms",
    "notify_hold_ms",
    "drain_ms",
    "connections_max",
    "connections_per_ip_max",
    "requests_max",
    "rate_limit_live",
    "rate_limit_test",
    "database_lanes",
    "database_readers",
    "database_statement_ms",
    "database_lock_ms",
    "history_days",
];

/// Where the TOML file is: a flag or a variable, for obvious reasons not a key of the file.
const CONFIG: &str = "config";

/// What the operator decided, or the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Address and port to serve on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Address and port where metrics are read, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// What payment links start with, without a slash at the end; see [`Config::base_url`].
    pub public_url: Option<String>,
    /// Serve HTTPS instead of HTTP.
    pub tls: bool,
    /// Host names and addresses that the certificate of our own authority is for.
    pub tls_names: Vec<String>,
    /// A certificate, and what leads from it to an authority, instead of one from our own authority.
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate.
    pub tls_key: Option<PathBuf>,
    /// Folder of the embedded database, the key file and the certificate authority.
    pub data_dir: PathBuf,
    /// PostgreSQL instead of the embedded database.
    pub database: Option<DatabaseUrl>,
    /// The key-encryption key; see [`Config::key_path`].
    pub key_file: Option<PathBuf>,
    /// What this process does.
    pub roles: Roles,
    /// The test site's API key, used on the first start only.
    pub test_api_key: Option<ApiSecret>,
    /// The least important messages that are logged.
    pub log: Level,
    /// How messages are written.
    pub log_format: LogFormat,
    /// Where traces go, if anywhere.
    pub traces: Traces,
    /// Networks which notifications of live sites may reach although they are not public.
    pub notify_allow: Vec<Network>,
    /// Card ranges of the operator's own, over the built-in ones.
    pub cards_ranges: Option<PathBuf>,
    /// How long the acquirer has to answer; after that the outcome is unknown.
    pub acquirer_answer_ms: u64,
    /// How long the page waits for an outcome before it says that the payment is being checked.
    pub page_wait_ms: u64,
    /// How long the customer's way back waits for the shop to acknowledge the notification.
    pub notify_hold_ms: u64,
    /// How long a process that is asked to end still serves while it says that it is not ready.
    pub drain_ms: u64,
    /// Connections served at the same time.
    pub connections_max: usize,
    /// Connections served at the same time for one address other than loopback.
    pub connections_per_ip_max: usize,
    /// Requests that are worked on at the same time; the next ones wait, and are refused when that takes too long.
    pub requests_max: usize,
    /// Requests per second that an API key of a live site may make; 0 is no limit.
    pub rate_limit_live: u32,
    /// The same for a test site.
    pub rate_limit_test: u32,
    /// What PostgreSQL is asked at once, and how long it may take.
    pub pool: PoolLimits,
    /// How long history is kept; 0 is for ever.
    pub history_days: u32,
    /// The hosts that charge cards of live sites; only in the file.
    pub acquirers: Vec<Acquirer>,
    /// What is decided about 3-D Secure; only in the file.
    pub threeds: ThreeDs,
}

/// How log messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            metrics_listen: None,
            public_url: None,
            tls: false,
            tls_names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            tls_cert: None,
            tls_key: None,
            data_dir: PathBuf::from("./kassa-data"),
            database: None,
            key_file: None,
            roles: Roles::ALL,
            test_api_key: None,
            log: Level::INFO,
            log_format: LogFormat::Text,
            traces: Traces::default(),
            notify_allow: Vec::new(),
            cards_ranges: None,
            acquirer_answer_ms: 20_000,
            page_wait_ms: 4_000,
            notify_hold_ms: 2_000,
            drain_ms: 0,
            connections_max: 4_096,
            connections_per_ip_max: 64,
            requests_max: 512,
            rate_limit_live: 100,
            rate_limit_test: 0,
            pool: PoolLimits::default(),
            history_days: 90,
            acquirers: Vec::new(),
            threeds: ThreeDs::default(),
        }
    }
}

impl Config {
    /// Reads the file, the environment and these flags.
    ///
    /// # Errors
    /// In one line: the setting, where it was set, and what is wrong with it.
    pub fn load(flags: Flags) -> anyhow::Result<Config> {
        #[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
        let environment = std::env::vars_os();
        sources::read(flags, environment)
    }

    /// What payment links start with. `bound` is the address that is really listened on. Where that is every
    /// address of the machine, which is no address to visit, links lead to loopback.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let visible = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let visible = SocketAddr::new(visible, bound.port());
        if self.tls { tls::base_url(&self.tls_names, visible) } else { format!("http://{visible}") }
    }

    /// Folder of the certificate authority that `tls` creates.
    #[must_use]
    pub fn tls_dir(&self) -> PathBuf {
        self.data_dir.join("tls")
    }

    /// Where the key-encryption key is.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        match &self.key_file {
            Some(path) => path.clone(),
            None => self.data_dir.join("key-encryption.key"),
        }
    }

    /// Where the embedded database is, when it is used.
    #[must_use]
    pub fn sqlite_path(&self) -> PathBuf {
        self.data_dir.join("kassa.db")
    }

    /// Sets one key from its text.
    fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        match key {
            "listen" => self.listen = address(text, "127.0.0.1:8080")?,
            "metrics_listen" => self.metrics_listen = Some(address(text, "127.0.0.1:9464")?),
            "public_url" => self.public_url = Some(public_url(text)?),
            "tls" => self.tls = yes_or_no(text)?,
            "tls_names" => self.tls_names = tls::names(text)?,
            "tls_cert" => self.tls_cert = Some(path(text)?),
            "tls_key" => self.tls_key = Some(path(text)?),
            "data_dir" => self.data_dir = path(text)?,
            "database" => self.database = Some(DatabaseUrl::parse(text)?),
            "key_file" => self.key_file = Some(path(text)?),
            "role" => {
                self.roles = Roles::parse(text)
                    .ok_or_else(|| "must be api, pages or worker, or several with commas".to_owned())?;
            }
            "test_api_key" => self.test_api_key = Some(ApiSecret::parse(text).map_err(str::to_owned)?),
            "log" => self.log = level(text)?,
            "log_format" => self.log_format = log_format(text)?,
            "traces_url" => self.traces.url = Some(traces::url(text)?),
            "traces_header" => self.traces.header = Some(traces::Header::parse(text)?),
            "traces_ratio" => self.traces.ratio = traces::ratio(text)?,
            "notify_allow" => self.notify_allow = networks(text)?,
            "cards_ranges" => self.cards_ranges = Some(path(text)?),
            "acquirer_answer_ms" => self.acquirer_answer_ms = number(text, 100..=120_000)?,
            "page_wait_ms" => self.page_wait_ms = number(text, 0..=30_000)?,
            "notify_hold_ms" => self.notify_hold_ms = number(text, 0..=10_000)?,
            "drain_ms" => self.drain_ms = number(text, 0..=600_000)?,
            "connections_max" => self.connections_max = number(text, 1..=1_000_000)?,
            "connections_per_ip_max" => self.connections_per_ip_max = number(text, 1..=1_000_000)?,
            "requests_max" => self.requests_max = number(text, 1..=100_000)?,
            "rate_limit_live" => self.rate_limit_live = number(text, 0..=1_000_000)?,
            "rate_limit_test" => self.rate_limit_test = number(text, 0..=1_000_000)?,
            "database_lanes" => self.pool.lanes = number(text, 1..=64)?,
            "database_readers" => self.pool.readers = number(text, 1..=256)?,
            "database_statement_ms" => self.pool.statement_ms = number(text, 1_000..=60_000)?,
            "database_lock_ms" => self.pool.lock_ms = number(text, 100..=60_000)?,
            "history_days" => self.history_days = number(text, 0..=36_500)?,
            _ => return Err("is not a setting".to_owned()),
        }
        Ok(())
    }

    /// What no key can see alone.
    fn check(&self) -> Result<(), String> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("tls_cert and tls_key must be set together".to_owned());
        }
        if self.tls_cert.is_some() && !self.tls {
            return Err("tls must be true when tls_cert is set".to_owned());
        }
        if self.tls_cert.is_some() && self.public_url.is_none() {
            return Err("public_url must be set when tls_cert is: links need a name that is in it".to_owned());
        }
        if self.traces.header.is_some() && self.traces.url.is_none() {
            return Err("traces_url must be set when traces_header is".to_owned());
        }
        if self.database.is_some() && self.key_file.is_none() {
            return Err(
                "key_file must be set when database is: the key is kept apart from what it seals".to_owned()
            );
        }
        if self.database.is_none() && self.roles != Roles::ALL {
            return Err("role needs database: one process does everything on the embedded one".to_owned());
        }
        Ok(())
    }
}

fn address(text: &str, like: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("must be an address and a port, like {like}"))
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(PathBuf::from(text))
}

fn public_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|_| "must be a URL like https://pay.example.com".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must start with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end before any ? or #".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "error" => Ok(Level::ERROR),
        "warn" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        "trace" => Ok(Level::TRACE),
        _ => Err("must be error, warn, info, debug or trace".to_owned()),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}

/// A list is a text with commas; the TOML file may also write an array.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn networks(text: &str) -> Result<Vec<Network>, String> {
    list(text).map(|part| part.parse::<Network>().map_err(|error| format!("is wrong: {error}"))).collect()
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {} to {}", range.start(), range.end())),
    }
}

#[cfg(test)]
mod tests;
