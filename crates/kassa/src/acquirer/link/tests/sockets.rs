//! A link over TLS, with certificates on both sides.

use super::*;
use crate::acquirer::live::Prepared;
use crate::config::Acquirer;
use crate::simulator::acquirer_host::{AcquirerHost, Merchants};
use crate::store::{Location, Store};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An authority and what it vouches for.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn vouch(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A host that takes whoever `ours` vouches for, and shows a certificate for `host.example`.
async fn host(folder: &Path, ours: &Authority, theirs: &Authority) -> String {
    let (certificate, key) = theirs.vouch("host.example");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ours.certificate.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        );
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let store = Store::open(&Location::File(folder.join("host.db"))).await.unwrap();
    let host = AcquirerHost::new(store, Clock::System, Random::seeded(1), Merchants::Anyone);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let profile = Profile::built_in("B").unwrap();
            tokio::spawn(host.clone().serve(Box::new(stream), profile, None));
        }
    });
    address
}

/// Settings for the host at `address` with these files.
fn configured(folder: &Path, address: &str, certificate: bool) -> Acquirer {
    let shown = folder.display();
    let own = if certificate {
        format!("certificate = '{shown}/own.pem'\nkey = '{shown}/own.key'")
    } else {
        String::new()
    };
    let text = format!(
        "name = 'example'\naddress = '{address}'\nacquirer_id = '525000'\ncountry = '528'\n\
         merchant_category = '5732'\ncity = 'Utrecht'\ncountry_letters = 'NLD'\ncurrencies = ['EUR']\n\
         site = [{{ id = 1, terminal_id = 'T', merchant_id = 'M' }}]\n\
         [tls]\nca = '{shown}/ca.pem'\nserver_name = 'host.example'\n{own}"
    );
    toml::from_str(&text).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn check(configured: &Acquirer) -> anyhow::Result<usize> {
    let mut steps = 0;
    let prepared = Prepared::new(configured)?;
    prepared.check(Clock::System, Random::seeded(2), |_| steps += 1).await?;
    Ok(steps)
}

#[tokio::test]
async fn a_host_over_tls_is_spoken_to_with_certificates_on_both_sides_only() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let address = host(folder, &ours, &theirs).await;
    let (certificate, key) = ours.vouch("kassa.example");
    write(folder, "own.pem", &certificate.pem());
    write(folder, "own.key", &key.serialize_pem());
    write(folder, "ca.pem", &theirs.certificate.pem());
    assert_eq!(check(&configured(folder, &address, true)).await.unwrap(), 4);
    check(&configured(folder, &address, false)).await.unwrap_err();
    let other = Acquirer {
        tls: configured(folder, &address, true).tls.map(|tls| crate::config::acquirer::AcquirerTls {
            server_name: Some("other.example".to_owned()),
            ..tls
        }),
        ..configured(folder, &address, true)
    };
    check(&other).await.unwrap_err();
    write(folder, "ca.pem", &ours.certificate.pem());
    check(&configured(folder, &address, true)).await.unwrap_err();
    std::fs::set_permissions(folder.join("own.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = format!("{:#}", check(&configured(folder, &address, true)).await.unwrap_err());
    assert!(open.contains("it is open to others"), "{open}");
}
