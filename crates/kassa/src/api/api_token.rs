//! `/v1/json/auth/api_token`: what a shop hands to a page so that the page can speak for it, for ten minutes.
//!
//! A token is `pub.v2.`, the site and the end of its time, and a signature over both. Plugins ask for one when a
//! checkout is shown. What takes tokens, the payment components, is not offered, so nothing takes one yet.

use super::auth::Caller;
use super::error;
use super::operation::{Operation, Tag};
use crate::app::App;
use crate::keys::KeyRing;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use payments::ids::SiteId;
use payments::time::{Millis, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
#[cfg(test)]
use subtle::ConstantTimeEq as _;

/// What every token begins with.
const PREFIX: &str = "pub.v2.";
/// How long one is valid.
const LIFETIME: Millis = Millis::seconds(600);

/// The operation of this resource.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/json/auth/api_token", "createApiToken", create)
            .doc(Tag::Account, "A token for a page", "Signed, and valid for ten minutes.")
            .answers::<Created>("The token."),
    ]
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiToken")]
struct Created {
    /// `pub.v2.`, the claim and its signature.
    api_token: String,
}

/// `GET /auth/api_token`.
async fn create(State(app): State<App>, caller: Caller) -> Response {
    let token = sign(&app.keys, caller.site.id, app.now().plus(LIFETIME));
    error::success(&Created { api_token: token })
}

fn sign(keys: &KeyRing, site: SiteId, ends_at: Timestamp) -> String {
    let claim = BASE64_URL_SAFE_NO_PAD.encode(format!("{site}.{}", ends_at.unix_seconds()));
    let signature = keys.token_signatures(&claim).into_iter().next().unwrap_or_default();
    format!("{PREFIX}{claim}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// Whose token it is; `None` when nobody's, or its time is over.
#[cfg(test)]
fn verify(keys: &KeyRing, token: &str, now: Timestamp) -> Option<SiteId> {
    let (claim, signature) = token.strip_prefix(PREFIX)?.split_once('.')?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signed = keys.token_signatures(claim);
    if !signed.iter().any(|own| bool::from(own.as_slice().ct_eq(&signature))) {
        return None;
    }
    let claim = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claim).ok()?).ok()?;
    let (site, ends_at) = claim.split_once('.')?;
    let (site, ends_at): (i64, i64) = (site.parse().ok()?, ends_at.parse().ok()?);
    (now.unix_seconds() < ends_at).then_some(SiteId(site))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_sites_for_ten_minutes() {
        let (keys, now) = (KeyRing::of(&[[1; 32]]), Timestamp(1_795_348_800_000));
        let token = sign(&keys, SiteId(7), now.plus(LIFETIME));
        for (seconds, whose) in [(0, Some(SiteId(7))), (599, Some(SiteId(7))), (600, None)] {
            assert_eq!(verify(&keys, &token, now.plus(Millis::seconds(seconds))), whose, "{seconds}");
        }
        let rotated = KeyRing::of(&[[2; 32], [1; 32]]);
        assert_eq!(verify(&rotated, &token, now), Some(SiteId(7)), "signed before the key was changed");
        assert_eq!(verify(&KeyRing::of(&[[2; 32]]), &token, now), None, "signed by somebody else");
    }

    #[test]
    fn a_token_that_was_touched_is_nobodys() {
        let (keys, now) = (KeyRing::of(&[[1; 32]]), Timestamp(1_795_348_800_000));
        let token = sign(&keys, SiteId(7), now.plus(LIFETIME));
        let (claim, signature) = token.strip_prefix(PREFIX).unwrap().split_once('.').unwrap();
        let later = BASE64_URL_SAFE_NO_PAD.encode("8.9999999999");
        for bad in [
            String::new(),
            PREFIX.to_owned(),
            claim.to_owned(),
            format!("pub.v1.{claim}.{signature}"),
            format!("{PREFIX}{claim}."),
            format!("{PREFIX}{later}.{signature}"),
            format!("{PREFIX}{claim}.{}", &signature[1..]),
        ] {
            assert_eq!(verify(&keys, &bad, now), None, "{bad}");
        }
    }
}
