//! Card ranges: what a card is, by the digits that its number begins with.
//!
//! The table is data that somebody else reads from a file. The longest prefix that a number begins with decides. Of
//! prefixes of one length that lie over each other, what is not taken comes before American Express, Visa, Mastercard
//! and Maestro, in this order: a scheme that owns a piece of another one's range is more particular. Ranges that
//! override others do so where their prefixes are of the same length, or longer.

use crate::card::{Brand, Pan};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// The longest prefix there is: as many digits as the shortest number has.
const PREFIX_MAX: usize = 12;

/// Prefixes of one length: `6221` to `6229`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    /// How many digits each has.
    digits: usize,
    low: u64,
    high: u64,
}

impl Prefixes {
    /// From the lowest to the highest: of 1 to 12 digits each, and both of as many.
    #[must_use]
    pub fn parse(low: &str, high: &str) -> Option<Self> {
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !(1..=PREFIX_MAX).contains(&low.len()) || low.len() != high.len() {
            return None;
        }
        if !are_digits(low) || !are_digits(high) || low > high {
            return None;
        }
        Some(Self { digits: low.len(), low: low.parse().ok()?, high: high.parse().ok()? })
    }
}

/// How many digits the numbers of a range have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths(u32);

impl Lengths {
    /// Whatever a card number can have.
    pub const ANY: Self = Self(0b1111_1111 << 12);

    /// From `16`, `12-19` or `13,16,18-19`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let length = |text: &str| text.trim().parse().ok().filter(|length| (12..=19_u32).contains(length));
        text.split(',').try_fold(Self(0), |lengths, part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (length(first)?, length(last)?);
            let among = (first..=last).fold(0, |among, length| among | 1_u32.unbounded_shl(length));
            (first <= last).then_some(Self(lengths.0 | among))
        })
    }

    /// Whether a number of this many digits is as long as it should be.
    #[must_use]
    pub fn contains(self, digits: usize) -> bool {
        u32::try_from(digits).is_ok_and(|digits| self.0 & 1_u32.unbounded_shl(digits) != 0)
    }
}

/// Whose money a card moves, in the letters of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funding {
    /// `C`: the issuer's, until the bill is paid.
    Credit,
    /// `D`: the holder's account.
    Debit,
    /// `P`: what was paid in before.
    Prepaid,
    /// `R`: the holder's account, at the end of the month.
    DeferredDebit,
    /// `H`: the issuer's, and the bill is paid as a whole.
    Charge,
}

impl Funding {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Credit, Self::Debit, Self::Prepaid, Self::DeferredDebit, Self::Charge];

    /// The letter.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Credit => "C",
            Self::Debit => "D",
            Self::Prepaid => "P",
            Self::DeferredDebit => "R",
            Self::Charge => "H",
        }
    }

    /// The one with this letter.
    #[must_use]
    pub fn parse(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|funding| funding.letter() == letter)
    }
}

/// What a range says about the cards in it, as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issued {
    /// Where the issuer is: two letters.
    pub country: Option<String>,
    /// Whose money the card moves.
    pub funding: Option<Funding>,
    /// The scheme's code of the product.
    pub product: Option<String>,
}

/// The cards that begin with one of some prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// What their numbers begin with.
    pub prefixes: Prefixes,
    /// What they can be paid with, the usual one first. With several, the customer chooses. None: not taken.
    pub brands: Vec<Brand>,
    /// A scheme that is not taken and whose cards they are, perhaps as well.
    pub scheme: Option<String>,
    /// How long their numbers are.
    pub lengths: Lengths,
    /// What else is known.
    pub issued: Issued,
}

impl Range {
    /// The higher, the more particular.
    fn rank(&self) -> u8 {
        match self.brands.first() {
            None => 4,
            Some(Brand::Amex) => 3,
            Some(Brand::Visa) => 2,
            Some(Brand::Mastercard) => 1,
            Some(Brand::Maestro) => 0,
        }
    }
}

/// Two ranges, by their places, of which neither is more particular where they lie over each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The one.
    pub first: usize,
    /// The other.
    pub second: usize,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    rows: Vec<Range>,
    /// Where a piece of a row begins, and where it ends: by the length of the prefixes, and none over another.
    pieces: BTreeMap<(usize, u64), Piece>,
    /// What there is to choose between.
    choices: BTreeSet<Vec<Brand>>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    high: u64,
    row: usize,
}

impl Ranges {
    /// The table of these ranges.
    ///
    /// # Errors
    /// Two of them lie over each other.
    pub fn new(rows: Vec<Range>) -> Result<Self, Overlap> {
        Self::default().overridden_by(rows)
    }

    /// The table with other ranges over its own.
    ///
    /// # Errors
    /// Two of the other ones lie over each other.
    pub fn overridden_by(mut self, rows: Vec<Range>) -> Result<Self, Overlap> {
        let before = self.rows.len();
        self.choices.extend(rows.iter().map(|row| &row.brands).filter(|brands| brands.len() > 1).cloned());
        self.rows.extend(rows);
        let mut places: Vec<usize> = (before..self.rows.len()).collect();
        places.sort_by_key(|place| self.rows.get(*place).map(Range::rank));
        for place in places {
            self.lay(place, before)?;
        }
        Ok(self)
    }

