//! A peer as a process: it says its port and then what it sees, and does what is written to it.

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// An acquirer's host on pyiso8583.
    PythonHost,
    /// An acquirer's host on npm's iso_8583.
    NodeHost,
    /// A directory server and an ACS.
    Directory,
}

/// A running peer. It is killed when dropped, and complained about when finished.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(super) port: u16,
    events: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl Program {
    fn command(self) -> Command {
        let file = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name);
        let mut command = match self {
            Self::PythonHost | Self::Directory => Command::new(installed("TEST_PEERS_PYTHON")),
            Self::NodeHost => Command::new("node"),
        };
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        match self {
            Self::PythonHost => command.arg("-B").arg(file("acquirer_host.py")),
            Self::Directory => command.arg("-B").arg(file("ds_acs.py")),
            Self::NodeHost => {
                command.env("TEST_PEERS_NODE", installed("TEST_PEERS_NODE")).arg(file("acquirer_host.mjs"))
            }
        };
        command
    }
}

fn installed(variable: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the test script says where it put the peers")]
    let path = std::env::var_os(variable);
    path.unwrap_or_else(|| panic!("{variable} is not set: run ./test, which installs the peers")).into()
}

/// Runs a program to its end.
pub(super) fn run(program: Program, arguments: &[&str]) {
    let status = program.command().args(arguments).stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{program:?} {arguments:?}: {status}");
}

impl Peer {
    pub(super) fn start(program: Program, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program.command();
        command.args(["--port", "0", "--stop-with-stdin"]).args(arguments);
        let stderr = File::create(folder.path().join("stderr")).unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.next().and_then(|line| line.parse().ok());
        let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
        let port = port.unwrap_or_else(|| panic!("{program:?} has no port: {said}"));
        let events = Arc::<Mutex<Vec<Value>>>::default();
        let heard = Arc::clone(&events);
        let reader = std::thread::spawn(move || {
            lines.for_each(|line| heard.lock().unwrap().push(serde_json::from_str(&line).unwrap()));
        });
        let stdin = child.stdin.take();
        Self { child, stdin, port, events, reader: Some(reader), folder }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Everything it has seen.
    pub(super) fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// Tells it what to do.
    pub(super) fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for such an event.
    pub(super) async fn wait_for(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.wait_for_another(0, what, is).await
    }

    /// Waits for such an event after the first `seen` events.
    pub(super) async fn wait_for_another(
        &self,
        seen: usize,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let events = self.events();
            if let Some(found) = events.iter().skip(seen).find(|event| is(event)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "no {what} in {events:#?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Asks for what it prints of itself: `book`, or `state`.
    pub(super) async fn printed(&mut self, what: &str) -> Value {
        let seen = self.events().len();
        self.say(what);
        self.wait_for_another(seen, what, |event| event["event"] == what).await
    }

    /// Ends it: nothing was off its specification, and nothing in it broke.
    pub(super) fn finish(self) {
        self.finish_despite(&[]);
    }

    /// The same, where it complains of this and nothing else.
    pub(super) fn finish_despite(mut self, expected: &[&str]) {
        drop(self.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the peer does not end");
            std::thread::sleep(LOOK_AGAIN);
        };
        self.reader.take().unwrap().join().unwrap();
        let events = self.events();
        let violations: Vec<&Value> = events.iter().filter(|event| event["event"] == "violation").collect();
        let complaints: Vec<_> = violations.iter().filter_map(|event| event["why"].as_str()).collect();
        assert_eq!(complaints, expected, "off the specification: {violations:#?}");
        let stderr = fs::read_to_string(self.folder.path().join("stderr")).unwrap();
        assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.events();
            let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
            events
                .iter()
                .filter(|event| event["event"] != "answer")
                .for_each(|event| eprintln!("peer: {event}"));
            eprintln!("{said}");
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
