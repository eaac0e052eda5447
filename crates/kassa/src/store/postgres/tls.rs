//! TLS to the database, by the parameters of its URL that libpq knows: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`.
//!
//! | sslmode | |
//! |---|---|
//! | `disable` | never |
//! | `prefer` (default) | if the server has it; whoever answers is believed |
//! | `require` | or not at all; whoever answers is believed, unless `sslrootcert` is given |
//! | `verify-ca` | the server shows a certificate of an authority in `sslrootcert` |
//! | `verify-full` | and the certificate is for the host's name |
//!
//! `sslrootcert` is a PEM file, or `system` for the authorities that Mozilla trusts, which is the default.

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How much is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// What the URL says about TLS beyond what the client knows.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    check: Check,
    roots: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Tls {
    /// Takes its parameters out of a URL. What is left is for the client.
    pub(super) fn take(url: &str) -> Result<(String, Self), String> {
        let mut tls = Self { check: Check::Nothing, roots: None, certificate: None, key: None };
        let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), tls)) };
        let mut system = false;
        let mut requires = false;
        let mut left = Vec::new();
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            let file = || Some(PathBuf::from(&*value));
            match (name, &*value) {
                ("sslmode", "verify-ca") => tls.check = Check::Authority,
                ("sslmode", "verify-full") => tls.check = Check::AuthorityAndName,
                ("sslmode", mode) => {
                    requires = mode == "require";
                    left.push(parameter);
                }
                ("sslrootcert", "system") => system = true,
                ("sslrootcert", _) => tls.roots = file(),
                ("sslcert", _) => tls.certificate = file(),
                ("sslkey", _) => tls.key = file(),
                _ => left.push(parameter),
            }
        }
        if requires && tls.roots.is_some() {
            tls.check = Check::Authority;
        }
        if system && tls.check != Check::AuthorityAndName {
            return Err(
                "must have sslmode=verify-full with sslrootcert=system: anybody can have a certificate of a \
                        public authority"
                    .to_owned(),
            );
        }
        if tls.certificate.is_some() != tls.key.is_some() {
            return Err("must have sslcert and sslkey together".to_owned());
        }
        let query = left.join("&");
        let separator = if query.is_empty() { "" } else { "?" };
        Ok((format!("{place}{separator}{query}"), tls))
    }

    /// Whether nothing is sent without TLS because of what is checked.
    pub(super) fn is_demanded(&self) -> bool {
        self.check != Check::Nothing
    }

    /// Reads the files.
    pub(super) fn connector(&self) -> anyhow::Result<MakeRustlsConnect> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.verifier(provider)?));
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key).with_context(|| cannot_read(key))?;
                builder.with_client_auth_cert(certificates(certificate)?, key)?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> anyhow::Result<Verifier> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                for root in certificates(path)? {
                    roots.add(root).with_context(|| cannot_read(path))?;
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        Ok(Verifier { check: self.check, inner, provider })
    }
}

fn cannot_read(path: &Path) -> String {
    format!("reading {}", path.display())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.with_context(|| cannot_read(path))?;
    if certificates.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(certificates)
}

/// Asks of the server's certificate what `sslmode` says, and always that the server has its key.
#[derive(Debug)]
struct Verifier {
    check: Check,
    inner: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = || self.inner.verify_server_cert(certificate, chain, name, ocsp, now);
        match self.check {
            Check::Nothing => Ok(ServerCertVerified::assertion()),
            // Names are looked at last: with another name everything else was right.
            Check::Authority => match verified() {
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => Ok(ServerCertVerified::assertion()),
                other => other,
            },
            Check::AuthorityAndName => verified(),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpq_knows_and_the_client_does_not_is_taken_out() {
        for (url, left, check) in [
            ("postgres://h/d", "postgres://h/d", Check::Nothing),
            ("postgres://h/d?sslmode=prefer", "postgres://h/d?sslmode=prefer", Check::Nothing),
            ("postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require", Check::Nothing),
            (
                "postgres://h/d?sslmode=require&sslrootcert=%2Fca.pem",
                "postgres://h/d?sslmode=require",
                Check::Authority,
            ),
            ("postgres://h/d?sslmode=verify-ca&sslrootcert=ca.pem", "postgres://h/d", Check::Authority),
            (
                "postgres://h/d?a=1&sslmode=verify-full&sslrootcert=system&b=2",
                "postgres://h/d?a=1&b=2",
                Check::AuthorityAndName,
            ),
            ("postgres://h/d?sslmode=verify-full", "postgres://h/d", Check::AuthorityAndName),
        ] {
            let (rest, tls) = Tls::take(url).unwrap();
            assert_eq!((rest.as_str(), tls.check), (left, check), "{url}");
        }
    }

    #[test]
    fn files_are_named_with_percent_signs_where_needed() {
        let (_, tls) =
            Tls::take("postgres://h/d?sslrootcert=%2Fetc%2Fca.pem&sslcert=/c.pem&sslkey=/k.pem").unwrap();
        let paths = [tls.roots, tls.certificate, tls.key].map(|path| path.unwrap().display().to_string());
        assert_eq!(paths, ["/etc/ca.pem", "/c.pem", "/k.pem"]);
    }

    #[test]
    fn halves_are_refused() {
        for (url, why) in [
            ("postgres://h/d?sslcert=/c.pem", "must have sslcert and sslkey together"),
            ("postgres://h/d?sslmode=require&sslrootcert=system", "must have sslmode=verify-full"),
        ] {
            let refused = Tls::take(url).unwrap_err();
            assert!(refused.starts_with(why), "{url}: {refused}");
        }
    }
}
