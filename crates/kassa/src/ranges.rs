//! The files of card ranges: `ranges.toml`, which is built in, and an operator's own over it.

use anyhow::{Context as _, anyhow};
use payments::card::Brand;
use payments::ranges::{Funding, Issued, Lengths, Overlap, Prefixes, Range, Ranges};
use serde::Deserialize;
use std::fmt::Write as _;
use std::ops::Range as Span;
use std::path::Path;
use toml::Spanned;

const BUILT_IN: &str = include_str!("../ranges.toml");
/// The longest name of a scheme or a product.
const NAME_MAX: usize = 40;

/// The ranges that every gateway knows.
#[must_use]
pub fn built_in() -> Ranges {
    let rows = read("ranges.toml", BUILT_IN).expect("the built-in file is well-formed: a test reads it");
    Ranges::new(rows.ranges).expect("no two of its rows contradict each other: a test reads it")
}

/// The built-in ranges with those of the operator's file, if there is one.
///
/// # Errors
/// In one line: the file, the line in it, and what is wrong there.
pub fn load(own: Option<&Path>) -> anyhow::Result<Ranges> {
    let Some(path) = own else { return Ok(built_in()) };
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the card ranges {name}"))?;
    with(&name, &text)
}

/// The built-in ranges with those of this text over them; `name` is the file's, for errors.
///
/// # Errors
/// In one line: the file, the line in it, and what is wrong there.
pub fn with(name: &str, text: &str) -> anyhow::Result<Ranges> {
    let Rows { ranges, lines } = read(name, text)?;
    built_in().overridden_by(ranges).map_err(|Overlap { first, second }| {
        let [first, second] = [first, second].map(|place| lines.get(place).copied().unwrap_or_default());
        anyhow!("{name}, line {second}: overlaps the range of line {first}, and neither has longer prefixes")
    })
}

/// What the card field's script knows: for 4, 6, 8 and 12 digits, which brands a number can be paid with by then that
/// was not known before. `4=3400-3499amex,4000-4999visa;6=493698-493698maestro`; of several brands the usual one is
/// first, and a run without a brand is not taken.
pub(crate) fn for_script(ranges: &Ranges) -> String {
    let mut text = String::new();
    for (before, now) in [(0, 4), (4, 6), (6, 8), (8, 12)] {
        let news = ranges.news(before, now);
        if news.is_empty() {
            continue;
        }
        let runs = news.into_iter().map(|(run, brands)| {
            let brands: Vec<String> = brands.iter().map(|brand| brand.id().to_lowercase()).collect();
            format!("{:0now$}-{:0now$}{}", run.start(), run.end(), brands.join("+"))
        });
        let separator = if text.is_empty() { "" } else { ";" };
        let runs: Vec<String> = runs.collect();
        // Writing to a text cannot fail.
        let _ = write!(text, "{separator}{now}={}", runs.join(","));
    }
    text
}

/// A file, read; each range with the line that it is on.
#[derive(Debug)]
struct Rows {
    ranges: Vec<Range>,
    lines: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    ranges: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    low: String,
    high: Option<String>,
    #[serde(default)]
    brands: Vec<String>,
    scheme: Option<String>,
    digits: Option<String>,
    country: Option<String>,
    funding: Option<String>,
    product: Option<String>,
}

fn read(name: &str, text: &str) -> anyhow::Result<Rows> {
    let line = |span: Option<Span<usize>>| {
        let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
        before.matches('\n').count().saturating_add(1)
    };
    let file: File = toml::from_str(text).map_err(|error| {
        // The message may have several lines; the first says what is wrong.
        let message = error.message().lines().next().unwrap_or("not valid TOML").to_owned();
        anyhow!("{name}, line {}: {message}", line(error.span()))
    })?;
    let mut rows = Rows { ranges: Vec::new(), lines: Vec::new() };
    for row in file.ranges {
        let line = line(Some(row.span()));
        rows.ranges.push(row.into_inner().range().map_err(|why| anyhow!("{name}, line {line}: {why}"))?);
        rows.lines.push(line);
    }
    Ok(rows)
}

impl Row {
    fn range(self) -> Result<Range, String> {
        let high = self.high.as_deref().unwrap_or(&self.low);
        let prefixes = Prefixes::parse(&self.low, high)
            .ok_or("low and high must have 1 to 12 digits, both as many, and low be the lower one")?;
        let brand = |id: &String| Brand::ALL.into_iter().find(|brand| brand.id() == id);
        let brands: Option<Vec<Brand>> = self.brands.iter().map(brand).collect();
        let brands = brands.ok_or("brands must be of MAESTRO, MASTERCARD, VISA and AMEX")?;
        if (1..brands.len()).any(|place| brands[..place].contains(&brands[place])) {
            return Err("brands has one of them twice".to_owned());
        }
        if brands.is_empty() && self.scheme.is_none() {
            return Err("must have brands, or a scheme whose cards are not taken".to_owned());
        }
        let lengths = match &self.digits {
            Some(text) => Lengths::parse(text).ok_or("digits must be like \"16\" or \"13,16,18-19\"")?,
            None if brands.is_empty() => Lengths::ANY,
            None => return Err("must have digits: how long the numbers are".to_owned()),
        };
        let funding = self
            .funding
            .as_deref()
            .map(|letter| Funding::parse(letter).ok_or_else(|| "funding must be C, D, P, R or H".to_owned()));
        let funding = funding.transpose()?;
        if self.country.as_deref().is_some_and(|code| celes::Country::from_alpha2(code).is_err()) {
            return Err("country must be two letters, like NL".to_owned());
        }
        for (key, text) in [("scheme", &self.scheme), ("product", &self.product)] {
            let is_name = |text: &String| {
                let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
                printable && !text.trim().is_empty() && text.len() <= NAME_MAX
            };
            if text.as_ref().is_some_and(|text| !is_name(text)) {
                return Err(format!("{key} must be 1 to {NAME_MAX} printable ASCII characters"));
            }
        }
        let issued = Issued { country: self.country, funding, product: self.product };
        Ok(Range { prefixes, brands, scheme: self.scheme, lengths, issued })
    }
}

#[cfg(test)]
mod tests;
