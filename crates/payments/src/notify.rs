//! Telling the shop: when to try again, and what counts as heard.

use crate::time::Millis;

/// How stubbornly a site's notifications are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Twelve tries over seven days.
    Extended,
    /// The reference gateway's own: four tries over 45 minutes.
    Strict,
}

/// Tries after the first failed one, counted from the first.
const EXTENDED: [Millis; 11] = [
    Millis::seconds(5),
    Millis::seconds(60),
    Millis::minutes(15),
    Millis::minutes(30),
    Millis::minutes(45),
    Millis::hours(2),
    Millis::hours(6),
    Millis::hours(24),
    Millis::hours(48),
    Millis::hours(72),
    Millis::days(7),
];
const STRICT: [Millis; 3] = [Millis::minutes(15), Millis::minutes(30), Millis::minutes(45)];

impl Profile {
    /// How long after the first try the next one is due when `tries` have failed; `None` parks the
    /// notification, visible and resendable.
    #[must_use]
    pub fn next_after(self, tries: u32) -> Option<Millis> {
        let at = usize::try_from(tries.checked_sub(1)?).ok()?;
        match self {
            Self::Extended => EXTENDED.get(at).copied(),
            Self::Strict => STRICT.get(at).copied(),
        }
    }

    /// The word of the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Extended => "extended",
            Self::Strict => "strict",
        }
    }

    /// The profile with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Extended, Self::Strict].into_iter().find(|profile| profile.word() == word)
    }
}

/// How much of an answer is looked at for the acknowledgement.
const ACKNOWLEDGEMENT_WITHIN: usize = 100;

/// Whether a shop's answer says that the notification was taken: HTTP 200, and in the first 100
/// characters the word `OK` or `MULTISAFEPAY_OK`, in any case.
#[must_use]
pub fn is_acknowledged(status: u16, body: &str) -> bool {
    let start: String = body.chars().take(ACKNOWLEDGEMENT_WITHIN).collect();
    let mut words = start.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    status == 200
        && words.any(|word| word.eq_ignore_ascii_case("OK") || word.eq_ignore_ascii_case("MULTISAFEPAY_OK"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shops_acknowledge_in_the_words_real_plugins_use() {
        let long = format!("{} OK", "x".repeat(99));
        for (status, body, heard) in [
            (200, "OK", true),
            (200, "\"OK\"", true),
            (200, "ok", true),
            (200, "MULTISAFEPAY_OK", true),
            (200, "<p>OK</p>", true),
            (200, "booking", false),
            (200, "token", false),
            (200, "NG", false),
            (200, "ng: no order", false),
            (200, "", false),
            (200, long.as_str(), false),
            (201, "OK", false),
            (204, "", false),
            (302, "OK", false),
            (500, "OK", false),
        ] {
            assert_eq!(is_acknowledged(status, body), heard, "{status} {body:?}");
        }
    }

    #[test]
    fn the_schedules_have_the_documented_number_of_tries() {
        for (profile, tries) in [(Profile::Extended, 12), (Profile::Strict, 4)] {
            assert!((1..tries).all(|failed| profile.next_after(failed).is_some()));
            assert_eq!(profile.next_after(tries), None);
            assert_eq!(profile.next_after(0), None);
        }
    }
}
