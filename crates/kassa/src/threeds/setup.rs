//! What an operator decides about 3-D Secure: which directory server is asked, as whom, and how long everything may
//! take.

use crate::config;
use crate::outbound::{self, Trust};
use crate::server::tls::{read_authorities, read_identity};
use anyhow::Context as _;
use emv3ds::areq::ServerIdentity;
use emv3ds::message::{MESSAGE_BYTES, PRES_BYTES};
use payments::card::Brand;
use payments::time::Millis;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long everything may take. The defaults are those of EMV 3DS 2.2.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// How long a page waits for the 3DS Method.
    pub method: Duration,
    /// How long the directory server may take to answer a request.
    pub answer: Duration,
    /// How long a customer may take from the card to the end of the challenge. By default 12 minutes; at the built-in
    /// issuer, where testers take their time, as long as the payment itself.
    pub challenge: Option<Millis>,
    /// How long the result may take once the customer is back.
    pub result: Duration,
    /// How often the card ranges are asked for: at least daily, and never more than hourly.
    pub ranges: Millis,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            method: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            challenge: None,
            result: Duration::from_secs(10),
            ranges: Millis::hours(12),
        }
    }
}

/// What an acquirer gave a shop, for the cards of one brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquiring {
    /// `acquirerBIN`.
    pub bin: String,
    /// `acquirerMerchantID`.
    pub merchant: String,
}

/// Who asks, as directory server and acquirers know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `threeDSServerRefNumber`.
    pub reference_number: String,
    /// `threeDSServerOperatorID`.
    pub operator_id: Option<String>,
    /// `threeDSRequestorID`; the site's number stands behind it.
    pub requestor_id: String,
    /// By brand; a brand that is not there is not authenticated.
    pub acquiring: BTreeMap<&'static str, Acquiring>,
    /// `mcc`.
    pub category_code: String,
    /// `merchantCountryCode` and `acquirerCountryCode`: ISO 3166-1, numeric.
    pub country: String,
}

impl Default for Identity {
    /// The built-in directory server takes anybody.
    fn default() -> Self {
        let acquiring = |brand: Brand| {
            (brand.id(), Acquiring { bin: "400000".to_owned(), merchant: "000000000000001".to_owned() })
        };
        Self {
            reference_number: "KASSA-TEST".to_owned(),
            operator_id: None,
            requestor_id: "KASSA".to_owned(),
            acquiring: Brand::ALL.into_iter().map(acquiring).collect(),
            category_code: "5999".to_owned(),
            country: "528".to_owned(),
        }
    }
}

impl Identity {
    /// The 3DS Server whose results arrive at `url`.
    pub(super) fn server(&self, url: String) -> ServerIdentity {
        ServerIdentity {
            reference_number: self.reference_number.clone(),
            operator_id: self.operator_id.clone(),
            url,
        }
    }
}

/// A directory server that is reached over HTTP.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Where it takes messages.
    pub url: Url,
    /// Who reaches it: with the certificate it knows us by.
    pub client: outbound::Client,
    /// The same for card ranges, of which there may be many.
    pub ranges_client: outbound::Client,
    /// As whom it knows us.
    pub identity: Identity,
    /// Whether it authenticates the customers of test sites as well.
    pub for_test_sites: bool,
    /// Where it sends results, if not to our own address.
    pub results_url: Option<String>,
}

/// What is decided about 3-D Secure.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// How long everything may take.
    pub timers: Timers,
    /// Whether the challenge is shown in a frame of our page where there is room, and not as a page of its own.
    pub framed: bool,
    /// The directory server of live sites.
    pub directory: Option<Directory>,
}

impl Setup {
    /// What the file says.
    ///
    /// # Errors
    /// What cannot be read of it, or used.
    pub(crate) fn prepare(config: &config::ThreeDs) -> anyhow::Result<Self> {
        let seconds = |set: Option<u64>, usual| set.map_or(usual, Duration::from_secs);
        let usual = Timers::default();
        let number = |set: u64| i64::try_from(set).unwrap_or(i64::MAX);
        let timers = Timers {
            method: seconds(config.method_s, usual.method),
            answer: seconds(config.answer_s, usual.answer),
            challenge: config.challenge_s.map(|set| Millis::seconds(number(set))),
            result: seconds(config.result_s, usual.result),
            ranges: config.ranges_h.map_or(usual.ranges, |set| Millis::hours(number(set))),
        };
        let directory =
            config.directory.as_deref().map(|url| directory(config, url, timers.answer)).transpose();
        Ok(Self { timers, framed: config.framed, directory: directory.context("threeds.directory")? })
    }
}

fn directory(config: &config::ThreeDs, url: &str, answer: Duration) -> anyhow::Result<Directory> {
    let trust = match &config.ca {
        None => Trust::Public,
        Some(file) => Trust::Only(read_authorities(file)?),
    };
    let identity = match (&config.certificate, &config.key) {
        (Some(certificate), Some(key)) => {
            let (chain, key) = read_identity(certificate, key)?;
            Some(Arc::new(outbound::Identity::new(chain, key)))
        }
        _ => None,
    };
    let options = outbound::Options {
        total_timeout: answer,
        body_limit: MESSAGE_BYTES.saturating_add(1),
        trust,
        identity,
        ..outbound::Options::default()
    };
    let for_ranges = outbound::Options {
        total_timeout: Duration::from_secs(60),
        body_limit: PRES_BYTES.saturating_add(1),
        ..options.clone()
    };
    let usual = Identity::default();
    let acquiring = config.acquiring.iter().filter_map(|(brand, given)| {
        let brand = Brand::parse(brand)?;
        Some((brand.id(), Acquiring { bin: given.bin.clone(), merchant: given.merchant.clone() }))
    });
    let text = |set: &Option<String>, usual: String| set.clone().unwrap_or(usual);
    Ok(Directory {
        url: Url::parse(url)?,
        client: outbound::Client::new(options).context("preparing TLS")?,
        ranges_client: outbound::Client::new(for_ranges).context("preparing TLS")?,
        identity: Identity {
            reference_number: text(&config.reference_number, usual.reference_number),
            operator_id: config.operator_id.clone(),
            requestor_id: text(&config.requestor_id, usual.requestor_id),
            acquiring: acquiring.collect(),
            category_code: text(&config.mcc, usual.category_code),
            country: text(&config.country, usual.country),
        },
        for_test_sites: config.for_test_sites,
        results_url: config.results_url.clone(),
    })
}
