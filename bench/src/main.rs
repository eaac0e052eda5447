//! `cargo run --release -p bench -- [ARGS]`: `kassa bench` with a PostgreSQL server of its own beside it, where one is
//! installed and no other is named. The server's data is made for the run, on the disk of this folder, and synced as
//! a shop's would be.

mod cluster;

use anyhow::Context as _;
use cluster::Cluster;
use std::process::ExitCode;

/// As in the `kassa` binary, which this is measured for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is = |name: &str| arguments.iter().any(|argument| argument.split('=').next() == Some(name));
    // What the benchmark starts to measure is this very binary.
    if arguments.first().is_some_and(|first| first == "bench-serve") {
        return run(arguments);
    }
    let needs_none = is("--database") || is("--help") || is("-h");
    let cluster = if needs_none { None } else { Cluster::start()? };
    arguments.insert(0, "bench".to_owned());
    if let Some(cluster) = &cluster {
        arguments.extend(["--database".to_owned(), cluster.url()]);
    }
    let ran = run(arguments);
    drop(cluster);
    ran
}

fn run(arguments: Vec<String>) -> anyhow::Result<ExitCode> {
    let command = kassa::cli::parse_from(std::iter::once("kassa".to_owned()).chain(arguments));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting")?;
    runtime.block_on(command.run()).map(ExitCode::from)
}
