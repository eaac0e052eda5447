//! PostgreSQL servers of a test's own, beside the one that all tests share.

use super::free_address;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server; killed when dropped.
#[derive(Debug)]
pub(crate) struct DatabaseServer {
    pub(crate) data: PathBuf,
    pub(crate) address: String,
    process: Option<Child>,
}

impl DatabaseServer {
    /// One that is not there yet.
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned(), address: free_address(), process: None }
    }

    /// Makes it: whoever comes from this machine may do anything.
    pub(crate) fn create(&self) {
        let data = self.data.to_str().unwrap();
        let how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
        database_tool("initdb", &[&["-D", data], &how[..]].concat());
    }

    pub(crate) fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    /// Starts it with these settings.
    pub(crate) fn start(&mut self, settings: &[&str]) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let usual = ["listen_addresses=127.0.0.1", "max_connections=60", "shared_buffers=64MB"];
        let mut postgres = program("postgres");
        postgres.arg("-D").arg(&self.data).args(["-p", self.port(), "-k", ""]);
        postgres.args(usual.iter().chain(settings).flat_map(|setting| ["-c", setting]));
        self.process = Some(postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Power off: the server and all its processes at once.
    pub(crate) fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let id = process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let ids = std::iter::once(id.to_string()).chain(children.split_whitespace().map(str::to_owned));
        // Some may have ended by themselves.
        let _ = Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status();
        let _ = process.wait();
    }

    pub(crate) async fn wait_until_it_answers(&self) {
        let began = Instant::now();
        while tokio_postgres::connect(&self.admin("postgres"), NoTls).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "it does not start: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.admin("postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn number(&self, database: &str, sql: &str) -> i64 {
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

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder into which the server's user may write.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Runs a program of PostgreSQL to its end.
pub(crate) fn database_tool(name: &str, arguments: &[&str]) {
    let ran = program(name).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A program of PostgreSQL or, by its path, another one, run as a user whom the server accepts: it refuses to be root.
fn program(name: &str) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test script says where PostgreSQL is, and who runs it"
    )]
    let setting = |name: &str| std::env::var(name);
    let bin = setting("TEST_POSTGRES_BIN");
    let bin = bin.expect("TEST_POSTGRES_BIN is not set: run ./test, which finds PostgreSQL");
    let path = Path::new(&bin).join(name);
    let wrapper = setting("TEST_POSTGRES_AS").unwrap_or_default();
    let mut words = wrapper.split_whitespace().map(PathBuf::from).chain([path]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir("/").stdin(Stdio::null());
    command
}
