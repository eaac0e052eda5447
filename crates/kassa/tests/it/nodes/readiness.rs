//! A node whose database does not answer says so, and comes back with it.

use crate::harness::{Database, Home, Http};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio_postgres::config::Host;

const PATIENCE: Duration = Duration::from_secs(30);

/// A way to the test database that can be closed: nothing passes any more, and nobody is told. Its address.
async fn way_to(database: &str, open: watch::Receiver<bool>) -> String {
    let config: tokio_postgres::Config = database.parse().unwrap();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let [Host::Unix(folder)] = config.get_hosts() else { panic!("the test database is at a socket") };
    let socket = folder.join(format!(".s.PGSQL.{port}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (node, _) = listener.accept().await.unwrap();
            let server = UnixStream::connect(&socket).await.unwrap();
            let ((from_node, to_node), (from_server, to_server)) = (node.into_split(), server.into_split());
            tokio::spawn(pass(from_node, to_server, open.clone()));
            tokio::spawn(pass(from_server, to_node, open.clone()));
        }
    });
    address
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut open: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_not_ready_while_the_database_does_not_answer() {
    let (gate, open) = watch::channel(true);
    let home = Home::new(Database::Postgres).await;
    let url = url::Url::parse(home.postgres().unwrap()).unwrap();
    let address = way_to(home.postgres().unwrap(), open).await;
    let by_the_way = format!("postgres://kassa@{address}{}?{}", url.path(), url.query().unwrap());
    let mut node = home.spawn_within(|mut command| {
        command.env("KASSA_LISTEN", "127.0.0.1:0").env("KASSA_DATABASE", &by_the_way);
        command
    });
    node.wait_until_serving().await;
    let http = Http::new();
    let ready = async || http.open(&format!("{}/health/ready", node.url)).await.unwrap();
    assert_eq!(ready().await.status, 200);

    gate.send_replace(false);
    let asked = Instant::now();
    let answer = ready().await;
    assert_eq!((answer.status, answer.text.as_str()), (503, "the database does not answer\n"));
    assert!(asked.elapsed() < Duration::from_secs(5), "balancers do not wait long: {:?}", asked.elapsed());
    let live = http.open(&format!("{}/health/live", node.url)).await.unwrap();
    assert_eq!(live.status, 200, "nothing is gained by starting it anew");

    gate.send_replace(true);
    while ready().await.status != 200 {
        assert!(asked.elapsed() < PATIENCE, "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
