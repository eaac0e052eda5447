//! `Erro`: a message could not be used.

use crate::ids::TransId;
use crate::message::sealed;
use crate::values::{Component, ErrorCode};
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// Says that a message was refused, or that something went wrong. It is never answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erro {
    /// `messageVersion`. An `Erro` of a version that is not spoken here is read as 2.2.0.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `errorCode`.
    #[serde(rename = "errorCode")]
    pub error_code: ErrorCode,
    /// `errorComponent`: who found it.
    #[serde(rename = "errorComponent")]
    pub error_component: Component,
    /// `errorDescription`: what the code means.
    #[serde(rename = "errorDescription")]
    pub error_description: String,
    /// `errorDetail`: the fields it is about, or another hint. Text from outside, not to be trusted.
    #[serde(rename = "errorDetail")]
    pub error_detail: String,
    /// `errorMessageType`: which message it is about.
    #[serde(rename = "errorMessageType", skip_serializing_if = "Option::is_none")]
    pub error_message_type: Option<String>,
    /// `threeDSServerTransID`, if it is known.
    #[serde(rename = "threeDSServerTransID", skip_serializing_if = "Option::is_none")]
    pub server_trans_id: Option<TransId>,
    /// `acsTransID`, if it is known.
    #[serde(rename = "acsTransID", skip_serializing_if = "Option::is_none")]
    pub acs_trans_id: Option<TransId>,
    /// `dsTransID`, if it is known.
    #[serde(rename = "dsTransID", skip_serializing_if = "Option::is_none")]
    pub ds_trans_id: Option<TransId>,
}

impl sealed::Ranges for Erro {}
