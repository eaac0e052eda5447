//! The HTML of an order's `items`, made harmless: the documented tags and attributes and nothing else.
//!
//! No attribute in the list is an address, a style or a script, and `img` comes without its source, so nothing in it
//! can load, send or run anything; the style sheet keeps it from covering the form. A parser may make very much of
//! very little: tags for letters that are not closed are opened again in every paragraph. So what goes in and what
//! comes out both have a limit, beyond which nothing is shown.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The longest clean HTML that is shown, in bytes: four times what can be sent.
const CLEAN_MAX: usize = 64 * 1024;
/// The most different tags for letters. A parser keeps three of each open at once.
const LETTERS_MAX: usize = 12;

/// Tags for letters, which a parser opens again: all that it knows, also those that are taken out afterwards.
const LETTERS: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Every tag with its attributes; the contract's list.
const ALLOWED: &[(&str, &[&str])] = &[
    ("b", &[]),
    ("br", &[]),
    ("div", &["align"]),
    ("em", &[]),
    ("font", &["color", "face", "size"]),
    ("h1", &[]),
    ("h2", &[]),
    ("h3", &[]),
    ("h4", &[]),
    ("h5", &[]),
    ("h6", &[]),
    ("hr", &[]),
    ("i", &[]),
    ("img", &["width", "height", "alt", "scale", "border", "align"]),
    ("li", &[]),
    ("nobr", &[]),
    ("ol", &[]),
    ("p", &[]),
    ("small", &[]),
    ("span", &[]),
    ("strong", &[]),
    ("table", &["width", "border", "bordercolor", "cellpadding", "cellspacing"]),
    ("tbody", &[]),
    ("td", &["height", "width", "align", "valign", "colspan", "bgcolor"]),
    ("tfoot", &[]),
    ("th", &["width", "scope", "colspan", "align"]),
    ("thead", &[]),
    ("tr", &["bgcolor", "valign"]),
    ("u", &[]),
    ("ul", &[]),
];

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::empty();
    let attributes = ALLOWED.iter().map(|(tag, names)| (*tag, names.iter().copied().collect()));
    cleaner
        .tags(ALLOWED.iter().map(|(tag, _)| *tag).collect())
        .tag_attributes(attributes.collect::<HashMap<&str, HashSet<&str>>>())
        // What stands in these is no text for people.
        .clean_content_tags(HashSet::from(["script", "style", "title", "template", "noscript", "iframe"]));
    cleaner
});

/// What may be shown of `html`; nothing when that is nothing, or too much.
pub(super) fn clean(html: &str) -> Option<String> {
    if different_letters(html) > LETTERS_MAX {
        return None;
    }
    let clean = CLEANER.clean(html).to_string();
    (!clean.trim().is_empty() && clean.len() <= CLEAN_MAX).then_some(clean)
}

/// How many different tags for letters are opened. Where it is not plain where a tag ends, each counts.
fn different_letters(html: &str) -> usize {
    let mut plain = HashSet::new();
    let mut odd = 0;
    for tag in html.split('<').skip(1) {
        let end = tag.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let (name, rest) = tag.split_at(end);
        if !LETTERS.iter().any(|letters| name.eq_ignore_ascii_case(letters)) {
            continue;
        }
        match rest.split_once('>') {
            Some((attributes, _)) if is_plain(attributes) => _ = plain.insert((name, attributes)),
            _ => odd += 1,
        }
    }
    plain.len() + odd
}

