//! `CReq` and `CRes`: the browser goes to the ACS and comes back, with forms of base64url.
//!
//! The browser's `CRes` only says that the challenge is over. Whoever holds the browser can write one, so the
//! outcome is that of the `RReq`.

use crate::base64url;
use crate::fault::{About, Fault};
use crate::ids::TransId;
use crate::message::{Body, Endpoint, MessageExtension, Received, receive, sealed};
use crate::values::{ChallengeWindowSize, ErrorCode, TransStatus, YesNo};
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// The longest `creq` and `cres` that are read: extensions have room in them.
pub const FORM_CHARS: usize = 160 * 1024;

/// The longest `threeDSSessionData`.
pub const SESSION_DATA_CHARS: usize = 1024;

/// The challenge begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CReq {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `acsTransID`.
    #[serde(rename = "acsTransID")]
    pub acs_trans_id: TransId,
    /// `challengeWindowSize`. Required in a browser.
    #[serde(rename = "challengeWindowSize", skip_serializing_if = "Option::is_none")]
    pub window_size: Option<ChallengeWindowSize>,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
}

/// The challenge is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CRes {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `acsTransID`.
    #[serde(rename = "acsTransID")]
    pub acs_trans_id: TransId,
    /// `transStatus`, which decides nothing.
    #[serde(rename = "transStatus")]
    pub status: TransStatus,
    /// `challengeCompletionInd`, which some ACSs send to browsers too.
    #[serde(rename = "challengeCompletionInd", skip_serializing_if = "Option::is_none")]
    pub completed: Option<YesNo>,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
}

impl CReq {
    /// The value of the form field `creq`, to be posted to `acsURL` within 30 seconds of the `ARes`.
    ///
    /// # Errors
    /// What is malformed.
    pub fn to_form(&self, endpoint: &Endpoint) -> Result<String, Fault> {
        Ok(base64url::encode(self.to_json(endpoint)?.as_bytes()))
    }

    /// Takes the form field `creq`, as the ACS.
    ///
    /// # Errors
    /// The fault to answer with.
    pub fn from_form(text: &str, endpoint: &Endpoint) -> Result<Received<Self>, Fault> {
        from_form(text, endpoint)
    }
}

impl CRes {
    /// The value of the form field `cres`, to be posted to `notificationURL`.
    ///
    /// # Errors
    /// What is malformed.
    pub fn to_form(&self, endpoint: &Endpoint) -> Result<String, Fault> {
        Ok(base64url::encode(self.to_json(endpoint)?.as_bytes()))
    }

    /// Takes the form field `cres`, in which an ACS also sends an `Erro`.
    ///
    /// # Errors
    /// What is wrong with it. A browser brought it, so nobody is answered.
    pub fn from_form(text: &str, endpoint: &Endpoint) -> Result<Received<Self>, Fault> {
        from_form(text, endpoint)
    }
}

fn from_form<T: Body>(text: &str, endpoint: &Endpoint) -> Result<Received<T>, Fault> {
    match base64url::decode(text, FORM_CHARS) {
        Some(json) => receive(&json, endpoint),
        None => {
            let (code, detail) = (ErrorCode::MESSAGE_INVALID, "Invalid Formatted Message");
            Err(Fault::new(code, endpoint.component(), detail, About::default()))
        }
    }
}

/// `threeDSSessionData`: bytes of ours that the ACS returns with the browser, in place of a cookie, which a browser
/// would not send along. It is not signed here.
#[must_use]
pub fn session_data_to_form(bytes: &[u8]) -> Option<String> {
    let text = base64url::encode(bytes);
    (text.len() <= SESSION_DATA_CHARS).then_some(text)
}

/// The bytes of `threeDSSessionData`. An ACS may pad what it got without padding.
#[must_use]
pub fn session_data_from_form(text: &str) -> Option<Vec<u8>> {
    base64url::decode(text, SESSION_DATA_CHARS.saturating_add(4))
}

impl sealed::Ranges for CReq {}
impl sealed::Ranges for CRes {}
