//! The card ranges of the simulated directory server: every card of 13 to 19 digits that begins with 2 to 6.
//!
//! There are two editions. Whoever asks for everything gets the first; whoever has the first gets what changed: cards
//! of 19 digits in one Maestro range take part now, and those in another do not any more.

use super::scheme::{Method, SPELLED, participation};
use emv3ds::card_range::{AcsVersions, ActionInd, CardRange, PanRange, Participation};
use emv3ds::version::{Version, VersionSpan};

/// Cards of 19 digits that take part since the second edition.
const ADDED: &str = "67999931";
/// Cards of 19 digits that took part in the first edition only.
const DELETED: &str = "67999932";

/// The newest edition, and what changed since `serial`; everything without one. `None`: there never was such an
/// edition.
pub(super) fn since(serial: Option<&str>, base_url: &str) -> Option<(&'static str, Vec<CardRange>)> {
    let added = || range(ADDED, 19, ActionInd::Add, Version::V220, Method::Present, base_url);
    let deleted = || range(DELETED, 19, ActionInd::Delete, Version::V220, Method::Present, base_url);
    match serial {
        None => Some(("1", all(base_url))),
        Some("1") => Some(("2", [added(), deleted()].into_iter().flatten().collect())),
        Some("2") => Some(("2", Vec::new())),
        Some(_) => None,
    }
}

/// Whether a card takes part, in any edition.
pub(super) fn has(digits: &str) -> bool {
    (13..=19).contains(&digits.len()) && digits.starts_with(['2', '3', '4', '5', '6'])
}

/// The first edition: the spelled ranges, and all there is between them.
fn all(base_url: &str) -> Vec<CardRange> {
    let mut found = Vec::new();
    for length in 13..=19 {
        let mut special = Vec::new();
        if matches!(length, 16 | 19) {
            for (prefix, version, method) in spelled() {
                let (version, method) = participation(version, method);
                special.push((prefix, Some((version, method))));
            }
        }
        if length == 19 {
            special.push((ADDED.to_owned(), None));
            special.push((DELETED.to_owned(), Some((Version::V220, Method::Present))));
        }
        special.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (mut next, end) = (bound("2", length, '0'), bound("6", length, '9'));
        for (prefix, takes_part) in special {
            let (first, last) = (bound(&prefix, length, '0'), bound(&prefix, length, '9'));
            found.extend(between(next, first.saturating_sub(1), length, base_url));
            let taken = takes_part.and_then(|(version, method)| {
                range(&prefix, length, ActionInd::Add, version, method, base_url)
            });
            found.extend(taken);
            next = last.saturating_add(1);
        }
        found.extend(between(next, end, length, base_url));
    }
    found
}

/// The prefixes of ten digits that spell out version and 3DS Method.
fn spelled() -> impl Iterator<Item = (String, u8, u8)> {
    let digits = |prefix: &'static str| {
        (0..2_u8).flat_map(move |version| {
            (0..3_u8).map(move |method| (format!("{prefix}{version}{method}"), version, method))
        })
    };
    SPELLED.into_iter().flat_map(digits)
}

/// The number that begins with `prefix` and goes on with `fill`.
fn bound(prefix: &str, length: usize, fill: char) -> u64 {
    let fill = std::iter::repeat_n(fill, length.saturating_sub(prefix.len()));
    prefix.chars().chain(fill).collect::<String>().parse().unwrap_or(0)
}

fn between(first: u64, last: u64, length: usize, base_url: &str) -> Option<CardRange> {
    let text = |number: u64| format!("{number:0length$}");
    let pans = (first <= last).then(|| PanRange::new(&text(first), &text(last)))??;
    Some(entry(pans, ActionInd::Add, Version::V220, Method::Present, base_url))
}

fn range(
    prefix: &str,
    length: usize,
    action: ActionInd,
    version: Version,
    method: Method,
    base_url: &str,
) -> Option<CardRange> {
    let text = |fill| format!("{:0length$}", bound(prefix, length, fill));
    let pans = PanRange::new(&text('0'), &text('9'))?;
    Some(entry(pans, action, version, method, base_url))
}

fn entry(pans: PanRange, action: ActionInd, version: Version, method: Method, base_url: &str) -> CardRange {
    let method_url = match method {
        Method::Present => Some(format!("{base_url}/simulator/3ds/method")),
        Method::Slow => Some(format!("{base_url}/simulator/3ds/method?slow=1")),
        Method::Missing => None,
    };
    let versions = VersionSpan::only(version.protocol());
    let acs = AcsVersions { versions, method_url, info: vec!["01".to_owned(), "02".to_owned()] };
    CardRange { pans, action, participation: Participation { acs: vec![acs], ds: Vec::new() } }
}
