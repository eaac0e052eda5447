//! `kassa simulator acquirer`: the simulated acquirer host on a port, for others to test against.

use crate::acquirer::live::read_profile;
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::KeyRing;
use crate::logging;
use crate::random::Random;
use crate::simulator::acquirer_host::faults::{Fault, Kind, Planned, When};
use crate::simulator::acquirer_host::{ANYONE, AcquirerHost, Merchants};
use crate::store::open_to_buy::OpenToBuy;
use crate::store::{Location, Store};
use anyhow::Context as _;
use clap::Args;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

pub(super) const EXAMPLES: &str = "\
Examples:
  A host that speaks profile B; it takes any merchant, and the test cards of the README:
    kassa simulator acquirer --listen 127.0.0.1:8583
  One that does not answer every tenth message and sends every twentieth answer twice, the same ones at every start:
    kassa simulator acquirer --fault no_answer=10 --fault duplicate=5 --seed 7

  One that declines an amount that ends with 51 for insufficient funds, and so on:
    kassa simulator acquirer --amount-rules

The first line of its output is the address. It stops on SIGTERM or Ctrl-C, and says what is left to each card in minor
units. Its book is in a folder of its own that is removed at the end, unless --data-dir keeps it.";

/// `kassa simulator acquirer`.
#[derive(Debug, Clone, Args)]
pub struct Host {
    /// Address and port to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8583")]
    pub listen: SocketAddr,

    /// How messages are written: the letter of a built-in profile, or the path of another one.
    #[arg(long, value_name = "PROFILE", default_value = "B")]
    pub profile: String,

    /// Repeats what chance decides.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// What goes wrong, and for how many of a hundred messages; with how long `late` and `latency` take.
    #[arg(long, value_name = "KIND=PERCENT[:MILLISECONDS]", value_parser = fault)]
    pub fault: Vec<(&'static str, u8, Option<u32>)>,

    /// The last two digits of an amount decide what becomes of it: see docs/api/testing.md.
    #[arg(long)]
    pub amount_rules: bool,

    /// Folder to keep the book in.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

fn fault(text: &str) -> Result<(&'static str, u8, Option<u32>), String> {
    let kinds = || Kind::ALL.map(Kind::word).join(", ");
    let (kind, percent) = text.split_once('=').ok_or("must be like no_answer=10")?;
    let kind = Kind::parse(kind).ok_or_else(|| format!("must be one of {}", kinds()))?;
    let (percent, delay) =
        percent.split_once(':').map_or((percent, None), |(percent, ms)| (percent, Some(ms)));
    let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent));
    let delay = delay.map(|ms| ms.parse().map_err(|_| "milliseconds must be a whole number"));
    Ok((kind.word(), percent.ok_or("must be from 1 to 100 percent")?, delay.transpose()?))
}

pub(super) async fn run(host: Host) -> anyhow::Result<u8> {
    logging::log_init(&Config::default());
    let random = host.seed.map_or_else(Random::system, Random::seeded);
    let profile = read_profile(&host.profile)?;
    let folder = Folder::open(host.data_dir, &Random::system())?;
    let store = Store::open(&Location::File(folder.path().join("host.db"))).await?;
    let listener = TcpListener::bind(host.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", host.listen))?;
    let keys = Arc::new(folder.keys(&Random::system())?);
    let at_work = AcquirerHost::new(store.clone(), Clock::System, random, Merchants::Anyone, keys);
    let planned = host.fault.iter().filter_map(|(word, percent, delay)| {
        let kind = Kind::parse(word)?;
        let delay = delay.map_or(kind.usual_delay(), |ms| Duration::from_millis(ms.into()));
        Some(Fault { kind, when: When::Percent(*percent), delay, on: None })
    });
    let planned = Planned { faults: planned.collect(), by_amount: host.amount_rules };
    at_work.faults().plan(ANYONE, planned, host.seed.unwrap_or(0));
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        match accepted {
            Ok((stream, from)) => {
                tracing::info!(%from, "connected");
                let _ = stream.set_nodelay(true);
                let (at_work, profile) = (at_work.clone(), profile.clone());
                tokio::spawn(at_work.serve(Box::new(stream), profile, Some(ANYONE)));
            }
            // Out of descriptors, mostly: one that ends makes room.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    for OpenToBuy { last4, currency, line_minor, open_minor } in store.open_to_buy(ANYONE).await? {
        // Whoever started it may not be listening any more.
        let _ = writeln!(std::io::stdout(), "card …{last4} {currency}: {open_minor} left of {line_minor}");
    }
    Ok(0)
}

/// Where the book is.
struct Folder {
    path: PathBuf,
    /// Nobody asked to keep it.
    passing: bool,
}

impl Folder {
    fn open(named: Option<PathBuf>, random: &Random) -> anyhow::Result<Self> {
        let passing = named.is_none();
        let path = named.unwrap_or_else(|| {
            let mut name = [0; 8];
            random.fill(&mut name);
            std::env::temp_dir().join(format!("kassa-host-{:016x}", u64::from_le_bytes(name)))
        });
        let created = std::fs::DirBuilder::new().recursive(!passing).mode(0o700).create(&path);
        created.with_context(|| format!("creating the folder {}", path.display()))?;
        Ok(Self { path, passing })
    }

    /// What cards are recognised by in this book.
    fn keys(&self, random: &Random) -> anyhow::Result<KeyRing> {
        let path = self.path.join("key");
        if path.exists() { KeyRing::open(&path) } else { KeyRing::create(&path, random) }
    }

    fn path(&self) -> &std::path::Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            // It is in the folder for what is temporary: somebody else tidies up there.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
