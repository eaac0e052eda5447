//! The client against real listeners on loopback.

use std::io::ErrorKind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A self-signed certificate for `shop.example`, and its key.
const CERTIFICATE: &str = "MIIBnzCCAUSgAwIBAgIUV0xn1/4GplbjEwSZloFNQsQ2XhUwCgYIKoZIzj0EAwIwFzEVMBMGA1UEAwwM\
    c2hvcC5leGFtcGxlMCAXDTI2MTEyMjE3NDgzN1oYDzIxMjYxMDI5MTc0ODM3WjAXMRUwEwYDVQQDDAxzaG9wLmV4YW1wbGUwWTATBgcqhkjO\
    PQIBBggqhkjOPQMBBwNCAATTwSxCPgKrGaZhmoi7fO5pbQfFKtkBjMzxuUpAMM2eSYBBbIFD47PS7/M5SgsOQxg7Gz6Ts8srncQaD9Pp6Btq\
    o2wwajAdBgNVHQ4EFgQU8XG8eQfWP3HwRCORt5Xk9OBzH60wHwYDVR0jBBgwFoAU8XG8eQfWP3HwRCORt5Xk9OBzH60wDwYDVR0TAQH/BAUw\
    AwEB/zAXBgNVHREEEDAOggxzaG9wLmV4YW1wbGUwCgYIKoZIzj0EAwIDSQAwRgIhALszhE3dCcISS2IgbumzyPvGE7cPadG65oOpgEHumD15\
    AiEAj6EgstXpsQR4bUmuyY3aab34ZOPetjvpe9cpbDjOiV0=";
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaSbp8hqL2WQB8WpoxchmNWqewocQxIkV+Sn3uc8orpCh\
    RANCAATTwSxCPgKrGaZhmoi7fO5pbQfFKtkBjMzxuUpAMM2eSYBBbIFD47PS7/M5SgsOQxg7Gz6Ts8srncQaD9Pp6Btq";

const SHORT: Duration = Duration::from_millis(150);

fn client(change: impl FnOnce(&mut Options)) -> Client {
    let mut options = Options::default();
    change(&mut options);
    Client::new(options).unwrap()
}

fn shop_at(addresses: &[&str]) -> Resolver {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Resolver::Fixed(HashMap::from([("shop.example".to_owned(), addresses)]))
}

fn request(method: Method, url: &str) -> Request {
    Request { method, url: url.parse().unwrap(), headers: Vec::new(), body: Vec::new() }
}

/// What a test shop does after it has read a request.
enum Then {
    Answer(&'static str),
    /// Repeats the text, this often per second or, with 0, as fast as it is taken.
    Repeat(&'static str, u32),
}

/// A shop for one request; the task gives back the bytes it received.
async fn shop(then: Then) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let received = read_request(&mut stream).await;
        match then {
            Then::Answer(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Then::Repeat(text, per_second) => {
                let pace = Duration::from_secs(1).checked_div(per_second);
                while stream.write_all(text.as_bytes()).await.is_ok() {
                    if let Some(pace) = pace {
                        tokio::time::sleep(pace).await;
                    }
                }
            }
        }
        received
    });
    (port, task)
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut received = Vec::new();
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if received.len() >= end + 4 + length.map_or(0, |digits| digits.parse().unwrap()) {
                return received;
            }
        }
        if stream.read_buf(&mut received).await.unwrap() == 0 {
            return received;
        }
    }
}

async fn get(then: Then, change: impl FnOnce(&mut Options)) -> Result<Answer, Failure> {
    let (port, shop) = shop(then).await;
    let url = format!("http://127.0.0.1:{port}/");
    let answer = client(change).send(request(Method::GET, &url), &Reach::Anywhere).await;
    shop.abort();
    answer
}

