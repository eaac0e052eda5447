//! What is measured against what, and how often.

use super::data::Data;
use super::server::{Home, Server};
use super::turn::Workload;
use super::{Bench, Subject};
use crate::store::Variant;
use crate::store::variant::UNSEEN;
use anyhow::Context as _;
use std::path::Path;
use std::process::Command;
use std::str::FromStr as _;
use std::time::Duration;
use tokio_postgres::NoTls;

/// With how many connections the variants are compared.
const COMPARED_AT: usize = 64;
/// How the store's own rate is measured.
const RAW: [Variant; 2] = [Variant::Group, Variant::PerRequest];
/// How many of the orders that are there are read.
const READ: u64 = 1_000;

/// How much is measured.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) repeats: usize,
    /// How long each measurement takes.
    pub(super) long: Duration,
    pub(super) connections: Vec<usize>,
    pub(super) preloaded: Vec<u64>,
    pub(super) workloads: Vec<Workload>,
    /// How many orders are on their way to the store alone at once.
    pub(super) at_once: usize,
    /// Ids of orders to read.
    pub(super) known: Vec<String>,
}

/// One measurement of a round: a workload, against one of the subjects, over so many connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    order: usize,
    pub(super) connections: usize,
    pub(super) subject: usize,
    pub(super) workload: Workload,
}

impl PartialOrd for Workload {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Workload {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.word().cmp(other.word())
    }
}

impl Cell {
    /// Short, and like no other's.
    pub(super) fn name(&self) -> String {
        format!("{}-{}-{}", self.workload.word(), self.connections, self.subject)
    }

    /// What ids begin with that a ceiling need not look for. Real stores look for each of them.
    pub(super) fn unseen(&self) -> &'static str {
        if self.workload == Workload::Create { UNSEEN } else { "" }
    }

    /// The same against another variant of the same store and size.
    pub(super) fn with_variant(&self, variant: Variant, subjects: &[Subject]) -> Option<Self> {
        let own = subjects.get(self.subject)?;
        // The log is a file beside a SQLite database, whatever it is compared with.
        let is_like = |other: &Subject| other.variant == variant && other.preloaded == own.preloaded;
        let same = subjects.iter().position(|other| is_like(other) && other.store == own.store);
        let subject = same.or_else(|| subjects.iter().position(is_like))?;
        Some(Self { subject, ..self.clone() })
    }
}

impl Plan {
    pub(super) fn of(bench: &Bench) -> Self {
        let given =
            |given: &[u64], usual: &[u64]| if given.is_empty() { usual.to_vec() } else { given.to_vec() };
        let connections = if bench.connections.is_empty() {
            vec![1, 8, 32, COMPARED_AT, 128]
        } else {
            bench.connections.clone()
        };
        let preloaded = given(&bench.preloaded, if bench.quick { &[10_000] } else { &[10_000, 5_000_000] });
        let fewest = preloaded.iter().copied().min().unwrap_or(0);
        Self {
            repeats: if bench.quick { 3 } else { 5 },
            long: Duration::from_millis(if bench.quick { 700 } else { 3_000 }),
            connections,
            preloaded,
            workloads: if bench.only.is_empty() { Workload::ALL.to_vec() } else { bench.only.clone() },
            at_once: COMPARED_AT,
            known: (0..READ.min(fewest)).map(|at| format!("known-{at}")).collect(),
        }
    }

    /// Everything of one round: what is compared follows upon each other.
    pub(super) fn cells(&self, subjects: &[Subject]) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (order, workload) in self.workloads.iter().enumerate() {
            for connections in &self.connections {
                for (subject, of) in subjects.iter().enumerate() {
                    if self.has(*workload, *connections, of) {
                        cells.push(Cell { order, connections: *connections, subject, workload: *workload });
                    }
                }
            }
        }
        cells
    }

    /// Comparisons are made once, of what they are made for.
    fn has(&self, workload: Workload, connections: usize, subject: &Subject) -> bool {
        let is_compared = connections == COMPARED_AT || self.connections.len() == 1;
        let is_large = self.preloaded.iter().any(|other| *other < subject.preloaded);
        match (subject.variant, workload) {
            (Variant::Group, Workload::Create | Workload::Get) => is_compared || !is_large,
            (Variant::Group, Workload::Payment | Workload::Notify) => !is_large,
            (Variant::Nothing, Workload::Create | Workload::Get) => is_compared,
            (Variant::Log | Variant::PerRequest, Workload::Create) => is_compared,
            (Variant::Nothing | Variant::Log | Variant::PerRequest, _) => false,
        }
    }

    pub(super) fn is_tried_at_half(&self, cell: &Cell, subjects: &[Subject]) -> bool {
        let is_compared = cell.connections == COMPARED_AT || self.connections.len() == 1;
        let subject = subjects.get(cell.subject);
        is_compared
            && cell.workload == Workload::Create
            && subject.is_some_and(|subject| subject.variant == Variant::Group)
    }
}

