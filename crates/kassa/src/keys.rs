//! The key-encryption key, and what is done with it.
//!
//! The key is 32 random bytes in a file that only Kassa's user may read. It is never used itself: every use has
//! a subkey, HMAC-SHA-256 of a label under the key, so that no two uses can work against each other. An API key
//! is stored twice: as a digest, to find its site by it, and sealed, to sign notifications with it. Whoever gets
//! hold of the database alone can do neither.
//!
//! What is sealed starts with a version and the key's id, so that a wrong key file is told apart from damaged
//! data, and a later version can change both. Its purpose (which site's which key it is) is authenticated with
//! it: a sealed value that was moved to another row does not open.

mod file;
mod secret;

use std::fmt;
use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use anyhow::{anyhow, bail};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::random::Random;

pub use secret::ApiSecret;

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

type Key = Zeroizing<[u8; 32]>;

/// The subkeys of one key-encryption key. They are wiped when it is dropped.
pub struct KeyRing {
    digest: Box<Key>,
    sealing: Box<Key>,
    id: [u8; KEY_ID_LENGTH],
}

impl KeyRing {
    /// Draws a key and writes it to a new file.
    ///
    /// The file appears whole or not at all, and is on the disk before this returns.
    ///
    /// # Errors
    /// When the file exists already or cannot be written.
    pub fn create(path: &Path, random: &Random) -> anyhow::Result<Self> {
        let mut key = Box::new(Key::default());
        random.fill(key.as_mut_slice());
        file::create(path, &key, random)?;
        Ok(KeyRing::derive(&key))
    }

    /// Reads the key from its file.
    ///
    /// # Errors
    /// When the file is missing, readable by others than its owner, or does not contain a key.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(KeyRing::derive(&*file::read(path)?))
    }

    fn derive(key: &Key) -> Self {
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&mac(key, b"kassa key id")[..KEY_ID_LENGTH]);
        KeyRing {
            digest: Box::new(mac(key, b"kassa api-key digest")),
            sealing: Box::new(mac(key, b"kassa sealing")),
            id,
        }
    }

    /// What an API key is found by: always the same 32 bytes for the same key.
    #[must_use]
    pub fn digest(&self, api_key: &str) -> Vec<u8> {
        mac(&self.digest, api_key.as_bytes()).to_vec()
    }

    /// Encrypts `plain` so that it opens only with this key and for the same `purpose`.
    ///
    /// # Errors
    /// When `plain` is longer than the cipher allows (64 GiB), or there are no random bytes for its nonce.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let ciphertext = self
            .cipher()
            .encrypt(&nonce.into(), payload)
            .map_err(|_| anyhow!("sealing {purpose}: too long"))?;
        Ok([&[VERSION], &self.id[..], &nonce, &ciphertext].concat())
    }

    /// Decrypts what [`KeyRing::seal`] gave for the same `purpose`.
    ///
    /// # Errors
    /// When it was sealed with another key or for another purpose, or has been changed.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let damaged = || anyhow!("opening {purpose}: what is stored has been damaged or moved");
        let (version, rest) = sealed.split_first().ok_or_else(damaged)?;
        if *version != VERSION {
            bail!("opening {purpose}: sealed in format {version}, this version of kassa knows {VERSION}");
        }
        let (id, rest) = rest.split_first_chunk::<KEY_ID_LENGTH>().ok_or_else(damaged)?;
        if *id != self.id {
            bail!("opening {purpose}: sealed with another key file");
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or_else(damaged)?;
        let payload = Payload { msg: ciphertext, aad: purpose.as_bytes() };
        let plain = self.cipher().decrypt(&(*nonce).into(), payload).map_err(|_| damaged())?;
        debug_assert_eq!(plain.len() + TAG_LENGTH, ciphertext.len());
        Ok(Zeroizing::new(plain))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&**self.sealing).into())
    }
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
