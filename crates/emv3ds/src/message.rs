//! Messages: from bytes to types and back, by the same rules both ways.

use crate::areq::AReq;
use crate::ares::ARes;
use crate::card_range::{self, CardRange};
use crate::challenge::{CReq, CRes};
use crate::dialect;
use crate::erro::Erro;
use crate::fault::{About, Fault};
use crate::fields::{self, Fields};
use crate::preparation::{PReq, PRes};
use crate::results::{RReq, RRes};
use crate::rules;
use crate::values::{Component, DeviceChannel, ErrorCode, MessageCategory};
use crate::version::Version;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// The most bytes that a message may have, except a `PRes`.
pub const MESSAGE_BYTES: usize = 512 * 1024;

/// The most bytes that a `PRes` may have: it lists every card range of a scheme.
pub const PRES_BYTES: usize = 64 * 1024 * 1024;

/// `messageType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// The card ranges are asked for.
    PReq,
    /// The card ranges.
    PRes,
    /// An authentication is asked for.
    AReq,
    /// Its answer.
    ARes,
    /// The browser goes to the challenge.
    CReq,
    /// The browser comes back.
    CRes,
    /// The result of a challenge.
    RReq,
    /// That it was received.
    RRes,
    /// An error.
    Erro,
}

impl MessageType {
    /// Every type.
    pub const ALL: [Self; 9] = [
        Self::PReq,
        Self::PRes,
        Self::AReq,
        Self::ARes,
        Self::CReq,
        Self::CRes,
        Self::RReq,
        Self::RRes,
        Self::Erro,
    ];

    /// The word of the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PReq => "PReq",
            Self::PRes => "PRes",
            Self::AReq => "AReq",
            Self::ARes => "ARes",
            Self::CReq => "CReq",
            Self::CRes => "CRes",
            Self::RReq => "RReq",
            Self::RRes => "RRes",
            Self::Erro => "Erro",
        }
    }

    /// The type with this word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|message| message.name() == name)
    }

    /// Whether `component` is ever sent such a message.
    #[must_use]
    pub const fn is_for(self, component: Component) -> bool {
        use Component::{Acs, DirectoryServer, Sdk, Server};
        match self {
            Self::Erro => true,
            Self::PReq => matches!(component, DirectoryServer),
            Self::AReq | Self::RRes => matches!(component, DirectoryServer | Acs),
            Self::ARes | Self::RReq => matches!(component, DirectoryServer | Server),
            Self::PRes => matches!(component, Server),
            Self::CReq => matches!(component, Acs),
            Self::CRes => matches!(component, Server | Sdk),
        }
    }
}

/// Who reads and writes messages, and what it knows of the conversation.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    component: Component,
    versions: &'static [Version],
    extensions: &'static [&'static str],
    channel: DeviceChannel,
    category: MessageCategory,
    pub(crate) loopback_http: bool,
}

impl Endpoint {
    /// One of those who take part, in a payment by browser, with every version and without extensions.
    #[must_use]
    pub const fn new(component: Component) -> Self {
        Self {
            component,
            versions: Version::ALL,
            extensions: &[],
            channel: DeviceChannel::Browser,
            category: MessageCategory::PAYMENT,
            loopback_http: false,
        }
    }

    /// Speaks only these versions; any other is answered with 102.
    #[must_use]
    pub const fn with_versions(mut self, versions: &'static [Version]) -> Self {
        self.versions = versions;
        self
    }

    /// Knows these critical extensions, by id; any other is answered with 202.
    #[must_use]
    pub const fn with_extensions(mut self, extensions: &'static [&'static str]) -> Self {
        self.extensions = extensions;
        self
    }

    /// Is in a conversation of this channel and category, which not every message repeats.
    #[must_use]
    pub const fn in_conversation(mut self, channel: DeviceChannel, category: MessageCategory) -> Self {
        (self.channel, self.category) = (channel, category);
        self
    }

    /// Takes `http` URLs on this machine as well, for tests.
    #[must_use]
    pub const fn with_loopback_http(mut self) -> Self {
        self.loopback_http = true;
        self
    }

    /// Who it is.
    #[must_use]
    pub const fn component(&self) -> Component {
        self.component
    }

    /// What is known of a field that a message does not carry.
    pub(crate) fn told(&self, field: &str) -> Option<&'static str> {
        match field {
            "deviceChannel" => Some(self.channel.code()),
            "messageCategory" if self.category == MessageCategory::PAYMENT => Some("01"),
            "messageCategory" if self.category == MessageCategory::NON_PAYMENT => Some("02"),
            _ => None,
        }
    }
}

/// An item of `messageExtension`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageExtension {
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub id: String,
    /// Whether the message makes no sense without it.
    #[serde(rename = "criticalityIndicator")]
    pub critical: bool,
    /// Its data.
    pub data: Fields,
}

