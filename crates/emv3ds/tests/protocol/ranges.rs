//! The card ranges: whole, changed, refused, found, stored.

use emv3ds::card_range::{ActionInd, CardRange, PanRange};
use emv3ds::ids::TransId;
use emv3ds::message::{Body, Endpoint, Received, receive};
use emv3ds::preparation::PRes;
use emv3ds::range_cache::{RangeCache, Update};
use emv3ds::values::Component;
use emv3ds::version::Version;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SERVER: Endpoint = Endpoint::new(Component::Server);
const DIRECTORY: Endpoint = Endpoint::new(Component::DirectoryServer);

fn pres(version: Version, serial: Option<&str>, ranges: &Value) -> Result<PRes, String> {
    let message = json!({
        "messageType": "PRes", "messageVersion": version.text(), "serialNum": serial,
        "threeDSServerTransID": "8a880dc0-d2d2-4067-bcb1-b08d1690b26e",
        "dsTransID": "d7c1ee99-9478-44a6-b1f2-391e29c6b340",
        "dsStartProtocolVersion": "2.1.0", "dsEndProtocolVersion": "2.3.1", "dsProtocolVersions": ["2.2.0", "2.3.1"],
        "cardRangeData": ranges,
    });
    match receive(message.to_string().as_bytes(), &SERVER) {
        Ok(Received::Message(pres)) => Ok(pres),
        Ok(Received::Erro(erro)) => panic!("{erro:?}"),
        Err(fault) => Err(format!("{} {}", fault.code, fault.detail)),
    }
}

/// `action first last`, an entry a line; the Method URL ends in the line's number.
fn entries(version: Version, lines: &str) -> Value {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let entry = |(number, line): (usize, &str)| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [action, first, last] = cells[..] else { panic!("three cells: {line}") };
        let url = format!("https://acs.example/method/{number}");
        match version {
            Version::V220 => json!({
                "startRange": first, "endRange": last, "actionInd": action,
                "acsStartProtocolVersion": "2.1.0", "acsEndProtocolVersion": "2.2.0", "threeDSMethodURL": url,
            }),
            Version::V231 => json!({
                "ranges": [{"startRange": first, "endRange": last}], "actionInd": action,
                "acsProtocolVersions": [
                    {"version": "2.2.0", "threeDSMethodURL": url}, {"version": "2.3.1", "threeDSMethodURL": url},
                ],
            }),
        }
    };
    lines.enumerate().map(entry).collect::<Vec<_>>().into()
}

fn apply(cache: &mut RangeCache, version: Version, update: Update, lines: &str) -> Result<(), String> {
    let pres = pres(version, Some("1"), &entries(version, lines))?;
    let changed = cache.apply(&pres, update);
    changed.map_err(|fault| {
        fault.erro().expect("an answer").to_json(&SERVER).expect("which keeps the rules");
        format!("{} {}", fault.code, fault.detail)
    })
}

/// What a card's Method URL ends in; `-` without a range.
fn found(cache: &RangeCache, pan: &str) -> String {
    let enrolment = cache.lookup(pan);
    let url = enrolment.and_then(|enrolment| enrolment.method_url(Version::V220).map(str::to_owned));
    url.map_or("-".to_owned(), |url| url.rsplit('/').next().unwrap().to_owned())
}

const FULL: &str = "
    A 4000000000000000 4000999999999999
    A 6799990000000000000 6799990999999999999
    A 5000000000000 5000009999999
    A 4002000000000000 4002000000000000
";

#[test]
fn a_card_is_found_by_its_number_and_length() {
    for version in [Version::V220, Version::V231] {
        let mut cache = RangeCache::default();
        assert!(cache.lookup("4000000000000000").is_none());
        apply(&mut cache, version, Update::Full, FULL).unwrap();
        assert_eq!(cache.len(), 4);
        for (pan, number) in [
            ("4000000000000000", "0"),
            ("4000999999999999", "0"),
            ("4001000000000000", "-"),
            ("3999999999999999", "-"),
            ("6799990000000000011", "1"),
            ("6799990999999999999", "1"),
            ("6799991000000000000", "-"),
            ("9999999999999999999", "-"),
            ("679999000000000001", "-"),
            ("67999900000000000110", "-"),
            ("5000000000000", "2"),
            ("500000000000", "-"),
            ("50000000000000", "-"),
            ("00004000000000000", "-"),
            ("4002000000000000", "3"),
            ("4002000000000001", "-"),
            ("", "-"),
            ("400000000000000x", "-"),
            ("+400000000000000", "-"),
        ] {
            assert_eq!(found(&cache, pan), number, "{pan}");
        }
        let enrolment = cache.lookup("6799990000000000011").unwrap();
        let newest = if version == Version::V220 { Version::V220 } else { Version::V231 };
        assert_eq!(enrolment.choose(Version::ALL), Some(newest));
        assert_eq!(enrolment.choose(&[Version::V220]), Some(Version::V220));
    }
}

