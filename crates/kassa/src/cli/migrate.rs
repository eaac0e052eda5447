//! `kassa migrate`: brings a database to this version's schema without serving, or moves everything to another one.

use super::Migrate;
use super::open::{First, lock_folder, open_store};
use crate::config::{Config, DatabaseUrl, Flags};
use crate::store::Location;
use crate::store::copy::{Copied, copy};
use anyhow::{Context as _, anyhow};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

/// A database as a person names it.
#[derive(Clone, Debug)]
pub struct Place(Location);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            return Ok(Self(Location::File(if path.is_dir() { path.join("kassa.db") } else { path })));
        }
        if text.starts_with("postgres") {
            return DatabaseUrl::parse(text).map(|url| Self(Location::Postgres(url.expose().to_owned())));
        }
        Err("must be sqlite:PATH or a postgres:// URL".to_owned())
    }
}

pub(super) async fn run(migrate: Migrate) -> anyhow::Result<u8> {
    let Migrate { from, to, store } = migrate;
    let Some(Place(from)) = from else {
        open_store(store, First::Create).await?;
        writeln!(std::io::stdout(), "The database is up to date.")?;
        return Ok(0);
    };
    let to = match to {
        Some(Place(to)) => to,
        None => {
            let config = Config::load(Flags::from(store))?;
            let url = config.database.context("--to says where everything is moved to")?;
            Location::Postgres(url.expose().to_owned())
        }
    };
    if let Location::File(path) = &from
        && !path.is_file()
    {
        return Err(anyhow!("there is no database at {}", path.display()));
    }
    // As long as this lasts nobody serves from either.
    let _locks = (lock(&from)?, lock(&to)?);
    let began = Instant::now();
    let copied = copy(&from, &to).await?;
    report(&copied, began)
}

/// Nobody may write what would not be copied. The lock of an embedded database also keeps a gateway from starting.
fn lock(location: &Location) -> anyhow::Result<Option<File>> {
    let Location::File(path) = location else { return Ok(None) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    lock_folder(folder).map(Some).context("stop it before its data is moved")
}

fn report(copied: &[Copied], began: Instant) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<26} {:>10}  checksum", "table", "rows")?;
    let mut rows = 0_u64;
    for table in copied {
        let Copied { table: name, from, to } = table;
        rows = rows.saturating_add(from.rows);
        writeln!(out, "{name:<26} {:>10}  {from}", from.rows)?;
        if !table.is_same() {
            writeln!(out, "{:<26} {:>10}  {to}  DIFFERENCE", "  in the target", to.rows)?;
        }
    }
    let different = copied.iter().filter(|table| !table.is_same()).count();
    if different > 0 {
        writeln!(out, "{different} tables would differ: nothing was written.")?;
        return Ok(1);
    }
    writeln!(
        out,
        "{rows} rows of {} tables copied in {:.1?}; each table has the same count and checksum on both sides.\n\
         Serve from the new database with the same key file as before.",
        copied.len(),
        began.elapsed()
    )?;
    Ok(0)
}
