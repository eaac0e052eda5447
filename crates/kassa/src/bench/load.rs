//! The load: clients that take turns for a while, as fast as they can or at a given pace.

use super::latency::Latencies;
use super::turn::{Client, Gateway, Workload};
use futures_util::future::try_join_all;
use std::time::Duration;
use tokio::time::Instant;

/// What clients did together.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) latencies: Latencies,
    pub(super) took: Duration,
}

/// Lets `connections` clients take turns for `long`. With a pace, each begins a turn every so often and its time
/// counts from when it was to begin: a gateway that is late is late for all who wait.
pub(super) async fn run(
    gateway: &Gateway,
    workload: Workload,
    name: &str,
    connections: usize,
    long: Duration,
    pace: Option<Duration>,
) -> anyhow::Result<Done> {
    let clients = (0..connections).map(|_| Client::new(gateway.clone(), workload, name.to_owned()));
    let clients = try_join_all(clients).await?;
    let (started, end) = (Instant::now(), Instant::now() + long);
    let every = pace.map(|pace| pace * u32::try_from(connections).unwrap_or(u32::MAX));
    let running = clients.into_iter().enumerate().map(|(at, client)| {
        // Spread over one interval, so that they do not all come at once.
        let first = pace.map_or(started, |pace| started + pace * u32::try_from(at).unwrap_or(0));
        tokio::spawn(turns(client, first, end, every))
    });
    let mut all = Vec::with_capacity(connections);
    for ended in try_join_all(running).await? {
        all.push(ended?);
    }
    Ok(Done { latencies: Latencies::of_all(all), took: started.elapsed() })
}

async fn turns(
    mut client: Client,
    first: Instant,
    end: Instant,
    every: Option<Duration>,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::default();
    let mut begin = first;
    while begin < end {
        if every.is_some() {
            tokio::time::sleep_until(begin).await;
        }
        client.turn().await?;
        latencies.add(begin.elapsed());
        begin = match every {
            Some(every) => begin + every,
            None => Instant::now(),
        };
    }
    Ok(latencies)
}
