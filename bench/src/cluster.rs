//! A PostgreSQL server for one run: its own folder, a unix socket, no TCP port.

use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const START_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// PostgreSQL does not run as root: it is started as one of these.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A running server; it ends, and its data with it, when this is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    server: Child,
    data: PathBuf,
    /// Short, because the path of a socket may have 107 bytes.
    socket: PathBuf,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing of it is needed any more.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.data);
        let _ = fs::remove_dir_all(&self.socket);
    }
}

impl Cluster {
    /// Starts one, where PostgreSQL is installed.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let Some(programs) = find_programs() else { return Ok(None) };
        let name = format!("kassa-bench-postgres-{}", std::process::id());
        let data = std::env::current_dir().context("finding this folder")?.join(&name);
        let socket = std::env::temp_dir().join(&name);
        let user = user_to_be()?;
        for folder in [&data, &socket] {
            fs::create_dir(folder).with_context(|| format!("creating {}", folder.display()))?;
            if let Some((uid, gid)) = user {
                chown(folder, Some(uid), Some(gid))
                    .with_context(|| format!("giving {} away", folder.display()))?;
            }
        }
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(&socket).arg("-D").arg(&data).stdout(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made =
            program("initdb").args(["-U", "kassa", "-A", "trust", "-E", "UTF8", "--no-locale"]).status();
        ensure!(made.context("starting initdb")?.success(), "initdb failed");
        let settings =
            ["listen_addresses=", "max_connections=200", "shared_buffers=256MB", "max_wal_size=4GB"];
        let mut server = program("postgres");
        server.arg("-k").arg(&socket).args(settings.iter().flat_map(|setting| ["-c", setting]));
        let log = fs::File::create(socket.join("log")).context("creating the server's log")?;
        let server = server.stderr(log).spawn().context("starting postgres")?;
        let mut cluster = Self { server, data, socket };
        cluster.wait_until_it_answers()?;
        Ok(Some(cluster))
    }

    /// Of a database that is always there.
    pub(crate) fn url(&self) -> String {
        format!("postgres://kassa@{}/postgres", self.socket.display().to_string().replace('/', "%2F"))
    }

    fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while UnixStream::connect(self.socket.join(".s.PGSQL.5432")).is_err() {
            if let Some(status) = self.server.try_wait()? {
                let log = fs::read_to_string(self.socket.join("log")).unwrap_or_default();
                bail!("PostgreSQL ended while it started: {status}\n{log}");
            }
            ensure!(started.elapsed() < START_MAX, "PostgreSQL did not start within {START_MAX:?}");
            sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

/// The folder of the newest server: Debian keeps them off the path.
fn find_programs() -> Option<PathBuf> {
    let of_debian = fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = of_debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    folders.sort();
    let newest_first = folders.into_iter().rev().map(|(_, folder)| folder);
    let on_the_path = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].map(PathBuf::from);
    newest_first.chain(on_the_path).find(|folder| has_programs(folder))
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file())
}

/// The ids of an unprivileged user, where this process is root.
fn user_to_be() -> anyhow::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt as _;
    if fs::metadata("/proc/self").context("reading /proc")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let ids = |user: &&str| {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let of = fields.into_iter().find(|fields| fields.first() == Some(user))?;
        Some((of.get(2)?.parse().ok()?, of.get(3)?.parse().ok()?))
    };
    let found = USERS.iter().find_map(ids);
    found.context("PostgreSQL does not run as root, and there is no other user").map(Some)
}
