//! `Idempotency-Key`: a request that is sent again, because its answer was lost, has its effect once.
//!
//! | The same key again, within 24 hours | Answer |
//! |---|---|
//! | with the same request, after it succeeded | the first answer, byte for byte, and `Idempotent-Replayed: true` |
//! | with the same request, which was refused | decided anew: a refusal changed nothing and is not kept |
//! | while the first request is being answered | 409 |
//! | with another method, path or body | 422 |
//!
//! Keys belong to a site. An answer is committed together with the effect it tells of, so that neither is ever
//! there without the other. The claim on a key that is in flight is only this process's: between nodes, and
//! after a crash, the commit decides.

use super::auth::Caller;
use super::body::{Raw, object};
use super::error::{self, Error, MISSING_DATA, UNKNOWN};
use super::operation::{Parameter, Place};
use super::waiting::with_version;
use crate::app::App;
use crate::keys::KeyRing;
use crate::store::KeptAnswer;
use crate::store::db::{ReadError, Statement};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use payments::ids::SiteId;
use payments::order::Order;
use payments::time::Timestamp;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The header of a key.
const KEY: &str = "idempotency-key";
/// The longest key.
const KEY_MAX: usize = 255;

/// The header in the document.
pub(super) fn parameter() -> Parameter {
    Parameter {
        place: Place::Header,
        name: "Idempotency-Key",
        about: "A name for this request, kept for 24 hours: sent again, it is answered the same and has no second \
                effect.",
        example: "7c1b2f1e-8f2b-4b57-9d5a-0a3c6f9f6a52",
        schema: || json!({ "type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]+$" }),
    }
}

/// What a site asks for with a body. A request that was answered before does not get past this extractor, and
/// neither does one that is being answered.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The body.
    pub(crate) bytes: Bytes,
    ticket: Option<Ticket>,
}

impl FromRequest<App> for Asked {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await.map_err(Error::into_response)?;
        let key = key(&parts.headers).map_err(Error::into_response)?;
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let request = Request::from_parts(parts, body);
        let Raw(bytes) = Raw::from_request(request, app).await.map_err(Error::into_response)?;
        let Some(key) = key else {
            return Ok(Self { bytes, ticket: None });
        };
        let digests = digests(&app.keys, &format!("{method} {}", uri.path()), &bytes);
        let ticket = Ticket::claim(app, caller.site.id, key, digests).map_err(Error::into_response)?;
        match ticket.find_answer(app).await.map_err(|error| Error::internal(&error).into_response())? {
            Some(answer) => Err(answer.into_response()),
            None => Ok(Self { bytes, ticket: Some(ticket) }),
        }
    }
}

impl Asked {
    /// For a command on an order: how the order is shown in the answer.
    pub(crate) fn answering<'a>(&'a self, show: &'a Show<'a>) -> Answering<'a> {
        Answering { ticket: self.ticket.as_ref(), show }
    }

    /// For what is not a command on an order and commits by itself: the answer, and what has to be written in
    /// the same commit. When that is stale, [`Asked::answered_before`] may know why.
    pub(crate) fn answer(
        &self,
        data: &Value,
        order_version: Option<i64>,
        now: Timestamp,
    ) -> (Answer, Vec<Statement>) {
        let body = error::envelope(data);
        let kept = self.ticket.as_ref().map(|ticket| ticket.keep(body.clone(), order_version));
        let answer = Answer::Success { body, order_version, replayed: false };
        (answer, kept.into_iter().flat_map(|kept| kept.statements(now)).collect())
    }

    /// Whether the request has a key.
    pub(crate) fn is_keyed(&self) -> bool {
        self.ticket.is_some()
    }

    /// The answer of the same request, when another node was faster with it.
    pub(crate) async fn answered_before(&self, app: &App) -> Result<Option<Answer>, Error> {
        let Some(ticket) = &self.ticket else {
            return Ok(None);
        };
        ticket.find_answer(app).await.map_err(|error| Error::internal(&error))
    }
}

/// How an answer shows an order. Called before the commit, with the order as it will then stand.
pub(crate) type Show<'a> = dyn Fn(&Order) -> anyhow::Result<Value> + Sync + 'a;

/// What `App::run_answering` needs to answer a request.
#[derive(Clone, Copy)]
pub(crate) struct Answering<'a> {
    pub(crate) ticket: Option<&'a Ticket>,
    show: &'a Show<'a>,
}

impl Answering<'_> {
    /// The answer about `order`.
    pub(crate) fn render(&self, order: &Order) -> anyhow::Result<Answer> {
        let body = error::envelope(&(self.show)(order)?);
        Ok(Answer::Success { body, order_version: Some(order.version), replayed: false })
    }

    /// The same as it is kept, for a request with a key.
    pub(crate) fn keep(&self, order: &Order) -> Option<anyhow::Result<KeptAnswer>> {
        let ticket = self.ticket?;
        let body = (self.show)(order).map(|data| error::envelope(&data));
        Some(body.map(|body| ticket.keep(body, Some(order.version))))
    }
}

