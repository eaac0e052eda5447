//! `[[acquirer]]` of the TOML file: an acquirer's host and everything about it that has to be asked of the acquirer.
//! It is a table, so it has no flag and no variable.

use payments::card::Brand;
use payments::money::Currency;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// An acquirer's host.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquirer {
    /// What it is called in logs.
    pub name: String,
    /// `host:port` that is called.
    pub address: Option<String>,
    /// Address and port that the host calls; instead of `address`.
    pub listen: Option<SocketAddr>,
    /// Where it calls from; empty is anywhere.
    #[serde(default)]
    pub callers: Vec<IpAddr>,
    /// Without it, messages cross the network as they are: only where a private line or a VPN is below.
    pub tls: Option<AcquirerTls>,
    /// How it writes messages: the letter of a built-in profile, or the path of another one.
    #[serde(default = "profile")]
    pub profile: String,
    /// DE 32.
    pub acquirer_id: String,
    /// DE 19 and in DE 61: the country's three digits.
    pub country: String,
    /// DE 18.
    pub merchant_category: String,
    /// DE 43: where the shops are.
    pub city: String,
    /// DE 43: the country's three letters.
    pub country_letters: String,
    /// What it collects in.
    pub currencies: Vec<String>,
    /// Whether it can be asked what became of a message (0600).
    #[serde(default)]
    pub has_inquiry: bool,
    /// Whether it takes reversals as advices (0420) rather than as requests (0400).
    #[serde(default)]
    pub reverses_by_advice: bool,
    /// Whether an approval collects nothing before a completion (0220) follows it.
    #[serde(default)]
    pub completion: bool,
    /// Connections at the same time.
    #[serde(default = "one")]
    pub sessions: usize,
    /// Messages without an answer yet, in each of them.
    #[serde(default = "in_flight")]
    pub in_flight: usize,
    /// After so many messages in a row without an answer nothing is sent before the host has answered an echo; 0 is
    /// never.
    #[serde(default = "suspend_after")]
    pub suspend_after: u32,
    /// DE 70.
    #[serde(default)]
    pub network_codes: NetworkCodes,
    /// How long what is waited for.
    #[serde(default)]
    pub timers: Timers,
    /// A message authentication code in DE 64 or DE 128.
    pub mac: Option<AcquirerMac>,
    /// What its own response codes stand for; `VISA:59` is about cards of one brand.
    #[serde(default)]
    pub response_codes: BTreeMap<String, String>,
    /// The sites that are paid through it.
    pub site: Vec<AcquirerSite>,
}

/// A site as the acquirer knows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcquirerSite {
    /// The site's number, as `kassa sites list` shows it.
    pub id: i64,
    /// DE 41.
    pub terminal_id: String,
    /// DE 42.
    pub merchant_id: String,
}

/// TLS to the host.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcquirerTls {
    /// The authorities whose certificates are taken, in PEM.
    pub ca: PathBuf,
    /// Our own certificate, where the host wants one.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate.
    pub key: Option<PathBuf>,
    /// The name that the host's certificate is for; the one in `address` unless it says otherwise.
    pub server_name: Option<String>,
}

/// DE 70 of network management.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkCodes {
    /// The first message of a connection.
    pub sign_on: String,
    /// The last one.
    pub sign_off: String,
    /// Is anybody there?
    pub echo: String,
    /// The host begins a new business day.
    pub cutover: String,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timers {
    /// The answer to an authorisation, before its outcome is unknown; `acquirer_answer_ms` unless it says otherwise.
    pub answer_ms: Option<u64>,
    /// A connection, TLS included.
    pub connect_ms: u64,
    /// The answer to the sign-on.
    pub sign_on_ms: u64,
    /// After a deadline, while an answer is still recognised.
    pub late_ms: u64,
    /// Silence after which the host is asked whether it is there.
    pub echo_after_ms: u64,
    /// The answer to that.
    pub echo_answer_ms: u64,
    /// So many of these that are missed end the connection.
    pub echo_misses: u32,
    /// Before the first reconnection; it doubles from there.
    pub reconnect_ms: u64,
    /// Before any reconnection.
    pub reconnect_max_ms: u64,
}

/// How messages are authenticated.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcquirerMac {
    /// The code.
    pub algorithm: MacAlgorithm,
    /// The key: 64 hexadecimal digits, mode 0600.
    pub key: PathBuf,
}

/// A message authentication code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MacAlgorithm {
    /// The first eight bytes of HMAC-SHA-256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

impl Default for NetworkCodes {
    fn default() -> Self {
        let [sign_on, sign_off, echo, cutover] = ["001", "002", "301", "201"].map(str::to_owned);
        Self { sign_on, sign_off, echo, cutover }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            answer_ms: None,
            connect_ms: 5_000,
            sign_on_ms: 10_000,
            late_ms: 120_000,
            echo_after_ms: 45_000,
            echo_answer_ms: 10_000,
            echo_misses: 2,
            reconnect_ms: 1_000,
            reconnect_max_ms: 60_000,
        }
    }
}

fn profile() -> String {
    "B".to_owned()
}

fn one() -> usize {
    1
}

fn in_flight() -> usize {
    64
}

fn suspend_after() -> u32 {
    10
}

