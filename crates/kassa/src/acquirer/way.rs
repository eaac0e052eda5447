//! How there comes to be a connection to an acquirer's host: we call it, or it calls us.

use super::link::Dial;
use super::link::dial::{Tcp, Tls};
use super::link::listen::{Callers, Listening};
use crate::config::Acquirer as Configured;
use crate::config::acquirer::AcquirerTls;
use crate::server::tls::{read_identity, refuse_if_others_can_read};
use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// One way or the other, with the files that TLS needs read.
#[derive(Clone)]
pub(super) enum Way {
    /// We call it at `host:port`.
    Call { address: String, tls: Option<Tls> },
    /// It calls us here.
    Called { at: SocketAddr, callers: Callers, port: Option<Arc<TcpListener>> },
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Way {
    /// Reads what `configured` names.
    pub(super) fn read(configured: &Configured) -> anyhow::Result<Self> {
        let tls = configured.tls.as_ref();
        match (&configured.address, configured.listen) {
            (Some(address), None) => {
                let tls = tls.map(|tls| calling(tls, address)).transpose()?;
                Ok(Self::Call { address: address.clone(), tls })
            }
            (None, Some(at)) => {
                let from = configured.callers.iter().map(IpAddr::to_canonical).collect();
                let callers = Callers { from, tls: tls.map(called).transpose()? };
                Ok(Self::Called { at, callers, port: None })
            }
            _ => bail!("either address or listen must be set"),
        }
    }

    /// For people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Call { address, .. } => address.clone(),
            Self::Called { at, .. } => format!("called at {at}"),
        }
    }

    /// Takes the port, if it is ours to take and not taken yet.
    pub(super) fn bind(&mut self) -> anyhow::Result<()> {
        if let Self::Called { at, port: port @ None, .. } = self {
            let taken = TcpListener::bind(*at).and_then(|taken| taken.set_nonblocking(true).map(|()| taken));
            *port = Some(Arc::new(taken.with_context(|| format!("listening on {at}"))?));
        }
        Ok(())
    }

    /// Where connections come from. Needs a runtime, and a port that was taken.
    pub(super) fn dialer(self, connect_within: Duration) -> Arc<dyn Dial> {
        match self {
            Self::Call { address, tls } => Arc::new(Tcp { address, tls }),
            Self::Called { at, callers, port } => Arc::new(Listening::at(at, port, callers, connect_within)),
        }
    }
}

/// As the one who calls.
fn calling(tls: &AcquirerTls, address: &str) -> anyhow::Result<Tls> {
    let roots = authorities(&tls.ca)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("preparing TLS")?
        .with_root_certificates(roots);
    let config = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            let shown = key.display();
            refuse_if_others_can_read(key).with_context(|| format!("reading the TLS key {shown}"))?;
            let private =
                PrivateKeyDer::from_pem_file(key).with_context(|| format!("reading the TLS key {shown}"))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, private)
                .with_context(|| format!("using the TLS key {shown} for {}", certificate.display()))?
        }
        _ => builder.with_no_client_auth(),
    };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let name = tls.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']);
    let name = ServerName::try_from(name.to_owned()).with_context(|| format!("the server name {name:?}"))?;
    Ok(Tls { name, config: Arc::new(config) })
}

/// As the one who is called: by nobody who shows no certificate of these authorities.
fn called(tls: &AcquirerTls) -> anyhow::Result<TlsAcceptor> {
    let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
        bail!("a host that calls has to be shown a certificate");
    };
    let (chain, private) = read_identity(certificate, key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(authorities(&tls.ca)?);
    let callers = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
    let callers = callers.with_context(|| format!("using the authorities {}", tls.ca.display()))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("preparing TLS")?
        .with_client_cert_verifier(callers)
        .with_single_cert(chain, private)
        .with_context(|| format!("using the TLS key {} for {}", key.display(), certificate.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn authorities(file: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(file)? {
        roots.add(authority).with_context(|| format!("the authority in {}", file.display()))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .with_context(|| format!("reading the TLS certificate {}", path.display()))?;
    if found.is_empty() {
        bail!("there is no PEM certificate in {}", path.display());
    }
    Ok(found)
}
