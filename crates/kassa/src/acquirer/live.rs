//! Acquirers from the configuration: everything that is named there is read and checked before anything is dialled.

use super::check::{Step, check};
use super::line::{Line, Merchant, Merchants};
use super::link::{LateSender, Link, MacKey, NetworkCodes, Settings};
use super::response_codes::ResponseCodes;
use super::terminal::Dialect;
use super::way::Way;
use crate::clock::Clock;
use crate::config::Acquirer as Configured;
use crate::config::acquirer::{AcquirerMac, MacAlgorithm, Timers};
use crate::random::Random;
use crate::server::tls::refuse_if_others_can_read;
use anyhow::{Context as _, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use iso8583::{Mac, Profile};
use payments::ids::SiteId;
use payments::money::Currency;
use payments::time::Millis;
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A configured acquirer whose files were read and make sense.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    configured: Configured,
    profile: Profile,
    way: Way,
    mac: Option<KeyOfMac>,
}

#[derive(Clone)]
struct KeyOfMac(MacKey);

impl std::fmt::Debug for KeyOfMac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyOfMac")
    }
}

impl Prepared {
    /// Reads what `configured` names.
    ///
    /// # Errors
    /// What cannot be read, or makes no sense.
    pub(crate) fn new(configured: &Configured) -> anyhow::Result<Self> {
        let of = || format!("acquirer {:?}", configured.name);
        Ok(Self {
            profile: read_profile(&configured.profile).with_context(of)?,
            way: Way::read(configured).with_context(of)?,
            mac: configured.mac.as_ref().map(read_mac).transpose().with_context(of)?,
            configured: configured.clone(),
        })
    }

    /// Takes the port that its host calls, so that nobody else does before the link is opened.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(crate) fn bind(&mut self) -> anyhow::Result<()> {
        self.way.bind().with_context(|| format!("acquirer {:?}", self.configured.name))
    }

    /// Where its host is, or calls, for people.
    pub(crate) fn place(&self) -> String {
        self.way.place()
    }

    /// Dials, or waits for a call, signs on, sends an echo and signs off. `report` hears of each step that succeeded.
    ///
    /// # Errors
    /// The first step that failed.
    pub(crate) async fn check(
        self,
        clock: Clock,
        random: Random,
        report: impl FnMut(&Step),
    ) -> anyhow::Result<()> {
        let Self { configured, profile, mut way, mac } = self;
        let settings = settings(&configured, mac.map(|KeyOfMac(key)| key), clock.clone(), random);
        way.bind()?;
        let dialer = way.dialer(settings.connect_within);
        check(&*dialer, &profile, &settings, &clock, report).await
    }

    /// Opens the link. Needs a runtime.
    pub(crate) fn open(self, clock: Clock, random: Random, late: &LateSender) -> Line {
        let Self { configured, profile, way, mac } = self;
        let settings = settings(&configured, mac.map(|KeyOfMac(key)| key), clock, random);
        let dialer = way.dialer(settings.connect_within);
        let link = Link::over(&dialer, &Arc::new(profile), &settings, late);
        line(configured, link)
    }
}

fn line(configured: Configured, link: Link) -> Line {
    let place = format!("{:<13} {}", configured.city, configured.country_letters);
    let merchant = |site: crate::config::acquirer::AcquirerSite| {
        let merchant = Merchant {
            terminal: site.terminal_id.trim_end().to_owned(),
            merchant: site.merchant_id,
            category: configured.merchant_category.clone(),
            place: place.clone(),
        };
        (SiteId(site.id), merchant)
    };
    Line {
        name: configured.name,
        link,
        dialect: Dialect {
            acquirer: configured.acquirer_id,
            country: configured.country,
            has_inquiry: configured.has_inquiry,
            reverses_by_advice: configured.reverses_by_advice,
            completion: configured.completion,
        },
        merchants: Merchants::Named {
            sites: configured.site.into_iter().map(merchant).collect(),
            currencies: configured.currencies.iter().filter_map(|code| Currency::parse(code)).collect(),
        },
        answer_within: configured.timers.answer_ms.and_then(|ms| i64::try_from(ms).ok()).map(Millis),
        response_codes: ResponseCodes::of(&configured.response_codes),
    }
}

fn settings(configured: &Configured, mac: Option<MacKey>, clock: Clock, random: Random) -> Settings {
    let Timers {
        answer_ms: _,
        connect_ms,
        sign_on_ms,
        late_ms,
        echo_after_ms,
        echo_answer_ms,
        echo_misses,
        reconnect_ms,
        reconnect_max_ms,
    } = configured.timers;
    let codes = configured.network_codes.clone();
    Settings {
        codes: NetworkCodes {
            sign_on: codes.sign_on,
            sign_off: codes.sign_off,
            echo: codes.echo,
            cutover: codes.cutover,
        },
        sessions: configured.sessions,
        in_flight: configured.in_flight,
        connect_within: Duration::from_millis(connect_ms),
        sign_on_within: Duration::from_millis(sign_on_ms),
        late_for: Duration::from_millis(late_ms),
        echo_after: Duration::from_millis(echo_after_ms),
        echo_within: Duration::from_millis(echo_answer_ms),
        echo_misses,
        suspend_after: configured.suspend_after,
        back_off: Duration::from_millis(reconnect_ms),
        back_off_max: Duration::from_millis(reconnect_max_ms),
        mac,
        ..Settings::new(clock, random)
    }
}

/// A built-in profile by its letter, another one by its path.
pub(crate) fn read_profile(named: &str) -> anyhow::Result<Profile> {
    if let Some(profile) = Profile::built_in(named) {
        return Ok(profile);
    }
    let text = std::fs::read_to_string(named)
        .with_context(|| format!("the profile {named} is not built in, and reading it as a file"))?;
    Profile::parse(&text).with_context(|| format!("the profile {named}"))
}

fn read_mac(mac: &AcquirerMac) -> anyhow::Result<KeyOfMac> {
    let shown = mac.key.display();
    refuse_if_others_can_read(&mac.key).with_context(|| format!("reading the MAC key {shown}"))?;
    let text = std::fs::read_to_string(&mac.key).map(Zeroizing::new);
    let text = text.with_context(|| format!("reading the MAC key {shown}"))?;
    let digits = text.trim();
    let byte = |at: usize| digits.get(at * 2..at * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let key: Option<Vec<u8>> = (0..32).map(byte).collect();
    let Some(key) = key.map(Zeroizing::new).filter(|_| digits.len() == 64) else {
        bail!("the MAC key {shown} must be 64 hexadecimal digits");
    };
    match mac.algorithm {
        MacAlgorithm::HmacSha256 => Ok(KeyOfMac(Arc::new(move |bytes| hmac_sha256(&key, bytes)))),
    }
}

fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Mac {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(bytes);
    let whole = mac.finalize().into_bytes();
    let mut code = Mac::default();
    code.iter_mut().zip(whole).for_each(|(place, byte)| *place = byte);
    code
}
