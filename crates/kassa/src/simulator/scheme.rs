//! What the simulated directory server and issuer do with a card, by its number.
//!
//! The test cards have their manners. Besides, three ranges spell out what is to happen, digit by digit:
//!
//! | digits | say | values |
//! |---|---|---|
//! | 1–8 | the range | `67999930` Maestro, `51000030` Mastercard, `40000030` Visa |
//! | 9 | message version | 0: 2.2.0, 1: 2.3.1 |
//! | 10 | 3DS Method | 0 there, 1 none, 2 never done |
//! | 4th from the end | first answer | 0 C, 1 Y, 2 A, 3 N, 4 R, 5 U, 6 I, 7 none, 8 Erro, 9 nonsense |
//! | 3rd from the end | challenge | 0 the page asks, 1 passes, 2 fails, 3 given up |
//! | 2nd from the end | result message | 0 before the browser is back, 1 after, 2 never, 3 twice, 4 too late |
//! | last | check digit | |

use super::cards::Manner;
use emv3ds::values::TransStatus;
use emv3ds::version::Version;
use payments::card::Pan;
use serde::{Deserialize, Serialize};

/// The ranges that spell it out, of 16 and of 19 digits.
pub(crate) const SPELLED: [&str; 3] = ["40000030", "51000030", "67999930"];

/// The 3DS Method of a card range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// There, and done at once.
    Present,
    /// There is none.
    Missing,
    /// It never says that it is done.
    Slow,
}

/// The first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// The cardholder is asked.
    Challenge,
    /// Decided, with this reason.
    Final(TransStatus, Option<u8>),
    /// There is none.
    Silence,
    /// An error.
    Erro,
    /// No message at all.
    Nonsense,
}

/// How the challenge goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asking {
    /// Whoever is at the page chooses.
    Page,
    /// It passes by itself.
    Passes,
    /// It fails by itself.
    Fails,
    /// It is given up by itself.
    GivenUp,
}

/// When the result is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Results {
    /// Before the browser is sent back.
    Before,
    /// After that.
    After,
    /// Never.
    Never,
    /// Twice.
    Twice,
    /// When nobody waits any more.
    Late,
}

/// What is to happen with a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) first: First,
    pub(crate) asking: Asking,
    pub(crate) results: Results,
}

/// The card that shops send themselves to see an order paid at once.
const FRICTIONLESS_WHEN_DIRECT: &str = "4111111111111111";

impl Plan {
    /// The plan for a card. `told_preference`: the request says that the shop would like nothing in particular, as those
    /// do that come without a customer at our page.
    pub(crate) fn of(pan: &Pan, told_preference: bool) -> Self {
        if is_spelled(pan) {
            return Self::spelled(pan.digits());
        }
        let first = if told_preference && pan.digits() == FRICTIONLESS_WHEN_DIRECT {
            First::Final(TransStatus::Authenticated, None)
        } else {
            match Manner::of(pan) {
                Manner::AuthenticationFails => First::Final(TransStatus::NotAuthenticated, Some(1)),
                Manner::NotEnrolled => First::Final(TransStatus::Unavailable, Some(13)),
                Manner::NotTakingPart => First::Final(TransStatus::Attempted, None),
                Manner::Normal
                | Manner::Refused(_)
                | Manner::SoftDeclined(_)
                | Manner::Held(_)
                | Manner::Blocked
                | Manner::AnswerLost
                | Manner::RequestLost
                | Manner::RefundRefused
                | Manner::RefundLost
                | Manner::RefundNeverArrives
                | Manner::Silent => First::Challenge,
            }
        };
        Self { first, asking: Asking::Page, results: Results::Before }
    }

    fn spelled(digits: &str) -> Self {
        let from_end = |at: usize| digits.as_bytes().iter().rev().nth(at).copied().unwrap_or(b'0');
        let first = match from_end(3) {
            b'1' => First::Final(TransStatus::Authenticated, None),
            b'2' => First::Final(TransStatus::Attempted, None),
            b'3' => First::Final(TransStatus::NotAuthenticated, Some(1)),
            b'4' => First::Final(TransStatus::Rejected, Some(11)),
            b'5' => First::Final(TransStatus::Unavailable, Some(22)),
            b'6' => First::Final(TransStatus::Informational, None),
            b'7' => First::Silence,
            b'8' => First::Erro,
            b'9' => First::Nonsense,
            _ => First::Challenge,
        };
        let asking = match from_end(2) {
            b'1' => Asking::Passes,
            b'2' => Asking::Fails,
            b'3' => Asking::GivenUp,
            _ => Asking::Page,
        };
        let results = match from_end(1) {
            b'1' => Results::After,
            b'2' => Results::Never,
            b'3' => Results::Twice,
            b'4' => Results::Late,
            _ => Results::Before,
        };
        Self { first, asking, results }
    }
}

/// Whether a card spells out what is to happen.
pub(crate) fn is_spelled(pan: &Pan) -> bool {
    SPELLED.iter().any(|range| pan.digits().starts_with(range))
}

/// What the digits behind a spelled range say of its cards.
pub(crate) fn participation(version: u8, method: u8) -> (Version, Method) {
    let version = if version == 1 { Version::V231 } else { Version::V220 };
    let method = match method {
        1 => Method::Missing,
        2 => Method::Slow,
        _ => Method::Present,
    };
    (version, method)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The card with these digits before its check digit.
    pub(crate) fn card(digits: &str) -> Pan {
        (0..10).find_map(|check| Pan::parse(&format!("{digits}{check}")).ok()).unwrap()
    }

    #[test]
    fn digits_spell_out_what_happens() {
        let plan = |digits| Plan::of(&card(digits), false);
        let page = Plan { first: First::Challenge, asking: Asking::Page, results: Results::Before };
        assert_eq!(plan("679999300000000"), page);
        assert_eq!(plan("510000300000700").first, First::Silence);
        let after = Plan { asking: Asking::Passes, results: Results::After, ..page };
        assert_eq!(plan("400000301100011"), after);
        assert_eq!(
            plan("679999300000000332"),
            Plan {
                first: First::Final(TransStatus::NotAuthenticated, Some(1)),
                asking: Asking::GivenUp,
                results: Results::Never
            }
        );
        assert_eq!(plan("679999000000000001"), page, "other cards mean nothing by it");
    }

    #[test]
    fn one_card_is_paid_at_once_when_the_shop_sends_it() {
        let visa = Pan::parse(FRICTIONLESS_WHEN_DIRECT).unwrap();
        assert_eq!(Plan::of(&visa, false).first, First::Challenge);
        assert_eq!(Plan::of(&visa, true).first, First::Final(TransStatus::Authenticated, None));
    }
}
