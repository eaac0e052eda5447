//! `kassa migrate`: brings a database to this version's schema without serving.

use super::open::{First, open_store};
use crate::config::StoreFlags;
use std::io::Write as _;

pub(super) async fn run(flags: StoreFlags) -> anyhow::Result<u8> {
    open_store(flags, First::Create).await?;
    writeln!(std::io::stdout(), "The database is up to date.")?;
    Ok(0)
}
