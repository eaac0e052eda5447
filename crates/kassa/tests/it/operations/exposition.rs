//! The text format of Prometheus, 0.0.4, read as strictly as its description is written.

use std::collections::{BTreeMap, BTreeSet};

/// A family of samples.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    /// Name and labels, and the value.
    pub(crate) samples: BTreeMap<Series, f64>,
}

/// A name and its labels.
pub(crate) type Series = (String, BTreeMap<String, String>);

/// Everything that was read, by the family's name.
#[derive(Debug, Default)]
pub(crate) struct Exposition(pub(crate) BTreeMap<String, Family>);

impl Exposition {
    /// Reads a text; what breaks a rule is a panic that says where.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends as well");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect(line);
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(!families.contains_key(name), "{name} is there twice");
                families.insert(name.to_owned(), Family { help: help.to_owned(), ..Family::default() });
                name.clone_into(&mut current);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                assert_eq!(name, current, "TYPE follows HELP");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let family = families.get_mut(name).unwrap();
                assert!(family.kind.is_empty() && family.samples.is_empty(), "{line}");
                kind.clone_into(&mut family.kind);
            } else {
                let (series, value) = sample(line);
                let family = families.get_mut(&current).expect(line);
                assert!(belongs(&series.0, &current, &family.kind), "{line} is not of {current}");
                let twice = family.samples.insert(series, value);
                assert_eq!(twice, None, "{line}");
            }
        }
        for (name, family) in &families {
            check(name, family);
        }
        Self(families)
    }

    /// The one value with these labels among others; 0 if there is none yet.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let family = self.0.values().find(|family| family.samples.keys().any(|(known, _)| known == name));
        let Some(family) = family else { return 0.0 };
        let fits = |(known, of): &&Series| {
            known == name && labels.iter().all(|(key, value)| of.get(*key).is_some_and(|is| is == value))
        };
        family.samples.keys().filter(fits).map(|series| family.samples[series]).sum()
    }

    /// Every name that a query can ask for.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.0.values().flat_map(|family| family.samples.keys().map(|(name, _)| name.clone())).collect()
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> usize {
        self.0.values().map(|family| family.samples.len()).sum()
    }
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|letter| letter.is_ascii_lowercase());
    first
        && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> (Series, f64) {
    let (series, number) = line.rsplit_once(' ').expect(line);
    let value = if number == "+Inf" { f64::INFINITY } else { number.parse().expect(line) };
    assert!(!f64::is_nan(value), "{line}");
    let Some((name, labels)) = series.split_once('{') else {
        assert!(is_name(series), "{line}");
        return ((series.to_owned(), BTreeMap::new()), value);
    };
    assert!(is_name(name), "{line}");
    let mut rest = labels.strip_suffix('}').expect(line);
    let mut found = BTreeMap::new();
    while !rest.is_empty() {
        let (label, quoted) = rest.split_once("=\"").expect(line);
        assert!(is_name(label), "{line}");
        // No label of ours needs an escape.
        let (value, after) = quoted.split_once('"').expect(line);
        assert!(!value.contains('\\') && !value.is_empty(), "{line}");
        assert_eq!(found.insert(label.to_owned(), value.to_owned()), None, "{line}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    ((name.to_owned(), found), value)
}

fn belongs(name: &str, family: &str, kind: &str) -> bool {
    match kind {
        "histogram" => ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{family}{end}")),
        _ => name == family,
    }
}

/// What holds within a family.
fn check(name: &str, family: &Family) {
    assert!(!family.kind.is_empty() && !family.samples.is_empty(), "{name} has no type or no samples");
    assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name} is a {}", family.kind);
    if family.kind != "gauge" {
        assert!(family.samples.values().all(|value| *value >= 0.0), "{name}");
    }
    if family.kind != "histogram" {
        return;
    }
    let mut buckets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for ((part, labels), value) in &family.samples {
        if part.ends_with("_bucket") {
            let mut labels = labels.clone();
            let bound = labels.remove("le").expect("a bucket has a bound");
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            buckets.entry(labels).or_default().push((bound, *value));
        }
    }
    for (labels, mut of) in buckets {
        of.sort_by(|left, right| left.0.total_cmp(&right.0));
        assert!(of.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name} {labels:?} {of:?}");
        let (last, all) = *of.last().unwrap();
        assert!(last.is_infinite(), "{name} {labels:?}");
        let count = family.samples[&(format!("{name}_count"), labels.clone())];
        assert!((all - count).abs() < 0.5, "{name} {labels:?}");
        assert!(family.samples.contains_key(&(format!("{name}_sum"), labels)));
    }
}
