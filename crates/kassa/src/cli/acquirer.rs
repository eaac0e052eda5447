//! `kassa acquirer check`: whether the acquirers of the configuration can be spoken to.

use crate::acquirer::live::Prepared;
use crate::clock::Clock;
use crate::config::{Config, Flags, StoreFlags};
use crate::logging;
use crate::random::Random;
use anyhow::bail;
use clap::{Args, Subcommand};
use std::io::Write as _;

const EXAMPLES: &str = "\
Examples:
  kassa acquirer check --config /etc/kassa.toml";

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

pub(super) async fn run(command: AcquirerCommand) -> anyhow::Result<u8> {
    let AcquirerCommand::Check(Check { name, store }) = command;
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
