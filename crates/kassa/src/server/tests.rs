//! The server against real sockets, with short limits where a limit is to be reached and long ones elsewhere.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::*;

mod secure;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: kassa\r\n\r\n";

/// No limit is reached.
const PATIENT: Limits = Limits {
    connections: 100,
    connections_per_ip: 100,
    handshake: LONG,
    header: LONG,
    idle: LONG,
    body: LONG,
    stall: LONG,
    drain: LONG,
};

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits, router: Router) -> Self {
        Self::start_with(None, limits, router).await
    }

    async fn start_with(tls: Option<Tls>, limits: Limits, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(listener, tls, router, limits, async {
            let _ = stopped.await;
        }));
        Server { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, text: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text).await.unwrap();
        stream
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

fn hello() -> Router {
    let length = async |body: Result<Bytes, axum::extract::rejection::BytesRejection>| match body {
        Ok(body) => (StatusCode::OK, body.len().to_string()),
        Err(rejection) => (StatusCode::REQUEST_TIMEOUT, rejection.body_text()),
    };
    Router::new()
        .route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
        .route("/length", post(length))
        .route("/unread", post(async || "not read"))
        .route("/long", get(async || vec![b'x'; 64 << 20]))
}

/// Everything until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset is closed as well.
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8(bytes).unwrap()
}

/// One answer with a `content-length`, on a connection that stays open.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.contains("\r\n\r\n") {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    let length = text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    text + std::str::from_utf8(&body).unwrap()
}

#[tokio::test]
async fn requests_are_answered_on_one_connection_and_know_the_visitor() {
    let server = Server::start(PATIENT, hello()).await;
    let mut stream = server.connect().await;
    let ours = stream.local_addr().unwrap().to_string();
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with(&ours), "{text}");
    }
    stream.write_all(b"POST /length HTTP/1.1\r\nHost: kassa\r\nContent-Length: 70000\r\n\r\n").await.unwrap();
    stream.write_all(&[b'x'; 70_000]).await.unwrap();
    assert!(answer(&mut stream).await.ends_with("\r\n\r\n70000"));
    server.stop().await;
}

