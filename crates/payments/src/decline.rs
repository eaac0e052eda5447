//! Declines: the public code and words for every way in which a card payment is refused.
//!
//! The codes are the API's card error codes: 30xx from the authentication, 40xx from the issuer,
//! 4999 for everything with only a text.

use crate::card::Brand;

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
    /// authentication. What a number means depends on the scheme.
    #[must_use]
    pub fn wants_authentication(response_code: &str, brand: Brand) -> bool {
        matches!(
            (response_code, brand),
            ("1A", _) | ("65", Brand::Mastercard | Brand::Maestro) | ("70", Brand::Visa)
        )
    }

    /// The issuer refused with `response_code` because the customer was not authenticated, and is asked again with
    /// that.
    #[must_use]
    pub fn soft(response_code: &str) -> Self {
        Self::new(4004, "Soft decline", Some(response_code), DeclineClass::AuthenticationFailed)
    }

    /// The issuer's refusal `response_code` (DE 39) of a card of `brand`, for good.
    #[must_use]
    pub fn authorisation(response_code: &str, brand: Brand) -> Self {
        use DeclineClass as C;
        if Self::wants_authentication(response_code, brand) {
            let reason = "Additional customer authentication required";
            return Self::new(OTHER, reason, Some(response_code), C::AuthenticationFailed);
        }
        let (reason_code, reason, class) = match (response_code, brand) {
            ("05", _) => (4001, "Do not honor", C::DeclinedByBank),
            // Approved in part, which is undone: an order is paid whole or not at all.
            ("10" | "51", _) => (4002, "Insufficient funds", C::InsufficientFunds),
            ("61" | "65", _) => (OTHER, "Insufficient funds or over credit limit", C::InsufficientFunds),
            ("34" | "59" | "63", _) => (4003, "Suspected fraud", C::SuspectedFraud),
            ("54", _) => (4005, "Expired card, or Invalid Account Number", C::ExpiredCard),
            ("14" | "46" | "78", _) => (4005, "Expired card, or Invalid Account Number", C::InvalidCard),
            ("01" | "02" | "70", _) => (OTHER, "Refer to the card issuer", C::DeclinedByBank),
            ("03", _) => (OTHER, "Invalid merchant or service provider", C::Technical),
            ("04" | "41" | "43", _) => (OTHER, "Pick up the card", C::SuspectedFraud),
            ("07", _) => (OTHER, "Pick up the card, special conditions", C::SuspectedFraud),
            ("12", _) => (OTHER, "Invalid transaction", C::DeclinedByBank),
            ("13", _) => (OTHER, "Invalid amount", C::DeclinedByBank),
            ("15", _) => (OTHER, "Invalid issuer", C::InvalidCard),
            ("19", _) => (OTHER, "Re-enter transaction", C::Technical),
            ("28", _) => (OTHER, "File temporarily unavailable", C::Technical),
            ("30", _) => (OTHER, "Format error", C::Technical),
            ("57", _) => (OTHER, "Transaction not permitted to cardholder", C::DeclinedByBank),
            ("58", _) => (OTHER, "Transaction not permitted to acquirer or terminal", C::Technical),
            ("62", _) => (OTHER, "Restricted card", C::DeclinedByBank),
            ("76" | "77", _) => (OTHER, "Invalid or non-existent account", C::InvalidCard),
            ("82", _) => (OTHER, "Negative CAM, dCVV, iCVV, or CVV results", C::InvalidCard),
            ("N7", _) => (OTHER, "Decline for CVV2 failure", C::InvalidCard),
            ("88", _) => (OTHER, "Cryptographic failure", C::Technical),
            ("91", _) => (OTHER, "Authorization or issuer system inoperative", C::Technical),
            ("92", _) => (OTHER, "Unable to route the transaction", C::Technical),
            ("93", _) => (OTHER, "Transaction cannot be completed", C::DeclinedByBank),
            ("94", _) => (OTHER, "Duplicate transmission detected", C::Technical),
            ("96", _) => (OTHER, "System error", C::Technical),
            _ => (OTHER, "Declined", C::DeclinedByBank),
        };
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
        for (response_code, brand, reason_code) in [
            ("05", Brand::Maestro, 4001),
            ("51", Brand::Maestro, 4002),
            ("10", Brand::Visa, 4002),
            ("59", Brand::Visa, 4003),
            ("65", Brand::Maestro, 4999),
            ("65", Brand::Visa, 4999),
            ("1A", Brand::Visa, 4999),
            ("54", Brand::Amex, 4005),
            ("91", Brand::Maestro, 4999),
            ("ZZ", Brand::Maestro, 4999),
        ] {
            let decline = Decline::authorisation(response_code, brand);
            assert_eq!(decline.reason_code, reason_code, "{response_code} {brand:?}");
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