/// Every gateway of the plan, with its orders, running.
pub(super) async fn subjects(
    plan: &Plan,
    folder: &Path,
    databases: &Databases,
) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let fewest = plan.preloaded.iter().copied().min().unwrap_or(0);
    for (store, variant, preloaded) in combinations(plan, databases, fewest) {
        let name = format!("{store}-{}-{preloaded}", variant.word());
        let home = Home { folder: folder.join(&name), database: databases.of(&name) };
        let data = Data::open(&home, Variant::Group).await?;
        data.fill(preloaded).await.with_context(|| format!("filling {name}"))?;
        drop(data);
        let server = Server::start(&home, variant).await?;
        subjects.push(Subject { variant, store, preloaded, server });
    }
    Ok(subjects)
}

fn raw_name(store: &str, variant: Variant) -> String {
    format!("{store}-raw-{}", variant.word())
}

fn combinations(plan: &Plan, databases: &Databases, fewest: u64) -> Vec<(&'static str, Variant, u64)> {
    let mut all = Vec::new();
    let stores: &[&'static str] = if databases.url.is_some() { &["sqlite", "postgres"] } else { &["sqlite"] };
    for store in stores {
        all.push((*store, Variant::Group, fewest));
        all.push((*store, Variant::PerRequest, fewest));
    }
    all.push(("sqlite", Variant::Log, fewest));
    all.push(("sqlite", Variant::Nothing, fewest));
    for preloaded in plan.preloaded.iter().filter(|preloaded| **preloaded != fewest) {
        all.extend(stores.iter().map(|store| (*store, Variant::Group, *preloaded)));
    }
    all
}

/// The databases of a run on a PostgreSQL server, if there is one.
#[derive(Debug)]
pub(super) struct Databases {
    url: Option<String>,
    /// What the names of all of them begin with.
    prefix: String,
    names: Vec<String>,
}

/// Creates what the plan needs.
pub(super) async fn databases(url: Option<&str>, plan: &Plan) -> anyhow::Result<Databases> {
    let prefix = format!("kassa_bench_{}_", std::process::id());
    let mut databases = Databases { url: url.map(str::to_owned), prefix, names: Vec::new() };
    if url.is_none() {
        return Ok(databases);
    }
    let fewest = plan.preloaded.iter().copied().min().unwrap_or(0);
    let mut names: Vec<String> = combinations(plan, &databases, fewest)
        .iter()
        .filter(|(store, _, _)| *store == "postgres")
        .map(|(store, variant, preloaded)| format!("{store}-{}-{preloaded}", variant.word()))
        .collect();
    names.extend(RAW.iter().map(|variant| raw_name("postgres", *variant)));
    for name in names {
        let database = databases.database(&name);
        databases.execute(&format!("CREATE DATABASE {database}")).await?;
        databases.names.push(database);
    }
    Ok(databases)
}

impl Databases {
    fn database(&self, name: &str) -> String {
        format!("{}{}", self.prefix, name.replace('-', "_"))
    }

    /// The URL of the database for a gateway, where it is one on PostgreSQL.
    fn of(&self, name: &str) -> Option<String> {
        let url = self.url.as_ref().filter(|_| name.starts_with("postgres"))?;
        Some(with_database(url, &self.database(name)))
    }

    /// The stores whose own rate is measured, with and without group commit.
    pub(super) fn for_raw(&self, folder: &Path) -> Vec<(&'static str, Variant, Home)> {
        let stores: &[&'static str] = if self.url.is_some() { &["sqlite", "postgres"] } else { &["sqlite"] };
        let homes = stores.iter().flat_map(|store| RAW.iter().map(move |variant| (*store, *variant)));
        homes
            .map(|(store, variant)| {
                let name = raw_name(store, variant);
                (store, variant, Home { folder: folder.join(&name), database: self.of(&name) })
            })
            .collect()
    }

    /// Drops what was created.
    pub(super) async fn drop_all(&self) -> anyhow::Result<()> {
        for name in &self.names {
            self.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }

    async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let url = self.url.as_deref().unwrap_or_default();
        let config = tokio_postgres::Config::from_str(url).context("reading the database URL")?;
        let (client, connection) = config.connect(NoTls).await.context("connecting to the database")?;
        let connection = tokio::spawn(connection);
        let executed = client.batch_execute(sql).await;
        drop(client);
        connection.await?.context("talking to the database")?;
        executed.with_context(|| sql.to_owned())
    }
}

/// The same URL for another database.
fn with_database(url: &str, database: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, None), |(before, query)| (before, Some(query)));
    let base = before.rsplit_once('/').map_or(before, |(base, _)| base);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{base}/{database}{query}")
}

/// The commit of the source that this was built from, where that is at hand.
pub(super) fn commit() -> String {
    let git = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short=12", "HEAD"])
        .output();
    let text = git.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let commit = text.map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    commit.unwrap_or_else(|| format!("of version {}", env!("CARGO_PKG_VERSION")))
}