    /// Lays a row over those that are there. From `before` on they are of the same file.
    fn lay(&mut self, row: usize, before: usize) -> Result<(), Overlap> {
        let Some(new) = self.rows.get(row) else { return Ok(()) };
        let (rank, Prefixes { digits, low, high }) = (new.rank(), new.prefixes);
        let to_the_left = self.pieces.range((digits, 0)..(digits, low)).next_back();
        let below = self.pieces.range((digits, low)..=(digits, high));
        let reached = to_the_left.into_iter().filter(|(_, piece)| piece.high >= low).chain(below);
        let reached: Vec<(u64, Piece)> = reached.map(|((_, start), piece)| (*start, *piece)).collect();
        for (start, piece) in reached {
            let of_same_rank = self.rows.get(piece.row).is_some_and(|other| other.rank() == rank);
            if piece.row >= before && of_same_rank {
                let (first, second) = (piece.row.min(row), piece.row.max(row));
                let place = |row: usize| row.saturating_sub(before);
                return Err(Overlap { first: place(first), second: place(second) });
            }
            self.pieces.remove(&(digits, start));
            if start < low {
                self.pieces.insert((digits, start), Piece { high: low.saturating_sub(1), ..piece });
            }
            if piece.high > high {
                self.pieces.insert((digits, high.saturating_add(1)), piece);
            }
        }
        self.pieces.insert((digits, low), Piece { high, row });
        Ok(())
    }

    /// What a card is, by its number.
    #[must_use]
    pub fn of(&self, pan: &Pan) -> Option<&Range> {
        self.find(pan.digits())
    }

    /// What is known by the first digits of a number.
    #[must_use]
    pub fn find(&self, digits: &str) -> Option<&Range> {
        self.find_by(digits, PREFIX_MAX)
    }

    /// The same by prefixes of `longest` digits and less.
    fn find_by(&self, digits: &str, longest: usize) -> Option<&Range> {
        (1..=longest.min(digits.len())).rev().find_map(|length| {
            let prefix: u64 = digits.get(..length)?.parse().ok()?;
            let (start, piece) = self.pieces.range(..=(length, prefix)).next_back()?;
            let is_in = start.0 == length && prefix <= piece.high;
            self.rows.get(piece.row).filter(|_| is_in)
        })
    }

    /// The brands of cards that have several: each combination once.
    pub fn choices(&self) -> impl Iterator<Item = &[Brand]> {
        self.choices.iter().map(Vec::as_slice)
    }

