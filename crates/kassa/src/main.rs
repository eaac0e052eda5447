//! The `kassa` binary: reads the command line and runs the command.

use std::io::Write as _;
use std::process::ExitCode;

/// Requests are many small pieces of memory: this one hands them out faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = kassa::cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = match runtime {
        Ok(runtime) => runtime.block_on(command.run()),
        Err(error) => Err(anyhow::Error::from(error).context("starting")),
    };
    match ran {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Where standard error is closed nobody would read it anyway.
            let _ = writeln!(std::io::stderr(), "kassa: {error:#}");
            ExitCode::FAILURE
        }
    }
}
