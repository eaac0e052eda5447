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
use std::time::Duration;

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
    /// How long an answer takes at the most.
    pace_ms: u64,
    /// Orders that it is being told about, and those it was told about twice at a time.
    under_way: Mutex<BTreeMap<String, u32>>,
    overlaps: Mutex<Vec<String>>,
}

/// A notification that has arrived and is not answered yet.
struct UnderWay(Arc<Memory>, String);

impl UnderWay {
    fn begin(memory: &Arc<Memory>, id: &str) -> Self {
        let mut under_way = memory.under_way.lock().unwrap();
        let count = under_way.entry(id.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            memory.overlaps.lock().unwrap().push(id.to_owned());
        }
        Self(Arc::clone(memory), id.to_owned())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(count) = self.0.under_way.lock().unwrap().get_mut(&self.1) {
            *count -= 1;
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) url: String,
    memory: Arc<Memory>,
}

impl Listener {
    pub(crate) async fn open(key: &str, seed: u64) -> Self {
        Self::open_slow(key, seed, 0).await
    }

    /// One that takes its time, up to `pace_ms`, and sees when it is told of one order twice at a time.
    pub(crate) async fn open_slow(key: &str, seed: u64, pace_ms: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let memory = Arc::new(Memory {
            key: key.to_owned(),
            well: AtomicBool::new(false),
            dice: Mutex::new(Dice::new(seed, u64::MAX)),
            told: Mutex::default(),
            forged: Mutex::default(),
            pace_ms,
            under_way: Mutex::default(),
            overlaps: Mutex::default(),
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

    /// The orders it was told about while it was being told about them.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        self.memory.overlaps.lock().unwrap().clone()
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
    let _under_way = UnderWay::begin(&memory, &id);
    memory.told.lock().unwrap().entry(id).or_default().push(Told { sequence, order });
    if memory.pace_ms > 0 {
        let pace = memory.dice.lock().unwrap().up_to(memory.pace_ms);
        tokio::time::sleep(Duration::from_millis(pace)).await;
    }
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
