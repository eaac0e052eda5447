//! What an authentication came to.

use super::codes::TwoDigits;
use serde::{Deserialize, Serialize};

/// `transStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TransStatus {
    /// `Y`: authenticated.
    #[serde(rename = "Y")]
    Authenticated,
    /// `N`: not authenticated.
    #[serde(rename = "N")]
    NotAuthenticated,
    /// `U`: could not be performed.
    #[serde(rename = "U")]
    Unavailable,
    /// `A`: attempted; there is proof of that.
    #[serde(rename = "A")]
    Attempted,
    /// `C`: the cardholder is to be asked.
    #[serde(rename = "C")]
    ChallengeRequired,
    /// `D`: the issuer asks the cardholder by another way, later.
    #[serde(rename = "D")]
    Decoupled,
    /// `R`: rejected; an authorisation must not be tried.
    #[serde(rename = "R")]
    Rejected,
    /// `I`: taken note of, after the merchant asked for no challenge.
    #[serde(rename = "I")]
    Informational,
    /// `S` (2.3.1): the browser's payment dialogue is to ask the cardholder.
    #[serde(rename = "S")]
    SecurePaymentConfirmation,
}

impl TransStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Authenticated,
        Self::NotAuthenticated,
        Self::Unavailable,
        Self::Attempted,
        Self::ChallengeRequired,
        Self::Decoupled,
        Self::Rejected,
        Self::Informational,
        Self::SecurePaymentConfirmation,
    ];

    /// The letter of the wire.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Authenticated => "Y",
            Self::NotAuthenticated => "N",
            Self::Unavailable => "U",
            Self::Attempted => "A",
            Self::ChallengeRequired => "C",
            Self::Decoupled => "D",
            Self::Rejected => "R",
            Self::Informational => "I",
            Self::SecurePaymentConfirmation => "S",
        }
    }

    /// The status with this letter.
    #[must_use]
    pub fn parse(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.letter() == letter)
    }

    /// Whether nothing follows it: the transaction has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::ChallengeRequired | Self::Decoupled | Self::SecurePaymentConfirmation)
    }

    /// Whether an authentication value comes with it.
    #[must_use]
    pub const fn has_value(self) -> bool {
        matches!(self, Self::Authenticated | Self::Attempted)
    }
}

/// `transStatusReason`: why it was not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransStatusReason(pub TwoDigits);

impl TransStatusReason {
    /// 01: the card could not be authenticated.
    pub const AUTHENTICATION_FAILED: Self = Self(TwoDigits::new(1));
    /// 08: the issuer has no such card.
    pub const NO_CARD_RECORD: Self = Self(TwoDigits::new(8));
    /// 13: the cardholder does not take part.
    pub const NOT_ENROLLED: Self = Self(TwoDigits::new(13));
    /// 14: the challenge took too long.
    pub const TIMED_OUT: Self = Self(TwoDigits::new(14));

    /// What it means; `None` for the codes of one directory server.
    #[must_use]
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match self.0.number() {
            1 => "card authentication failed",
            2 => "unknown device",
            3 => "unsupported device",
            4 => "exceeds authentication frequency limit",
            5 => "expired card",
            6 => "invalid card number",
            7 => "invalid transaction",
            8 => "no card record",
            9 => "security failure",
            10 => "stolen card",
            11 => "suspected fraud",
            12 => "transaction not permitted to cardholder",
            13 => "cardholder not enrolled in service",
            14 => "transaction timed out at the ACS",
            15 => "low confidence",
            16 => "medium confidence",
            17 => "high confidence",
            18 => "very high confidence",
            19 => "exceeds ACS maximum challenges",
            20 => "non-payment transaction not supported",
            21 => "3RI transaction not supported",
            22 => "ACS technical issue",
            23 => "decoupled authentication required but not requested",
            24 => "decoupled authentication took too long",
            25 => "decoupled authentication had too little time",
            26 => "not attempted by the cardholder",
            _ => return None,
        })
    }
}

/// `challengeCancel`: how a challenge ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChallengeCancel(pub TwoDigits);

