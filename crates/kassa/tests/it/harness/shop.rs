//! A shop: it listens for notifications, verifies each as the official SDKs do, and remembers them.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How the shop answers notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// `OK`.
    Acknowledge,
    /// This status and body.
    Answer(u16, &'static str),
    /// 503 and this `Retry-After`.
    Later(&'static str),
    /// 302 to another page that would acknowledge.
    Redirect,
    /// 200 and a body without an end, as fast as it is read.
    Flood,
    /// 200 and a body of which a letter comes now and then, forever.
    Drip,
    /// Nothing, ever.
    Hang,
}

/// A notification that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The body as JSON; null for GET.
    pub(crate) order: Value,
    /// Whether the signature is right over the raw bytes and over the bytes written anew.
    pub(crate) verified: bool,
}

impl Heard {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A parameter of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path_and_query.split_once('?')?;
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// The time under the signature.
    pub(crate) fn signed_at(&self) -> String {
        let decoded = String::from_utf8(BASE64_STANDARD.decode(self.header("auth")).unwrap()).unwrap();
        decoded.split_once(':').unwrap().0.to_owned()
    }
}

/// A page of the shop that was opened.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) path_and_query: String,
    /// The status that the shop had been told last by then.
    pub(crate) told: Option<String>,
}

#[derive(Debug)]
struct Memory {
    key: String,
    manners: Mutex<Manners>,
    heard: Mutex<Vec<Heard>>,
    /// How many arrived, for whoever waits for them.
    arrived: watch::Sender<usize>,
    /// How many are being answered right now, and the most at any moment.
    busy: Mutex<(usize, usize)>,
    visits: Mutex<Vec<Visit>>,
}

/// A running shop.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    address: String,
    memory: Arc<Memory>,
}

impl Shop {
    /// Opens a shop that knows its API key.
    pub(crate) async fn open(key: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let memory = Arc::new(Memory {
            key: key.to_owned(),
            manners: Mutex::new(Manners::Acknowledge),
            heard: Mutex::default(),
            arrived: watch::Sender::new(0),
            busy: Mutex::default(),
            visits: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&memory));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, memory }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) fn behave(&self, manners: Manners) {
        *self.memory.manners.lock().unwrap() = manners;
    }

    /// Every notification so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.memory.heard.lock().unwrap().clone()
    }

    /// Waits until so many notifications have arrived.
    pub(crate) async fn wait_for(&self, count: usize) {
        let mut arrived = self.memory.arrived.subscribe();
        arrived.wait_for(|arrived| *arrived >= count).await.unwrap();
    }

    /// The most notifications that were ever answered at the same time.
    pub(crate) fn busiest(&self) -> usize {
        self.memory.busy.lock().unwrap().1
    }

    /// Every page that was opened so far.
    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.memory.visits.lock().unwrap().clone()
    }

    /// The status words that arrived, in order.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let word = |heard: Heard| heard.order["status"].as_str().unwrap_or("-").to_owned();
        self.heard().into_iter().map(word).collect()
    }
}

async fn answer(
    State(memory): State<Arc<Memory>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path_and_query = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    if !path_and_query.starts_with("/notification") {
        let told = memory
            .heard
            .lock()
            .unwrap()
            .last()
            .and_then(|heard| heard.order["status"].as_str().map(str::to_owned));
        let visit = Visit { path_and_query: path_and_query.clone(), told };
        memory.visits.lock().unwrap().push(visit);
        // The shop's other address, as www. is to its bare name.
        if path_and_query.starts_with("/hop") {
            let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap();
            let other = format!("http://{}/arrived", host.replace("127.0.0.1", "localhost"));
            return (StatusCode::FOUND, [("location", other)]).into_response();
        }
        return "a page of the shop".into_response();
    }
    let body = String::from_utf8(body.to_vec()).unwrap();
    let order: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    let verified = verify(&memory.key, &headers, body.as_bytes())
        && verify(&memory.key, &headers, order.to_string().as_bytes());
    let heard = Heard { method: method.to_string(), path_and_query, headers, body, order, verified };
    memory.heard.lock().unwrap().push(heard);
    memory.arrived.send_modify(|arrived| *arrived += 1);
    let _busy = Busy::begin(&memory);
    let manners = *memory.manners.lock().unwrap();
    match manners {
        Manners::Acknowledge => "OK".into_response(),
        Manners::Answer(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Manners::Later(wait) => {
            (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", wait)], "later").into_response()
        }
        Manners::Redirect => {
            (StatusCode::FOUND, [("location", "/notification/elsewhere")], "OK").into_response()
        }
        Manners::Flood => endless(None).into_response(),
        Manners::Drip => endless(Some(Duration::from_millis(20))).into_response(),
        Manners::Hang => std::future::pending().await,
    }
}

fn endless(pause: Option<Duration>) -> Body {
    Body::from_stream(futures_util::stream::unfold((), move |()| async move {
        let bytes = match pause {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Bytes::from_static(b"x")
            }
            None => Bytes::from_static(&[b'x'; 1024]),
        };
        Some((Ok::<_, std::convert::Infallible>(bytes), ()))
    }))
}

/// One notification that is being answered, until it is dropped.
struct Busy<'a>(&'a Memory);

impl<'a> Busy<'a> {
    fn begin(memory: &'a Memory) -> Self {
        let mut busy = memory.busy.lock().unwrap();
        busy.0 += 1;
        busy.1 = busy.1.max(busy.0);
        Self(memory)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap().0 -= 1;
    }
}

/// As the SDKs do: base64, `timestamp:hex`, HMAC-SHA512 over `timestamp:body` under the API key.
pub(crate) fn verify(key: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(auth) = headers.get("auth") else {
        return false;
    };
    let decoded = String::from_utf8(BASE64_STANDARD.decode(auth).unwrap()).unwrap();
    let (timestamp, signature) = decoded.split_once(':').unwrap();
    let mut mac = Hmac::<sha2::Sha512>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    signature == expected
}
