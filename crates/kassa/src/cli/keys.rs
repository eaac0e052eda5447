//! `kassa keys`: the key-encryption keys. Changing them does not interrupt gateways that run.
//!
//! Every step leaves something that the next run goes on from, so that a command that was killed is run again.
//! A key is in the file before anything is sealed with it, and dropped only when nothing is sealed with it.

use super::open::{First, Opened, open_store};
use super::{KeysCommand, RotateKeys};
use crate::config::{Config, Flags, StoreFlags};
use crate::keys::{KeyFile, KeyId, KeyRing, Role};
use crate::random::Random;
use crate::reseal::{Counted, Pass, count, reseal};
use crate::store::Store;
use anyhow::bail;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

/// How often it is waited for the last values under an old key.
const TRIES: u32 = 10;

pub(super) async fn run(command: KeysCommand) -> anyhow::Result<u8> {
    match command {
        KeysCommand::List(store) => list(store).await,
        KeysCommand::Add(store) => add(store),
        KeysCommand::Rotate(rotate) => self::rotate(rotate).await,
    }
}

async fn list(flags: StoreFlags) -> anyhow::Result<u8> {
    let Opened { keys, store, .. } = open_store(flags, First::Refuse).await?;
    let counts = count(&store).await?;
    let known = keys.ids();
    let missing = missing(&counts, &known);
    let mut out = std::io::stdout().lock();
    write!(out, "{:<8}  {:<7}", "KEY", "ROLE")?;
    for Counted { table, .. } in &counts {
        write!(out, "  {table:>10}")?;
    }
    writeln!(out)?;
    let known = known.into_iter().map(|(key, role)| (key, word(role)));
    for (key, role) in known.chain(missing.keys().map(|key| (*key, "MISSING"))) {
        write!(out, "{key}  {role:<7}")?;
        for Counted { by_key, .. } in &counts {
            let sealed = by_key.iter().find(|(id, _)| *id == Some(key)).map_or(0, |(_, count)| *count);
            write!(out, "  {sealed:>10}")?;
        }
        writeln!(out)?;
    }
    Ok(u8::from(!missing.is_empty()))
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Seals => "seals",
        Role::Next => "next",
        Role::Old => "old",
    }
}

fn add(flags: StoreFlags) -> anyhow::Result<u8> {
    let config = Config::load(Flags::from(flags))?;
    crate::logging::log_init(&config);
    let added = KeyFile::lock(&config.key_path())?.add_next(&Random::system())?;
    writeln!(
        std::io::stdout(),
        "Key {added} was added: it opens and does not seal yet.\n\
         Copy the key file to every machine, then run kassa keys rotate."
    )?;
    Ok(0)
}

async fn rotate(rotate: RotateKeys) -> anyhow::Result<u8> {
    let Opened { config, keys, random, store } = open_store(rotate.store, First::Refuse).await?;
    let mut file = KeyFile::lock(&config.key_path())?;
    keys.refresh();
    refuse_missing(&store, &keys).await?;
    say(&turn(&mut file, &random, config.database.is_some(), keys.newest())?)?;
    keys.refresh();
    let mut pass = reseal_all(&store, &keys).await?;
    let mut tries = 0..TRIES;
    while rotate.destroy_old && file.count() > 1 && pass.failures.is_empty() {
        if tries.next().is_none() {
            bail!("something goes on sealing with an older key: does every machine have this key file?");
        }
        // Whatever was on its way under an old key arrives meanwhile.
        say(&format!("Waiting {} s for what gateways have under way.", rotate.wait))?;
        tokio::time::sleep(Duration::from_secs(rotate.wait)).await;
        pass = reseal_all(&store, &keys).await?;
        if pass.is_clean() && all_sealed_by(keys.newest(), &count(&store).await?) {
            for key in file.destroy_others()? {
                say(&format!("Key {key} was destroyed: nothing is sealed with it."))?;
            }
        }
    }
    for failure in &pass.failures {
        say(&format!("FAILED {failure}"))?;
    }
    if !pass.failures.is_empty() {
        bail!("{} values could not be moved; no key was destroyed", pass.failures.len());
    }
    if file.count() > 1 {
        say("Older keys still open. Before the next rotation, drop them: kassa keys rotate --destroy-old")?;
    }
    Ok(0)
}

/// Makes another key the one that seals, or goes on with a rotation that was begun. Says what it did.
fn turn(file: &mut KeyFile, random: &Random, is_shared: bool, newest: KeyId) -> anyhow::Result<String> {
    if file.next().is_none() && file.count() > 1 {
        return Ok(format!("Going on with the rotation to key {newest}."));
    }
    if file.next().is_none() && is_shared {
        bail!(
            "every machine on this database has to know the new key first: \
             run kassa keys add, copy the key file to each, then rotate"
        );
    }
    Ok(format!("Key {} seals from now on.", file.promote(random)?))
}

/// Passes until one is not overtaken by anybody; tells how much was moved. Clean if nothing was to be done.
async fn reseal_all(store: &Store, keys: &KeyRing) -> anyhow::Result<Pass> {
    let mut first = reseal(store, keys).await?;
    let mut last_overtaken = first.overtaken;
    while last_overtaken > 0 {
        let again = reseal(store, keys).await?;
        last_overtaken = again.overtaken;
        first.add(again);
    }
    for (table, moved) in &first.moved {
        say(&format!("{table}: {moved} moved"))?;
    }
    Ok(first)
}

/// Nothing is changed with a key file that is not the database's.
async fn refuse_missing(store: &Store, keys: &KeyRing) -> anyhow::Result<()> {
    let missing = missing(&count(store).await?, &keys.ids());
    if let Some((key, count)) = missing.first_key_value() {
        bail!("{count} values are sealed with key {key}, which is not in the key file");
    }
    Ok(())
}

/// The keys that have sealed something and are not in the file, and how much they have sealed.
fn missing(counts: &[Counted], known: &[(KeyId, Role)]) -> BTreeMap<KeyId, i64> {
    let mut missing: BTreeMap<KeyId, i64> = BTreeMap::new();
    let all = counts.iter().flat_map(|counted| &counted.by_key);
    for (key, count) in all.filter_map(|(key, count)| key.map(|key| (key, *count))) {
        if !known.iter().any(|(id, _)| *id == key) {
            let sum = missing.entry(key).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    missing
}

fn all_sealed_by(newest: KeyId, counts: &[Counted]) -> bool {
    counts.iter().flat_map(|counted| &counted.by_key).all(|(key, _)| *key == Some(newest))
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
