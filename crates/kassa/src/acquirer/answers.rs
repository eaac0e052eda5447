//! What an answer of the host's means.

use super::messages::is_mastercards;
use iso8583::{Message, SubElements};
use payments::card::Brand;
use payments::decide::Outcome;
use payments::time::Millis;
use payments::transaction::{Approval, Verdict};

/// DE 39 of an original that the host does not know.
pub(crate) const NOT_FOUND: &str = "25";
/// DE 39 of an approval of less than was asked for.
pub(crate) const IN_PART: &str = "10";

/// DE 39 of an inquiry that the host could not answer: it says nothing about the original, which may be approved.
const NO_WORD: [&str; 12] = ["06", "09", "12", "22", "30", "40", "58", "68", "91", "92", "94", "96"];

/// Whether the answer to an inquiry is about the original, and not about the inquiry itself. An original that was
/// declined with such a code is reversed in the end, which does no harm.
pub(super) fn is_about_original(answer: &Message) -> bool {
    answer.response_code().is_some_and(|code| !NO_WORD.contains(&code))
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Yes or no.
    Final(Outcome),
    /// Approved for a part of the amount only.
    InPart,
    /// The host knows nothing of it.
    NotFound,
}

impl Said {
    /// The meaning of an answer to an authorisation or a refund, or to an inquiry about one.
    pub(super) fn of(answer: &Message, brand: Brand, zero: bool) -> Self {
        let Some(code) = answer.response_code() else {
            return Self::Final(Outcome::Unknown);
        };
        match code {
            "00" | "08" | "11" | "16" => Self::Final(approved(answer, brand)),
            "85" if zero => Self::Final(approved(answer, brand)),
            IN_PART => Self::InPart,
            NOT_FOUND => Self::NotFound,
            code => Self::Final(Outcome::Declined { response_code: code.to_owned() }),
        }
    }
}

fn approved(answer: &Message, brand: Brand) -> Outcome {
    let (fraud_score, review) = extension(answer);
    let approval = Approval {
        authorization_code: answer.text(38).unwrap_or_default().trim_end().to_owned(),
        response_code: answer.response_code().unwrap_or_default().to_owned(),
        fraud_score,
        cvc_result: cvc_result(answer, brand),
    };
    Outcome::Approved { approval, review }
}

/// What the issuer says about the code on the card: DE 48.87 of Mastercard, DE 44.5 of Visa.
fn cvc_result(answer: &Message, brand: Brand) -> Option<String> {
    let result = if is_mastercards(brand) {
        SubElements::parse(answer.text(48)?).ok()?.get("87")?.to_owned()
    } else {
        answer.text(44)?.get(4..5)?.to_owned()
    };
    (!result.trim().is_empty()).then_some(result)
}

/// The built-in host's own DE 120: see there. Other hosts score nothing.
fn extension(answer: &Message) -> (u8, Option<(Millis, Verdict)>) {
    let own = answer.text(120).and_then(|text| SubElements::parse(text).ok());
    let Some(own) = own.filter(|own| own.category() == 'K') else {
        return (1, None);
    };
    let score = own.get("01").and_then(|score| score.parse().ok()).unwrap_or(1);
    let review = own.get("02").and_then(|text| {
        let (verdict, seconds) = text.split_at_checked(1)?;
        let verdict = if verdict == "A" { Verdict::Accept } else { Verdict::Reject };
        Some((Millis::seconds(seconds.parse().ok()?), verdict))
    });
    (score, review)
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::Mti;

    #[test]
    fn an_inquiry_that_failed_is_no_word_about_its_original() {
        let answered = |code: &str| Message::new(Mti::AUTHORISATION_REQUEST).with(39, code);
        for code in ["00", "05", "10", "25", "51", "54"] {
            assert!(is_about_original(&answered(code)), "{code}");
        }
        for code in ["12", "30", "40", "91", "96"] {
            assert!(!is_about_original(&answered(code)), "{code}");
        }
        assert!(!is_about_original(&Message::new(Mti::AUTHORISATION_REQUEST)));
    }
}
