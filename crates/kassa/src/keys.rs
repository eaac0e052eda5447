//! The key-encryption keys, and what is done with them.
//!
//! A key is 32 random bytes in a file that only Kassa's user may read. It is never used itself: every use has
//! a subkey, HMAC-SHA-256 of a label under the key, so that no two uses can work against each other. An API key
//! is stored twice: as a digest, to find its site by it, and sealed, to sign notifications with it. Whoever gets
//! hold of the database alone can do neither. Requests with an `Idempotency-Key` are recognised by a digest under
//! a subkey of their own, and webhook secrets are sealed.
//!
//! What is sealed starts with a version and the key's id, so that a wrong key file is told apart from damaged
//! data, and a later version can change both. Its purpose (which site's which key it is) is authenticated with
//! it: a sealed value that was moved to another row does not open.
//!
//! The file may hold several keys: the first one seals, every one opens. So a key is changed while gateways run:
//! they look whether the file is another one before they seal, and when they meet a key they do not know.

mod change;
mod file;
mod secret;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use anyhow::{anyhow, bail};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::random::Random;

pub(crate) use change::KeyFile;
pub use secret::ApiSecret;

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/// How many bytes sealing adds to what is sealed.
pub(crate) const SEAL_LENGTH: usize = 1 + KEY_ID_LENGTH + NONCE_LENGTH + TAG_LENGTH;
/// How many keys a file holds at most. Two are enough for a rotation.
pub(crate) const KEYS_MAX: usize = 4;
/// How soon a file that could not be read is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

pub(crate) type Key = Zeroizing<[u8; 32]>;

/// A key's name, in what it sealed and in what `kassa keys` prints. It says nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyId([u8; KEY_ID_LENGTH]);

impl KeyId {
    fn of(key: &Key) -> Self {
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&mac(key, b"kassa key id")[..KEY_ID_LENGTH]);
        Self(id)
    }

    /// The id in the first bytes of something sealed.
    pub(crate) fn of_sealed(sealed: &[u8]) -> Option<Self> {
        let (_version, rest) = sealed.split_first()?;
        rest.first_chunk().copied().map(Self)
    }

    /// What everything that this key seals begins with.
    pub(crate) fn beginning(self) -> Vec<u8> {
        [&[VERSION], &self.0[..]].concat()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a key of the file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The first one: seals and opens.
    Seals,
    /// Waits until every node knows it: opens.
    Next,
    /// Has been replaced: opens.
    Old,
}

/// The subkeys of one key-encryption key. They are wiped when it is dropped.
#[derive(Clone)]
struct Subkeys {
    id: KeyId,
    role: Role,
    digest: Box<Key>,
    sealing: Box<Key>,
    fingerprint: Box<Key>,
    requests: Box<Key>,
    tokens: Box<Key>,
}

impl Subkeys {
    fn derive(key: &Key, role: Role) -> Self {
        Self {
            id: KeyId::of(key),
            role,
            digest: Box::new(mac(key, b"kassa api-key digest")),
            sealing: Box::new(mac(key, b"kassa sealing")),
            fingerprint: Box::new(mac(key, b"kassa card fingerprint")),
            requests: Box::new(mac(key, b"kassa request digest")),
            tokens: Box::new(mac(key, b"kassa api token")),
        }
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&**self.sealing).into())
    }
}

/// The keys of a key file. It notices when the file is replaced.
pub struct KeyRing {
    path: PathBuf,
    known: RwLock<Arc<Known>>,
    /// The file has been replaced by one that cannot be used: when it was tried.
    failed_at: Mutex<Option<Instant>>,
}

/// What a file held when it was read.
struct Known {
    /// The one that seals comes first. Never empty.
    keys: Vec<Subkeys>,
    stamp: Option<file::Stamp>,
}

impl Known {
    fn newest(&self) -> &Subkeys {
        self.keys.first().unwrap_or_else(|| unreachable!("a key file without a key is refused"))
    }

    fn key(&self, id: KeyId) -> Option<&Subkeys> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl KeyRing {
    /// Draws a key and writes it to a new file.
    ///
    /// The file appears whole or not at all, and is on the disk before this returns.
    ///
    /// # Errors
    /// When the file exists already or cannot be written.
    pub fn create(path: &Path, random: &Random) -> anyhow::Result<Self> {
        file::create(path, &file::Entry::draw(random), random)?;
        Self::open(path)
    }

    /// Reads the keys from their file.
    ///
    /// # Errors
    /// When the file is missing, readable by others than its owner, or does not contain a key.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let known = RwLock::new(Arc::new(read(path)?));
        Ok(Self { path: path.to_owned(), known, failed_at: Mutex::default() })
    }

    /// Keys without a file.
    #[cfg(test)]
    pub(crate) fn of(keys: &[[u8; 32]]) -> Self {
        let entries =
            keys.iter().map(|key| file::Entry { key: Box::new(Zeroizing::new(*key)), is_next: false });
        let known = Known { keys: derive(&entries.collect::<Vec<_>>()), stamp: None };
        Self { path: PathBuf::new(), known: RwLock::new(Arc::new(known)), failed_at: Mutex::default() }
    }

