//! A live site's cards, charged by hosts that others wrote: what they do wrong charges nobody twice, and what they
//! were told stands in their books as the API says it.

use super::live::{Manner, acquirer, card, number, threeds};
use super::*;
use rstest::rstest;
use std::collections::{BTreeMap, BTreeSet};

/// A Maestro card whose issuer asks nothing.
const MAESTRO: &str = "679999000000000";
/// A Visa card of that kind.
const VISA: &str = "411111111111110";

/// A gateway between a directory server that knows every customer and a host.
struct Link {
    live: Live,
    host: Peer,
    directory: Peer,
}

impl Link {
    async fn start(program: Program, manner: Manner) -> Self {
        let arguments = match program {
            // It looks at every AAV.
            Program::PythonHost => &["--aav-key", "of both"][..],
            Program::NodeHost | Program::Directory => &[],
        };
        let host = Peer::start(program, arguments);
        let directory = Peer::start(Program::Directory, &["--aav-key", "of both"]);
        let url = format!("http://{}/ds", directory.address());
        let live =
            Live::start(|site| format!("{}{}", acquirer(&host, site, manner), threeds(&url, ""))).await;
        Self { live, host, directory }
    }

    /// Ends everything: the orders are what the host's book says, and nobody has complained. The book, by order.
    async fn finish(mut self) -> BTreeMap<String, Value> {
        self.live.settles().await;
        let booked = self.live.booked(&mut self.host).await;
        let mut standing = BTreeSet::new();
        for (id, approval) in &booked {
            let charged = number(approval, "approved") - number(approval, "reversed");
            assert!(charged == 0 || standing.insert(id.clone()), "{id} is charged twice");
            let order = self.live.read(id).await;
            assert_eq!(charged, owed(&order), "{id}: {approval} {order:#}");
        }
        self.close().await
    }

    /// Ends everything: nobody has complained. The book, by order.
    async fn close(mut self) -> BTreeMap<String, Value> {
        let booked = self.live.booked(&mut self.host).await;
        self.live.stop().await;
        self.host.finish();
        self.directory.finish();
        booked.into_iter().collect()
    }
}

/// What the customer is charged, as the order says.
fn owed(order: &Value) -> i64 {
    let amount = order["amount"].as_i64().unwrap();
    match (order["status"].as_str().unwrap(), order["financial_status"].as_str().unwrap()) {
        ("completed", "completed" | "initialized") => amount,
        ("declined", _) | (_, "void") => 0,
        other => panic!("{other:?} is no end: {order:#}"),
    }
}

/// The last two digits of an amount, the response code, and the API's reason.
const DECLINES: &[(i64, &str, &str)] = &[
    (5, "4001", "Do not honor"),
    (51, "4002", "Insufficient funds"),
    (54, "4005", "Expired card, or Invalid Account Number"),
    (59, "4003", "Suspected fraud"),
    (61, "4999", "Insufficient funds or over credit limit"),
    (62, "4999", "Restricted card"),
    (91, "4999", "Authorization or issuer system inoperative"),
];

