//! Something between the store and its PostgreSQL that loses what a network can lose.

use crate::store::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_postgres::config::Host;

/// What happens to the next COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// It does not arrive.
    BeforeCommit,
    /// It arrives and its answer does not.
    AfterCommit,
    /// The same, and nobody gets through any more.
    AfterCommitForGood,
}

/// Listens on loopback and leads to the database.
#[derive(Debug)]
pub(super) struct Proxy {
    fault: watch::Sender<Fault>,
    /// Grows when every connection is to be cut.
    cuts: watch::Sender<u32>,
    lost: Arc<AtomicU32>,
    pub(super) location: Location,
}

impl Proxy {
    /// Before a database.
    pub(super) async fn before(location: &Location) -> Self {
        let Location::Postgres(url) = location else { panic!("{location:?} has no network") };
        let config: tokio_postgres::Config = url.parse().unwrap();
        let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("no socket") };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let socket = folder.join(format!(".s.PGSQL.{port}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (user, rest) = url.split_once('@').unwrap();
        let (_, rest) = rest.split_once('/').unwrap();
        let location = Location::Postgres(format!("{user}@{address}/{rest}"));
        let (fault, faults) = watch::channel(Fault::None);
        let (cuts, cut) = watch::channel(0);
        let lost = Arc::new(AtomicU32::new(0));
        let (sender, counter) = (fault.clone(), Arc::clone(&lost));
        tokio::spawn(async move {
            let mut gone = false;
            while let Ok((client, _)) = listener.accept().await {
                gone |= *faults.borrow() == Fault::AfterCommitForGood && counter.load(Ordering::SeqCst) > 0;
                if gone {
                    continue;
                }
                let server = UnixStream::connect(&socket).await.unwrap();
                let (sender, counter, mut cut) = (sender.clone(), Arc::clone(&counter), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = carry(client, server, &sender, &counter) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { fault, cuts, lost, location }
    }

    pub(super) fn lose(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Ends every connection.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many COMMITs or answers were lost.
    pub(super) fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Carries bytes both ways until one side ends or something is to be lost.
async fn carry(client: TcpStream, server: UnixStream, fault: &watch::Sender<Fault>, lost: &AtomicU32) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        while let Some(bytes) = read(&mut from_client).await {
            let commits = bytes.windows(7).any(|window| window == b"COMMIT\0");
            let wanted = if commits { *fault.borrow() } else { Fault::None };
            if wanted != Fault::None {
                lost.fetch_add(1, Ordering::SeqCst);
                if wanted != Fault::AfterCommitForGood {
                    fault.send_replace(Fault::None);
                }
                return (wanted != Fault::BeforeCommit).then_some(bytes);
            }
            write(&mut to_server, &bytes).await?;
        }
        None
    };
    let down = async {
        while let Some(bytes) = read(&mut from_server).await {
            if write(&mut to_client, &bytes).await.is_none() {
                return;
            }
        }
    };
    let last = tokio::select! {
        last = up => last,
        () = down => None,
    };
    // The client hears nothing of what the server does with its last words.
    let Some(last) = last else { return };
    write(&mut to_server, &last).await;
    let mut heard = Vec::new();
    while !heard.windows(7).any(|window| window == b"COMMIT\0") {
        let Some(bytes) = read(&mut from_server).await else { panic!("the commit was not answered") };
        heard.extend(bytes);
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 65_536];
    let count = from.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
    bytes.truncate(count);
    Some(bytes)
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Option<()> {
    to.write_all(bytes).await.ok()
}