    /// What is known once `now` digits are, and was not by the first `before`: from which digits to which ones the
    /// number begins, and which brands it can be paid with then.
    #[must_use]
    pub fn news(&self, before: usize, now: usize) -> Vec<(RangeInclusive<u64>, Vec<Brand>)> {
        let pad = |number: u64, digits: usize| {
            let zeros = u32::try_from(now.saturating_sub(digits)).unwrap_or(u32::MAX);
            number.saturating_mul(10_u64.saturating_pow(zeros))
        };
        let short = self.pieces.iter().filter(|((digits, _), _)| *digits <= now);
        let mut edges: Vec<u64> = short
            .flat_map(|((digits, low), piece)| {
                [pad(*low, *digits), pad(piece.high.saturating_add(1), *digits)]
            })
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let mut news: Vec<(RangeInclusive<u64>, Vec<Brand>)> = Vec::new();
        for (low, next) in edges.iter().zip(edges.iter().skip(1)) {
            let digits = format!("{low:0now$}");
            let brands = |longest| self.find_by(&digits, longest).map_or(&[][..], |range| &range.brands);
            if brands(now) == brands(before) {
                continue;
            }
            let high = next.saturating_sub(1);
            match news.last_mut() {
                Some((last, same)) if *same == brands(now) && last.end().saturating_add(1) == *low => {
                    *last = *last.start()..=high;
                }
                Some(_) | None => news.push((*low..=high, brands(now).to_vec())),
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: &str, high: &str, brands: &[Brand]) -> Range {
        Range {
            prefixes: Prefixes::parse(low, high).unwrap(),
            brands: brands.to_vec(),
            scheme: None,
            lengths: Lengths::ANY,
            issued: Issued::default(),
        }
    }

    const MAESTRO: &[Brand] = &[Brand::Maestro];
    const MASTERCARD: &[Brand] = &[Brand::Mastercard];
    const VISA: &[Brand] = &[Brand::Visa];

    fn table() -> Ranges {
        let rows =
            [("6", "6", MAESTRO), ("60", "65", VISA), ("6011", "6019", MASTERCARD), ("6012", "6012", &[])];
        Ranges::new(rows.map(|(low, high, brands)| range(low, high, brands)).to_vec()).unwrap()
    }

    #[track_caller]
    fn check(ranges: &Ranges, rows: &[(&str, Option<&[Brand]>)]) {
        for (digits, expected) in rows {
            let found = ranges.find(digits).map(|range| range.brands.as_slice());
            assert_eq!(found, *expected, "{digits}");
        }
    }

    #[test]
    fn the_longest_prefix_decides_and_of_one_length_the_more_particular() {
        check(
            &table(),
            &[
                ("", None),
                ("5", None),
                ("6", Some(MAESTRO)),
                ("66", Some(MAESTRO)),
                ("59", None),
                ("601", Some(VISA)),
                ("6010", Some(VISA)),
                ("6011", Some(MASTERCARD)),
                ("6012", Some(&[])),
                ("6013000000000000000", Some(MASTERCARD)),
                ("6020", Some(VISA)),
            ],
        );
    }

    #[test]
    fn what_overrides_wins_where_its_prefix_is_as_long_or_longer() {
        let own = vec![range("6013", "6020", VISA), range("61", "61", MAESTRO)];
        let ranges = table().overridden_by(own).unwrap();
        check(
            &ranges,
            &[
                ("6012", Some(&[])),
                ("6013", Some(VISA)),
                ("6020", Some(VISA)),
                ("61", Some(MAESTRO)),
                ("62", Some(VISA)),
            ],
        );
        let ranges = table().overridden_by(vec![range("6", "6", VISA)]).unwrap();
        check(&ranges, &[("6012", Some(&[])), ("6011", Some(MASTERCARD)), ("69", Some(VISA))]);
        // A part of a row is left on either side.
        let ranges = table().overridden_by(vec![range("6015", "6016", VISA)]).unwrap();
        check(&ranges, &[("6014", Some(MASTERCARD)), ("6015", Some(VISA)), ("6017", Some(MASTERCARD))]);
    }

    #[test]
    fn two_rows_of_one_file_that_say_different_things_are_found() {
        let rows = |second: Range| Ranges::new(vec![range("60", "69", MAESTRO), second]).map(|_| ());
        let overlap = Err(Overlap { first: 0, second: 1 });
        assert_eq!(rows(range("60", "69", MAESTRO)), overlap);
        assert_eq!(rows(range("69", "70", MAESTRO)), overlap);
        assert_eq!(rows(range("50", "60", MAESTRO)), overlap);
        assert_eq!(rows(range("65", "65", MAESTRO)), overlap);
        assert_eq!(rows(range("65", "65", VISA)), Ok(()), "more particular");
        assert_eq!(rows(range("650", "659", MAESTRO)), Ok(()), "longer");
        assert_eq!(rows(range("70", "70", MAESTRO)), Ok(()), "beside it");
    }

    /// Whoever knows only the news at each step says the same as the table, of everything that can be typed.
    #[test]
    fn the_news_are_all_there_is_to_know() {
        let ranges =
            table().overridden_by(vec![range("6015", "6016", VISA), range("70", "70", &[])]).unwrap();
        assert_eq!(ranges.news(0, 1), [(6..=6, MAESTRO.to_vec())]);
        assert_eq!(ranges.news(1, 3), [(600..=659, VISA.to_vec())]);
        let four = [
            (6011..=6011, MASTERCARD.to_vec()),
            (6012..=6012, vec![]),
            (6013..=6014, MASTERCARD.to_vec()),
            (6017..=6019, MASTERCARD.to_vec()),
        ];
        assert_eq!(ranges.news(3, 4), four, "6015 is Visa already");
        assert_eq!(ranges.news(4, 8), []);
        for number in 0..10_000_u64 {
            let known = [(0, 1), (1, 3), (3, 4)].into_iter().rev().find_map(|(before, now)| {
                let typed = number / 10_u64.pow(4 - u32::try_from(now).unwrap());
                ranges.news(before, now).into_iter().find(|(run, _)| run.contains(&typed))
            });
            let expected = ranges.find(&format!("{number:04}")).map(|range| range.brands.clone());
            assert_eq!(known.map(|(_, brands)| brands).unwrap_or_default(), expected.unwrap_or_default());
        }
    }

    #[test]
    fn prefixes_and_lengths_are_written_as_people_do() {
        assert!(Prefixes::parse("62", "62").is_some() && Prefixes::parse("0", "9").is_some());
        for (low, high) in
            [("", ""), ("62", "6"), ("63", "62"), ("6x", "6y"), ("1234567890123", "1234567890123")]
        {
            assert_eq!(Prefixes::parse(low, high), None, "{low} {high}");
        }
        let lengths = Lengths::parse("13, 16,18-19").unwrap();
        let contained: Vec<usize> = (0..100).filter(|digits| lengths.contains(*digits)).collect();
        assert_eq!(contained, [13, 16, 18, 19]);
        assert_eq!(Lengths::parse("12-19"), Some(Lengths::ANY));
        for text in ["", "11", "20", "19-12", "16,", "a", "12-", "-16"] {
            assert_eq!(Lengths::parse(text), None, "{text}");
        }
    }
}
