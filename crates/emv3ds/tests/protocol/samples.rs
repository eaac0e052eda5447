//! Values that keep a rule, and values that break it, made from the rule's format.

use emv3ds::message::{Endpoint, MessageType};
use emv3ds::rules::{Format, Presence, Rule, rules};
use emv3ds::version::Version;
use serde_json::{Map, Value, json};

/// A message with every field of its table.
pub(super) fn full(message: MessageType, version: Version) -> Value {
    let mut members = Map::new();
    for rule in rules(message, version) {
        members.insert(rule.field.to_owned(), good(&rule.format, version).remove(0));
    }
    if message == MessageType::AReq {
        members.insert("deviceChannel".to_owned(), "02".into());
        members.insert("browserJavascriptEnabled".to_owned(), true.into());
    }
    Value::Object(members)
}

/// A way to break a field: another value or none, and the fault that this is.
#[derive(Clone, Debug)]
pub(super) struct Break {
    pub(super) value: Option<Value>,
    pub(super) code: u16,
    pub(super) field: String,
}

/// Values of this form: the shortest, the longest, each word.
pub(super) fn good(format: &Format, version: Version) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
    match format {
        Format::Text(least, most) => vec!["x".repeat(*least).into(), "ä".repeat(*most).into()],
        Format::Digits(least, most) => vec!["1".repeat(*least).into(), "9".repeat(*most).into()],
        Format::OneOf(words) => texts(words),
        Format::Code(first, last) => {
            [*first, *last, 80, 99].iter().map(|code| format!("{code:02}").into()).collect()
        }
        Format::Uuid => texts(&[
            "8a880dc0-d2d2-4067-bcb1-b08d1690b26e",
            "D7C1EE99-9478-44A6-B1F2-391E29C6B340",
            "c4e59ceb-a382-11e9-a2a3-2a2ae2dbcce4",
        ]),
        Format::Version => texts(&["2.1.0", "2.3.1", "10.20.30"]),
        Format::Url(_) => texts(&["http://shop.example/contact?a=b", "https://shop.example"]),
        Format::SecureUrl(_) => texts(&["https://acs.example/challenge?id=1", "https://192.0.2.7:8443/"]),
        Format::Offset => texts(&["-120", "0", "+60", "840"]),
        Format::Ip => texts(&["192.0.2.1", "2001:db8::ff"]),
        Format::Email(_) => texts(&["a@b.example", "a+b@c"]),
        Format::YearMonth => texts(&["3012", "2601"]),
        Format::Date => texts(&["20261231", "20240229"]),
        Format::DateTime => texts(&["20261122235959", "20240229000000"]),
        Format::Base64(20, 20) => texts(&["BwcHBwcHBwcHBwcHBwcHBwcHBwc="]),
        Format::Base64(_, most) => vec!["Bw==".into(), "BwcH".repeat(*most / 3).into()],
        Format::Boolean => vec![false.into(), true.into()],
        Format::True => vec![true.into()],
        Format::AnyObject => vec![json!({"any": {"thing": [1, true, "x"]}})],
        Format::Object(rules) => {
            let member = |rule: &Rule| (rule.field.to_owned(), good(&rule.format, version).remove(0));
            let needed = rules.iter().filter(|rule| matches!(rule.presence, Presence::Required));
            vec![
                Value::Object(rules.iter().map(member).collect()),
                Value::Object(needed.map(member).collect()),
            ]
        }
        Format::List(least, most, of) => {
            let item = good(of, version).remove(0);
            vec![vec![item.clone(); *least].into(), vec![item; (*most).min(200)].into()]
        }
        Format::Within(_, of) => good(of, version),
        Format::TextOr(text, other) => [good(other, version), good(text, version)].concat(),
        Format::CardRanges => vec![json!([card_range(version)])],
    }
}

