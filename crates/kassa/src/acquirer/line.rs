//! A host that is spoken to, and everything about it that differs from one acquirer to the next.

use super::answers::Said;
use super::link::dial::InProcess;
use super::link::{Dial, LateSender, Link, Lost, Settings, count};
use super::response_codes::ResponseCodes;
use super::terminal::{Dialect, Terminal};
use crate::simulator::acquirer_host::AcquirerHost;
use crate::simulator::acquirer_host::faults::Planned;
use crate::store::Site;
use iso8583::{Class, Message, Profile};
use payments::card::Brand;
use payments::decide::Outcome;
use payments::ids::SiteId;
use payments::money::Currency;
use payments::time::Millis;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tracing::Instrument as _;

/// A host, the link to it and the merchants it knows.
#[derive(Debug)]
pub(crate) struct Line {
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) dialect: Dialect,
    pub(super) merchants: Merchants,
    /// How long it may take to answer an authorisation, where that is its own.
    pub(super) answer_within: Option<Millis>,
    /// What its own response codes stand for.
    pub(super) response_codes: ResponseCodes,
}

/// Who is known to a host, and as whom.
pub(super) enum Merchants {
    /// Every test site, under numbers that follow from its own. They are collected in any currency.
    TestSites,
    /// These.
    Named { sites: HashMap<SiteId, Merchant>, currencies: Vec<Currency> },
}

/// A site in the words of an acquirer.
#[derive(Clone, Debug)]
pub(super) struct Merchant {
    /// DE 41 and DE 42.
    pub(super) terminal: String,
    pub(super) merchant: String,
    /// DE 18.
    pub(super) category: String,
    /// The end of DE 43: city and country.
    pub(super) place: String,
}

/// The hosts of a deployment.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(super) built_in: BuiltIn,
    pub(super) others: Vec<Arc<Line>>,
}

/// The host for test sites. A site that plans faults gets a line of its own, so that it breaks nobody else's.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    host: AcquirerHost,
    profile: Arc<Profile>,
    settings: Settings,
    late: LateSender,
    shared: Arc<Line>,
    own: Mutex<HashMap<SiteId, Arc<Line>>>,
}

/// The profile that the built-in host is spoken to in.
const PROFILE: &str = "B";

impl BuiltIn {
    /// Needs a runtime.
    pub(super) fn open(host: AcquirerHost, settings: Settings, late: LateSender) -> Self {
        let profile = Arc::new(Profile::built_in(PROFILE).expect("it is built in"));
        let shared = Arc::new(line(&host, &profile, &settings, &late, None));
        Self { host, profile, settings, late, shared, own: Mutex::default() }
    }

    /// From now on the host does this to a site, and nothing else.
    pub(super) fn plan(&self, site: SiteId, planned: Planned, seed: u64) {
        self.host.faults().plan(site, planned, seed);
        let Self { host, profile, settings, late, .. } = self;
        let own = || Arc::new(line(host, profile, settings, late, Some(site)));
        self.own().entry(site).or_insert_with(own);
    }

    /// What is still to happen.
    pub(super) fn planned(&self, site: SiteId) -> Planned {
        self.host.faults().planned(site)
    }

    fn of(&self, site: SiteId) -> Arc<Line> {
        Arc::clone(self.own().get(&site).unwrap_or(&self.shared))
    }

    fn own(&self) -> MutexGuard<'_, HashMap<SiteId, Arc<Line>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(
    host: &AcquirerHost,
    profile: &Arc<Profile>,
    settings: &Settings,
    late: &LateSender,
    site: Option<SiteId>,
) -> Line {
    let dialer: Arc<dyn Dial> =
        Arc::new(InProcess { host: host.clone(), profile: Profile::clone(profile), site });
    Line {
        name: "built-in".to_owned(),
        link: Link::over(&dialer, profile, settings, late),
        dialect: Dialect::built_in(),
        merchants: Merchants::TestSites,
        answer_within: None,
        response_codes: ResponseCodes::default(),
    }
}

