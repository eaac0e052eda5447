//! What the operating system says of a process: the processor time it used and the memory it holds.

use anyhow::Context as _;
use std::time::Duration;

/// Linux counts processor time in hundredths of a second, whatever the kernel's own clock does.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process since its start, its own and the kernel's for it.
pub(super) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name in the second field may hold anything, blanks and brackets too.
    let (_, fields) = text.rsplit_once(") ").with_context(|| format!("{path} has another form"))?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let mut next = || times.next().and_then(Result::ok).with_context(|| format!("{path} has another form"));
    let ticks = next()?.saturating_add(next()?);
    Ok(TICK * ticks)
}

/// Memory in use, and the most there was, in MB.
pub(super) fn memory_mb(pid: u32) -> anyhow::Result<(u64, u64)> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1_024)
    };
    of("VmRSS:").zip(of("VmHWM:")).with_context(|| format!("{path} has another form"))
}
