//! A copy of the embedded database while it is in use.
//!
//! `VACUUM INTO` reads one state of the database, however many orders are placed meanwhile, and writes only what is in
//! it: what was deleted, like the card of an authentication that is over, does not live on in free pages of the copy.
//! The log of the database grows while it reads, and shrinks again afterwards.

use anyhow::{Context as _, bail, ensure};
use rusqlite::{Connection, OpenFlags};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How many orders are in the copy.
    pub orders: i64,
    /// Its size.
    pub bytes: u64,
}

/// Copies the database to a new file, which is there once it is whole and on disk, and not before. The database is
/// only read: one of an older version stays as it is.
///
/// # Errors
/// What could not be read or written; then there is no new file.
pub fn copy(database: &Path, to: &Path) -> anyhow::Result<Copied> {
    ensure!(!to.exists(), "{} exists already: a backup replaces nothing", to.display());
    let part = beside(to);
    begin(&part)?;
    let copied = copy_to_part(database, &part).and_then(|copied| {
        let renamed = std::fs::rename(&part, to);
        renamed.with_context(|| format!("putting the backup in its place {}", to.display()))?;
        Ok(copied)
    });
    if copied.is_err() {
        // What is left of it; if it cannot be removed, the next backup says so.
        let _ = std::fs::remove_file(&part);
    }
    let copied = copied?;
    sync(folder_of(to)).with_context(|| format!("writing the folder of {}", to.display()))?;
    Ok(copied)
}

/// Creates the file, for its owner alone.
fn begin(part: &Path) -> anyhow::Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} is in the way: another backup runs, or one was cut short; then delete it",
                part.display()
            )
        }
        created => created.map(drop).with_context(|| format!("writing {}", part.display())),
    }
}

fn copy_to_part(database: &Path, part: &Path) -> anyhow::Result<Copied> {
    let writing = || format!("writing {}", part.display());
    let reading = || format!("reading the database {}", database.display());
    let source =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(reading)?;
    source.busy_timeout(std::time::Duration::from_secs(10))?;
    let name = part.to_str().context("the name of the backup is no UTF-8")?;
    source.execute("VACUUM INTO ?1", [name]).with_context(writing)?;
    let copy = Connection::open_with_flags(part, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(writing)?;
    let found: String =
        copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).with_context(writing)?;
    ensure!(found == "ok", "the copy {} is damaged: {found}", part.display());
    let orders = copy.query_row("SELECT COUNT(*) FROM shop_order", [], |row| row.get(0));
    let orders = orders.with_context(|| format!("{} is no database of Kassa", database.display()))?;
    drop(copy);
    sync(part).with_context(writing)?;
    let bytes = std::fs::metadata(part).with_context(writing)?.len();
    Ok(Copied { orders, bytes })
}

/// The name under which it is written.
fn beside(to: &Path) -> PathBuf {
    let mut name = OsString::from(to.as_os_str());
    name.push(".part");
    PathBuf::from(name)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
