//! Where the database is: the URL as libpq's users write it, and connecting to whichever of its hosts takes writes.
//!
//! All hosts are tried at once and the first that takes writes is used: after a failover neither a host that is gone
//! nor one that hangs delays finding the new primary. A standby refuses by itself.

use super::super::db::PoolLimits;
use super::tls::Tls;
use anyhow::{Context as _, anyhow};
use futures_util::future::{BoxFuture, FutureExt as _, poll_fn, select_ok};
use std::error::Error as StdError;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::{AsyncMessage, Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a connection may take until it can be used.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A URL that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(super) tls: Tls,
}

impl Address {
    /// Reads a URL or connection string. `sslmode` and the files of certificates are as libpq's.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (rest, tls) = Tls::take(text)?;
        // The client's own message may quote a part of the password.
        let unusable =
            |_| "is not a usable postgres:// URL (special characters in the password are written %XX)";
        let mut config = Config::from_str(&rest).map_err(unusable)?;
        if config.get_hosts().is_empty() {
            return Err("names no host".to_owned());
        }
        if tls.is_demanded() {
            config.ssl_mode(SslMode::Require);
        }
        Ok(Self { config, tls })
    }
}

/// The servers of a URL.
#[derive(Clone)]
pub(super) struct Servers {
    /// One for each host.
    hosts: Arc<[Config]>,
    tls: MakeRustlsConnect,
}

/// A connection of a lane.
#[derive(Debug)]
pub(in crate::store) struct Wire {
    pub(in crate::store) client: Client,
    driver: AbortHandle,
    warned: Arc<AtomicBool>,
}

impl Wire {
    /// Whether the server has warned of anything since this was last asked.
    pub(super) fn was_warned(&self) -> bool {
        self.warned.swap(false, Ordering::SeqCst)
    }
}

/// Whatever is under way on it is given up; the server rolls back what is open.
impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Servers {
    pub(super) fn new(url: &str, limits: PoolLimits) -> anyhow::Result<Self> {
        let Address { config, tls } = Address::parse(url).map_err(|why| anyhow!("the database URL {why}"))?;
        let hosts = (0..config.get_hosts().len()).map(|at| one_host(&config, at, limits));
        let tls = tls.connector().context("reading the certificates for the database")?;
        Ok(Self { hosts: hosts.collect(), tls })
    }

    /// Any of the hosts, for what needs a configuration and connects by [`deadpool_postgres::Connect`].
    pub(super) fn some_host(&self) -> Config {
        self.hosts.first().cloned().unwrap_or_default()
    }

    /// The first host that takes writes.
    pub(super) async fn connect(&self) -> Result<Wire, String> {
        match tokio::time::timeout(CONNECT_WITHIN, self.race()).await {
            Ok(Ok((client, driver, warned))) => Ok(Wire { client, driver: driver.abort_handle(), warned }),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(format!("no database server answers within {} s", CONNECT_WITHIN.as_secs())),
        }
    }

    async fn race(&self) -> Result<(Client, JoinHandle<()>, Arc<AtomicBool>), tokio_postgres::Error> {
        let tries = self.hosts.iter().map(|host| {
            let tls = self.tls.clone();
            async move { host.connect(tls).await }.boxed()
        });
        let ((client, connection), _) = select_ok(tries).await?;
        let warned = Arc::new(AtomicBool::new(false));
        let driver = tokio::spawn(drive(connection, Arc::clone(&warned)));
        Ok((client, driver, warned))
    }
}

impl deadpool_postgres::Connect for Servers {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        self.race().map(|connected| connected.map(|(client, driver, _)| (client, driver))).boxed()
    }
}

/// Moves bytes until the connection ends.
async fn drive<S, T>(mut connection: Connection<S, T>, warned: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) if notice.parsed_severity() == Some(Severity::Warning) => {
                tracing::warn!(warning = %words(&notice), "the database warns");
                warned.store(true, Ordering::SeqCst);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %words(&error), "a database connection ended");
                return;
            }
        }
    }
}

/// The settings with one of their hosts and what every connection of ours has.
fn one_host(all: &Config, at: usize, limits: PoolLimits) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(at) {
        #[cfg(unix)]
        Some(tokio_postgres::config::Host::Unix(folder)) => one.host_path(folder),
        Some(tokio_postgres::config::Host::Tcp(name)) => one.host(name),
        None => &mut one,
    };
    if let Some(address) = all.get_hostaddrs().get(at) {
        one.hostaddr(*address);
    }
    if let Some(port) = all.get_ports().get(at).or(all.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.options(format!(
        "{} -c lock_timeout={} -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
        all.get_options().unwrap_or_default(),
        limits.lock_ms,
        limits.statement_ms,
        SILENCE_MAX.as_millis(),
    ));
    one.application_name(all.get_application_name().unwrap_or("kassa"))
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .connect_timeout(*all.get_connect_timeout().unwrap_or(&CONNECT_WITHIN))
        .tcp_user_timeout(*all.get_tcp_user_timeout().unwrap_or(&SILENCE_MAX))
        .keepalives(all.get_keepalives())
        .keepalives_idle(Duration::from_secs(30))
        // A gateway on a standby could do nothing but fail later.
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    one
}

/// An error with its causes, in one line. Of what the server says only the message: its details may hold values.
pub(in crate::store) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = match error.downcast_ref::<DbError>() {
            Some(said) => format!("{} ({})", said.message(), said.code().code()),
            None => error.to_string(),
        };
        let separator = if text.is_empty() { "" } else { ": " };
        text = format!("{text}{separator}{part}");
        next = error.source();
    }
    text.replace('\n', " ")
}
