//! Load on the real binary, by a client that does as little as it can: it shares the machine with what it tests.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What everybody who makes load shares.
#[derive(Debug)]
pub(super) struct Load {
    to: SocketAddr,
    key: String,
    stop: AtomicBool,
    next: AtomicU64,
    pub(super) good: Mutex<Vec<Duration>>,
    pub(super) refused: AtomicU64,
    /// Answers that nobody should get.
    pub(super) odd: Mutex<Vec<String>>,
}

/// An answer: its status and everything before its body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
}

impl Load {
    pub(super) fn new(url: &str, key: &str) -> Arc<Self> {
        Arc::new(Self {
            to: url.strip_prefix("http://").unwrap().parse().unwrap(),
            key: key.to_owned(),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
            good: Mutex::default(),
            refused: AtomicU64::new(0),
            odd: Mutex::default(),
        })
    }

    pub(super) async fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A request for a new order.
    pub(super) fn order(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"type":"redirect","order_id":"load-{}-{number}","currency":"EUR","amount":1000,"description":"An order"}}"#,
            std::ptr::from_ref(self).addr()
        );
        format!(
            "POST /v1/json/orders HTTP/1.1\r\nHost: kassa\r\napi_key: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        )
    }

    /// Places orders on so many connections for so long; how many per second were placed.
    pub(super) async fn place_orders(self: &Arc<Self>, connections: usize, time: Duration) -> f64 {
        self.stop.store(false, Ordering::Relaxed);
        self.good.lock().unwrap().clear();
        self.refused.store(0, Ordering::Relaxed);
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let load = Arc::clone(self);
            clients.spawn(async move { load.client().await });
        }
        let began = Instant::now();
        tokio::time::sleep(time).await;
        let took = began.elapsed();
        let placed = self.good.lock().unwrap().len();
        self.stop.store(true, Ordering::Relaxed);
        clients.join_all().await;
        f64::from(u32::try_from(placed).unwrap()) / took.as_secs_f64()
    }

    /// One order after the other; who is refused comes back at once.
    async fn client(&self) {
        let mut stream = self.connect().await.unwrap();
        let mut received = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let Some(answer) = ask(&mut stream, &self.order(), &mut received).await else {
                // Made room for another: an idle connection may be closed at any time.
                stream = self.connect().await.unwrap();
                continue;
            };
            match answer.status {
                200 => self.good.lock().unwrap().push(began.elapsed()),
                429 if answer.head.contains("\r\nretry-after: 1\r\n") => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                _ => self.odd.lock().unwrap().push(answer.head),
            }
        }
    }

    /// Nine hundred and ninety of a thousand orders were placed faster than this.
    pub(super) fn p99(&self) -> Duration {
        let mut good = self.good.lock().unwrap();
        good.sort_unstable();
        good[good.len() * 99 / 100]
    }
}

/// Sends a request and reads the whole answer; nothing if the connection was closed before there was one.
pub(super) async fn ask(stream: &mut TcpStream, request: &str, received: &mut Vec<u8>) -> Option<Answer> {
    stream.write_all(request.as_bytes()).await.ok()?;
    received.clear();
    loop {
        if stream.read_buf(received).await.ok()? == 0 {
            return None;
        }
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(received[..end + 2].to_vec()).unwrap();
        let length: usize = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().unwrap();
        if received.len() == end + 4 + length {
            let status = head.split(' ').nth(1)?.parse().unwrap();
            return Some(Answer { status, head });
        }
    }
}

/// Processor time that a process has used so far.
pub(super) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum::<u32>();
    Duration::from_millis(10) * ticks
}

/// The most memory that a process ever had, in megabytes.
pub(super) fn peak_memory_mb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1_024
}
