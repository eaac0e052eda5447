//! More than the gateway can do, and visitors who take their time: what it can do it goes on doing.
//!
//! `TEST_KASSA` names another binary to test, like target/release/kassa; `TEST_OVERLOAD_S` how long each part lasts.

use super::load::{Load, ask, cpu, peak_memory_mb};
use super::metrics::{scrape, watched};
use crate::harness::{Database, Home, setting};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

/// Whoever sends too slowly is gone by then.
const GONE_WITHIN: Duration = Duration::from_secs(15);
const SILENT: usize = 5_000;
/// They come within two seconds.
const SPREAD: Duration = Duration::from_micros(400);
const SLOW_BODIES: usize = 500;
/// What the load and the operating system may take of the figures of a machine that does other things as well.
const GRAINS: Duration = Duration::from_millis(20);
/// Whatever else the machine does makes figures worse, never better: one of so many rounds has to be good.
const ROUNDS: usize = 3;

fn part() -> Duration {
    Duration::from_secs(setting("TEST_OVERLOAD_S").unwrap_or(5))
}

/// A database that takes its time sets the capacity, so that what is measured is not what the load itself costs. For
/// each order that it can write in a second there are five visitors, each at once again: whoever has not had a turn
/// within a second is refused, so that five times as many requests come as can be answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_five_times_the_capacity_as_many_orders_are_placed_and_the_rest_is_refused() {
    let home = Home::new(Database::Postgres).await.with("KASSA_REQUESTS_MAX", "32");
    let binary = home.serve().await;
    slow_down(home.postgres().unwrap()).await;
    let load = Load::new(&binary.url, &binary.key);
    let mut kept = 0.0;
    for _ in 0..ROUNDS {
        kept = five_times_as_many(&load).await.max(kept);
        assert!(peak_memory_mb(binary.pid()) < 256);
        if kept >= 0.9 {
            return;
        }
    }
    panic!("meanwhile, or afterwards, only {kept:.2} of the orders are placed that were placed before");
}

/// What part of the orders that can be placed in a second is still placed when five times as many try, and afterwards.
#[expect(clippy::print_stdout, reason = "figures for docs/performance.md")]
async fn five_times_as_many(load: &Arc<Load>) -> f64 {
    let peak = load.place_orders(32, part()).await;
    let visitors = five_times(peak);
    let (well, page) =
        (tokio::spawn(watch_health(Arc::clone(load))), tokio::spawn(watch_pages(Arc::clone(load))));
    let overloaded = load.place_orders(visitors, part() + Duration::from_secs(2)).await;
    let p99 = load.p99();
    let (slowest, checks) = well.await.unwrap();
    let (shown, refused_pages) = page.await.unwrap();
    let refused = load.refused.load(Ordering::Relaxed);
    let after = load.place_orders(32, part()).await;
    println!(
        "overload: {peak:.0} orders/s with 32 visitors, {overloaded:.0} with {visitors} (p99 {p99:?}) and {refused} \
         refused, {after:.0} afterwards; {shown} pages shown, {refused_pages} refused; health answered {checks} times \
         within {slowest:?}"
    );
    assert_eq!(load.odd.lock().unwrap().as_slice(), [] as [String; 0]);
    assert!(refused > 0 && refused_pages > 0, "{refused} {refused_pages}");
    assert!(checks > 5 && slowest < Duration::from_secs(3), "{checks} {slowest:?}");
    overloaded.min(after) / peak
}

/// Each order takes two hundredths of a second in its lane.
async fn slow_down(url: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS \
               $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$; \
               CREATE TRIGGER take_time AFTER INSERT ON shop_order FOR EACH ROW EXECUTE FUNCTION take_time()";
    client.batch_execute(sql).await.unwrap();
}

