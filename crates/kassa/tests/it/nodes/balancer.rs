//! A plain TCP balancer: each connection goes to the next node that takes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};

/// Its URL.
pub(crate) async fn open(nodes: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (nodes, turn) = (Arc::new(nodes), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        loop {
            let (visitor, _) = listener.accept().await.unwrap();
            let first = turn.fetch_add(1, Ordering::SeqCst);
            let nodes = Arc::clone(&nodes);
            tokio::spawn(async move { pass(visitor, &nodes, first).await });
        }
    });
    url
}

async fn pass(mut visitor: TcpStream, nodes: &[String], first: usize) {
    for at in first..first + nodes.len() {
        if let Ok(mut node) = TcpStream::connect(&nodes[at % nodes.len()]).await {
            // Either may go at any moment: the other one sees it.
            let _ = tokio::io::copy_bidirectional(&mut visitor, &mut node).await;
            return;
        }
    }
}
