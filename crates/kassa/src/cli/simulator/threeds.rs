//! `kassa simulator 3ds`: the simulated directory server and issuer on a port, for others to test against.

use crate::clock::Clock;
use crate::config::Config;
use crate::logging;
use crate::outbound::{self, Trust};
use crate::random::Random;
use crate::server::{self, Limits, tls::Tls};
use crate::simulator::directory_server::DirectoryServer;
use crate::simulator::issuer::Memory;
use crate::simulator::peer::Peer;
use anyhow::{Context as _, bail};
use clap::Args;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

pub(super) const EXAMPLES: &str = "\
Examples:
  Messages are taken at http://127.0.0.1:8443/simulator/3ds:
    kassa simulator 3ds --listen 127.0.0.1:8443
  Over mutual TLS, as directory servers are reached; whoever asks shows a certificate of clients.pem, and results are
  brought with the simulator's own:
    kassa simulator 3ds --listen 127.0.0.1:8443 --cert ds.pem --key ds.key --client-ca clients.pem

Its output is the address for messages, and that of the issuer's pages. What a card does is in the README: every card takes part, and the ranges
67999930, 51000030 and 40000030 spell out what happens. It remembers nothing when it ends, and stops on SIGTERM or
Ctrl-C.";

/// `kassa simulator 3ds`.
#[derive(Debug, Clone, Args)]
pub struct ThreeDsHost {
    /// Address and port to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,

    /// With a certificate: address and port of the pages that browsers open, which have none to show.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub pages: SocketAddr,

    /// PEM file with the certificate to show, also where results are brought.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// PEM file with its private key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// PEM file with the authorities whose certificates are let in, and whose are trusted where results are brought.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub client_ca: Option<PathBuf>,
}

pub(super) async fn run(host: ThreeDsHost) -> anyhow::Result<u8> {
    logging::log_init(&Config::default());
    if !host.listen.ip().is_loopback() || !host.pages.ip().is_loopback() {
        bail!(
            "--listen and --pages must be an address of this machine: a simulator is not for others to reach"
        );
    }
    let listener = TcpListener::bind(host.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", host.listen))?;
    let address = listener.local_addr().context("reading the address listened on")?;
    let tls = match (&host.cert, &host.key, &host.client_ca) {
        (Some(cert), Some(key), Some(ca)) => Some(Tls::mutual(cert, key, ca)?),
        (Some(cert), Some(key), None) => Some(Tls::from_files(cert, key)?),
        _ => None,
    };
    // Browsers have no certificate to show: with TLS the issuer's pages are at an address of their own.
    let apart = match tls {
        Some(_) => Some(
            TcpListener::bind(host.pages).await.with_context(|| format!("listening on {}", host.pages))?,
        ),
        None => None,
    };
    let pages_at =
        apart.as_ref().map_or(Ok(address), TcpListener::local_addr).context("reading the address")?;
    let pages_url = format!("http://{pages_at}");
    let memory = Memory::Process(Arc::default());
    let server = DirectoryServer::new(pages_url.clone(), memory, Clock::System, Random::system());
    let peer = Peer::alone(server, Clock::System, client(&host)?);
    let pages = peer.clone().pages().merge(Peer::assets());
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    // At once: whoever reads the first line may not wait for the second.
    let addresses = format!("{scheme}://{address}/simulator/3ds\n{pages_url}\n");
    std::io::stdout().write_all(addresses.as_bytes())?;
    let stopping = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    match apart {
        None => {
            let router = peer.messages().merge(pages);
            server::serve(listener, tls, router, Limits::default(), stopping).await;
        }
        Some(apart) => {
            let showing = server::serve(apart, None, pages, Limits::default(), std::future::pending());
            let showing = tokio::spawn(showing);
            server::serve(listener, tls, peer.messages(), Limits::default(), stopping).await;
            showing.abort();
        }
    }
    Ok(0)
}

/// Who brings results.
fn client(host: &ThreeDsHost) -> anyhow::Result<outbound::Client> {
    let mut options = outbound::Options::default();
    if let (Some(cert), Some(key)) = (&host.cert, &host.key) {
        let (chain, key) = server::tls::read_identity(cert, key)?;
        options.identity = Some(Arc::new(outbound::Identity::new(chain, key)));
    }
    if let Some(ca) = &host.client_ca {
        options.trust = Trust::Only(server::tls::read_authorities(ca)?);
    }
    outbound::Client::new(options).context("preparing TLS")
}
