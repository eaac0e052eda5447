//! What happened, in numbers.

use super::host::Host;
use super::{Load, books};
use crate::harness::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Prints them.
pub(crate) fn print(
    home: &Home,
    host: &Host,
    load: &Load,
    (gateway, acquirer): (u64, u64),
    busy: Duration,
    settled: Duration,
) {
    let number = |sql: &str| -> i64 { books::open(home, host).query_row(sql, [], |row| row.get(0)).unwrap() };
    let authorisations = number("SELECT COUNT(*) FROM trace WHERE operation = 'authorise' AND sends > 0");
    let per_second = u128::try_from(authorisations).unwrap() * 1_000 / busy.as_millis().max(1);
    eprintln!(
        "{authorisations} authorisations sent for {} orders in {busy:?}, {per_second} a second; {} requests, {} of \
         them without an answer; the gateway killed {gateway} times, the host {acquirer} times",
        load.orders,
        load.requests.load(Ordering::SeqCst),
        load.broken.load(Ordering::SeqCst),
    );
    let faults = faults(&host.log());
    let hit: u64 = faults.iter().filter(|((mti, _), _)| mti == "0100").map(|(_, count)| count).sum();
    let mut by_kind: BTreeMap<&str, u64> = BTreeMap::new();
    for ((_, kind), count) in &faults {
        *by_kind.entry(kind).or_default() += count;
    }
    eprintln!("faults: {hit} authorisations, and with all other messages {by_kind:?}");
    let log = gateway_log(home);
    let words = |mark: &str, with: &str| -> Vec<String> {
        let lines = log.lines().filter(|line| line.contains(mark) && line.contains(with));
        lines.filter_map(|line| value(line, "transaction.id").map(str::to_owned)).collect()
    };
    let distinct = |found: Vec<String>| found.into_iter().collect::<BTreeSet<_>>().len();
    let late = words("an answer came late", "operation=Authorise");
    eprintln!(
        "{} unknown outcomes; {} authorisations reversed, {} late answers to authorisations; {} messages repeated; \
         settled {settled:?} after the last order, simulated",
        distinct(words("an unknown outcome moves on", "")),
        number("SELECT COUNT(*) FROM trace WHERE operation = 'reverse'"),
        late.len(),
        number("SELECT COALESCE(SUM(sends - 1), 0) FROM trace WHERE sends > 1"),
    );
    assert!(!late.is_empty(), "nothing came late: it was not tested");
    let share = hit * 100 / u64::try_from(authorisations).unwrap().max(1);
    assert!(share >= 30, "only {share} of 100 authorisations went wrong");
}

/// How often what went wrong with messages of which type.
fn faults(log: &str) -> BTreeMap<(String, String), u64> {
    let mut faults = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains("goes wrong as planned")) {
        let field = |name| value(line, name).unwrap_or("0800").trim_matches('"').to_owned();
        *faults.entry((field("mti"), field("fault"))).or_default() += 1;
    }
    faults
}

/// Everything that the gateway has logged in its lives.
fn gateway_log(home: &Home) -> String {
    let entries = std::fs::read_dir(home.folder().join("output")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let logs = paths.filter(|path| path.extension().is_some_and(|kind| kind == "stderr"));
    logs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What `name` is in a line of a log.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.split_once(&format!(" {name}="))?.1;
    rest.split_whitespace().next()
}
