//! The test cards and what happens to them. Every other card is authenticated and approved.

use payments::card::{Brand, Pan};
use payments::ranges::Ranges;
use payments::transaction::Verdict;

/// How the simulated issuer treats a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Challenge, then approved.
    Normal,
    /// Attempted: the issuer does not take part; approved.
    NotTakingPart,
    /// The authentication fails without a challenge.
    AuthenticationFails,
    /// The card cannot be authenticated at all.
    NotEnrolled,
    /// Challenge, then refused with this DE 39.
    Refused(&'static str),
    /// Refused with this DE 39 unless the customer is authenticated.
    SoftDeclined(&'static str),
    /// Challenge, then held for review, which ends like this after three minutes.
    Held(Verdict),
    /// The gateway's own fraud filter refuses it.
    Blocked,
    /// Charged, but the answer gets lost; an inquiry finds it.
    AnswerLost,
    /// The request never arrives; the host has never seen it.
    RequestLost,
    /// Paid; a refund of it is refused.
    RefundRefused,
    /// Paid; a refund of it is done, but its answer gets lost. An inquiry finds it.
    RefundLost,
    /// Paid; a refund of it never arrives the first time.
    RefundNeverArrives,
    /// Charged, and then silence: neither inquiries nor the first two reversals are answered.
    Silent,
}

/// A card with a manner of its own.
#[derive(Debug)]
pub(crate) struct TestCard {
    pub(crate) pan: &'static str,
    pub(crate) manner: Manner,
    /// What the page's hint and the documentation say about it.
    pub(crate) label: &'static str,
}

const fn card(pan: &'static str, manner: Manner, label: &'static str) -> TestCard {
    TestCard { pan, manner, label }
}

/// The reference gateway's published cards, and Kassa's own Maestro set.
pub(crate) static CARDS: &[TestCard] = &[
    card("6799990000000000011", Manner::Normal, "Paid"),
    card("6799990000000000029", Manner::Refused("51"), "Declined: insufficient funds"),
    card("6799990000000000102", Manner::Refused("05"), "Declined: do not honor"),
    card("6799990000000000110", Manner::Refused("54"), "Declined: expired card"),
    card("6799990000000000136", Manner::Refused("59"), "Declined: suspected fraud"),
    card("6799990000000000060", Manner::Refused("91"), "Declined: technical fault at the issuer"),
    card("6799990000000000177", Manner::Refused("65"), "Declined: the bank wants 3-D Secure, also after it"),
    card("6799990000000000045", Manner::AuthenticationFails, "Declined: 3-D Secure fails"),
    card("679999000004", Manner::NotEnrolled, "Declined: cannot be used online (12 digits)"),
    card("6799990000000000094", Manner::Blocked, "Declined: blocked by the fraud filter"),
    card("6799990000000000052", Manner::Held(Verdict::Accept), "Held for review, paid after 3 minutes"),
    card("6799990000000000037", Manner::Held(Verdict::Reject), "Held for review, void after 3 minutes"),
    card("6799990000000000078", Manner::AnswerLost, "No answer: found by an inquiry, paid"),
    card("6799990000000000128", Manner::RequestLost, "No answer: never arrived, declined"),
    card("6799990000000000086", Manner::Silent, "No answer for minutes: reversed, declined"),
    card("6799990000000000144", Manner::RefundRefused, "Paid; its refund is declined"),
    card("6799990000000000151", Manner::RefundLost, "Paid; its refund gets no answer, an inquiry finds it"),
    card(
        "6799990000000000169",
        Manner::RefundNeverArrives,
        "Paid; its refund never arrives and is sent again",
    ),
    card("6759000000005", Manner::Normal, "Paid (13 digits)"),
    card("5500000000000004", Manner::Normal, "Paid"),
    card("4111111111111111", Manner::Normal, "Paid"),
    card("4761340000000019", Manner::Normal, "Paid"),
    card("374500000000015", Manner::Normal, "Paid"),
    card("4012001038443335", Manner::NotTakingPart, "Paid, issuer not taking part in 3-D Secure"),
    card("378282246310005", Manner::NotTakingPart, "Paid, issuer not taking part in 3-D Secure"),
    card("4917300000000008", Manner::Held(Verdict::Reject), "Held for review, void after 3 minutes"),
    card("4462000000000003", Manner::Held(Verdict::Accept), "Held for review, paid after 3 minutes"),
    card("378734493671000", Manner::Held(Verdict::Reject), "Held for review, void after 3 minutes"),
    card("4012001037461114", Manner::AuthenticationFails, "Declined: 3-D Secure fails"),
    card("374200000000004", Manner::AuthenticationFails, "Declined: 3-D Secure fails"),
    card("4012001038488884", Manner::Refused("51"), "Declined: insufficient funds"),
    card("5500000000000012", Manner::SoftDeclined("65"), "Paid with 3-D Secure only"),
    card("4761340000000027", Manner::SoftDeclined("1A"), "Paid with 3-D Secure only"),
    card("5500000000000020", Manner::Refused("65"), "Declined: the bank wants 3-D Secure, also after it"),
    card("4761340000000035", Manner::Refused("1A"), "Declined: the bank wants 3-D Secure, also after it"),
];

impl Manner {
    /// How this card is treated.
    pub(crate) fn of(pan: &Pan) -> Self {
        let listed = CARDS.iter().find(|card| card.pan == pan.digits());
        match listed {
            Some(card) => card.manner,
            // EMV 3DS takes 13 to 19 digits: a shorter card cannot be authenticated.
            None if pan.digits().len() < 13 => Self::NotEnrolled,
            None => Self::Normal,
        }
    }

    /// A word for the host's book, for what comes after the authorisation.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::RefundRefused => "refund_refused",
            Self::RefundLost => "refund_lost",
            Self::RefundNeverArrives => "refund_never_arrives",
            Self::Normal
            | Self::NotTakingPart
            | Self::AuthenticationFails
            | Self::NotEnrolled
            | Self::Refused(_)
            | Self::SoftDeclined(_)
            | Self::Held(_)
            | Self::Blocked
            | Self::AnswerLost
            | Self::RequestLost => "normal",
        }
    }
}

