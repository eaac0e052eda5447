//! `kassa backup`: the embedded database as one file, while the gateway serves.

use super::Backup;
use crate::config::{Config, Flags};
use crate::store::backup;
use anyhow::bail;
use std::io::Write as _;

pub(super) fn run(backup: Backup) -> anyhow::Result<u8> {
    let config = Config::load(Flags::from(backup.store))?;
    if config.database.is_some() {
        bail!("PostgreSQL makes its own backups: docs/operating.md says how");
    }
    let database = config.sqlite_path();
    if !database.exists() {
        bail!("there is no database in {}; kassa serve creates one", config.data_dir.display());
    }
    let copied = backup::copy(&database, &backup.to)?;
    let (to, key) = (backup.to.display(), config.key_path());
    let mut out = std::io::stdout().lock();
    writeln!(out, "{to}: {} orders, {} bytes.", copied.orders, copied.bytes)?;
    writeln!(
        out,
        "The key file {} is not in it, so that whoever finds the backup can open no API key and no kept card.\n\
         Nor can you without that file: keep a copy of it in another place.",
        key.display()
    )?;
    Ok(0)
}
