//! Answers are matched to requests by what both have.

use crate::vectors::{profiles, vectors};
use iso8583::{Message, Mti, Profile};

fn vector(name: &str) -> Message {
    vectors().into_iter().find(|vector| vector.name.starts_with(name)).unwrap().message
}

/// Requests and their answers.
const PAIRS: &[(&str, &str)] =
    &[("V01", "V02"), ("V01", "V03"), ("V01", "V05"), ("V06", "V08"), ("V09", "V10"), ("V13", "V14")];

#[test]
fn an_answer_has_the_key_of_its_request() {
    let names: Vec<String> = (1..=17).map(|number| format!("V{number:02}")).collect();
    for profile in profiles() {
        for (request, answer) in PAIRS {
            let (request, answer) = (vector(request), vector(answer));
            let key = profile.match_key(&request);
            assert!(key.is_some());
            assert_eq!(key, profile.match_key(&answer));
            assert!(profile.confirms(&request, &answer));
        }
        for (one, other) in names.iter().flat_map(|one| names.iter().map(move |other| (one, other))) {
            let (one, other) = (vector(one), vector(other));
            if one.mti().is_request() && other.mti().is_request() && one != other {
                assert_ne!(profile.match_key(&one), profile.match_key(&other));
            }
        }
    }
}

#[test]
fn every_part_of_a_key_counts() {
    let profile = Profile::built_in("B").unwrap();
    let answer = vector("V02").with(33, "1");
    let key = profile.match_key(&answer).unwrap();
    assert_eq!(key.to_string(), "0100/1122143015/000123/525000/1/TERM0001");
    assert_eq!(key.mti(), Mti::AUTHORISATION_REQUEST);
    for (number, other) in [(7, "1122143016"), (11, "000124"), (32, "525001"), (33, "2"), (41, "TERM0002")] {
        assert_ne!(profile.match_key(&answer.clone().with(number, other)), Some(key.clone()), "DE {number}");
    }
    for other in ["0210", "0130", "0112", "0410"] {
        let other = answer.clone().set_mti(Mti::parse(other).unwrap()).clone();
        assert_ne!(profile.match_key(&other), Some(key.clone()));
    }
}

#[test]
fn a_repeat_and_its_answer_have_the_key_of_the_first() {
    let profile = Profile::built_in("B").unwrap();
    let first = vector("V06");
    for mti in ["0401", "0410", "0411"] {
        let other = first.clone().set_mti(Mti::parse(mti).unwrap()).clone();
        assert_eq!(profile.match_key(&other), profile.match_key(&first), "{mti}");
    }
}

#[test]
fn what_wants_no_answer_has_no_key() {
    let profile = Profile::built_in("B").unwrap();
    let notification = vector("V01").set_mti(Mti::parse("0140").unwrap()).clone();
    assert_eq!(profile.match_key(&notification), None);
    assert_eq!(profile.match_key(vector("V01").remove(11)), None);
}

#[test]
fn an_answer_with_another_reference_is_not_confirmed() {
    let profile = Profile::built_in("B").unwrap();
    let (request, answer) = (vector("V01"), vector("V02"));
    assert!(!profile.confirms(&request, &answer.clone().with(37, "632614000124")));
    assert!(profile.confirms(&request, answer.clone().remove(37)));
}

#[test]
fn a_profile_says_what_its_host_echoes() {
    let text = include_str!("../../profiles/b.toml");
    let profile = Profile::parse(&format!("match_on = [11, 41]\nmatch_check = [37, 4]\n{text}")).unwrap();
    let (request, answer) = (vector("V01"), vector("V02"));
    assert_eq!(profile.match_key(&request).unwrap().to_string(), "0100/000123/TERM0001");
    assert!(profile.confirms(&request, &answer));
    assert!(!profile.confirms(&request, &answer.with(4, "000000000001")));
}