/// The processor sets the capacity, and the load shares it: meant for a binary that was built to be fast and a machine
/// that does nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_visitors_at_once_get_as_much_done_as_a_few() {
    if setting("TEST_OVERLOAD_S").is_none() {
        eprintln!("skipped: set TEST_OVERLOAD_S, and TEST_KASSA to a release build");
        return;
    }
    let home = Home::new(Database::Sqlite).await;
    let binary = home.serve().await;
    let load = Load::new(&binary.url, &binary.key);
    load.place_orders(64, part() / 5).await;
    let began = cpu(binary.pid());
    let peak = load.place_orders(64, part()).await;
    let (peak_cpu, peak_p99) = (cpu_per_order(&load, cpu(binary.pid()) - began), load.p99());
    let (began, visitors) = (cpu(binary.pid()), five_times(peak));
    let overloaded = load.place_orders(visitors, part() + Duration::from_secs(2)).await;
    let overloaded_cpu = cpu_per_order(&load, cpu(binary.pid()) - began);
    println!(
        "overload: {peak:.0} orders/s with 64 visitors (p99 {peak_p99:?}, {peak_cpu:?} of processor time each), \
         {overloaded:.0} with {visitors} (p99 {:?}, {overloaded_cpu:?} each) and {} refused; {} MB",
        load.p99(),
        load.refused.load(Ordering::Relaxed),
        peak_memory_mb(binary.pid())
    );
    assert_eq!(load.odd.lock().unwrap().as_slice(), [] as [String; 0]);
    assert!(overloaded >= peak * 0.9, "{overloaded} of {peak}");
    assert!(peak_memory_mb(binary.pid()) < 256);
}

/// So many visitors that each order that can be placed in a second has five, as far as there are connections.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands at most")]
fn five_times(peak: f64) -> usize {
    ((peak * 5.0) as usize).clamp(160, 4_000)
}

fn cpu_per_order(load: &Load, used: Duration) -> Duration {
    used / u32::try_from(load.good.lock().unwrap().len().max(1)).unwrap()
}