#[rstest]
#[case::python(Program::PythonHost, Manner { has_inquiry: false, reverses_by_advice: false, completion: false })]
#[case::python_asked(Program::PythonHost, Manner { has_inquiry: true, reverses_by_advice: true, completion: true })]
#[case::node(Program::NodeHost, Manner { has_inquiry: false, reverses_by_advice: true, completion: true })]
#[case::node_asked(Program::NodeHost, Manner { has_inquiry: true, reverses_by_advice: false, completion: false })]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_host_does_an_order_is_charged_once_or_not_at_all(
    #[case] program: Program,
    #[case] manner: Manner,
) {
    let Link { live, mut host, directory } = Link::start(program, manner).await;
    let (maestro, visa) = (card(MAESTRO), card(VISA));
    for (at, card) in [&maestro, &visa].into_iter().enumerate() {
        let id = format!("paid-{at}");
        live.pay(&id, 1000, card, Value::Null).await;
        live.becomes(&id, "completed/completed").await;
    }
    for (cents, code, reason) in DECLINES {
        let id = format!("declined-{cents}");
        live.pay(&id, 1000 + cents, &maestro, Value::Null).await;
        let order = live.becomes(&id, "declined/declined").await;
        let shown = (&order["reason_code"], &order["reason"], &order["payment_details"]["response_code"]);
        assert_eq!(shown, (&json!(code), &json!(reason), &json!(format!("{cents:02}"))), "{order:#}");
    }
    // Approved for a half only.
    live.pay("in-part", 1066, &maestro, Value::Null).await;
    let order = live.becomes("in-part", "declined/declined").await;
    assert_eq!(order["payment_details"]["response_code"], "10", "{order:#}");

    // Twice, and behind garbage.
    for cents in [80, 81] {
        let id = format!("odd-{cents}");
        live.pay(&id, 1000 + cents, &maestro, Value::Null).await;
        live.becomes(&id, "completed/completed").await;
    }
    // After the answer to the next.
    let held = async { live.pay("after-the-next", 1083, &maestro, Value::Null).await };
    let next = async {
        host.wait_for("request of 10.83", |event| is_request(event, "0100", 1083)).await;
        live.pay("the-next", 1100, &visa, Value::Null).await
    };
    tokio::join!(held, next);
    live.becomes("after-the-next", "completed/completed").await;
    live.becomes("the-next", "completed/completed").await;

    // Nobody knows, until the host is asked or told to forget it.
    let found = if manner.has_inquiry { "completed/completed" } else { "declined/declined" };
    for (cents, end) in [(77, found), (79, "completed/completed"), (78, found), (82, found)] {
        let (id, connections) = (format!("unknown-{cents}"), live.logged(SIGNED_ON));
        live.pay(&id, 1000 + cents, &maestro, Value::Null).await;
        let order = live.becomes(&id, end).await;
        if end.starts_with("declined") {
            let shown = (&order["reason_code"], &order["payment_details"]["response_code"]);
            assert_eq!(shown, (&json!("4999"), &json!("91")), "{order:#}");
        }
        if matches!(cents, 78 | 82) {
            live.logs(SIGNED_ON, connections + 1).await;
        }
    }
    // Every connection ends while an answer is under way.
    let connections = live.logged(SIGNED_ON);
    let (paid, ()) = tokio::join!(live.pay("dropped", 2079, &maestro, Value::Null), async {
        host.wait_for("request of 20.79", |event| is_request(event, "0100", 2079)).await;
        host.say("drop");
    });
    drop(paid);
    live.logs(SIGNED_ON, connections + 1).await;
    live.becomes("dropped", found).await;
    // A new business day begins while an answer is under way.
    let (paid, ()) = tokio::join!(live.pay("at-midnight", 3079, &visa, Value::Null), async {
        host.wait_for("request of 30.79", |event| is_request(event, "0100", 3079)).await;
        host.say("cutover");
        host.wait_for("answer to the cutover", |event| event["mti"] == "0810" && event["event"] == "request")
            .await;
    });
    drop(paid);
    live.becomes("at-midnight", "completed/completed").await;
    live.pay("after-midnight", 1000, &maestro, Value::Null).await;
    live.becomes("after-midnight", "completed/completed").await;

    let events = host.events();
    let book = Link { live, host, directory }.finish().await;
    let partly = &book["in-part"];
    assert_eq!((number(partly, "approved"), number(partly, "reversed")), (533, 533), "{partly}");
    for id in ["unknown-77", "unknown-78", "unknown-82", "dropped"] {
        let charged = if manner.has_inquiry { number(&book[id], "approved") } else { 0 };
        assert_eq!(number(&book[id], "approved") - number(&book[id], "reversed"), charged, "{id}");
    }
    for (id, approval) in &book {
        let stays = number(approval, "approved") - number(approval, "reversed");
        let collected = if manner.completion { stays } else { 0 };
        assert_eq!(number(approval, "captured"), collected, "{id}: {approval}");
    }
    let reversal = if manner.reverses_by_advice { "0420" } else { "0400" };
    let heard: BTreeSet<&str> = events.iter().filter_map(|event| event["mti"].as_str()).collect();
    assert!(heard.contains(reversal) && heard.contains("0600") == manner.has_inquiry, "{heard:?}");
}

const SIGNED_ON: &str = "signed on to the acquirer's host";

fn is_request(event: &Value, mti: &str, amount: i64) -> bool {
    let minor = event["amount"].as_str().and_then(|digits| digits.parse().ok());
    event["event"] == "request" && event["mti"] == mti && minor == Some(amount)
}

