//! The acquirer's host as a process of its own, and who is who to it.

use crate::harness::{Home, bare, free_address};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// What goes wrong. Each kind is drawn after the ones before it, so that a third of the messages is hit.
const FAULTS: &[&str] = &[
    "no_answer=6",
    "latency=7:600",
    "late=5:3000",
    "held=4:4000",
    "duplicate=7",
    "reorder=6",
    "garbage=3",
    "half_frame=1",
    "drop_before=1",
    "drop_after=2",
    "refuse_sign_on=3",
];

/// A site. Each has an acquirer of its own, with a host that works in its own way.
#[derive(Debug)]
pub(crate) struct Site {
    name: &'static str,
    pub(crate) id: i64,
    terminal: &'static str,
    /// Whether this acquirer can be asked; the other one only takes reversals.
    has_inquiry: bool,
    reverses_by_advice: bool,
    /// Whether it has to be told to collect what is paid at once.
    completion: bool,
}

pub(crate) const SITES: &[Site] = &[
    Site {
        name: "asks",
        id: 1,
        terminal: "TERM0001",
        has_inquiry: true,
        reverses_by_advice: false,
        completion: false,
    },
    Site {
        name: "reverses",
        id: 2,
        terminal: "TERM0002",
        has_inquiry: false,
        reverses_by_advice: true,
        completion: true,
    },
];

impl Site {
    /// Opens the shop at the gateway; its key.
    pub(crate) fn open(&self, home: &Home) -> String {
        let ran = home.run(&["sites", "create", "--name", self.name]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.starts_with(&format!("Site {}: ", self.id)), "{ran:?}");
        ran.stdout.split_once("API key: ").unwrap().1.trim().to_owned()
    }
}

/// The host. Killed when dropped; its book and its log stay.
#[derive(Debug)]
pub(crate) struct Host {
    address: String,
    book: PathBuf,
    log: PathBuf,
    seed: u64,
    goes_wrong: bool,
    child: Option<Child>,
}

impl Host {
    pub(crate) fn new(folder: &Path, seed: u64) -> Self {
        let (book, log) = (folder.join("book"), folder.join("host.log"));
        Self { address: free_address(), book, log, seed, goes_wrong: true, child: None }
    }

    /// Settings of a gateway that calls this host; their path.
    pub(crate) fn configure(&self, folder: &Path) -> String {
        let acquirer = |site: &Site| {
            let Site { name, id, terminal, has_inquiry, reverses_by_advice, completion } = site;
            let address = &self.address;
            format!(
                r#"
                [[acquirer]]
                name = "{name}"
                address = "{address}"
                acquirer_id = "525000"
                country = "528"
                merchant_category = "5732"
                city = "Utrecht"
                country_letters = "NLD"
                currencies = ["EUR"]
                has_inquiry = {has_inquiry}
                reverses_by_advice = {reverses_by_advice}
                completion = {completion}
                sessions = 8
                timers = {{ reconnect_ms = 20, reconnect_max_ms = 200, sign_on_ms = 500 }}
                site = [{{ id = {id}, terminal_id = "{terminal}", merchant_id = "MERCHANT0000001" }}]
                "#
            )
        };
        let path = folder.join("kassa.toml");
        fs::write(&path, SITES.iter().map(acquirer).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Starts it on its book; once this returns it can be called.
    pub(crate) fn start(&mut self) {
        let mut command = bare(&["simulator", "acquirer", "--listen", &self.address]);
        command.arg("--data-dir").arg(&self.book);
        if self.goes_wrong {
            // Another seed each time: otherwise every life would begin with the same faults.
            self.seed = self.seed.wrapping_add(1);
            command.args(["--seed", &self.seed.to_string()]);
            FAULTS.iter().for_each(|fault| {
                command.args(["--fault", fault]);
            });
        }
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        assert_eq!(address.trim(), self.address, "{}", fs::read_to_string(&self.log).unwrap());
        self.child = Some(child);
    }

    /// Power off.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// From the next start on nothing goes wrong.
    pub(crate) fn behave(&mut self) {
        self.goes_wrong = false;
    }

    /// The file of its book.
    pub(crate) fn book(&self) -> PathBuf {
        self.book.join("host.db")
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}
