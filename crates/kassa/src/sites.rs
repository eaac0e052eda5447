//! Sites and their keys: the test site of a first start, new sites, and the rotation of a key.

use crate::app::App;
use crate::keys::{ApiSecret, KeyRing};
use crate::random::Random;
use crate::store::db::{ReadError, WriteError};
use crate::store::{ApiKey, NewSite, Site, Store};
use anyhow::{Context as _, bail};
use payments::ids::SiteId;
use payments::time::Timestamp;
use std::sync::Arc;

/// The first site's name, until its owner gives it another.
const TEST_SITE: &str = "Test shop";
/// How many ids are tried when others create sites at the same time.
const TRIES: usize = 100;

/// A site with the key its shop uses.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) site: Arc<Site>,
    pub(crate) key: ApiSecret,
}

/// What a key is sealed for.
fn purpose(key: &ApiKey) -> String {
    format!("api-key/{}/{}", key.site, key.id)
}

/// Opens a sealed key.
pub(crate) fn open_key(keys: &KeyRing, key: &ApiKey) -> anyhow::Result<ApiSecret> {
    let plain = keys.open_sealed(&purpose(key), &key.sealed)?;
    let text = std::str::from_utf8(&plain).context("an API key is not text")?;
    ApiSecret::parse(text).map_err(|why| anyhow::anyhow!("a stored API key: {why}"))
}

/// The valid key of this text and its site. While the key-encryption key changes, its digest does as well: a key that is not
/// found is looked for again if the key file is another one by now.
pub(crate) async fn find_key(
    store: &Store,
    keys: &KeyRing,
    api_key: &str,
) -> Result<Option<(ApiKey, Site)>, ReadError> {
    let mut digests = keys.digests(api_key);
    loop {
        if let Some(found) = store.find_key(&digests).await? {
            return Ok(Some(found));
        }
        keys.refresh();
        let newer = keys.digests(api_key);
        if newer == digests {
            return Ok(None);
        }
        digests = newer;
    }
}

impl App {
    /// Creates the test site of a first start, or finds it; answers its API key.
    ///
    /// # Errors
    /// When the store or the key-encryption key does not play along.
    pub async fn set_up(&self, wanted: Option<ApiSecret>) -> anyhow::Result<ApiSecret> {
        let access = first_site(&self.store, &self.keys, &self.random, wanted, self.now()).await?;
        Ok(access.key)
    }

    /// Creates another test site; answers its API key. For tests: operators have `kassa sites create`.
    #[doc(hidden)]
    pub async fn create_site(&self, name: &str, own_amex: bool) -> anyhow::Result<ApiSecret> {
        let new = NewSite { name: name.to_owned(), live: false, own_amex };
        let key = ApiSecret::draw(&self.random);
        Ok(create_site(&self.store, &self.keys, &new, key, self.now()).await?.key)
    }

    /// The key in the clear, to sign with.
    pub(crate) fn open_key(&self, key: &ApiKey) -> anyhow::Result<ApiSecret> {
        open_key(&self.keys, key)
    }
}

/// The oldest site; on an empty store, the test site that is then created with `wanted` as its key.
pub(crate) async fn first_site(
    store: &Store,
    keys: &KeyRing,
    random: &Random,
    wanted: Option<ApiSecret>,
    now: Timestamp,
) -> anyhow::Result<Access> {
    if let Some(site) = store.sites().await?.into_iter().next() {
        let key = store.valid_keys(site.id).await?.into_iter().next();
        let key = match key {
            Some(key) => open_key(keys, &key)?,
            // A start that ended between the site and its key.
            None => {
                add_key(store, keys, site.id, wanted.unwrap_or_else(|| ApiSecret::draw(random)), false, now)
                    .await?
            }
        };
        return Ok(Access { site: Arc::new(site), key });
    }
    let new = NewSite { name: TEST_SITE.to_owned(), live: false, own_amex: false };
    create_site(store, keys, &new, wanted.unwrap_or_else(|| ApiSecret::draw(random)), now).await
}

/// Creates a site with its first key.
pub(crate) async fn create_site(
    store: &Store,
    keys: &KeyRing,
    new: &NewSite,
    key: ApiSecret,
    now: Timestamp,
) -> anyhow::Result<Access> {
    for _ in 0..TRIES {
        let newest = store.sites().await?.last().map_or(0, |site| site.id.0);
        let id = SiteId(newest.saturating_add(1));
        match store.create_site(id, new, now).await {
            Ok(()) => {
                let key = add_key(store, keys, id, key, false, now).await?;
                let site = store.site(id).await?.context("the new site is gone")?;
                return Ok(Access { site, key });
            }
            Err(WriteError::Stale) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("creating a site: others took every id")
}

/// Gives a site another key. With `revoke_others` its older keys stop working at once.
pub(crate) async fn add_key(
    store: &Store,
    keys: &KeyRing,
    site: SiteId,
    key: ApiSecret,
    revoke_others: bool,
    now: Timestamp,
) -> anyhow::Result<ApiSecret> {
    let id = store.next_key_id(site).await?;
    let mut row = ApiKey { site, id, sealed: Vec::new(), created_at: now, last_used_at: None };
    // Sealed before the digest is computed: a rotation that begins in between would take it for done otherwise.
    row.sealed = keys.seal(&purpose(&row), key.expose().as_bytes())?;
    match store.add_key(&row, keys.digest(key.expose()), revoke_others).await {
        Ok(()) => Ok(key),
        Err(WriteError::Stale) => {
            bail!("this API key is in use already, or another was added at the same time")
        }
        Err(error) => Err(error.into()),
    }
}
