//! Customers at a real browser, authenticated by a directory server and an ACS that others wrote, and charged by a host
//! that checks the proof. Also over mutual TLS.

use super::live::{Manner, acquirer, card, number, threeds};
use super::*;
use crate::browser::{Browser, Script};
use rstest::rstest;
use std::path::Path;
use url::Url;

const MANNER: Manner = Manner { has_inquiry: true, reverses_by_advice: false, completion: false };

/// What Chromium says of the frame of the 3DS Method while it is empty. What is then in it is of another origin.
const FRAME: &str = "can escape its sandboxing";

/// A live shop, its customer, and the peers.
struct Visit {
    live: Live,
    browser: Browser,
    host: Peer,
    directory: Peer,
    /// Where the ACS is.
    acs: String,
}

impl Visit {
    async fn start(directory: &[&str], settings: &str) -> Self {
        let plain = |directory: &Peer| format!("http://{}/ds", directory.address());
        Self::start_at(directory, plain, settings).await
    }

    async fn start_at(arguments: &[&str], url: impl FnOnce(&Peer) -> String, settings: &str) -> Self {
        let host = Peer::start(Program::PythonHost, &["--aav-key", "of both"]);
        let directory = Peer::start(Program::Directory, &[&["--aav-key", "of both"], arguments].concat());
        let listening = directory.wait_for("address", |event| event["event"] == "listening").await;
        let acs = format!("http://127.0.0.1:{}", listening["browsers"]);
        let url = url(&directory);
        let live =
            Live::start(|site| format!("{}{}", acquirer(&host, site, MANNER), threeds(&url, settings))).await;
        let browser = Browser::start(Script::Allowed).await;
        Self { live, browser, host, directory, acs }
    }

    /// Types this card on the page of a new order of 10.00.
    async fn pay(&self, id: &str, card: &str) {
        self.browser.open(&self.live.place(id, 1000, Value::Null).await).await;
        self.browser.type_into("card_number", card).await;
        self.browser.type_into("card_holder", "A. Customer").await;
        self.browser.type_into("card_expiry", "12/35").await;
        if !card.starts_with('6') {
            self.browser.type_into("card_cvc", "123").await;
        }
        self.browser.click("button[type=submit]").await;
    }

    /// Answers the bank's question.
    async fn answer(&self, code: &str) {
        self.browser.at(&self.acs).await;
        self.browser.type_into("otp", code).await;
        self.browser.click("#submit").await;
    }

    /// What the ACS knows of the only authentication.
    async fn known(&mut self) -> Value {
        let state = self.directory.printed("state").await;
        let [known] = state["transactions"].as_array().unwrap().as_slice() else { panic!("{state}") };
        known.clone()
    }

    /// Ends it: nobody complained, and the host has charged so many orders.
    async fn leave(mut self, charged: usize) {
        let booked = self.live.booked(&mut self.host).await;
        let standing =
            booked.iter().filter(|(_, approval)| number(approval, "approved") > number(approval, "reversed"));
        assert_eq!(standing.count(), charged, "{booked:#?}");
        let hosts = [&*self.live.binary.url, &self.acs].map(|url| Url::parse(url).unwrap().origin());
        self.browser.leave_despite(FRAME, &hosts).await;
        self.live.stop().await;
        self.host.finish();
        self.directory.finish();
    }
}

