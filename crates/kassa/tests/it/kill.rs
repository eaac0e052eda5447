//! The binary is killed (-9) at random moments under load, again and again. Nothing that was acknowledged is
//! lost, nobody is charged or refunded twice, and every shop learns how its orders ended.
//!
//! `TEST_KILLS` sets how many kills (15), `TEST_SEED` repeats a schedule; both are printed.

pub(crate) mod afterwards;
pub(crate) mod books;
pub(crate) mod customers;
pub(crate) mod listener;

use crate::harness::{Binary, Database, Dice, Home, Http, fresh_seed, setting};
use afterwards::Moved;
use customers::Placed;

use listener::Listener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Customers who pay at the same time.
const CLIENTS: u64 = 8;
pub(crate) const KEY: &str = "kill-test-key-0123456789";
/// How often time is moved until nothing is left to do: more than any schedule has steps.
const NIGHTS: u32 = 30;

/// What the customers and the killer share.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) http: Http,
    pub(crate) url: String,
    pub(crate) shop: Listener,
    pub(crate) over: AtomicBool,
    /// Rung by every answer that promises something.
    pub(crate) promised: Notify,
    /// Answers that no request should ever get.
    pub(crate) odd: std::sync::Mutex<Vec<String>>,
    pub(crate) requests: AtomicU32,
    pub(crate) broken: AtomicU32,
}

impl Load {
    pub(crate) fn new(url: String, shop: Listener) -> Self {
        Self {
            http: Http::new(),
            url,
            shop,
            over: AtomicBool::new(false),
            promised: Notify::new(),
            odd: std::sync::Mutex::default(),
            requests: AtomicU32::new(0),
            broken: AtomicU32::new(0),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_nothing_is_lost_or_charged_twice() {
    let (kills, seed) =
        (setting("TEST_KILLS").unwrap_or(15), setting("TEST_SEED").unwrap_or_else(fresh_seed));
    eprintln!("TEST_KILLS={kills} TEST_SEED={seed}");
    let began = Instant::now();
    let home = Home::new(Database::Sqlite)
        .await
        .at_one_address()
        .with("KASSA_TEST_API_KEY", KEY)
        .with("KASSA_ACQUIRER_ANSWER_MS", "300")
        .with("KASSA_PAGE_WAIT_MS", "400")
        .with("KASSA_NOTIFY_HOLD_MS", "200");
    let load = Arc::new(Load::new(home.url(), Listener::open(KEY, seed).await));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            tokio::spawn(customers::keep_buying(Arc::clone(&load), number, Dice::new(seed, number)))
        })
        .collect();

    let mut slowest = Duration::ZERO;
    let mut dice = Dice::new(seed, CLIENTS);
    for _ in 0..kills {
        slowest = slowest.max(live_and_die(&home, &load, &mut dice).await);
    }

    // The last life: customers finish what they began, the shop is well.
    let mut binary = home.serve().await;
    load.shop.behave_from_now_on();
    load.over.store(true, Ordering::SeqCst);
    let mut placed: Vec<Placed> = Vec::new();
    let mut moved: Vec<Moved> = Vec::new();
    for client in clients {
        let (bought, afterwards) = client.await.unwrap();
        placed.extend(bought);
        moved.extend(afterwards);
    }
    let nights = settle(&home, &mut binary).await;

    let count = |number: &AtomicU32| number.load(Ordering::SeqCst);
    eprintln!(
        "{} orders and {} captures and refunds acknowledged; {} requests, {} of them without an answer; slowest start {slowest:?}; \
         settled after {nights} times {:?}; {:?} so far",
        placed.len(),
        moved.len(),
        count(&load.requests),
        count(&load.broken),
        books::NIGHT,
        began.elapsed(),
    );
    books::check(&home, &load, &placed, &moved).await;
    drop(binary);
    eprintln!("all checked after {:?}", began.elapsed());
}

/// One life of the binary; how long it took to serve.
async fn live_and_die(home: &Home, load: &Load, dice: &mut Dice) -> Duration {
    let began = Instant::now();
    let mut binary = home.spawn();
    if dice.chance(12) {
        tokio::time::sleep(Duration::from_millis(dice.up_to(60))).await;
        binary.kill();
        return Duration::ZERO;
    }
    binary.wait_until_serving().await;
    let started = began.elapsed();
    // Most lives are short; some are long enough for a payment to be undisturbed.
    let life = if dice.chance(15) { dice.up_to(1_500) } else { 1 + dice.up_to(199) };
    tokio::time::sleep(Duration::from_millis(life)).await;
    if dice.chance(50) {
        // The worst of moments: something was promised just now.
        let _ = tokio::time::timeout(Duration::from_millis(200), load.promised.notified()).await;
    }
    binary.kill();
    started
}

/// Lets time pass until nothing is left to do; how often it had to.
async fn settle(home: &Home, binary: &mut Binary) -> u32 {
    for night in 0..NIGHTS {
        if books::is_quiet(home).await {
            return night;
        }
        binary.kill();
        books::pass_the_night(home).await;
        *binary = home.serve().await;
    }
    panic!("something is still under way: {:?}", books::unsettled(home).await);
}
