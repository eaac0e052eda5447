//! What the host does wrong on purpose: each test site has its own plan, and the same seed repeats it.

use crate::random::Random;
use iso8583::Mti;
use payments::ids::SiteId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A way to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The message is dealt with and not answered.
    NoAnswer,
    /// The answer comes after its deadline.
    Late,
    /// The answer comes twice.
    Duplicate,
    /// The answer waits until another one has left, or for a second.
    Reorder,
    /// Something that is no message comes in place of the answer.
    Garbage,
    /// The connection ends in the middle of the answer.
    HalfFrame,
    /// The connection ends before the message is dealt with.
    DropBefore,
    /// The connection ends once the message is dealt with.
    DropAfter,
    /// A sign-on is refused.
    RefuseSignOn,
    /// The answer takes its time.
    Latency,
    /// The message takes its time: others overtake it.
    Held,
}

/// When it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// To so many of the next messages.
    Next(u32),
    /// To so many of a hundred, by chance.
    Percent(u8),
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) when: When,
    /// Of `Late`, `Latency` and `Held`.
    pub(crate) delay: Duration,
    /// Only to messages of this type, repeats among them.
    pub(crate) on: Option<Mti>,
}

/// What the host does to a site that it would not do otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) faults: Vec<Fault>,
    /// Whether the last two digits of an amount decide as well.
    pub(crate) by_amount: bool,
}

/// The plans of all sites. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<Mutex<HashMap<SiteId, Plan>>>);

#[derive(Debug)]
struct Plan {
    planned: Planned,
    dice: Random,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::NoAnswer,
        Self::Late,
        Self::Duplicate,
        Self::Reorder,
        Self::Garbage,
        Self::HalfFrame,
        Self::DropBefore,
        Self::DropAfter,
        Self::RefuseSignOn,
        Self::Latency,
        Self::Held,
    ];

    /// A stable word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Garbage => "garbage",
            Self::HalfFrame => "half_frame",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::RefuseSignOn => "refuse_sign_on",
            Self::Latency => "latency",
            Self::Held => "held",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// How long an answer or a message is held back where nothing else is said.
    pub(crate) fn usual_delay(self) -> Duration {
        Duration::from_millis(if matches!(self, Self::Late | Self::Held) { 30_000 } else { 500 })
    }
}

impl Faults {
    /// From now on the host does this to a site, and nothing else.
    pub(crate) fn plan(&self, site: SiteId, planned: Planned, seed: u64) {
        self.plans().insert(site, Plan { planned, dice: Random::seeded(seed) });
    }

    /// What is still to happen to a site.
    pub(crate) fn planned(&self, site: SiteId) -> Planned {
        self.plans().get(&site).map(|plan| plan.planned.clone()).unwrap_or_default()
    }

    /// Whether amounts decide for a site.
    pub(super) fn by_amount(&self, site: SiteId) -> bool {
        self.plans().get(&site).is_some_and(|plan| plan.planned.by_amount)
    }

    /// What happens to this message about a card.
    pub(super) fn to_message(&self, site: SiteId, mti: Mti) -> Option<Fault> {
        self.draw(site, |fault| {
            fault.kind != Kind::RefuseSignOn && fault.on.is_none_or(|on| on == mti.first())
        })
    }

    /// Whether this sign-on is refused.
    pub(super) fn to_sign_on(&self, site: SiteId) -> bool {
        self.draw(site, |fault| fault.kind == Kind::RefuseSignOn).is_some()
    }

    fn draw(&self, site: SiteId, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut plans = self.plans();
        let Plan { planned, dice } = plans.get_mut(&site)?;
        for fault in planned.faults.iter_mut().filter(|fault| fits(fault)) {
            if happens(&mut fault.when, dice) {
                return Some(fault.clone());
            }
        }
        None
    }

    fn plans(&self) -> MutexGuard<'_, HashMap<SiteId, Plan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn happens(when: &mut When, dice: &Random) -> bool {
    match when {
        When::Next(0) => false,
        When::Next(left) => {
            *left -= 1;
            true
        }
        When::Percent(percent) => {
            let mut random = [0; 4];
            dice.fill(&mut random);
            u32::from_le_bytes(random) % 100 < u32::from(*percent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: SiteId = SiteId(1);

    fn fault(kind: Kind, when: When) -> Fault {
        Fault { kind, when, delay: kind.usual_delay(), on: None }
    }

    fn plan(faults: Vec<Fault>) -> Planned {
        Planned { faults, by_amount: false }
    }

    #[test]
    fn faults_happen_as_often_as_planned_to_whom_they_were_planned_for() {
        let faults = Faults::default();
        let refuse = fault(Kind::RefuseSignOn, When::Next(1));
        let only = Fault { on: Some(Mti::REVERSAL_REQUEST), ..fault(Kind::NoAnswer, When::Next(2)) };
        faults.plan(SITE, plan(vec![refuse, only]), 1);
        let kind = |mti| faults.to_message(SITE, mti).map(|fault| fault.kind);
        assert_eq!(kind(Mti::AUTHORISATION_REQUEST), None);
        assert!(!faults.to_sign_on(SiteId(2)) && faults.to_sign_on(SITE) && !faults.to_sign_on(SITE));
        assert_eq!(kind(Mti::REVERSAL_REQUEST), Some(Kind::NoAnswer));
        assert_eq!(kind(Mti::REVERSAL_REQUEST.repeat()), Some(Kind::NoAnswer));
        assert_eq!(kind(Mti::REVERSAL_REQUEST), None);
        assert_eq!(faults.planned(SITE).faults.iter().filter(|fault| fault.when == When::Next(0)).count(), 2);
    }

    #[test]
    fn a_seed_repeats_what_chance_decides() {
        let drawn = |seed| {
            let faults = Faults::default();
            faults.plan(SITE, plan(vec![fault(Kind::Garbage, When::Percent(30))]), seed);
            let hit = |_| faults.to_message(SITE, Mti::AUTHORISATION_REQUEST).is_some();
            (0..1_000).map(hit).collect::<Vec<bool>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let hits = drawn(7).into_iter().filter(|hit| *hit).count();
        assert!((250..350).contains(&hits), "{hits}");
    }
}
