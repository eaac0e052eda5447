//! The primary of two synchronously replicated PostgreSQL servers is killed (-9) again and again while 16 shops write;
//! the standby is promoted and the gateway finds it by itself. Nothing that was acknowledged is lost or happens twice.
//!
//! `TEST_FAILOVERS` sets how often (10), `TEST_SEED` repeats a schedule; both are printed.

mod cluster;
mod writers;

use crate::harness::{Dice, Home, Http, fresh_seed, setting};
use crate::kill::afterwards::{self, Moved};
use crate::kill::books::{heard_in_order, heard_the_end};
use crate::kill::listener::Listener;
use cluster::Cluster;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use writers::{KEY, Load};

const WRITERS: u64 = 16;
/// What is acknowledged at least between two failovers.
const ACKNOWLEDGED_MIN: u32 = 20;
/// Nobody is kept waiting for longer, on however busy a machine.
const OUTAGE_MAX: Duration = Duration::from_secs(30);
/// How long what is under way may take when nothing disturbs it any more: a lease of somebody who gave up ends first.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

const UNSETTLED: &str = "SELECT CAST((SELECT COUNT(*) FROM notification WHERE due_at IS NOT NULL) \
     + (SELECT COUNT(*) FROM payment_transaction WHERE state IN ('authorising', 'unknown', 'reversing')) \
     + (SELECT COUNT(*) FROM movement WHERE state IN ('reserved', 'sending', 'unknown') \
        OR (kind = 'capture' AND done_at IS NULL)) AS BIGINT)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_failovers_everything_acknowledged_is_there() {
    let (rounds, seed) =
        (setting("TEST_FAILOVERS").unwrap_or(10), setting("TEST_SEED").unwrap_or_else(fresh_seed));
    eprintln!("TEST_FAILOVERS={rounds} TEST_SEED={seed}");
    let began = Instant::now();
    let mut cluster = Cluster::start().await;
    let home = Home::on(cluster.url()).at_one_address().with("KASSA_TEST_API_KEY", KEY);
    let binary = home.serve().await;
    let load = Arc::new(Load {
        http: Http::new(),
        url: home.url(),
        shop: Listener::open(KEY, seed).await,
        over: AtomicBool::new(false),
        acknowledged: AtomicU32::new(0),
        refused: AtomicU32::new(0),
        newest: watch::Sender::new(began),
    });
    load.shop.behave_from_now_on();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| tokio::spawn(writers::keep_selling(Arc::clone(&load), number, Dice::new(seed, number))))
        .collect();
    eprintln!("two servers and a gateway after {:?}", began.elapsed());

    let mut dice = Dice::new(seed, WRITERS);
    let mut outages = Vec::new();
    for round in 1..=rounds {
        load.wait_for_more(ACKNOWLEDGED_MIN, OUTAGE_MAX).await;
        tokio::time::sleep(Duration::from_millis(dice.up_to(700))).await;
        let struck = Instant::now();
        let promoted = cluster.fail_over();
        let outage = load.first_acknowledged_since(struck, OUTAGE_MAX).await;
        outages.push(outage);
        let again = Instant::now();
        cluster.rebuild().await;
        eprintln!(
            "failover {round}: promoted after {promoted:?}, away for {outage:?}, two servers again after {:?}",
            again.elapsed()
        );
    }

    load.over.store(true, Ordering::SeqCst);
    let (mut placed, mut moved): (Vec<(String, u64)>, Vec<Moved>) = Default::default();
    for writer in writers {
        let (sold, changed) = writer.await.unwrap();
        placed.extend(sold);
        moved.extend(changed);
    }
    settle(&cluster).await;
    check(&home, &load, &placed, &moved).await;
    let log = std::fs::read_to_string(&binary.stderr).unwrap();
    let found = |end: &str| log.matches(&format!("a commit whose answer was lost {end}")).count();
    eprintln!("of commits without an answer {} had happened, {} were tried again", found("had"), found("is"));
    drop(binary);

    outages.sort_unstable();
    let at = |percent: usize| outages[(outages.len() * percent).div_ceil(100).clamp(1, outages.len()) - 1];
    eprintln!(
        "{} failovers, {} orders and {} captures and refunds acknowledged, 0 lost; {} requests were refused and sent \
         again; unavailable for {:?} (median), {:?} (p95), {:?} (longest); {:?} in all",
        outages.len(),
        placed.len(),
        moved.len(),
        load.refused.load(Ordering::SeqCst),
        at(50),
        at(95),
        at(100),
        began.elapsed(),
    );
}

/// Waits until nothing is under way.
async fn settle(cluster: &Cluster) {
    let began = Instant::now();
    loop {
        let left = cluster.number(UNSETTLED).await;
        if left == 0 {
            return;
        }
        assert!(began.elapsed() < SETTLED_WITHIN, "{left} things are still under way");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everything that has to be true.
async fn check(home: &Home, load: &Load, placed: &[(String, u64)], moved: &[Moved]) {
    let forged = load.shop.forged();
    assert!(forged.is_empty(), "{} forged notifications, the first: {:#?}", forged.len(), forged.first());
    let told = load.shop.told();
    let mut shown = BTreeMap::new();
    for (id, amount) in placed {
        let url = format!("{}/v1/json/orders/{id}", load.url);
        let reply = load.http.call("GET", &url, KEY, "").await.unwrap();
        assert_eq!(reply.status, 200, "{id} was acknowledged and is lost: {}", reply.text);
        let now: Value = reply.json()["data"].clone();
        assert_eq!(now["amount"], *amount, "{id}");
        let history = told.get(id).map(Vec::as_slice).unwrap_or_default();
        heard_in_order(id, history);
        heard_the_end(id, &now, history);
        shown.insert(id.clone(), now);
    }
    afterwards::check(moved, &shown);
    let audit = home.run(&["audit"]);
    assert_eq!(audit.code, Some(0), "{}{}", audit.stdout, audit.stderr);
    assert!(!moved.is_empty(), "nothing was captured or refunded");
}
