//! `errorCode` and `errorComponent`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `errorCode`: three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ErrorCode(u16);

impl ErrorCode {
    /// 101: no message, or not one for this component.
    pub const MESSAGE_INVALID: Self = Self(101);
    /// 102: a version that is not supported.
    pub const VERSION_UNSUPPORTED: Self = Self(102);
    /// 103: too many messages, such as a second `PReq` within the hour.
    pub const LIMIT_EXCEEDED: Self = Self(103);
    /// 201: a required field is missing.
    pub const REQUIRED_MISSING: Self = Self(201);
    /// 202: a critical extension is not known.
    pub const CRITICAL_EXTENSION: Self = Self(202);
    /// 203: a field is malformed.
    pub const FORMAT_INVALID: Self = Self(203);
    /// 204: a field occurs twice.
    pub const DUPLICATE: Self = Self(204);
    /// 205 (2.3.1): card ranges overlap.
    pub const RANGES_OVERLAP: Self = Self(205);
    /// 206 (2.3.1): a card range cannot be added, changed or deleted.
    pub const RANGE_ACTION: Self = Self(206);
    /// 207 (2.3.1): a value reserved for others.
    pub const RESERVED_VALUE: Self = Self(207);
    /// 301: a transaction id that is not known here.
    pub const TRANSACTION_UNKNOWN: Self = Self(301);
    /// 302: encrypted data that cannot be read.
    pub const DECRYPTION_FAILED: Self = Self(302);
    /// 303: this address is not for whoever asked.
    pub const ACCESS_DENIED: Self = Self(303);
    /// 304: a country or currency that does not exist.
    pub const ISO_CODE_INVALID: Self = Self(304);
    /// 305: data that make no sense here, such as a card in no range.
    pub const TRANSACTION_DATA: Self = Self(305);
    /// 306: a merchant category that the scheme does not take.
    pub const MCC_INVALID: Self = Self(306);
    /// 307: a serial number that the directory server did not give.
    pub const SERIAL_NUMBER: Self = Self(307);
    /// 313 (2.3.1): a message for a transaction in another state.
    pub const WRONG_STATE: Self = Self(313);
    /// 402: no answer in time.
    pub const TIMED_OUT: Self = Self(402);
    /// 403: a failure that may pass.
    pub const TRANSIENT_FAILURE: Self = Self(403);
    /// 404: a failure that stays.
    pub const PERMANENT_FAILURE: Self = Self(404);
    /// 405: no connection.
    pub const CONNECTION_FAILED: Self = Self(405);

    /// Takes three digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// What `errorDescription` says.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self.0 {
            101 => "Message not recognised",
            102 => "Message version not supported",
            103 => "Sent messages limit exceeded",
            201 => "Required element missing",
            202 => "Critical message extension not recognised",
            203 => "Format of one or more elements is invalid",
            204 => "Duplicate data element",
            205 => "Card ranges overlap",
            206 => "Action not possible for the card range",
            207 => "Reserved value not recognised",
            301 => "Transaction ID not recognised",
            302 => "Data decryption failure",
            303 => "Access denied, invalid endpoint",
            304 => "ISO code not valid",
            305 => "Transaction data not valid",
            306 => "MCC not valid for the payment system",
            307 => "Serial number not valid",
            313 => "Message not expected in this state of the transaction",
            402 => "Transaction timed out",
            403 => "Transient system failure",
            404 => "Permanent system failure",
            405 => "System connection failure",
            _ => "Error",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        code.to_string()
    }
}

impl TryFrom<String> for ErrorCode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no error code")
    }
}

/// `errorComponent`: one of those who take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Component {
    /// The SDK in a merchant's app.
    #[serde(rename = "C")]
    Sdk,
    /// The 3DS Server, on the merchant's side.
    #[serde(rename = "S")]
    Server,
    /// The directory server of a card scheme.
    #[serde(rename = "D")]
    DirectoryServer,
    /// The access control server of an issuer.
    #[serde(rename = "A")]
    Acs,
}
