//! What the response codes of a host stand for in those of the standard, of all cards or of one brand's.

use crate::config::acquirer::brand_and_code;
use payments::card::Brand;
use std::collections::{BTreeMap, HashMap};

/// An operator's table: the host's code to the standard's.
#[derive(Debug, Default)]
pub(super) struct ResponseCodes(HashMap<(Option<Brand>, String), String>);

impl ResponseCodes {
    /// The table as it is configured, which was looked at when it was read.
    pub(super) fn of(configured: &BTreeMap<String, String>) -> Self {
        let row = |(theirs, ours): (&String, &String)| {
            let (brand, code) = brand_and_code(theirs)?;
            Some(((brand, code.to_owned()), ours.clone()))
        };
        Self(configured.iter().filter_map(row).collect())
    }

    /// What a code stands for of a card of `brand`: what is said of the brand, else of all; `None` for itself.
    pub(super) fn standard(&self, code: &str, brand: Brand) -> Option<&str> {
        let said = |brand| self.0.get(&(brand, code.to_owned())).map(String::as_str);
        said(Some(brand)).or_else(|| said(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_brand_comes_first() {
        let rows = [("59", "05"), ("VISA:59", "51"), ("maestro:Z1", "91"), (":1", "12")];
        let codes =
            ResponseCodes::of(&rows.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).into());
        let of = |code| [Brand::Visa, Brand::Maestro].map(|brand| codes.standard(code, brand));
        assert_eq!(of("59"), [Some("51"), Some("05")]);
        assert_eq!(of("Z1"), [None, Some("91")]);
        assert_eq!(of(":1"), [Some("12"); 2]);
        assert_eq!(of("51"), [None; 2]);
    }
}
