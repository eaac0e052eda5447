//! Two PostgreSQL servers, one the synchronous standby of the other, and what a cluster manager does with them.

use crate::harness::free_address;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pair. The first is the primary.
#[derive(Debug)]
pub(super) struct Cluster {
    primary: Server,
    standby: Server,
    folder: TempDir,
}

/// One of them; killed when dropped.
#[derive(Debug)]
struct Server {
    data: PathBuf,
    address: String,
    process: Option<Child>,
}

impl Cluster {
    /// Makes a primary with the gateway's role and database, and its standby.
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        // The servers may run as another user: PostgreSQL refuses to be root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let [primary, standby] = ["a", "b"].map(|name| Server {
            data: folder.path().join(name),
            address: free_address(),
            process: None,
        });
        let mut cluster = Self { primary, standby, folder };
        let data = cluster.primary.data.to_str().unwrap().to_owned();
        cluster.tool(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
        );
        cluster.primary.start(cluster.folder.path());
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
        self.tool("pg_ctl", &["promote", "-D", data, "-w", "-t", "60"]);
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
        self.tool("pg_basebackup", &settings);
        self.standby.start(self.folder.path());
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

    fn tool(&self, name: &str, arguments: &[&str]) {
        let ran = program(name, self.folder.path()).args(arguments).output().unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

impl Server {
    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    /// Durable, as a shop's database has to be.
    fn start(&mut self, folder: &Path) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let settings = [
            "listen_addresses=127.0.0.1",
            "fsync=on",
            "max_connections=60",
            "shared_buffers=64MB",
            "wal_keep_size=256MB",
            // Otherwise a standby that has just lost its primary may sleep for 5 s before it looks for a promotion.
            "wal_retrieve_retry_interval=100ms",
        ];
        let mut postgres = program("postgres", folder);
        postgres.arg("-D").arg(&self.data).args(["-p", self.port(), "-k", ""]);
        postgres.args(settings.iter().flat_map(|setting| ["-c", setting]));
        self.process = Some(postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Power off: the server and all its processes at once.
    fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let id = process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let ids = std::iter::once(id.to_string()).chain(children.split_whitespace().map(str::to_owned));
        // Some may have ended by themselves.
        let _ = Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status();
        let _ = process.wait();
    }

    async fn wait_until_it_answers(&self) {
        let began = Instant::now();
        while tokio_postgres::connect(&self.admin("postgres"), NoTls).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "it does not start: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn execute(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.admin("postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    }

    async fn number(&self, database: &str, sql: &str) -> i64 {
        let (client, connection) = tokio_postgres::connect(&self.admin(database), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(sql, &[]).await.unwrap().get(0)
    }

    fn admin(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address)
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program of PostgreSQL, run as a user whom it accepts.
fn program(name: &str, folder: &Path) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test script says where PostgreSQL is, and who runs it"
    )]
    let setting = |name: &str| std::env::var(name);
    let bin = setting("TEST_POSTGRES_BIN");
    let bin = bin.expect("TEST_POSTGRES_BIN is not set: run ./test, which finds PostgreSQL");
    let path = Path::new(&bin).join(name);
    let wrapper = setting("TEST_POSTGRES_AS").unwrap_or_default();
    let mut words = wrapper.split_whitespace();
    let mut command = match words.next() {
        Some(first) => {
            let mut command = Command::new(first);
            command.args(words).arg(path);
            command
        }
        None => Command::new(path),
    };
    command.current_dir(folder).stdin(Stdio::null());
    command
}
