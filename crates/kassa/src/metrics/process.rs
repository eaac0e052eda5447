//! What the operating system says of this process, by the names that every client of Prometheus gives it.

use super::Make;
use prometheus::{Counter, Gauge, IntGauge};
use std::fs;

/// Linux counts processor time and starts in hundredths of a second, whatever the kernel's own clock does.
const TICK_MS: u64 = 10;
/// Bytes of a page of memory on everything that Kassa is built for.
const PAGE: i64 = 4_096;

/// The numbers.
pub(super) struct Process {
    cpu: Counter,
    resident: IntGauge,
    virtual_memory: IntGauge,
    threads: IntGauge,
    open_files: IntGauge,
    max_files: IntGauge,
    started: Gauge,
}

impl Process {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let cpu = Counter::new("process_cpu_seconds_total", "Processor time used, in seconds.");
        Self {
            cpu: make.add(cpu),
            resident: make.gauge("process_resident_memory_bytes", "Memory in use, in bytes."),
            virtual_memory: make.gauge("process_virtual_memory_bytes", "Memory asked for, in bytes."),
            threads: make.gauge("process_threads", "Threads."),
            open_files: make.gauge("process_open_fds", "Open file descriptors; each connection is one."),
            max_files: make.gauge("process_max_fds", "How many there may be."),
            started: make
                .seconds("process_start_time_seconds", "When it was started, in seconds since 1970."),
        }
    }

    /// Looks again. What cannot be read stays as it was.
    pub(super) fn look(&self) {
        if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| Stat::parse(&text)) {
            self.cpu.reset();
            self.cpu.inc_by(seconds(stat.cpu_ticks));
            self.resident.set(stat.resident_pages.saturating_mul(PAGE));
            self.virtual_memory.set(stat.virtual_bytes);
            self.threads.set(stat.threads);
            let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
            let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok());
            if let Some(boot) = boot {
                let ticks = boot.saturating_mul(1_000 / TICK_MS).saturating_add(stat.started_ticks);
                self.started.set(seconds(ticks));
            }
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder that is being read.
            self.open_files.set(i64::try_from(files.count()).unwrap_or(i64::MAX).saturating_sub(1));
        }
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let limit =
            limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
        if let Some(limit) = limit {
            self.max_files.set(limit.parse().unwrap_or(i64::MAX));
        }
    }
}

fn seconds(ticks: u64) -> f64 {
    std::time::Duration::from_millis(ticks.saturating_mul(TICK_MS)).as_secs_f64()
}

/// What is read of `/proc/self/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: i64,
    started_ticks: u64,
    virtual_bytes: i64,
    resident_pages: i64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name in the second field may hold anything, blanks and brackets too.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // The first of these is field 3 of the manual page.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let signed = |number: usize| i64::try_from(field(number)?).ok();
        Some(Self {
            cpu_ticks: field(14)?.saturating_add(field(15)?),
            threads: signed(20)?,
            started_ticks: field(22)?,
            virtual_bytes: signed(23)?,
            resident_pages: signed(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_the_manuals() {
        let text = "42 (a) (b) S 1 42 42 0 -1 4194560 900 0 0 0 150 50 7 8 20 0 9 0 123456 8192000 512 18446744073709551615 1\n";
        let stat = Stat::parse(text).unwrap();
        let expected = Stat {
            cpu_ticks: 200,
            threads: 9,
            started_ticks: 123_456,
            virtual_bytes: 8_192_000,
            resident_pages: 512,
        };
        assert_eq!(stat, expected);
        assert_eq!(Stat::parse("42 (kassa) S 1"), None);
        assert!(Stat::parse(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap().resident_pages > 100);
    }
}