/// Asks whether the gateway is well until the load is over; the slowest answer, and how many there were.
async fn watch_health(load: Arc<Load>) -> (Duration, usize) {
    let (mut slowest, mut checks, mut received) = (Duration::ZERO, 0, Vec::new());
    let until = Instant::now() + part() + Duration::from_secs(1);
    while Instant::now() < until {
        let began = Instant::now();
        let mut stream = load.connect().await.unwrap();
        let get = "GET /health/ready HTTP/1.1\r\nHost: kassa\r\n\r\n";
        let answer = ask(&mut stream, get, &mut received).await.expect("health is answered");
        assert_eq!(answer.status, 200);
        (slowest, checks) = (slowest.max(began.elapsed()), checks + 1);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    (slowest, checks)
}

/// Opens pages meanwhile; how many were shown, and how many refused, on a page and with a time to come back.
async fn watch_pages(load: Arc<Load>) -> (usize, usize) {
    let (mut shown, mut refused, mut received) = (0, 0, Vec::new());
    let until = Instant::now() + part() + Duration::from_secs(1);
    while Instant::now() < until {
        let mut stream = load.connect().await.unwrap();
        let get = "GET /connect/nothing/?lang=nl_NL HTTP/1.1\r\nHost: kassa\r\n\r\n";
        let Some(answer) = ask(&mut stream, get, &mut received).await else { continue };
        match answer.status {
            404 => shown += 1,
            503 => {
                let body = String::from_utf8_lossy(&received).into_owned();
                assert!(answer.head.contains("\r\nretry-after: 3\r\n"), "{}", answer.head);
                assert!(answer.head.contains("\r\ncontent-type: text/html"), "{}", answer.head);
                assert!(body.contains("Een ogenblik geduld"), "{body}");
                refused += 1;
            }
            _ => panic!("{}", answer.head),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (shown, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_who_take_their_time_are_closed_and_keep_nobody_waiting() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let (home, metrics) = watched(Database::Sqlite).await;
    let binary = home.serve().await;
    let load = Load::new(&binary.url, &binary.key);
    load.place_orders(4, Duration::from_secs(1)).await;
    for round in 1..=ROUNDS {
        let (alone, beside) = alone_and_beside_slow_ones(&load).await;
        let left = scrape(&metrics).await.1.value("kassa_http_connections", &[]);
        assert!(left <= 5.0, "{left} are still open");
        assert!(peak_memory_mb(binary.pid()) < 256);
        assert_eq!(load.odd.lock().unwrap().as_slice(), [] as [String; 0]);
        if beside <= alone * 2 + GRAINS {
            return;
        }
        assert!(round < ROUNDS, "{beside:?} beside, {alone:?} alone");
    }
}

/// The 99th percentile of honest visitors without and with others who take their time, until those are closed.
#[expect(clippy::print_stdout, reason = "figures for docs/performance.md")]
async fn alone_and_beside_slow_ones(load: &Arc<Load>) -> (Duration, Duration) {
    let alone = honest(load, part()).await;
    let mut slow = JoinSet::new();
    for number in 0..SILENT + SLOW_BODIES {
        let load = Arc::clone(load);
        slow.spawn(async move {
            if number < SILENT { silent(&load, number).await } else { slow_body(&load).await }
        });
    }
    let beside = honest(load, GONE_WITHIN).await;
    let closed = slow.join_all().await;
    let longest = closed.iter().flatten().max().unwrap();
    let unheard = closed.iter().filter(|closed| closed.is_none()).count();
    println!(
        "slow: honest p99 {alone:?} alone, {beside:?} beside {SILENT} silent connections and {SLOW_BODIES} slow bodies, \
         the last of which was closed after {longest:?}; {unheard} never got to it"
    );
    assert!(*longest <= GONE_WITHIN, "{longest:?}");
    assert!(unheard < SILENT / 4, "{unheard} never got to it");
    (alone, beside)
}

/// The 99th percentile of honest visitors, each of whom opens a connection and places an order, one after the other.
async fn honest(load: &Arc<Load>, time: Duration) -> Duration {
    let until = Instant::now() + time;
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let load = Arc::clone(load);
        clients.spawn(async move {
            let (mut times, mut received) = (Vec::new(), Vec::new());
            while Instant::now() < until {
                let began = Instant::now();
                let mut stream = load.connect().await.unwrap();
                let answer = ask(&mut stream, &load.order(), &mut received).await.expect("an answer");
                assert_eq!(answer.status, 200, "{}", answer.head);
                times.push(began.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            times
        });
    }
    let mut times: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    times.sort_unstable();
    assert!(times.len() > 100, "{}", times.len());
    times[times.len() * 99 / 100]
}

/// Connects and says nothing, or half of something; how long it was let, or nothing if it still thinks that it is
/// connected: the operating system lets visitors think so whom it never told the gateway of.
async fn silent(load: &Load, number: usize) -> Option<Duration> {
    tokio::time::sleep(SPREAD * u32::try_from(number).unwrap()).await;
    let mut stream = load.connect().await.ok()?;
    let began = Instant::now();
    if number.is_multiple_of(2) {
        let _ = stream.write_all(b"POST /v1/json/orders HTTP/1.1\r\nHost: kassa\r\nX-Sl").await;
    }
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(GONE_WITHIN * 2, stream.read_to_end(&mut rest)).await;
    closed.is_ok().then(|| began.elapsed())
}

/// Sends a header and then a byte a second.
async fn slow_body(load: &Load) -> Option<Duration> {
    let mut stream = load.connect().await.ok()?;
    let began = Instant::now();
    let header = "POST /v1/json/orders HTTP/1.1\r\nHost: kassa\r\nContent-Length: 1000\r\n\r\n";
    let _ = stream.write_all(header.as_bytes()).await;
    let (mut reading, mut writing) = stream.split();
    let mut rest = Vec::new();
    let drip = async {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        _ = reading.read_to_end(&mut rest) => {}
        () = drip => {}
    }
    Some(began.elapsed())
}
