//! Who calls: the site behind an API key, in any of the places that real clients put it.

use super::callers::Known;
use super::error::Error;
use crate::app::App;
use crate::sites::find_key;
use crate::store::db::ReadError;
use crate::store::{ApiKey, Site};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use payments::time::Millis;
use std::sync::Arc;

/// A key's last use is written at most this often.
const TOUCH_EVERY: Millis = Millis::minutes(1);

/// The site whose key the request carries.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) site: Arc<Site>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        // Another part of the same request has asked already.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let key = presented(parts)?;
        let digest = app.keys.digest(key.trim());
        let known = app.known_caller(key.trim(), &digest).await.map_err(|error| Error::internal(&error))?;
        let Known { key, site, .. } = known.ok_or_else(Error::wrong_key)?;
        if !app.rate_limits.allow(&app.settings, &site, &key, app.now()) {
            return Err(Error::too_many_requests());
        }
        if key.last_used_at.is_none_or(|last| app.now().since(last) >= TOUCH_EVERY) {
            app.remember_use(&key, &digest);
        }
        let caller = Self { site };
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

impl App {
    /// Whose key this is, if it is a valid one.
    async fn known_caller(&self, key: &str, digest: &[u8]) -> Result<Option<Known>, ReadError> {
        if let Some(known) = self.callers.get(digest) {
            return Ok(Some(known));
        }
        let found = find_key(&self.store, &self.keys, key).await?;
        Ok(found.map(|(key, site)| self.callers.keep(digest.to_owned(), key, site)))
    }

    /// Notes that a key was used, in the background: the key a shop was last seen using is the one its notifications
    /// are signed with.
    fn remember_use(&self, key: &Arc<ApiKey>, digest: &[u8]) {
        let now = self.now();
        self.callers.note_use(digest, now);
        let (app, key) = (self.clone(), Arc::clone(key));
        tokio::spawn(async move {
            if let Err(error) = app.store.touch_key(&key, now).await {
                tracing::warn!(%error, "a key's use could not be noted");
            }
        });
    }

    /// Looks every caller up again at the next request, because sites or keys were changed behind the API's back. For
    /// tests.
    #[doc(hidden)]
    pub fn forget_callers(&self) {
        self.callers.forget();
        self.store.forget_sites();
    }
}

/// The one key of a request: header `api_key` or `api-key`, `Authorization: Bearer`, or query `api_key`.
/// The same key in several places is one key; two different ones are none.
fn presented(parts: &Parts) -> Result<String, Error> {
    let mut keys: Vec<String> = Vec::new();
    for name in ["api_key", "api-key"] {
        for value in parts.headers.get_all(name) {
            keys.push(value.to_str().map_err(|_| Error::wrong_key())?.to_owned());
        }
    }
    for value in parts.headers.get_all("authorization") {
        let value = value.to_str().map_err(|_| Error::wrong_key())?;
        // Another scheme is meant for whatever stands in front of the gateway.
        if let Some((scheme, key)) = value.split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            keys.push(key.to_owned());
        }
    }
    let query = parts.uri.query().unwrap_or_default();
    let named = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "api_key");
    keys.extend(named.map(|(_, value)| value.into_owned()));
    keys.retain(|key| !key.trim().is_empty());
    let first = keys.first().cloned().ok_or_else(Error::wrong_key)?;
    if keys.iter().any(|key| key.trim() != first.trim()) {
        return Err(Error::wrong_key());
    }
    Ok(first)
}