#[test]
fn a_delta_adds_modifies_and_deletes() {
    for version in [Version::V220, Version::V231] {
        let mut cache = RangeCache::default();
        apply(&mut cache, version, Update::Full, FULL).unwrap();
        apply(
            &mut cache,
            version,
            Update::Delta,
            "
            D 4000000000000000 4000999999999999
            A 4000000000000000 4000000000000999
            M 6799990000000000000 6799990999999999999
            A 6799991000000000000 6799991000000000009
        ",
        )
        .unwrap();
        assert_eq!(cache.len(), 5);
        for (pan, number) in [
            ("4000000000000500", "1"),
            ("4000000000001000", "-"),
            ("6799990000000000011", "2"),
            ("6799991000000000005", "3"),
            ("5000000000000", "2"),
        ] {
            assert_eq!(found(&cache, pan), number, "{pan}");
        }
    }
}

#[test]
fn a_delta_that_does_not_fit_is_refused_as_a_whole() {
    for (lines, code) in [
        ("D 5000000000000 5000009999999\n A 4000500000000000 4001000000000000", "205"),
        ("A 3999999999999999 4000000000000000", "205"),
        ("A 4000000000000000 4000999999999999", "205"),
        ("A 4000000000000001 4000000000000002", "205"),
        ("A 4001999999999999 4002000000000001", "205"),
        ("D 4000000000000000 4000999999999998", "206"),
        ("M 4100000000000000 4100999999999999", "206"),
        ("D 5000000000000 5000009999999\n D 5000000000000 5000009999999", "206"),
    ] {
        for version in [Version::V220, Version::V231] {
            let mut cache = RangeCache::default();
            apply(&mut cache, version, Update::Full, FULL).unwrap();
            let before = cache.clone();
            let refused = apply(&mut cache, version, Update::Delta, lines).unwrap_err();
            let code = if version == Version::V220 { "203" } else { code };
            assert!(refused.starts_with(&format!("{code} cardRangeData")), "{lines}: {refused}");
            assert_eq!(cache, before, "{lines}");
        }
    }
}

#[test]
fn a_full_answer_replaces_everything_or_nothing() {
    let mut cache = RangeCache::default();
    apply(&mut cache, Version::V220, Update::Full, FULL).unwrap();
    assert_eq!(cache.serial(), Some("1"));
    let before = cache.clone();
    for lines in [
        "A 4000000000000000 4000999999999999\n A 4000999999999999 4001999999999999",
        "M 4000000000000000 4000999999999999",
        "D 4000000000000000 4000999999999999",
    ] {
        apply(&mut cache, Version::V220, Update::Full, lines).unwrap_err();
        assert_eq!(cache, before, "{lines}");
    }
    let nothing = pres(Version::V220, None, &Value::Null).unwrap();
    assert_eq!(cache.apply(&nothing, Update::Full).unwrap_err().detail, "cardRangeData");
    apply(&mut cache, Version::V220, Update::Full, "A 4100000000000000 4100000000000009").unwrap();
    assert_eq!((cache.len(), found(&cache, "4000000000000000").as_str()), (1, "-"));
}

#[test]
fn an_answer_without_changes_moves_the_serial_number_only() {
    let mut cache = RangeCache::default();
    apply(&mut cache, Version::V220, Update::Full, FULL).unwrap();
    let nothing = pres(Version::V220, Some("2"), &json!([])).unwrap();
    cache.apply(&nothing, Update::Delta).unwrap();
    assert_eq!((cache.len(), cache.serial()), (4, Some("2")));
    let silent = pres(Version::V220, None, &Value::Null).unwrap();
    cache.apply(&silent, Update::Delta).unwrap();
    assert_eq!((cache.len(), cache.serial()), (4, None), "the next request asks for everything");
    cache.apply(&nothing, Update::Delta).unwrap();
    cache.forget_serial();
    assert_eq!(cache.serial(), None);
}

#[test]
fn ranges_may_be_read_backwards() {
    let lines = "A 4000000000000000 4000000000000009\n D 4000000000000000 4000999999999999";
    let mut pres = pres(Version::V231, Some("2"), &entries(Version::V231, lines)).unwrap();
    let mut cache = RangeCache::default();
    apply(&mut cache, Version::V231, Update::Full, FULL).unwrap();
    cache.apply(&pres, Update::Delta).unwrap_err();
    pres.read_order = emv3ds::values::TwoDigits::parse("02");
    cache.apply(&pres, Update::Delta).unwrap();
    assert_eq!(found(&cache, "4000000000000010"), "-");
}

