//! Codes of two digits in requests.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A code of two digits, `01`–`99`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TwoDigits(u8);

impl TwoDigits {
    /// The code with this number.
    ///
    /// # Panics
    /// If the number has more than two digits.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        assert!(number < 100, "a code of two digits");
        Self(number)
    }

    /// Takes two digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for TwoDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Debug for TwoDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<TwoDigits> for String {
    fn from(code: TwoDigits) -> Self {
        code.to_string()
    }
}

impl TryFrom<String> for TwoDigits {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no code of two digits")
    }
}

/// `messageCategory`: what is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageCategory(pub TwoDigits);

impl MessageCategory {
    /// 01: a payment (PA).
    pub const PAYMENT: Self = Self(TwoDigits::new(1));
    /// 02: a card, without a payment (NPA).
    pub const NON_PAYMENT: Self = Self(TwoDigits::new(2));
}

/// `threeDSRequestorAuthenticationInd`: why it is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthenticationInd(pub TwoDigits);

impl AuthenticationInd {
    /// 01.
    pub const PAYMENT: Self = Self(TwoDigits::new(1));
    /// 02: the first of a subscription.
    pub const RECURRING: Self = Self(TwoDigits::new(2));
    /// 03.
    pub const INSTALMENT: Self = Self(TwoDigits::new(3));
    /// 04: the card is kept.
    pub const ADD_CARD: Self = Self(TwoDigits::new(4));
    /// 05.
    pub const MAINTAIN_CARD: Self = Self(TwoDigits::new(5));
}

/// `threeRIInd`: why a merchant asks without the cardholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreeRiInd(pub TwoDigits);

impl ThreeRiInd {
    /// 01.
    pub const RECURRING: Self = Self(TwoDigits::new(1));
    /// 02.
    pub const INSTALMENT: Self = Self(TwoDigits::new(2));
    /// 11.
    pub const OTHER_PAYMENT: Self = Self(TwoDigits::new(11));
}

/// `threeDSRequestorChallengeInd`: whether the merchant wants the cardholder asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChallengeInd(pub TwoDigits);

impl ChallengeInd {
    /// 01.
    pub const NO_PREFERENCE: Self = Self(TwoDigits::new(1));
    /// 02.
    pub const NO_CHALLENGE: Self = Self(TwoDigits::new(2));
    /// 03: the merchant would like one.
    pub const REQUESTED: Self = Self(TwoDigits::new(3));
    /// 04: the law or the issuer wants one.
    pub const MANDATED: Self = Self(TwoDigits::new(4));
    /// 05: the acquirer's transaction risk analysis exempts it.
    pub const RISK_ANALYSIS_DONE: Self = Self(TwoDigits::new(5));
    /// 06: only to share data.
    pub const DATA_SHARE_ONLY: Self = Self(TwoDigits::new(6));
    /// 07: the cardholder was authenticated already.
    pub const ALREADY_AUTHENTICATED: Self = Self(TwoDigits::new(7));
    /// 08: the merchant is on the cardholder's trust list.
    pub const TRUST_LIST: Self = Self(TwoDigits::new(8));
    /// 09: the cardholder may put the merchant on the trust list.
    pub const TRUST_LIST_PROMPT: Self = Self(TwoDigits::new(9));
    /// 10 (2.3.1): a low value exempts it.
    pub const LOW_VALUE: Self = Self(TwoDigits::new(10));
    /// 11 (2.3.1): a secure corporate payment.
    pub const SECURE_CORPORATE: Self = Self(TwoDigits::new(11));
    /// 12 (2.3.1): the cardholder may bind the device.
    pub const DEVICE_BINDING_PROMPT: Self = Self(TwoDigits::new(12));
    /// 13 (2.3.1): the issuer asked for it with a soft decline.
    pub const ISSUER_REQUESTED: Self = Self(TwoDigits::new(13));
    /// 14 (2.3.1): payments without the cardholder will follow.
    pub const MERCHANT_INITIATED: Self = Self(TwoDigits::new(14));
}

/// `challengeWindowSize`: how large the ACS's page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChallengeWindowSize {
    /// 250 × 400.
    #[serde(rename = "01")]
    W250,
    /// 390 × 400.
    #[serde(rename = "02")]
    W390,
    /// 500 × 600.
    #[serde(rename = "03")]
    W500,
    /// 600 × 400.
    #[serde(rename = "04")]
    W600,
    /// The whole page.
    #[serde(rename = "05")]
    FullPage,
}

impl ChallengeWindowSize {
    /// Width and height in pixels; `None` for the whole page.
    #[must_use]
    pub const fn pixels(self) -> Option<(u16, u16)> {
        match self {
            Self::W250 => Some((250, 400)),
            Self::W390 => Some((390, 400)),
            Self::W500 => Some((500, 600)),
            Self::W600 => Some((600, 400)),
            Self::FullPage => None,
        }
    }
}

/// `resultsStatus`: how a result was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResultsStatus(pub TwoDigits);

impl ResultsStatus {
    /// 01: received, to be used.
    pub const RECEIVED: Self = Self(TwoDigits::new(1));
    /// 02: no challenge was sent, the merchant did not want it.
    pub const CHALLENGE_NOT_SENT: Self = Self(TwoDigits::new(2));
    /// 03: the challenge could not be delivered.
    pub const CHALLENGE_NOT_DELIVERED: Self = Self(TwoDigits::new(3));
}