/// What a card begins with that can be emptied.
const SHORT_LINES: [&str; 3] = ["40000040", "51000040", "67999940"];
/// The line of such a card in minor units.
const SHORT_LINE_MINOR: i64 = 10_000;
/// The line of every other card: more than shops will ever sell to it.
const LONG_LINE_MINOR: i64 = 1_000_000_000_000_000;

/// What a card may spend in all, in minor units of each currency.
pub(crate) fn line_minor(pan: &Pan) -> i64 {
    let short = SHORT_LINES.iter().any(|beginning| pan.digits().starts_with(beginning));
    if short { SHORT_LINE_MINOR } else { LONG_LINE_MINOR }
}

/// The cards a page's hint may offer for these brands: label and number. With several brands the label names
/// the card's own.
pub(crate) fn hints(ranges: &Ranges, brands: &[Brand]) -> Vec<(String, &'static str)> {
    let hint = |card: &TestCard| {
        let known = ranges.find(card.pan)?;
        let brand = known.brands.iter().find(|brand| brands.contains(brand))?;
        let label = match brands {
            [_] => card.label.to_owned(),
            _ => format!("{}: {}", brand.name(), card.label),
        };
        Some((label, card.pan))
    };
    CARDS.iter().filter_map(hint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_test_card_with_its_outcome() {
        let readme = include_str!("../../../../README.md");
        for card in CARDS {
            let row = readme.lines().find(|line| line.starts_with(&format!("| `{}` |", card.pan)));
            let row = row.unwrap_or_else(|| panic!("{} is not in the README", card.pan));
            assert!(row.to_lowercase().ends_with(&format!("| {} |", card.label.to_lowercase())), "{row}");
        }
    }

    #[test]
    fn every_test_card_is_a_valid_card_and_listed_once() {
        let ranges = crate::ranges::built_in();
        for card in CARDS {
            let pan = Pan::parse(card.pan).unwrap_or_else(|fault| panic!("{}: {fault:?}", card.pan));
            let range = ranges.of(&pan).unwrap();
            assert!(!range.brands.is_empty() && range.lengths.contains(card.pan.len()), "{}", card.pan);
            assert_eq!(Manner::of(&pan), card.manner);
            assert_eq!(CARDS.iter().filter(|other| other.pan == card.pan).count(), 1, "{}", card.pan);
        }
    }
}
