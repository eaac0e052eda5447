//! Two PostgreSQL servers, one the synchronous standby of the other, and what a cluster manager does with them.

use crate::harness::{DatabaseServer, database_tool, open_folder};
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Durable, as a shop's database has to be.
const SETTINGS: &[&str] = &[
    "fsync=on",
    "wal_keep_size=256MB",
    // Otherwise a standby that has just lost its primary may sleep for 5 s before it looks for a promotion.
    "wal_retrieve_retry_interval=100ms",
];

/// The pair. The first is the primary.
#[derive(Debug)]
pub(super) struct Cluster {
    primary: DatabaseServer,
    standby: DatabaseServer,
    _folder: TempDir,
}

impl Cluster {
    /// Makes a primary with the gateway's role and database, and its standby.
    pub(super) async fn start() -> Self {
        let folder = open_folder();
        let [primary, standby] = ["a", "b"].map(|name| DatabaseServer::new(&folder.path().join(name)));
        let mut cluster = Self { primary, standby, _folder: folder };
        cluster.primary.create();
        cluster.primary.start(SETTINGS);
        cluster.primary.wait_until_it_answers().await;
        for sql in ["CREATE ROLE kassa LOGIN", "CREATE DATABASE kassa OWNER kassa"] {
            cluster.primary.execute(sql).await;
        }
        cluster.rebuild().await;
        cluster
    }

    /// For the gateway: always the same hosts in the same order.
    pub(super) fn url(&self) -> String {
        let mut addresses = [self.primary.address.as_str(), &self.standby.address];
        addresses.sort_unstable();
        format!("postgres://kassa@{}/kassa", addresses.join(","))
    }

    /// Kills the primary with everything it has started, and promotes the standby; how long that took.
    pub(super) fn fail_over(&mut self) -> Duration {
        let began = Instant::now();
        self.primary.kill();
        let data = self.standby.data.to_str().unwrap();
        database_tool("pg_ctl", &["promote", "-D", data, "-w", "-t", "60"]);
        std::mem::swap(&mut self.primary, &mut self.standby);
        began.elapsed()
    }

    /// Makes the server that is down the standby of the other, and commits wait for it from then on.
    pub(super) async fn rebuild(&mut self) {
        let source = format!("host=127.0.0.1 port={} user=postgres", self.primary.port());
        let data = self.standby.data.to_str().unwrap().to_owned();
        if self.standby.data.exists() {
            fs::remove_dir_all(&self.standby.data).unwrap();
        }
        let settings = ["-d", &source, "-D", &data, "-R", "-X", "stream", "-c", "fast", "--no-sync"];
        database_tool("pg_basebackup", &settings);
        self.standby.start(SETTINGS);
        // A standby that was promoted commits alone until it has one itself: so it is with cluster managers.
        self.wait_for("SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'").await;
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.primary.execute("SELECT pg_reload_conf()").await;
        self.wait_for("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'").await;
    }

    async fn wait_for(&self, sql: &str) {
        let began = Instant::now();
        while self.primary.number("postgres", sql).await != 1 {
            assert!(began.elapsed() < PATIENCE, "there is no standby: {}", self.standby.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A number in the gateway's database.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        self.primary.number("kassa", sql).await
    }
}