impl Line {
    /// Who the site is to this host; `None` if it is nobody.
    pub(super) fn terminal(&self, site: &Site) -> Option<Terminal> {
        match &self.merchants {
            Merchants::TestSites => (!site.live).then(|| Terminal::of_test_site(site)),
            Merchants::Named { sites, .. } => Some(Terminal::of(site, sites.get(&site.id)?)),
        }
    }

    /// Whether the site is anybody to this host.
    pub(super) fn serves(&self, site: &Site) -> bool {
        match &self.merchants {
            Merchants::TestSites => !site.live,
            Merchants::Named { sites, .. } => sites.contains_key(&site.id),
        }
    }

    /// Whether it collects in this currency.
    pub(super) fn collects(&self, currency: Currency) -> bool {
        match &self.merchants {
            Merchants::TestSites => true,
            Merchants::Named { currencies, .. } => currencies.contains(&currency),
        }
    }

    /// Sends a message about a card of `brand` and waits for the answer, which is in the standard's response codes.
    pub(super) async fn exchange(
        &self,
        message: Message,
        brand: Brand,
        deadline: Instant,
    ) -> Result<Message, Lost> {
        let is_authorisation = message.mti().class() == Class::Authorisation;
        let charges_nothing = message.amount_minor() == Some(0);
        let span = tracing::trace_span!("message", mti = %message.mti());
        let answer = self.link.exchange(message, deadline).instrument(span).await;
        let answer = answer.map(|answer| self.translate(answer, brand));
        if is_authorisation {
            self.count_authorisation(answer.as_ref(), brand, charges_nothing);
        }
        answer
    }

    fn count_authorisation(&self, answer: Result<&Message, &Lost>, brand: Brand, charges_nothing: bool) {
        let counters = self.link.counters();
        let said = answer.map(|answer| Said::of(answer, brand, charges_nothing));
        count(match said {
            Ok(Said::Final(Outcome::Approved { .. })) => &counters.approvals,
            Ok(Said::Final(Outcome::Declined { .. }) | Said::InPart) => &counters.declines,
            Ok(Said::Final(Outcome::Unknown) | Said::NotFound) | Err(Lost::NoAnswer) => &counters.unknown,
            Err(Lost::NotSent(_)) => return,
        });
    }

    /// The answer with the response code that the host's own stands for.
    pub(super) fn translate(&self, mut answer: Message, brand: Brand) -> Message {
        let standard = answer.response_code().and_then(|code| self.response_codes.standard(code, brand));
        if let Some(standard) = standard {
            answer.set(39, standard);
        }
        answer
    }
}

impl Lines {
    /// The host for a site: the one that names it, else the built-in one.
    pub(super) fn of(&self, site: SiteId) -> Arc<Line> {
        let names = |line: &&Arc<Line>| match &line.merchants {
            Merchants::TestSites => false,
            Merchants::Named { sites, .. } => sites.contains_key(&site),
        };
        self.others.iter().find(names).map_or_else(|| self.built_in.of(site), Arc::clone)
    }

    /// The sites that a message from this terminal may be about.
    pub(super) fn sites_at(&self, terminal: &str) -> Vec<SiteId> {
        let named = self.others.iter().flat_map(|line| match &line.merchants {
            Merchants::TestSites => Vec::new(),
            Merchants::Named { sites, .. } => {
                let at = sites.iter().filter(|(_, merchant)| merchant.terminal == terminal);
                at.map(|(site, _)| *site).collect()
            }
        });
        named.chain(super::terminal::test_site_at(terminal)).collect()
    }
}

impl fmt::Debug for Merchants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TestSites => f.write_str("TestSites"),
            Self::Named { sites, .. } => f.debug_list().entries(sites.keys()).finish(),
        }
    }
}