/// The answer of a request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was asked for was done, now or, when it is `replayed`, before.
    Success {
        /// The envelope.
        body: String,
        /// As the order stood then.
        order_version: Option<i64>,
        /// Whether it is the answer of an earlier request with the same key.
        replayed: bool,
    },
    /// The request's key was used for another request.
    KeyReused,
}

impl Answer {
    /// What was kept, to the one who asked first or again.
    pub(crate) fn success(kept: KeptAnswer, replayed: bool) -> Self {
        Self::Success { body: kept.body, order_version: kept.order_version, replayed }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self::Success { body, order_version, replayed } = self else {
            return Error::key_reused().into_response();
        };
        let mut response = error::success_of(body);
        if let Some(version) = order_version {
            response = with_version(response, version);
        }
        if replayed {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

/// A key in flight, with the request it came with. Free again when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    site: SiteId,
    key: String,
    /// Under every key of the key file: while that is being rotated the first request may have been digested with
    /// the one before.
    digests: Vec<Vec<u8>>,
    _claim: Claim,
}

impl Ticket {
    fn claim(app: &App, site: SiteId, key: String, digests: Vec<Vec<u8>>) -> Result<Self, Error> {
        let info = "The first request with this Idempotency-Key is still being answered";
        let claim = app.in_flight.claim(site, &key);
        let claim = claim.ok_or_else(|| Error::conflict(UNKNOWN, info))?;
        Ok(Self { site, key, digests, _claim: claim })
    }

    /// What a request is answered whose key was used before.
    pub(crate) async fn find_answer(&self, app: &App) -> Result<Option<Answer>, ReadError> {
        let found = app.store.find_answer(self.site, &self.key, app.now()).await?;
        Ok(found.map(|kept| {
            if self.digests.contains(&kept.digest) { Answer::success(kept, true) } else { Answer::KeyReused }
        }))
    }

    fn keep(&self, body: String, order_version: Option<i64>) -> KeptAnswer {
        let digest = self.digests.first().cloned().unwrap_or_default();
        let key = self.key.clone();
        KeptAnswer { site: self.site, key, digest, body, order_version }
    }
}

type Keys = Arc<Mutex<HashSet<(SiteId, String)>>>;

/// The keys whose requests this process is answering.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Keys);

/// A key that nobody else can claim until this is dropped.
#[derive(Debug)]
struct Claim {
    keys: Keys,
    name: (SiteId, String),
}

impl InFlight {
    fn claim(&self, site: SiteId, key: &str) -> Option<Claim> {
        let name = (site, key.to_owned());
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        free.then(|| Claim { keys: Arc::clone(&self.0), name })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// The one key of a request.
fn key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let mut values = headers.get_all(KEY).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let wrong = |what: &str| {
        Error::new(StatusCode::BAD_REQUEST, MISSING_DATA, format!("Invalid Idempotency-Key: {what}"))
    };
    if values.any(|value| value != first) {
        return Err(wrong("there are two different ones"));
    }
    let key = first.to_str().ok().filter(|key| key.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    match key.map(str::trim) {
        Some(key) if (1..=KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(wrong("must be 1 to 255 printable ASCII characters")),
    }
}

/// What tells one request from another: method, path, and the body as far as it is JSON. Verification codes of
/// cards are left out: not even a digest of one is ever written.
fn digests(keys: &KeyRing, operation: &str, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut body = object(bytes).unwrap_or(Value::Null);
    if let Some(card) = body.get_mut("gateway_info").and_then(Value::as_object_mut) {
        card.remove("card_cvc");
        card.remove("cvc");
    }
    keys.request_digests(&format!("{operation} {body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_twice_is_one_key_and_two_keys_are_none() {
        let read = |values: &[&'static str]| {
            let pairs = values.iter().map(|value| (KEY.parse().unwrap(), HeaderValue::from_static(value)));
            key(&pairs.collect())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["a"]), Ok(Some("a".to_owned())));
        assert_eq!(read(&["a", "a"]), Ok(Some("a".to_owned())));
        let refused = read(&["a", "b"]).unwrap_err();
        assert_eq!((refused.status, refused.code), (StatusCode::BAD_REQUEST, 1016));
        assert_eq!(refused.info, "Invalid Idempotency-Key: there are two different ones");
    }

    #[test]
    fn a_claim_is_free_again_when_it_is_dropped() {
        let in_flight = InFlight::default();
        let claim = in_flight.claim(SiteId(1), "key").unwrap();
        assert!(in_flight.claim(SiteId(1), "key").is_none());
        assert!(in_flight.claim(SiteId(2), "key").is_some() && in_flight.claim(SiteId(1), "Key").is_some());
        drop(claim);
        assert!(in_flight.claim(SiteId(1), "key").is_some());
    }
}
