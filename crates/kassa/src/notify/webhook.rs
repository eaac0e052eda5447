//! The signature of [Standard Webhooks](https://www.standardwebhooks.com), beside `Auth`: for shops that verify
//! with one of its libraries.
//!
//! | Header | Value |
//! |---|---|
//! | `webhook-id` | the event's id, the same for every try |
//! | `webhook-timestamp` | Unix seconds of this try |
//! | `webhook-signature` | `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`; after a rotation two, with a blank between |
//!
//! The key is the site's secret: 32 random bytes, shown as `whsec_` and their base64. It signs nothing else and
//! opens nothing, so that a shop can hand it to whoever receives its webhooks, unlike its API key.

use crate::keys::KeyRing;
use crate::random::Random;
use crate::store::Store;
use crate::store::db::WriteError;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use payments::ids::SiteId;
use payments::time::{Millis, Timestamp};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// How long the secret before the current one signs as well.
const ROTATION: Millis = Millis::hours(24);
/// How often a secret is set anew while others do the same.
const TRIES: usize = 10;

/// A site's secret in the clear. It is wiped when dropped and prints masked.
pub(crate) struct WebhookSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecret {
    fn draw(random: &Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret as its owner enters it at the receiver.
    pub(crate) fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("whsec_{}", STANDARD.encode(&*self.0)))
    }

    fn sign(&self, id: &str, unix_seconds: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{unix_seconds}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature for each secret.
pub(crate) fn signatures(secrets: &[WebhookSecret], id: &str, unix_seconds: i64, body: &str) -> String {
    let each: Vec<_> = secrets.iter().map(|secret| secret.sign(id, unix_seconds, body)).collect();
    each.join(" ")
}

fn purpose(site: SiteId) -> String {
    format!("webhook-secret/{site}/{site}")
}

/// The secrets that sign a site's webhooks now, the current one first. A site that has none gets one.
pub(crate) async fn secrets(
    store: &Store,
    keys: &KeyRing,
    random: &Random,
    site: SiteId,
    now: Timestamp,
) -> anyhow::Result<Vec<WebhookSecret>> {
    let open = |sealed: &[u8]| Ok(WebhookSecret(keys.open_sealed(&purpose(site), sealed)?));
    for _ in 0..TRIES {
        if let Some(sealed) = store.webhook_secrets(site).await? {
            let before = sealed.before.filter(|(_, since)| now.since(*since) < ROTATION);
            let both = [Some(sealed.current), before.map(|(before, _)| before)];
            return both.into_iter().flatten().map(|sealed| open(&sealed)).collect();
        }
        let next = keys.seal(&purpose(site), &WebhookSecret::draw(random).0)?;
        match store.set_webhook_secret(site, None, next, now).await {
            Ok(()) | Err(WriteError::Stale) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("site {site} cannot be given a webhook secret");
}

/// Gives a site another secret. The one before signs as well for a day.
pub(crate) async fn rotate(
    store: &Store,
    keys: &KeyRing,
    random: &Random,
    site: SiteId,
    now: Timestamp,
) -> anyhow::Result<WebhookSecret> {
    // One that is rotated is one that may be in use: there has to be one.
    secrets(store, keys, random, site, now).await?;
    let known = store.webhook_secrets(site).await?.context("the webhook secret is gone")?;
    let next = WebhookSecret::draw(random);
    match store.set_webhook_secret(site, Some(&known), keys.seal(&purpose(site), &next.0)?, now).await {
        Ok(()) => Ok(next),
        Err(WriteError::Stale) => bail!("the webhook secret was rotated at the same time"),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secret = WebhookSecret(Zeroizing::new(key));
        assert_eq!(secret.expose().as_str(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = r#"{"test": 2432232314}"#;
        let signed = signatures(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_prints_masked() {
        let secret = WebhookSecret::draw(&Random::seeded(1));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        assert_eq!(STANDARD.decode(secret.expose().strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
    }
}
