//! The real binary: started, watched through its output, stopped or killed.

use super::{Database, inspect};
use kassa::store::Location;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything the binary does by itself may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Below the ports that systems hand out, so that nothing else gets one while the binary is down.
const PORTS: u16 = 20_000;
const PORTS_USED: u16 = 12_000;
/// How many of them this process has looked at.
static TAKEN: AtomicU16 = AtomicU16::new(0);

/// Where one deployment lives: its folder, its database, its settings. It outlives the processes on it.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    postgres: Option<String>,
    listen: String,
    environment: Vec<(String, String)>,
    starts: AtomicU16,
}

/// A running process, killed when dropped.
#[derive(Debug)]
pub(crate) struct Binary {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) stdout: PathBuf,
    pub(crate) stderr: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// A deployment that has never been started.
    pub(crate) async fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = match database.create(folder.path()).await {
            Location::File(_) => None,
            Location::Postgres(url) => Some(url),
        };
        Self::within(folder, postgres)
    }

    /// The same, on a PostgreSQL of the test's own.
    pub(crate) fn on(url: String) -> Self {
        Self::within(tempfile::tempdir().unwrap(), Some(url))
    }

    fn within(folder: TempDir, postgres: Option<String>) -> Self {
        fs::create_dir(folder.path().join("output")).unwrap();
        if postgres.is_some() {
            write_key(&folder.path().join("key"), 0o600);
        }
        let (listen, starts) = ("127.0.0.1:0".to_owned(), AtomicU16::new(0));
        Self { folder, postgres, listen, environment: Vec::new(), starts }
    }

    /// The same address at every start.
    pub(crate) fn at_one_address(mut self) -> Self {
        self.listen = free_address();
        self
    }

    /// This address at every start.
    pub(crate) fn at(mut self, listen: &str) -> Self {
        listen.clone_into(&mut self.listen);
        self
    }

    /// An environment variable for every process.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The base URL of a deployment that keeps its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    pub(crate) fn postgres(&self) -> Option<&str> {
        self.postgres.as_deref()
    }

    /// The folder of everything: data and output.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The embedded database.
    pub(crate) fn sqlite(&self) -> rusqlite::Connection {
        inspect::open(&self.data().join("kassa.db"))
    }

    /// Runs one statement and answers its rows as text; NULL is empty.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        let location = match &self.postgres {
            Some(url) => Location::Postgres(url.clone()),
            None => Location::File(self.data().join("kassa.db")),
        };
        inspect::rows(&location, sql).await
    }

    /// A command of the binary, with nothing of this process's environment but the path.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command.env("KASSA_DATA_DIR", self.data());
        if let Some(url) = &self.postgres {
            command.env("KASSA_DATABASE", url).env("KASSA_KEY_FILE", self.folder.path().join("key"));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Starts serving without waiting until it does.
    pub(crate) fn spawn(&self) -> Binary {
        self.spawn_within(|command| command)
    }

    /// The same, with the command changed: to be run by another one that becomes it.
    pub(crate) fn spawn_within(&self, change: impl FnOnce(Command) -> Command) -> Binary {
        let number = self.starts.fetch_add(1, Ordering::SeqCst);
        let output = |kind| self.folder.path().join("output").join(format!("{number}.{kind}"));
        let (stdout, stderr) = (output("stdout"), output("stderr"));
        let mut command = self.command(&["serve"]);
        command.env("KASSA_LISTEN", &self.listen);
        let child = change(command)
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Binary::of(child, stdout, stderr)
    }

    /// Starts and waits until it serves.
    pub(crate) async fn serve(&self) -> Binary {
        let mut binary = self.spawn();
        binary.wait_until_serving().await;
        binary
    }
}

impl Binary {
    /// A process that was started by hand.
    pub(crate) fn of(child: Child, stdout: PathBuf, stderr: PathBuf) -> Self {
        Self { child, url: String::new(), key: String::new(), stdout, stderr }
    }

    /// Reads address and key off the output, as a person would.
    pub(crate) async fn wait_until_serving(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = fs::read_to_string(&self.stdout).unwrap();
            let after = |mark: &str| {
                let rest = text.split_once(mark)?.1;
                rest.split_once('\n').map(|(line, _)| line.trim().to_owned())
            };
            if let (Some(url), Some(key)) = (after("Kassa is running at "), after("API key ")) {
                (self.url, self.key) = (url, key);
                return;
            }
            let ended = self.child.try_wait().unwrap();
            let log = || fs::read_to_string(&self.stderr).unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}: {}", log());
            assert!(Instant::now() < deadline, "it does not serve: {}", log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Power off, as far as the process can tell.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// How it ended, once it has.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops it in good order.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.ended().await
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody else gets, also while nobody listens there.
pub(crate) fn free_address() -> String {
    let first = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let port = PORTS + (first + TAKEN.fetch_add(1, Ordering::SeqCst)) % PORTS_USED;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}

/// The binary with these arguments and no settings.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(named().unwrap_or_else(|| env!("CARGO_BIN_EXE_kassa").into()));
    command.args(arguments).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

/// Another binary to test, one that was built to be fast.
#[expect(clippy::disallowed_methods, reason = "what to test is for whoever tests")]
fn named() -> Option<PathBuf> {
    std::env::var_os("TEST_KASSA").map(PathBuf::from)
}

/// Runs to the end, within limits.
pub(crate) fn run(command: &mut Command) -> Ran {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A key file as `openssl rand -hex 32` writes it.
pub(crate) fn write_key(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, format!("{}\n", "5a".repeat(32))).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
