//! The books of both sides, side by side.

use super::Load;
use super::host::Host;
use super::shops::Sold;
use crate::harness::Home;
use futures_util::StreamExt as _;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the gateway may be busy with what is due.
const BUSY: Duration = Duration::from_secs(60);
/// How many reversals are to be sent in vain.
const REPEATED: usize = 3;
/// How many orders are read at once.
const READERS: usize = 32;

/// What still moves: money of which nobody knows where it is.
const UNSETTLED: &str = "SELECT state || ' ' || order_id FROM payment_transaction \
     WHERE state IN ('authorising', 'unknown', 'reversing') OR (state = 'void' AND released_at IS NULL) \
     UNION ALL SELECT kind || ' ' || order_id FROM movement \
     WHERE state IN ('reserved', 'sending', 'unknown') OR (kind = 'capture' AND done_at IS NULL) \
     UNION ALL SELECT 'completion ' || order_id FROM payment_transaction \
     WHERE state = 'completed' AND completion IS NOT NULL AND told_at IS NULL";
/// The jobs that look after it.
const WORK: &str =
    "kind IN ('resolve_unknown', 'release_approval', 'send_capture', 'send_completion', 'send_refund')";

/// Money at the host, and the message that the gateway knows it by.
const KNOWN: &str = "book.simulator_authorisation b LEFT JOIN trace t ON t.terminal = b.terminal AND t.stan = b.stan \
     AND t.transmission = b.transmission AND t.rrn = b.rrn AND t.operation = 'authorise' \
     LEFT JOIN payment_transaction p ON p.site_id = t.site_id AND p.id = t.reference";
const MOVED: &str = "book.simulator_movement b LEFT JOIN trace t ON t.terminal = b.terminal AND t.stan = b.stan \
     AND t.transmission = b.transmission AND t.rrn = b.rrn AND t.operation = b.kind \
     LEFT JOIN movement m ON m.site_id = t.site_id AND m.id = t.reference \
     LEFT JOIN payment_transaction c ON c.site_id = t.site_id AND c.id = t.reference AND c.completion IS NOT NULL";
const STANDS: &str = "b.response_code = '00' AND b.reversed_at IS NULL";

/// The gateway's book, and the host's as `book`.
pub(crate) fn open(home: &Home, host: &Host) -> Connection {
    let connection = home.sqlite();
    let path = host.book();
    connection.execute("ATTACH ?1 AS book", [path.to_str().unwrap()]).unwrap();
    connection
}

pub(crate) fn unsettled(home: &Home) -> Vec<String> {
    rows(&home.sqlite(), UNSETTLED)
}

