//! `kassa bench`: how fast this machine runs Kassa, beside what could be had at most.
//!
//! The gateway is the same binary in a process of its own. It is loaded over loopback by clients that share the
//! machine's cores with it. Next to it, in the same round, run the ceilings: the same gateway whose writes are
//! forgotten, appended to a synced log, or given a transaction each. What a machine's neighbours do to one they do to
//! all, so a ratio within a round says more than any figure alone.

#![expect(clippy::float_arithmetic, reason = "figures for people; no money is counted here")]

mod connection;
mod data;
mod disk;
mod latency;
mod load;
mod plan;
mod process;
mod report;
mod server;
mod shop;
mod turn;

use crate::store::Variant;
use anyhow::Context as _;
use data::Data;
use load::Done;
use plan::{Cell, Plan};
use report::{Machine, Raw, Report, Run};
use server::{Home, Server};
use shop::Shop;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use turn::Workload;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Bench {
    /// Also write everything as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// End within three minutes: shorter and fewer rounds, 10,000 orders there before.
    #[arg(long)]
    quick: bool,

    /// Also measure on PostgreSQL, in databases of its own that it creates and drops there.
    #[arg(long, value_name = "URL")]
    database: Option<String>,

    /// Where the data of the measured gateways is put, in a new folder that is removed at the end; should be on the disk
    /// that matters.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,

    /// Only these workloads.
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',', value_enum)]
    only: Vec<Workload>,

    /// Only with so many connections.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    connections: Vec<usize>,

    /// Orders that are there before [default: 10,000 and 5,000,000, with --quick 10,000].
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    preloaded: Vec<u64>,
}

/// One gateway that is measured.
#[derive(Debug)]
struct Subject {
    variant: Variant,
    /// `sqlite` or `postgres`.
    store: &'static str,
    preloaded: u64,
    server: Server,
}

/// What one cell measured in one round.
#[derive(Debug)]
struct Sample {
    done: Done,
    /// Processor time of the gateway per turn, in microseconds.
    cpu_us: f64,
    rps: f64,
    /// Synced commits per second.
    commits: f64,
}