    /// Reads the file again if it is another one than before. What a running gateway knows already stays known
    /// when the new file cannot be used.
    pub fn refresh(&self) {
        let stamp = file::stamp(&self.path);
        if self.known().stamp == stamp {
            return;
        }
        let mut failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.known();
        // Somebody else may have been faster.
        if before.stamp == stamp || failed_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return;
        }
        match read(&self.path) {
            Ok(new) => {
                let new = new.following(&before);
                tracing::info!(seals = %new.newest().id, keys = new.keys.len(), "the key file was read again");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                *failed_at = None;
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the key file changed and cannot be used");
                *failed_at = Some(Instant::now());
            }
        }
    }

    /// The keys' names, the one that seals first, and what each is for.
    pub(crate) fn ids(&self) -> Vec<(KeyId, Role)> {
        self.known().keys.iter().map(|key| (key.id, key.role)).collect()
    }

    /// The name of the key that seals.
    pub(crate) fn newest(&self) -> KeyId {
        self.known().newest().id
    }

    /// What an API key is found by: always the same 32 bytes for the same key, until the key file changes.
    #[must_use]
    pub fn digest(&self, api_key: &str) -> Vec<u8> {
        mac(&self.known().newest().digest, api_key.as_bytes()).to_vec()
    }

    /// The digests under every key of the file, that of the newest first: while a rotation is under way an API
    /// key may be found by any of them.
    #[must_use]
    pub fn digests(&self, api_key: &str) -> Vec<Vec<u8>> {
        self.known().keys.iter().map(|key| mac(&key.digest, api_key.as_bytes()).to_vec()).collect()
    }

    /// A keyed digest of what identifies a card, under every key of the file, that of the newest first.
    pub(crate) fn fingerprints_of(&self, text: &[u8]) -> Vec<[u8; 32]> {
        self.known().keys.iter().map(|key| *mac(&key.fingerprint, text)).collect()
    }

    /// What a request is recognised by when it is sent again: equal for equal texts, and of no use to whoever
    /// would guess at what was in one. Under every key of the file, that of the newest first.
    #[must_use]
    pub fn request_digests(&self, request: &str) -> Vec<Vec<u8>> {
        self.known().keys.iter().map(|key| mac(&key.requests, request.as_bytes()).to_vec()).collect()
    }

    /// What the text of an API token is signed with, under every key of the file, that of the newest first.
    pub(crate) fn token_signatures(&self, text: &str) -> Vec<[u8; 32]> {
        self.known().keys.iter().map(|key| *mac(&key.tokens, text.as_bytes())).collect()
    }

    /// Encrypts `plain` so that it opens only with this key and for the same `purpose`.
    ///
    /// # Errors
    /// When `plain` is longer than the cipher allows (64 GiB), or there are no random bytes for its nonce.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        // Nothing may be sealed with a key that is about to be destroyed.
        self.refresh();
        let known = self.known();
        let key = known.newest();
        let sealed = encrypt(&key.cipher(), purpose, plain)?;
        Ok([key.id.beginning(), sealed].concat())
    }

    /// Decrypts what [`KeyRing::seal`] gave for the same `purpose`.
    ///
    /// # Errors
    /// When it was sealed with another key or for another purpose, or has been changed.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first().ok_or_else(|| damaged(purpose))?;
        if *version != VERSION {
            bail!("opening {purpose}: sealed in format {version}, this version of kassa knows {VERSION}");
        }
        let (id, rest) = rest.split_first_chunk().ok_or_else(|| damaged(purpose))?;
        let mut known = self.known();
        if known.key(KeyId(*id)).is_none() {
            self.refresh();
            known = self.known();
        }
        match known.key(KeyId(*id)) {
            Some(key) => decrypt(&key.cipher(), purpose, rest),
            None => bail!("opening {purpose}: sealed with another key file"),
        }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    /// A file that has nothing in common with the one before belongs to a rotation that was over before anybody
    /// looked, or is a mistake. Either way, what was known still opens until the next file.
    fn following(mut self, before: &Known) -> Self {
        if before.keys.iter().all(|key| self.key(key.id).is_none()) {
            tracing::warn!("the new key file has no key of the one before: keeping those in memory as well");
            let room = KEYS_MAX.saturating_sub(self.keys.len());
            let kept = before.keys.iter().take(room).cloned();
            self.keys.extend(kept.map(|key| Subkeys { role: Role::Old, ..key }));
        }
        self
    }
}

fn read(path: &Path) -> anyhow::Result<Known> {
    let (entries, stamp) = file::read(path)?;
    Ok(Known { keys: derive(&entries), stamp: Some(stamp) })
}

fn derive(entries: &[file::Entry]) -> Vec<Subkeys> {
    let keys = entries.iter().enumerate().map(|(at, entry)| {
        let role = match (at, entry.is_next) {
            (0, _) => Role::Seals,
            (_, true) => Role::Next,
            (_, false) => Role::Old,
        };
        Subkeys::derive(&entry.key, role)
    });
    keys.collect()
}

fn damaged(purpose: &str) -> anyhow::Error {
    anyhow!("opening {purpose}: what is stored has been damaged or moved")
}

/// A fresh nonce and the ciphertext, which opens for the same `purpose` only.
pub(crate) fn encrypt(cipher: &Aes256Gcm, purpose: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LENGTH];
    getrandom::fill(&mut nonce)?;
    let payload = Payload { msg: plain, aad: purpose.as_bytes() };
    let ciphertext =
        cipher.encrypt(&nonce.into(), payload).map_err(|_| anyhow!("sealing {purpose}: too long"))?;
    Ok([&nonce[..], &ciphertext].concat())
}

/// Undoes [`encrypt`].
pub(crate) fn decrypt(
    cipher: &Aes256Gcm,
    purpose: &str,
    sealed: &[u8],
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or_else(|| damaged(purpose))?;
    let payload = Payload { msg: ciphertext, aad: purpose.as_bytes() };
    let plain = cipher.decrypt(&(*nonce).into(), payload).map_err(|_| damaged(purpose))?;
    debug_assert_eq!(plain.len() + TAG_LENGTH, ciphertext.len());
    Ok(Zeroizing::new(plain))
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(…)")
    }
}

fn mac(key: &Key, text: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length");
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests;
