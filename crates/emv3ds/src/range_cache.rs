//! The card ranges of a directory server, between one `PRes` and the next.
//!
//! A full `PRes` replaces everything; one that answers a request with a serial number changes what is there: it adds
//! (`A`), modifies (`M`) and deletes (`D`) in the order of the list. A `PRes` is taken whole or not at all: after a
//! fault the ranges are as before, and the next request asks for everything ([`RangeCache::forget_serial`]).
//!
//! Ranges of one length never overlap, so a card is found by one binary search. Ranges that take part in the same way
//! share one description: 200,000 ranges are a few megabytes, in memory and stored.

use crate::card_range::{ActionInd, CardRange, PanRange, Participation, pan_number};
use crate::fault::{About, Fault};
use crate::message::MessageType;
use crate::preparation::PRes;
use crate::values::{Component, ErrorCode};
use crate::version::{Version, VersionSpan};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What a `PRes` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Everything: the request had no serial number.
    Full,
    /// What has changed since the request's serial number.
    Delta,
}

/// The card ranges of one directory server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeCache {
    serial: Option<String>,
    ds: Vec<VersionSpan>,
    participations: Vec<Participation>,
    /// In order, without overlap; the number is that of the participation.
    ranges: Vec<(PanRange, u32)>,
}

/// How one card takes part.
#[derive(Clone, Copy, Debug)]
pub struct Enrolment<'a> {
    /// What is said of its range.
    pub participation: &'a Participation,
    ds: &'a [VersionSpan],
}

impl<'a> Enrolment<'a> {
    /// The newest version that ACS, directory server and we have in common.
    #[must_use]
    pub fn choose(&self, ours: &[Version]) -> Option<Version> {
        self.participation.choose(self.ds, ours)
    }

    /// Where the 3DS Method is; without one `threeDSCompInd` is `U`.
    #[must_use]
    pub fn method_url(&self, version: Version) -> Option<&'a str> {
        self.participation.method_url(version)
    }
}

impl RangeCache {
    /// The range of a card; `None` if it is in none, or has a length that is never authenticated.
    #[must_use]
    pub fn lookup(&self, pan: &str) -> Option<Enrolment<'_>> {
        let key = pan_number(pan)?;
        let after = self.ranges.partition_point(|(pans, _)| (pans.digits, pans.first) <= key);
        let (pans, participation) = self.ranges.get(after.checked_sub(1)?)?;
        let (digits, number) = key;
        if pans.digits != digits || pans.last < number {
            return None;
        }
        let participation = self.participations.get(usize::try_from(*participation).ok()?)?;
        Some(Enrolment { participation, ds: &self.ds })
    }

    /// What the next request sends as `serialNum`; `None`: it asks for everything.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Asks for everything next time, after a serial number was refused (307) or a delta did not fit.
    pub fn forget_serial(&mut self) {
        self.serial = None;
    }

    /// How many ranges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none: nothing was loaded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Every range in order, and how it takes part.
    pub fn iter(&self) -> impl Iterator<Item = (PanRange, &Participation)> {
        self.ranges.iter().filter_map(|(pans, participation)| {
            Some((*pans, self.participations.get(usize::try_from(*participation).ok()?)?))
        })
    }

    /// Takes what a directory server answered.
    ///
    /// # Errors
    /// The fault to answer with, and nothing is changed: ranges that overlap (205), an action that cannot be done
    /// (206), both 203 in 2.2.0, which has no code of their own; or no ranges where all were asked for (201).
    pub fn apply(&mut self, pres: &PRes, update: Update) -> Result<(), Fault> {
        let ranges = pres.card_ranges.as_deref();
        if ranges.is_none() && update == Update::Full {
            return Err(fault(pres, ErrorCode::REQUIRED_MISSING, ""));
        }
        let mut draft = match update {
            Update::Full => Draft::default(),
            Update::Delta => Draft::of(self),
        };
        let ranges = ranges.unwrap_or_default();
        if pres.is_backwards() {
            ranges.iter().rev().try_for_each(|range| draft.change(range, pres))?;
        } else {
            ranges.iter().try_for_each(|range| draft.change(range, pres))?;
        }
        let ds = pres.ds_spans();
        if update == Update::Full || !ds.is_empty() {
            self.ds = ds;
        }
        self.serial.clone_from(&pres.serial_num);
        (self.participations, self.ranges) = draft.finish();
        Ok(())
    }

    /// The ranges as compact JSON, to be stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let ranges = self.ranges.iter().map(|(pans, of)| (pans.digits, pans.first, pans.last, *of)).collect();
        let stored = Stored {
            serial: self.serial.clone(),
            ds: self.ds.clone(),
            participations: self.participations.clone(),
            ranges,
        };
        serde_json::to_string(&stored).expect("numbers and texts can be written")
    }

    /// Takes what was stored; `None` if it is damaged, and then everything is asked for anew.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let Stored { serial, ds, participations, ranges } = serde_json::from_str(text).ok()?;
        let ranges: Vec<(PanRange, u32)> = ranges
            .into_iter()
            .map(|(digits, first, last, of)| (PanRange { digits, first, last }, of))
            .collect();
        let sound = ranges.iter().all(|(pans, of)| {
            let most = 10_u64.checked_pow(pans.digits.into());
            (13..=19).contains(&pans.digits)
                && pans.first <= pans.last
                && most.is_some_and(|most| pans.last < most)
                && usize::try_from(*of).is_ok_and(|of| of < participations.len())
        });
        let in_order = ranges.is_sorted_by(|(one, _), (next, _)| one < next && !one.overlaps(next));
        (sound && in_order).then_some(Self { serial, ds, participations, ranges })
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    serial: Option<String>,
    ds: Vec<VersionSpan>,
    participations: Vec<Participation>,
    ranges: Vec<(u8, u64, u64, u32)>,
}