#[test]
fn malformed_entries_are_refused_and_named() {
    let good = entries(Version::V220, "A 4000000000000000 4000999999999999")[0].clone();
    let newer = entries(Version::V231, "A 4000000000000000 4000999999999999")[0].clone();
    for (entry, field, value, refused) in [
        (&good, "startRange", json!("400000000000"), "203 cardRangeData.startRange"),
        (&good, "endRange", json!("40009999999999990000"), "203 cardRangeData.endRange"),
        (&good, "endRange", json!("3999999999999999"), "203 cardRangeData.endRange"),
        (&good, "endRange", json!("40009999999999999"), "203 cardRangeData.endRange"),
        (&good, "startRange", Value::Null, "201 cardRangeData.startRange"),
        (&good, "acsEndProtocolVersion", json!(""), "201 cardRangeData.acsEndProtocolVersion"),
        (&good, "acsStartProtocolVersion", json!("2"), "203 cardRangeData.acsStartProtocolVersion"),
        (&good, "actionInd", json!("X"), "203 cardRangeData.actionInd"),
        (&good, "threeDSMethodURL", json!("http://acs.example/"), "203 cardRangeData.threeDSMethodURL"),
        (&good, "acsInfoInd", json!("01"), "203 cardRangeData.acsInfoInd"),
        (&newer, "ranges", json!([{"startRange": "4000000000000000"}]), "201 cardRangeData.ranges.endRange"),
        (&newer, "ranges", json!(["4000000000000000"]), "203 cardRangeData.ranges"),
        (&newer, "acsProtocolVersions", Value::Null, "201 cardRangeData.acsProtocolVersions"),
        (
            &newer,
            "acsProtocolVersions",
            json!([{"version": "2"}]),
            "203 cardRangeData.acsProtocolVersions.version",
        ),
    ] {
        let mut broken = entry.clone();
        broken[field] = value;
        // The others are good, before and after it.
        let other = entries(Version::V220, "A 4100000000000000 4100999999999999")[0].clone();
        let list = json!([other, broken, other]);
        assert_eq!(pres(Version::V220, None, &list).unwrap_err(), refused, "{broken}");
    }
    for list in
        [json!([7]), json!(["x"]), json!([[]]), json!({"startRange": "1"}), json!("x"), json!(7), json!(1.5)]
    {
        assert_eq!(pres(Version::V220, None, &list).unwrap_err(), "203 cardRangeData", "{list}");
    }
    let deleted =
        json!([{"startRange": "4000000000000000", "endRange": "4000999999999999", "actionInd": "D"}]);
    assert_eq!(
        pres(Version::V220, None, &deleted).unwrap().card_ranges.unwrap()[0].action,
        ActionInd::Delete
    );
}

#[test]
fn one_entry_of_the_newer_version_may_hold_several_ranges() {
    let list = json!([{
        "ranges": [
            {"startRange": "4000000000000000", "endRange": "4000000000000009"},
            {"startRange": "6799990000000000000", "endRange": "6799990000000000999"},
        ],
        "acsProtocolVersions": [
            {"version": "2.2.0", "threeDSMethodURL": "https://acs.example/old", "acsInfoInd": ["01", "02"]},
            {"version": "2.3.1"},
        ],
        "dsProtocolVersions": ["2.2.0"],
    }]);
    let pres = pres(Version::V231, None, &list).unwrap();
    assert_eq!(pres.card_ranges.as_ref().unwrap().len(), 2);
    let mut cache = RangeCache::default();
    cache.apply(&pres, Update::Full).unwrap();
    let enrolment = cache.lookup("6799990000000000011").unwrap();
    assert_eq!(
        enrolment.choose(Version::ALL),
        Some(Version::V220),
        "the range's own limit of the directory server"
    );
    assert_eq!(enrolment.method_url(Version::V220), Some("https://acs.example/old"));
    assert_eq!(enrolment.method_url(Version::V231), None);
    assert!(enrolment.participation.has_info(Version::V220, "02"));
    assert!(!enrolment.participation.has_info(Version::V231, "02"));
}

#[test]
fn a_directory_server_writes_what_a_server_reads() {
    for version in [Version::V220, Version::V231] {
        let mut read = pres(version, Some("9"), &entries(version, FULL)).unwrap();
        let written = read.to_json(&DIRECTORY).unwrap();
        let Received::Message(again) = receive::<PRes>(written.as_bytes(), &SERVER).unwrap() else {
            panic!()
        };
        assert_eq!(again, read);
        read.card_ranges.as_mut().unwrap()[0].participation.acs[0].method_url = Some("ftp://x".to_owned());
        let fault = read.to_json(&DIRECTORY).unwrap_err();
        assert!(fault.detail.starts_with("cardRangeData."), "{fault}");
    }
}