#[tokio::test]
async fn a_notification_arrives_byte_for_byte() {
    let (port, shop) =
        shop(Then::Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: yes\r\n\r\nOK")).await;
    let client = client(|options| options.resolver = shop_at(&["127.0.0.1"]));
    let reach = Reach::Public { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    let body = "{\"order_id\":\"caf\u{e9}\",\"amount\":995}".as_bytes();
    let url = format!("http://shop.example:{port}/a//b/%2e%2F?x=1&y={{|}}&z=%20+é&transactionid=7#part");
    let mut notification = request(Method::POST, &url);
    notification.headers.push(("Auth", "MTphYmM=".to_owned()));
    notification.headers.push(("kassa-event-id", "e1".to_owned()));
    notification.body = body.to_vec();

    let answer = client.send(notification, &reach).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"OK".as_slice()));
    assert_eq!(answer.headers["x-seen"], "yes");

    let received = shop.await.unwrap();
    let end = received.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(received[..end].to_vec()).unwrap();
    assert_eq!(&received[end + 4..], body);
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /a//b/%2e%2F?x=1&y={|}&z=%20+%C3%A9&transactionid=7 HTTP/1.1");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "Auth: MTphYmM=",
            "Connection: close",
            &format!("Content-Length: {}", body.len()),
            &format!("Host: shop.example:{port}"),
            "Kassa-Event-Id: e1",
            &format!("User-Agent: Kassa/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
}

#[tokio::test]
async fn one_forbidden_address_spoils_the_whole_answer_of_a_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let client = client(|options| options.resolver = shop_at(&["127.0.0.1", "93.184.216.34"]));
    let reach = Reach::Public { allowed: Vec::new() };
    for url in [
        format!("http://shop.example:{}/", here.port()),
        format!("https://shop.example:{}/", here.port()),
        format!("http://127.0.0.1:{}/", here.port()),
        format!("http://0x7f.1:{}/", here.port()),
        format!("http://2130706433:{}/", here.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", here.port()),
    ] {
        let failure = client.send(request(Method::GET, &url), &reach).await.unwrap_err();
        assert!(matches!(failure, Failure::Forbidden(_)), "{url}: {failure:?}");
        assert!(!failure.was_sent());
        assert!(!failure.to_string().contains("127"), "{failure}");
    }
    // The first visitor the listener sees is our own.
    let visitor = TcpStream::connect(here).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1, visitor.local_addr().unwrap());
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let answer = get(Then::Answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), |_| ())
        .await
        .unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(answer.headers["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn a_compressed_body_stays_compressed() {
    let answer = get(
        Then::Answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x08\x00"),
        |_| (),
    )
    .await
    .unwrap();
    assert_eq!(answer.body, b"\x1f\x08\x00");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let (port, shop) = shop(Then::Repeat("HTTP/1.1 200 OK\r\n\r\n", 0)).await;
    let url = format!("http://127.0.0.1:{port}/");
    let answer = client(|_| ()).send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap();
    assert_eq!(answer.body.len(), 64 * 1024);
    // The connection is closed, so the shop cannot go on writing.
    shop.await.unwrap();
}

#[tokio::test]
async fn drips_are_cut_by_the_total_time() {
    for text in
        ["H", "X", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"]
    {
        let failure = get(Then::Repeat(text, 50), |options| options.total_timeout = SHORT).await;
        match failure {
            Err(Failure::Timeout) => assert!(Failure::Timeout.was_sent()),
            // Not the beginning of an answer, which hyper may notice before the time is over.
            other => assert!(text == "X" && matches!(other, Err(Failure::Protocol(_))), "{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_cut_by_the_total_time() {
    let flood = Then::Repeat("HTTP/1.1 100 Continue\r\n\r\n", 0);
    let failure = get(flood, |options| options.total_timeout = SHORT).await.unwrap_err();
    assert_eq!(failure, Failure::Timeout);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    for (text, why) in [
        ("", "not a valid answer: the connection was closed before its end"),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n", "not a valid answer: it is not HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "not a valid answer: it is not HTTP/1.1"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not a valid answer: it is not HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK", "not a valid answer: its body is not complete"),
        ("HTTP/1.1 200 OK\r\nContent-Len", "not a valid answer: the connection was closed before its end"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "not a valid answer: its body is not complete",
        ),
    ] {
        let failure = get(Then::Answer(text), |_| ()).await.unwrap_err();
        assert_eq!(failure.to_string(), why, "{text:?}");
        assert!(failure.was_sent());
    }
    let failure = get(Then::Repeat("HTTP/1.1 200 OK\r\nX-Y: z\r\n", 0), |_| ()).await.unwrap_err();
    assert!(matches!(failure, Failure::Protocol(_)), "{failure:?}");
    let failure = get(Then::Repeat("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0), |_| ()).await.unwrap_err();
    assert!(matches!(failure, Failure::Protocol(_)), "{failure:?}");
}

#[tokio::test]
async fn a_long_header_is_refused() {
    let line: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000)).into_boxed_str());
    let failure = get(Then::Answer(line), |_| ()).await.unwrap_err();
    assert_eq!(failure.to_string(), "not a valid answer: its header is too long");
}

#[tokio::test]
async fn a_closed_port_is_a_failure_to_connect() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client(|options| options.resolver = shop_at(&["::1", "127.0.0.1"]));
    let url = format!("http://shop.example:{}/", closed.port());
    let failure = client.send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap_err();
    assert_eq!(failure, Failure::Connect(ErrorKind::ConnectionRefused.to_string()));
    assert_eq!(failure.to_string(), "cannot connect: connection refused");
    assert!(!failure.was_sent());
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let (port, _shop) = shop(Then::Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).await;
    let client = client(|options| options.resolver = shop_at(&["127.0.0.9", "127.0.0.1"]));
    let url = format!("http://shop.example:{port}/");
    let answer = client.send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_before_anything_is_done() {
    let client = client(|options| options.resolver = shop_at(&[]));
    let send = async |request: Request| client.send(request, &Reach::Anywhere).await.unwrap_err();
    for (url, why) in [
        ("ftp://shop.example/", "cannot be sent: the url is not http or https"),
        ("data:text/plain,x", "cannot be sent: the url is not http or https"),
        ("http://me@shop.example/", "cannot be sent: the url has a user name or password"),
        ("http://:secret@shop.example/", "cannot be sent: the url has a user name or password"),
        ("http://shop.example/", "cannot resolve the host: it has no address"),
        ("http://other.example/", "cannot resolve the host: it has no address"),
    ] {
        let failure = send(request(Method::GET, url)).await;
        assert_eq!(failure.to_string(), why);
        assert!(!failure.was_sent());
    }
    let mut split = request(Method::GET, "http://shop.example/");
    split.headers.push(("Auth", "a\r\nX: b".to_owned()));
    assert_eq!(send(split).await.to_string(), "cannot be sent: the header Auth is not valid");
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_accepted_only_on_request() {
    let der = |text: &str| BASE64.decode(text).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![der(CERTIFICATE).into()],
                rustls::pki_types::PrivatePkcs8KeyDer::from(der(KEY)).into(),
            )
            .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://shop.example:{}/paid", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                assert_eq!(stream.get_ref().1.server_name(), Some("shop.example"));
                read_request(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await.unwrap();
            }
        }
    });
    for (trust, accepted) in [(Trust::Public, false), (Trust::Anything, true)] {
        let client = client(|options| {
            options.resolver = shop_at(&["127.0.0.1"]);
            options.trust = trust;
        });
        match client.send(request(Method::GET, &url), &Reach::Anywhere).await {
            Ok(answer) => assert!(accepted && answer.body == b"OK"),
            Err(failure) => {
                assert!(!accepted && !failure.was_sent(), "{failure:?}");
                assert!(failure.to_string().starts_with("no secure connection: "), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn a_silent_tls_handshake_ends_with_the_time_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let client = client(|options| options.connect_timeout = SHORT);
    let sending =
        tokio::spawn(async move { client.send(request(Method::GET, &url), &Reach::Anywhere).await });
    let failure = sending.await.unwrap().unwrap_err();
    assert_eq!(failure, Failure::Tls("timed out".to_owned()));
}

#[tokio::test]
async fn plain_http_behind_https_is_not_secure() {
    let (port, _shop) = shop(Then::Answer("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let url = format!("https://127.0.0.1:{port}/");
    let client = client(|options| options.connect_timeout = SHORT);
    let failure = client.send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
}

/// What a shop does with a connection: for each answer it reads a request first, then it closes.
type Plan = &'static [&'static str];

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const OK_AND_CLOSED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
/// Closes without an answer.
const SILENCE: &str = "";
const CLIENT_CLOSES: &str = "until the client closes";

/// A shop that treats its connections so, one after the other; the task gives back how many requests came over each.
async fn connections(plans: &'static [Plan]) -> (String, JoinHandle<Vec<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://shop.example:{}/", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for plan in plans {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut came = 0;
            for answer in *plan {
                let received = read_request(&mut stream).await;
                if *answer == CLIENT_CLOSES {
                    assert_eq!(String::from_utf8(received).unwrap(), "", "another request");
                    break;
                }
                let head = String::from_utf8(received).unwrap();
                assert!(!head.to_lowercase().contains("connection:"), "{head}");
                came += 1;
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests.push(came);
        }
        requests
    });
    (url, task)
}

fn keeping(keep: Duration) -> Client {
    client(|options| {
        options.keep = Some(keep);
        options.resolver = shop_at(&["127.0.0.1"]);
    })
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_kept_connection_is_used_again() {
    let (url, shop) = connections(&[&[OK, OK, OK]]).await;
    let client = keeping(LONG);
    for _ in 0..3 {
        let answer = client.send(request(Method::POST, &url), &Reach::Anywhere).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"OK".as_slice()));
    }
    assert_eq!(shop.await.unwrap(), [3]);
}

#[tokio::test]
async fn who_closes_a_kept_connection_is_asked_on_a_new_one() {
    for (plans, came) in [
        // As it said.
        (&[&[OK_AND_CLOSED] as Plan, &[OK]] as &'static [Plan], [1, 1]),
        // While nobody looked.
        (&[&[OK], &[OK]], [1, 1]),
        // Just when it was used.
        (&[&[OK, SILENCE], &[OK]], [2, 1]),
    ] {
        let (url, shop) = connections(plans).await;
        let client = keeping(LONG);
        for _ in 0..2 {
            let answer = client.send(request(Method::POST, &url), &Reach::Anywhere).await.unwrap();
            assert_eq!(answer.body, b"OK", "{plans:?}");
        }
        assert_eq!(shop.await.unwrap(), came, "{plans:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_asked_for_again() {
    let (url, shop) = connections(&[&[OK, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK"]]).await;
    let client = keeping(LONG);
    client.send(request(Method::POST, &url), &Reach::Anywhere).await.unwrap();
    let failure = client.send(request(Method::POST, &url), &Reach::Anywhere).await.unwrap_err();
    assert_eq!(failure.to_string(), "not a valid answer: its body is not complete");
    assert_eq!(shop.await.unwrap(), [2]);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let (url, shop) = connections(&[&[OK, CLIENT_CLOSES]]).await;
    let client = keeping(Duration::from_millis(20));
    client.send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap();
    assert_eq!(shop.await.unwrap(), [1]);
}

#[tokio::test]
async fn a_kept_connection_opens_no_forbidden_way() {
    let (url, shop) = connections(&[&[OK, CLIENT_CLOSES]]).await;
    let client = keeping(LONG);
    client.send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap();
    let public = Reach::Public { allowed: Vec::new() };
    let failure = client.send(request(Method::GET, &url), &public).await.unwrap_err();
    assert!(matches!(failure, Failure::Forbidden(_)), "{failure:?}");
    assert_eq!(shop.await.unwrap(), [1]);
}

#[tokio::test]
async fn what_is_not_read_to_its_end_is_not_in_the_way() {
    let (url, shop) = connections(&[&[OK], &[OK]]).await;
    let client = client(|options| {
        options.keep = Some(LONG);
        options.body_limit = 1;
        options.resolver = shop_at(&["127.0.0.1"]);
    });
    for _ in 0..2 {
        let answer = client.send(request(Method::GET, &url), &Reach::Anywhere).await.unwrap();
        assert_eq!(answer.body, b"O");
    }
    assert_eq!(shop.await.unwrap(), [1, 1]);
}
