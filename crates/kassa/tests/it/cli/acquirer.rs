//! Messages over real sockets: a gateway that calls a host, and what an operator tries before it does.

use super::{order, place, text};
use crate::harness::{Database, Home, Http, Ran, bare, free_address, run};
use rstest::rstest;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The host, as a process of its own. Killed when dropped.
struct Host {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        let mut command = bare(&[&["simulator", "acquirer"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut address).unwrap();
        Self { child, output, address: address.trim().to_owned() }
    }

    /// Asks it to stop; what it says in the end.
    fn stop(&mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Settings with this host for the test site.
fn configure(folder: &Path, address: &str, profile: &str) -> String {
    let path = folder.join("kassa.toml");
    let settings = format!(
        r#"
        [[acquirer]]
        name = "example"
        address = "{address}"
        profile = "{profile}"
        acquirer_id = "525000"
        country = "528"
        merchant_category = "5732"
        city = "Utrecht"
        country_letters = "NLD"
        currencies = ["EUR"]
        has_inquiry = true
        timers = {{ reconnect_ms = 50 }}
        site = [{{ id = 1, terminal_id = "TERM0001", merchant_id = "MERCHANT0000001" }}]
        "#
    );
    fs::write(&path, settings).unwrap();
    path.to_str().unwrap().to_owned()
}

fn pay(link: &str, card: &str) -> Ran {
    run(&mut bare(&["pay", link, "--card", card]))
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_charges_cards_at_a_host_that_it_calls(#[values("A", "B", "C", "D")] profile: &str) {
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("book");
    let started = ["--listen", "127.0.0.1:0", "--profile", profile, "--data-dir", book.to_str().unwrap()];
    let host = Host::start(&started);
    let config = configure(folder.path(), &host.address, profile);
    let home = Home::new(Database::Sqlite).await.with("KASSA_CONFIG", &config);
    let binary = home.serve().await;
    for (id, card, code) in [("A-1", "6799990000000000011", 0), ("A-2", "6799990000000000029", 2)] {
        let link = place(&binary, &binary.key, &order(id)).await;
        let paid = pay(&link, card);
        assert_eq!(paid.code, Some(code), "{id}: {paid:?}");
    }
    let link = place(&binary, &binary.key, &order("A-3")).await;
    let read = async |id: &str| {
        let url = format!("{}/v1/json/orders/{id}", binary.url);
        Http::new().call("GET", &url, &binary.key, "").await.unwrap().json()["data"]["status"].clone()
    };
    assert_eq!((read("A-1").await, read("A-2").await), ("completed".into(), "declined".into()));

    // Without its host nothing is sent, and the customer hears it at once.
    drop(host);
    let paid = pay(&link, "6799990000000000011");
    assert_eq!((paid.code, read("A-3").await), (Some(2), "declined".into()), "{paid:?}");
    assert!(binary.stop().await.success());

    let known = rusqlite::Connection::open(book.join("host.db")).unwrap();
    let sql = "SELECT terminal, response_code FROM simulator_authorisation ORDER BY stan";
    let mut known = known.prepare(sql).unwrap();
    let known = known.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let known: Vec<(String, String)> = known.map(Result::unwrap).collect();
    assert_eq!(
        known,
        [("TERM0001", "00"), ("TERM0001", "51")].map(|(at, code)| (at.to_owned(), code.to_owned()))
    );
    assert_eq!(home.run(&["audit"]).code, Some(0));
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_goes_by_the_amount_says_so_in_every_profile(
    #[values("A", "B", "C", "D")] profile: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&["--listen", "127.0.0.1:0", "--profile", profile, "--amount-rules"]);
    let config = configure(folder.path(), &host.address, profile);
    let home = Home::new(Database::Sqlite).await.with("KASSA_CONFIG", &config);
    let binary = home.serve().await;
    for (id, amount, reason_code) in [("A-1", 1_010, "4002"), ("A-2", 1_062, "4999")] {
        let mut order: Value = order(id);
        order["amount"] = amount.into();
        let link = place(&binary, &binary.key, &order).await;
        let paid = pay(&link, "6799990000000000011");
        assert_eq!(paid.code, Some(2), "{id}: {paid:?}");
        let url = format!("{}/v1/json/orders/{id}", binary.url);
        let read = Http::new().call("GET", &url, &binary.key, "").await.unwrap().json()["data"].clone();
        assert_eq!(read["reason_code"], reason_code, "{id}: {read}");
    }
    assert!(binary.stop().await.success());
    assert_eq!(home.run(&["audit"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_the_hosts_own_stands_for_another_also_for_one_brand_only() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&["--listen", "127.0.0.1:0", "--profile", "A", "--amount-rules"]);
    let config = configure(folder.path(), &host.address, "A");
    let codes = "[acquirer.response_codes]\n62 = \"54\"\n\"MAESTRO:62\" = \"51\"\n\"VISA:57\" = \"05\"\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + codes).unwrap();
    let home = Home::new(Database::Sqlite).await.with("KASSA_CONFIG", &config);
    let binary = home.serve().await;
    let (maestro, visa) = ("6799990000000000011", "4761340000000019");
    for (id, card, amount, reason_code, response_code) in [
        ("A-1", maestro, 1_062, "4002", "51"),
        ("A-2", visa, 1_062, "4005", "54"),
        ("A-3", maestro, 1_057, "4999", "57"),
        ("A-4", visa, 1_057, "4001", "05"),
        // What the brands mean by it themselves; the customer of the first was authenticated already.
        ("A-5", maestro, 1_065, "4999", "65"),
        ("A-6", visa, 1_065, "4999", "65"),
    ] {
        let mut order: Value = order(id);
        order["gateway"] = "CREDITCARD".into();
        order["amount"] = amount.into();
        let link = place(&binary, &binary.key, &order).await;
        assert_eq!(pay(&link, card).code, Some(2), "{id}");
        let url = format!("{}/v1/json/orders/{id}", binary.url);
        let read = Http::new().call("GET", &url, &binary.key, "").await.unwrap().json()["data"].clone();
        let is = (&read["reason_code"], &read["payment_details"]["response_code"]);
        assert_eq!(is, (&reason_code.into(), &response_code.into()), "{id}: {read}");
    }
    assert!(binary.stop().await.success());
    assert_eq!(home.run(&["audit"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_says_in_the_end_what_is_left_to_each_card() {
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("book");
    let start =
        || Host::start(&["--listen", "127.0.0.1:0", "--profile", "A", "--data-dir", book.to_str().unwrap()]);
    let mut host = start();
    let config = configure(folder.path(), &host.address, "A");
    let home = Home::new(Database::Sqlite).await.with("KASSA_CONFIG", &config);
    let binary = home.serve().await;
    let link = place(&binary, &binary.key, &order("A-1")).await;
    let paid = pay(&link, "6799994000000000009");
    assert_eq!(paid.code, Some(0), "{paid:?}");
    assert!(binary.stop().await.success());
    for _ in 0..2 {
        assert_eq!(host.stop(), "card …0009 EUR: 9000 left of 10000\n");
        host = start();
    }
}

#[tokio::test]
async fn an_acquirer_is_tried_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&["--listen", "127.0.0.1:0"]);
    let config = configure(folder.path(), &host.address, "B");
    let check =
        |more: &[&str]| run(&mut bare(&[&["acquirer", "check", "--config", config.as_str()], more].concat()));
    for more in [&[][..], &["example"]] {
        let checked = check(more);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let lines: Vec<&str> = checked.stdout.lines().collect();
        assert_eq!(lines[0], format!("example: {}", host.address));
        for (line, done) in lines[1..].iter().zip(["connected", "signed on", "echo answered", "signed off"]) {
            assert!(line.starts_with(&format!("  ok    {done} (")), "{checked:?}");
        }
        assert_eq!(lines.len(), 5);
    }
    let other = check(&["other"]);
    assert_eq!(
        (other.code, other.stderr.as_str()),
        (Some(1), "kassa: no acquirer is called \"other\" in the configuration\n")
    );
    drop(host);
    let checked = check(&[]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("  FAILED  connecting: "), "{checked:?}");

    let refusing = Host::start(&["--listen", "127.0.0.1:0", "--fault", "refuse_sign_on=100"]);
    configure(folder.path(), &refusing.address, "B");
    let checked = check(&[]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.ends_with("  FAILED  the sign-on was refused: response code 91\n"), "{checked:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_gateway_says_how_its_links_are_doing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let folder = tempfile::tempdir().unwrap();
    // Every answer comes twice.
    let host = Host::start(&["--listen", "127.0.0.1:0", "--fault", "duplicate=100"]);
    let config = configure(folder.path(), &host.address, "B");
    let home = Home::new(database).await.with("KASSA_CONFIG", &config);
    let status = |more: &[&str]| home.run(&[&["acquirer", "status"], more].concat());
    let nobody = status(&[]);
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(1), ""), "{nobody:?}");
    assert!(
        nobody.stderr.starts_with("kassa: no gateway with an acquirer runs on the folder "),
        "{nobody:?}"
    );

    let binary = home.serve().await;
    for (id, card) in [("A-1", "6799990000000000011"), ("A-2", "6799990000000000029")] {
        pay(&place(&binary, &binary.key, &order(id)).await, card);
    }
    // The second answer comes behind the first: it may not be here yet.
    let told = until(|| status(&[]), |told| told.stdout.contains("duplicates     2")).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let expected = "\
example: up
  signed on      1 of 1
  in flight      0
  requests       2
  approvals      1
  declines       1
  unknown        0
  late           0
  duplicates     2
  unmatched      0
  unreadable     0
  connections    1
  reconnects     0
  not connected  0
  queue full     0
  suspended      0
";
    assert_eq!(told.stdout, expected);
    let json: Value = serde_json::from_str(&status(&["example", "--json"]).stdout).unwrap();
    assert_eq!((&json[0]["acquirer"], &json[0]["state"]), (&"example".into(), &"up".into()));
    assert_eq!((&json[0]["requests"], &json[0]["duplicates"]), (&2.into(), &2.into()));
    assert_eq!(status(&["other"]).stderr, "kassa: no acquirer of the running gateway is called \"other\"\n");
    let socket = fs::metadata(home.data().join("status.sock")).unwrap().permissions().mode() & 0o777;
    assert_eq!(socket, 0o600);

    let address = host.address.clone();
    drop(host);
    let told = until(|| status(&[]), |told| told.stdout.starts_with("example: down\n")).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    pay(&place(&binary, &binary.key, &order("A-3")).await, "6799990000000000011");
    let told = status(&[]);
    assert!(
        told.stdout.contains("requests       2\n") && told.stdout.contains("not connected  1\n"),
        "{told:?}"
    );
    let _host = Host::start(&["--listen", &address]);
    let told = until(|| status(&[]), |told| told.code == Some(0)).await;
    assert!(told.stdout.contains("reconnects     1\n"), "{told:?}");
    assert!(binary.stop().await.success());
    assert_eq!(status(&[]).code, Some(1));
}

/// Asks until it is so.
async fn until(ask: impl Fn() -> Ran, is: impl Fn(&Ran) -> bool) -> Ran {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = ask();
        if is(&told) {
            return told;
        }
        assert!(Instant::now() < deadline, "it does not become so: {told:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_acquirer_that_calls_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (host, listen) = (crate::harness::Host::open().await, free_address());
    let config = folder.path().join("kassa.toml");
    fs::write(&config, host.calling_settings(&listen, "")).unwrap();
    let arguments = ["acquirer", "check", "--config", config.to_str().unwrap()].map(str::to_owned);
    let checking =
        tokio::task::spawn_blocking(move || run(&mut bare(&arguments.each_ref().map(String::as_str))));
    assert!(host.call(&listen).await);
    let checked = checking.await.unwrap();
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.stdout.starts_with(&format!("example: called at {listen}\n  ok    connected (")),
        "{checked:?}"
    );
    assert_eq!(host.managed(), ["001", "301", "002"]);

    // A port that somebody else has.
    let taken = std::net::TcpListener::bind(&listen).unwrap();
    let checked = run(&mut bare(&["acquirer", "check", "--config", config.to_str().unwrap()]));
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains(&format!("  FAILED  listening on {listen}: ")), "{checked:?}");
    let home = Home::new(Database::Sqlite).await.with("KASSA_CONFIG", config.to_str().unwrap());
    let home = home.with("KASSA_LISTEN", "127.0.0.1:0");
    let served = home.run(&["serve"]);
    assert_eq!(served.code, Some(1), "{served:?}");
    assert!(served.stderr.contains(&format!("acquirer \"example\": listening on {listen}: ")), "{served:?}");
    drop(taken);
}

#[test]
fn a_message_is_printed_for_people_without_its_secrets() {
    let vectors = text(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../iso8583/tests/vectors.json")));
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let message =
        vectors.as_object().unwrap().values().find(|vector| vector["fields"]["t"] == "0100").unwrap();
    let (pan, code) = ("6799990000000000011", "kBMGQHIAAAAAAAAAAAAAAAAAAAA");
    assert!(message.to_string().contains(pan) && message.to_string().contains(code));
    for profile in ["A", "B", "C", "D"] {
        let hex = message["enc"][profile].as_str().unwrap();
        let shown = run(&mut bare(&["decode", hex, "--profile", profile]));
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert!(shown.stdout.starts_with("0100 authorisation request\n"), "{shown:?}");
        assert!(shown.stdout.contains("679999*********0011"), "{shown:?}");
        assert!(!shown.stdout.contains(pan) && !shown.stdout.contains(code), "{shown:?}");
    }
    let hex = message["enc"]["B"].as_str().unwrap();
    let framed = format!("{:04x} {hex}", hex.len() / 2);
    assert_eq!(run(&mut bare(&["decode", &framed])).stdout, run(&mut bare(&["decode", hex])).stdout);
    for wrong in ["", "0", "zz", "00", &hex[2..]] {
        let ran = run(&mut bare(&["decode", wrong]));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{wrong}");
        assert_eq!(ran.stderr.lines().count(), 1, "{wrong}: {ran:?}");
        assert!(!ran.stderr.contains("679999"), "{wrong}: {ran:?}");
    }
}
