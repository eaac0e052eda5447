//! What a test may want to be different about its gateway.

use kassa::app::{Peers, Settings};
use kassa::config::Acquirer;
use kassa::outbound::{Network, Options};
use payments::time::Millis;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The settings of a gateway. The times that really pass are long: a slow machine fails no test.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) answer_within: Millis,
    /// This one passes for every message but an authorisation that is lost.
    pub(crate) advice_within: Millis,
    pub(crate) page_wait: Duration,
    pub(crate) notify_hold: Duration,
    pub(crate) notify_allow: Vec<Network>,
    /// Card ranges over the built-in ones.
    pub(crate) ranges: &'static str,
    /// Requests per second of a key, on live and on test sites.
    pub(crate) rate_limits: (u32, u32),
    /// The limits of notifications.
    pub(crate) outbound: Options,
    /// `[[acquirer]]`s, as a configuration has them.
    pub(crate) acquirers: String,
    /// What is decided about 3-D Secure.
    pub(crate) threeds: kassa::threeds::Setup,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            answer_within: Millis::seconds(20),
            advice_within: Millis::seconds(3),
            page_wait: Duration::from_secs(10),
            notify_hold: Duration::from_secs(10),
            notify_allow: Vec::new(),
            ranges: "ranges = []",
            rate_limits: (0, 0),
            outbound: Options::of_notifications(),
            acquirers: String::new(),
            threeds: kassa::threeds::Setup::default(),
        }
    }
}

impl Setup {
    /// A gateway that gives a hanging shop up after a second, and does not hold customers for it.
    pub(crate) fn impatient() -> Self {
        let outbound = Options { total_timeout: Duration::from_secs(1), ..Options::of_notifications() };
        Self { outbound, notify_hold: Duration::from_millis(1), ..Self::default() }
    }

    pub(super) fn peers(&self) -> Peers {
        let acquirers: BTreeMap<String, Vec<Acquirer>> = toml::from_str(&self.acquirers).unwrap();
        let acquirers = acquirers.get("acquirer").map_or(&[][..], Vec::as_slice);
        Peers::prepare(self.threeds.clone(), acquirers).unwrap()
    }

    pub(super) fn settings(&self, url: &str) -> Settings {
        Settings {
            public_url: url.to_owned(),
            answer_within: self.answer_within,
            advice_within: self.advice_within,
            page_wait: self.page_wait,
            notify_hold: self.notify_hold,
            notify_allow: self.notify_allow.clone(),
            ranges: Arc::new(kassa::ranges::with("ranges", self.ranges).unwrap()),
            rate_limit_live: self.rate_limits.0,
            roles: kassa::node::Roles::ALL,
            rate_limit_test: self.rate_limits.1,
            history: Millis::days(90),
            requests_max: 512,
        }
    }
}
