//! What DE 39 of a refusal means: `response_codes.csv`, by code and brand, because brands mean different things by one
//! code.

use crate::card::Brand;
use crate::decline::DeclineClass;
use std::collections::HashMap;
use std::sync::LazyLock;

const FILE: &str = include_str!("response_codes.csv");
const HEAD: &str = "code,brand,reason_code,class,reason";

static TABLE: LazyLock<Table> =
    LazyLock::new(|| read(FILE).expect("the built-in file is well-formed: a test reads it"));

/// By code, and by brand where the row is for one.
type Table = HashMap<(&'static str, Option<Brand>), Meaning>;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// The API's `reason_code`.
    pub(crate) reason_code: u16,
    pub(crate) class: DeclineClass,
    /// The API's `reason`.
    pub(crate) reason: &'static str,
}

/// What `code` means of a card of `brand`: its own row, else that for any; `None` where there is neither.
pub(crate) fn meaning(code: &str, brand: Brand) -> Option<Meaning> {
    TABLE.get(&(code, Some(brand))).or_else(|| TABLE.get(&(code, None))).copied()
}

/// The rows of a file, or the line in it that is none.
fn read(text: &'static str) -> Result<Table, String> {
    let lines = (1_u32..).zip(text.lines());
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    if lines.next().map(|(_, line)| line) != Some(HEAD) {
        return Err(format!("the columns are {HEAD}"));
    }
    let mut table = Table::new();
    for (number, line) in lines {
        let (key, meaning) = row(line).ok_or_else(|| format!("line {number} is no row: {line}"))?;
        if table.insert(key, meaning).is_some() {
            return Err(format!("line {number} is there twice: {line}"));
        }
    }
    Ok(table)
}

fn row(line: &'static str) -> Option<((&'static str, Option<Brand>), Meaning)> {
    let mut columns = line.splitn(5, ',');
    let code = columns.next().filter(|code| is_code(code))?;
    let brand = match columns.next()? {
        "" => None,
        id => Some(Brand::parse(id)?),
    };
    let reason_code = columns.next()?.parse().ok()?;
    let class = DeclineClass::parse(columns.next()?)?;
    let reason = columns.next().filter(|reason| !reason.is_empty() && reason.trim() == *reason)?;
    let meaning = Meaning { reason_code, class, reason };
    matches!(reason_code, 4001..=4005 | 4999).then_some(((code, brand), meaning))
}

fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_a_row() {
        let rows = FILE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(read(FILE).unwrap().len(), rows - 1);
    }

    #[test]
    fn a_row_that_makes_no_sense_is_refused_with_its_line() {
        for (row, says) in [
            ("5,,4001,declined_by_bank,Do not honor", "line 2 is no row"),
            ("05,DINERS,4001,declined_by_bank,Do not honor", "line 2 is no row"),
            ("05,,4006,declined_by_bank,Do not honor", "line 2 is no row"),
            ("05,,4001,polite,Do not honor", "line 2 is no row"),
            ("05,,4001,declined_by_bank,", "line 2 is no row"),
            ("05,,4001,declined_by_bank", "line 2 is no row"),
            (
                "05,VISA,4001,technical,A\n05,,4001,technical,A\n05,VISA,4002,technical,B",
                "line 4 is there twice",
            ),
        ] {
            let text = format!("{HEAD}\n{row}\n").leak();
            assert!(read(text).unwrap_err().starts_with(says), "{row}");
        }
        assert_eq!(read("05,,4001,technical,A").unwrap_err(), format!("the columns are {HEAD}"));
    }

    #[test]
    fn a_row_for_a_brand_comes_before_the_row_for_any() {
        let reason_code = |code, brand| meaning(code, brand).map(|meaning| meaning.reason_code);
        let of = |code| {
            [Brand::Amex, Brand::Maestro, Brand::Mastercard, Brand::Visa]
                .map(|brand| reason_code(code, brand))
        };
        assert_eq!(of("65"), [Some(4999), Some(4004), Some(4004), Some(4999)]);
        assert_eq!(of("70"), [Some(4999), Some(4999), Some(4999), Some(4004)]);
        assert_eq!(of("51"), [Some(4002); 4]);
        assert_eq!(of("ZZ"), [None; 4]);
    }
}
