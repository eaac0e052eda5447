//! The same server over TLS.

use std::path::Path;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::clock::Clock;
use crate::server::tls::Authority;

/// A server with its own authority, in a folder that goes when this is dropped.
struct Secure {
    server: Server,
    folder: tempfile::TempDir,
}

impl Secure {
    async fn start(limits: Limits, router: Router) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(folder.path(), Clock::System.now()).unwrap();
        let tls = Tls::local(authority, vec!["localhost".to_owned()], Clock::System).unwrap();
        Secure { server: Server::start_with(Some(tls), limits, router).await, folder }
    }

    /// A visitor who trusts the authority and knows the server by this name.
    async fn visit(&self, name: &'static str) -> io::Result<TlsStream<TcpStream>> {
        let config = trusting(&self.folder.path().join("ca.pem"));
        let name = ServerName::try_from(name).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.server.connect().await).await
    }
}

fn trusting(authority: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config.unwrap().with_root_certificates(roots).with_no_client_auth()
}

#[tokio::test]
async fn requests_are_answered_within_tls_to_whoever_believes_the_name() {
    let secure = Secure::start(PATIENT, hello()).await;
    let mut stream = secure.visit("localhost").await.unwrap();
    let ours = stream.get_ref().0.local_addr().unwrap().to_string();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: kassa\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("closed as TLS wants it");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with(&ours), "{text}");

    let refused = secure.visit("kassa.example").await.unwrap_err();
    assert!(refused.to_string().contains("not valid for name"), "{refused}");
    secure.server.stop().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_closed() {
    let limits = Limits { handshake: SHORT, ..PATIENT };
    let secure = Secure::start(limits, hello()).await;
    // Nothing, and the beginning of a handshake.
    for text in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        assert_eq!(rest(secure.server.send(text).await).await, "");
    }
    secure.server.stop().await;
}

/// After the handshake the other limits count as without TLS.
#[tokio::test]
async fn a_header_that_does_not_come_after_the_handshake_is_closed() {
    let limits = Limits { header: SHORT, ..PATIENT };
    let secure = Secure::start(limits, hello()).await;
    let mut stream = secure.visit("localhost").await.unwrap();
    stream.write_all(b"GET / HT").await.unwrap();
    let mut bytes = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    assert_eq!(bytes, b"");
    secure.server.stop().await;
}

#[tokio::test]
async fn plain_http_is_closed_with_an_alert() {
    let secure = Secure::start(PATIENT, hello()).await;
    let mut stream = secure.server.send(GET).await;
    let mut bytes = Vec::new();
    timeout(LONG, stream.read_to_end(&mut bytes)).await.unwrap().expect("closed, not reset");
    assert_eq!(bytes.first(), Some(&0x15), "an alert: {bytes:?}");
    secure.visit("localhost").await.expect("others are served");
    secure.server.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_handshakes() {
    let secure = Secure::start(PATIENT, hello()).await;
    let silent = secure.server.connect().await;
    let _idle = secure.visit("localhost").await.unwrap();
    timeout(LONG / 2, secure.server.stop()).await.expect("nobody is waited for");
    assert_eq!(rest(silent).await, "");
}