/// The ranges while they are changed, by length and first number.
#[derive(Default)]
struct Draft {
    participations: Participations,
    ranges: BTreeMap<(u8, u64), (u64, u32)>,
}

/// Each way to take part, once.
#[derive(Default)]
struct Participations {
    list: Vec<Participation>,
    numbers: HashMap<Participation, u32>,
}

impl Participations {
    fn number_of(&mut self, participation: &Participation) -> u32 {
        if let Some(number) = self.numbers.get(participation) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).expect("fewer ranges than bytes of a PRes");
        self.list.push(participation.clone());
        self.numbers.insert(participation.clone(), number);
        number
    }
}

impl Draft {
    fn of(cache: &RangeCache) -> Self {
        let mut draft = Self::default();
        for (pans, participation) in cache.iter() {
            let number = draft.participations.number_of(participation);
            draft.ranges.insert((pans.digits, pans.first), (pans.last, number));
        }
        draft
    }

    fn change(&mut self, range: &CardRange, pres: &PRes) -> Result<(), Fault> {
        let pans = &range.pans;
        let key = (pans.digits, pans.first);
        let known = self.ranges.get(&key).is_some_and(|(last, _)| *last == pans.last);
        let (code, why) = match range.action {
            ActionInd::Add if !self.is_free(pans) => (ErrorCode::RANGES_OVERLAP, "overlap"),
            ActionInd::Modify | ActionInd::Delete if !known => {
                (ErrorCode::RANGE_ACTION, "action on no range")
            }
            ActionInd::Add | ActionInd::Modify => {
                let number = self.participations.number_of(&range.participation);
                self.ranges.insert(key, (pans.last, number));
                return Ok(());
            }
            ActionInd::Delete => {
                self.ranges.remove(&key);
                return Ok(());
            }
        };
        let code = if pres.version == Version::V220 { ErrorCode::FORMAT_INVALID } else { code };
        Err(fault(pres, code, &format!(": {why} at {}-{}", pans.first(), pans.last())))
    }

    /// Whether no range has a number of `pans`. As they do not overlap, the last to start in or before it decides.
    fn is_free(&self, pans: &PanRange) -> bool {
        let before = self.ranges.range(..=(pans.digits, pans.last)).next_back();
        before.is_none_or(|((digits, _), (last, _))| *digits != pans.digits || *last < pans.first)
    }

    /// The ranges in order, with the participations that are still used.
    fn finish(self) -> (Vec<Participation>, Vec<(PanRange, u32)>) {
        let mut used = Participations::default();
        let before = self.participations.list;
        let ranges = self.ranges.into_iter().filter_map(|((digits, first), (last, number))| {
            let participation = before.get(usize::try_from(number).ok()?)?;
            Some((PanRange { digits, first, last }, used.number_of(participation)))
        });
        let ranges = ranges.collect();
        (used.list, ranges)
    }
}

fn fault(pres: &PRes, code: ErrorCode, why: &str) -> Fault {
    let field = crate::card_range::FIELD;
    let about = About {
        message_type: Some(MessageType::PRes),
        version: Some(pres.version),
        server_trans_id: Some(pres.server_trans_id.clone()),
        acs_trans_id: None,
        ds_trans_id: Some(pres.ds_trans_id.clone()),
    };
    let fault = Fault::new(code, Component::Server, format!("{field}{why}"), about);
    Fault { fields: vec![field.to_owned()], ..fault }
}
