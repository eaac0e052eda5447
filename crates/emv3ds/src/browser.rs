//! What is told of a browser, made out of what a browser posts.
//!
//! The issuer refuses a request for one malformed field, and browsers, extensions and people send anything. So
//! nothing is refused here: what is too long is cut, what is odd is rounded, and a browser whose script did not
//! report everything is one without scripts.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The longest header that is passed on.
const HEADER_CHARS: usize = 2048;
/// The longest `browserLanguage` that both versions take.
const LANGUAGE_CHARS: usize = 8;
/// How many languages are passed on, and how long each may be.
const LANGUAGES: usize = 99;
const ACCEPT_LANGUAGE_CHARS: usize = 100;
/// The language of somebody who does not say (BCP 47).
const UNDETERMINED: &str = "und";

/// Colour depths that a message may name.
const COLOR_DEPTHS: [u32; 8] = [1, 4, 8, 15, 16, 24, 32, 48];

/// `browser…`: the browser a payment is made in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserInfo {
    /// `browserAcceptHeader`.
    #[serde(rename = "browserAcceptHeader")]
    pub accept_header: String,
    /// `browserUserAgent`.
    #[serde(rename = "browserUserAgent")]
    pub user_agent: String,
    /// `browserIP`.
    #[serde(rename = "browserIP", skip_serializing_if = "Option::is_none")]
    pub ip: Option<Secret>,
    /// `browserLanguage`. Required in 2.2.0, in 2.3.1 with scripts.
    #[serde(rename = "browserLanguage", skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `acceptLanguage` (2.3.1), most wanted first.
    #[serde(rename = "acceptLanguage", default, skip_serializing_if = "Vec::is_empty")]
    pub accept_language: Vec<String>,
    /// `browserJavascriptEnabled`.
    #[serde(rename = "browserJavascriptEnabled")]
    pub javascript_enabled: bool,
    /// `browserJavaEnabled`. Required with scripts, like what follows.
    #[serde(rename = "browserJavaEnabled", skip_serializing_if = "Option::is_none")]
    pub java_enabled: Option<bool>,
    /// `browserColorDepth`.
    #[serde(rename = "browserColorDepth", skip_serializing_if = "Option::is_none")]
    pub color_depth: Option<String>,
    /// `browserScreenHeight`, in pixels.
    #[serde(rename = "browserScreenHeight", skip_serializing_if = "Option::is_none")]
    pub screen_height: Option<String>,
    /// `browserScreenWidth`, in pixels.
    #[serde(rename = "browserScreenWidth", skip_serializing_if = "Option::is_none")]
    pub screen_width: Option<String>,
    /// `browserTZ`: minutes behind UTC, negative to the east.
    #[serde(rename = "browserTZ", skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// What a browser sent, as it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserReport<'a> {
    /// The header `Accept`.
    pub accept: Option<&'a str>,
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// The header `Accept-Language`.
    pub accept_language: Option<&'a str>,
    /// Where it connects from.
    pub ip: Option<IpAddr>,
    /// What its script reported; `None` without scripts.
    pub script: Option<ScriptReport<'a>>,
}

/// What a script read in the browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptReport<'a> {
    /// `navigator.language`.
    pub language: Option<&'a str>,
    /// `navigator.javaEnabled()`: `true` or `false`; most browsers have it no more.
    pub java_enabled: Option<&'a str>,
    /// `screen.colorDepth`.
    pub color_depth: Option<&'a str>,
    /// `screen.height`.
    pub screen_height: Option<&'a str>,
    /// `screen.width`.
    pub screen_width: Option<&'a str>,
    /// `new Date().getTimezoneOffset()`.
    pub time_zone: Option<&'a str>,
}

impl BrowserInfo {
    /// Valid fields of both versions out of whatever was sent.
    ///
    /// ```
    /// use emv3ds::browser::{BrowserInfo, BrowserReport, ScriptReport};
    ///
    /// let script = ScriptReport {
    ///     language: Some("zh-Hant-TW"),
    ///     color_depth: Some("30"),
    ///     screen_height: Some("1080"),
    ///     screen_width: Some("1919.5"),
    ///     time_zone: Some("-480"),
    ///     ..ScriptReport::default()
    /// };
    /// let browser = BrowserInfo::clean(&BrowserReport { script: Some(script), ..BrowserReport::default() });
    /// assert_eq!(browser.color_depth.as_deref(), Some("24"));
    /// assert_eq!(browser.screen_width.as_deref(), Some("1919"));
    /// assert_eq!(browser.language.as_deref(), Some("zh-Hant"));
    /// assert!(browser.javascript_enabled);
    /// ```
    #[must_use]
    pub fn clean(report: &BrowserReport<'_>) -> Self {
        let accept_language = languages(report.accept_language.unwrap_or_default());
        let said = report.script.and_then(|script| script.language).into_iter();
        let mut said = said.chain(accept_language.iter().map(String::as_str));
        let language = said.find_map(short_language).unwrap_or_else(|| UNDETERMINED.to_owned());
        let accept_language =
            if accept_language.is_empty() { vec![language.clone()] } else { accept_language };
        let mut browser = Self {
            accept_header: header(report.accept, "*/*"),
            user_agent: header(report.user_agent, "unknown"),
            ip: report.ip.map(|ip| Secret::new(ip.to_canonical().to_string())),
            language: Some(language),
            accept_language,
            javascript_enabled: false,
            java_enabled: None,
            color_depth: None,
            screen_height: None,
            screen_width: None,
            time_zone: None,
        };
        if let Some(script) = report.script {
            browser.take_script(&script);
        }
        browser
    }

