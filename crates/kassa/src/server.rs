//! Accepting connections and serving HTTP/1.1 on them, over TLS or not, with a limit on everything a visitor can
//! take.
//!
//! | Limit | What happens at it |
//! |---|---|
//! | connections in total | one that has no request under way is closed for the next one; if all have, it waits |
//! | connections of one address | the next one is closed; loopback has no limit, an IPv6 address counts as its /64 |
//! | TLS handshake | the connection is closed; so is one that does not begin with a handshake |
//! | first request's header | the connection is closed |
//! | idle between requests, with the next header | the connection is closed |
//! | header size and count | hyper answers 431 and closes |
//! | a request's whole body | reading it fails with [`io::ErrorKind::TimedOut`]; after the answer the connection closes |
//! | a visitor who does not read the answer | the connection is closed |
//! | shutdown | requests under way may finish, then the rest is cut |
//!
//! How hyper's timer works decides the shape of this: `header_read_timeout` starts when hyper begins to wait for
//! a header, which for the second request on a connection is the end of the first one's answer. So it is one
//! limit for idling and the header together and carries [`Limits::idle`]. A visitor who has not completed one
//! request yet gets the shorter [`Limits::header`], watched here.
//!
//! A visitor who closes the connection, even one direction of it, cancels the request: hyper drops the handler's
//! future at its next await. What must run to its end has to be spawned by the handler.

mod body;
mod places;
mod stall;
pub(crate) mod status;
pub mod tls;
mod visitors;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use futures_util::future::{Either, select};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use places::{Place, Places};
use stall::Stall;
use tls::Tls;

/// Header and start line of a request; also the largest piece in which a body is read. More than 100 fields are
/// refused too, which is hyper's default and faster than saying so.
const HEADER_LIMIT: usize = 16 * 1024;
/// How long to wait when no connection can be accepted, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How many the operating system keeps waiting until they are accepted; it may know a limit of its own.
const BACKLOG: u32 = 4_096;

/// What visitors may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections of one address at the same time, loopback excepted.
    pub connections_per_ip: usize,
    /// From accepting a connection to the end of the TLS handshake, where there is one.
    pub handshake: Duration,
    /// From then to the end of the first request's header.
    pub header: Duration,
    /// From the end of an answer to the end of the next request's header.
    pub idle: Duration,
    /// From the end of a header to the end of its body.
    pub body: Duration,
    /// How long an answer may wait for a visitor who does not read.
    pub stall: Duration,
    /// For requests under way at a shutdown.
    pub drain: Duration,
}

/// Whoever sends too slowly is gone within 15 seconds, handshake and header together.
impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 4_096,
            connections_per_ip: 64,
            handshake: Duration::from_secs(7),
            header: Duration::from_secs(7),
            idle: Duration::from_secs(30),
            body: Duration::from_secs(14),
            stall: Duration::from_secs(15),
            drain: Duration::from_secs(10),
        }
    }
}

/// Takes an address, with room for many who come at the same moment.
///
/// # Errors
/// When it is taken, or not ours.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown` is ready, then lets requests under way finish. Handlers find the visitor's address as
/// [`ConnectInfo<SocketAddr>`].
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let places = Places::new(limits.connections, limits.connections_per_ip);
    let graceful = GracefulShutdown::new();
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = pin!(accept(&listener, &places));
        let (stream, peer, place) = match select(&mut shutdown, next).await {
            Either::Left(((), _)) => break,
            Either::Right((accepted, _)) => accepted,
        };
        // Forget those that ended.
        while connections.try_join_next().is_some() {}
        // Without this a small answer may wait for the acknowledgement of the one before it. If it cannot be set,
        // the connection is broken already and serving will notice.
        let _ = stream.set_nodelay(true);
        let (router, watcher) = (router.clone(), graceful.watcher());
        match &tls {
            None => connections.spawn(connection(stream, peer, place, router, limits, watcher)),
            Some(tls) => {
                let (tls, closed) = (tls.clone(), closed.clone());
                connections.spawn(async move {
                    let shaken = handshake(&tls, stream, peer, limits.handshake, closed);
                    let shaken = tokio::select! {
                        shaken = shaken => shaken,
                        () = place.visitor.told_to_leave() => None,
                    };
                    if let Some(stream) = shaken {
                        connection(stream, peer, place, router, limits, watcher).await;
                    }
                })
            }
        };
    }
    drop((listener, closing));
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        while connections.try_join_next().is_some() {}
        tracing::warn!(connections = connections.len(), "shutdown cut connections that did not end in time");
    }
    connections.shutdown().await;
}

/// The next connection that has a place.
async fn accept(listener: &TcpListener, places: &Places) -> (TcpStream, SocketAddr, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let seat = places.wait_for_seat().await;
                match places.take(seat, peer.ip()) {
                    Some(place) => return (stream, peer, place),
                    None => {
                        tracing::debug!(peer = %peer.ip(), "refused a connection: this address has too many")
                    }
                }
            }
            Err(error) if is_visitors_fault(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The visitor was gone before we came; the next one is not.
fn is_visitors_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// The connection within TLS, unless the visitor cannot or does not in time, or the server is `closed` before.
async fn handshake(
    tls: &Tls,
    stream: TcpStream,
    peer: SocketAddr,
    limit: Duration,
    mut closed: watch::Receiver<()>,
) -> Option<TlsStream<TcpStream>> {
    let shaken = timeout(limit, tls.acceptor().accept(stream));
    let result = match select(pin!(shaken), pin!(closed.changed())).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => return None,
    };
    match result {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(peer = %peer.ip(), %error, "closed a connection: no TLS"),
        Err(_) => tracing::debug!(peer = %peer.ip(), "closed a connection: no TLS in time"),
    }
    None
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    place: Place,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    let visitor = &place.visitor;
    let service = {
        let visitor = Arc::clone(visitor);
        service_fn(move |request: Request<Incoming>| {
            visitor.begins();
            let mut request = request.map(|incoming| body::limited(incoming, limits.body));
            request.extensions_mut().insert(ConnectInfo(peer));
            let (visitor, answer) = (Arc::clone(&visitor), router.clone().oneshot(request));
            async move { answer.await.inspect(|_| visitor.rests()) }
        })
    };
    let header_by = Instant::now() + limits.header;
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(HEADER_LIMIT)
        .serve_connection(Stall::new(TokioIo::new(stream), limits.stall), service);
    let late = async {
        tokio::time::sleep_until(header_by).await;
        if visitor.had_a_header() {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = watcher.watch(served) => result,
        () = late => {
            tracing::debug!(peer = %peer.ip(), "closed a connection: no request in time");
            return;
        }
        () = visitor.told_to_leave() => {
            tracing::debug!(peer = %peer.ip(), "closed a connection: others need its place");
            return;
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %peer.ip(), %error, "a connection ended early");
    }
    drop(place);
}

#[cfg(test)]
mod tests;
