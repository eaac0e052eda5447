//! The HTTP client for requests that leave the building: notifications to shops, and `kassa pay`.
//!
//! It does little on purpose. HTTP/1.1, no redirects, no proxy, no decompression, no cookies. Every step
//! has a limit: connecting, the whole call, the answer's header and body. Names are resolved here and
//! connected to by the very address that was checked, so that an answer that changes between check and
//! use (DNS rebinding) changes nothing; see [`Reach`].
//!
//! Each request has a connection of its own, or with [`Options::keep`] one that was used a moment ago:
//! busy shops are spared a TLS handshake per notification. Everything happens inside the future
//! [`Client::send`] returns: dropping it closes the connection.

mod guard;
mod tls;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Uri};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Position, Url};

pub use guard::{Network, NetworkError, Reach, is_public};
pub use tls::{Identity, Trust};
use wire::{Broken, Kept, Origin, Wire};

/// An answer's header may be this long; hyper allows 100 fields in it.
const HEADER_LIMIT: usize = 16 * 1024;
/// Of a name with many addresses we try the first few, so that each gets a fair share of the time.
const ADDRESSES_TRIED: usize = 4;
/// Longer time limits are cut to this, which also keeps the arithmetic on instants from overflowing.
const LONGEST_CALL: Duration = Duration::from_secs(3600);
/// Shorter than servers keep a connection, whose usual time is from two seconds, so that they seldom close it just
/// when it is used; and no burden to one that answers a single client at a time.
const KEEP: Duration = Duration::from_secs(1);
const OUR_NAME: &str = concat!("Kassa/", env!("CARGO_PKG_VERSION"));

/// Sends requests within limits. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Client {
    options: Arc<Options>,
    tls: Arc<rustls::ClientConfig>,
    kept: Option<Arc<Kept>>,
}

/// The limits of a [`Client`].
#[derive(Debug, Clone)]
pub struct Options {
    /// For resolving, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// For the whole call, from resolving to the last byte of the body.
    pub total_timeout: Duration,
    /// Bytes of body read at most; what was read by then is the body.
    pub body_limit: usize,
    /// Where addresses come from.
    pub resolver: Resolver,
    /// Whose certificates are accepted.
    pub trust: Trust,
    /// What is shown to servers that ask who calls.
    pub identity: Option<Arc<Identity>>,
    /// How long a connection stays open for the next request to the same server; `None` closes it. A server that
    /// closes one just then, without a word of an answer, is sent the request once more on a new one: only for
    /// requests that may arrive twice.
    pub keep: Option<Duration>,
}

impl Options {
    /// Those of notifications: a shop that has much to hear is told over connections that stay open.
    #[must_use]
    pub fn of_notifications() -> Self {
        Self { keep: Some(KEEP), ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(15),
            body_limit: 64 * 1024,
            resolver: Resolver::System,
            trust: Trust::Public,
            identity: None,
            keep: None,
        }
    }
}

/// Where the addresses of a name come from.
#[derive(Debug, Clone)]
pub enum Resolver {
    /// The operating system.
    System,
    /// This table and nothing else, for tests.
    Fixed(HashMap<String, Vec<IpAddr>>),
}

/// What to send.
#[derive(Clone)]
pub struct Request {
    /// The method, usually GET or POST.
    pub method: Method,
    /// An `http` or `https` URL without user name and password; its fragment is not sent.
    pub url: Url,
    /// Further header fields; `Host`, `User-Agent`, `Content-Length` and `Connection` are added.
    pub headers: Vec<(&'static str, String)>,
    /// The body, sent as it is.
    pub body: Vec<u8>,
}

/// Header and body stay out of logs: they carry signatures and customers' data.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {}, {} bytes)", self.method, self.url, self.body.len())
    }
}

/// What came back. Any status is an answer, also 302 and 500.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, cut at [`Options::body_limit`].
    pub body: Vec<u8>,
}

/// Why there is no answer. The text is safe to show to a merchant: it tells nothing about our network, for
/// which reason the refused address is in the value but not in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The request itself cannot be sent: not an HTTP URL, a user name in it, a line break in a header.
    Unsendable(String),
    /// The host has an address outside the [`Reach`]; nothing was connected to.
    Forbidden(IpAddr),
    /// The host name has no address.
    Resolve(String),
    /// No connection to any address of the host.
    Connect(String),
    /// No trusted TLS session.
    Tls(String),
    /// The request was sent, at least in part, and the answer was not complete in time.
    Timeout,
    /// What came back is not a complete HTTP/1.1 answer within our limits.
    Protocol(String),
}

