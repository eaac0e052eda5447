//! `ARes`: what the issuer answers.

use crate::fields::Fields;
use crate::ids::TransId;
use crate::message::{MessageExtension, sealed};
use crate::values::{
    AcsChallengeMandated, AuthenticationValue, Eci, TransStatus, TransStatusReason, TwoDigits, YesNo,
};
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// The answer to an authentication request. It is final unless it asks for a challenge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ARes {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `dsTransID`, which the authorisation carries on.
    #[serde(rename = "dsTransID")]
    pub ds_trans_id: TransId,
    /// `acsTransID`.
    #[serde(rename = "acsTransID")]
    pub acs_trans_id: TransId,
    /// `dsReferenceNumber`.
    #[serde(rename = "dsReferenceNumber")]
    pub ds_reference_number: String,
    /// `acsReferenceNumber`.
    #[serde(rename = "acsReferenceNumber")]
    pub acs_reference_number: String,
    /// The outcome so far.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// `acsURL`: where the browser takes the challenge. Required with status C.
    #[serde(rename = "acsURL", skip_serializing_if = "Option::is_none")]
    pub acs_url: Option<String>,
    /// `acsChallengeMandated`. Required with status C and D.
    #[serde(rename = "acsChallengeMandated", skip_serializing_if = "Option::is_none")]
    pub challenge_mandated: Option<AcsChallengeMandated>,
    /// `acsDecConInd`. Required with status D.
    #[serde(rename = "acsDecConInd", skip_serializing_if = "Option::is_none")]
    pub decoupled_confirmed: Option<YesNo>,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
    /// The other fields that the rules know.
    #[serde(flatten)]
    pub other: Fields,
}

/// The outcome of an authentication, in an `ARes` or after the challenge in an `RReq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// `transStatus`.
    #[serde(rename = "transStatus")]
    pub status: TransStatus,
    /// `transStatusReason`. Required for a payment with status N, U and R.
    #[serde(rename = "transStatusReason", skip_serializing_if = "Option::is_none")]
    pub reason: Option<TransStatusReason>,
    /// `authenticationValue`. Required for a payment with status Y and A.
    #[serde(rename = "authenticationValue", skip_serializing_if = "Option::is_none")]
    pub authentication_value: Option<AuthenticationValue>,
    /// `eci`, as the directory server has it.
    #[serde(rename = "eci", skip_serializing_if = "Option::is_none")]
    pub eci: Option<Eci>,
    /// `authenticationType` (2.2.0): 01 static, 02 dynamic, 03 out of band, 04 decoupled.
    #[serde(rename = "authenticationType", skip_serializing_if = "Option::is_none")]
    pub authentication_type: Option<TwoDigits>,
    /// `authenticationMethod`: how the cardholder was asked; a list in 2.3.1.
    #[serde(rename = "authenticationMethod", default, skip_serializing_if = "Vec::is_empty")]
    pub authentication_methods: Vec<TwoDigits>,
    /// `cardholderInfo`: a text that must be shown to the customer, and must not be trusted.
    #[serde(rename = "cardholderInfo", skip_serializing_if = "Option::is_none")]
    pub cardholder_info: Option<CardholderInfo>,
    /// `trustListStatus`, called `whiteListStatus` in 2.2.0.
    #[serde(rename = "trustListStatus", skip_serializing_if = "Option::is_none")]
    pub trust_list_status: Option<String>,
    /// `trustListStatusSource`, called `whiteListStatusSource` in 2.2.0.
    #[serde(rename = "trustListStatusSource", skip_serializing_if = "Option::is_none")]
    pub trust_list_status_source: Option<TwoDigits>,
}

impl Outcome {
    /// An outcome that is no more than its status.
    #[must_use]
    pub const fn new(status: TransStatus) -> Self {
        Self {
            status,
            reason: None,
            authentication_value: None,
            eci: None,
            authentication_type: None,
            authentication_methods: Vec::new(),
            cardholder_info: None,
            trust_list_status: None,
            trust_list_status_source: None,
        }
    }
}

/// `cardholderInfo`: what the issuer tells the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardholderInfo {
    /// At most 128 characters.
    pub text: String,
    /// The issuer's logo (2.3.1).
    #[serde(rename = "issuerImage", skip_serializing_if = "Option::is_none")]
    pub issuer_image: Option<String>,
    /// The scheme's logo (2.3.1).
    #[serde(rename = "paymentSystemImage", skip_serializing_if = "Option::is_none")]
    pub payment_system_image: Option<String>,
}

impl From<&str> for CardholderInfo {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), issuer_image: None, payment_system_image: None }
    }
}

impl sealed::Ranges for ARes {}
