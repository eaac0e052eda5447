//! Three nodes behind a balancer are killed (-9), paused, stopped and started again at random under load. Nothing that
//! was acknowledged is lost, nobody is charged twice, and no shop is told of one order by two nodes at a time.
//!
//! `TEST_NODES_SECONDS` sets how many seconds (12), `TEST_SEED` repeats a schedule; both are printed.

use super::Three;
use crate::harness::{Binary, Dice, fresh_seed, setting};
use crate::kill::afterwards::Moved;
use crate::kill::customers::{self, Placed};
use crate::kill::listener::Listener;
use crate::kill::{KEY, Load, books};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Customers who pay at the same time.
const CLIENTS: u64 = 8;
/// How long a shop takes to answer at the most: time for another node to interfere.
const PACE_MS: u64 = 120;
/// How often time is moved until nothing is left to do.
const NIGHTS: u32 = 30;

/// How lives ended.
type Deaths = BTreeMap<&'static str, u32>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_killed_at_random_lose_nothing_and_charge_nobody_twice() {
    let (seconds, seed) =
        (setting("TEST_NODES_SECONDS").unwrap_or(12), setting("TEST_SEED").unwrap_or_else(fresh_seed));
    eprintln!("TEST_NODES_SECONDS={seconds} TEST_SEED={seed}");
    let began = Instant::now();
    let three = Arc::new(Three::new(KEY).await);
    let shop = Listener::open_slow(KEY, seed, PACE_MS).await;
    let load = Arc::new(Load::new(three.url.clone(), shop));
    // One after the other: the first one creates the site.
    let mut nodes = Vec::new();
    for number in 0..3 {
        nodes.push(three.serve(number).await);
    }
    let buying =
        |number| tokio::spawn(customers::keep_buying(Arc::clone(&load), number, Dice::new(seed, number)));
    let clients: Vec<_> = (0..CLIENTS).map(buying).collect();

    let over = Arc::new(AtomicBool::new(false));
    let lives = nodes.into_iter().enumerate().map(|(number, node)| {
        let (three, over) = (Arc::clone(&three), Arc::clone(&over));
        let dice = Dice::new(seed, 1_000 + u64::try_from(number).unwrap());
        tokio::spawn(async move { keep_dying(&three, number, node, &over, dice).await })
    });
    let lives: Vec<_> = lives.collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    over.store(true, Ordering::SeqCst);
    let (mut nodes, mut deaths) = (Vec::new(), Deaths::new());
    for life in lives {
        let (node, died) = life.await.unwrap();
        nodes.push(node);
        died.into_iter().for_each(|(how, often)| *deaths.entry(how).or_default() += often);
    }

    // Now all of them live: customers finish what they began, the shop is well.
    load.shop.behave_from_now_on();
    load.over.store(true, Ordering::SeqCst);
    let (mut placed, mut moved): (Vec<Placed>, Vec<Moved>) = (Vec::new(), Vec::new());
    for client in clients {
        let (bought, afterwards) = client.await.unwrap();
        placed.extend(bought);
        moved.extend(afterwards);
    }
    let nights = settle(&three, &mut nodes).await;
    eprintln!(
        "{} orders and {} captures and refunds acknowledged; {} requests, {} of them without an answer; {deaths:?}; \
         settled after {nights} times {:?}; {:?} so far",
        placed.len(),
        moved.len(),
        load.requests.load(Ordering::SeqCst),
        load.broken.load(Ordering::SeqCst),
        books::NIGHT,
        began.elapsed(),
    );
    let overlaps = load.shop.overlaps();
    let first = overlaps.first();
    assert!(
        overlaps.is_empty(),
        "{} times told of one order twice at a time, first of {first:?}",
        overlaps.len()
    );
    books::check(&three.home, &load, &placed, &moved).await;
    assert!(deaths.contains_key("killed"), "nobody was killed: nothing was tested");
    eprintln!("all checked after {:?}", began.elapsed());
}

/// Lives and dies, again and again, and lives in the end.
async fn keep_dying(
    three: &Three,
    number: usize,
    mut node: Binary,
    over: &AtomicBool,
    mut dice: Dice,
) -> (Binary, Deaths) {
    let mut deaths = Deaths::new();
    loop {
        tokio::time::sleep(Duration::from_millis(200 + dice.up_to(3_000))).await;
        if over.load(Ordering::SeqCst) {
            return (node, deaths);
        }
        let how = match dice.up_to(99) {
            ..75 => "killed",
            75..90 => "stopped",
            _ => "paused",
        };
        *deaths.entry(how).or_default() += 1;
        match how {
            "killed" => node.kill(),
            "stopped" => {
                node.terminate();
                node.ended().await;
            }
            _ => {
                // Long enough for the others to take it for dead.
                node.signal("STOP");
                tokio::time::sleep(Duration::from_millis(dice.up_to(7_000))).await;
                node.signal("CONT");
                continue;
            }
        }
        tokio::time::sleep(Duration::from_millis(dice.up_to(1_500))).await;
        node = three.serve(number).await;
    }
}

/// Lets time pass until nothing is left to do; how often it had to.
async fn settle(three: &Three, nodes: &mut Vec<Binary>) -> u32 {
    for night in 0..NIGHTS {
        if books::is_quiet(&three.home).await {
            return night;
        }
        nodes.iter_mut().for_each(Binary::kill);
        nodes.clear();
        books::pass_the_night(&three.home).await;
        for number in 0..3 {
            nodes.push(three.serve(number).await);
        }
    }
    panic!("something is still under way: {:?}", books::unsettled(&three.home).await);
}
