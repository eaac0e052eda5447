//! What cannot start says why in one line.

use crate::harness::{Database, Home, START, bare, run, write_key};
use kassa::server::tls::Authority;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A mistake: the command line, the environment, and what the one line says. `{}` is a folder of the case's own.
struct Mistake {
    arguments: &'static str,
    environment: &'static [(&'static str, &'static str)],
    says: &'static str,
}

const fn mistake(
    arguments: &'static str,
    environment: &'static [(&'static str, &'static str)],
    says: &'static str,
) -> Mistake {
    Mistake { arguments, environment, says }
}

const NOWHERE: &str = "postgres://127.0.0.1:1/x";
const TLS: (&str, &str) = ("KASSA_TLS", "true");
const URL: (&str, &str) = ("KASSA_PUBLIC_URL", "https://x.example");
const CERT: (&str, &str) = ("KASSA_TLS_CERT", "{}/own.pem");

/// In the folder: `data`, a deployment; `lost`, one without its key; `open`, one whose key all may read;
/// `other`, one with another's key; `file`, a text; `damaged`, one whose database is none. Of those with an authority
/// for TLS, `keyless` is one without its key, `exposed` one whose key all may read, `mixed` one with another's key.
const MISTAKES: &[Mistake] = &[
    mistake("serve --data-dir {}/new --listen TAKEN", &[], "listening on TAKEN: Address already in use"),
    mistake("serve --data-dir {}/file/x", &[], "creating the data folder {}/file/x: Not a directory"),
    mistake("serve --data-dir /proc/kassa", &[], "creating the data folder /proc/kassa: "),
    mistake("serve --data-dir {}/lost", &[], "the key file {}/lost/key-encryption.key is missing"),
    mistake(
        "serve --data-dir {}/open",
        &[],
        "the key file {}/open/key-encryption.key is open to others: its mode is 0644 and must be 0600",
    ),
    mistake("serve --data-dir {}/unborn --key-file {}/absent", &[], "the key file {}/absent"),
    mistake("serve --data-dir {}/other", &[], "sealed with another key file"),
    mistake("serve --data-dir {}/damaged", &[], "the database {}/damaged/kassa.db: "),
    mistake("serve --data-dir {}/data --key-file {}/file", &[], "the key file {}/file is open to others"),
    mistake("serve --data-dir {}/data --key-file {}", &[], "the key file {} is not a regular file"),
    mistake(
        "serve",
        &[("KASSA_DATABASE", NOWHERE), ("KASSA_KEY_FILE", "{}/key")],
        "connecting to the database",
    ),
    mistake("serve", &[("KASSA_DATABASE", NOWHERE)], "key_file must be set when database is"),
    mistake(
        "serve",
        &[("KASSA_DATABASE", NOWHERE), ("KASSA_KEY_FILE", "{}/none")],
        "the key file {}/none is missing",
    ),
    mistake(
        "serve --config {}/unknown.toml",
        &[],
        "{}/unknown.toml: \"listn\" is not a setting, did you mean",
    ),
    mistake("serve --config {}/wrong.toml", &[], "{}/wrong.toml, line 2: "),
    mistake("serve --config {}/none", &[], "cannot read the configuration file {}/none: "),
    mistake("serve --cards-ranges {}/none", &[], "cannot read the card ranges {}/none: "),
    mistake(
        "serve",
        &[("KASSA_CARDS_RANGES", "{}/ranges.toml")],
        "{}/ranges.toml, line 3: digits must be like",
    ),
    mistake("serve", &[("KASSA_LISTN", "x")], "the environment variable KASSA_LISTN is not a setting"),
    mistake("serve --listen 8080", &[], "--listen must be an address and a port"),
    mistake("serve --page-wait-ms soon", &[], "--page-wait-ms must be a whole number from 0 to 30000"),
    mistake("--log loud", &[], "--log must be error, warn, info, debug or trace"),
    mistake("serve", &[("KASSA_TEST_API_KEY", "abc")], "KASSA_TEST_API_KEY must have 5 to 100 characters"),
    mistake("serve --tls --tls-names a_b:1", &[], "--tls-names is wrong: \"a_b:1\" is neither a host name"),
    mistake("serve --tls --tls-cert {}/own.pem", &[], "tls_cert and tls_key must be set together"),
    mistake(
        "serve --data-dir {}/new",
        &[TLS, URL, CERT, ("KASSA_TLS_KEY", "{}/none")],
        "reading the TLS key {}/none: ",
    ),
    mistake(
        "serve --data-dir {}/new",
        &[TLS, URL, CERT, ("KASSA_TLS_KEY", "{}/file")],
        "the TLS key {}/file: it is open",
    ),
    mistake(
        "serve --data-dir {}/new",
        &[TLS, URL, CERT, ("KASSA_TLS_KEY", "{}/key")],
        "reading the TLS key {}/key: ",
    ),
    mistake(
        "serve --data-dir {}/new",
        &[TLS, URL, CERT, ("KASSA_TLS_KEY", "{}/other.key")],
        "keys may not be consistent",
    ),
    mistake(
        "serve --data-dir {}/new",
        &[TLS, URL, ("KASSA_TLS_CERT", "{}/file"), ("KASSA_TLS_KEY", "{}/own.key")],
        "there is no PEM certificate in {}/file",
    ),
    mistake(
        "serve --tls --data-dir {}/keyless",
        &[],
        "the key {}/keyless/tls/ca.key of the certificate authority",
    ),
    mistake(
        "serve --tls --data-dir {}/exposed",
        &[],
        "{}/exposed/tls/ca.key: it is open to others: its mode is 0644",
    ),
    mistake(
        "serve --tls --data-dir {}/mixed",
        &[],
        "{}/mixed/tls/ca.pem does not belong to the key beside it",
    ),
    mistake(
        "ca --data-dir {}/none",
        &[],
        "there is no certificate authority in {}/none/tls; kassa serve --tls creates",
    ),
    mistake("audit --data-dir {}/none", &[], "there is no database in {}/none"),
    mistake("sites list --data-dir {}/none", &[], "there is no database in {}/none"),
    mistake("sites rotate-key 7 --data-dir {}/data", &[], "there is no site 7"),
    mistake("audit --data-dir {}/lost", &[], "the key file {}/lost/key-encryption.key is missing"),
];