#[rstest]
#[case::python(Program::PythonHost, Manner { has_inquiry: false, reverses_by_advice: false, completion: false })]
#[case::python_asked(Program::PythonHost, Manner { has_inquiry: true, reverses_by_advice: true, completion: true })]
#[case::node(Program::NodeHost, Manner { has_inquiry: false, reverses_by_advice: true, completion: true })]
#[case::node_asked(Program::NodeHost, Manner { has_inquiry: true, reverses_by_advice: false, completion: false })]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_captured_refunded_and_given_back_is_so_in_the_hosts_book(
    #[case] program: Program,
    #[case] manner: Manner,
) {
    let link = Link::start(program, manner).await;
    let live = &link.live;
    let maestro = card(MAESTRO);
    for (id, amount) in [("parts", 10_000), ("whole", 5_076), ("given-back", 7_076)] {
        live.pay(id, amount, &maestro, json!({"capture": "manual"})).await;
        live.becomes(id, "completed/initialized").await;
    }
    // Of one amount the host keeps the first message to itself: it is repeated until it is answered.
    for (order, amount, new) in
        [("parts", 4_000, "part-1"), ("parts", 3_076, "part-2"), ("whole", 5_076, "all")]
    {
        let body = json!({"amount": amount, "new_order_id": new, "new_order_status": "completed"});
        live.done("POST", &format!("/orders/{order}/capture"), &body).await;
    }
    for id in ["parts", "given-back"] {
        live.done("PATCH", &format!("/capture/{id}"), &json!({"status": "cancelled", "reason": "sold out"}))
            .await;
    }
    // Paid back; declined; without an answer, and with a link that breaks before it.
    for (order, amount) in [("part-1", 1_000), ("part-1", 505), ("part-1", 277), ("part-2", 378)] {
        let body = json!({"currency": "EUR", "amount": amount, "description": "Came back"});
        live.done("POST", &format!("/orders/{order}/refunds"), &body).await;
    }
    live.settles().await;
    let refunded = async |id: &str| live.read(id).await["amount_refunded"].clone();
    assert_eq!((refunded("part-1").await, refunded("part-2").await), (json!(1_277), json!(378)));

    let events = link.host.events();
    let book = link.close().await;
    let line =
        |id: &str| ["approved", "reversed", "captured", "refunded"].map(|name| number(&book[id], name));
    assert_eq!(line("parts"), [10_000, 2_924, 7_076, 1_655]);
    assert_eq!(line("whole"), [5_076, 0, 5_076, 0]);
    assert_eq!(line("given-back"), [7_076, 7_076, 0, 0]);
    let heard: BTreeSet<&str> = events.iter().filter_map(|event| event["mti"].as_str()).collect();
    let repeat = if manner.reverses_by_advice { "0421" } else { "0401" };
    assert!(["0221", "0201", repeat].iter().all(|mti| heard.contains(mti)), "{heard:?}");
}

/// The host reads the proof that the directory server gave: with another key it is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_knows_another_key_takes_no_proof() {
    let host = Peer::start(Program::PythonHost, &["--aav-key", "another"]);
    let directory = Peer::start(Program::Directory, &["--aav-key", "of both"]);
    let url = format!("http://{}/ds", directory.address());
    let manner = Manner { has_inquiry: false, reverses_by_advice: false, completion: false };
    let live = Live::start(|site| format!("{}{}", acquirer(&host, site, manner), threeds(&url, ""))).await;
    live.pay("unproven", 1000, &card(MAESTRO), Value::Null).await;
    let order = live.becomes("unproven", "declined/declined").await;
    assert_eq!(order["reason_code"], "4003", "{order:#}");
    let dollars = json!({
        "type": "redirect", "order_id": "dollars", "gateway": "VISA", "currency": "USD", "amount": 1000,
        "description": "In what the host does not collect",
    });
    let refused = live.call("POST", "/orders", &dollars).await;
    assert_eq!((refused.status, refused.json()["success"].as_bool()), (400, Some(false)), "{}", refused.text);
    live.stop().await;
    host.finish_despite(&["DE 48.43 is not the AAV that was given out"]);
    directory.finish();
}
