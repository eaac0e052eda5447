//! Where the numbers are read: an address of their own, so that no proxy before the gateway can show them to others.

use super::METRICS;
use crate::app::App;
use crate::server::{self, Limits};
use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus::{Encoder as _, TextEncoder};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Readers at the same time: a few monitoring systems, and somebody with curl.
const READERS: usize = 16;

/// The address, taken and not yet served.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

impl Listener {
    /// Takes the address.
    ///
    /// # Errors
    /// When somebody else has it.
    pub(crate) async fn bind(listen: SocketAddr) -> anyhow::Result<Self> {
        let bound = TcpListener::bind(listen).await;
        bound.map(Self).with_context(|| format!("listening on {listen} for metrics"))
    }

    /// Serves until it is aborted.
    pub(crate) fn serve(self, app: &App) -> JoinHandle<()> {
        if let Ok(address) = self.0.local_addr() {
            tracing::info!("metrics are at http://{address}/metrics");
        }
        let limits = Limits { connections: READERS, connections_per_ip: READERS, ..Limits::default() };
        tokio::spawn(server::serve(self.0, None, router(app), limits, std::future::pending()))
    }
}

/// What is served there.
fn router(app: &App) -> Router {
    Router::new().route("/metrics", get(show)).with_state(app.clone())
}

async fn show(State(app): State<App>) -> Response {
    app.look_up_metrics().await;
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&METRICS.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type())], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