#[tokio::test]
async fn what_cannot_start_says_why_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    prepare(root).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    let fill = |text: &str| text.replace("{}", root.to_str().unwrap()).replace("TAKEN", &taken.1);
    for case in MISTAKES {
        let arguments: Vec<String> = case.arguments.split(' ').map(fill).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = bare(&arguments);
        command.current_dir(root).envs(case.environment.iter().map(|(name, value)| (name, fill(value))));
        if !case.arguments.contains("--listen") && !case.arguments.starts_with("audit") {
            command.env("KASSA_LISTEN", "127.0.0.1:0");
        }
        let ran = run(&mut command);
        let (wanted, what) = (fill(case.says), case.arguments);
        assert_eq!(ran.code, Some(1), "{what}: {ran:?}");
        assert!(ran.stderr.starts_with("kassa: ") && ran.stderr.contains(&wanted), "{what}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{what}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{what}");
    }
    for unborn in ["new", "none", "unborn", "kassa-data"] {
        assert!(!root.join(unborn).exists(), "{unborn} was created by a command that failed");
    }
}

async fn prepare(root: &Path) {
    let home = Home::new(Database::Sqlite).await;
    assert!(home.serve().await.stop().await.success());
    assert!(!home.data().join("kassa.db-wal").exists(), "after a stop the one file is the whole database");
    for copy in ["data", "lost", "open", "other", "damaged"] {
        fs::create_dir(root.join(copy)).unwrap();
        for name in ["kassa.db", "key-encryption.key"] {
            fs::copy(home.data().join(name), root.join(copy).join(name)).unwrap();
        }
    }
    fs::remove_file(root.join("lost/key-encryption.key")).unwrap();
    write_key(&root.join("open/key-encryption.key"), 0o644);
    write_key(&root.join("other/key-encryption.key"), 0o600);
    write_key(&root.join("key"), 0o600);
    prepare_tls(root);
    fs::write(root.join("damaged/kassa.db"), "this is not a database ".repeat(100)).unwrap();
    fs::write(root.join("file"), "a text").unwrap();
    fs::write(root.join("unknown.toml"), "listn = '127.0.0.1:80'").unwrap();
    let ranges =
        "ranges = [\n { low = '40', scheme = 'A' },\n { low = '41', brands = ['VISA'], digits = 'x' },\n]";
    fs::write(root.join("ranges.toml"), ranges).unwrap();
    fs::write(root.join("wrong.toml"), "log = 'info'\nlisten = [").unwrap();
}

fn prepare_tls(root: &Path) {
    for copy in ["keyless", "exposed", "mixed"] {
        fs::create_dir(root.join(copy)).unwrap();
        for name in ["kassa.db", "key-encryption.key"] {
            fs::copy(root.join("data").join(name), root.join(copy).join(name)).unwrap();
        }
        Authority::open_or_create(&root.join(copy).join("tls"), START).unwrap();
    }
    fs::copy(root.join("exposed/tls/ca.key"), root.join("mixed/tls/ca.key")).unwrap();
    fs::remove_file(root.join("keyless/tls/ca.key")).unwrap();
    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(root.join("exposed/tls/ca.key"), readable).unwrap();
    for name in ["own", "other"] {
        let own = rcgen::generate_simple_self_signed(["x.example".to_owned()]).unwrap();
        fs::write(root.join(name).with_extension("pem"), own.cert.pem()).unwrap();
        let key = root.join(name).with_extension("key");
        fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
