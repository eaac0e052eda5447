//! The shop that is told: acknowledges every notification at once, and says which orders it heard of.

use anyhow::Context as _;
use bytes::BytesMut;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const HEADERS_MAX: usize = 64;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nOK";

/// Who waits for news of which order.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;

/// A listening shop.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    /// Where it listens.
    pub(super) at: SocketAddr,
    waiting: Waiting,
}

impl Shop {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("opening the shop")?;
        let at = listener.local_addr()?;
        let waiting = Waiting::default();
        let shop = Self { at, waiting: Arc::clone(&waiting) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let waiting = Arc::clone(&waiting);
                // A connection that breaks is the gateway's to open again.
                tokio::spawn(async move { drop(hear(stream, waiting).await) });
            }
        });
        Ok(shop)
    }

    /// Ready when the shop is told of this order the next time.
    pub(super) fn next_news_of(&self, order: &str) -> oneshot::Receiver<()> {
        let (heard, hears) = oneshot::channel();
        lock(&self.waiting).insert(order.to_owned(), heard);
        hears
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one notification after the other on a connection.
async fn hear(mut stream: TcpStream, waiting: Waiting) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = BytesMut::with_capacity(16 * 1024);
    loop {
        let Some((length, order)) = notification(&received)? else {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let _ = received.split_to(length);
        stream.write_all(OK).await?;
        if let Some(heard) = lock(&waiting).remove(&order) {
            // Who waited may have given up.
            let _ = heard.send(());
        }
    }
}

/// The first whole notification: its length in bytes, and the order it is about.
fn notification(received: &[u8]) -> anyhow::Result<Option<(usize, String)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(received).context("reading a notification")? else {
        return Ok(None);
    };
    let named = |name: &str| request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let body: usize = match named("content-length") {
        Some(header) => std::str::from_utf8(header.value)?.parse()?,
        None => 0,
    };
    let whole = head.saturating_add(body);
    let query = request.path.and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
    let order = query.split('&').find_map(|pair| pair.strip_prefix("transactionid="));
    let order = order.context("a notification that names no order")?;
    Ok((received.len() >= whole).then(|| (whole, order.to_owned())))
}