#[tokio::test]
async fn a_half_sent_header_is_closed() {
    let limits = Limits { header: SHORT, ..PATIENT };
    let server = Server::start(limits, hello()).await;
    for text in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: kassa\r\n"] {
        assert_eq!(rest(server.send(text).await).await, "");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slow_second_header_or_none_is_closed() {
    let limits = Limits { idle: SHORT, ..PATIENT };
    let server = Server::start(limits, hello()).await;
    for text in [&b""[..], b"GET / HTTP/1.1\r\nHost: kassa\r\n"] {
        let mut stream = server.send(GET).await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
        stream.write_all(text).await.unwrap();
        assert_eq!(rest(stream).await, "");
    }
    server.stop().await;
}

/// The limit on the first header is none on what comes after it.
#[tokio::test]
async fn a_handler_may_take_longer_than_a_header() {
    let limits = Limits { header: SHORT, ..PATIENT };
    let finish = Arc::new(Semaphore::new(0));
    let handler = {
        let finish = Arc::clone(&finish);
        get(async move || {
            finish.acquire().await.unwrap().forget();
            "done"
        })
    };
    let server = Server::start(limits, Router::new().route("/", handler)).await;
    let mut stream = server.send(GET).await;
    let early = timeout(SHORT * 2, stream.readable()).await;
    assert!(early.is_err(), "neither answered nor closed");
    finish.add_permits(1);
    assert!(answer(&mut stream).await.ends_with("done"));
    server.stop().await;
}

#[tokio::test]
async fn an_unsent_body_is_answered_and_closed() {
    let limits = Limits { body: SHORT, ..PATIENT };
    let server = Server::start(limits, hello()).await;
    let bodies = ["Content-Length: 10\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"];
    for body in bodies {
        let head = format!("POST /length HTTP/1.1\r\nHost: kassa\r\n{body}");
        let text = rest(server.send(head.as_bytes()).await).await;
        assert!(text.starts_with("HTTP/1.1 408"), "{text}");
        assert!(text.contains("the request body did not arrive in time"), "{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_nobody_reads_is_not_waited_for() {
    let server = Server::start(PATIENT, hello()).await;
    let head = b"POST /unread HTTP/1.1\r\nHost: kassa\r\nContent-Length: 10\r\n\r\n12345";
    assert!(rest(server.send(head).await).await.ends_with("not read"));
    server.stop().await;
}

#[tokio::test]
async fn a_visitor_who_does_not_read_is_closed() {
    let limits = Limits { stall: SHORT, drain: LONG, ..PATIENT };
    let server = Server::start(limits, hello()).await;
    let stream = server.send(b"GET /long HTTP/1.1\r\nHost: kassa\r\n\r\n").await;
    // Stopping waits for the request, so it ends only because the answer gets nowhere.
    stream.readable().await.unwrap();
    timeout(LONG / 2, server.stop()).await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn a_header_that_is_too_large_is_answered_and_closed() {
    let server = Server::start(PATIENT, hello()).await;
    let long = format!("GET / HTTP/1.1\r\nHost: kassa\r\nX-Long: {}\r\n\r\n", "x".repeat(17_000));
    let many = format!("GET / HTTP/1.1\r\nHost: kassa\r\n{}\r\n", "X: 1\r\n".repeat(100));
    for head in [long, many] {
        let text = rest(server.send(head.as_bytes()).await).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn too_many_connections_wait_for_a_place() {
    let limits = Limits { connections: 2, ..PATIENT };
    let server = Server::start(limits, hello()).await;
    let mut first = server.send(GET).await;
    let mut second = server.send(GET).await;
    answer(&mut first).await;
    answer(&mut second).await;
    let mut third = server.send(GET).await;
    assert!(timeout(SHORT, third.readable()).await.is_err(), "there is no place");
    drop(second);
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn the_silent_make_room_for_who_has_something_to_say() {
    let limits = Limits { connections: 3, ..PATIENT };
    let server = Server::start(limits, hello()).await;
    let mut silent = Vec::new();
    for number in 0..30 {
        silent.push(server.send(if number % 2 == 0 { b"" } else { b"GET / HT" }).await);
    }
    let mut honest = server.send(GET).await;
    assert!(answer(&mut honest).await.starts_with("HTTP/1.1 200"));
    assert_eq!(rest(silent.swap_remove(0)).await, "", "the oldest are closed");
    honest.write_all(GET).await.unwrap();
    assert!(answer(&mut honest).await.starts_with("HTTP/1.1 200"), "and who was answered stays");
    drop(silent);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_lets_a_running_request_finish() {
    let (entered, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let handler = {
        let (entered, finish) = (Arc::clone(&entered), Arc::clone(&finish));
        get(async move || {
            entered.add_permits(1);
            finish.acquire().await.unwrap().forget();
            "finished"
        })
    };
    let server = Server::start(PATIENT, Router::new().route("/", handler)).await;
    let (address, running, idle) = (server.address, server.send(GET).await, server.connect().await);
    entered.acquire().await.unwrap().forget();

    let stopping = tokio::spawn(server.stop());
    assert_eq!(rest(idle).await, "", "an idle connection is closed at once");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    finish.add_permits(1);
    let text = rest(running).await;
    assert!(text.contains("connection: close\r\n") && text.ends_with("finished"), "{text}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_cuts_what_does_not_end() {
    let entered = Arc::new(Semaphore::new(0));
    let handler = {
        let entered = Arc::clone(&entered);
        get(async move || {
            entered.add_permits(1);
            std::future::pending::<()>().await;
        })
    };
    let limits = Limits { drain: SHORT, ..PATIENT };
    let server = Server::start(limits, Router::new().route("/", handler)).await;
    let running = server.send(GET).await;
    entered.acquire().await.unwrap().forget();
    server.stop().await;
    assert_eq!(rest(running).await, "");
}
