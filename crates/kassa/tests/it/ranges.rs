//! The built-in card ranges against npm's `credit-card-type`, which others wrote. Where the two differ, a table says why.

use kassa::ranges;
use payments::card::{Brand, Pan};
use payments::ranges::Ranges;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where they differ: the lowest and the highest prefix, what we say, what they say, and why we do not say so too.
/// A piece may lie inside of another row's: what the two sides say decides.
const DIFFERENCES: &[(&str, &str, &str, &str, &str)] = &[
    ("1", "1", "UATP", NOTHING, "airlines' cards, which the package leaves out; not taken"),
    ("4", "4", "VISA", "VISA, not so long", "old numbers of 13 digits, which the package no longer lists"),
    (
        "402918",
        "402918",
        "VISA",
        "Naranja",
        "an issuer's name: the card bears Visa's mark and is paid as one",
    ),
    (
        "5019",
        "5019",
        "Dankort",
        "MAESTRO",
        "Danish cards without a second brand; not taken, and never Maestro",
    ),
    ("506099", "506198", "Verve", "MAESTRO", "all that Verve owns; the package lists what it saw in use"),
    ("507865", "507964", "Verve", "MAESTRO", "the same"),
    ("508500", "508999", "RuPay", "MAESTRO", "the package knows no RuPay"),
    ("527572", "527572", "MASTERCARD", "Naranja", "an issuer's name, with Mastercard's mark"),
    ("588845", "588850", "mada", "MAESTRO", "the package knows no mada"),
    ("59", "59", NOTHING, "MAESTRO", "Maestro's numbers end at 589999; 59 was never given out"),
    ("600722", "600722", "Forbrugsforeningen", "MAESTRO", "the package does not know this Danish scheme"),
    ("60400100", "60420099", "UkrCard", "MAESTRO", "the package knows no UkrCard"),
    ("604906", "604906", "mada", "MAESTRO", "the package knows no mada"),
    ("605141", "605141", "mada", "MAESTRO", "the same"),
    ("606985", "607984", "RuPay", "MAESTRO", "the package knows no RuPay"),
    ("608001", "608500", "RuPay", "MAESTRO", "the same"),
    (
        "62",
        "62",
        "UnionPay",
        "MAESTRO",
        "gaps in the package's list: the few Maestro cards of 62 are long gone",
    ),
    ("622126", "622925", "Discover", "UnionPay", "issued by UnionPay's banks, run by Discover; not taken"),
    ("636120", "636120", "mada", "MAESTRO", "the package knows no mada"),
    ("65", "65", "Discover", "Elo", "pieces of 65 that Elo owns; not taken either way"),
    ("65", "65", "Discover", "Troy", "pieces of 65 that Troy owns; not taken either way"),
    ("81", "81", "UnionPay", NOTHING, "the package ends at 8171; not taken either way"),
    ("82", "82", "RuPay", NOTHING, "the package knows no RuPay; not taken"),
];

const NOTHING: &str = "nothing";

/// What somebody says a number is: the card's name, and whether its numbers have as many digits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    name: String,
    is_right_length: bool,
}

#[test]
fn every_difference_from_credit_card_type_is_known_and_explained() {
    let numbers = numbers();
    assert!(numbers.len() > 10_000, "{}", numbers.len());
    let ranges = ranges::built_in();
    let answers = ask("find", &numbers.join("\n"));
    assert_eq!(answers.len(), numbers.len());
    let (mut met, mut unknown, mut differing) = (BTreeSet::new(), Vec::new(), 0);
    for (number, answer) in numbers.iter().zip(&answers) {
        let Some((ours, theirs)) = difference(&ours(&ranges, number), &theirs(answer)) else { continue };
        differing += 1;
        let is_it = |(low, high, here, there, _): &(&str, &str, &str, &str, &str)| {
            let start = &number[..low.len()];
            *low <= start && start <= *high && *here == ours && *there == theirs
        };
        match DIFFERENCES.iter().position(is_it) {
            Some(row) => drop(met.insert(row)),
            None => unknown.push(format!("{number}: {ours} here, {theirs} there")),
        }
    }
    println!("{} numbers, {differing} known differences in {} rows", numbers.len(), met.len());
    let rows = DIFFERENCES.iter().enumerate();
    let unmet: Vec<_> = rows.filter(|(row, _)| !met.contains(row)).map(|(_, row)| row).collect();
    unknown.truncate(20);
    assert_eq!(unknown, Vec::<String>::new(), "differences that no row explains");
    assert!(unmet.is_empty(), "rows that explain nothing: {unmet:?}");
}