impl Failure {
    /// Whether bytes of the request may have reached the receiver, who may then have acted on it.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        match self {
            Failure::Timeout | Failure::Protocol(_) => true,
            Failure::Unsendable(_)
            | Failure::Forbidden(_)
            | Failure::Resolve(_)
            | Failure::Connect(_)
            | Failure::Tls(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unsendable(why) => write!(f, "cannot be sent: {why}"),
            Failure::Forbidden(_) => f.write_str("the host has an address that is not public"),
            Failure::Resolve(why) => write!(f, "cannot resolve the host: {why}"),
            Failure::Connect(why) => write!(f, "cannot connect: {why}"),
            Failure::Tls(why) => write!(f, "no secure connection: {why}"),
            Failure::Timeout => f.write_str("no complete answer in time"),
            Failure::Protocol(why) => write!(f, "not a valid answer: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Client {
    /// A client with these limits.
    ///
    /// # Errors
    /// When an authority to trust is none, or the TLS library finds its own settings inconsistent.
    pub fn new(options: Options) -> Result<Self, rustls::Error> {
        let tls = tls::config(&options.trust, options.identity.as_deref())?;
        let kept = options.keep.map(|longest| Arc::new(Kept::new(longest)));
        Ok(Client { options: Arc::new(options), tls: Arc::new(tls), kept })
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// A [`Failure`] when there is no answer; [`Failure::was_sent`] tells whether the receiver may
    /// nevertheless have seen the request.
    pub async fn send(&self, request: Request, reach: &Reach) -> Result<Answer, Failure> {
        let start = Instant::now();
        let total = self.options.total_timeout.min(LONGEST_CALL);
        let url = request.url.clone();
        let mut message = into_message(request)?;
        if self.kept.is_none() {
            message.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let answer = async {
            let first = match self.kept_for(&url, reach) {
                Some(wire) => match self.exchange(wire, &url, message.clone()).await {
                    Err(Broken { failure, in_silence: true }) => Some(failure),
                    answer => return answer.map_err(|broken| broken.failure),
                },
                None => None,
            };
            let opened =
                self.open(&url, reach, Instant::now() + self.options.connect_timeout.min(total)).await;
            // Whoever closed the first may have seen the request all the same.
            let wire = opened.map_err(|failure| first.unwrap_or(failure))?;
            self.exchange(wire, &url, message).await.map_err(|broken| broken.failure)
        };
        timeout_at(start + total, answer).await.unwrap_or(Err(Failure::Timeout))
    }

    /// A connection that was used a moment ago, if it leads where one may go.
    fn kept_for(&self, url: &Url, reach: &Reach) -> Option<Wire> {
        self.kept.as_ref()?.take(&origin(url)).filter(|wire| reach.permits(wire.address))
    }

    async fn exchange(
        &self,
        wire: Wire,
        url: &Url,
        message: hyper::Request<Full<Bytes>>,
    ) -> Result<Answer, Broken> {
        let (answer, wire) = wire.exchange(message, self.options.body_limit).await?;
        if let (Some(kept), Some(wire)) = (&self.kept, wire) {
            kept.put(origin(url), wire);
        }
        Ok(answer)
    }

    async fn open(&self, url: &Url, reach: &Reach, by: Instant) -> Result<Wire, Failure> {
        let (stream, address) = self.connect(url, reach, by).await?;
        if url.scheme() == "https" {
            Wire::over(self.secure(stream, url, by).await?, address).await
        } else {
            Wire::over(stream, address).await
        }
    }

    /// Resolves, checks all addresses, and connects to the first that answers.
    async fn connect(&self, url: &Url, reach: &Reach, by: Instant) -> Result<(TcpStream, IpAddr), Failure> {
        let port = url.port_or_known_default().ok_or_else(|| unsendable("the url has no port"))?;
        let mut addresses = self.resolve(url, port, by).await?;
        if let Some(&forbidden) = addresses.iter().find(|&&address| !reach.permits(address)) {
            return Err(Failure::Forbidden(forbidden));
        }
        addresses.truncate(ADDRESSES_TRIED);
        let mut failure = Failure::Resolve("it has no address".to_owned());
        for (index, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - index).unwrap_or(1);
            let share = by.saturating_duration_since(Instant::now()) / left;
            failure = match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
                Ok(Ok(stream)) => return Ok((pinned(stream, *address, reach)?, *address)),
                Ok(Err(error)) => connect_failure(&error),
                Err(_) => Failure::Connect("timed out".to_owned()),
            };
        }
        Err(failure)
    }

    async fn resolve(&self, url: &Url, port: u16, by: Instant) -> Result<Vec<IpAddr>, Failure> {
        let name = match url.host() {
            Some(Host::Ipv4(address)) => return Ok(vec![address.into()]),
            Some(Host::Ipv6(address)) => return Ok(vec![address.into()]),
            Some(Host::Domain(name)) => name,
            None => return Err(unsendable("the url has no host")),
        };
        let unknown = || Failure::Resolve("it has no address".to_owned());
        match &self.options.resolver {
            Resolver::Fixed(table) => table.get(name).cloned().ok_or_else(unknown),
            Resolver::System => match timeout_at(by, tokio::net::lookup_host((name, port))).await {
                Ok(Ok(found)) => Ok(found.map(|address| address.ip()).collect()),
                Ok(Err(_)) => Err(unknown()),
                Err(_) => Err(Failure::Resolve("timed out".to_owned())),
            },
        }
    }

    async fn secure(
        &self,
        stream: TcpStream,
        url: &Url,
        by: Instant,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let name = match url.host() {
            Some(Host::Ipv4(address)) => ServerName::from(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => ServerName::from(IpAddr::V6(address)),
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned())
                .map_err(|_| Failure::Tls("no certificate can name this host".to_owned()))?,
            None => return Err(unsendable("the url has no host")),
        };
        match timeout_at(by, TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Failure::Tls(error.to_string())),
            Err(_) => Err(Failure::Tls("timed out".to_owned())),
        }
    }
}

/// The stream, if it really leads where we checked. Between connecting and here nothing can move it, so this
/// only fires when a rule of the host (a transparent proxy, a rewriting firewall) does.
fn pinned(stream: TcpStream, address: IpAddr, reach: &Reach) -> Result<TcpStream, Failure> {
    let peer = stream.peer_addr().map_err(|error| connect_failure(&error))?.ip();
    if peer != address || !reach.permits(peer) {
        return Err(Failure::Forbidden(peer));
    }
    // Without this the request waits for the receiver's delayed acknowledgement of the TLS handshake.
    stream.set_nodelay(true).map_err(|error| connect_failure(&error))?;
    Ok(stream)
}

fn into_message(request: Request) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let Request { method, url, headers, body } = request;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unsendable("the url is not http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unsendable("the url has a user name or password"));
    }
    let path: Uri = url[Position::BeforePath..Position::AfterQuery]
        .parse()
        .map_err(|_| unsendable("the url's path is not valid in a request"))?;
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])
        .map_err(|_| unsendable("the url's host is not valid in a request"))?;

    let mut message = hyper::Request::new(Full::new(Bytes::from(body)));
    *message.method_mut() = method;
    *message.uri_mut() = path;
    let fields = message.headers_mut();
    fields.insert(HOST, host);
    fields.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
    for (name, value) in headers {
        let invalid = || unsendable(&format!("the header {name} is not valid"));
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        fields.insert(field, HeaderValue::from_str(&value).map_err(|_| invalid())?);
    }
    Ok(message)
}

fn origin(url: &Url) -> Origin {
    let host = url.host_str().unwrap_or_default().to_owned();
    (url.scheme() == "https", host, url.port_or_known_default().unwrap_or_default())
}

fn unsendable(why: &str) -> Failure {
    Failure::Unsendable(why.to_owned())
}

fn connect_failure(error: &io::Error) -> Failure {
    Failure::Connect(error.kind().to_string())
}

fn protocol(error: &hyper::Error) -> Failure {
    let why = if error.is_parse_too_large() {
        "its header is too long"
    } else if error.is_parse() {
        "it is not HTTP/1.1"
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        "the connection was closed before its end"
    } else {
        "the connection broke"
    };
    Failure::Protocol(why.to_owned())
}

fn broken_body() -> Failure {
    Failure::Protocol("its body is not complete".to_owned())
}

#[cfg(test)]
mod tests;
