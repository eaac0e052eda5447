//! The card ranges of a directory server: asked for at the start and by schedule, changed by what has changed.
//!
//! Without ranges a card is asked for all the same, in the oldest version and without a 3DS Method. Ranges are asked for
//! in the oldest version too, until a directory server says that it does not speak it.

use super::ds_link::{Asked, DsLink};
use super::server::ENDPOINT;
use crate::app::App;
use crate::random::Random;
use emv3ds::ids::TransId;
use emv3ds::message::{Body as _, Received, receive};
use emv3ds::preparation::{PReq, PRes};
use emv3ds::range_cache::{RangeCache, Update};
use emv3ds::values::ErrorCode;
use emv3ds::version::Version;
use payments::card::Pan;
use payments::time::{Millis, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a list of all the ranges of a scheme may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long after a request that failed the next one is made. Directory servers refuse more than one an hour.
const TRY_AGAIN: Millis = Millis::hours(1);

/// The ranges of one directory server, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    known: Mutex<Known>,
    /// Whoever asks; others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    cache: Arc<RangeCache>,
    /// Since when, or when it was last tried in vain.
    asked_at: Option<Timestamp>,
    failed: bool,
    /// The version in which it was answered last.
    version: Option<Version>,
}

/// How a card takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enrolled {
    pub(crate) version: Version,
    pub(crate) method_url: Option<String>,
}

impl Ranges {
    /// How a card takes part; `None` if it does not.
    pub(crate) fn find(&self, pan: &Pan) -> Option<Enrolled> {
        let cache = Arc::clone(&self.lock().cache);
        if cache.is_empty() {
            let is_asked = (13..=19).contains(&pan.digits().len());
            return is_asked.then_some(Enrolled { version: Version::V220, method_url: None });
        }
        let enrolment = cache.lookup(pan.digits())?;
        let version = enrolment.choose(Version::ALL)?;
        Some(Enrolled { version, method_url: enrolment.method_url(version).map(str::to_owned) })
    }

    /// Whether it is time to ask.
    fn is_due(&self, now: Timestamp, every: Millis) -> bool {
        let known = self.lock();
        let every = if known.failed { TRY_AGAIN } else { every };
        known.asked_at.is_none_or(|asked| now.since(asked) >= every)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Asks every directory server for its card ranges, when that is due.
    pub(crate) async fn refresh_ranges(&self) {
        for party in self.threeds.parties() {
            self.refresh_ranges_of(&party.link, &party.ranges).await;
        }
    }

    /// Asks one directory server, when that is due.
    pub(super) async fn refresh_ranges_of(&self, link: &DsLink, ranges: &Ranges) {
        let (now, every) = (self.now(), self.threeds.setup.timers.ranges);
        if !ranges.is_due(now, every) {
            return;
        }
        let _asking = ranges.asking.lock().await;
        if !ranges.is_due(now, every) {
            return;
        }
        let is_first = ranges.lock().asked_at.replace(now).is_none();
        if is_first && let Some((cache, since)) = self.kept_ranges(link).await {
            let mut known = ranges.lock();
            known.cache = Arc::new(cache);
            // What is kept is as good as new for a while.
            if now.since(since) < every {
                known.asked_at = Some(since);
                return;
            }
        }
        let (before, version) = {
            let known = ranges.lock();
            (Arc::clone(&known.cache), known.version.unwrap_or(Version::V220))
        };
        let asked = ask(link, &self.random, RangeCache::clone(&before), version).await;
        ranges.lock().failed = asked.is_err();
        match asked {
            Ok((cache, version)) => {
                tracing::info!(ranges = cache.len(), serial = cache.serial(), "card ranges of 3-D Secure");
                if let Some(id) = link.id()
                    && let Err(error) = self.store.keep_directory(id, &cache.to_json(), now).await
                {
                    tracing::warn!(%error, "card ranges could not be kept");
                }
                let mut known = ranges.lock();
                known.cache = Arc::new(cache);
                known.version = Some(version);
            }
            Err(error) => tracing::warn!(error, "card ranges of 3-D Secure could not be had"),
        }
    }

    async fn kept_ranges(&self, link: &DsLink) -> Option<(RangeCache, Timestamp)> {
        let (text, since) = self.store.directory(link.id()?).await.ok()??;
        Some((RangeCache::from_json(&text)?, since))
    }
}

/// The ranges after another request: everything, or what has changed. What cannot be changed is asked for whole,
/// and whoever does not speak the version is asked in the other one, which is then answered as well.
async fn ask(
    link: &DsLink,
    random: &Random,
    mut cache: RangeCache,
    mut version: Version,
) -> Result<(RangeCache, Version), String> {
    let mut again = cache.serial().is_some();
    let mut others = Version::ALL.iter().copied().filter(|other| *other != version).collect::<Vec<_>>();
    loop {
        match ask_once(link, random, &mut cache, version).await {
            Ok(()) => return Ok((cache, version)),
            Err(Refused::Serial) if again => {
                cache.forget_serial();
                again = false;
            }
            Err(Refused::Serial) => return Err("the serial number was refused".to_owned()),
            Err(Refused::Version) => match others.pop() {
                Some(other) => version = other,
                None => return Err("no version of ours is spoken there".to_owned()),
            },
            Err(Refused::Otherwise(why)) => return Err(why),
        }
    }
}

enum Refused {
    /// The next request has to ask for everything.
    Serial,
    /// The next request has to be of another version.
    Version,
    Otherwise(String),
}

async fn ask_once(
    link: &DsLink,
    random: &Random,
    cache: &mut RangeCache,
    version: Version,
) -> Result<(), Refused> {
    let otherwise = |why: &dyn std::fmt::Display| Refused::Otherwise(why.to_string());
    let identity = link.identity();
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let serial = cache.serial().map(str::to_owned);
    let update = if serial.is_some() { Update::Delta } else { Update::Full };
    let request = PReq {
        version,
        server_trans_id: TransId::from_random(bytes),
        reference_number: identity.reference_number.clone(),
        operator_id: identity.operator_id.clone(),
        serial_num: serial,
        fetches_file: None,
        extensions: Vec::new(),
    };
    let text = request.to_json(&ENDPOINT).map_err(|fault| otherwise(&fault))?;
    let answer = link.exchange(&text, Asked::Ranges, PATIENCE).await.map_err(|error| otherwise(&error))?;
    let taken = match receive::<PRes>(&answer, &ENDPOINT) {
        Ok(Received::Message(answer)) => cache.apply(&answer, update),
        Ok(Received::Erro(erro)) if erro.error_code == ErrorCode::SERIAL_NUMBER => {
            return Err(Refused::Serial);
        }
        Ok(Received::Erro(erro)) if erro.error_code == ErrorCode::VERSION_UNSUPPORTED => {
            return Err(Refused::Version);
        }
        Ok(Received::Erro(erro)) => {
            return Err(Refused::Otherwise(format!("refused with {}", erro.error_code)));
        }
        Err(fault) => Err(fault),
    };
    let Err(fault) = taken else { return Ok(()) };
    if let Some(erro) = fault.erro().and_then(|erro| erro.to_json(&ENDPOINT).ok()) {
        // Nothing depends on whether it arrives.
        let _ = link.exchange(&erro, Asked::Ranges, PATIENCE).await;
    }
    if update == Update::Delta { Err(Refused::Serial) } else { Err(otherwise(&fault)) }
}
