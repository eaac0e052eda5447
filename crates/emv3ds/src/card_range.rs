//! A card range: from one card number to another, whose ACS it is, and what that supports.
//!
//! 2.2.0 says it in one object a range, with versions from one to another and one Method URL; 2.3.1 in one object
//! for several ranges, with a list of versions that have a Method URL each. Both become the same type here.

use crate::fields::Fields;
use crate::message::Endpoint;
use crate::preparation::spans;
use crate::rules::{self, Findings};
use crate::version::{ProtocolVersion, Version, VersionSpan, choose};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Where the ranges are in a `PRes`.
pub(crate) const FIELD: &str = "cardRangeData";

/// An entry of `cardRangeData`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardRange {
    /// The card numbers.
    pub pans: PanRange,
    /// What is to be done with it.
    pub action: ActionInd,
    /// How its cards take part.
    pub participation: Participation,
}

/// `actionInd`: what a list of changes does with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ActionInd {
    /// `A`: it is new. Also what is meant where nothing is said.
    #[serde(rename = "A")]
    Add,
    /// `M`: it takes part in another way.
    #[serde(rename = "M")]
    Modify,
    /// `D`: it does not take part any more.
    #[serde(rename = "D")]
    Delete,
}

impl ActionInd {
    /// The letter of the wire.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Add => "A",
            Self::Modify => "M",
            Self::Delete => "D",
        }
    }
}

/// Card numbers of one length, 13–19 digits, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PanRange {
    pub(crate) digits: u8,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl PanRange {
    /// Takes the first and the last number, which have the same length.
    #[must_use]
    pub fn new(first: &str, last: &str) -> Option<Self> {
        let (digits, first) = pan_number(first)?;
        let (others, last) = pan_number(last)?;
        (digits == others && first <= last).then_some(Self { digits, first, last })
    }

    /// The first number.
    #[must_use]
    pub fn first(&self) -> String {
        format!("{:0width$}", self.first, width = usize::from(self.digits))
    }

    /// The last number.
    #[must_use]
    pub fn last(&self) -> String {
        format!("{:0width$}", self.last, width = usize::from(self.digits))
    }

    /// Whether some number is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.digits == other.digits && self.first <= other.last && other.first <= self.last
    }
}

/// How many digits a card number has, and its value, which fits 64 bits even with 19.
pub(crate) fn pan_number(pan: &str) -> Option<(u8, u64)> {
    let digits = u8::try_from(pan.len()).ok().filter(|digits| (13..=19).contains(digits))?;
    if !pan.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits, pan.parse().ok()?))
}

/// How the cards of a range take part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Participation {
    /// What their ACS supports.
    pub acs: Vec<AcsVersions>,
    /// The directory server's versions for them; empty: those it has for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ds: Vec<VersionSpan>,
}

/// What an ACS supports in some versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AcsVersions {
    /// In which.
    pub versions: VersionSpan,
    /// `threeDSMethodURL`: where the browser is first sent, unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_url: Option<String>,
    /// `acsInfoInd`: 01 authentication, 02 attempts, 03 decoupled, 04 trust list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<String>,
}

impl Participation {
    /// The newest version in common; `ds` is what the directory server has for all ranges.
    #[must_use]
    pub fn choose(&self, ds: &[VersionSpan], ours: &[Version]) -> Option<Version> {
        let acs: Vec<_> = self.acs.iter().map(|acs| acs.versions).collect();
        choose(&acs, if self.ds.is_empty() { ds } else { &self.ds }, ours)
    }

    /// Where the 3DS Method of `version` is, if there is one.
    #[must_use]
    pub fn method_url(&self, version: Version) -> Option<&str> {
        self.acs_of(version).find_map(|acs| acs.method_url.as_deref())
    }

    /// Whether the ACS says this of `version` with its `acsInfoInd`.
    #[must_use]
    pub fn has_info(&self, version: Version, code: &str) -> bool {
        self.acs_of(version).any(|acs| acs.info.iter().any(|info| info == code))
    }

    fn acs_of(&self, version: Version) -> impl Iterator<Item = &AcsVersions> {
        self.acs.iter().filter(move |acs| acs.versions.contains(version.protocol()))
    }
}

/// Reads one entry, which may stand for several ranges, in the shape of either version.
pub(crate) fn read_entry(
    entry: Value,
    endpoint: &Endpoint,
    ranges: &mut Vec<CardRange>,
) -> Result<(), Findings> {
    let malformed = |path: &str| Findings { malformed: vec![path.to_owned()], ..Findings::default() };
    let Value::Object(members) = entry else { return Err(malformed(FIELD)) };
    let mut entry = Fields(members);
    entry.prune();
    let in_231 = entry.get("ranges").is_some();
    let rules = if in_231 { rules::RANGE_231 } else { rules::RANGE_220 };
    let findings = rules::check_object(rules, FIELD, &entry.0, endpoint);
    if !findings.is_empty() {
        return Err(findings);
    }
    let action = match entry.text("actionInd") {
        Some("D") => ActionInd::Delete,
        Some("M") => ActionInd::Modify,
        _ => ActionInd::Add,
    };
    let participation = if in_231 { participation_231(&entry.0) } else { participation_220(&entry.0) };
    let single = std::slice::from_ref(&entry.0);
    let bounds: Vec<&Map<String, Value>> = match entry.get("ranges").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(Value::as_object).collect(),
        None => single.iter().collect(),
    };
    for bounds in bounds {
        let (first, last) = (text(bounds, "startRange"), text(bounds, "endRange"));
        let pans = first.zip(last).and_then(|(first, last)| PanRange::new(first, last));
        let Some(pans) = pans else {
            return Err(malformed(&format!("{FIELD}.{}endRange", if in_231 { "ranges." } else { "" })));
        };
        ranges.push(CardRange { pans, action, participation: participation.clone() });
    }
    Ok(())
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

