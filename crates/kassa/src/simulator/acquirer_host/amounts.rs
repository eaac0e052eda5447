//! What amounts decide, for those who ask for it: the last two digits of an authorisation say what becomes of it, mostly
//! as the response code that they are.

use super::DONE;
use super::faults::{Fault, Kind, When};
use crate::acquirer::IN_PART;

/// What an amount decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is declined with this DE 39.
    Declined(&'static str),
    /// Half of it is approved.
    InPart,
    /// It is approved, and this happens to the answer.
    Answered(Kind),
}

/// The last two digits that mean something.
const RULES: [(u64, Rule); 14] = [
    (5, Rule::Declined("05")),
    (10, Rule::InPart),
    (14, Rule::Declined("14")),
    (51, Rule::Declined("51")),
    (54, Rule::Declined("54")),
    (57, Rule::Declined("57")),
    (61, Rule::Declined("61")),
    (62, Rule::Declined("62")),
    (65, Rule::Declined("65")),
    (68, Rule::Answered(Kind::NoAnswer)),
    (69, Rule::Answered(Kind::Late)),
    (91, Rule::Declined("91")),
    (94, Rule::Answered(Kind::Duplicate)),
    (96, Rule::Declined("96")),
];

impl Rule {
    /// What this many minor units decide.
    pub(super) fn of(minor: u64) -> Option<Self> {
        RULES.iter().find(|(ending, _)| *ending == minor % 100).map(|(_, rule)| *rule)
    }

    /// DE 39 of the answer.
    pub(super) fn response_code(self) -> &'static str {
        match self {
            Self::Declined(code) => code,
            Self::InPart => IN_PART,
            Self::Answered(_) => DONE,
        }
    }

    /// What happens to the answer.
    pub(super) fn fault(self) -> Option<Fault> {
        match self {
            Self::Answered(kind) => {
                Some(Fault { kind, when: When::Next(1), delay: kind.usual_delay(), on: None })
            }
            Self::Declined(_) | Self::InPart => None,
        }
    }
}