/// Measures, prints and writes.
///
/// # Errors
/// What could not be started, or answered other than it should.
pub(crate) async fn run(bench: Bench) -> anyhow::Result<u8> {
    let plan = Plan::of(&bench);
    // What is there already is somebody's.
    let folder = bench.folder.join(format!("kassa-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let measured = measure(&plan, &folder, bench.database.as_deref()).await;
    std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    let report = measured?;
    println(&report.table())?;
    if let Some(path) = &bench.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(0)
}

fn println(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

async fn measure(plan: &Plan, folder: &Path, database: Option<&str>) -> anyhow::Result<Report> {
    let (start_to_first_order_ms, idle_rss_mb) = first_order(folder).await?;
    let disk_syncs_per_second = disk::syncs_per_second(folder, plan.long)?;
    let databases = plan::databases(database, plan).await?;
    let raw = raw_rates(plan, folder, &databases).await?;
    let subjects = plan::subjects(plan, folder, &databases).await?;
    let shop = Shop::open().await?;
    let mut samples: BTreeMap<Cell, Vec<Sample>> = BTreeMap::new();
    for round in 0..plan.repeats {
        for cell in plan.cells(&subjects) {
            let name = format!("{}{}-{}", cell.unseen(), round, cell.name());
            let sample = sample(plan, &subjects, &cell, &shop, &name, None).await;
            let sample = sample.with_context(|| format!("measuring {}", cell.name()))?;
            samples.entry(cell).or_default().push(sample);
        }
    }
    let mut runs: Vec<Run> =
        samples.iter().map(|(cell, of)| summary(cell, of, &samples, &subjects)).collect();
    runs.extend(at_half_load(plan, &subjects, &shop, &samples).await?);
    for (run, cell) in runs.iter_mut().zip(samples.keys()) {
        if let Some(subject) = subjects.get(cell.subject) {
            (run.rss_mb, run.rss_peak_mb) = subject.server.memory_mb()?;
        }
    }
    drop(subjects);
    databases.drop_all().await?;
    Ok(Report {
        machine: Machine::this(),
        commit: plan::commit(),
        repeats: plan.repeats,
        disk_syncs_per_second,
        start_to_first_order_ms,
        idle_rss_mb,
        raw,
        runs,
    })
}

/// How long a new gateway takes to its first order, and what it holds when it has nothing to do.
async fn first_order(folder: &Path) -> anyhow::Result<(f64, u64)> {
    let home = Home { folder: folder.join("first"), database: None };
    let started = Instant::now();
    let server = Server::start(&home, Variant::Group).await?;
    let (idle, _) = server.memory_mb()?;
    let shop = Shop::open().await?;
    let gateway = server.gateway(&shop, &[]);
    turn::Client::new(gateway, Workload::Create, "first".to_owned()).await?.turn().await?;
    Ok((millis(started.elapsed()), idle))
}

/// What the stores take without HTTP before them.
async fn raw_rates(plan: &Plan, folder: &Path, databases: &plan::Databases) -> anyhow::Result<Vec<Raw>> {
    let mut raw = Vec::new();
    for (store, variant, home) in databases.for_raw(folder) {
        let data = Data::open(&home, variant).await?;
        let name = format!("raw-{}", variant.word());
        let orders_per_second = data.rate(&name, plan.at_once, plan.long).await?;
        raw.push(Raw { store, variant: variant.word(), at_once: plan.at_once, orders_per_second });
    }
    Ok(raw)
}

async fn sample(
    plan: &Plan,
    subjects: &[Subject],
    cell: &Cell,
    shop: &Shop,
    name: &str,
    pace: Option<Duration>,
) -> anyhow::Result<Sample> {
    let subject = subjects.get(cell.subject).context("a subject")?;
    let gateway = subject.server.gateway(shop, &plan.known);
    let commits_before = subject.server.commits().await?;
    let before = subject.server.cpu()?;
    let done = load::run(&gateway, cell.workload, name, cell.connections, plan.long, pace).await?;
    let cpu = subject.server.cpu()?.saturating_sub(before);
    let count = number(done.latencies.count()).max(1.0);
    let commits = u32::try_from(subject.server.commits().await?.saturating_sub(commits_before))?;
    let rps = count / done.took.as_secs_f64();
    let commits = f64::from(commits) / done.took.as_secs_f64();
    Ok(Sample { done, cpu_us: cpu.as_secs_f64() * 1e6 / count, rps, commits })
}

/// Places orders at half the pace that the gateway was seen to bear.
async fn at_half_load(
    plan: &Plan,
    subjects: &[Subject],
    shop: &Shop,
    samples: &BTreeMap<Cell, Vec<Sample>>,
) -> anyhow::Result<Vec<Run>> {
    let mut runs = Vec::new();
    for (cell, of) in samples.iter().filter(|(cell, _)| plan.is_tried_at_half(cell, subjects)) {
        let pace = Duration::from_secs_f64(2.0 / median(of.iter().map(|sample| sample.rps)));
        let mut halves = Vec::new();
        for round in 0..plan.repeats {
            let name = format!("half{round}-{}", cell.name());
            halves.push(sample(plan, subjects, cell, shop, &name, Some(pace)).await?);
        }
        runs.push(Run { load: "half", ..summary(cell, &halves, &BTreeMap::new(), subjects) });
    }
    Ok(runs)
}

/// Medians of a cell's samples, and of their ratios to the other variants' samples of the same round.
fn summary(cell: &Cell, of: &[Sample], all: &BTreeMap<Cell, Vec<Sample>>, subjects: &[Subject]) -> Run {
    let over = |pick: fn(&Sample) -> f64| median(of.iter().map(pick));
    let rps: Vec<f64> = of.iter().map(|sample| sample.rps).collect();
    let ratio_to = |variant: Variant| {
        let other = cell.with_variant(variant, subjects)?;
        let others = all.get(&other).filter(|_| other != *cell)?;
        Some(median(of.iter().zip(others).map(|(sample, other)| sample.rps / other.rps)))
    };
    let at =
        |per_mille: usize| median(of.iter().map(|sample| millis(sample.done.latencies.per_mille(per_mille))));
    let subject = subjects.get(cell.subject);
    let is_store =
        subject.is_some_and(|subject| matches!(subject.variant, Variant::Group | Variant::PerRequest));
    Run {
        workload: cell.workload.word(),
        store: subject.filter(|_| is_store).map_or("none", |subject| subject.store),
        variant: subject.map_or("", |subject| subject.variant.word()),
        connections: cell.connections,
        preloaded: subject.map_or(0, |subject| subject.preloaded),
        load: "full",
        rps: median(rps.iter().copied()),
        rps_min: rps.iter().copied().fold(f64::INFINITY, f64::min),
        rps_max: rps.iter().copied().fold(0.0, f64::max),
        p50_ms: at(500),
        p99_ms: at(990),
        p999_ms: at(999),
        cpu_us_per_request: over(|sample| sample.cpu_us),
        synced_commits_per_second: over(|sample| sample.commits),
        ratio_to_ceiling: ratio_to(Variant::Nothing).filter(|_| is_store),
        ratio_to_durable_log: ratio_to(Variant::Log).filter(|_| is_store),
        ratio_to_per_request: ratio_to(Variant::PerRequest).filter(|_| is_store),
        rss_mb: 0,
        rss_peak_mb: 0,
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
