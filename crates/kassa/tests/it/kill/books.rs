//! Looking at the books when the load is over: the API's, the shop's, the acquirer's and the audit's.

use super::afterwards::{self, Moved};
use super::customers::Placed;
use super::listener::Told;
use super::{KEY, Load};
use crate::harness::Home;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much time passes while the gateway is down.
pub(crate) const NIGHT: Duration = Duration::from_secs(60);
/// How long it may be busy with what has become due.
const BUSY: Duration = Duration::from_secs(3);

const UNSETTLED: &str = "SELECT 'notification ' || order_id FROM notification WHERE due_at IS NOT NULL \
     UNION ALL SELECT state || ' ' || order_id FROM payment_transaction \
     WHERE state IN ('authorising', 'unknown', 'reversing') OR (state = 'void' AND released_at IS NULL) \
     UNION ALL SELECT kind || ' ' || order_id FROM movement \
     WHERE state IN ('reserved', 'sending', 'unknown') OR (kind = 'capture' AND done_at IS NULL)";

/// What still moves: notifications to send, and money of which nobody knows where it is.
pub(crate) async fn unsettled(home: &Home) -> Vec<String> {
    home.sql(UNSETTLED).await.into_iter().flatten().collect()
}

/// Whether everything is settled, now or within a moment.
pub(crate) async fn is_quiet(home: &Home) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < BUSY {
        if unsettled(home).await.is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// The gateway is down and the clock goes on: everything that was to happen is that much nearer.
pub(crate) async fn pass_the_night(home: &Home) {
    let night = NIGHT.as_millis();
    let sooner =
        |column| format!("{column} = CASE WHEN {column} > {night} THEN {column} - {night} ELSE 0 END");
    let lease = sooner("lease_until");
    home.sql(&format!("UPDATE job SET due_at = due_at - {night}, {lease}")).await;
    let quiet = sooner("not_before");
    let sql = format!("due_at = due_at - {night}, first_at = first_at - {night}, {quiet}, {lease}");
    home.sql(&format!("UPDATE notification SET {sql}")).await;
}

/// Everything that has to be true.
pub(crate) async fn check(home: &Home, load: &Load, placed: &[Placed], moved: &[Moved]) {
    let odd = load.odd.lock().unwrap().clone();
    assert!(odd.is_empty(), "{} odd answers, the first: {:#?}", odd.len(), odd.first());
    let forged = load.shop.forged();
    assert!(forged.is_empty(), "{} forged notifications, the first: {:#?}", forged.len(), forged.first());
    let told = load.shop.told();
    let mut shown = BTreeMap::new();
    let sql = "SELECT order_id, id FROM session";
    let mut sessions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in home.sql(sql).await {
        sessions.entry(row[0].clone()).or_default().push(row[1].clone());
    }
    for order in placed {
        let url = format!("{}/v1/json/orders/{}", load.url, order.id);
        let reply = load.http.call("GET", &url, KEY, "").await.unwrap();
        assert_eq!(reply.status, 200, "{} was acknowledged and is lost: {}", order.id, reply.text);
        let now = reply.json()["data"].clone();
        unchanged(order, &now, sessions.get(&order.id));
        let history = told.get(&order.id).map(Vec::as_slice).unwrap_or_default();
        heard_in_order(&order.id, history);
        heard_the_end(&order.id, &now, history);
        shown.insert(order.id.clone(), now);
    }
    afterwards::check(moved, &shown);
    let shown: BTreeMap<String, String> =
        shown.into_iter().map(|(id, order)| (id, order["status"].as_str().unwrap().to_owned())).collect();
    nobody_charged_twice(home, &shown).await;
    let audit = home.run(&["audit"]);
    assert_eq!(audit.code, Some(0), "{}{}", audit.stdout, audit.stderr);

    let with = |word: &str| shown.values().filter(|status| *status == word).count();
    let words: BTreeSet<&String> = shown.values().collect();
    let counts: Vec<String> = words.into_iter().map(|word| format!("{} {word}", with(word))).collect();
    eprintln!("orders: {}", counts.join(", "));
    eprintln!("notifications heard: {}", told.values().map(Vec::len).sum::<usize>());
    assert!(with("completed") > 0, "nobody has paid: nothing was tested");
    assert!(!moved.is_empty(), "nothing was captured or refunded");
}

fn unchanged(order: &Placed, now: &Value, sessions: Option<&Vec<String>>) {
    assert_eq!(now["amount"], order.amount, "{}", order.id);
    assert_eq!(now["description"], order.description.as_str(), "{}", order.id);
    assert_eq!(sessions, Some(&vec![order.session.clone()]), "{}", order.id);
}

/// Paid, whatever of it was given back since.
fn is_paid(status: &Value) -> bool {
    ["completed", "partial_refunded", "refunded"].iter().any(|word| status == word)
}

/// What a shop hears never goes back.
pub(crate) fn heard_in_order(id: &str, history: &[Told]) {
    let line =
        || history.iter().map(|told| (told.sequence, told.order["status"].clone())).collect::<Vec<_>>();
    for pair in history.windows(2) {
        let (earlier, later) = (&pair[0], &pair[1]);
        assert!(earlier.sequence <= later.sequence, "{id}: the sequence went back: {:?}", line());
        let (was, is) = (&earlier.order["status"], &later.order["status"]);
        assert!(!is_paid(was) || is_paid(is), "{id} was un-paid: {:?}", line());
        assert!(earlier.sequence < later.sequence || was == is, "{id} changed its mind: {:?}", line());
    }
}

/// The shop's last word is the gateway's.
pub(crate) fn heard_the_end(id: &str, now: &Value, history: &[Told]) {
    let last = history.last().map(|told| &told.order);
    if now["transaction_id"].is_null() && last.is_none() {
        // No attempt was ever made: there is nothing to tell.
        return;
    }
    assert_eq!(last, Some(now), "{id}: the shop was not told how it stands");
}

/// At most one approval of an order stands at the acquirer, and only where the order says so.
async fn nobody_charged_twice(home: &Home, shown: &BTreeMap<String, String>) {
    let sql = "SELECT t.order_id FROM simulator_authorisation b JOIN trace t ON t.site_id = b.site_id \
               AND t.terminal = b.terminal AND t.transmission = b.transmission AND t.stan = b.stan \
               WHERE b.response_code = '00' AND b.reversed_at IS NULL AND t.operation = 'authorise'";
    let charged: Vec<String> = home.sql(sql).await.into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    for order in &charged {
        assert!(seen.insert(order.clone()), "{order} is charged twice");
        let status = shown.get(order).map(String::as_str);
        assert!(
            status.is_some_and(|status| is_paid(&status.into()) || status == "uncleared"),
            "{order} is charged and {status:?}"
        );
    }
    for (order, status) in shown {
        let paid = is_paid(&status.as_str().into()) || status == "uncleared";
        assert!(!paid || seen.contains(order), "{order} is {status} and was never charged");
    }
}