/// Whether these are attributes that every reader reads alike, with no quotes but around values.
fn is_plain(mut attributes: &str) -> bool {
    loop {
        attributes = attributes.trim_ascii_start();
        if attributes.is_empty() {
            return true;
        }
        let Some((name, rest)) = attributes.split_once('=') else { return false };
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => match rest[1..].split_once(quote) {
                Some(split) => split,
                None => return false,
            },
            None => {
                rest.split_at(rest.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(rest.len()))
            }
        };
        let stray = quote.is_none() && value.contains(['"', '\'', '=', '`']);
        if stray || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return false;
        }
        attributes = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scraper::Html;

    #[test]
    fn what_is_allowed_stays_and_everything_else_goes() {
        for (html, expected) in [
            ("<b>2</b> tickets &amp; <em>more</em>", "<b>2</b> tickets &amp; <em>more</em>"),
            (
                r#"<font color="red" face="Verdana" size="2">x</font>"#,
                r#"<font color="red" face="Verdana" size="2">x</font>"#,
            ),
            (r#"<div align="right" class="ribbon" id="cancel">x</div>"#, r#"<div align="right">x</div>"#),
            (r#"<img src="https://evil.example/i.gif" alt="i" onerror="alert(1)">"#, r#"<img alt="i">"#),
            ("<script>alert(1)</script>x", "x"),
            ("<SCRIPT SRC=//evil.example></SCRIPT>x", "x"),
            ("<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"),
            ("<style>*{display:none}</style>x", "x"),
            ("<b style=\"position:fixed\">x</b>", "<b>x</b>"),
            ("<b onclick=alert(1) onmouseover='x'>x</b>", "<b>x</b>"),
            (r#"<a href="javascript:alert(1)">x</a>"#, "x"),
            (r#"<a href="https://evil.example/">x</a>"#, "x"),
            ("<iframe src=//evil.example>x</iframe>y", "y"),
            ("<object data=x></object><embed src=x>y", "y"),
            ("<svg onload=alert(1)><script>alert(1)</script></svg>y", "y"),
            ("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", ""),
            ("<form action=//evil.example><input name=card_number><button>Pay</button></form>", "Pay"),
            ("<meta http-equiv=refresh content='0;url=//evil.example'>y", "y"),
            ("<base href=//evil.example><link rel=stylesheet href=//evil.example>y", "y"),
            ("</div></section></main><h1>Pay here</h1>", "<h1>Pay here</h1>"),
            ("<!-- <b>x</b> --><!DOCTYPE x><?php echo 1 ?>y", "y"),
            ("<![CDATA[<script>alert(1)</script>]]>", "alert(1)]]&gt;"),
            ("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", ""),
            ("<textarea><img title=\"</textarea><script>alert(1)</script>\">", ""),
            ("<td background=//evil.example>x</td>", "x"),
            (
                "<table background=x width=1><tr><td bgcolor=red colspan=2>x",
                r#"<table width="1"><tbody><tr><td bgcolor="red" colspan="2">x</td></tr></tbody></table>"#,
            ),
            ("<b", ""),
            ("1 < 2", "1 &lt; 2"),
            ("\u{0}<b\u{0}>x", ""),
            ("  ", ""),
        ] {
            let cleaned = clean(html).unwrap_or_default();
            if !expected.is_empty() || !cleaned.is_empty() {
                assert!(!cleaned.contains("evil") && !cleaned.contains("onerror"), "{html}: {cleaned}");
            }
            if !expected.is_empty() {
                assert_eq!(cleaned, expected, "{html}");
            }
            assert_harmless(&cleaned);
        }
    }

    /// Only what is in the list, as a browser reads it.
    fn assert_harmless(html: &str) {
        let page = Html::parse_document(html);
        for element in page.tree.values().filter_map(|node| node.as_element()) {
            let allowed = ALLOWED.iter().find(|(tag, _)| *tag == element.name());
            let names = allowed.map_or(&[][..], |(_, names)| names);
            // The reader puts these around everything.
            let is_around = matches!(element.name(), "html" | "head" | "body");
            assert!(allowed.is_some() || is_around, "{}: {html}", element.name());
            assert!(element.attrs().all(|(name, _)| names.contains(&name)), "{html}");
        }
    }

    #[test]
    fn what_grows_out_of_bounds_is_not_shown() {
        let tags: String = (0..13).map(|at| format!("<font size={at}>")).collect();
        for tags in [
            tags,
            "<b x=\">\">".repeat(13),
            "<b z='\"' x=\">1\">".repeat(13),
            "<b x=a\" y=\">1\">".repeat(13),
            "<tt x=\"<\">".repeat(13),
        ] {
            assert_eq!(clean(&format!("<p>{tags}<p>x")), None, "{tags}");
        }
        let tags: String = (0..12).map(|at| format!("<font size={at}>")).collect();
        assert!(clean(&format!("<p>{tags}<p>x")).is_some());
        assert_eq!(clean(&format!("<p>{tags}{}", "<p>x".repeat(4_000))), None, "{CLEAN_MAX} bytes");
        let table = "<tr><td><font size=\"2\" face='Verdana'>1</font></td><td><b>x</b></td></tr>".repeat(200);
        assert!(clean(&format!("<table>{table}</table>")).is_some());
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left_of_anything(parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "<", ">", "\"", "'", "=", "/", " ", "b", "script", "style", "<img ", "src=", "onerror=", "<table>",
                "<td ", "<svg>", "<math>", "<p>", "</p>", "<!--", "-->", "javascript:", "<font ", "<a ", "href=", "x",
                "<noscript>", "<template>", "<select>", "<option>", "<title>", "</", "&lt;", "\0", "é",
            ]), 0..40,
        )) {
            if let Some(cleaned) = clean(&parts.concat()) {
                assert_harmless(&cleaned);
            }
        }
    }
}
