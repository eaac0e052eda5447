//! The vault: card numbers that customers left for later payments.
//!
//! Each number is encrypted with a key of its own, and that key is sealed under the key-encryption key. Both are
//! bound to the token they belong to, so that a row's bytes are worth nothing in another row. A rotation seals
//! the row's key anew and leaves the number's ciphertext as it is. The security code is never stored.
//!
//! A stored number starts like everything sealed, with a version and the id of the key-encryption key:
//!
//! ```text
//! sealed row key: version 1 | key id 4 | nonce 12 | row key 32 | tag 16    then: nonce 12 | digits 12–19 | tag 16
//! ```

use aes_gcm::{Aes256Gcm, KeyInit as _};
use anyhow::{Context as _, anyhow};
use payments::card::Pan;
use payments::ids::{SiteId, TokenId};
use zeroize::Zeroizing;

use crate::keys::{Key, KeyRing, SEAL_LENGTH, decrypt, encrypt};

const SEALED_KEY_LENGTH: usize = SEAL_LENGTH + size_of::<Key>();

/// What the card of a token is sealed for.
fn purpose(site: SiteId, token: TokenId) -> String {
    format!("token/{site}/{token}")
}

impl KeyRing {
    /// Encrypts a card number for its token. What else is stored with it, its fingerprint, is computed after it: a
    /// rotation may begin in between, and replaces only what an older key has sealed.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn seal_card(&self, site: SiteId, token: TokenId, pan: &Pan) -> anyhow::Result<Vec<u8>> {
        let purpose = purpose(site, token);
        let mut row_key = Box::new(Key::default());
        getrandom::fill(row_key.as_mut_slice()).context("drawing a row's key")?;
        let number = encrypt(&cipher(&row_key), &purpose, pan.digits().as_bytes())?;
        Ok([self.seal(&purpose, row_key.as_slice())?, number].concat())
    }

    /// Decrypts a card number; what was decrypted is wiped with the answer.
    ///
    /// # Errors
    /// When it was sealed with another key or for another token, or has been changed.
    pub fn open_card(&self, site: SiteId, token: TokenId, sealed: &[u8]) -> anyhow::Result<Pan> {
        let purpose = purpose(site, token);
        let (row_key, number) = self.open_row(&purpose, sealed)?;
        let digits = decrypt(&cipher(&row_key), &purpose, number)?;
        let parsed = std::str::from_utf8(&digits).ok().and_then(|digits| Pan::parse(digits).ok());
        parsed.ok_or_else(|| anyhow!("opening {purpose}: what was sealed is no card number"))
    }

    /// Seals a stored card's own key with the newest key; the number's ciphertext stays.
    pub(crate) fn rewrap_card(&self, site: SiteId, token: TokenId, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
        let purpose = purpose(site, token);
        let (row_key, number) = self.open_row(&purpose, sealed)?;
        Ok([&self.seal(&purpose, row_key.as_slice())?, number].concat())
    }

    /// What the same card of the same customer is recognised by, without opening what is stored: a keyed digest
    /// (PCI DSS 3.5.1.1). A rotation computes it anew.
    #[must_use]
    pub fn fingerprint(&self, site: SiteId, reference: &str, pan: &Pan) -> [u8; 32] {
        let all = self.fingerprints(site, reference, pan);
        *all.first().unwrap_or_else(|| unreachable!("a key ring has a key"))
    }

    /// The same under every key of the key file, newest first: while a rotation is under way a stored card may
    /// have any of them. A query should look for all of them at once.
    #[must_use]
    pub fn fingerprints(&self, site: SiteId, reference: &str, pan: &Pan) -> Vec<[u8; 32]> {
        // The number comes last and is digits only, so that no two inputs read the same.
        let text = Zeroizing::new([site.0.to_string().as_str(), reference, pan.digits()].join("\0"));
        self.fingerprints_of(text.as_bytes())
    }

    /// A row's own key, and the number's ciphertext behind it.
    fn open_row<'a>(&self, purpose: &str, sealed: &'a [u8]) -> anyhow::Result<(Box<Key>, &'a [u8])> {
        let damaged = || anyhow!("opening {purpose}: what is stored has been damaged or moved");
        let (sealed_key, number) = sealed.split_at_checked(SEALED_KEY_LENGTH).ok_or_else(damaged)?;
        let plain = self.open_sealed(purpose, sealed_key)?;
        let mut row_key = Box::new(Key::default());
        if plain.len() != row_key.len() {
            return Err(damaged());
        }
        row_key.copy_from_slice(&plain);
        Ok((row_key, number))
    }
}

