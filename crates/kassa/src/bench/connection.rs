//! One connection of the load: HTTP/1.1 with as little work as possible, because the load shares the machine's cores
//! with what it measures.

use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More fields than any answer of ours has.
const HEADERS_MAX: usize = 64;

/// A kept-alive connection to the gateway.
#[derive(Debug)]
pub(super) struct Connection {
    to: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
}

/// What a turn looks at of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// Names and values of cookies, without their attributes.
    pub(super) cookies: Vec<String>,
    /// `kassa-outcome`: how the payment ended.
    pub(super) outcome: Option<String>,
    pub(super) body: String,
}

impl Connection {
    pub(super) async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("connecting to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { to, stream, received: Vec::with_capacity(32 * 1024) })
    }

    /// Sends a whole request and reads its whole answer. A server may end an idle connection at any time: then the
    /// request goes out again on a new one.
    pub(super) async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        match self.try_send(request).await? {
            Some(answer) => Ok(answer),
            None => {
                *self = Self::open(self.to).await?;
                self.try_send(request).await?.context("the gateway closed a connection before it answered")
            }
        }
    }

    /// `None` when the connection was closed before an answer began.
    async fn try_send(&mut self, request: &[u8]) -> anyhow::Result<Option<Answer>> {
        self.received.clear();
        if self.stream.write_all(request).await.is_err() {
            return Ok(None);
        }
        loop {
            let read = self.stream.read_buf(&mut self.received).await;
            if matches!(read, Ok(0) | Err(_)) {
                if self.received.is_empty() {
                    return Ok(None);
                }
                bail!("the gateway closed a connection in the middle of an answer");
            }
            if let Some(answer) = parse(&self.received)? {
                return Ok(Some(answer));
            }
        }
    }
}

/// The answer, once all of it is there.
fn parse(received: &[u8]) -> anyhow::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(received).context("reading an answer")? else {
        return Ok(None);
    };
    let mut answer = Answer { status: response.code.unwrap_or(0), ..Answer::default() };
    let mut length = 0_usize;
    for header in response.headers.iter() {
        let value = std::str::from_utf8(header.value).context("a header that is no text")?;
        if header.name.eq_ignore_ascii_case("content-length") {
            length = value.parse().context("content-length")?;
        } else if header.name.eq_ignore_ascii_case("location") {
            answer.location = Some(value.to_owned());
        } else if header.name.eq_ignore_ascii_case("set-cookie") {
            answer.cookies.push(value.split(';').next().unwrap_or(value).to_owned());
        } else if header.name.eq_ignore_ascii_case("kassa-outcome") {
            answer.outcome = Some(value.to_owned());
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("an answer in chunks: the load does not read these");
        }
    }
    let Some(body) = received.get(head..head.saturating_add(length)) else { return Ok(None) };
    answer.body = std::str::from_utf8(body).context("a body that is no text")?.to_owned();
    Ok(Some(answer))
}
