//! A connection on which one request follows the other, and those that are kept for the next.

use super::{Answer, Failure, HEADER_LIMIT, broken_body, protocol};
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Of one server at most so many connections are kept.
const KEPT_MAX: usize = 32;

/// A server as a URL names it: whether by TLS, host, port.
pub(super) type Origin = (bool, String, u16);

/// An open connection. It lives while somebody reads an answer from it, and nothing runs beside that: dropping it
/// closes it.
pub(super) struct Wire {
    /// Where it leads, which was checked.
    pub(super) address: IpAddr,
    sender: http1::SendRequest<Full<Bytes>>,
    connection: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
}

/// Why there was no answer.
pub(super) struct Broken {
    pub(super) failure: Failure,
    /// Nothing came back: who kept this connection open for too long looks like this.
    pub(super) in_silence: bool,
}

impl Wire {
    pub(super) async fn over<S>(stream: S, address: IpAddr) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Field names in Title-Case: some shops' scripts look them up by their spelling.
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .max_buf_size(HEADER_LIMIT)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| protocol(&error))?;
        Ok(Self { address, sender, connection: Box::pin(connection) })
    }

    /// One request and its answer; the wire, when it can take another.
    pub(super) async fn exchange(
        self,
        message: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<(Answer, Option<Self>), Broken> {
        let Self { address, mut sender, mut connection } = self;
        let talk = async {
            let answered = sender.send_request(message).await;
            let (head, mut incoming) =
                answered.map_err(|error| Broken::before_an_answer(&error))?.into_parts();
            let mut body = Vec::new();
            while body.len() < limit
                && let Some(frame) = incoming.frame().await
            {
                let frame = frame.map_err(|_| Broken { failure: broken_body(), in_silence: false })?;
                if let Some(data) = frame.data_ref() {
                    body.extend_from_slice(&data[..data.len().min(limit - body.len())]);
                }
            }
            // What was not read to its end would be in the way of the next answer.
            let is_whole = body.len() < limit;
            Ok((Answer { status: head.status.as_u16(), headers: head.headers, body }, is_whole))
        };
        let (answer, is_open) = match select(pin!(talk), &mut connection).await {
            Either::Left((answer, _)) => (answer?, true),
            // The connection may end before we have picked up what it delivered.
            Either::Right((_, talk)) => (talk.await?, false),
        };
        let (answer, is_whole) = answer;
        if !(is_open && is_whole) {
            return Ok((answer, None));
        }
        let is_ready = match select(pin!(sender.ready()), &mut connection).await {
            Either::Left((ready, _)) => ready.is_ok(),
            Either::Right(_) => false,
        };
        Ok((answer, is_ready.then_some(Self { address, sender, connection })))
    }
}

impl Broken {
    fn before_an_answer(error: &hyper::Error) -> Self {
        Self { failure: protocol(error), in_silence: !error.is_parse() }
    }
}

/// Connections without a request, for a short time: servers that answer one client at a time have to get rid of us.
pub(super) struct Kept {
    idle: Mutex<HashMap<Origin, Vec<(Wire, Instant)>>>,
    longest: Duration,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept(for {:?})", self.longest)
    }
}

impl Kept {
    /// None, each for `longest` at most.
    pub(super) fn new(longest: Duration) -> Self {
        Self { idle: Mutex::default(), longest }
    }

    /// The one that was used last.
    pub(super) fn take(&self, origin: &Origin) -> Option<Wire> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (wire, since) = idle.get_mut(origin)?.pop()?;
        (since.elapsed() < self.longest).then_some(wire)
    }

    pub(super) fn put(self: &Arc<Self>, origin: Origin, wire: Wire) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.is_empty() {
            tokio::spawn(Arc::clone(self).forget());
        }
        let wires = idle.entry(origin).or_default();
        if wires.len() < KEPT_MAX {
            wires.push((wire, Instant::now()));
        }
    }

    /// Closes what nobody used for too long, until there is none left.
    async fn forget(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.longest / 2).await;
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|_, wires| {
                wires.retain(|(_, since)| since.elapsed() < self.longest);
                !wires.is_empty()
            });
            if idle.is_empty() {
                return;
            }
        }
    }
}