fn card_range(version: Version) -> Value {
    match version {
        Version::V220 => json!({
            "startRange": "6799990000000000000", "endRange": "6799990999999999999", "actionInd": "A",
            "acsStartProtocolVersion": "2.1.0", "acsEndProtocolVersion": "2.2.0",
            "dsStartProtocolVersion": "2.1.0", "dsEndProtocolVersion": "2.3.1",
            "threeDSMethodURL": "https://acs.example/method", "acsInfoInd": ["01", "80"],
        }),
        Version::V231 => json!({
            "ranges": [{"startRange": "6799990000000000000", "endRange": "6799990999999999999"}],
            "actionInd": "A", "dsProtocolVersions": ["2.2.0", "2.3.1"],
            "acsProtocolVersions": [
                {"version": "2.2.0", "acsInfoInd": ["01"]},
                {"version": "2.3.1", "threeDSMethodURL": "https://acs.example/method"},
            ],
        }),
    }
}

/// Every way to break the field of `rule` in `message`.
pub(super) fn breaks(rule: &Rule, message: &Value, version: Version, endpoint: &Endpoint) -> Vec<Break> {
    let fields = serde_json::from_value(message.clone()).unwrap();
    let mut all = malformed(&rule.format, rule.field, version);
    if rule.is_required(&fields, endpoint) {
        all.extend([None, Some(Value::Null), Some("".into())].map(|value| missing(value, rule.field)));
        all.extend([Some(json!([])), Some(json!({}))].map(|value| missing(value, rule.field)));
    }
    all
}

fn missing(value: Option<Value>, path: &str) -> Break {
    Break { value, code: 201, field: path.to_owned() }
}

/// Values that do not have this form.
fn malformed(format: &Format, path: &str, version: Version) -> Vec<Break> {
    let wrong = |value: Value| Break { value: Some(value), code: 203, field: path.to_owned() };
    let mut all = match format {
        Format::Boolean => vec![wrong("true".into()), wrong("Y".into())],
        Format::True => vec![wrong("true".into()), wrong(false.into())],
        Format::AnyObject | Format::CardRanges => vec![wrong("x".into())],
        Format::Object(rules) => broken_objects(rules, path, version),
        Format::List(_, most, of) => broken_lists(*most, of, path, version),
        Format::Within(most, of) => {
            let mut all = malformed(of, path, version);
            all.push(wrong(too_long(of, *most, version)));
            all
        }
        Format::TextOr(text, other) => {
            let is_text = |one: &Break| one.value.as_ref().unwrap().is_string();
            let texts = malformed(text, path, version).into_iter().filter(is_text);
            texts.chain(malformed(other, path, version).into_iter().filter(|one| !is_text(one))).collect()
        }
        text => malformed_texts(text).into_iter().map(|text| wrong(text.into())).collect(),
    };
    if !matches!(format, Format::Boolean | Format::True) {
        all.push(wrong(true.into()));
    }
    all.extend([wrong(7.into()), wrong(1.5.into())]);
    if !matches!(format, Format::Object(_) | Format::AnyObject | Format::Within(..) | Format::TextOr(..)) {
        all.push(wrong(json!({"x": "y"})));
    }
    if !matches!(format, Format::List(..) | Format::Within(..) | Format::CardRanges) {
        all.push(wrong(json!(["x"])));
    }
    all
}