    /// With scripts all of these are required, so one that is missing makes it a browser without.
    fn take_script(&mut self, script: &ScriptReport<'_>) {
        let color_depth = script.color_depth.and_then(whole).and_then(color_depth);
        let height = script.screen_height.and_then(whole).filter(|pixels| *pixels <= 999_999);
        let width = script.screen_width.and_then(whole).filter(|pixels| *pixels <= 999_999);
        let time_zone = script.time_zone.and_then(minutes);
        let (Some(color_depth), Some(height), Some(width), Some(time_zone)) =
            (color_depth, height, width, time_zone)
        else {
            return;
        };
        self.javascript_enabled = true;
        self.java_enabled = Some(script.java_enabled.is_some_and(|word| word.eq_ignore_ascii_case("true")));
        self.color_depth = Some(color_depth.to_string());
        self.screen_height = Some(height.to_string());
        self.screen_width = Some(width.to_string());
        self.time_zone = Some(time_zone.to_string());
    }
}

/// A header without what is no text, cut to its longest; `otherwise` if nothing is left.
fn header(sent: Option<&str>, otherwise: &str) -> String {
    let letters = sent.unwrap_or_default().trim().chars().filter(|letter| !letter.is_control());
    let text: String = letters.take(HEADER_CHARS).collect();
    if text.is_empty() { otherwise.to_owned() } else { text }
}

/// The tags of `Accept-Language`, by their weight.
fn languages(header: &str) -> Vec<String> {
    let mut weighed: Vec<(u32, String)> = header
        .split(',')
        .filter_map(|item| {
            let (tag, parameters) = item.split_once(';').unwrap_or((item, ""));
            let tag = tag.trim();
            let weight = parameters.trim().strip_prefix("q=").map_or(1000, thousandths);
            let good = is_language(tag) && tag.len() <= ACCEPT_LANGUAGE_CHARS && weight > 0;
            good.then(|| (weight, tag.to_owned()))
        })
        .take(LANGUAGES)
        .collect();
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    weighed.into_iter().map(|(_, tag)| tag).collect()
}

/// A weight such as `0.8`, as 800.
fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    format!("{whole}{part}").parse().unwrap_or(0)
}

fn is_language(tag: &str) -> bool {
    let letters = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    letters && tag.starts_with(|letter: char| letter.is_ascii_alphabetic())
}

/// As many parts of a language tag as the field has room for.
fn short_language(tag: &str) -> Option<String> {
    let tag = tag.trim();
    if !is_language(tag) {
        return None;
    }
    let mut ends = tag.match_indices('-').map(|(end, _)| end).chain([tag.len()]);
    let end = ends.rfind(|end| (1..=LANGUAGE_CHARS).contains(end))?;
    tag.get(..end).map(|tag| tag.trim_end_matches('-').to_owned())
}

/// A number, without what is behind its point.
fn whole(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.split_once('.').map_or(text, |(whole, _)| whole);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The largest depth that a message may name and the screen has.
fn color_depth(bits: u32) -> Option<u32> {
    COLOR_DEPTHS.into_iter().rev().find(|known| *known <= bits)
}

/// Minutes from UTC: no place is more than 14 hours away.
fn minutes(text: &str) -> Option<i32> {
    let text = text.trim();
    text.parse().ok().filter(|minutes| (-840..=840).contains(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_rounded_down_to_those_that_have_a_name() {
        for (sent, named) in [("30", 24), ("24", 24), ("25", 24), ("1", 1), ("3", 1), ("36", 32), ("64", 48)]
        {
            assert_eq!(whole(sent).and_then(color_depth), Some(named), "{sent}");
        }
        assert_eq!(color_depth(0), None);
    }

    #[test]
    fn languages_fit() {
        for (sent, kept) in [
            ("nl", Some("nl")),
            ("nl-NL", Some("nl-NL")),
            ("sr-Latn-RS", Some("sr-Latn")),
            ("de-CH-1996", Some("de-CH")),
            ("abcdefghi", None),
            ("", None),
            ("nl_NL", None),
            ("<b>", None),
        ] {
            assert_eq!(short_language(sent).as_deref(), kept, "{sent}");
        }
        assert_eq!(languages("fr;q=0.5, nl-NL, *, en;q=0.8, de;q=0"), ["nl-NL", "en", "fr"]);
    }

    #[test]
    fn a_browser_that_says_nothing_is_one_without_scripts() {
        let browser = BrowserInfo::clean(&BrowserReport::default());
        assert!(!browser.javascript_enabled);
        assert_eq!(browser.language.as_deref(), Some("und"));
        assert_eq!(browser.accept_language, ["und"]);
        let script = ScriptReport { color_depth: Some("24"), ..ScriptReport::default() };
        let report = BrowserReport { script: Some(script), ..BrowserReport::default() };
        assert_eq!(BrowserInfo::clean(&report), browser);
    }

    #[test]
    fn headers_are_cut_and_addresses_are_plain() {
        let long = "ä".repeat(3000);
        let ip = "::ffff:192.0.2.1".parse().ok();
        let report =
            BrowserReport { user_agent: Some(&long), accept: Some("\u{7}"), ip, ..Default::default() };
        let browser = BrowserInfo::clean(&report);
        assert_eq!(browser.user_agent.chars().count(), 2048);
        assert_eq!(browser.accept_header, "*/*");
        assert_eq!(browser.ip.unwrap().expose(), "192.0.2.1");
    }
}
