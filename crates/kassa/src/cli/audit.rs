//! `kassa audit`: exit 0 when everything adds up, 1 when anything differs.

use super::open::{First, open_store};
use crate::audit::audit;
use crate::config::StoreFlags;
use std::io::Write as _;

pub(super) async fn run(flags: StoreFlags) -> anyhow::Result<u8> {
    let opened = open_store(flags, First::Refuse).await?;
    let report = audit(&opened.store).await?;
    let mut out = std::io::stdout().lock();
    for line in report.balances() {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{} orders, {} transfers", report.orders, report.transfers)?;
    for difference in &report.differences {
        writeln!(out, "DIFFERENCE {difference}")?;
    }
    if report.differences.is_empty() {
        writeln!(out, "Everything adds up.")?;
        return Ok(0);
    }
    writeln!(out, "{} differences.", report.differences.len())?;
    Ok(1)
}
