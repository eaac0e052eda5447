//! The 3DS Method: before the request the browser visits the ACS, unseen, so that the ACS knows it.
//!
//! Both ways the browser posts a form with `threeDSMethodData`. What comes back is a trigger and no proof.

use crate::base64url;
use crate::ids::TransId;
use crate::message::Endpoint;
use crate::rules::Format;
use serde::{Deserialize, Serialize};

/// The longest `threeDSMethodData` that is read.
const FORM_CHARS: usize = 4096;

const NOTIFICATION_URL: Format = Format::SecureUrl(256);

/// `threeDSMethodData`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodData {
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `threeDSMethodNotificationURL`, at most 256 characters: where the ACS sends the browser back to. Not in what
    /// it sends back.
    #[serde(rename = "threeDSMethodNotificationURL", default, skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
}

impl MethodData {
    /// The value of the form's field.
    #[must_use]
    pub fn to_form(&self) -> String {
        base64url::encode(serde_json::to_string(self).expect("texts can be written"))
    }

    /// Takes the value of the form's field; `None` also if its URL is too long or not secure, because the ACS is going
    /// to send the browser there.
    #[must_use]
    pub fn from_form(text: &str, endpoint: &Endpoint) -> Option<Self> {
        let data: Self = serde_json::from_slice(&base64url::decode(text, FORM_CHARS)?).ok()?;
        let url = data.notification_url.as_deref();
        url.is_none_or(|url| NOTIFICATION_URL.takes(url, endpoint)).then_some(data)
    }
}