fn cipher(row_key: &Key) -> Aes256Gcm {
    Aes256Gcm::new((&**row_key).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const SITE: SiteId = SiteId(1);

    fn ring(seed: u64) -> KeyRing {
        let folder = tempfile::tempdir().unwrap();
        KeyRing::create(&folder.path().join("key"), &Random::seeded(seed)).unwrap()
    }

    fn pan(digits: &str) -> Pan {
        Pan::parse(digits).unwrap()
    }

    fn token(text: &str) -> TokenId {
        TokenId::parse(text).unwrap()
    }

    #[test]
    fn a_card_opens_for_its_token_only() {
        let (keys, id) = (ring(1), token("998163177297134120"));
        for digits in ["679999000004", "4111111111111111", "6799990000000000011"] {
            let sealed = keys.seal_card(SITE, id, &pan(digits)).unwrap();
            assert_eq!(sealed.len(), 65 + 12 + digits.len() + 16);
            assert_eq!(keys.open_card(SITE, id, &sealed).unwrap(), pan(digits));
            assert_ne!(
                keys.seal_card(SITE, id, &pan(digits)).unwrap()[65..],
                sealed[65..],
                "a key of its own"
            );
        }
        let sealed = keys.seal_card(SITE, id, &pan("4111111111111111")).unwrap();
        let why = |keys: &KeyRing, site, id, sealed: &[u8]| {
            format!("{:#}", keys.open_card(site, id, sealed).unwrap_err())
        };
        let moved = "what is stored has been damaged or moved";
        let other = token("998163177297134121");
        assert_eq!(why(&keys, SITE, other, &sealed), format!("opening token/1/{other}: {moved}"));
        assert_eq!(why(&keys, SiteId(2), id, &sealed), format!("opening token/2/{id}: {moved}"));
        let expected = format!("opening token/1/{id}: sealed with another key file");
        assert_eq!(why(&ring(2), SITE, id, &sealed), expected);
        for length in 0..sealed.len() {
            assert!(keys.open_card(SITE, id, &sealed[..length]).is_err(), "{length}");
        }
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(keys.open_card(SITE, id, &changed).is_err(), "{index}");
        }
        // The key of one row with the number of another.
        let sibling = keys.seal_card(SITE, id, &pan("4111111111111111")).unwrap();
        assert!(keys.open_card(SITE, id, &[&sealed[..65], &sibling[65..]].concat()).is_err());
        // A secret that is no row's key does not become one.
        let secret = keys.seal(&format!("token/1/{id}"), b"short").unwrap();
        assert!(keys.open_card(SITE, id, &[&secret[..], &[0; 65]].concat()).is_err());
    }

    #[test]
    fn a_fingerprint_recognises_the_card_of_one_customer() {
        let keys = ring(1);
        let visa = pan("4111111111111111");
        let one = keys.fingerprint(SITE, "customer-1", &visa);
        assert_eq!(keys.fingerprint(SITE, "customer-1", &pan("4111 1111 1111 1111")), one);
        assert_eq!(keys.fingerprints(SITE, "customer-1", &visa), [one]);
        for other in [
            keys.fingerprint(SITE, "customer-2", &visa),
            keys.fingerprint(SiteId(2), "customer-1", &visa),
            keys.fingerprint(SITE, "customer-1", &pan("5500000000000004")),
            ring(2).fingerprint(SITE, "customer-1", &visa),
        ] {
            assert_ne!(other, one);
        }
    }

    /// What is stored must stay readable: these values never change.
    #[test]
    fn format_and_fingerprint_stay_what_they_are() {
        let keys = KeyRing::of(&[[7; 32]]);
        let visa = pan("4111111111111111");
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&keys.fingerprint(SITE, "customer-1", &visa)), FINGERPRINT);
        let sealed: Vec<u8> = (0..SEALED.len())
            .step_by(2)
            .map(|index| u8::from_str_radix(&SEALED[index..index + 2], 16).unwrap())
            .collect();
        assert_eq!(keys.open_card(SITE, token("998163177297134120"), &sealed).unwrap(), visa);
    }

    const FINGERPRINT: &str = "4e814de8141301e44a1bf8e36181f0b165ff6677fb010c6d3c0e09f7ed933444";
    /// Computed with another implementation of AES-GCM and HMAC.
    const SEALED: &str = "01859233f56465666768696a6b6c6d6e6f538eb1a7d7d4f4b47813f54f79d3fa024d0616cb6caa6b\
        07f61a1e4db274098ffe3660c7ef7f94f93e5f7d765eb01bfcc8c9cacbcccdcecfd0d1d2d3254950\
        eab7fdca11450d2e8f2f37da252ddfa530eabe8afaf108d1b450746c14";
}
