//! The card rails under fire: thousands of authorisations over sockets to an acquirer's host that goes wrong on
//! purpose, while either side is killed (-9) again and again. Nobody is charged twice, no approval is left behind, and
//! every outcome is known within the hour.
//!
//! `TEST_AUTHORISATIONS` sets how many (20,000), `TEST_SEED` repeats what chance decides; both are printed.

mod books;
mod figures;
mod host;
mod shops;

use crate::harness::{Binary, Database, Dice, Home, Http, fresh_seed, setting};
use host::{Host, SITES};
use shops::Sold;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Clients of the shops at the same time.
const CLIENTS: u64 = 96;
/// One kill for so many orders, and at least a few.
const ORDERS_PER_KILL: u64 = 1_000;
const KILLS_MIN: u64 = 6;
/// How long the gateway waits for an answer.
const ANSWER_MS: &str = "300";
/// How far time is moved at once, how often while the host is away, and how far in all after that.
const STEP: Duration = Duration::from_secs(60);
const STEPS_AWAY: u32 = 3;
const HOUR: Duration = Duration::from_secs(3_600);

/// What the clients and the killer share.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) http: Http,
    pub(crate) url: String,
    /// Of each site.
    pub(crate) keys: Vec<String>,
    pub(crate) orders: u64,
    /// How many were begun.
    pub(crate) begun: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) broken: AtomicU64,
    /// Answers that no request should ever get.
    pub(crate) odd: std::sync::Mutex<Vec<String>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_faulty_rails_nobody_is_charged_twice_and_no_approval_is_left_behind() {
    let orders = setting("TEST_AUTHORISATIONS").unwrap_or(20_000);
    let seed = setting("TEST_SEED").unwrap_or_else(fresh_seed);
    eprintln!("TEST_AUTHORISATIONS={orders} TEST_SEED={seed}");
    let began = Instant::now();
    let home = Home::new(Database::Sqlite).await.at_one_address().with("KASSA_ACQUIRER_ANSWER_MS", ANSWER_MS);
    let mut host = Host::new(home.folder(), seed);
    let keys = SITES.iter().map(|site| site.open(&home)).collect();
    let config = host.configure(home.folder());
    let home = home.with("KASSA_CONFIG", &config);

    host.start();
    let mut binary = home.serve().await;
    let load = Arc::new(Load {
        http: Http::new(),
        url: home.url(),
        keys,
        orders,
        begun: AtomicU64::new(0),
        requests: AtomicU64::new(0),
        broken: AtomicU64::new(0),
        odd: std::sync::Mutex::default(),
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(shops::sell(Arc::clone(&load), Dice::new(seed, number))))
        .collect();
    let kills = kill_now_and_then(&home, &load, &mut binary, &mut host, &mut Dice::new(seed, CLIENTS)).await;
    let mut sold: Vec<Sold> = Vec::new();
    for client in clients {
        sold.extend(client.await.unwrap());
    }
    let busy = began.elapsed();
    let odd = load.odd.lock().unwrap().clone();
    assert!(odd.is_empty(), "{} odd answers, the first: {:#?}", odd.len(), odd.first());

    // The host stays away for a while, and from then on nothing goes wrong any more.
    host.kill();
    for _ in 0..STEPS_AWAY {
        go_on(&home, &mut binary).await;
    }
    books::wait_for_repeated_reversals(&home).await;
    host.behave();
    host.start();
    let settled = settle(&home, &mut binary).await;
    figures::print(&home, &host, &load, kills, busy, settled);
    books::check(&home, &host, &load, &sold).await;
    drop(binary);
    eprintln!("all checked after {:?}", began.elapsed());
}

/// Kills one side, sometimes both, until the last order is begun; how often the gateway and the host.
async fn kill_now_and_then(
    home: &Home,
    load: &Load,
    binary: &mut Binary,
    host: &mut Host,
    dice: &mut Dice,
) -> (u64, u64) {
    let kills = (load.orders / ORDERS_PER_KILL).max(KILLS_MIN);
    let (mut gateway, mut acquirer) = (0, 0);
    for number in 1..=kills {
        let at = load.orders * number / (kills + 1);
        while load.begun.load(Ordering::SeqCst) < at {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.up_to(400))).await;
        let who = dice.up_to(9);
        if who >= 5 {
            host.kill();
            acquirer += 1;
        }
        if who <= 5 {
            binary.kill();
            gateway += 1;
        }
        if who >= 5 {
            // It is away for a moment, so that messages cannot be sent as well.
            tokio::time::sleep(Duration::from_millis(dice.up_to(300))).await;
            host.start();
        }
        if who <= 5 {
            *binary = home.serve().await;
        }
    }
    (gateway, acquirer)
}

/// Lets time pass until every outcome is known; how much had to.
async fn settle(home: &Home, binary: &mut Binary) -> Duration {
    let mut passed = Duration::ZERO;
    loop {
        books::wait_while_busy(home).await;
        if books::unsettled(home).is_empty() {
            return passed;
        }
        passed += STEP;
        assert!(passed <= HOUR, "an hour later something is still open: {:?}", books::unsettled(home));
        go_on(home, binary).await;
    }
}

/// Lets one step of time pass.
async fn go_on(home: &Home, binary: &mut Binary) {
    binary.kill();
    books::pass(home, STEP);
    *binary = home.serve().await;
}
