//! Changing the key file, as `kassa keys` does it: one at a time, and each change takes effect whole or not at all.
//!
//! The new text is written to a draft beside the file, synced, and renamed over it. A crash leaves the old file or
//! the new one, and at most a draft of mode 0600, which the next change removes.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::file::{self, Entry};
use super::{KEYS_MAX, KeyId};
use crate::random::Random;

/// A key file that nobody else changes meanwhile.
pub(crate) struct KeyFile {
    path: PathBuf,
    entries: Vec<Entry>,
    /// The folder's: the file itself is replaced with every change. It ends with the process, however that ends.
    _lock: File,
}

impl KeyFile {
    /// Reads the file for changing it.
    pub(crate) fn lock(path: &Path) -> anyhow::Result<Self> {
        file::read(path)?;
        // Where a link points is what is replaced, not the link.
        let path =
            fs::canonicalize(path).with_context(|| format!("finding the key file {}", path.display()))?;
        let folder = file::folder_of(&path);
        let locking = || format!("locking the folder {}", folder.display());
        let lock = File::open(folder).with_context(locking)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another kassa is changing the key file {}", path.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(locking),
        }
        let (entries, _) = file::read(&path)?;
        Ok(Self { path, entries, _lock: lock })
    }

    /// How many keys there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// The key that waits until every node knows it.
    pub(crate) fn next(&self) -> Option<KeyId> {
        self.entries.iter().find(|entry| entry.is_next).map(|entry| KeyId::of(&entry.key))
    }

    /// Adds a key that opens and does not seal yet.
    pub(crate) fn add_next(&mut self, random: &Random) -> anyhow::Result<KeyId> {
        if let Some(next) = self.next() {
            bail!("the key {next} is waiting already: kassa keys rotate makes it the one that seals");
        }
        if self.entries.len() >= KEYS_MAX {
            bail!("the key file has {KEYS_MAX} keys; kassa keys rotate --destroy-old drops the old ones");
        }
        let entry = Entry { is_next: true, ..Entry::draw(random) };
        let id = KeyId::of(&entry.key);
        self.entries.insert(1, entry);
        self.replace()?;
        Ok(id)
    }

    /// Makes the waiting key the one that seals; draws one if none waits.
    pub(crate) fn promote(&mut self, random: &Random) -> anyhow::Result<KeyId> {
        let waiting = self.entries.iter().position(|entry| entry.is_next);
        let entry = match waiting {
            Some(at) => Entry { is_next: false, ..self.entries.remove(at) },
            None => Entry::draw(random),
        };
        let id = KeyId::of(&entry.key);
        self.entries.insert(0, entry);
        self.replace()?;
        Ok(id)
    }

    /// Drops every key but the one that seals; says which.
    pub(crate) fn destroy_others(&mut self) -> anyhow::Result<Vec<KeyId>> {
        let dropped: Vec<Entry> = self.entries.drain(1..).collect();
        if !dropped.is_empty() {
            self.replace()?;
        }
        Ok(dropped.iter().map(|entry| KeyId::of(&entry.key)).collect())
    }

    fn replace(&self) -> anyhow::Result<()> {
        self.try_replace().with_context(|| format!("cannot change the key file {}", self.path.display()))
    }

    fn try_replace(&self) -> io::Result<()> {
        let mut draft = self.path.as_os_str().to_owned();
        draft.push(".draft");
        let draft = PathBuf::from(draft);
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let replaced = self.write_draft(&draft).and_then(|()| fs::rename(&draft, &self.path));
        if replaced.is_err() {
            // No second copy of a key stays behind; one that cannot be removed is of mode 0600.
            let _ = fs::remove_file(&draft);
        }
        replaced.and_then(|()| file::sync_folder(&self.path))
    }

    /// Whoever could read the old file, and nobody else, can read the new one.
    fn write_draft(&self, draft: &Path) -> io::Result<()> {
        let before = fs::metadata(&self.path)?;
        let file = file::write(draft, &self.entries)?;
        let now = file.metadata()?;
        if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(before.permissions())?;
        file.sync_all()
    }
}