/// Two names; with the same name the length may differ.
fn difference(ours: &Said, theirs: &Said) -> Option<(String, String)> {
    let word = |said: &Said| match said.is_right_length || ours.name != theirs.name {
        true => said.name.clone(),
        false => format!("{}, not so long", said.name),
    };
    (ours != theirs && word(ours) != word(theirs)).then(|| (word(ours), word(theirs)))
}

/// What a number is by our table.
fn ours(ranges: &Ranges, number: &str) -> Said {
    let nothing = || Said { name: NOTHING.to_owned(), is_right_length: true };
    let Some(range) = ranges.of(&Pan::parse(number).unwrap()) else { return nothing() };
    match range.brands.first() {
        Some(brand) => {
            Said { name: brand.id().to_owned(), is_right_length: range.lengths.contains(number.len()) }
        }
        None => Said { name: range.scheme.clone().unwrap(), is_right_length: true },
    }
}

/// What the script says a number is. How long the cards are that we do not take is nothing to us.
fn theirs(line: &str) -> Said {
    let (name, is_right_length) = line.split_once('\t').unwrap_or((NOTHING, "true"));
    let brand = match name {
        "American Express" => Some(Brand::Amex),
        "Maestro" => Some(Brand::Maestro),
        "Mastercard" => Some(Brand::Mastercard),
        "Visa" => Some(Brand::Visa),
        _ => None,
    };
    let name = brand.map_or_else(|| name.to_owned(), |brand| brand.id().to_owned());
    Said { name, is_right_length: brand.is_none() || is_right_length == "true" }
}

/// Card numbers of every length at both sides of every edge in either table, where alone something can change, and one
/// of every four digits.
fn numbers() -> Vec<String> {
    let mut numbers = BTreeSet::new();
    let mut add = |start: &str, length: usize| {
        let rest = length - 1 - start.len();
        numbers.extend(["0", "9"].map(|filler| with_check_digit(&format!("{start}{}", filler.repeat(rest)))));
    };
    for start in 0..10_000 {
        add(&format!("{start:04}"), 16);
    }
    for (low, high) in our_prefixes().into_iter().chain(their_prefixes()) {
        let digits = low.len();
        let [first, last]: [u64; 2] = [low, high].map(|prefix| prefix.parse().unwrap());
        for prefix in [first.checked_sub(1), Some(first), Some(last), Some(last + 1)].into_iter().flatten() {
            let prefix = format!("{prefix:0digits$}");
            if prefix.len() == digits {
                (12..=19).for_each(|length| add(&prefix, length));
            }
        }
    }
    numbers.into_iter().collect()
}

fn our_prefixes() -> Vec<(String, String)> {
    let file: toml::Table = include_str!("../../ranges.toml").parse().unwrap();
    let rows = file["ranges"].as_array().unwrap().iter();
    rows.map(|row| {
        let low = row["low"].as_str().unwrap();
        (low.to_owned(), row.get("high").map_or(low, |high| high.as_str().unwrap()).to_owned())
    })
    .collect()
}

fn their_prefixes() -> Vec<(String, String)> {
    let pair = |line: String| {
        let (low, high) = line.split_once(' ').unwrap();
        (low.to_owned(), high.to_owned())
    };
    ask("prefixes", "").into_iter().map(pair).collect()
}

fn with_check_digit(digits: &str) -> String {
    let found = (0..10).map(|check| format!("{digits}{check}")).find(|number| Pan::parse(number).is_ok());
    found.expect("one of ten is right")
}

/// The lines that the script says, in the folder where the package is installed.
fn ask(what: &str, input: &str) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "the test script says where its tools are")]
    let folder = std::env::var_os("TEST_CREDIT_CARD_TYPE");
    let folder: PathBuf =
        folder.expect("TEST_CREDIT_CARD_TYPE is not set: run ./test, which installs it").into();
    // From a file: a pipe that nobody empties meanwhile would fill.
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, input.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let output = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ranges/credit_card_type.js"))
        .arg(what)
        .current_dir(folder)
        .stdin(file)
        .stderr(Stdio::inherit())
        .output()
        .expect("node is missing: ./test installs it");
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}
