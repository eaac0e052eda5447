//! The gateway that is measured: the same binary in a process of its own, on data of its own.

use super::connection::Connection;
use super::process;
use super::shop::Shop;
use super::turn::Gateway;
use crate::store::Variant;
use anyhow::{Context as _, bail, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Of the one test site of every gateway that is measured.
pub(super) const KEY: &str = "bench-0123456789abcdef0123456789abcdef";
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether the gateway answers.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Where a gateway keeps its data.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) folder: PathBuf,
    /// A PostgreSQL database instead of a file in the folder.
    pub(super) database: Option<String>,
}

/// A running gateway; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) at: SocketAddr,
    /// Where it shows its metrics.
    metrics: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is asked to end by `stop`; what still runs here belongs to a measurement that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(super) async fn start(home: &Home, variant: Variant) -> anyhow::Result<Self> {
        let (at, metrics) = free_addresses().await?;
        let started = Instant::now();
        let own = std::env::current_exe().context("finding the own binary")?;
        let mut command = Command::new(own);
        command.args(["bench-serve", "--store", variant.word(), "--log", "error"]);
        command.args(["--listen", &at.to_string(), "--metrics-listen", &metrics.to_string()]);
        command.arg("--data-dir").arg(&home.folder);
        if let Some(url) = &home.database {
            command.env("KASSA_DATABASE", url).arg("--key-file").arg(key_file(&home.folder));
        }
        command.env("KASSA_TEST_API_KEY", KEY).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().context("starting a gateway")?;
        while TcpStream::connect(at).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("a gateway ended while it started: {status}");
            }
            ensure!(started.elapsed() < START_MAX, "a gateway did not start within {START_MAX:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Self { child, at, metrics })
    }

    pub(super) fn gateway(&self, shop: &Shop, known: &[String]) -> Gateway {
        Gateway {
            at: self.at,
            key: KEY.to_owned(),
            shop: shop.clone(),
            known: known.to_vec(),
            next: Arc::default(),
        }
    }

    /// Processor time used so far.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.child.id())
    }

    /// Commits of the store so far; each was synced before it was acknowledged.
    pub(super) async fn commits(&self) -> anyhow::Result<u64> {
        let mut connection = Connection::open(self.metrics).await?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.metrics);
        let shown = connection.send(request.as_bytes()).await?.body;
        let count = shown.lines().find_map(|line| line.strip_prefix("kassa_store_group_writes_count "));
        count.context("the gateway does not show how often it committed")?.parse().context("a count")
    }

    /// Memory in use, and the most there was, in MB.
    pub(super) fn memory_mb(&self) -> anyhow::Result<(u64, u64)> {
        process::memory_mb(self.child.id())
    }
}

/// The key-encryption key of a gateway on PostgreSQL.
pub(super) fn key_file(folder: &Path) -> PathBuf {
    folder.join("key-encryption.key")
}

/// Two different ones: both are taken before either is let go.
async fn free_addresses() -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let free = || tokio::net::TcpListener::bind("127.0.0.1:0");
    let (one, other) = (free().await, free().await);
    let address = |bound: std::io::Result<tokio::net::TcpListener>| bound?.local_addr();
    Ok((address(one).context("looking for a free port")?, address(other).context("looking for a free port")?))
}