impl ChallengeCancel {
    /// 01: by the cardholder.
    pub const BY_CARDHOLDER: Self = Self(TwoDigits::new(1));
    /// 03: decoupled authentication timed out.
    pub const DECOUPLED_TIMED_OUT: Self = Self(TwoDigits::new(3));
    /// 04: timed out at the ACS.
    pub const TIMED_OUT: Self = Self(TwoDigits::new(4));
    /// 05: the `CReq` never came.
    pub const NO_CREQ: Self = Self(TwoDigits::new(5));
    /// 06: an error.
    pub const ERROR: Self = Self(TwoDigits::new(6));
    /// 07: not known how.
    pub const UNKNOWN: Self = Self(TwoDigits::new(7));
    /// 08: timed out in the SDK.
    pub const SDK_TIMED_OUT: Self = Self(TwoDigits::new(8));
}

/// `threeDSCompInd`: how the 3DS Method went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CompInd {
    /// `Y`: the ACS said that it is done.
    #[serde(rename = "Y")]
    Completed,
    /// `N`: not in time.
    #[serde(rename = "N")]
    NotCompleted,
    /// `U`: the card range has none.
    #[serde(rename = "U")]
    Unavailable,
}

/// `deviceChannel`: where the cardholder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeviceChannel {
    /// 01: in a merchant's app. Its own fields are not checked here.
    #[serde(rename = "01")]
    App,
    /// 02: in a browser.
    #[serde(rename = "02")]
    Browser,
    /// 03: nowhere; the merchant asks alone.
    #[serde(rename = "03")]
    ThreeRi,
}

impl DeviceChannel {
    /// The code of the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::App => "01",
            Self::Browser => "02",
            Self::ThreeRi => "03",
        }
    }
}

/// `Y` or `N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum YesNo {
    /// `Y`.
    #[serde(rename = "Y")]
    Yes,
    /// `N`.
    #[serde(rename = "N")]
    No,
}

/// `acsChallengeMandated`: whether the law wants the challenge.
pub type AcsChallengeMandated = YesNo;

/// Whose numbers an electronic commerce indicator uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Mastercard and Maestro.
    Mastercard,
    /// Visa, American Express and the others.
    Other,
}

/// `eci`: what the authorisation may say of the authentication, in a scheme's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Eci(pub TwoDigits);

/// What an electronic commerce indicator stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EciMeaning {
    /// The cardholder was authenticated.
    Authenticated,
    /// It was attempted.
    Attempted,
    /// There was no authentication, or it failed.
    NotAuthenticated,
    /// Data were shared, nothing more (Mastercard).
    DataOnly,
    /// The acquirer claims an exemption (Mastercard).
    AcquirerExemption,
    /// A later payment of a series (Mastercard).
    RecurringFollowUp,
}

const ECI: [(Scheme, u8, EciMeaning); 9] = [
    (Scheme::Mastercard, 2, EciMeaning::Authenticated),
    (Scheme::Mastercard, 1, EciMeaning::Attempted),
    (Scheme::Mastercard, 0, EciMeaning::NotAuthenticated),
    (Scheme::Mastercard, 4, EciMeaning::DataOnly),
    (Scheme::Mastercard, 6, EciMeaning::AcquirerExemption),
    (Scheme::Mastercard, 7, EciMeaning::RecurringFollowUp),
    (Scheme::Other, 5, EciMeaning::Authenticated),
    (Scheme::Other, 6, EciMeaning::Attempted),
    (Scheme::Other, 7, EciMeaning::NotAuthenticated),
];

impl Eci {
    /// The scheme's number for `meaning`.
    #[must_use]
    pub fn of(scheme: Scheme, meaning: EciMeaning) -> Option<Self> {
        let row = ECI.iter().find(|row| (row.0, row.2) == (scheme, meaning))?;
        Some(Self(TwoDigits::new(row.1)))
    }

    /// What the number means to the scheme.
    #[must_use]
    pub fn meaning(self, scheme: Scheme) -> Option<EciMeaning> {
        ECI.iter().find(|row| (row.0, row.1) == (scheme, self.0.number())).map(|row| row.2)
    }
}