/// Waits until nothing is left to do for now.
pub(crate) async fn wait_while_busy(home: &Home) {
    let sql = format!(
        "SELECT kind || ' ' || subject FROM job WHERE {WORK} AND due_at <= CAST(unixepoch('subsec') * 1000 AS INT)"
    );
    let began = Instant::now();
    loop {
        let due = rows(&home.sqlite(), &sql);
        if due.is_empty() {
            return;
        }
        assert!(began.elapsed() < BUSY, "still busy after {BUSY:?}: {due:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until some reversals were sent in vain twice.
pub(crate) async fn wait_for_repeated_reversals(home: &Home) {
    let sql = "SELECT order_id FROM payment_transaction WHERE state = 'reversing' AND unanswered >= 2";
    let began = Instant::now();
    while rows(&home.sqlite(), sql).len() < REPEATED {
        assert!(began.elapsed() < BUSY, "no reversal is repeated while the host is away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The gateway is down and the clock goes on: everything that was to happen is that much nearer.
pub(crate) fn pass(home: &Home, time: Duration) {
    let sql = "UPDATE job SET due_at = due_at - ?1, lease_until = MAX(lease_until - ?1, 0)";
    home.sqlite().execute(sql, [i64::try_from(time.as_millis()).unwrap()]).unwrap();
}

/// Everything that has to be true.
pub(crate) async fn check(home: &Home, host: &Host, load: &Load, sold: &[Sold]) {
    assert_eq!(u64::try_from(sold.len()).unwrap(), load.orders);
    let books = open(home, host);
    for (what, sql) in rules().into_iter().chain(rules_of_movements()) {
        let found = rows(&books, &sql);
        assert!(found.is_empty(), "{} times {what}: {:?}", found.len(), &found[..found.len().min(20)]);
    }
    let charged = charged(&books);
    let reading = futures_util::stream::iter(sold);
    let shown: Vec<(&Sold, Value)> =
        reading.map(async |sold| (sold, load.read(sold).await)).buffer_unordered(READERS).collect().await;
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for (sold, order) in &shown {
        let stands = charged.get(&(sold.site, sold.id.clone())).copied().unwrap_or(0);
        shown_as_charged(sold, order, stands);
        moved_once(sold, order);
        *words.entry(order["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    eprintln!("orders: {words:?}");
    assert!(words.contains_key("completed"), "nobody has paid: nothing was tested");
    let audit = home.command(&["audit"]).output().unwrap();
    let said = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    assert!(audit.status.success(), "{}{}", said(&audit.stdout), said(&audit.stderr));
    eprintln!("{}", said(&audit.stdout).trim());
}

/// What must never be found, each as the query that would find it.
fn rules() -> Vec<(&'static str, String)> {
    vec![
        (
            "an order charged twice",
            format!("SELECT t.order_id FROM {KNOWN} WHERE {STANDS} AND t.order_id IS NOT NULL \
                 GROUP BY t.site_id, t.order_id HAVING COUNT(*) > 1"),
        ),
        (
            "an approval that stands for nothing",
            format!(
                "SELECT b.stan || ' ' || COALESCE(p.order_id || ' ' || p.state, 'unknown') FROM {KNOWN} WHERE {STANDS} \
                 AND (p.id IS NULL OR p.state NOT IN ('authorised', 'completed') OR p.amount_minor <> b.amount_minor)"
            ),
        ),
        (
            "an attempt that is paid without an approval",
            format!(
                "SELECT order_id FROM payment_transaction WHERE state IN ('authorised', 'completed') \
                 AND site_id || ' ' || order_id NOT IN (SELECT t.site_id || ' ' || t.order_id FROM {KNOWN} \
                 WHERE {STANDS} AND t.order_id IS NOT NULL)"
            ),
        ),
        (
            "a reversal at the host that was sent less often, or is of what is paid",
            format!(
                "SELECT b.stan || ' ' || COALESCE(p.order_id || ' ' || p.state, 'unknown') FROM {KNOWN} \
                 LEFT JOIN trace r ON r.site_id = t.site_id AND r.reference = t.reference AND r.operation = 'reverse' \
                 WHERE b.reversals > 0 AND (r.sends IS NULL OR r.sends < b.reversals \
                 OR p.state NOT IN ('declined', 'void'))"
            ),
        ),
        (
            "money of an authorisation at the host that is more than was authorised, or was undone",
            "SELECT b.stan || ' ' || b.kind FROM book.simulator_movement b LEFT JOIN book.simulator_authorisation a \
             ON a.terminal = b.terminal AND a.stan = b.original_stan AND a.transmission = b.original_transmission \
             AND a.rrn = b.rrn WHERE a.stan IS NULL OR a.response_code <> '00' OR a.reversed_at IS NOT NULL \
             GROUP BY b.stan UNION ALL SELECT b.original_stan || ' ' || b.kind FROM book.simulator_movement b \
             JOIN book.simulator_authorisation a ON a.terminal = b.terminal AND a.stan = b.original_stan \
             AND a.transmission = b.original_transmission AND a.rrn = b.rrn \
             GROUP BY a.terminal, a.transmission, a.stan, b.kind HAVING SUM(b.amount_minor) > MAX(a.amount_minor)"
                .to_owned(),
        ),
        (
            "a STAN used twice on one day",
            "SELECT terminal || ' ' || stan FROM trace GROUP BY terminal, stan, substr(transmission, 1, 4) \
             HAVING COUNT(*) > 1 UNION ALL SELECT terminal || ' ' || stan FROM (SELECT terminal, stan, transmission \
             FROM book.simulator_authorisation UNION ALL SELECT terminal, stan, transmission FROM \
             book.simulator_movement) GROUP BY terminal, stan, substr(transmission, 1, 4) HAVING COUNT(*) > 1"
                .to_owned(),
        ),
    ]
}

/// The same, of money that moves after an authorisation.
fn rules_of_movements() -> Vec<(&'static str, String)> {
    vec![
        (
            "a capture or refund at the host that is not the gateway's",
            format!(
                "SELECT b.kind || ' ' || b.stan || ' ' || b.response_code FROM {MOVED} \
                 WHERE COALESCE(m.done_at, c.told_at) IS NULL OR b.response_code <> '00' \
                 OR COALESCE(m.amount_minor, c.amount_minor) <> b.amount_minor"
            ),
        ),
        (
            "a capture or refund that the host did not do once",
            format!(
                "SELECT order_id FROM movement WHERE kind IN ('capture', 'refund') AND site_id || ' ' || id NOT IN \
                 (SELECT m.site_id || ' ' || m.id FROM {MOVED} WHERE m.id IS NOT NULL AND b.response_code = '00' \
                 GROUP BY m.site_id, m.id HAVING COUNT(*) = 1)"
            ),
        ),
        (
            "a payment that a host which has to be told did not collect once",
            format!(
                "SELECT order_id FROM payment_transaction WHERE state = 'completed' AND completion IS NOT NULL \
                 AND site_id || ' ' || id NOT IN (SELECT c.site_id || ' ' || c.id FROM {MOVED} \
                 WHERE c.id IS NOT NULL AND b.response_code = '00' GROUP BY c.site_id, c.id HAVING COUNT(*) = 1)"
            ),
        ),
    ]
}

/// How many approvals of each order stand at the host.
fn charged(books: &Connection) -> BTreeMap<(usize, String), u64> {
    let sql = format!("SELECT t.site_id, t.order_id FROM {KNOWN} WHERE {STANDS}");
    let mut statement = books.prepare(&sql).unwrap();
    let found = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).unwrap();
    let mut charged = BTreeMap::new();
    for (site, order) in found.map(Result::unwrap) {
        let site = super::SITES.iter().position(|known| known.id == site).unwrap();
        *charged.entry((site, order)).or_default() += 1;
    }
    charged
}

/// An order is shown as paid where its card is charged, and nowhere else; and it stays what the shop was told.
fn shown_as_charged(sold: &Sold, order: &Value, stands: u64) {
    let (id, status) = (&sold.id, order["status"].as_str().unwrap());
    assert_eq!(order["amount"], sold.amount, "{id}");
    let paid = ["completed", "partial_refunded", "refunded"].contains(&status);
    assert_eq!(u64::from(paid), stands, "{id} is {status} and {stands} approvals of it stand");
    assert!(paid || !sold.was_paid || sold.cancelled, "{id} was paid once and is {status}");
    assert!(!sold.cancelled || status == "void", "{id} was cancelled and is {status}");
}

/// What was acknowledged has happened once, and nothing else has.
fn moved_once(sold: &Sold, order: &Value) {
    let related = order["related_transactions"].as_array().cloned().unwrap_or_default();
    let number = |entry: &Value, key: &str| entry[key].as_i64().unwrap();
    let entries =
        related.iter().filter(|entry| ["capture", "refund"].iter().any(|kind| entry["type"] == *kind));
    let mut done: Vec<(String, i64, u64)> = entries
        .map(|entry| {
            assert_eq!(entry["status"], "completed", "{}: {entry}", sold.id);
            let kind = entry["type"].as_str().unwrap().to_owned();
            (kind, number(entry, "transaction_id"), number(entry, "amount").unsigned_abs())
        })
        .collect();
    let mut promised: Vec<(String, i64, u64)> =
        sold.moved.iter().map(|moved| (moved.kind.to_owned(), moved.transaction, moved.amount)).collect();
    done.sort();
    promised.sort();
    assert_eq!(done, promised, "{}: what moved is not what was acknowledged", sold.id);
}

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([], |row| row.get(0)).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}
