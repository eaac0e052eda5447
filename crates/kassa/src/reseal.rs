//! Moving what is sealed to the newest key, while gateways run.
//!
//! Each value is replaced on its own, guarded by what it was: whoever changes it meanwhile wins, and the next pass
//! looks again. A pass can be broken off anywhere and started again.

use anyhow::Context as _;
use futures_util::future::join_all;
use payments::ids::TokenId;

use crate::keys::{KeyId, KeyRing};
use crate::store::db::WriteError;
use crate::store::{Content, Resealed, SealedColumn, SealedRow, Store};

/// How many values are read, and written in few commits, at a time.
const BATCH: usize = 100;

/// How many values of a table each key has sealed.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) table: &'static str,
    pub(crate) by_key: Vec<(Option<KeyId>, i64)>,
}

impl Counted {
    /// Takes in what another column of the same name holds.
    fn add(&mut self, by_key: Vec<(Option<KeyId>, i64)>) {
        for (key, count) in by_key {
            match self.by_key.iter_mut().find(|(known, _)| *known == key) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => self.by_key.push((key, count)),
            }
        }
    }
}

/// What a pass did.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    /// How many values of each table were moved.
    pub(crate) moved: Vec<(&'static str, i64)>,
    /// How many were changed by somebody else meanwhile.
    pub(crate) overtaken: i64,
    /// What could not be opened, and why.
    pub(crate) failures: Vec<String>,
}

impl Pass {
    /// Takes in what another pass did after this one.
    pub(crate) fn add(&mut self, later: Self) {
        for ((_, sum), (_, moved)) in self.moved.iter_mut().zip(later.moved) {
            *sum = sum.saturating_add(moved);
        }
        self.overtaken = self.overtaken.saturating_add(later.overtaken);
        // It has looked at everything that could not be opened before.
        self.failures = later.failures;
    }

    /// Whether the pass found nothing to do.
    pub(crate) fn is_clean(&self) -> bool {
        self.overtaken == 0 && self.failures.is_empty() && self.moved.iter().all(|(_, moved)| *moved == 0)
    }
}

/// Counts what is sealed.
pub(crate) async fn count(store: &Store) -> anyhow::Result<Vec<Counted>> {
    let mut counts = Vec::new();
    for column in SealedColumn::all() {
        let by_key = store.count_sealed(column).await?;
        match counts.iter_mut().find(|counted: &&mut Counted| counted.table == column.table) {
            Some(counted) => counted.add(by_key),
            None => counts.push(Counted { table: column.table, by_key }),
        }
    }
    Ok(counts)
}

/// Looks once at every value that another key has sealed, and moves it to the newest.
pub(crate) async fn reseal(store: &Store, keys: &KeyRing) -> anyhow::Result<Pass> {
    let mut pass = Pass::default();
    for column in SealedColumn::all() {
        reseal_column(store, keys, column, &mut pass).await?;
    }
    Ok(pass)
}

async fn reseal_column(
    store: &Store,
    keys: &KeyRing,
    column: &'static SealedColumn,
    pass: &mut Pass,
) -> anyhow::Result<()> {
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let mut moved = 0_i64;
    let mut last: Option<SealedRow> = None;
    loop {
        let rows = store.sealed_otherwise(column, keys.newest(), last.as_ref(), limit).await?;
        let mut writes = Vec::with_capacity(rows.len());
        for row in &rows {
            match renewed(keys, column, row) {
                Ok(new) => writes.push(store.replace_sealed(column, row, new)),
                Err(error) => pass.failures.push(format!("{error:#}")),
            }
        }
        for written in join_all(writes).await {
            match written {
                Ok(()) => moved = moved.saturating_add(1),
                Err(WriteError::Stale) => pass.overtaken = pass.overtaken.saturating_add(1),
                Err(error) => {
                    return Err(error).with_context(|| format!("moving a value of {}", column.table));
                }
            }
        }
        match rows.into_iter().last() {
            Some(row) => last = Some(row),
            None => break,
        }
    }
    match pass.moved.iter_mut().find(|(table, _)| *table == column.table) {
        Some((_, sum)) => *sum = sum.saturating_add(moved),
        None => pass.moved.push((column.table, moved)),
    }
    Ok(())
}

/// The same secret under the newest key, and what else depends on that key.
fn renewed(keys: &KeyRing, column: &SealedColumn, row: &SealedRow) -> anyhow::Result<Resealed> {
    let purpose = column.purpose(row);
    match column.content {
        Content::Secret => {
            let plain = keys.open_sealed(&purpose, &row.sealed)?;
            Ok(Resealed { sealed: keys.seal(&purpose, &plain)?, keyed: None })
        }
        Content::ApiKey => {
            let plain = keys.open_sealed(&purpose, &row.sealed)?;
            let text = std::str::from_utf8(&plain).with_context(|| format!("{purpose} is not text"))?;
            let sealed = keys.seal(&purpose, &plain)?;
            Ok(Resealed { sealed, keyed: Some(keys.digest(text)) })
        }
        Content::Card => {
            let name = row.name();
            let token = TokenId::parse(&name).with_context(|| format!("{purpose} is no token's id"))?;
            let pan = keys.open_card(row.site, token, &row.sealed)?;
            let reference = row.context.as_deref().unwrap_or_default();
            let sealed = keys.rewrap_card(row.site, token, &row.sealed)?;
            let fingerprint = keys.fingerprint(row.site, reference, &pan);
            Ok(Resealed { sealed, keyed: Some(fingerprint.to_vec()) })
        }
    }
}