#[rstest]
#[case::of_2_2_0("2.2.0", "2.2.0")]
#[case::of_both("2.2.0,2.3.1", "2.3.1")]
#[case::of_2_3_1_alone("2.3.1", "2.3.1")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_that_asks_nothing_decides(#[case] versions: &str, #[case] version: &str) {
    let visit = Visit::start(&["--versions", versions], "").await;
    for (at, (card, status, ended)) in [
        (card("679999000000000"), "Y", "completed/completed"),
        (card("411111111111110"), "Y", "completed/completed"),
        (card("679999000000003"), "A", "completed/completed"),
        (card("679999000000002"), "N", "declined/declined"),
        (card("411111111111114"), "R", "declined/declined"),
        (card("679999000000005"), "U", "declined/declined"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("order-{at}");
        visit.pay(&id, &card).await;
        let order = visit.live.becomes(&id, ended).await;
        let result = &order["payment_details"]["card_authentication_result"];
        assert_eq!((&result["status"], &result["version"]), (&json!(status), &json!(version)), "{order:#}");
    }
    visit.leave(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bank_says_is_shown() {
    let visit = Visit::start(&[], "").await;
    visit.pay("told", &card("679999000000006")).await;
    visit.browser.read("body", "Please call your bank: <b>0800 1234</b> & mention code 13.").await;
    let order = visit.live.becomes("told", "declined/declined").await;
    assert_eq!(order["payment_details"]["response_code"], "13", "{order:#}");
    visit.leave(0).await;
}

/// The RReq, whenever it comes, decides; and once.
#[rstest]
#[case::before("before", 1)]
#[case::after("after", 1)]
#[case::twice("twice", 2)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_decided_by_its_result(#[case] rreq: &str, #[case] reports: i64) {
    let mut visit = Visit::start(&["--rreq", rreq], "").await;
    visit.pay("asked", &card("679999000000001")).await;
    visit.answer("1234").await;
    let order = visit.live.becomes("asked", "completed/completed").await;
    assert_eq!(order["payment_details"]["card_authentication_result"]["status"], "Y", "{order:#}");
    visit.browser.ends("paid").await;
    let known = visit.known().await;
    assert_eq!((&known["result"], &known["rreqs"]), (&json!("Y"), &json!(reports)), "{known}");
    visit.leave(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_that_is_cancelled_is_declined() {
    let visit = Visit::start(&[], "").await;
    visit.pay("cancelled", &card("679999000000001")).await;
    visit.browser.at(&visit.acs).await;
    visit.browser.click("#cancel").await;
    let order = visit.live.becomes("cancelled", "declined/declined").await;
    assert_eq!(order["reason"], "3D Secure authentication cancelled", "{order:#}");
    visit.leave(0).await;
}

/// What a browser brings says nothing.
#[rstest]
#[case::forged(&["--forge-cres"])]
#[case::forged_first(&["--forge-cres", "--rreq", "after"])]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_answer_never_pays(#[case] arguments: &[&str]) {
    let visit = Visit::start(arguments, "").await;
    visit.pay("forged", &card("679999000000001")).await;
    visit.browser.at(&visit.acs).await;
    visit.browser.click("#cancel").await;
    visit.live.becomes("forged", "declined/declined").await;
    visit.leave(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_never_comes_is_a_decline() {
    let visit = Visit::start(&["--rreq", "missing"], "result_s = 1").await;
    visit.pay("missing", &card("679999000000001")).await;
    visit.answer("1234").await;
    let order = visit.live.becomes("missing", "declined/declined").await;
    assert_eq!(order["payment_details"]["response_code"], "14", "{order:#}");
    visit.leave(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_that_is_silent_is_a_decline() {
    let visit = Visit::start(&["--silent-s", "3"], "answer_s = 1").await;
    visit.pay("silent", &card("679999000000008")).await;
    visit.live.becomes("silent", "declined/declined").await;
    visit.leave(0).await;
}

/// The 3DS Method: at once, too slow, and never done.
#[rstest]
#[case::slow("491711111111110")]
#[case::silent("222100000000000")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_is_not_done_in_time_is_not_waited_for(#[case] digits: &str) {
    let visit = Visit::start(&["--method-slow-s", "3"], "method_s = 1").await;
    visit.pay("waited", &card(digits)).await;
    visit.live.becomes("waited", "completed/completed").await;
    visit.leave(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_by_mutual_tls() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    super::peer::run(Program::Directory, &["--make-test-ca", folder.path().to_str().unwrap()]);
    private(folder.path());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (ca, pem, key) = (at("ca.pem"), at("server.pem"), at("server.key"));
    let settings = format!(
        "ca = \"{ca}\"\ncertificate = \"{pem}\"\nkey = \"{key}\"\nresults_listen = \"{free}\"\n\
         results_url = \"https://{free}/results\"\nresults_certificate = \"{pem}\"\nresults_key = \"{key}\"\n\
         results_ca = \"{ca}\""
    );
    let (cert, its_key) = (at("ds.pem"), at("ds.key"));
    let arguments = ["--tls-cert", &cert, "--tls-key", &its_key, "--client-ca", &ca];
    let secure = |directory: &Peer| format!("https://{}/ds", directory.address());
    let mut visit = Visit::start_at(&arguments, secure, &settings).await;
    visit.pay("asked", &card("679999000000001")).await;
    visit.answer("1234").await;
    visit.live.becomes("asked", "completed/completed").await;
    assert_eq!(visit.known().await["rreqs"], 1);
    visit.leave(1).await;
}

/// Keys that only we may read.
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["server.key", "ds.key"] {
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
