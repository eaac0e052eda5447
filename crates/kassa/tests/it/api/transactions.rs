//! `/transactions` as whoever reconciles reads it: made of real payments, refunds, captures and chargebacks.

use crate::harness::{Answer, Database, Gateway, path};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod paging;

/// Whether an entry fits a filter.
type Fits = Box<dyn Fn(&Value) -> bool>;

pub(crate) const LIST: &str = "/v1/json/transactions";
const PAYS: &str = "6799990000000000011";

impl Gateway {
    /// Every entry that fits, page by page.
    pub(crate) async fn transactions(&self, query: &str) -> Vec<Value> {
        let mut target = format!("{LIST}?limit=7&{query}");
        let mut entries = Vec::new();
        loop {
            let answer = self.call("GET", &target, "").await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.text);
            let page = answer.json["data"].as_array().unwrap();
            entries.extend(page.iter().cloned());
            let Some(next) = answer.json["pager"]["after"].as_str() else { break };
            assert!(page.len() == 7 || self.is_empty(next).await, "{target}: a page that is not full");
            target = next.strip_prefix(&self.url).unwrap().to_owned();
        }
        entries
    }

    async fn is_empty(&self, url: &str) -> bool {
        let answer = self.call("GET", url.strip_prefix(&self.url).unwrap(), "").await;
        answer.json["data"] == json!([])
    }

    /// Places an order that differs from the usual one by `changes`; where it can be paid.
    pub(crate) async fn place_as(&self, id: &str, changes: &Value) -> String {
        let mut order = self.order(id);
        for (key, value) in changes.as_object().unwrap() {
            order[key] = value.clone();
        }
        self.place(&order).await["payment_url"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn pay_as(&self, id: &str, card: &str, changes: &Value) {
        self.clock.advance(Millis::seconds(1));
        let url = self.place_as(id, changes).await;
        self.customer().pay(&url, card).await;
    }

    /// A call that has to succeed; its `data`.
    pub(crate) async fn fetch(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = self.call(method, target, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.text);
        answer.json["data"].clone()
    }

    pub(crate) async fn refund(&self, id: &str, amount: i64) -> Value {
        let body = json!({"currency": "EUR", "amount": amount, "description": "Sorry", "var1": "r-1"});
        self.fetch("POST", &format!("{}/refunds", path(id)), &body).await
    }

    pub(crate) async fn charged_back(&self, id: &str, outcome: Option<&str>) {
        let order = format!("/v1/json/simulator/orders/{id}");
        self.fetch("POST", &format!("{order}/chargeback"), &json!({"reason_code": "4837"})).await;
        if let Some(outcome) = outcome {
            self.fetch("POST", &format!("{order}/dispute"), &json!({"outcome": outcome})).await;
        }
    }
}

/// A shop in which everything has happened that can.
pub(crate) async fn busy_shop(gateway: &Gateway) {
    let (plain, visa) = (json!({}), json!({"gateway": "VISA", "currency": "USD", "amount": 2500}));
    let later = json!({"gateway": "VISA", "capture": "manual"});
    gateway.pay_as("paid", PAYS, &json!({"var1": "a", "var3": "c"})).await;
    gateway.pay_as("dollars", "4012001038443335", &visa).await;
    gateway.pay_as("amex", "374500000000015", &json!({"gateway": "CREDITCARD"})).await;
    gateway.pay_as("declined", "6799990000000000029", &plain).await;
    // The second attempt pays: the first is an entry of its own.
    gateway.pay_as("second try", "6799990000000000029", &plain).await;
    gateway.pay_as("second try", PAYS, &plain).await;
    gateway.pay_as("held and rejected", "6799990000000000037", &plain).await;
    gateway.pay_as("held and taken", "6799990000000000052", &plain).await;
    gateway.pass(Millis::minutes(3)).await;
    gateway.pay_as("held", "6799990000000000037", &plain).await;
    for id in ["refunded", "partly refunded", "being refunded", "shipped", "taken back", "lost", "won"] {
        gateway.pay_as(id, PAYS, &plain).await;
    }
    gateway.refund("refunded", 1000).await;
    gateway.refund("partly refunded", 300).await;
    gateway.pass(Millis::seconds(2)).await;
    let voided = gateway.refund("paid", 100).await["refund_id"].clone();
    gateway.fetch("PATCH", &format!("{}/refunds/{voided}", path("paid")), &json!({"status": "void"})).await;
    gateway.fetch("PATCH", &path("shipped"), &json!({"status": "shipped", "invoice_id": "F-1"})).await;
    gateway.charged_back("taken%20back", None).await;
    gateway.clock.advance(Millis::seconds(1));
    gateway.charged_back("lost", Some("lost")).await;
    gateway.charged_back("won", Some("won")).await;
    for id in ["authorised", "captured", "captured in parts", "given back"] {
        gateway.pay_as(id, "4012001038443335", &later).await;
    }
    gateway.fetch("POST", &format!("{}/capture", path("captured")), &json!({"amount": 1000})).await;
    for (part, amount) in [("part 1", 400), ("part 2", 600)] {
        let body = json!({"amount": amount, "new_order_id": part});
        gateway.fetch("POST", &format!("{}/capture", path("captured in parts")), &body).await;
    }
    gateway.refund("part 1", 150).await;
    gateway.refund("being refunded", 200).await;
    gateway.fetch("PATCH", "/v1/json/capture/given%20back", &json!({"status": "cancelled"})).await;
    let abandoned = gateway.place_as("abandoned", &plain).await;
    gateway.customer().pay_with(&abandoned, PAYS).await;
    let cancelled = gateway.place_as("cancelled", &plain).await;
    gateway.customer().pay_with(&cancelled, PAYS).await;
    gateway.fetch("PATCH", &path("cancelled"), &json!({"status": "cancelled"})).await;
    // Nobody ever tried: no entry.
    gateway.place_as("untouched", &plain).await;
}

fn texts<'a>(entries: &'a [Value], key: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[key].as_str().unwrap_or("-")).collect()
}

