//! A shop: it listens for notifications, verifies each as the official SDKs do, and remembers them.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// How the shop answers notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// `OK`.
    Acknowledge,
    /// This status and body.
    Answer(u16, &'static str),
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

#[derive(Debug)]
struct Memory {
    key: String,
    manners: Mutex<Manners>,
    heard: Mutex<Vec<Heard>>,
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
        return "a page of the shop".into_response();
    }
    let body = String::from_utf8(body.to_vec()).unwrap();
    let order: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    let verified = verify(&memory.key, &headers, body.as_bytes())
        && verify(&memory.key, &headers, order.to_string().as_bytes());
    let heard = Heard { method: method.to_string(), path_and_query, headers, body, order, verified };
    memory.heard.lock().unwrap().push(heard);
    let manners = *memory.manners.lock().unwrap();
    match manners {
        Manners::Acknowledge => "OK".into_response(),
        Manners::Answer(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Manners::Hang => std::future::pending().await,
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
