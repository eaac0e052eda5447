//! `kassa acquirer check` and `status`: whether the acquirers of the configuration can be spoken to, and how they are
//! doing.

use crate::acquirer::live::Prepared;
use crate::acquirer::status::{State, Status};
use crate::clock::Clock;
use crate::config::{Config, Flags, StoreFlags};
use crate::logging;
use crate::random::Random;
use crate::server::status;
use anyhow::bail;
use clap::{Args, Subcommand};
use std::io::Write as _;

const EXAMPLES: &str = "\
Examples:
  kassa acquirer check --config /etc/kassa.toml
  kassa acquirer status --config /etc/kassa.toml";

const STATUS_EXAMPLES: &str = "\
Examples:
  How the links of the running gateway are doing:
    kassa acquirer status --config /etc/kassa.toml
  For programs:
    kassa acquirer status --json --data-dir /var/lib/kassa

Asks the gateway that runs on the same data folder, over status.sock in it. Numbers are since its start. Exit code: 0
every acquirer is up, 1 one is not, or no gateway runs there.";

const CHECK_EXAMPLES: &str = "\
Examples:
  Try every acquirer of the file:
    kassa acquirer check --config /etc/kassa.toml
  One of them:
    kassa acquirer check example --config /etc/kassa.toml

Calls the host, or waits a minute for its call where `listen` is set; signs on, sends an echo and signs off. No card is
involved. A host that takes one session at a time may refuse while a gateway is connected to it, and a port can be
listened on once. Exit code: 0 everything was answered, 1 something was not.";

/// `kassa acquirer`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct Acquirer {
    /// What to do with acquirers.
    #[command(subcommand)]
    pub command: AcquirerCommand,
}

/// What to do with acquirers.
#[derive(Debug, Clone, Subcommand)]
pub enum AcquirerCommand {
    /// Dial, sign on, send an echo, and say how it went.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// How the links of the running gateway are doing.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusOf),
}

/// `kassa acquirer check`.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// Its name in the configuration; every one of them without this.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// Where the configuration is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// `kassa acquirer status`.
#[derive(Debug, Clone, Args)]
pub struct StatusOf {
    /// Its name in the configuration; every one of them without this.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// As JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the configuration is.
    #[command(flatten)]
    pub store: StoreFlags,
}

pub(super) async fn run(command: AcquirerCommand) -> anyhow::Result<u8> {
    match command {
        AcquirerCommand::Check(check) => run_check(check).await,
        AcquirerCommand::Status(status) => run_status(status).await,
    }
}

async fn run_status(StatusOf { name, json, store }: StatusOf) -> anyhow::Result<u8> {
    let config = Config::load(Flags::from(store))?;
    logging::log_init(&config);
    let mut statuses = status::ask(&config.data_dir).await?;
    statuses.retain(|status| name.as_ref().is_none_or(|name| *name == status.acquirer));
    if let (Some(name), true) = (name, statuses.is_empty()) {
        bail!("no acquirer of the running gateway is called {name:?}");
    }
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&statuses)?)?;
    } else {
        for status in &statuses {
            let Status { acquirer, state, signed_on, sessions, in_flight, .. } = status;
            writeln!(out, "{acquirer}: {}", state.word())?;
            writeln!(out, "  {:<14} {signed_on} of {sessions}", "signed on")?;
            writeln!(out, "  {:<14} {in_flight}", "in flight")?;
            for (what, number) in status.counted() {
                writeln!(out, "  {what:<14} {number}")?;
            }
        }
    }
    Ok(u8::from(statuses.iter().any(|status| status.state != State::Up)))
}

async fn run_check(Check { name, store }: Check) -> anyhow::Result<u8> {
    let config = Config::load(Flags::from(store))?;
    logging::log_init(&config);
    let wanted =
        |acquirer: &&crate::config::Acquirer| name.as_ref().is_none_or(|name| *name == acquirer.name);
    let acquirers: Vec<_> = config.acquirers.iter().filter(wanted).collect();
    if acquirers.is_empty() {
        match name {
            Some(name) => bail!("no acquirer is called {name:?} in the configuration"),
            None => bail!("there is no [[acquirer]] in the configuration"),
        }
    }
    let mut out = std::io::stdout().lock();
    let mut failed = 0;
    for acquirer in acquirers {
        let prepared = Prepared::new(acquirer)?;
        writeln!(out, "{}: {}", acquirer.name, prepared.place())?;
        let mut told = Ok(());
        let checked = prepared.check(Clock::System, Random::system(), |step| {
            let line = writeln!(out, "  ok    {} ({} ms)", step.done, step.took.as_millis());
            told = std::mem::replace(&mut told, Ok(())).and(line);
        });
        let checked = checked.await;
        told?;
        if let Err(why) = checked {
            writeln!(out, "  FAILED  {why:#}")?;
            failed = 1;
        }
    }
    Ok(failed)
}
