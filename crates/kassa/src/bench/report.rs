//! What was measured, as a table for people and as JSON for programs.

use serde::Serialize;

/// Everything one run measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) commit: String,
    /// How often everything was repeated; figures are medians.
    pub(super) repeats: usize,
    /// Appends of 2 KB that the disk kept, one after the other, per second.
    pub(super) disk_syncs_per_second: u64,
    /// From starting the process on an empty folder to its first accepted order, in milliseconds.
    pub(super) start_to_first_order_ms: f64,
    /// Memory of a gateway that has nothing to do.
    pub(super) idle_rss_mb: u64,
    pub(super) raw: Vec<Raw>,
    pub(super) runs: Vec<Run>,
}

/// Where it ran.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_mb: u64,
    pub(super) system: String,
}

/// What the store takes without HTTP before it.
#[derive(Debug, Serialize)]
pub(super) struct Raw {
    pub(super) store: &'static str,
    pub(super) variant: &'static str,
    /// How many orders were on their way at once.
    pub(super) at_once: usize,
    pub(super) orders_per_second: u64,
}

/// One line: a workload against one gateway.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) workload: &'static str,
    pub(super) store: &'static str,
    pub(super) variant: &'static str,
    pub(super) connections: usize,
    pub(super) preloaded: u64,
    /// `full`: as fast as the clients can; `half`: at half that pace.
    pub(super) load: &'static str,
    pub(super) rps: f64,
    pub(super) rps_min: f64,
    pub(super) rps_max: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) cpu_us_per_request: f64,
    /// Commits that the store synced: on SQLite an fsync each, on PostgreSQL a flush that its lanes may share.
    pub(super) synced_commits_per_second: f64,
    pub(super) ratio_to_ceiling: Option<f64>,
    pub(super) ratio_to_durable_log: Option<f64>,
    pub(super) ratio_to_per_request: Option<f64>,
    pub(super) rss_mb: u64,
    pub(super) rss_peak_mb: u64,
}

impl Report {
    /// For people.
    pub(super) fn table(&self) -> String {
        let machine = &self.machine;
        let mut lines = vec![
            format!(
                "{}, {} cores, {} MB, {}",
                machine.processor, machine.cores, machine.memory_mb, machine.system
            ),
            format!("commit {}, medians of {} repeats", self.commit, self.repeats),
            format!("the disk keeps 2 KB {} times per second", self.disk_syncs_per_second),
            format!(
                "first order {:.0} ms after the start; idle: {} MB",
                self.start_to_first_order_ms, self.idle_rss_mb
            ),
            String::new(),
            "store alone            at once   orders/s".to_owned(),
        ];
        lines.extend(self.raw.iter().map(|raw| {
            format!("{:<9}{:<13}{:>8}{:>11}", raw.store, raw.variant, raw.at_once, raw.orders_per_second)
        }));
        lines.push(String::new());
        lines.push(
            "workload store    variant     conn preloaded load       /s    min..max        p50 ms  p99 ms p99.9  \
             µs CPU syncs/s  ceiling  log   tx  MB"
                .to_owned(),
        );
        lines.extend(self.runs.iter().map(Run::line));
        lines.push(String::new());
        lines.push(
            "µs CPU: processor time of the gateway per turn. syncs/s: commits that the store synced.\nceiling, log, tx: \
             turns per second as a multiple of the same route without a store, with a synced log in its\nplace, and \
             with a transaction per request."
                .to_owned(),
        );
        lines.join("\n")
    }
}

impl Run {
    fn line(&self) -> String {
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        format!(
            "{:<8} {:<8} {:<11} {:>4} {:>9} {:<4} {:>9.0} {:>7.0}..{:<7.0} {:>7.2} {:>7.2} {:>7.2} {:>6.1} {:>7.0} {:>7} {:>6} \
             {:>6} {:>4}",
            self.workload,
            self.store,
            self.variant,
            self.connections,
            self.preloaded,
            self.load,
            self.rps,
            self.rps_min,
            self.rps_max,
            self.p50_ms,
            self.p99_ms,
            self.p999_ms,
            self.cpu_us_per_request,
            self.synced_commits_per_second,
            ratio(self.ratio_to_ceiling),
            ratio(self.ratio_to_durable_log),
            ratio(self.ratio_to_per_request),
            self.rss_mb,
        )
    }
}

impl Machine {
    /// This one.
    pub(super) fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let after_colon = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let processor = after_colon(&read("/proc/cpuinfo"), "model name");
        let memory = after_colon(&read("/proc/meminfo"), "MemTotal");
        let kilobytes = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            processor: processor.unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mb: kilobytes.unwrap_or(0) / 1_024,
            system: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        }
    }
}
