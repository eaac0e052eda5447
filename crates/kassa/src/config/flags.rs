//! The settings as flags of the command line. Values are texts here; `Config::set` reads them.
//!
//! `test_api_key` and `traces_header` have no flag: other users of the machine can see a command line.

use clap::Args;

/// Every setting, for `kassa serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,

    /// Address and port to serve on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,

    /// Address and port where Prometheus reads metrics; nowhere if it is not set.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<String>,

    /// What payment links start with; set it behind a reverse proxy [default: http:// or https:// and the listen address].
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Serve HTTPS, with a certificate from a local authority that is created in the data folder; see `kassa ca`.
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub tls: Option<String>,

    /// Names and addresses, separated by commas, for that certificate [default: localhost,127.0.0.1,::1].
    #[arg(long, value_name = "NAMES")]
    pub tls_names: Option<String>,

    /// PEM file with a certificate of another authority, and its chain, to use instead.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,

    /// PEM file with the private key of that certificate.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,

    /// What this process does, separated by commas: api, pages, worker [default: all of them].
    #[arg(long, value_name = "ROLES")]
    pub role: Option<String>,

    /// Least important messages to log: error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,

    /// How to log: text for people, json for machines [default: text].
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,

    /// Collector that traces are sent to, by OTLP over HTTP, like http://localhost:4318/v1/traces; none if it is not set.
    #[arg(long, value_name = "URL")]
    pub traces_url: Option<String>,

    /// What part of the traces is sent, from 0 to 1 [default: 1].
    #[arg(long, value_name = "RATIO")]
    pub traces_ratio: Option<String>,

    /// Networks, separated by commas, that notifications of live sites may reach although they are private.
    #[arg(long, value_name = "NETWORKS")]
    pub notify_allow: Option<String>,

    /// TOML file with card ranges, which win over the built-in ones.
    #[arg(long, value_name = "FILE")]
    pub cards_ranges: Option<String>,

    /// How long the acquirer has to answer, in milliseconds [default: 20000].
    #[arg(long, value_name = "MS")]
    pub acquirer_answer_ms: Option<String>,

    /// How long the page waits before it says that the payment is being checked [default: 4000].
    #[arg(long, value_name = "MS")]
    pub page_wait_ms: Option<String>,

    /// How long the customer's return waits for the shop to acknowledge [default: 2000].
    #[arg(long, value_name = "MS")]
    pub notify_hold_ms: Option<String>,

    /// How long to serve on, no longer ready, after being asked to stop, in milliseconds [default: 0].
    #[arg(long, value_name = "MS")]
    pub drain_ms: Option<String>,

    /// Connections served at the same time [default: 4096].
    #[arg(long, value_name = "NUMBER")]
    pub connections_max: Option<String>,

    /// The same for one address other than loopback; raise it behind a proxy on another machine [default: 64].
    #[arg(long, value_name = "NUMBER")]
    pub connections_per_ip_max: Option<String>,

    /// Requests worked on at the same time; the next ones wait a second at most [default: 512].
    #[arg(long, value_name = "NUMBER")]
    pub requests_max: Option<String>,

    /// Requests per second that an API key of a live site may make; 0 is no limit [default: 100].
    #[arg(long, value_name = "NUMBER")]
    pub rate_limit_live: Option<String>,

    /// The same for a test site [default: 0].
    #[arg(long, value_name = "NUMBER")]
    pub rate_limit_test: Option<String>,

    /// Connections that write to PostgreSQL [default: 2].
    #[arg(long, value_name = "NUMBER")]
    pub database_lanes: Option<String>,

    /// Connections that read from PostgreSQL, at most [default: 8].
    #[arg(long, value_name = "NUMBER")]
    pub database_readers: Option<String>,

    /// How long PostgreSQL may work on a statement, in milliseconds [default: 10000].
    #[arg(long, value_name = "MS")]
    pub database_statement_ms: Option<String>,

    /// How long a statement of it may wait for another transaction, in milliseconds [default: 2000].
    #[arg(long, value_name = "MS")]
    pub database_lock_ms: Option<String>,

    /// Days that history is kept: attempts of notifications, events, finished authentications; 0 is for ever [default: 90].
    #[arg(long, value_name = "DAYS")]
    pub history_days: Option<String>,
}

/// The settings that say where the data is, for every command that opens it.
#[derive(Debug, Clone, Default, Args)]
pub struct StoreFlags {
    /// TOML file with settings; environment variables and flags win over it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,

    /// Folder of the embedded database, the key file and the TLS authority [default: ./kassa-data].
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<String>,

    /// PostgreSQL to use instead of the embedded database; a password is better set as `KASSA_DATABASE`.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,

    /// File with the key that seals API keys and stored cards, mode 0600 [default: key-encryption.key in the data folder].
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<String>,
}

impl From<StoreFlags> for Flags {
    fn from(store: StoreFlags) -> Self {
        Flags { store, ..Flags::default() }
    }
}

impl Flags {
    /// Keys and texts, those set and those not.
    pub(super) fn into_pairs(self) -> [(&'static str, Option<String>); 31] {
        [
            ("listen", self.listen),
            ("metrics_listen", self.metrics_listen),
            ("public_url", self.public_url),
            ("tls", self.tls),
            ("tls_names", self.tls_names),
            ("tls_cert", self.tls_cert),
            ("tls_key", self.tls_key),
            ("data_dir", self.store.data_dir),
            ("database", self.store.database),
            ("key_file", self.store.key_file),
            ("role", self.role),
            ("log", self.log),
            ("log_format", self.log_format),
            ("traces_url", self.traces_url),
            ("traces_ratio", self.traces_ratio),
            ("notify_allow", self.notify_allow),
            ("cards_ranges", self.cards_ranges),
            ("acquirer_answer_ms", self.acquirer_answer_ms),
            ("page_wait_ms", self.page_wait_ms),
            ("notify_hold_ms", self.notify_hold_ms),
            ("drain_ms", self.drain_ms),
            ("connections_max", self.connections_max),
            ("connections_per_ip_max", self.connections_per_ip_max),
            ("requests_max", self.requests_max),
            ("rate_limit_live", self.rate_limit_live),
            ("rate_limit_test", self.rate_limit_test),
            ("database_lanes", self.database_lanes),
            ("database_readers", self.database_readers),
            ("database_statement_ms", self.database_statement_ms),
            ("database_lock_ms", self.database_lock_ms),
            ("history_days", self.history_days),
        ]
    }
}