fn version(members: &Map<String, Value>, name: &str) -> Option<ProtocolVersion> {
    text(members, name).and_then(ProtocolVersion::parse)
}

fn list<'a>(members: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    members.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn acs_versions(versions: VersionSpan, members: &Map<String, Value>) -> AcsVersions {
    AcsVersions {
        versions,
        method_url: text(members, "threeDSMethodURL").map(str::to_owned),
        info: list(members, "acsInfoInd").filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn participation_220(entry: &Map<String, Value>) -> Participation {
    let span = |start, end| spans(version(entry, start), version(entry, end), &[]);
    let acs = span("acsStartProtocolVersion", "acsEndProtocolVersion");
    Participation {
        acs: acs.into_iter().map(|versions| acs_versions(versions, entry)).collect(),
        ds: span("dsStartProtocolVersion", "dsEndProtocolVersion"),
    }
}

fn participation_231(entry: &Map<String, Value>) -> Participation {
    let acs = list(entry, "acsProtocolVersions").filter_map(Value::as_object).filter_map(|acs| {
        version(acs, "version").map(|version| acs_versions(VersionSpan::only(version), acs))
    });
    let ds: Vec<_> = list(entry, "dsProtocolVersions")
        .filter_map(Value::as_str)
        .filter_map(ProtocolVersion::parse)
        .collect();
    Participation { acs: acs.collect(), ds: spans(None, None, &ds) }
}

impl CardRange {
    /// The entry as a version writes it.
    pub(crate) fn to_json(&self, version: Version) -> Value {
        let participation = &self.participation;
        let mut entry = Fields::default();
        entry.set("actionInd", self.action.letter());
        match version {
            Version::V220 => {
                entry.set("startRange", self.pans.first());
                entry.set("endRange", self.pans.last());
                let acs: Vec<_> = participation.acs.iter().map(|acs| acs.versions).collect();
                set_span(&mut entry, ["acsStartProtocolVersion", "acsEndProtocolVersion"], &acs);
                set_span(&mut entry, ["dsStartProtocolVersion", "dsEndProtocolVersion"], &participation.ds);
                // 2.2.0 has one for all versions: that of its own comes first.
                let own = participation.acs_of(version).chain(&participation.acs).next();
                own.into_iter().for_each(|acs| set_acs(&mut entry, acs));
            }
            Version::V231 => {
                let bounds = json!({ "startRange": self.pans.first(), "endRange": self.pans.last() });
                entry.set("ranges", Value::Array(vec![bounds]));
                let acs = participation.acs.iter().flat_map(|acs| {
                    each(acs.versions).map(|version| {
                        let mut member = Fields::default();
                        member.set("version", version.to_string());
                        set_acs(&mut member, acs);
                        Value::Object(std::mem::take(&mut member.0))
                    })
                });
                entry.set("acsProtocolVersions", Value::Array(acs.collect()));
                let ds =
                    participation.ds.iter().copied().flat_map(each).map(|version| version.to_string().into());
                entry.set("dsProtocolVersions", Value::Array(ds.collect()));
            }
        }
        entry.prune();
        Value::Object(std::mem::take(&mut entry.0))
    }
}

fn set_acs(entry: &mut Fields, acs: &AcsVersions) {
    if let Some(url) = &acs.method_url {
        entry.set("threeDSMethodURL", url.clone());
    }
    entry.set("acsInfoInd", acs.info.clone());
}

fn set_span(entry: &mut Fields, [start, end]: [&str; 2], spans: &[VersionSpan]) {
    if let Some(first) = spans.iter().map(|span| span.start).min() {
        entry.set(start, first.to_string());
    }
    if let Some(last) = spans.iter().map(|span| span.end).max() {
        entry.set(end, last.to_string());
    }
}

/// The versions of a span, one by one.
fn each(span: VersionSpan) -> impl Iterator<Item = ProtocolVersion> {
    let one = Some(span.start).filter(|start| *start == span.end);
    let several = ProtocolVersion::KNOWN.iter().copied().filter(move |&version| span.contains(version));
    one.into_iter().chain(several.filter(move |_| one.is_none()))
}

/// Checks the entries that are to be written.
pub(crate) fn check_entries(
    entries: &[Value],
    version: Version,
    endpoint: &Endpoint,
    findings: &mut Findings,
) {
    let rules = if version == Version::V220 { rules::RANGE_220 } else { rules::RANGE_231 };
    for entry in entries.iter().filter_map(Value::as_object) {
        let mut found = rules::check_object(rules, FIELD, entry, endpoint);
        findings.missing.append(&mut found.missing);
        findings.malformed.append(&mut found.malformed);
        if !findings.is_empty() {
            return;
        }
    }
}
