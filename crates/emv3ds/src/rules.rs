//! The field rules, as tables, and the one check that reads them.
//!
//! A row says what a field is called, when it must be there, what it looks like, and in which version. The same rows
//! are used on what is sent and on what was received. Nothing but the tables is checked, as the protocol asks: a
//! field in no table is ignored.
//!
//! Fields that must be there by a directory server's rule, by the law or by what the cardholder was asked before
//! cannot be told from the message, so they are optional here.

mod areq;
mod format;
mod messages;
mod preparation;

pub use format::Format;
pub(crate) use preparation::{RANGE_220, RANGE_231};

use crate::fields::{self, Fields};
use crate::message::{Endpoint, MessageType};
use crate::version::Version;
use serde_json::{Map, Value};

/// A row: one field of one message.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name on the wire.
    pub field: &'static str,
    /// When it must be there.
    pub presence: Presence,
    /// What it looks like.
    pub format: Format,
    /// The only version that has it; `None`: both.
    pub only: Option<Version>,
}

/// When a field must be there.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    /// Always.
    Required,
    /// When this is so.
    When(Condition),
    /// Never.
    Optional,
}

/// What can be told from a message, or from the conversation it is part of.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// The field has one of these values. `messageCategory` and `deviceChannel` are those of the conversation where
    /// the message does not carry them.
    Is(&'static str, &'static [&'static str]),
    /// The field is `true`.
    True(&'static str),
    /// The field is there.
    Present(&'static str),
    /// All of these.
    All(&'static [Condition]),
    /// At least one of these.
    Any(&'static [Condition]),
    /// Not this.
    Not(&'static Condition),
}

/// The channel is a browser.
const BROWSER: Condition = Condition::Is("deviceChannel", &["02"]);
/// A payment is authenticated.
const PAYMENT: Condition = Condition::Is("messageCategory", &["01"]);

const fn required(field: &'static str, format: Format) -> Rule {
    Rule { field, presence: Presence::Required, format, only: None }
}

const fn optional(field: &'static str, format: Format) -> Rule {
    Rule { field, presence: Presence::Optional, format, only: None }
}

const fn when(condition: Condition, field: &'static str, format: Format) -> Rule {
    Rule { field, presence: Presence::When(condition), format, only: None }
}

impl Rule {
    const fn only_220(mut self) -> Self {
        self.only = Some(Version::V220);
        self
    }

    const fn only_231(mut self) -> Self {
        self.only = Some(Version::V231);
        self
    }

    /// Whether a message of `version` has this field.
    #[must_use]
    pub fn is_in(&self, version: Version) -> bool {
        self.only.is_none_or(|only| only == version)
    }

    /// Whether `message` must have this field.
    #[must_use]
    pub fn is_required(&self, message: &Fields, endpoint: &Endpoint) -> bool {
        is_required(self, &Scope { members: &message.0, endpoint })
    }
}

/// The rows of a message in a version.
pub fn rules(message: MessageType, version: Version) -> impl Iterator<Item = &'static Rule> {
    let table: &'static [Rule] = match message {
        MessageType::PReq => preparation::PREQ,
        MessageType::PRes => preparation::PRES,
        MessageType::AReq => areq::AREQ,
        MessageType::ARes => messages::ARES,
        MessageType::CReq => messages::CREQ,
        MessageType::CRes => messages::CRES,
        MessageType::RReq => messages::RREQ,
        MessageType::RRes => messages::RRES,
        MessageType::Erro => messages::ERRO,
    };
    table.iter().filter(move |rule| rule.is_in(version))
}

/// What the rules found, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) missing: Vec<String>,
    pub(crate) malformed: Vec<String>,
}

impl Findings {
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.malformed.is_empty()
    }

    fn note(names: &mut Vec<String>, path: &str) {
        if !names.iter().any(|known| known == path) {
            names.push(path.to_owned());
        }
    }
}

/// Checks a message of which nothing is empty any more.
pub(crate) fn check(
    message: MessageType,
    version: Version,
    fields: &Fields,
    endpoint: &Endpoint,
) -> Findings {
    let mut findings = Findings::default();
    check_members(rules(message, version), "", &Scope { members: &fields.0, endpoint }, &mut findings);
    findings
}

/// Checks one object by a table of its own; its fields are named below `path`.
pub(crate) fn check_object(
    rules: &'static [Rule],
    path: &str,
    members: &Map<String, Value>,
    endpoint: &Endpoint,
) -> Findings {
    let mut findings = Findings::default();
    check_members(rules.iter(), path, &Scope { members, endpoint }, &mut findings);
    findings
}

/// The object that is checked, and who checks it.
struct Scope<'a> {
    members: &'a Map<String, Value>,
    endpoint: &'a Endpoint,
}

fn check_members(
    rules: impl Iterator<Item = &'static Rule>,
    path: &str,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    for rule in rules {
        let name = || if path.is_empty() { rule.field.to_owned() } else { format!("{path}.{}", rule.field) };
        match scope.members.get(rule.field).filter(|value| !fields::is_missing(value)) {
            Some(value) => check_value(&rule.format, &name(), value, scope.endpoint, findings),
            None if is_required(rule, scope) => Findings::note(&mut findings.missing, &name()),
            None => {}
        }
    }
}

fn check_value(format: &Format, path: &str, value: &Value, endpoint: &Endpoint, findings: &mut Findings) {
    match (format, value) {
        (Format::Object(rules), Value::Object(members)) => {
            check_members(rules.iter(), path, &Scope { members, endpoint }, findings);
        }
        (Format::List(least, most, of), Value::Array(items)) => {
            if !(*least..=*most).contains(&items.len()) {
                Findings::note(&mut findings.malformed, path);
            }
            for item in items.iter().take(*most) {
                check_value(of, path, item, endpoint, findings);
            }
        }
        (Format::Within(most, of), value) => {
            if fields::size(value).characters > *most {
                Findings::note(&mut findings.malformed, path);
            }
            check_value(of, path, value, endpoint, findings);
        }
        (Format::TextOr(text, _), Value::String(_)) => check_value(text, path, value, endpoint, findings),
        (Format::TextOr(_, other), value) => check_value(other, path, value, endpoint, findings),
        (format, value) => {
            if !format.matches(value, endpoint.loopback_http) {
                Findings::note(&mut findings.malformed, path);
            }
        }
    }
}

fn is_required(rule: &Rule, scope: &Scope<'_>) -> bool {
    match &rule.presence {
        Presence::Required => true,
        Presence::When(condition) => holds(condition, scope),
        Presence::Optional => false,
    }
}

fn holds(condition: &Condition, scope: &Scope<'_>) -> bool {
    let get = |field: &str| scope.members.get(field);
    match condition {
        Condition::Is(field, values) => {
            let value = get(field).and_then(Value::as_str).or_else(|| scope.endpoint.told(field));
            value.is_some_and(|value| values.contains(&value))
        }
        Condition::True(field) => get(field).and_then(Value::as_bool) == Some(true),
        Condition::Present(field) => get(field).is_some_and(|value| !fields::is_missing(value)),
        Condition::All(all) => all.iter().all(|condition| holds(condition, scope)),
        Condition::Any(any) => any.iter().any(|condition| holds(condition, scope)),
        Condition::Not(condition) => !holds(condition, scope),
    }
}
