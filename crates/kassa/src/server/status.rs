//! What a running gateway tells those on its machine: a socket in the data folder, for its owner alone. Whoever connects
//! is told how the links to acquirers are doing, as JSON, and that is all.

use crate::acquirer::status::Status;
use crate::app::App;
use anyhow::Context as _;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long it may take to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// How long it is waited after somebody could not be heard: out of descriptors, mostly.
const TROUBLE: Duration = Duration::from_millis(100);

/// Where the socket is.
fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("status.sock")
}

/// Tells whoever asks, until it is aborted. What an earlier process has left there is replaced.
///
/// # Errors
/// When there can be no socket.
pub(crate) fn tell(data_dir: &Path, app: App) -> io::Result<JoinHandle<()>> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    let path = path(data_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(tokio::spawn(async move {
        loop {
            let Ok((mut asking, _)) = listener.accept().await else {
                sleep(TROUBLE).await;
                continue;
            };
            let told = serde_json::to_vec(&app.acquirer.statuses()).unwrap_or_default();
            // Whoever asked and does not listen learns nothing.
            let _ = timeout(TOLD_WITHIN, async move {
                asking.write_all(&told).await?;
                asking.shutdown().await
            })
            .await;
        }
    }))
}

/// Asks the gateway that runs on this folder.
///
/// # Errors
/// When none does, or it does not answer.
pub(crate) async fn ask(data_dir: &Path) -> anyhow::Result<Vec<Status>> {
    let path = path(data_dir);
    let asked = async {
        let mut socket = UnixStream::connect(&path).await?;
        let mut told = Vec::new();
        socket.read_to_end(&mut told).await?;
        io::Result::Ok(told)
    };
    let told = timeout(TOLD_WITHIN, asked).await.context("the gateway does not answer")?;
    let told = told
        .with_context(|| format!("no gateway with an acquirer runs on the folder {}", data_dir.display()))?;
    serde_json::from_slice(&told).context("the gateway answers something else: is it of another version?")
}
