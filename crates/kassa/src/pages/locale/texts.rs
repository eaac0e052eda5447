//! The keys of a locale file: the words of each page, as the templates and the handlers name them.

use serde::Deserialize;

/// What the pages say, by page. The words are in `locales/`; `{…}` in a text is replaced by `view`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    /// What every page may say.
    pub(crate) common: CommonTexts,
    /// The payment page.
    pub(crate) pay: PayTexts,
    /// What is bought.
    pub(crate) cart: CartTexts,
    /// What is wrong with a field of the card form, shown beside it.
    pub(crate) field: FieldTexts,
    /// Why a payment was declined, in plain words, shown above the card form.
    pub(crate) decline: DeclineTexts,
    /// The page shown while a payment is being decided.
    pub(crate) processing: ProcessingTexts,
    /// The last page, when the customer stays with us.
    pub(crate) result: ResultTexts,
    /// The last page of a pop-up window.
    pub(crate) close: CloseTexts,
    /// The way to the cardholder's bank and back.
    pub(crate) issuer: IssuerTexts,
    /// The simulator's bank.
    pub(crate) challenge: ChallengeTexts,
}

/// What every page may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommonTexts {
    pub(crate) test_ribbon: String,
    pub(crate) languages: String,
    pub(crate) secured: String,
    pub(crate) summary: String,
    pub(crate) total: String,
    pub(crate) shop: String,
    pub(crate) amount: String,
    pub(crate) error_prefix: String,
}

/// The payment page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayTexts {
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) accepted: String,
    pub(crate) number: String,
    pub(crate) holder: String,
    pub(crate) expiry: String,
    pub(crate) expiry_placeholder: String,
    pub(crate) cvc: String,
    pub(crate) cvc_optional: String,
    pub(crate) cvc_hint: String,
    pub(crate) cvc_hint_optional: String,
    pub(crate) button: String,
    pub(crate) button_as: String,
    pub(crate) cancel: String,
    pub(crate) cancel_here: String,
    pub(crate) all_methods: String,
    pub(crate) check_fields: String,
    pub(crate) retyping: String,
    pub(crate) offer_heading: String,
    pub(crate) offer_text: String,
    /// Above the brands of a card that has several.
    pub(crate) choice: String,
    /// Below them, when the form has to be filled in anew.
    pub(crate) choice_again: String,
    pub(crate) test_cards: String,
    pub(crate) test_hint: String,
}

/// What is bought.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CartTexts {
    /// Above the list.
    pub(crate) heading: String,
    /// Before the VAT in the total.
    pub(crate) tax: String,
    /// Before the total.
    pub(crate) total: String,
}

/// What is wrong with a field of the card form, shown beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldTexts {
    /// No card number.
    pub(crate) number_missing: String,
    /// Too few digits.
    pub(crate) number_incomplete: String,
    /// The check digit is wrong.
    pub(crate) number_invalid: String,
    /// A card that nobody can pay with here.
    pub(crate) number_unknown: String,
    /// A brand this order cannot be paid with; `{brand}` is its name.
    pub(crate) number_brand: String,
    /// No name.
    pub(crate) holder_missing: String,
    /// No expiry date.
    pub(crate) expiry_missing: String,
    /// Not a month and a year.
    pub(crate) expiry_malformed: String,
    /// A month that is over.
    pub(crate) expiry_past: String,
    /// No security code where the brand needs one.
    pub(crate) cvc_missing: String,
    /// Not three digits, or four for American Express.
    pub(crate) cvc_length: String,
}

/// Why a payment was declined, in plain words, shown above the card form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeclineTexts {
    /// Not enough money, or over a limit.
    pub(crate) insufficient_funds: String,
    /// The bank said no without a reason.
    pub(crate) declined_by_bank: String,
    /// The bank says the card has expired.
    pub(crate) expired_card: String,
    /// The bank does not know the card.
    pub(crate) invalid_card: String,
    /// 3-D Secure failed or was rejected.
    pub(crate) authentication_failed: String,
    /// The customer cancelled 3-D Secure.
    pub(crate) authentication_cancelled: String,
    /// The card cannot be used online.
    pub(crate) not_enrolled: String,
    /// Refused for risk; the customer is not told why.
    pub(crate) suspected_fraud: String,
    /// It failed before the bank decided; nothing was charged.
    pub(crate) technical: String,
    /// The card details are gone (restart, time-out) and nothing was sent.
    pub(crate) retype: String,
    /// 3-D Secure took too long.
    pub(crate) timed_out: String,
}

/// The page shown while a payment is being decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessingTexts {
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) text: String,
    pub(crate) stay: String,
    pub(crate) link: String,
}

/// The last page, when the customer stays with us.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultTexts {
    pub(crate) back: String,
    pub(crate) pay: String,
    pub(crate) paid: HeadedText,
    pub(crate) cancelled: HeadedText,
    pub(crate) expired: HeadedText,
    pub(crate) already_paid: HeadedText,
    pub(crate) not_found: HeadedText,
    pub(crate) too_many_attempts: HeadedText,
    pub(crate) not_paid: HeadedText,
    pub(crate) refused: HeadedText,
    pub(crate) failed: HeadedText,
    /// There is too much to do.
    pub(crate) busy: HeadedText,
}

/// The last page of a pop-up window.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseTexts {
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) text: String,
    pub(crate) link: String,
}

/// The way to the cardholder's bank and back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerTexts {
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) text: String,
    pub(crate) link: String,
    /// Before what the bank lets the customer know.
    pub(crate) says: String,
    pub(crate) back: String,
}

/// The simulator's bank.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChallengeTexts {
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) simulator: String,
    pub(crate) card: String,
    pub(crate) card_ending: String,
    pub(crate) choose: String,
    pub(crate) yes: String,
    pub(crate) no: String,
    pub(crate) unavailable: String,
    pub(crate) attempted: String,
    pub(crate) rejected: String,
    pub(crate) cancel: String,
    pub(crate) button: String,
}

/// A heading and the sentence or two below it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadedText {
    pub(crate) heading: String,
    pub(crate) text: String,
}