/// Texts that do not have the form of one.
fn malformed_texts(format: &Format) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (mut all, longest) = match format {
        Format::Text(least, most) => {
            let short = (*least > 1).then(|| "x".repeat(*least - 1));
            (short.into_iter().collect(), Some("x".repeat(*most + 1)))
        }
        Format::Digits(least, most) => {
            let short = (*least > 1).then(|| "1".repeat(*least - 1));
            let letter = format!("{}x", "1".repeat(*least - 1));
            (short.into_iter().chain([letter]).collect(), Some("1".repeat(*most + 1)))
        }
        Format::Code(first, last) => {
            let before = (*first > 1).then(|| format!("{:02}", *first - 1));
            let after = (*last < 79).then(|| format!("{:02}", *last + 1));
            let odd = texts(&["00", "1", "x1", "+1", "001", " 1"]);
            (odd.into_iter().chain(before).collect(), after)
        }
        Format::Url(most) | Format::SecureUrl(most) => {
            let no_urls =
                ["acs.example/x", "ftp://acs.example/", "https://", "javascript:alert(1)", "https://a b/"];
            let insecure = matches!(format, Format::SecureUrl(_)).then(|| "http://acs.example/".to_owned());
            let long = format!("https://acs.example/{}", "x".repeat(*most));
            (texts(&no_urls).into_iter().chain(insecure).collect(), Some(long))
        }
        Format::Base64(_, most) => (texts(&["Bw=", "B", "?w==", "Bw-_"]), Some("BwcH".repeat(*most / 3 + 1))),
        Format::OneOf(_) => (texts(&["?", "YN", "y", "099"]), None),
        Format::Uuid => {
            (texts(&["8a880dc0d2d24067bcb1b08d1690b26e", "8a880dc0-d2d2-4067-bcb1-b08d1690b26g", "1"]), None)
        }
        Format::Version => (texts(&["2", "2.2", "v2.2.0", "2.2.0.0"]), None),
        Format::Offset => (texts(&["60.5", "--60", "123456", "UTC", "-"]), None),
        Format::Ip => (texts(&["192.0.2", "::g", "192.0.2.1:80"]), None),
        Format::Email(_) => (texts(&["a", "@b", "a@", "a b@c"]), None),
        Format::YearMonth => (texts(&["1230", "301", "30-1", "3000"]), None),
        Format::Date => (texts(&["20261301", "2026123", "2026-1-1", "20230229"]), None),
        Format::DateTime => (texts(&["20261122", "20261122250000", "2026112223595x"]), None),
        _ => unreachable!("no text: {format:?}"),
    };
    all.extend(longest);
    all
}

fn broken_objects(rules: &'static [Rule], path: &str, version: Version) -> Vec<Break> {
    let whole = good(&Format::Object(rules), version).remove(0);
    let mut all = Vec::new();
    for rule in rules {
        let inner = format!("{path}.{}", rule.field);
        let mut ways = malformed(&rule.format, &inner, version);
        if matches!(rule.presence, Presence::Required) {
            ways.push(missing(None, &inner));
        }
        all.extend(
            ways.into_iter().map(|way| Break { value: Some(with(&whole, rule.field, way.value)), ..way }),
        );
    }
    all
}

fn broken_lists(most: usize, of: &Format, path: &str, version: Version) -> Vec<Break> {
    let ways = malformed(of, path, version).into_iter();
    let mut all: Vec<_> = ways.map(|way| Break { value: Some(json!([way.value.unwrap()])), ..way }).collect();
    if most < 200 {
        let items = vec![good(of, version).remove(0); most + 1];
        all.push(Break { value: Some(items.into()), code: 203, field: path.to_owned() });
    }
    all
}

/// A value of the form, but for its length.
fn too_long(of: &Format, most: usize, version: Version) -> Value {
    let filling = json!({"filling": "x".repeat(most.min(8_000))});
    match of {
        Format::AnyObject => json!({"filling": "x".repeat(most)}),
        Format::List(_, items, item) => {
            let item = with(&good(item, version).remove(0), "data", Some(filling));
            // Ten or more of 8,000 characters and their names are not enough alone.
            let item = with(&item, "ignored", Some("x".repeat(2_000).into()));
            vec![item; *items].into()
        }
        _ => unreachable!("only objects and lists have a length as a whole"),
    }
}

/// `message` with another value of `field`, or without it.
pub(super) fn with(message: &Value, field: &str, value: Option<Value>) -> Value {
    let mut members = message.as_object().unwrap().clone();
    match value {
        Some(value) => members.insert(field.to_owned(), value),
        None => members.remove(field),
    };
    Value::Object(members)
}
