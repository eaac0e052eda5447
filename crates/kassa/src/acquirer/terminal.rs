//! Who a merchant is to the acquirer, and what its host wants said in its own way: everything that has to be asked of
//! an acquirer and is no code.

use super::line::Merchant;
use crate::store::Site;
use jiff::tz::TimeZone;
use payments::ids::SiteId;

/// A site as the acquirer knows it.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    /// DE 41, eight characters.
    pub(crate) id: String,
    /// DE 42, fifteen characters.
    pub(crate) merchant: String,
    /// DE 43: name, city and country in forty characters.
    pub(crate) name_and_place: String,
    /// DE 18.
    pub(crate) category: String,
    /// Where DE 12 and DE 13 are told.
    pub(crate) zone: TimeZone,
}

/// How an acquirer's host wants things.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    /// DE 32.
    pub(crate) acquirer: String,
    /// DE 19, and in DE 61.
    pub(crate) country: String,
    /// Whether it can be asked what became of a message (0600). Otherwise an unknown outcome is reversed at once.
    pub(crate) has_inquiry: bool,
    /// Whether a reversal is an advice (0420) rather than a request (0400).
    pub(crate) reverses_by_advice: bool,
    /// Whether an approval collects nothing before an advice (0220) follows it.
    pub(crate) completion: bool,
}

impl Dialect {
    /// The built-in host's.
    pub(crate) fn built_in() -> Self {
        Self {
            acquirer: "525000".to_owned(),
            country: "528".to_owned(),
            has_inquiry: true,
            reverses_by_advice: false,
            completion: false,
        }
    }
}

/// What the terminals of test sites begin with.
const TERMINAL: &str = "K";
/// What their merchant ids begin with.
const MERCHANT: &str = "KASSA";

impl Terminal {
    /// Of a test site: its numbers follow from the site's.
    pub(crate) fn of_test_site(site: &Site) -> Self {
        Self {
            id: format!("{TERMINAL}{:0>7}", base36(site.id.0)),
            merchant: format!("{MERCHANT}{:010}", site.id.0),
            name_and_place: name_and_place(&site.name, "Amsterdam     NLD"),
            category: "5732".to_owned(),
            zone: site.zone().unwrap_or(TimeZone::UTC),
        }
    }

    /// Of a site that an acquirer gave numbers.
    pub(super) fn of(site: &Site, merchant: &Merchant) -> Self {
        Self {
            id: merchant.terminal.clone(),
            merchant: merchant.merchant.clone(),
            name_and_place: name_and_place(&site.name, &merchant.place),
            category: merchant.category.clone(),
            zone: site.zone().unwrap_or(TimeZone::UTC),
        }
    }
}

/// The test site whose terminal id this is.
pub(crate) fn test_site_at(terminal: &str) -> Option<SiteId> {
    let number = terminal.strip_prefix(TERMINAL).filter(|number| number.len() == 7)?;
    i64::from_str_radix(number, 36).ok().map(SiteId)
}

/// The test site whose merchant id this is.
pub(crate) fn test_site(merchant: &str) -> Option<SiteId> {
    let digits = merchant.trim_end_matches(' ').strip_prefix(MERCHANT)?;
    let all = digits.len() == 10 && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| all).map(SiteId)
}

/// Twenty-two characters of the name, a blank, thirteen of the city, a blank, three of the country.
fn name_and_place(name: &str, place: &str) -> String {
    let plain = |letter: char| if matches!(letter, ' '..='~') { letter } else { '?' };
    let name: String = name.chars().map(plain).take(22).collect();
    format!("{name:<22} {place:<17}")
}

fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut text = String::new();
    loop {
        let digit = u32::try_from(rest % 36).ok().and_then(|digit| char::from_digit(digit, 36));
        text.insert(0, digit.unwrap_or('0').to_ascii_uppercase());
        rest /= 36;
        if rest == 0 {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fill_their_field_and_no_more() {
        for name in ["", "Webshop BV", "A name that is far too long for it", "Café 😀"] {
            assert_eq!(name_and_place(name, "Utrecht       NLD").len(), 40, "{name}");
        }
        assert_eq!(
            name_and_place("Webshop BV", "Amsterdam     NLD"),
            "Webshop BV             Amsterdam     NLD"
        );
    }

    #[test]
    fn a_test_sites_numbers_lead_back_to_it() {
        assert_eq!(base36(0), "0");
        assert_eq!(base36(36 * 36 - 1), "ZZ");
        assert_eq!(test_site("KASSA0000000042"), Some(SiteId(42)));
        assert_eq!(test_site_at("K0000016"), Some(SiteId(42)));
        assert_eq!((test_site_at("T"), test_site_at("K000001é"), test_site_at("K16")), (None, None, None));
        for stranger in ["", "MERCHANT0000001", "KASSA00000000xx", "KASSA42"] {
            assert_eq!(test_site(stranger), None, "{stranger}");
        }
    }
}
