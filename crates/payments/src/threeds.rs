//! 3-D Secure: what an authentication answered, and whether the card may then be authorised.
//!
//! The words are EMV 3DS's own; the rules for Maestro are the strictest: it is always authenticated,
//! and only `Y` and `A` are authorised.

use crate::decline::Decline;

/// `transStatus`: the outcome of an authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransStatus {
    /// `Y`: authenticated.
    Authenticated,
    /// `A`: the issuer could not take part, proof of the attempt was given.
    Attempted,
    /// `N`: not authenticated.
    NotAuthenticated,
    /// `U`: could not be performed.
    Unavailable,
    /// `R`: rejected, an authorisation must not be tried.
    Rejected,
}

impl TransStatus {
    /// The letter that messages carry.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Authenticated => "Y",
            Self::Attempted => "A",
            Self::NotAuthenticated => "N",
            Self::Unavailable => "U",
            Self::Rejected => "R",
        }
    }

    /// The outcome with this letter.
    #[must_use]
    pub fn parse(letter: &str) -> Option<Self> {
        [Self::Authenticated, Self::Attempted, Self::NotAuthenticated, Self::Unavailable, Self::Rejected]
            .into_iter()
            .find(|status| status.letter() == letter)
    }
}

/// Whether the customer was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The issuer decided without the customer.
    Frictionless,
    /// The customer was sent to the issuer's page.
    Challenge,
}

impl Flow {
    /// The word of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Frictionless => "frictionless",
            Self::Challenge => "challenge",
        }
    }
}

/// What the directory server reported about one authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The outcome.
    pub status: TransStatus,
    /// Whether the customer was asked.
    pub flow: Flow,
    /// `transStatusReason`, two digits, on N, U and R.
    pub reason: Option<String>,
    /// `challengeCancel`, two digits, when the challenge was given up.
    pub cancel: Option<String>,
    /// Electronic commerce indicator, two digits.
    pub eci: Option<String>,
    /// The authentication value, base64 of 20 bytes, on Y and A.
    pub cavv: Option<String>,
    /// `dsTransID`.
    pub ds_transaction_id: Option<String>,
    /// `acsTransID`.
    pub acs_transaction_id: Option<String>,
    /// The message version, such as `2.2.0`.
    pub version: String,
}

impl Authentication {
    /// The decline that follows; `None` when the card may be authorised.
    ///
    /// `U` is declined for every brand: without a proof the liability for fraud stays here.
    #[must_use]
    pub fn decline(&self) -> Option<Decline> {
        match self.status {
            TransStatus::Authenticated | TransStatus::Attempted => None,
            TransStatus::NotAuthenticated | TransStatus::Rejected | TransStatus::Unavailable => {
                if self.cancel.as_deref() == Some("01") {
                    return Some(Decline::authentication_cancelled());
                }
                Some(Decline::authentication(self.reason.as_deref()))
            }
        }
    }
}
