//! The link to a directory server: a message goes out and its answer comes back, within a time.

use super::REQUEST_ID;
use super::setup::{Directory, Identity};
use crate::metrics::{self, Stage};
use crate::outbound::{self, Reach, Request};
use crate::random::Random;
use crate::simulator::directory_server::{DirectoryServer, Reply};
use emv3ds::ids::TransId;
use std::fmt;
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// A directory server and how it is reached.
#[derive(Clone, Debug)]
pub(crate) enum DsLink {
    /// The built-in one, for test sites.
    BuiltIn(DirectoryServer, Box<Identity>),
    /// Another one.
    Remote(Box<Directory>, Random),
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// It did not come in time.
    TimedOut,
    /// The directory server could not be reached, or answered something else than a message.
    Failed(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the directory server did not answer in time"),
            Self::Failed(why) => write!(f, "the directory server: {why}"),
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Card ranges: the answer is long.
    Ranges,
    /// Anything else.
    Authentication,
}

impl DsLink {
    pub(super) fn identity(&self) -> &Identity {
        match self {
            Self::BuiltIn(_, identity) => identity,
            Self::Remote(directory, _) => &directory.identity,
        }
    }

    /// What its card ranges are kept under; those of the built-in one are not kept.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::BuiltIn(..) => None,
            Self::Remote(directory, _) => Some(directory.url.as_str()),
        }
    }

    /// Whether it is in this process, with its issuer's pages below our own address.
    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn(..))
    }

    /// Sends a message and waits for the answer.
    pub(super) async fn exchange(
        &self,
        message: &str,
        asked: Asked,
        within: Duration,
    ) -> Result<Vec<u8>, LinkError> {
        let answer = async {
            match self {
                Self::BuiltIn(server, _) => match server.receive(message.as_bytes()).await {
                    Reply::Text(text) => Ok(text.into_bytes()),
                    Reply::Silence => std::future::pending().await,
                },
                Self::Remote(directory, random) => remote(directory, random, message, asked).await,
            }
        };
        let began = Instant::now();
        let answer = answer.instrument(tracing::trace_span!("directory"));
        let answer = tokio::time::timeout(within, answer).await.unwrap_or(Err(LinkError::TimedOut));
        if asked == Asked::Authentication {
            metrics::took_since(Stage::Authenticate, began);
        }
        answer
    }
}

async fn remote(
    directory: &Directory,
    random: &Random,
    message: &str,
    asked: Asked,
) -> Result<Vec<u8>, LinkError> {
    let client = match asked {
        Asked::Ranges => &directory.ranges_client,
        Asked::Authentication => &directory.client,
    };
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let id = TransId::from_random(bytes);
    let request = || Request {
        method: hyper::Method::POST,
        url: directory.url.clone(),
        headers: vec![
            ("Content-Type", "application/json; charset=utf-8".to_owned()),
            (REQUEST_ID, id.text().to_owned()),
        ],
        body: message.as_bytes().to_vec(),
    };
    // An operator named this address; it may be in the operator's own network.
    let mut answered = client.send(request(), &Reach::Anywhere).await;
    if answered.as_ref().is_err_and(|failure| !failure.was_sent()) {
        answered = client.send(request(), &Reach::Anywhere).await;
    }
    match answered {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer.body),
        Ok(answer) => Err(LinkError::Failed(format!("HTTP status {}", answer.status))),
        Err(outbound::Failure::Timeout) => Err(LinkError::TimedOut),
        Err(failure) => Err(LinkError::Failed(failure.to_string())),
    }
}
