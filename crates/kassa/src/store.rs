//! What is kept: orders, keys, the outbox, jobs, the ledger and the simulator's book.
//!
//! Orders change only through `Store::commit_answering`, which takes the changes of one decision as data and
//! commits them in one transaction of writes, guarded by the order's version.

mod answers;
mod audit;
pub(crate) mod authentications;
mod backlog;
pub mod backup;
mod balances;
pub(crate) mod book;
pub(crate) mod book_list;
pub(crate) mod commit;
pub(crate) mod copy;
pub(crate) mod db;
mod events;
mod evidence;
mod history;
mod jobs;
pub(crate) mod known_sites;
pub(crate) mod list;
mod looks;
pub(crate) mod movement_row;
pub(crate) mod nodes;
mod notifications;
pub(crate) mod open_to_buy;
pub(crate) mod orders;
mod postgres;
mod sealed;
mod seen;
mod site_about;
mod sites;
mod sqlite;
#[cfg(test)]
mod tests;
mod tokens;
mod totals;
pub(crate) mod trace;
pub(crate) mod transaction_row;
pub(crate) mod variant;
mod webhook_secrets;
pub(crate) mod words;

pub(crate) use answers::KeptAnswer;
pub(crate) use authentications::{AuthenticationRow, Stage};
pub(crate) use balances::Held;
pub use db::{Location, PoolLimits};
pub(crate) use events::Event;
pub(crate) use evidence::NewEvidence;
pub(crate) use jobs::Claimed;
pub(crate) use notifications::{Delivery, Heard, Next};
pub(crate) use postgres::Address;
pub(crate) use sealed::{Content, Resealed, SealedColumn, SealedRow};
pub(crate) use site_about::{About, SiteField};
pub(crate) use sites::{ApiKey, NewSite, Site};
pub use variant::Variant;

use db::Db;
use known_sites::KnownSites;
use looks::Looks;
use seen::Seen;
use std::sync::Arc;
use totals::Totals;

/// The store of one gateway. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    looks: Looks,
    known_sites: Arc<KnownSites>,
    seen: Arc<Seen>,
    totals: Arc<Totals>,
}

impl Store {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// What could not be opened, and why.
    pub async fn open(location: &Location) -> anyhow::Result<Self> {
        Self::open_variant(location, Variant::Group).await
    }

    /// The same, with writes done in another way, to measure against.
    ///
    /// # Errors
    /// The same.
    pub async fn open_variant(location: &Location, variant: Variant) -> anyhow::Result<Self> {
        Self::open_limited(location, variant, PoolLimits::default()).await
    }

    /// The same, within limits that an operator has set.
    ///
    /// # Errors
    /// The same.
    pub async fn open_limited(
        location: &Location,
        variant: Variant,
        limits: PoolLimits,
    ) -> anyhow::Result<Self> {
        let db = Db::open(location, variant, limits).await?;
        Ok(Self {
            looks: Looks::at(&db),
            db,
            known_sites: Arc::default(),
            seen: Arc::default(),
            totals: Arc::default(),
        })
    }

    /// Whether the database answers.
    pub(crate) async fn is_ready(&self) -> bool {
        self.db.answers(db::statement("SELECT 1", [])).await
    }
}
