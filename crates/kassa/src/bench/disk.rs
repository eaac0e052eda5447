//! How often the disk can be told to keep what it was given.

use anyhow::Context as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// About what a placed order adds to a log.
const PIECE: [u8; 2_048] = [b'k'; 2_048];

/// Appends 2 KB and syncs, one after the other; how many per second.
pub(super) fn syncs_per_second(folder: &Path, long: Duration) -> anyhow::Result<u64> {
    let path = folder.join("sync");
    let mut file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let (started, mut done) = (Instant::now(), 0_u64);
    while started.elapsed() < long {
        file.write_all(&PIECE)?;
        file.sync_data()?;
        done = done.wrapping_add(1);
    }
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    std::fs::remove_file(&path)?;
    Ok(done.saturating_mul(1_000) / millis)
}