#[rstest]
#[tokio::test]
async fn everything_that_moved_money_or_tried_to_is_one_entry(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    busy_shop(&gateway).await;
    let entries = gateway.transactions("").await;
    let line = |entry: &Value| {
        ["type", "order_id", "status", "financial_status", "debit_credit"]
            .map(|key| entry[key].as_str().unwrap_or("-"))
            .join(" / ")
            + &format!(" / {}", entry["amount"])
    };
    let mut lines: Vec<String> = entries.iter().map(line).collect();
    lines.sort();
    let expected = [
        "chargeback / lost / completed / completed / D / 1000",
        "chargeback / taken back / reserved / reserved / D / 1000",
        "chargeback / won / completed / completed / D / 1000",
        "payment / abandoned / initialized / initialized / C / 1000",
        "payment / amex / completed / completed / C / 1000",
        "payment / authorised / completed / initialized / C / 1000",
        "payment / being refunded / completed / completed / C / 1000",
        "payment / cancelled / void / cancelled / C / 1000",
        "payment / captured / completed / completed / C / 1000",
        "payment / captured in parts / completed / completed / C / 0",
        "payment / declined / declined / declined / C / 1000",
        "payment / dollars / completed / completed / C / 2500",
        "payment / given back / void / void / C / 1000",
        "payment / held / uncleared / uncleared / C / 1000",
        "payment / held and rejected / void / void / C / 1000",
        "payment / held and taken / completed / completed / C / 1000",
        "payment / lost / chargedback / completed / C / 1000",
        "payment / paid / completed / completed / C / 1000",
        "payment / part 1 / completed / completed / C / 400",
        "payment / part 2 / completed / completed / C / 600",
        "payment / partly refunded / partial_refunded / completed / C / 1000",
        "payment / refunded / refunded / completed / C / 1000",
        "payment / second try / completed / completed / C / 1000",
        "payment / second try / declined / declined / C / 1000",
        "payment / shipped / shipped / completed / C / 1000",
        "payment / taken back / chargedback / completed / C / 1000",
        "payment / won / completed / completed / C / 1000",
        "refund / being refunded / reserved / reserved / D / 200",
        "refund / paid / void / void / D / 100",
        "refund / part 1 / reserved / reserved / D / 150",
        "refund / partly refunded / completed / completed / D / 300",
        "refund / refunded / completed / completed / D / 1000",
        "reverse_chargeback / won / completed / completed / C / 1000",
    ];
    assert_eq!(lines, expected);
    let created: Vec<_> = entries.iter().map(|entry| entry["created"].as_str().unwrap()).collect();
    assert!(created.is_sorted_by(|newer, older| newer >= older), "newest first: {created:?}");
    let ids: BTreeSet<i64> = entries.iter().map(|entry| entry["transaction_id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), entries.len());

    // What was completed and what is set aside or taken is what the ledger has.
    for (currency, expected) in [("EUR", true), ("USD", true)] {
        let sum = |wanted: &str, counts: fn(&Value) -> bool| -> i64 {
            let of = entries.iter().filter(|entry| {
                entry["currency"] == currency && entry["debit_credit"] == wanted && counts(entry)
            });
            of.map(|entry| entry["net"].as_i64().unwrap()).sum()
        };
        let came = sum("C", |entry| entry["financial_status"] == "completed");
        let went = sum("D", |entry| entry["status"] == "completed" || entry["status"] == "reserved");
        let balances = gateway.fetch("GET", "/v1/json/accounts/1/balances", &json!("")).await;
        let balance = balances.as_array().unwrap().iter().find(|held| held["currency"] == currency).unwrap();
        assert_eq!(
            balance["amount_available"] == came - went,
            expected,
            "{currency} {came} {went} {balance}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn every_filter_finds_exactly_what_fits(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    busy_shop(&gateway).await;
    let entries = gateway.transactions("").await;
    let is = |key: &'static str, word: &'static str| move |entry: &Value| entry[key] == word;
    let mut cases: Vec<(String, Fits)> = Vec::new();
    for word in [
        "cancelled",
        "chargedback",
        "completed",
        "declined",
        "expired",
        "initialized",
        "partial_refunded",
        "refunded",
        "reserved",
        "shipped",
        "uncleared",
        "void",
    ] {
        cases.push((format!("status={word}"), Box::new(is("status", word))));
        for kind in ["payment", "refund", "chargeback", "reverse_chargeback"] {
            let (status, of) = (is("status", word), is("type", kind));
            cases.push((
                format!("status={word}&type={kind}"),
                Box::new(move |entry| status(entry) && of(entry)),
            ));
        }
        for financial in ["completed", "initialized", "void", "cancelled"] {
            let (status, of) = (is("status", word), is("financial_status", financial));
            let query = format!("financial_status={financial}&status={word}");
            cases.push((query, Box::new(move |entry| status(entry) && of(entry))));
        }
    }
    for word in [
        "cancelled",
        "completed",
        "created",
        "declined",
        "error",
        "expired",
        "initialized",
        "manual",
        "new",
        "refunded",
        "reserved",
        "uncleared",
        "void",
    ] {
        cases.push((format!("financial_status={word}"), Box::new(is("financial_status", word))));
    }
    for (query, key, word) in [
        ("type=payment", "type", "payment"),
        ("type=refund", "type", "refund"),
        ("type=chargeback", "type", "chargeback"),
        ("type=reverse_chargeback", "type", "reverse_chargeback"),
        ("type=reserve_chargeback", "type", "reverse_chargeback"),
        ("type=withdrawal", "type", "withdrawal"),
        ("debit_credit=C", "debit_credit", "C"),
        ("debit_credit=d", "debit_credit", "D"),
        ("currency=USD", "currency", "USD"),
        ("currency=eur", "currency", "EUR"),
        ("currency=JPY", "currency", "JPY"),
        ("status=chargeback", "status", "chargedback"),
        ("payment_method=AMEX", "payment_method", "AMEX"),
        ("payment_method=IDEAL", "payment_method", "IDEAL"),
    ] {
        cases.push((query.to_owned(), Box::new(is(key, word))));
    }
    let brands = |entry: &Value| entry["payment_method"] == "VISA" || entry["payment_method"] == "AMEX";
    for query in ["VISA,AMEX", "visa&payment_method=amex", "VISA,IDEAL,AMEX,"] {
        cases.push((format!("payment_method={}", query.trim_end_matches(',')), Box::new(brands)));
    }
    cases.push(("payment_method%5B0%5D=VISA&payment_method%5B1%5D=AMEX".to_owned(), Box::new(brands)));
    cases.push(("payment_method=CREDITCARD".to_owned(), Box::new(|_| true)));
    cases.push(("site_id=1&status=&currency=".to_owned(), Box::new(|_| true)));
    cases.push(("site_id=2".to_owned(), Box::new(|_| false)));
    cases.push((
        "currency=EUR&type=payment&debit_credit=C&payment_method=VISA&status=completed".to_owned(),
        Box::new(|entry| {
            entry["payment_method"] == "VISA"
                && entry["status"] == "completed"
                && entry["type"] == "payment"
                && entry["currency"] == "EUR"
        }),
    ));
    // Every time that anything happened at, as a limit.
    for key in ["created", "completed"] {
        let times: BTreeSet<&str> = texts(&entries, key).into_iter().filter(|time| *time != "-").collect();
        assert!(times.len() > 5, "{times:?}");
        for time in times.into_iter().map(str::to_owned) {
            let at = time.clone();
            let from = move |entry: &Value| entry[key].as_str().is_some_and(|text| text >= at.as_str());
            cases.push((format!("{key}_from={time}"), Box::new(from)));
            let at = time.clone();
            let until = move |entry: &Value| entry[key].as_str().is_some_and(|text| text < at.as_str());
            cases.push((format!("{key}_until={time}"), Box::new(until)));
        }
    }
    let mut found = 0;
    for (query, fits) in cases {
        let expected: Vec<&Value> = entries.iter().filter(|entry| fits(entry)).collect();
        let seen = gateway.transactions(&query).await;
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected, "{query}");
        found += seen.len();
    }
    assert!(found > 300, "the filters are about what is there: {found}");
}

#[tokio::test]
async fn a_moment_is_a_date_a_time_of_the_sites_clock_or_unix_seconds() {
    let gateway = Gateway::start(Database::Sqlite).await;
    // Paid at 2026-11-22T12:00:01Z, which is 13:00:01 in Amsterdam.
    gateway.pay_as("A-1", PAYS, &json!({})).await;
    for (moment, is_before) in [
        ("2026-11-22", true),
        ("2026-11-23", false),
        ("2026-11-22T13:00:01", true),
        ("2026-11-22T13:00:02", false),
        ("2026-11-22%2013:00:01", true),
        ("2026-11-22T12:00:01Z", true),
        ("2026-11-22T12:00:02Z", false),
        ("2026-11-22T13:00:02%2B01:00", false),
        ("1795348801", true),
        ("1795348802", false),
    ] {
        let [from, until] = ["from", "until"].map(|end| format!("created_{end}={moment}"));
        assert_eq!(gateway.transactions(&from).await.len(), usize::from(is_before), "{from}");
        assert_eq!(gateway.transactions(&until).await.len(), usize::from(!is_before), "{until}");
    }
}

#[rstest]
#[tokio::test]
async fn an_entry_is_shown_whole_and_found_by_its_id(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let customer = json!({"first_name": "Simon", "last_name": "Smit", "email": "simon@example.com"});
    gateway.pay_as("A-1", PAYS, &json!({"customer": customer, "var1": "a", "var3": "c"})).await;
    gateway.fetch("PATCH", &path("A-1"), &json!({"invoice_id": "F-1"})).await;
    gateway.clock.advance(Millis::seconds(60));
    gateway.refund("A-1", 250).await;
    gateway.pass(Millis::seconds(2)).await;
    gateway.charged_back("A-1", None).await;
    let entries = gateway.transactions("").await;
    let [chargeback, refund, payment] = entries.as_slice() else { panic!("{entries:?}") };
    let customer =
        json!({"email": "simon@example.com", "first_name": "Simon", "iban": null, "last_name": "Smit"});
    let expected = json!({
        "amount": 1000, "completed": "2026-11-22T13:00:01", "costs": [], "created": "2026-11-22T13:00:01",
        "currency": "EUR", "customer": customer, "debit_credit": "C", "description": "Test order description",
        "financial_status": "completed", "invoice_id": "F-1", "net": 1000, "order_id": "A-1",
        "payment_method": "MAESTRO", "site_id": 1, "status": "chargedback",
        "transaction_id": gateway.read("A-1").await["transaction_id"], "type": "payment",
        "updated": "2026-11-22T13:00:01", "var1": "a", "var2": null, "var3": "c",
    });
    assert_eq!(*payment, expected);
    let related = gateway.read("A-1").await["related_transactions"].clone();
    let expected = json!({
        "amount": 250, "completed": "2026-11-22T13:01:03", "costs": [], "created": "2026-11-22T13:01:01",
        "currency": "EUR", "customer": customer, "debit_credit": "D", "description": "Sorry",
        "financial_status": "completed", "net": 250, "order_id": "A-1", "payment_method": "MAESTRO",
        "site_id": 1, "status": "completed", "transaction_id": related[0]["transaction_id"],
        "type": "refund", "updated": "2026-11-22T13:01:03", "var1": "r-1", "var2": null, "var3": null,
    });
    assert_eq!(*refund, expected);
    assert_eq!(chargeback["dispute"], related[1]["dispute"]);
    assert_eq!(chargeback["description"], "Chargeback of order A-1");
    assert!(chargeback.get("completed").is_none(), "{chargeback}");

    for entry in &entries {
        let id = &entry["transaction_id"];
        assert_eq!(gateway.fetch("GET", &format!("{LIST}/{id}"), &json!("")).await, *entry, "{id}");
    }
    let other = gateway.app.create_site("Another shop", false).await.unwrap();
    let id = payment["transaction_id"].to_string();
    let theirs = [("api_key", other.expose())];
    for (target, key) in [
        (id.as_str(), &theirs[..]),
        ("1", &[("api_key", gateway.key.as_str())]),
        ("A-1", &[("api_key", gateway.key.as_str())]),
        ("%ff", &[("api_key", gateway.key.as_str())]),
        (&format!("0{id}"), &[("api_key", gateway.key.as_str())]),
    ] {
        let answer = gateway.call_with("GET", &format!("{LIST}/{target}"), key, "").await;
        let expected =
            json!({"success": false, "data": {}, "error_code": 1006, "error_info": "Invalid transaction ID"});
        assert_eq!((answer.status, answer.json), (404, expected), "{target}");
    }
    let theirs = gateway.call_with("GET", LIST, &theirs, "").await;
    assert_eq!(theirs.json["data"], json!([]), "a site sees its own");
}

#[tokio::test]
async fn a_capture_is_found_as_the_payment_that_it_collected() {
    let gateway = Gateway::start(Database::Sqlite).await;
    gateway.pay_as("A-1", "4012001038443335", &json!({"gateway": "VISA", "capture": "manual"})).await;
    gateway.fetch("POST", &format!("{}/capture", path("A-1")), &json!({"amount": 1000})).await;
    let order = gateway.read("A-1").await;
    let capture = order["related_transactions"][0].clone();
    assert_eq!(capture["type"], "capture");
    let found = gateway.fetch("GET", &format!("{LIST}/{}", capture["transaction_id"]), &json!("")).await;
    assert_eq!((&found["type"], &found["transaction_id"]), (&json!("payment"), &order["transaction_id"]));
}

fn refusal(answer: &Answer) -> (u16, &Value, &str) {
    (answer.status, &answer.json["error_code"], answer.json["error_info"].as_str().unwrap_or("-"))
}

#[tokio::test]
async fn what_means_nothing_is_refused_by_its_name() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("after=x", "after"),
        ("before=MQ", "before"),
        ("after=MS4y&before=MS4y", "before"),
        ("site_id=shop", "site_id"),
        ("currency=EURO", "currency"),
        ("currency=AMD", "currency"),
        ("debit_credit=X", "debit_credit"),
        ("status=paid", "status"),
        ("financial_status=shipped", "financial_status"),
        ("type=payments", "type"),
        ("payment_method=VISA,%20%26", "payment_method"),
        ("payment_method=VISA,,AMEX", "payment_method"),
        ("created_from=yesterday", "created_from"),
        ("created_until=2026-13-01", "created_until"),
        ("completed_from=-1", "completed_from"),
        ("completed_until=99999999999999999999", "completed_until"),
        ("completed_until=2026-11-22T25:00:00", "completed_until"),
    ] {
        let answer = gateway.call("GET", &format!("{LIST}?{query}"), "").await;
        let (status, code, info) = refusal(&answer);
        assert_eq!((status, code), (400, &json!(1016)), "{query}: {}", answer.text);
        assert!(info.starts_with(&format!("Invalid {name}: ")), "{query}: {info}");
    }
    assert_eq!(gateway.call_with("GET", LIST, &[], "").await.status, 401);
    assert_eq!(gateway.call("POST", LIST, "{}").await.status, 405);
}