#[test]
fn what_was_stored_comes_back_and_damage_is_noticed() {
    let mut cache = RangeCache::default();
    apply(&mut cache, Version::V231, Update::Full, FULL).unwrap();
    let stored = cache.to_json();
    assert_eq!(RangeCache::from_json(&stored).unwrap(), cache);
    assert_eq!(RangeCache::from_json(&RangeCache::default().to_json()).unwrap(), RangeCache::default());
    for (from, to) in [
        ("[13,", "[12,"),
        ("[19,", "[20,"),
        ("6799990000000000000,", "6799991000000000000,"),
        (",6799990999999999999,", ",16799990999999999999,"),
        (",4000999999999999,", ",4002000000000000,"),
        (",3]", ",4]"),
        ("\"serial\":", "\"serial2\":7,\"x\":"),
        ("[13,5000000000000,", "[19,5000000000000,"),
    ] {
        let damaged = stored.replacen(from, to, 1);
        assert_ne!(damaged, stored, "{from} is in {stored}");
        let read = RangeCache::from_json(&damaged);
        assert!(read.is_none() || from.contains("serial"), "{from} → {to}");
    }
    assert_eq!(RangeCache::from_json(&stored[..stored.len() / 2]), None);
}

#[test]
fn many_ranges_are_kept_small_and_found() {
    let ranges = (0..50_000_u64).map(|number| {
        let first = 4_000_000_000_000_000 + number * 10_000_000;
        format!("A {first} {}", first + 4_999_999)
    });
    let lines: Vec<String> = ranges.collect();
    let list = entries(Version::V220, &lines.join("\n"));
    let same: Vec<Value> = list
        .as_array()
        .unwrap()
        .iter()
        .cloned()
        .map(|mut entry| {
            entry["threeDSMethodURL"] = "https://acs.example/method/same".into();
            entry
        })
        .collect();
    let mut cache = RangeCache::default();
    cache.apply(&pres(Version::V220, Some("1"), &same.into()).unwrap(), Update::Full).unwrap();
    assert_eq!(cache.len(), 50_000);
    assert_eq!(found(&cache, "4000123454999999"), "same");
    assert_eq!(found(&cache, "4000123455000000"), "-");
    assert!(cache.to_json().len() < 50_000 * 45, "{}", cache.to_json().len());
}

fn range(first: u64, last: u64, action: ActionInd) -> CardRange {
    let base = 6_799_990_000_000_000_000;
    let pans = PanRange::new(&(base + first).to_string(), &(base + last).to_string()).unwrap();
    CardRange { pans, action, participation: Default::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a list of single numbers: a delta is right or refused, and lookups agree.
    #[test]
    fn any_changes_are_those_of_a_plain_list(
        changes in prop::collection::vec((0..3_usize, 0..40_u64, 0..6_u64), 1..40),
    ) {
        let id = TransId::from_random([1; 16]);
        let mut cache = RangeCache::default();
        let mut plain: BTreeMap<u64, u64> = BTreeMap::new();
        for (action, first, length) in changes {
            let last = first + length;
            let action = [ActionInd::Add, ActionInd::Modify, ActionInd::Delete][action];
            let fits = match action {
                ActionInd::Add => plain.iter().all(|(start, end)| *end < first || last < *start),
                ActionInd::Modify | ActionInd::Delete => plain.get(&first) == Some(&last),
            };
            let pres = PRes {
                version: Version::V231,
                server_trans_id: id.clone(),
                ds_trans_id: id.clone(),
                serial_num: None,
                ds_start: None,
                ds_end: None,
                ds_versions: Vec::new(),
                file_url: None,
                read_order: None,
                extensions: Vec::new(),
                card_ranges: Some(vec![range(first, last, action)]),
                other: Default::default(),
            };
            prop_assert_eq!(cache.apply(&pres, Update::Delta).is_ok(), fits, "{:?} {}-{}", action, first, last);
            match action {
                ActionInd::Add if fits => _ = plain.insert(first, last),
                ActionInd::Delete if fits => _ = plain.remove(&first),
                _ => {}
            }
            for number in 0..50 {
                let pan = (6_799_990_000_000_000_000_u64 + number).to_string();
                let within = plain.iter().any(|(start, end)| (*start..=*end).contains(&number));
                prop_assert_eq!(cache.lookup(&pan).is_some(), within, "{}", pan);
            }
            prop_assert_eq!(&RangeCache::from_json(&cache.to_json()).unwrap(), &cache);
        }
    }
}
