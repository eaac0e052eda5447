//! Pages: where each leads, and that nothing is lost between them.

use super::{LIST, PAYS};
use crate::harness::{Database, Gateway};
use payments::time::Millis;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Gateway {
    /// The page behind a link of a pager.
    async fn page_at(&self, link: &Value) -> Value {
        let target = link.as_str().unwrap().strip_prefix(&self.url).unwrap();
        let answer = self.call("GET", target, "").await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text);
        answer.json
    }
}

fn orders(page: &Value) -> Vec<&str> {
    let entries = page["data"].as_array().unwrap();
    entries.iter().map(|entry| entry["order_id"].as_str().unwrap()).collect()
}

#[rstest]
#[tokio::test]
async fn a_page_leads_to_the_ones_before_and_after_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let empty = gateway.call("GET", LIST, "").await;
    let nowhere = json!({"after": null, "before": null, "cursor": null, "limit": 100});
    assert_eq!(empty.json, json!({"success": true, "data": [], "pager": nowhere}));
    for id in ["A-1", "A-2", "A-3", "A-4", "A-5"] {
        gateway.pay_as(id, PAYS, &json!({})).await;
    }
    let target = format!("{LIST}?limit=2&api_key={}&type=payment&locale=nl_NL", gateway.key);
    let first = gateway.call_with("GET", &target, &[], "").await.json;
    assert_eq!(orders(&first), ["A-5", "A-4"]);
    let pager = &first["pager"];
    let cursor = |name: &str| pager["cursor"][name].as_str().unwrap();
    for name in ["after", "before"] {
        let expected =
            format!("{}{LIST}?{name}={}&limit=2&type=payment&locale=nl_NL", gateway.url, cursor(name));
        assert_eq!(pager[name], expected, "a key is never part of a link");
    }
    assert_eq!(pager["limit"], 2);
    let second = gateway.page_at(&pager["after"]).await;
    assert_eq!(orders(&second), ["A-3", "A-2"]);
    let last = gateway.page_at(&second["pager"]["after"]).await;
    assert_eq!(orders(&last), ["A-1"]);
    let over = gateway.page_at(&last["pager"]["after"]).await;
    assert_eq!(over["data"], json!([]));
    assert_eq!((&over["pager"]["cursor"], &over["pager"]["after"]), (&Value::Null, &Value::Null));

    let back = gateway.page_at(&last["pager"]["before"]).await;
    assert_eq!(orders(&back), ["A-3", "A-2"], "newest first as well");
    let back = gateway.page_at(&back["pager"]["before"]).await;
    assert_eq!((orders(&back), &back["pager"]["cursor"]), (vec!["A-5", "A-4"], &pager["cursor"]));
    assert_eq!(gateway.page_at(&back["pager"]["before"]).await["data"], json!([]));
    // What is new since stands before what was the first page.
    gateway.pay_as("A-6", PAYS, &json!({})).await;
    assert_eq!(orders(&gateway.page_at(&pager["before"]).await), ["A-6"]);
}

/// Numbers that come again with their seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % (most + 1)
    }
}

/// Does one of the things that make a new entry, or change an old one.
async fn happen(gateway: &Gateway, dice: &mut Dice, number: usize) {
    let id = format!("N-{number}");
    match dice.up_to(4) {
        0 => gateway.pay_as(&id, "6799990000000000029", &json!({})).await,
        1 => {
            gateway.pay_as(&id, PAYS, &json!({})).await;
            gateway.refund(&id, 100).await;
        }
        2 => {
            gateway.pay_as(&id, PAYS, &json!({"gateway": "MAESTRO"})).await;
            gateway.charged_back(&id, Some("won")).await;
        }
        3 => gateway.pass(Millis::seconds(2)).await,
        // In the same millisecond as the one before.
        _ => {
            let url = gateway.place_as(&id, &json!({})).await;
            gateway.customer().pay(&url, PAYS).await;
        }
    }
}

#[rstest]
#[tokio::test]
async fn whoever_turns_pages_of_any_size_sees_each_old_entry_once(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(1, 2, 3)] seed: u64,
) {
    let gateway = Gateway::start(database).await;
    let mut dice = Dice(seed);
    for number in 0..12 {
        happen(&gateway, &mut dice, number).await;
    }
    let known = gateway.transactions("").await;
    assert!(known.len() > 8, "{}", known.len());
    let mut number = 100;
    for query in ["", "&currency=EUR", "&debit_credit=C", "&financial_status=completed", "&type=payment"] {
        let fitting = gateway.transactions(query).await;
        let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
        let mut target = format!("{LIST}?limit={}{query}", 1 + dice.up_to(4));
        loop {
            let page = gateway.call("GET", &target, "").await.json;
            for entry in page["data"].as_array().unwrap() {
                *seen.entry(entry["transaction_id"].as_i64().unwrap()).or_default() += 1;
            }
            let Some(cursor) = page["pager"]["cursor"]["after"].as_str() else { break };
            target = format!("{LIST}?after={cursor}&limit={}{query}", 1 + dice.up_to(4));
            if dice.up_to(1) == 0 {
                happen(&gateway, &mut dice, number).await;
                number += 1;
            }
        }
        for entry in &fitting {
            let id = entry["transaction_id"].as_i64().unwrap();
            assert_eq!(seen.get(&id), Some(&1), "{query}: {entry}");
        }
        assert!(seen.values().all(|times| *times == 1), "{query}: {seen:?}");
    }
}
