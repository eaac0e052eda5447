//! The plain English name of a country, as one would write it on an envelope.

use celes::Country;

/// Names that ISO 3166-1 writes in full or the list without its accents.
const PLAIN: &[(&str, &str)] = &[
    ("AX", "Åland Islands"),
    ("BL", "Saint Barthélemy"),
    ("BN", "Brunei"),
    ("BQ", "Caribbean Netherlands"),
    ("CC", "Cocos (Keeling) Islands"),
    ("CD", "Democratic Republic of the Congo"),
    ("CI", "Côte d'Ivoire"),
    ("CV", "Cape Verde"),
    ("CW", "Curaçao"),
    ("FK", "Falkland Islands"),
    ("FM", "Micronesia"),
    ("GB", "United Kingdom"),
    ("GW", "Guinea-Bissau"),
    ("HM", "Heard Island and McDonald Islands"),
    ("IR", "Iran"),
    ("KP", "North Korea"),
    ("KR", "South Korea"),
    ("LA", "Laos"),
    ("MD", "Moldova"),
    ("MF", "Saint Martin"),
    ("MK", "North Macedonia"),
    ("PS", "Palestine"),
    ("RE", "Réunion"),
    ("RU", "Russia"),
    ("SH", "Saint Helena, Ascension and Tristan da Cunha"),
    ("ST", "São Tomé and Príncipe"),
    ("SX", "Sint Maarten"),
    ("SY", "Syria"),
    ("TL", "Timor-Leste"),
    ("TW", "Taiwan"),
    ("TZ", "Tanzania"),
    ("US", "United States"),
    ("VE", "Venezuela"),
    ("VI", "U.S. Virgin Islands"),
];

/// The name of the country with this ISO 3166-1 alpha-2 code, such as `Netherlands`; `None` for no country.
pub(super) fn name(alpha2: &str) -> Option<String> {
    let country = Country::from_alpha2(alpha2).ok()?;
    if let Some((_, name)) = PLAIN.iter().find(|(code, _)| *code == country.alpha2) {
        return Some((*name).to_owned());
    }
    // The list starts some names with an article and writes every word with a capital.
    let name = country.long_name;
    let mut name = name.strip_prefix("The ").unwrap_or(name).to_owned();
    for word in ["And", "Of", "The"] {
        name = name.replace(&format!(" {word} "), &format!(" {} ", word.to_lowercase()));
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_the_names_people_use() {
        for (code, expected) in [
            ("NL", "Netherlands"),
            ("BE", "Belgium"),
            ("DE", "Germany"),
            ("GB", "United Kingdom"),
            ("US", "United States"),
            ("AE", "United Arab Emirates"),
            ("BA", "Bosnia and Herzegovina"),
            ("IM", "Isle of Man"),
            ("GS", "South Georgia and the South Sandwich Islands"),
            ("CG", "Congo"),
            ("TR", "Türkiye"),
            ("CW", "Curaçao"),
            ("nl", "Netherlands"),
        ] {
            assert_eq!(name(code).as_deref(), Some(expected), "{code}");
        }
        for code in ["", "XX", "NLD", "N"] {
            assert_eq!(name(code), None, "{code}");
        }
    }

    #[test]
    fn every_plain_name_is_of_a_country_and_needed() {
        for (code, plain) in PLAIN {
            let country = Country::from_alpha2(code).expect(code);
            assert_eq!(country.alpha2, *code);
            assert_ne!(country.long_name, *plain, "{code}");
        }
    }

    #[test]
    fn no_name_keeps_an_article_or_a_form_of_government() {
        for country in Country::get_countries() {
            let name = name(country.alpha2).expect(country.alpha2);
            let official = ["The ", "the ", "Kingdom of", "State of", "Republic Of", "Federation"];
            assert!(!official.iter().any(|word| name.starts_with(word)), "{name}");
            assert!(!name.contains("Republic Of"), "{name}");
        }
    }
}
