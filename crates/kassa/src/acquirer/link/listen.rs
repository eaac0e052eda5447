//! A host that calls us: connections arrive at a port of ours, and each goes to a session that waits for one.

use super::Dial;
use super::connection::Stream;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// How long it is waited after a connection could not be accepted: out of descriptors, mostly.
const TROUBLE: Duration = Duration::from_millis(100);

/// A port that a host calls. It is closed once no session has it any more.
pub(crate) struct Listening {
    address: String,
    waiting: Arc<Waiting>,
    accepting: JoinHandle<()>,
}

/// Whose calls are taken.
#[derive(Clone)]
pub(crate) struct Callers {
    /// Who calls from one of these addresses; from anywhere where there are none.
    pub(crate) from: Vec<IpAddr>,
    /// Who shows a certificate that it takes.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// The sessions that wait for a connection, who came first at the front.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<oneshot::Sender<Box<dyn Stream>>>>);

impl Listening {
    /// Takes calls of `callers` at a port that is bound. TLS has to be done within `connect_within`. Needs a runtime.
    pub(crate) fn at(
        address: SocketAddr,
        port: Option<Arc<std::net::TcpListener>>,
        callers: Callers,
        connect_within: Duration,
    ) -> Self {
        let waiting = Arc::<Waiting>::default();
        let calls = Arc::clone(&waiting);
        let accepting = tokio::spawn(async move {
            match port.ok_or_else(|| io::ErrorKind::NotConnected.into()).and_then(ours) {
                Ok(port) => accept(port, callers, calls, connect_within).await,
                Err(error) => tracing::error!(%address, %error, "the acquirer's host cannot call"),
            }
        });
        Self { address: address.to_string(), waiting, accepting }
    }
}

/// A port of our own: whoever prepared it may keep theirs.
fn ours(port: Arc<std::net::TcpListener>) -> io::Result<TcpListener> {
    TcpListener::from_std(match Arc::try_unwrap(port) {
        Ok(port) => port,
        Err(shared) => shared.try_clone()?,
    })
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Dial for Listening {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        let (sender, called) = oneshot::channel();
        self.waiting.all().push_back(sender);
        async move { called.await.map_err(|_| io::ErrorKind::NotConnected.into()) }.boxed()
    }

    fn address(&self) -> Option<&str> {
        Some(&self.address)
    }

    fn is_called(&self) -> bool {
        true
    }
}

impl Waiting {
    fn all(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<Box<dyn Stream>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a connection to a session that waits for one; whether there was any.
    fn hand_over(&self, mut stream: Box<dyn Stream>) -> bool {
        let mut all = self.all();
        while let Some(session) = all.pop_front() {
            match session.send(stream) {
                Ok(()) => return true,
                // It does not wait any more.
                Err(back) => stream = back,
            }
        }
        false
    }
}

async fn accept(port: TcpListener, callers: Callers, waiting: Arc<Waiting>, connect_within: Duration) {
    // A port for both families tells an IPv4 address as one of IPv6.
    let is_known = |from: IpAddr| callers.from.is_empty() || callers.from.contains(&from.to_canonical());
    loop {
        match port.accept().await {
            Ok((_, from)) if !is_known(from.ip()) => {
                tracing::warn!(%from, "a call was refused: it is none of the acquirer's addresses");
            }
            Ok((stream, from)) => {
                let (tls, waiting) = (callers.tls.clone(), Arc::clone(&waiting));
                tokio::spawn(async move { take(stream, from, tls, &waiting, connect_within).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a call of the acquirer's host could not be taken");
                sleep(TROUBLE).await;
            }
        }
    }
}

async fn take(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    waiting: &Waiting,
    connect_within: Duration,
) {
    // What is held back is sent late, and nothing worse.
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => match timeout(connect_within, tls.accept(stream)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => return tracing::warn!(%from, %error, "a call was refused"),
            Err(_) => return tracing::warn!(%from, "a call was refused: TLS took too long"),
        },
    };
    if !waiting.hand_over(stream) {
        tracing::warn!(%from, "a call was refused: there are as many connections as there may be");
    }
}
