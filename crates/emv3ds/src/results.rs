//! `RReq` and `RRes`: how a challenge ended, from the ACS through the directory server.
//!
//! Only this decides: what the browser brings back does not.

use crate::ares::Outcome;
use crate::fields::Fields;
use crate::ids::TransId;
use crate::message::{MessageExtension, sealed};
use crate::values::{ChallengeCancel, MessageCategory, ResultsStatus, TwoDigits};
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// The result of a challenge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RReq {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `messageCategory`.
    #[serde(rename = "messageCategory")]
    pub category: MessageCategory,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `dsTransID`.
    #[serde(rename = "dsTransID")]
    pub ds_trans_id: TransId,
    /// `acsTransID`.
    #[serde(rename = "acsTransID")]
    pub acs_trans_id: TransId,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// `challengeCancel`: how it ended early.
    #[serde(rename = "challengeCancel", skip_serializing_if = "Option::is_none")]
    pub challenge_cancel: Option<ChallengeCancel>,
    /// `interactionCounter`: how often the cardholder tried.
    #[serde(rename = "interactionCounter", skip_serializing_if = "Option::is_none")]
    pub interaction_counter: Option<TwoDigits>,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
    /// The other fields that the rules know.
    #[serde(flatten)]
    pub other: Fields,
}

impl RReq {
    /// The answer to it, which is due within three seconds.
    #[must_use]
    pub fn answer(&self, status: ResultsStatus) -> RRes {
        RRes {
            version: self.version,
            server_trans_id: self.server_trans_id.clone(),
            ds_trans_id: self.ds_trans_id.clone(),
            acs_trans_id: self.acs_trans_id.clone(),
            results_status: status,
            extensions: Vec::new(),
        }
    }
}

/// The result was received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RRes {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `dsTransID`.
    #[serde(rename = "dsTransID")]
    pub ds_trans_id: TransId,
    /// `acsTransID`.
    #[serde(rename = "acsTransID")]
    pub acs_trans_id: TransId,
    /// `resultsStatus`.
    #[serde(rename = "resultsStatus")]
    pub results_status: ResultsStatus,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
}

impl sealed::Ranges for RReq {}
impl sealed::Ranges for RRes {}
