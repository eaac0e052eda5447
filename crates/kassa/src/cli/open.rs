//! Opening what the settings point at: the folder, the key-encryption key and the store.

use crate::config::{Config, Flags, StoreFlags};
use crate::keys::KeyRing;
use crate::random::Random;
use crate::store::{Location, Store, Variant};
use anyhow::{Context as _, bail};
use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

/// An open deployment.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) keys: Arc<KeyRing>,
    pub(super) random: Random,
    pub(super) store: Store,
}

/// What may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The folder, its database and its key file, when none of them is there yet.
    Create,
    /// Nothing: a command about existing data.
    Refuse,
}

/// Opens what the settings of a command other than serve point at.
pub(super) async fn open_store(flags: StoreFlags, first: First) -> anyhow::Result<Opened> {
    let config = Config::load(Flags::from(flags))?;
    crate::logging::log_init(&config);
    open(config, first).await
}

/// Opens key and store.
pub(super) async fn open(config: Config, first: First) -> anyhow::Result<Opened> {
    open_variant(config, first, Variant::Group).await
}

/// The same, with writes done in another way.
pub(super) async fn open_variant(config: Config, first: First, variant: Variant) -> anyhow::Result<Opened> {
    let random = Random::system();
    let (location, is_new) = match &config.database {
        Some(url) => (Location::Postgres(url.expose().to_owned()), false),
        None => (Location::File(config.sqlite_path()), !config.sqlite_path().exists()),
    };
    if is_new && first == First::Refuse {
        bail!("there is no database in {}; kassa serve creates one", config.data_dir.display());
    }
    // What has to be there already is looked for before anything is created.
    let named =
        if is_new && config.key_file.is_none() { None } else { Some(KeyRing::open(&config.key_path())?) };
    if is_new {
        create_folder(&config.data_dir)?;
    }
    if config.database.is_none() {
        check_writable(&config.data_dir)?;
    }
    let keys = match named {
        Some(keys) => keys,
        None => own_keys(&config, &random)?,
    };
    let keys = Arc::new(keys);
    let store = Store::open_limited(&location, variant, config.pool).await?;
    Ok(Opened { config, keys, random, store })
}

/// Keeps a second `kassa serve` from the same folder: cards in hand are in this process's memory only. The lock
/// ends with the process, however it ends.
pub(super) fn lock(config: &Config) -> anyhow::Result<Option<File>> {
    if config.database.is_some() {
        return Ok(None);
    }
    lock_folder(&config.data_dir).map(Some)
}

/// The same for a folder.
pub(super) fn lock_folder(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("kassa.lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another kassa serves from the folder {}", folder.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

fn create_folder(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.with_context(|| format!("creating the data folder {shown}"))?;
    Ok(())
}

/// Found out here, so that it is said plainly and not by whatever is written first.
fn check_writable(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let probe = folder.join(".kassa-write-probe");
    std::fs::write(&probe, []).with_context(|| format!("the data folder {shown} is not writable"))?;
    std::fs::remove_file(&probe).with_context(|| format!("the data folder {shown} is not writable"))
}

/// A new embedded database gets a new key beside it, unless a start that did not get far has left one.
fn own_keys(config: &Config, random: &Random) -> anyhow::Result<KeyRing> {
    let path = config.key_path();
    if path.exists() { KeyRing::open(&path) } else { KeyRing::create(&path, random) }
}
