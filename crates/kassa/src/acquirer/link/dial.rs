//! How a host is reached: by TCP, with TLS or without, or in this process.

use super::connection::Stream;
use crate::simulator::acquirer_host::AcquirerHost;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use iso8583::Profile;
use payments::ids::SiteId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Somewhere that a session can be connected to, again and again.
pub(crate) trait Dial: Send + Sync + fmt::Debug {
    /// A new connection.
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;

    /// Whether the other side calls, so that it may take as long as it likes.
    fn is_called(&self) -> bool {
        false
    }

    /// Whom it leads to, for the log; `None` where that is this process, of which there is nothing to tell.
    fn address(&self) -> Option<&str>;
}

/// How many bytes are on their way between the gateway and the host in this process.
const PIPE: usize = 64 * 1024;

/// The built-in host: it is in this process, and messages cross from one end of a pipe to the other.
#[derive(Debug)]
pub(crate) struct InProcess {
    pub(crate) host: AcquirerHost,
    pub(crate) profile: Profile,
    /// Whose plan of faults the connection itself follows.
    pub(crate) site: Option<SiteId>,
}

impl Dial for InProcess {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let (host, profile, site) = (self.host.clone(), self.profile.clone(), self.site);
        tokio::spawn(async move { host.serve(Box::new(theirs), profile, site).await });
        async move { Ok(Box::new(ours) as Box<dyn Stream>) }.boxed()
    }

    fn address(&self) -> Option<&str> {
        None
    }
}

/// A host that is called.
#[derive(Debug)]
pub(crate) struct Tcp {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) tls: Option<Tls>,
}

/// What a host's certificate is checked against, and with which of our own it is called.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) name: ServerName<'static>,
    /// With the client's certificate, where the host wants one.
    pub(crate) config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Dial for Tcp {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        async move {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            match &self.tls {
                None => Ok(Box::new(stream) as Box<dyn Stream>),
                Some(Tls { name, config }) => {
                    let connector = TlsConnector::from(Arc::clone(config));
                    Ok(Box::new(connector.connect(name.clone(), stream).await?) as Box<dyn Stream>)
                }
            }
        }
        .boxed()
    }

    fn address(&self) -> Option<&str> {
        Some(&self.address)
    }
}
