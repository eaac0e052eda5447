//! Declines: the public code and words for every way in which a card payment is refused.
//!
//! The codes are the API's card error codes: 30xx from the authentication, 40xx from the issuer,
//! 4999 for everything with only a text.

use crate::card::Brand;
use crate::response_codes::{self, Meaning};

/// A refusal, as the API, the page and the operator see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// The API's `reason_code`, such as 4002.
    pub reason_code: u16,
    /// The API's `reason`.
    pub reason: String,
    /// The raw answer: DE 39 of the authorisation, or the authentication's reason.
    pub response_code: Option<String>,
    /// What the customer can be told.
    pub class: DeclineClass,
}

/// What a decline means to the customer; the page has one text per class and language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclineClass {
    /// Not enough money or over a limit.
    InsufficientFunds,
    /// The bank said no without a reason that helps.
    DeclinedByBank,
    /// The card has ended.
    ExpiredCard,
    /// The number belongs to no usable account.
    InvalidCard,
    /// The customer was not recognised by the bank.
    AuthenticationFailed,
    /// The customer gave the bank's page up.
    AuthenticationCancelled,
    /// The card cannot be used online.
    NotEnrolled,
    /// Somebody thinks it is fraud; the customer is not told so.
    SuspectedFraud,
    /// A system did not work.
    Technical,
    /// The card is no longer in memory: it has to be typed again.
    Retype,
    /// The bank's page took too long.
    TimedOut,
}

impl DeclineClass {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::InsufficientFunds,
        Self::DeclinedByBank,
        Self::ExpiredCard,
        Self::InvalidCard,
        Self::AuthenticationFailed,
        Self::AuthenticationCancelled,
        Self::NotEnrolled,
        Self::SuspectedFraud,
        Self::Technical,
        Self::Retype,
        Self::TimedOut,
    ];

    /// A stable word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::DeclinedByBank => "declined_by_bank",
            Self::ExpiredCard => "expired_card",
            Self::InvalidCard => "invalid_card",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AuthenticationCancelled => "authentication_cancelled",
            Self::NotEnrolled => "not_enrolled",
            Self::SuspectedFraud => "suspected_fraud",
            Self::Technical => "technical",
            Self::Retype => "retype",
            Self::TimedOut => "timed_out",
        }
    }

    /// The class with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }
}

const OTHER: u16 = 4999;
/// The bank wants the customer authenticated.
const SOFT: u16 = 4004;
/// What a code means that nobody told us about.
const NO_MEANING: Meaning =
    Meaning { reason_code: OTHER, class: DeclineClass::DeclinedByBank, reason: "Declined" };

impl Decline {
    fn new(reason_code: u16, reason: &str, response_code: Option<&str>, class: DeclineClass) -> Self {
        Self {
            reason_code,
            reason: reason.to_owned(),
            response_code: response_code.map(str::to_owned),
            class,
        }
    }

    /// Whether the issuer's refusal `response_code` (DE 39) of a card of `brand` asks for the customer's
    /// authentication: a soft decline.
    #[must_use]
    pub fn wants_authentication(response_code: &str, brand: Brand) -> bool {
        response_codes::meaning(response_code, brand).is_some_and(|meaning| meaning.reason_code == SOFT)
    }

    /// The issuer refused with `response_code` because the customer was not authenticated, and is asked again with
    /// that.
    #[must_use]
    pub fn soft(response_code: &str) -> Self {
        Self::new(SOFT, "Soft decline", Some(response_code), DeclineClass::AuthenticationFailed)
    }

    /// The issuer's refusal `response_code` (DE 39) of a card of `brand`, for good.
    #[must_use]
    pub fn authorisation(response_code: &str, brand: Brand) -> Self {
        if Self::wants_authentication(response_code, brand) {
            let reason = "Additional customer authentication required";
            return Self::new(OTHER, reason, Some(response_code), DeclineClass::AuthenticationFailed);
        }
        let meant = response_codes::meaning(response_code, brand);
        let Meaning { reason_code, class, reason } = meant.unwrap_or(NO_MEANING);
        Self::new(reason_code, reason, Some(response_code), class)
    }

    /// The authentication failed with this `transStatusReason`.
    #[must_use]
    pub fn authentication(reason: Option<&str>) -> Self {
        use DeclineClass as C;
        let (reason_code, text, class) = match reason {
            Some("02") => (3002, "Unknown device", C::AuthenticationFailed),
            Some("03") => {
                let reason = "Authentication Failed / Unsupported device";
                return Self::new(3003, reason, Some("03"), C::AuthenticationFailed);
            }
            Some("04") => (3004, "Exceeds authentication frequency limit", C::AuthenticationFailed),
            Some("05") => (3005, "Expired card", C::ExpiredCard),
            Some("06") => (3006, "Invalid card number", C::InvalidCard),
            Some("07") => (3007, "Invalid transaction", C::AuthenticationFailed),
            Some("08") => (3008, "No card record", C::InvalidCard),
            Some("09") => (3009, "Security failure", C::AuthenticationFailed),
            Some("10") => (3010, "Stolen card", C::SuspectedFraud),
            Some("11") => (3011, "Suspected fraud", C::SuspectedFraud),
            Some("12") => (3012, "Transaction not permitted to cardholder", C::DeclinedByBank),
            Some("13") => {
                return Self::new(OTHER, "Cardholder not enrolled in service", Some("13"), C::NotEnrolled);
            }
            Some("14") => return Self::new(OTHER, "Transaction timed out (ACS)", Some("14"), C::TimedOut),
            _ => (3001, "Card authentication failed", C::AuthenticationFailed),
        };
        Self::new(reason_code, &format!("3DS Authentication Failed / {text}"), reason, class)
    }

