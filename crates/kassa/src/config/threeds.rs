//! The table `[threeds]` of the file: the directory server of live sites, as whom it knows us, and how long things
//! may take. There is no other way to set it.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use url::{Host, Url};

/// What the operator decided about 3-D Secure. Without a directory server live sites authenticate nobody.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThreeDs {
    /// Where the directory server takes messages.
    pub directory: Option<String>,
    /// Whether it authenticates the customers of test sites as well.
    pub for_test_sites: bool,
    /// PEM file with the authorities that may vouch for it; without one, those that browsers trust.
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate it knows us by.
    pub certificate: Option<PathBuf>,
    /// PEM file with that certificate's private key.
    pub key: Option<PathBuf>,
    /// `threeDSServerRefNumber`.
    pub reference_number: Option<String>,
    /// `threeDSServerOperatorID`.
    pub operator_id: Option<String>,
    /// `threeDSRequestorID`, before the site's number.
    pub requestor_id: Option<String>,
    /// `mcc`.
    pub mcc: Option<String>,
    /// `merchantCountryCode`: ISO 3166-1, numeric.
    pub country: Option<String>,
    /// What the acquirer gave for each brand.
    pub acquiring: BTreeMap<String, Acquiring>,
    /// Address and port on which the directory server's results are taken, with its own certificate.
    pub results_listen: Option<SocketAddr>,
    /// Where the directory server reaches that: `threeDSServerURL`.
    pub results_url: Option<String>,
    /// PEM files of what is shown there.
    pub results_certificate: Option<PathBuf>,
    /// Its private key.
    pub results_key: Option<PathBuf>,
    /// PEM file with the authorities of those who may bring results.
    pub results_ca: Option<PathBuf>,
    /// Whether challenges are shown in a frame where there is room.
    pub framed: bool,
    /// Seconds a page waits for the 3DS Method.
    pub method_s: Option<u64>,
    /// Seconds the directory server has to answer.
    pub answer_s: Option<u64>,
    /// Seconds a customer has until the end of the challenge.
    pub challenge_s: Option<u64>,
    /// Seconds the result may take once the customer is back.
    pub result_s: Option<u64>,
    /// Hours between requests for card ranges.
    pub ranges_h: Option<u64>,
}

/// What the acquirer gave for a brand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquiring {
    /// `acquirerBIN`.
    pub bin: String,
    /// `acquirerMerchantID`.
    pub merchant: String,
}

impl ThreeDs {
    /// Reads the table.
    pub(super) fn read(table: toml::Value) -> Result<Self, String> {
        let read: Self = table.try_into().map_err(|error: toml::de::Error| {
            error.message().lines().next().unwrap_or("not valid").to_owned()
        })?;
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(directory) = &self.directory {
            let url = Url::parse(directory).map_err(|_| "directory must be a URL".to_owned())?;
            let is_local = match url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
                Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
                None => false,
            };
            if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
                return Err("directory must start with https://".to_owned());
            }
            if self.reference_number.is_none() {
                return Err("reference_number must be set when directory is".to_owned());
            }
            if self.acquiring.is_empty() {
                return Err("acquiring must be set for a brand when directory is".to_owned());
            }
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err("certificate and key must be set together".to_owned());
        }
        let results = [
            self.results_listen.is_some(),
            self.results_url.is_some(),
            self.results_certificate.is_some(),
            self.results_key.is_some(),
            self.results_ca.is_some(),
        ];
        if results.contains(&true) && results.contains(&false) {
            return Err("results_listen, _url, _certificate, _key and _ca must be set together".to_owned());
        }
        if let Some(brand) = self.acquiring.keys().find(|brand| payments::card::Brand::parse(brand).is_none())
        {
            return Err(format!("acquiring.{brand} is no brand: MAESTRO, MASTERCARD, VISA or AMEX"));
        }
        for (name, seconds, range) in [
            ("method_s", self.method_s, 1..=60),
            ("answer_s", self.answer_s, 1..=60),
            ("challenge_s", self.challenge_s, 30..=3_600),
            ("result_s", self.result_s, 0..=60),
            ("ranges_h", self.ranges_h, 1..=24),
        ] {
            if seconds.is_some_and(|seconds| !range.contains(&seconds)) {
                return Err(format!("{name} must be from {} to {}", range.start(), range.end()));
            }
        }
        Ok(())
    }
}