/// A message as a type.
pub trait Body: Serialize + DeserializeOwned + sealed::Ranges {
    /// Which message it is.
    const TYPE: MessageType;

    /// The version it is written in.
    fn version(&self) -> Version;

    /// The JSON text, if the rules allow it: what is sent must pass what is checked.
    ///
    /// # Errors
    /// What is missing or malformed.
    fn to_json(&self, endpoint: &Endpoint) -> Result<Zeroizing<String>, Fault> {
        write(self, endpoint)
    }

    /// What a [`Fault`] of one's own says of it: one that no field rule finds.
    fn about(&self) -> About {
        About::of(&members(self))
    }
}

pub(crate) mod sealed {
    use crate::card_range::CardRange;

    /// Only `PRes` has card ranges, which are kept apart because of their number.
    pub trait Ranges {
        /// The ranges to write.
        fn ranges(&self) -> Option<&[CardRange]> {
            None
        }

        /// Takes the ranges that were read.
        fn set_ranges(&mut self, _: Option<Vec<CardRange>>) {}
    }
}

impl Body for PReq {
    const TYPE: MessageType = MessageType::PReq;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for PRes {
    const TYPE: MessageType = MessageType::PRes;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for AReq {
    const TYPE: MessageType = MessageType::AReq;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for ARes {
    const TYPE: MessageType = MessageType::ARes;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for CReq {
    const TYPE: MessageType = MessageType::CReq;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for CRes {
    const TYPE: MessageType = MessageType::CRes;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for RReq {
    const TYPE: MessageType = MessageType::RReq;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for RRes {
    const TYPE: MessageType = MessageType::RRes;

    fn version(&self) -> Version {
        self.version
    }
}

impl Body for Erro {
    const TYPE: MessageType = MessageType::Erro;

    fn version(&self) -> Version {
        self.version
    }
}

/// What came back to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Received<T> {
    /// The message that was waited for.
    Message(T),
    /// An error instead. It is not answered.
    Erro(Erro),
}

/// Reads the answer to a request: a message of type `T`, or an `Erro`.
///
/// # Errors
/// The fault to answer with.
pub fn receive<T: Body>(bytes: &[u8], endpoint: &Endpoint) -> Result<Received<T>, Fault> {
    let limit = if T::TYPE == MessageType::PRes { PRES_BYTES } else { MESSAGE_BYTES };
    let checked = check(bytes, endpoint, limit)?;
    match checked.message_type {
        MessageType::Erro => checked.into_body(endpoint).map(Received::Erro),
        message if message == T::TYPE => checked.into_body(endpoint).map(Received::Message),
        _ => Err(checked.fault(ErrorCode::MESSAGE_INVALID, endpoint, NOT_FOR_US)),
    }
}

/// Any message, as an address that takes several types reads it.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the message of its name")]
pub enum Message {
    PReq(PReq),
    PRes(PRes),
    AReq(Box<AReq>),
    ARes(Box<ARes>),
    CReq(CReq),
    CRes(CRes),
    RReq(Box<RReq>),
    RRes(RRes),
    Erro(Erro),
}

impl Message {
    /// Reads a message of any type that `endpoint` is sent.
    ///
    /// # Errors
    /// The fault to answer with.
    pub fn parse(bytes: &[u8], endpoint: &Endpoint) -> Result<Self, Fault> {
        let checked = check(bytes, endpoint, MESSAGE_BYTES)?;
        Ok(match checked.message_type {
            MessageType::PReq => Self::PReq(checked.into_body(endpoint)?),
            MessageType::PRes => Self::PRes(checked.into_body(endpoint)?),
            MessageType::AReq => Self::AReq(Box::new(checked.into_body(endpoint)?)),
            MessageType::ARes => Self::ARes(Box::new(checked.into_body(endpoint)?)),
            MessageType::CReq => Self::CReq(checked.into_body(endpoint)?),
            MessageType::CRes => Self::CRes(checked.into_body(endpoint)?),
            MessageType::RReq => Self::RReq(Box::new(checked.into_body(endpoint)?)),
            MessageType::RRes => Self::RRes(checked.into_body(endpoint)?),
            MessageType::Erro => Self::Erro(checked.into_body(endpoint)?),
        })
    }
}

/// The detail of a 101.
const NOT_FOR_US: &str = "Invalid Message for the receiving component";

/// A message that keeps the rules.
struct Checked {
    message_type: MessageType,
    version: Version,
    fields: Fields,
    ranges: Option<Vec<CardRange>>,
}

fn check(bytes: &[u8], endpoint: &Endpoint, limit: usize) -> Result<Checked, Fault> {
    let refuse = |code, detail: &str, about| Err(Fault::new(code, endpoint.component, detail, about));
    let newest = endpoint.versions.iter().copied().max();
    let read = if bytes.len() > limit { None } else { fields::read(bytes, endpoint) };
    let Some(mut read) = read else {
        let about = About { version: newest, ..About::default() };
        return refuse(ErrorCode::MESSAGE_INVALID, "Invalid Formatted Message", about);
    };
    read.fields.prune();
    let mut about = About::of(&read.fields);
    let spoken = about.version.filter(|version| endpoint.versions.contains(version));
    about.version = spoken.or(newest);
    let Some(message_type) = about.message_type else {
        return refuse(ErrorCode::MESSAGE_INVALID, "Invalid Message Type", about);
    };
    if !message_type.is_for(endpoint.component) {
        return refuse(ErrorCode::MESSAGE_INVALID, NOT_FOR_US, about);
    }
    let version = match spoken {
        Some(version) => version,
        // An error is read whatever its version.
        None if message_type == MessageType::Erro => Version::V220,
        None if read.fields.get("messageVersion").is_none() => newest.unwrap_or(Version::V231),
        None => {
            let ours: Vec<&str> = endpoint.versions.iter().map(|version| version.text()).collect();
            return refuse(ErrorCode::VERSION_UNSUPPORTED, &ours.join(","), about);
        }
    };
    if let Some(name) = read.duplicate {
        // A name from outside could be anything; only those of the tables are repeated.
        let known = rules::rules(message_type, version).any(|rule| rule.field == name);
        let name = if known { name } else { "unknown element".to_owned() };
        let fault = Fault::new(ErrorCode::DUPLICATE, endpoint.component, name.clone(), about);
        return Err(Fault { fields: vec![name], ..fault });
    }
    read.fields.keep(|name| rules::rules(message_type, version).any(|rule| rule.field == name));
    let mut findings = rules::check(message_type, version, &read.fields, endpoint);
    if message_type == MessageType::PRes {
        findings.missing.append(&mut read.range_findings.missing);
        findings.malformed.append(&mut read.range_findings.malformed);
    }
    if let Some(fault) = Fault::of(findings, endpoint.component, about) {
        return Err(fault);
    }
    let checked = Checked { message_type, version, fields: read.fields, ranges: read.ranges };
    checked.check_extensions(endpoint)?;
    Ok(checked)
}

impl Checked {
    fn fault(&self, code: ErrorCode, endpoint: &Endpoint, detail: &str) -> Fault {
        Fault::new(code, endpoint.component, detail, About::of(&self.fields))
    }

    /// Refuses a critical extension that is not known (202).
    fn check_extensions(&self, endpoint: &Endpoint) -> Result<(), Fault> {
        let extensions = self.fields.get("messageExtension").and_then(Value::as_array);
        let unknown: Vec<&str> = extensions
            .into_iter()
            .flatten()
            .filter(|extension| extension.get("criticalityIndicator").and_then(Value::as_bool) == Some(true))
            .filter_map(|extension| extension.get("id").and_then(Value::as_str))
            .filter(|id| !endpoint.extensions.contains(id))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let fault = self.fault(ErrorCode::CRITICAL_EXTENSION, endpoint, &unknown.join(","));
        Err(Fault { fields: vec!["messageExtension".to_owned()], ..fault })
    }

    fn into_body<T: Body>(mut self, endpoint: &Endpoint) -> Result<T, Fault> {
        let about = About::of(&self.fields);
        dialect::into_types(&mut self.fields, self.version);
        self.fields.remove("messageType");
        self.fields.set("messageVersion", self.version.text());
        let members = std::mem::take(&mut self.fields.0);
        // What keeps the rules has a type; a test holds that for every row.
        let mut body: T = serde_json::from_value(Value::Object(members)).map_err(|_| {
            Fault::new(ErrorCode::FORMAT_INVALID, endpoint.component, "Invalid Formatted Message", about)
        })?;
        body.set_ranges(self.ranges);
        Ok(body)
    }
}

/// What a body says, in the shape of the types.
fn members<T: Body>(body: &T) -> Fields {
    let mut fields = Fields::default();
    if let Ok(Value::Object(members)) = serde_json::to_value(body) {
        fields.0 = members;
    }
    fields.set("messageType", T::TYPE.name());
    fields
}

fn write<T: Body>(body: &T, endpoint: &Endpoint) -> Result<Zeroizing<String>, Fault> {
    let version = body.version();
    let mut fields = members(body);
    fields.prune();
    dialect::out_of_types(&mut fields, version);
    fields.keep(|name| rules::rules(T::TYPE, version).any(|rule| rule.field == name));
    let mut findings = rules::check(T::TYPE, version, &fields, endpoint);
    if let Some(ranges) = body.ranges() {
        let entries: Vec<Value> = ranges.iter().map(|range| range.to_json(version)).collect();
        card_range::check_entries(&entries, version, endpoint, &mut findings);
        fields.set(card_range::FIELD, Value::Array(entries));
    }
    match Fault::of(findings, endpoint.component, About::of(&fields)) {
        Some(fault) => Err(fault),
        None => Ok(fields.to_text()),
    }
}
