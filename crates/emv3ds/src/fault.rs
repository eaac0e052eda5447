//! What is wrong with a message, and the `Erro` that says so.
//!
//! A fault names fields and never their values. An `Erro` is never answered with an `Erro`, whatever is wrong
//! with it: then [`Fault::erro`] is `None`.

use crate::erro::Erro;
use crate::fields::Fields;
use crate::ids::TransId;
use crate::message::MessageType;
use crate::rules::Findings;
use crate::values::{Component, ErrorCode};
use crate::version::Version;
use std::fmt;

/// The longest `errorDetail` and `errorDescription`.
pub(crate) const DETAIL_CHARS: usize = 2048;

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of problem it is.
    pub code: ErrorCode,
    /// Who found it.
    pub component: Component,
    /// The fields it is about, with a dot before the members of an object: `homePhone.cc`.
    pub fields: Vec<String>,
    /// What `errorDetail` says: the fields, or what else the code asks for.
    pub detail: String,
    /// Which message it is about. Boxed, because results carry it about.
    pub about: Box<About>,
}

/// What is known of a message that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its type, if that could be read.
    pub message_type: Option<MessageType>,
    /// Its version if it is spoken here, else the newest that is: an answer is written in it.
    pub version: Option<Version>,
    /// `threeDSServerTransID`.
    pub server_trans_id: Option<TransId>,
    /// `acsTransID`.
    pub acs_trans_id: Option<TransId>,
    /// `dsTransID`.
    pub ds_trans_id: Option<TransId>,
}

impl About {
    /// Whatever of it can be read out of a message.
    pub(crate) fn of(fields: &Fields) -> Self {
        let id = |name| fields.text(name).and_then(TransId::parse);
        Self {
            message_type: fields.text("messageType").and_then(MessageType::parse),
            version: fields.text("messageVersion").and_then(Version::parse),
            server_trans_id: id("threeDSServerTransID"),
            acs_trans_id: id("acsTransID"),
            ds_trans_id: id("dsTransID"),
        }
    }
}

impl Fault {
    /// A fault that the rules of a message cannot find, such as a transaction id that nobody knows (301) or a card
    /// in no range (305). `detail` must not hold a value of the message.
    #[must_use]
    pub fn new(code: ErrorCode, component: Component, detail: impl Into<String>, about: About) -> Self {
        let detail: String = detail.into().chars().take(DETAIL_CHARS).collect();
        Self { code, component, fields: Vec::new(), detail, about: Box::new(about) }
    }

    /// What the rules found: what is missing goes first (201), then what is malformed (203).
    pub(crate) fn of(findings: Findings, component: Component, about: About) -> Option<Self> {
        let (code, fields) = match (findings.missing, findings.malformed) {
            (missing, _) if !missing.is_empty() => (ErrorCode::REQUIRED_MISSING, missing),
            (_, malformed) if !malformed.is_empty() => (ErrorCode::FORMAT_INVALID, malformed),
            _ => return None,
        };
        Some(Self { fields: fields.clone(), ..Self::new(code, component, fields.join(","), about) })
    }

    /// The message to answer with; `None` if the faulty one is an `Erro` itself.
    #[must_use]
    pub fn erro(&self) -> Option<Erro> {
        let about = &*self.about;
        if about.message_type == Some(MessageType::Erro) {
            return None;
        }
        Some(Erro {
            version: about.version.unwrap_or(Version::V231),
            error_code: self.code,
            error_component: self.component,
            error_description: self.code.description().to_owned(),
            error_detail: self.detail.clone(),
            error_message_type: about.message_type.map(|message| message.name().to_owned()),
            server_trans_id: about.server_trans_id.clone(),
            acs_trans_id: about.acs_trans_id.clone(),
            ds_trans_id: about.ds_trans_id.clone(),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.about.message_type.map_or("message", MessageType::name);
        write!(f, "{message} refused: {} {}: {}", self.code, self.code.description(), self.detail)
    }
}

impl std::error::Error for Fault {}
