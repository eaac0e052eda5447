//! TLS to PostgreSQL: `sslmode` in the URL means what users of libpq expect, against a real server.

use crate::harness::{DatabaseServer, database_tool, open_folder};
use kassa::store::{Location, Store};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs;
use std::path::Path;

/// Whoever comes without TLS is nobody.
const RULES: &str = "hostssl all shop 127.0.0.1/32 trust\n\
     hostssl all secret 127.0.0.1/32 scram-sha-256\n\
     hostssl all certified 127.0.0.1/32 cert\n\
     host all postgres 127.0.0.1/32 trust\n";

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate and its key.
fn issue(authority: &CertifiedIssuer<'static, KeyPair>, name: &str, folder: &Path, file: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(&key, authority).unwrap();
    fs::write(folder.join(format!("{file}.crt")), certificate.pem()).unwrap();
    fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
}

/// A server whose certificate is for "localhost".
async fn start(folder: &Path) -> DatabaseServer {
    let (ours, other) = (authority("ours"), authority("another"));
    fs::write(folder.join("ours.pem"), ours.pem()).unwrap();
    fs::write(folder.join("another.pem"), other.pem()).unwrap();
    issue(&ours, "localhost", folder, "server");
    issue(&ours, "certified", folder, "client");
    issue(&other, "certified", folder, "stranger");
    let mut server = DatabaseServer::new(&folder.join("data"));
    server.create();
    fs::write(folder.join("rules"), RULES).unwrap();
    for (file, target) in [
        ("server.crt", "server.crt"),
        ("server.key", "server.key"),
        ("ours.pem", "root.crt"),
        ("rules", "pg_hba.conf"),
    ] {
        let (from, to) = (folder.join(file), server.data.join(target));
        database_tool("/usr/bin/install", &["-m", "600", from.to_str().unwrap(), to.to_str().unwrap()]);
    }
    server.start(&["ssl=on", "ssl_ca_file=root.crt", "fsync=off"]);
    server.wait_until_it_answers().await;
    for (role, how) in [("shop", ""), ("secret", "PASSWORD 'S3cret'"), ("certified", "")] {
        server.execute(&format!("CREATE ROLE {role} LOGIN {how}")).await;
        server.execute(&format!("CREATE DATABASE {role} OWNER {role}")).await;
    }
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_as_safe_to_talk_to_as_its_url_says() {
    let folder = open_folder();
    let server = start(folder.path()).await;
    let port = server.port();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ours, another) =
        (format!("sslrootcert={}", file("ours.pem")), format!("sslrootcert={}", file("another.pem")));
    let identity = |name: &str| {
        format!("sslcert={}&sslkey={}", file(&format!("{name}.crt")), file(&format!("{name}.key")))
    };
    let (client, stranger) = (identity("client"), identity("stranger"));
    let full = format!("sslmode=verify-full&{ours}");
    for (who, host, how, refused) in [
        ("shop", "localhost", "sslmode=disable".to_owned(), Some("no pg_hba.conf entry")),
        ("shop", "localhost", "sslmode=prefer".to_owned(), None),
        ("shop", "localhost", "sslmode=require".to_owned(), None),
        ("shop", "localhost", format!("sslmode=require&{another}"), Some("UnknownIssuer")),
        ("shop", "localhost", format!("sslmode=verify-ca&{ours}"), None),
        ("shop", "127.0.0.1", format!("sslmode=verify-ca&{ours}"), None),
        ("shop", "127.0.0.1", format!("sslmode=verify-ca&{another}"), Some("UnknownIssuer")),
        ("shop", "localhost", full.clone(), None),
        ("shop", "127.0.0.1", full.clone(), Some("certificate not valid for name")),
        ("shop", "localhost", format!("sslmode=verify-full&{another}"), Some("UnknownIssuer")),
        ("shop", "localhost", "sslmode=verify-full&sslrootcert=system".to_owned(), Some("UnknownIssuer")),
        ("secret:S3cret", "localhost", format!("{full}&channel_binding=require"), None),
        (
            "secret:wrong",
            "localhost",
            format!("{full}&channel_binding=require"),
            Some("password authentication failed"),
        ),
        ("certified", "localhost", format!("{full}&{client}"), None),
        ("certified", "localhost", format!("{full}&{stranger}"), Some("")),
        ("certified", "localhost", full.clone(), Some("requires a valid client certificate")),
        (
            "shop",
            "localhost",
            format!("sslmode=verify-full&sslrootcert={}", file("none.pem")),
            Some("none.pem"),
        ),
        (
            "shop",
            "localhost",
            format!("sslmode=verify-full&sslrootcert={}", file("rules")),
            Some("holds no certificate"),
        ),
    ] {
        let database = who.split(':').next().unwrap();
        let url = format!("postgres://{who}@{host}:{port}/{database}?{how}");
        let opened = Store::open(&Location::Postgres(url)).await;
        match (refused, opened) {
            (None, opened) => drop(opened.unwrap_or_else(|error| panic!("{who} {host} {how}: {error:#}"))),
            (Some(why), Err(error)) => {
                let said = format!("{error:#}");
                assert!(said.contains(why) && !said.contains("S3cret"), "{who} {host} {how}: {said}");
            }
            (Some(_), Ok(_)) => panic!("{who} {host} {how} was believed"),
        }
    }
}
