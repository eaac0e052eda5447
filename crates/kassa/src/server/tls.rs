//! HTTPS: what the server shows to prove its name.
//!
//! Either an operator's own certificate, or one from an authority of this deployment ([`Authority`]), which a shop's
//! developer makes the shop trust. A certificate from our own authority lives in memory only. It is made at the
//! start, for the names set then, and made anew long before it ends, so that neither a changed name nor a process
//! that runs for a year is a case of its own.

mod authority;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use payments::time::{Millis, Timestamp};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
pub use authority::Authority;
pub(crate) use authority::refuse_if_others_can_read;

/// How long a certificate from our own authority lasts.
const LEAF_DAYS: i64 = 90;
/// With so many of its days left it is replaced.
const RENEW_DAYS: i64 = 30;

/// The server's side of TLS: 1.2 and 1.3, HTTP/1.1 only, no client certificates. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Shows the certificate in one PEM file with the private key in another.
    ///
    /// # Errors
    /// When a file cannot be read or others can read the key, or the two do not belong together.
    pub fn from_files(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let (chain, private) = read_identity(certificate, key)?;
        let shown = key.display();
        let shown_key = CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider())
            .with_context(|| format!("using the TLS key {shown} for {}", certificate.display()))?;
        Self::new(Arc::new(Fixed(Arc::new(shown_key))))
    }

    /// Shows certificates for `names` from our own authority.
    ///
    /// # Errors
    /// When the authority cannot vouch for them.
    pub fn local(authority: Authority, names: Vec<String>, clock: Clock) -> anyhow::Result<Self> {
        let now = clock.now();
        let leaf = Leaf { shown: authority.issue(&names, now, LEAF_DAYS)?, made: now };
        Self::new(Arc::new(Renewed { authority, names, clock, leaf: Mutex::new(leaf) }))
    }

    /// The same as [`from_files`](Self::from_files), for those alone who show a certificate of an authority in `ca`.
    ///
    /// # Errors
    /// As there, and when there is no authority in `ca`.
    pub fn mutual(certificate: &Path, key: &Path, ca: &Path) -> anyhow::Result<Self> {
        let reading = || format!("using the authorities {}", ca.display());
        let mut roots = rustls::RootCertStore::empty();
        for authority in read_authorities(ca)? {
            roots.add(authority).with_context(reading)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let visitors = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let visitors = visitors.build().with_context(reading)?;
        let (chain, private) = read_identity(certificate, key)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("preparing TLS")?
            .with_client_cert_verifier(visitors)
            .with_single_cert(chain, private)
            .with_context(|| format!("using the TLS key {} for {}", key.display(), certificate.display()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    fn new(shown: Arc<dyn ResolvesServerCert>) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("preparing TLS")?
            .with_no_client_auth()
            .with_cert_resolver(shown);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

/// The authorities in a PEM file.
pub(crate) fn read_authorities(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    read.with_context(|| format!("reading the authorities {}", file.display()))
}

/// A certificate with its chain, and its private key, from PEM files.
pub(crate) fn read_identity(
    certificate: &Path,
    key: &Path,
) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let cannot_read = || format!("reading the TLS certificate {}", certificate.display());
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).with_context(cannot_read)?;
    if chain.is_empty() {
        bail!("there is no PEM certificate in {}", certificate.display());
    }
    let shown = key.display();
    authority::refuse_if_others_can_read(key).with_context(|| format!("reading the TLS key {shown}"))?;
    let private =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("reading the TLS key {shown}"))?;
    Ok((chain, private))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// An operator's own certificate.
#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Certificates from our own authority, one after the other.
#[derive(Debug)]
struct Renewed {
    authority: Authority,
    names: Vec<String>,
    clock: Clock,
    leaf: Mutex<Leaf>,
}

#[derive(Debug)]
struct Leaf {
    shown: Arc<CertifiedKey>,
    made: Timestamp,
}

impl Renewed {
    /// The certificate to show now.
    fn current(&self) -> Arc<CertifiedKey> {
        let now = self.clock.now();
        let mut leaf = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        let renew_at = leaf.made.plus(Millis::days(LEAF_DAYS - RENEW_DAYS));
        // A clock that was put back is a reason too: the certificate may not have begun yet.
        if now >= renew_at || now < leaf.made {
            match self.authority.issue(&self.names, now, LEAF_DAYS) {
                Ok(shown) => *leaf = Leaf { shown, made: now },
                Err(error) => tracing::error!("the TLS certificate cannot be renewed: {error:#}"),
            }
        }
        Arc::clone(&leaf.shown)
    }
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T12:00:00Z.
    const START: Timestamp = Timestamp(1_795_348_800_000);

    #[test]
    fn a_certificate_is_replaced_long_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        let authority = Authority::open_or_create(folder.path(), START).unwrap();
        let names = vec!["localhost".to_owned()];
        let leaf = Leaf { shown: authority.issue(&names, START, LEAF_DAYS).unwrap(), made: START };
        let renewed = Renewed { authority, names, clock: clock.clone(), leaf: Mutex::new(leaf) };
        let first = renewed.current();
        for (days, same) in [(0, true), (59, true), (1, false), (0, false)] {
            clock.advance(Millis::days(days));
            assert_eq!(Arc::ptr_eq(&first, &renewed.current()), same, "{days} days on");
        }
        let second = renewed.current();
        assert!(Arc::ptr_eq(&second, &renewed.current()), "once");
        clock.advance(Millis::hours(-1));
        assert!(!Arc::ptr_eq(&second, &renewed.current()), "the clock was put back");
    }
}