    /// The customer cancelled on the issuer's page, or went back and started another attempt.
    #[must_use]
    pub fn authentication_cancelled() -> Self {
        let class = DeclineClass::AuthenticationCancelled;
        Self::new(OTHER, "3D Secure authentication cancelled", Some("01"), class)
    }

    /// The gateway's own fraud filter refused the card before anything was sent.
    #[must_use]
    pub fn blocked() -> Self {
        Self::new(OTHER, "Declined by Kassa", None, DeclineClass::SuspectedFraud)
    }

    /// The outcome stayed unknown and was reversed: nothing was charged.
    #[must_use]
    pub fn reversed() -> Self {
        Self::new(OTHER, "Authorization or issuer system inoperative", Some("91"), DeclineClass::Technical)
    }

    /// The gateway was restarted during the authentication and no longer has the card: nothing was sent.
    #[must_use]
    pub fn card_forgotten() -> Self {
        Self::new(OTHER, "Re-enter transaction", Some("19"), DeclineClass::Retype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_the_code_the_api_documents() {
        use Brand::{Amex, Maestro, Mastercard, Visa};
        let expired = "Expired card, or Invalid Account Number";
        let wanted = "Additional customer authentication required";
        let limit = "Insufficient funds or over credit limit";
        for (response_code, brand, reason_code, reason) in [
            ("05", Maestro, 4001, "Do not honor"),
            ("10", Visa, 4002, "Insufficient funds"),
            ("51", Maestro, 4002, "Insufficient funds"),
            ("61", Amex, 4999, limit),
            ("34", Visa, 4003, "Suspected fraud"),
            ("59", Visa, 4003, "Suspected fraud"),
            ("63", Mastercard, 4003, "Suspected fraud"),
            ("65", Maestro, 4999, wanted),
            ("65", Mastercard, 4999, wanted),
            ("65", Visa, 4999, limit),
            ("1A", Visa, 4999, wanted),
            ("70", Visa, 4999, wanted),
            ("70", Mastercard, 4999, "Refer to the card issuer"),
            ("54", Amex, 4005, expired),
            ("14", Visa, 4005, expired),
            ("46", Visa, 4005, expired),
            ("78", Mastercard, 4005, expired),
            ("02", Visa, 4999, "Refer to the card issuer"),
            ("07", Visa, 4999, "Pick up the card, special conditions"),
            ("55", Maestro, 4999, "Invalid PIN"),
            ("82", Visa, 4999, "Negative CAM, dCVV, iCVV, or CVV results"),
            ("6P", Visa, 4999, "Card type verification error"),
            ("N7", Visa, 4999, "Decline for CVV2 failure"),
            ("91", Maestro, 4999, "Authorization or issuer system inoperative"),
            ("R3", Visa, 4999, "Revocation of all authorizations order"),
            ("ZZ", Maestro, 4999, "Declined"),
        ] {
            let decline = Decline::authorisation(response_code, brand);
            assert_eq!(
                (decline.reason_code, decline.reason.as_str()),
                (reason_code, reason),
                "{response_code} {brand:?}"
            );
            assert_eq!(decline.response_code.as_deref(), Some(response_code));
        }
    }

    #[test]
    fn what_a_number_asks_for_depends_on_the_scheme() {
        let wanted = "Additional customer authentication required";
        let (limit, refer) = ("Insufficient funds or over credit limit", "Refer to the card issuer");
        for (response_code, brand, reason) in [
            ("65", Brand::Mastercard, wanted),
            ("65", Brand::Maestro, wanted),
            ("65", Brand::Visa, limit),
            ("65", Brand::Amex, limit),
            ("1A", Brand::Visa, wanted),
            ("1A", Brand::Amex, wanted),
            ("70", Brand::Visa, wanted),
            ("70", Brand::Mastercard, refer),
            ("70", Brand::Maestro, refer),
            ("70", Brand::Amex, refer),
        ] {
            let decline = Decline::authorisation(response_code, brand);
            assert_eq!(decline.reason, reason, "{response_code} {brand:?}");
            let is_wanted = Decline::wants_authentication(response_code, brand);
            assert_eq!(is_wanted, reason == wanted, "{response_code} {brand:?}");
        }
        assert_eq!(Decline::soft("1A").reason_code, 4004);
    }

    #[test]
    fn authentication_reasons_one_to_twelve_are_codes_3001_to_3012() {
        for reason in 1..=12_u16 {
            let decline = Decline::authentication(Some(&format!("{reason:02}")));
            assert_eq!(decline.reason_code, 3000 + reason);
        }
        assert_eq!(Decline::authentication(None).reason_code, 3001);
        assert_eq!(Decline::authentication(Some("13")).reason, "Cardholder not enrolled in service");
    }

    #[test]
    fn every_class_is_found_by_its_word() {
        for class in DeclineClass::ALL {
            assert_eq!(DeclineClass::parse(class.word()), Some(class));
        }
    }
}
