//! A link over TLS, with certificates on both sides.

use super::*;
use crate::acquirer::live::Prepared;
use crate::config::Acquirer;
use crate::keys::KeyRing;
use crate::simulator::acquirer_host::{AcquirerHost, Merchants};
use crate::store::{Location, Store};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

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

async fn acquirer(folder: &Path) -> AcquirerHost {
    let store = Store::open(&Location::File(folder.join("host.db"))).await.unwrap();
    let keys = Arc::new(KeyRing::of(&[[1; 32]]));
    AcquirerHost::new(store, Clock::System, Random::seeded(1), Merchants::Anyone, keys)
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
    let host = acquirer(folder).await;
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
    read(folder, &format!("address = '{address}'"), &format!("server_name = 'host.example'\n{own}"))
}

fn read(folder: &Path, way: &str, tls: &str) -> Acquirer {
    let shown = folder.display();
    let text = format!(
        "name = 'example'\n{way}\nacquirer_id = '525000'\ncountry = '528'\n\
         merchant_category = '5732'\ncity = 'Utrecht'\ncountry_letters = 'NLD'\ncurrencies = ['EUR']\n\
         site = [{{ id = 1, terminal_id = 'T', merchant_id = 'M' }}]\n\
         [tls]\nca = '{shown}/ca.pem'\n{tls}"
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

/// A host that calls, and shows what `theirs` vouches for if it shows anything.
async fn call(address: &str, ours: &Authority, theirs: Option<&Authority>) {
    let stream = loop {
        // The port is taken in a moment.
        match TcpStream::connect(address).await {
            Ok(stream) => break stream,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let mut roots = RootCertStore::empty();
    roots.add(ours.certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match theirs.map(|theirs| theirs.vouch("host.example")) {
        Some((certificate, key)) => {
            let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
            config.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let name = "kassa.example".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let host = acquirer(folder.path()).await;
    host.serve(Box::new(stream), Profile::built_in("B").unwrap(), None).await;
}

#[tokio::test]
async fn a_host_that_calls_over_tls_shows_a_certificate_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.vouch("kassa.example");
    write(folder, "own.pem", &certificate.pem());
    write(folder, "own.key", &key.serialize_pem());
    write(folder, "ca.pem", &theirs.certificate.pem());
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (way, shown) = (format!("listen = '{port}'"), folder.display());
    let own = format!("certificate = '{shown}/own.pem'\nkey = '{shown}/own.key'");
    let configured = read(folder, &way, &own);
    let address = port.to_string();
    let (checked, ()) = tokio::join!(check(&configured), async {
        // Nobody is spoken to who shows nothing, or what somebody else vouches for.
        call(&address, &ours, None).await;
        call(&address, &ours, Some(&ours)).await;
        call(&address, &ours, Some(&theirs)).await;
    });
    assert_eq!(checked.unwrap(), 4);
    check(&read(folder, &way, "")).await.unwrap_err();
}
