//! A shop that writes down what it hears, in order, and is not always well.

use crate::harness::Dice;
use crate::harness::verify;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// One notification: its place in the order's life and what it said.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) sequence: i64,
    pub(crate) order: Value,
}

#[derive(Debug)]
struct Memory {
    key: String,
    well: AtomicBool,
    dice: Mutex<Dice>,
    told: Mutex<BTreeMap<String, Vec<Told>>>,
    forged: Mutex<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) url: String,
    memory: Arc<Memory>,
}

impl Listener {
    pub(crate) async fn open(key: &str, seed: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let memory = Arc::new(Memory {
            key: key.to_owned(),
            well: AtomicBool::new(false),
            dice: Mutex::new(Dice::new(seed, u64::MAX)),
            told: Mutex::default(),
            forged: Mutex::default(),
        });
        let router = Router::new().fallback(hear).with_state(Arc::clone(&memory));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, memory }
    }

    /// From now on every notification is acknowledged.
    pub(crate) fn behave_from_now_on(&self) {
        self.memory.well.store(true, Ordering::SeqCst);
    }

    /// What was heard of each order, in order of arrival.
    pub(crate) fn told(&self) -> BTreeMap<String, Vec<Told>> {
        self.memory.told.lock().unwrap().clone()
    }

    /// What arrived without a right signature.
    pub(crate) fn forged(&self) -> Vec<String> {
        self.memory.forged.lock().unwrap().clone()
    }
}

async fn hear(State(memory): State<Arc<Memory>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let order: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let written_anew = order.to_string();
    if !verify(&memory.key, &headers, &body) || !verify(&memory.key, &headers, written_anew.as_bytes()) {
        memory.forged.lock().unwrap().push(format!("{uri} {headers:?} {body:?}"));
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let id = order["order_id"].as_str().unwrap().to_owned();
    let sequence = headers["kassa-sequence"].to_str().unwrap().parse().unwrap();
    memory.told.lock().unwrap().entry(id).or_default().push(Told { sequence, order });
    let fate = if memory.well.load(Ordering::SeqCst) { 100 } else { memory.dice.lock().unwrap().up_to(99) };
    match fate {
        ..4 => (StatusCode::INTERNAL_SERVER_ERROR, "the shop is broken").into_response(),
        4..7 => {
            let cut = futures_util::stream::iter([Ok("O"), Err(std::io::Error::other("closed"))]);
            Body::from_stream(cut).into_response()
        }
        7..8 => std::future::pending().await,
        _ => "OK".into_response(),
    }
}
