//! `kassa simulator`: the other side, for others to test against.

mod acquirer;
mod threeds;

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  kassa simulator acquirer --listen 127.0.0.1:8583
  kassa simulator 3ds --listen 127.0.0.1:8443";

/// `kassa simulator`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct Simulator {
    /// What to simulate.
    #[command(subcommand)]
    pub command: SimulatorCommand,
}

/// What to simulate.
#[derive(Debug, Clone, Subcommand)]
pub enum SimulatorCommand {
    /// An acquirer's host that speaks ISO 8583 over TCP.
    #[command(after_help = acquirer::EXAMPLES)]
    Acquirer(acquirer::Host),
    /// A directory server and an issuer that speak EMV 3-D Secure over HTTP.
    #[command(name = "3ds", after_help = threeds::EXAMPLES)]
    ThreeDs(threeds::ThreeDsHost),
}

pub(super) async fn run(command: SimulatorCommand) -> anyhow::Result<u8> {
    match command {
        SimulatorCommand::Acquirer(host) => acquirer::run(host).await,
        SimulatorCommand::ThreeDs(host) => threeds::run(host).await,
    }
}
