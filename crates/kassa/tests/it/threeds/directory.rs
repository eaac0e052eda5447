//! A directory server that is reached over the network: the simulator as a process of its own, with and without
//! mutual TLS.

use super::*;
use crate::harness::{Binary, Home, Http, Reply, Shop, bare, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::{fs, io::Write as _};

const KEY: &str = "directoryKey7Qm2Vx9Rb4Tz8";

/// A running `kassa simulator 3ds`.
struct Simulator {
    child: Child,
    url: String,
    _output: BufReader<ChildStdout>,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Self {
        let mut command = bare(&["simulator", "3ds", "--listen", "127.0.0.1:0"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut url, mut output) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
        output.read_line(&mut url).unwrap();
        assert!(url.contains("/simulator/3ds"), "{url:?}");
        Self { child, url: url.trim().to_owned(), _output: output }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority, and certificates of it for this machine.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The files of a certificate and its key.
    fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let at = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        fs::write(at("pem"), certificate.pem()).unwrap();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(at("key"))
            .unwrap();
        file.write_all(key.serialize_pem().as_bytes()).unwrap();
        (at("pem"), at("key"))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn configured(home: Home, directory: &str, more: &str) -> Home {
    let file = home.folder().join("kassa.toml");
    let toml = format!(
        "[threeds]\ndirectory = \"{directory}\"\nfor_test_sites = true\nreference_number = \"TEST-REF\"\n\
         result_s = 2\n{more}\n[threeds.acquiring.MAESTRO]\nbin = \"512345\"\nmerchant = \"M-1\"\n"
    );
    fs::write(&file, toml).unwrap();
    let file = file.to_str().unwrap().to_owned();
    home.with("KASSA_CONFIG", &file).with("KASSA_TEST_API_KEY", KEY)
}

/// Pays as a browser with scripts does; the last page.
async fn pay(binary: &Binary, shop: &Shop, id: &str, number: &str) -> Reply {
    let http = Http::new();
    let order = json!({
        "type": "redirect", "order_id": id, "gateway": "MAESTRO", "currency": "EUR", "amount": 1000,
        "description": "By a directory server elsewhere",
        "payment_options": {
            "notification_url": shop.url("/notification?type=notification"),
            "redirect_url": shop.url("/thanks?type=redirect"), "cancel_url": shop.url("/cancelled"),
        },
    });
    let placed = http.call("POST", &format!("{}/v1/json/orders", binary.url), KEY, &order.to_string()).await;
    let placed = placed.unwrap().json();
    let page = http.open(placed["data"]["payment_url"].as_str().unwrap()).await.unwrap();
    let fields = [
        ("card_number", number),
        ("card_holder", "A. Customer"),
        ("card_expiry", "12/35"),
        ("card_cvc", ""),
        ("browser", SCRIPTED),
    ];
    let field = |page: &Reply, name: &str| page.attribute(&format!("input[name={name}]"), "value").unwrap();
    let method = http.submit(&page, &fields).await.unwrap();
    let relay = http.submit(&method, &[]).await.unwrap();
    if !relay.has("input[name=creq]") {
        return relay;
    }
    let challenge = http.submit(&relay, &[("creq", &field(&relay, "creq"))]).await.unwrap();
    let last = http.submit(&challenge, &[("transStatus", "Y")]).await.unwrap();
    http.submit(&last, &[("cres", &field(&last, "cres"))]).await.unwrap()
}

/// The order once it is decided.
async fn order(binary: &Binary, id: &str) -> Value {
    let http = Http::new();
    loop {
        let read = http.call("GET", &format!("{}/v1/json/orders/{id}", binary.url), KEY, "").await;
        let order = read.unwrap().json()["data"].clone();
        if order["status"] != "initialized" {
            return order;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_server_of_its_own_process_authenticates_a_payment() {
    let simulator = Simulator::start(&[]);
    let home = configured(Home::new(Database::Sqlite).await, &simulator.url, "");
    let shop = Shop::open(KEY).await;
    let mut binary = home.serve().await;
    let end = pay(&binary, &shop, "A-1", PAID).await;
    assert_eq!(end.outcome().as_deref(), Some("paid"), "{}", end.text);
    let details = order(&binary, "A-1").await["payment_details"]["card_authentication_result"].clone();
    assert_eq!((&details["status"], &details["eci"]), (&json!("Y"), &json!("02")), "{details}");
    // The range cache outlives the process.
    binary.kill();
    binary = home.serve().await;
    let end = pay(&binary, &shop, "A-2", &card("679999301000110")).await;
    assert_eq!(order(&binary, "A-2").await["status"], "completed", "{}", end.text);
    // Nobody there: an authentication that could not be performed, and nothing else.
    drop(simulator);
    pay(&binary, &shop, "A-3", PAID).await;
    let declined = order(&binary, "A-3").await;
    assert_eq!(
        (&declined["status"], &declined["reason_code"]),
        (&json!("declined"), &json!("3001")),
        "{declined}"
    );
    binary.kill();
    assert_eq!(home.run(&["audit"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_links_to_a_directory_server_show_certificates() {
    let (scheme, stranger) = (Authority::new(), Authority::new());
    let ((ds, ds_key), (ours, ours_key)) = (scheme.issue("ds"), scheme.issue("ours"));
    let (theirs, theirs_key) = stranger.issue("theirs");
    let arguments =
        ["--cert", text(&ds), "--key", text(&ds_key), "--client-ca", text(&scheme.ca())].map(str::to_owned);
    let simulator = Simulator::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(simulator.url.starts_with("https://"), "{}", simulator.url);
    let shop = Shop::open(KEY).await;
    let results = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = |certificate: &Path, key: &Path| {
        format!(
            "ca = \"{ca}\"\ncertificate = \"{}\"\nkey = \"{}\"\nresults_listen = \"{results}\"\n\
             results_url = \"https://{results}/\"\nresults_certificate = \"{ours}\"\nresults_key = \"{ours_key}\"\n\
             results_ca = \"{ca}\"",
            text(certificate),
            text(key),
            ca = text(&scheme.ca()),
            ours = text(&ours),
            ours_key = text(&ours_key),
        )
    };
    for (id, certificate, key, status) in
        [("ours", &ours, &ours_key, "completed"), ("theirs", &theirs, &theirs_key, "declined")]
    {
        let home = configured(Home::new(Database::Sqlite).await, &simulator.url, &settings(certificate, key));
        let mut binary = home.serve().await;
        pay(&binary, &shop, id, PAID).await;
        let order = order(&binary, id).await;
        assert_eq!(order["status"], status, "{order}");
        // Results are taken at that address only, and from nobody without a certificate.
        let here =
            Http::new().send("POST", &format!("{}/threeds/results", binary.url), &[], "{}").await.unwrap();
        assert_eq!(here.status, 404);
        let pem = fs::read_to_string(scheme.ca()).unwrap();
        let nobody = Http::trusting(&pem).send("POST", &format!("https://{results}/"), &[], "{}").await;
        assert!(nobody.is_err(), "{nobody:?}");
        binary.kill();
    }
}

#[test]
fn what_cannot_be_meant_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (toml, why) in [
        ("directory = 'http://ds.example/'", "directory must start with https://"),
        ("directory = 'https://ds.example/'", "reference_number must be set when directory is"),
        ("certificate = 'a'", "certificate and key must be set together"),
        (
            "results_listen = '127.0.0.1:1'",
            "results_listen, _url, _certificate, _key and _ca must be set together",
        ),
        ("method_s = 0", "method_s must be from 1 to 60"),
        ("directry = ''", "unknown field `directry`"),
        ("acquiring.JCB = {bin = '1', merchant = '2'}", "acquiring.JCB is no brand"),
    ] {
        let file = folder.path().join("kassa.toml");
        fs::write(&file, format!("[threeds]\n{toml}\n")).unwrap();
        let data = folder.path().join("data");
        let ran = run(&mut bare(&["serve", "--config", text(&file), "--data-dir", text(&data)]));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(&format!("threeds: {why}")), "{}", ran.stderr);
    }
    let far = run(&mut bare(&["simulator", "3ds", "--listen", "0.0.0.0:0"]));
    assert_eq!((far.code, far.stderr.contains("an address of this machine")), (Some(1), true), "{far:?}");
}