/// The acquirers of the file, each in order and none in conflict with another.
pub(super) fn acquirers(value: toml::Value) -> Result<Vec<Acquirer>, String> {
    let acquirers: Vec<Acquirer> = value
        .try_into()
        .map_err(|error: toml::de::Error| error.message().lines().next().unwrap_or("is wrong").to_owned())?;
    let mut sites = BTreeSet::new();
    let mut names = BTreeSet::new();
    for acquirer in &acquirers {
        let name = &acquirer.name;
        acquirer.check().map_err(|why| format!("{name:?}: {why}"))?;
        if !names.insert(name) {
            return Err(format!("{name:?}: there are two of this name"));
        }
        if let Some(site) = acquirer.site.iter().find(|site| !sites.insert(site.id)) {
            return Err(format!("{name:?}: site {} is there twice", site.id));
        }
    }
    Ok(acquirers)
}

impl Acquirer {
    fn check(&self) -> Result<(), String> {
        let is_address = |text: &String| {
            text.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            })
        };
        let one_way = self.address.is_some() != self.listen.is_some();
        let rules = [
            (printable(&self.name), "name must have printable characters"),
            (one_way, "either address must be set, to call the host, or listen, to be called"),
            (
                self.listen.is_some() || self.callers.is_empty(),
                "callers are of a host that calls: set listen instead of address",
            ),
            (
                self.address.iter().all(is_address),
                "address must be a host and a port, like host.example.com:5000",
            ),
            (
                digits(&self.acquirer_id) && self.acquirer_id.len() <= 11,
                "acquirer_id must have 1 to 11 digits",
            ),
            (digits(&self.country) && self.country.len() == 3, "country must have three digits"),
            (
                digits(&self.merchant_category) && self.merchant_category.len() == 4,
                "merchant_category must have four digits",
            ),
            (printable(&self.city) && self.city.len() <= 13, "city must have 1 to 13 ASCII characters"),
            (
                printable(&self.country_letters) && self.country_letters.len() == 3,
                "country_letters must have three letters",
            ),
            (!self.currencies.is_empty(), "currencies must name one at least"),
            (
                self.currencies.iter().all(|code| Currency::parse(code).is_some()),
                "currencies must be codes like EUR",
            ),
            (!self.site.is_empty(), "site must name one at least"),
            (
                self.site.iter().all(|site| {
                    printable(&site.terminal_id)
                        && site.terminal_id.len() <= 8
                        && printable(&site.merchant_id)
                        && site.merchant_id.len() <= 15
                }),
                "site: terminal_id must have 1 to 8 ASCII characters and merchant_id 1 to 15",
            ),
        ];
        first_broken(&rules)?;
        self.check_link()
    }

    fn check_link(&self) -> Result<(), String> {
        let codes = &self.network_codes;
        let codes = [&codes.sign_on, &codes.sign_off, &codes.echo, &codes.cutover];
        let timers = &self.timers;
        let rules = [
            ((1..=16).contains(&self.sessions), "sessions must be a whole number from 1 to 16"),
            ((1..=10_000).contains(&self.in_flight), "in_flight must be a whole number from 1 to 10000"),
            (self.suspend_after <= 1_000, "suspend_after must be a whole number from 0 to 1000"),
            (
                codes.iter().all(|code| digits(code) && code.len() == 3),
                "network_codes must have three digits each",
            ),
            (
                [
                    timers.connect_ms,
                    timers.sign_on_ms,
                    timers.echo_after_ms,
                    timers.echo_answer_ms,
                    timers.reconnect_ms,
                ]
                .iter()
                .all(|length| (1..=600_000).contains(length))
                    && timers.late_ms <= 3_600_000
                    && timers.reconnect_max_ms >= timers.reconnect_ms
                    && timers.echo_misses > 0,
                "timers must be from 1 to 600000 milliseconds, late_ms to 3600000, reconnect_max_ms over reconnect_ms",
            ),
            (
                timers.answer_ms.is_none_or(|length| (100..=120_000).contains(&length)),
                "answer_ms must be from 100 to 120000 milliseconds",
            ),
            (
                self.tls.as_ref().is_none_or(|tls| tls.certificate.is_some() == tls.key.is_some()),
                "tls: certificate and key must be set together",
            ),
            (
                self.listen.is_none()
                    || self.tls.as_ref().is_none_or(|tls| tls.key.is_some() && tls.server_name.is_none()),
                "tls: a host that calls is shown certificate and key, and has no server_name",
            ),
            (
                self.response_codes.iter().all(|(theirs, ours)| {
                    let theirs = brand_and_code(theirs).map(|(_, code)| code);
                    [theirs, Some(ours)]
                        .iter()
                        .all(|code| code.is_some_and(|code| printable(code) && code.len() == 2))
                }),
                "response_codes must have two characters on both sides, theirs with or without VISA: and its like before them",
            ),
        ];
        first_broken(&rules)
    }
}

/// Whose cards a response code of an acquirer is about, if not about all, and the code; `None` where there is no such
/// brand.
pub(crate) fn brand_and_code(text: &str) -> Option<(Option<Brand>, &str)> {
    match text.split_once(':') {
        Some((brand, code)) if text.len() > 2 => Some((Some(Brand::parse(brand)?), code)),
        Some(_) | None => Some((None, text)),
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// What is said about the first rule that is not kept.
fn first_broken(rules: &[(bool, &str)]) -> Result<(), String> {
    rules.iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, why)| Err((*why).to_owned()))
}
