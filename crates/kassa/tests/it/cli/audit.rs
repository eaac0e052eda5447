//! `kassa audit` finds what was changed behind Kassa's back.

use super::{order, place};
use crate::harness::{Database, Home, Http, Shop, bare, run};
use serde_json::json;
use std::fs;

/// What was done to the database, and what the audit says about it.
const TAMPERED: &[(&str, &str)] = &[
    ("UPDATE ledger_transfer SET amount_minor = 999 WHERE order_id = 'paid'", "has 999 in balance"),
    ("UPDATE ledger_transfer SET amount_minor = -1 WHERE order_id = 'paid'", "a transfer of -1 minor units"),
    ("DELETE FROM ledger_transfer WHERE order_id = 'paid'", "its state says 1000"),
    ("UPDATE ledger_transfer SET order_id = 'held' WHERE order_id = 'paid'", "belong to no transaction"),
    ("UPDATE ledger_transfer SET currency = 'USD' WHERE order_id = 'paid'", "EUR: the ledger says"),
    (
        "UPDATE payment_transaction SET state = 'expired', finished_at = 1 WHERE order_id = 'paid'",
        "stands at the acquirer for nothing",
    ),
    (
        "UPDATE payment_transaction SET state = 'expired', finished_at = 1 WHERE order_id = 'paid'",
        "the shop was last told completed, the rows say expired",
    ),
    ("DELETE FROM job WHERE kind = 'end_review'", "nothing is waiting to settle transaction"),
    ("DELETE FROM job WHERE kind = 'expire_transaction'", "nothing is waiting to settle transaction"),
    (
        "UPDATE simulator_authorisation SET reversed_at = 1 \
         WHERE stan IN (SELECT stan FROM trace WHERE order_id = 'paid')",
        "is paid without an approval",
    ),
    ("UPDATE trace SET order_id = 'paid' WHERE operation = 'authorise'", "2 approvals stand at the acquirer"),
    (
        "INSERT INTO simulator_authorisation (site_id, terminal, transmission, stan, rrn, amount_minor, currency, \
         response_code, authorization_code, manner, inquiries, reversals, created_at) \
         SELECT site_id, terminal, transmission, 999999, rrn, amount_minor, currency, '00', '000000', 'normal', 0, 0, \
         1 FROM simulator_authorisation WHERE stan IN (SELECT stan FROM trace WHERE order_id = 'paid')",
        "1 approvals at the acquirer are not ours",
    ),
    (
        "UPDATE payment_transaction SET given_back_at = 1 WHERE order_id = 'paid'",
        "1 payments are listed as given back",
    ),
    ("DELETE FROM notification WHERE order_id = 'paid'", "nothing is going to tell the shop"),
    ("UPDATE notification_attempt SET status = 'declined'", "the shop was last told declined"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_names_what_does_not_add_up() {
    let home = Home::new(Database::Sqlite).await;
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    for (id, card) in [("paid", "6799990000000000011"), ("held", "6799990000000000052")] {
        let mut order = order(id);
        order["payment_options"] = json!({"notification_url": shop.url("/notification")});
        let link = place(&binary, &binary.key, &order).await;
        run(&mut bare(&["pay", &link, "--card", card]));
    }
    let http = Http::new();
    let page = http.open(&place(&binary, &binary.key, &order("left")).await).await.unwrap();
    let card = [("card_number", "6799990000000000011"), ("card_holder", "A"), ("card_expiry", "12/35")];
    assert!(http.submit(&page, &card).await.unwrap().has("select[name=transStatus]"));
    assert!(binary.stop().await.success());

    let clean = home.run(&["audit"]);
    assert_eq!(clean.code, Some(0), "{clean:?}");
    assert!(clean.stdout.ends_with("3 orders, 2 transfers\nEverything adds up.\n"), "{}", clean.stdout);
    for (number, (sql, says)) in TAMPERED.iter().enumerate() {
        let copy = home.folder().join(format!("tampered-{number}"));
        fs::create_dir(&copy).unwrap();
        for entry in fs::read_dir(home.data()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        let changed = rusqlite::Connection::open(copy.join("kassa.db")).unwrap().execute(sql, []).unwrap();
        assert!(changed > 0, "{sql}");
        let ran = home.run(&["audit", "--data-dir", copy.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{sql}: {ran:?}");
        let named = ran.stdout.lines().any(|line| line.starts_with("DIFFERENCE ") && line.contains(says));
        assert!(named, "{sql}: {}", ran.stdout);
    }
}
