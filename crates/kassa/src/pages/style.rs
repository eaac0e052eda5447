//! An order's own colours: `/connect/{session}/style.css`.
//!
//! A style sheet of its own, because the pages' policy lets nothing inline be styled. It holds colours that were
//! written anew when the order was placed, in rules that are written here: nothing in it is the shop's text. The
//! shop has chosen its colours for a light page, so a page with any of them is light for everybody.

use super::assets;
use super::visit::WordsQuery;
use crate::api::create_order::template::Template;
use crate::app::App;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::fmt::Write as _;

/// What each colour of a template colours here. The buttons of payment methods are not on this page.
const RULES: &[(&str, &str, &str)] = &[
    ("header.background", ".summary-head", "background: {}"),
    ("header.text", ".summary-head", "color: {}"),
    ("body.background", "body", "background: {}"),
    ("body.text", "body, .footer, .footer a", "color: {}"),
    ("body.link.text", "a", "color: {}"),
    ("body.link.hover.text", "a:hover", "color: {}"),
    ("body.link.hover.border", "a:hover", "text-decoration-color: {}"),
    ("container.background", ".sheet", "--sheet: {}; background: {}"),
    ("container.text", ".sheet", "--text: {}; --soft: {}; color: {}"),
    ("container.label", ".sheet label", "color: {}"),
    ("container.link.text", ".sheet a", "color: {}"),
    ("cart.background", ".sheet > .summary", "background: {}"),
    ("cart.text", ".sheet > .summary", "--soft: {}; color: {}"),
    ("cart.label", ".sheet > .summary dt", "color: {}"),
    ("cart.border", ".sheet > .summary", "--line: {}; border-color: {}"),
    ("payment_form.background", ".sheet > .panel", "background: {}"),
    ("payment_form.text", ".sheet > .panel", "--soft: {}; color: {}"),
    ("payment_form.border", ".sheet > .panel", "box-shadow: inset 0 0 0 1px {}"),
    ("payment_form.inputs.border", ".sheet input", "border-color: {}"),
    ("payment_form.inputs.label", ".sheet .panel label", "color: {}"),
    ("buttons.primary.background", ".panel .button", "background: {}; border-color: {}"),
    ("buttons.primary.text", ".panel .button", "color: {}"),
    ("buttons.primary.hover.background", ".panel .button:hover", "background: {}; border-color: {}"),
    ("buttons.primary.hover.text", ".panel .button:hover", "color: {}"),
    ("buttons.secondary.background", ".panel .leave a", "background: {}"),
    ("buttons.secondary.text", ".panel .leave a", "color: {}"),
    ("buttons.secondary.hover.background", ".panel .leave a:hover", "background: {}"),
    ("buttons.secondary.hover.text", ".panel .leave a:hover", "color: {}"),
];

pub(super) fn router() -> Router<App> {
    Router::new().route("/connect/{session}/style.css", get(style))
}

/// `GET /connect/{session}/style.css`.
async fn style(State(app): State<App>, Path(session): Path<String>, words: WordsQuery) -> Response {
    let visit = match app.visit(&session, words).await {
        Ok(visit) => visit,
        Err(instead) => return instead,
    };
    let Some(template) = visit.template().filter(|template| has_colours(template)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, sheet(template)).into_response()
}

/// Whether there is a style sheet for it.
pub(super) fn has_colours(template: &Template) -> bool {
    RULES.iter().any(|(path, _, _)| template.colours.contains_key(*path))
}

fn sheet(template: &Template) -> String {
    let mut sheet = format!(":root {{{}  color-scheme: light;\n}}\n", light());
    for (path, selector, rule) in RULES {
        if let Some(colour) = template.colours.get(*path).filter(|colour| is_hex(colour)) {
            let rule = rule.replace("{}", colour);
            writeln!(sheet, "{selector} {{ {rule}; }}").expect("a String takes every text");
        }
    }
    sheet
}

/// The colours of the light page, as our own style sheet begins.
fn light() -> &'static str {
    let all = assets::text("kassa.css");
    let palette = all.split_once(":root {").and_then(|(_, rest)| rest.split_once('}'));
    palette.map(|(palette, _)| palette).unwrap_or_default()
}

/// What was stored is looked at once more where it is used.
fn is_hex(colour: &str) -> bool {
    let digits = colour.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::create_order::template::COLOURS;

    #[test]
    fn every_colour_has_its_rule_but_those_of_buttons_that_are_not_here() {
        for path in COLOURS {
            let known = RULES.iter().any(|(rule, _, _)| rule == path);
            assert_eq!(known, !path.starts_with("buttons.payment_method."), "{path}");
        }
        assert!(RULES.iter().all(|(path, _, _)| COLOURS.contains(path)));
    }

    #[test]
    fn a_sheet_holds_the_light_page_and_the_colours_that_were_sent() {
        let mut template = Template::default();
        assert!(!has_colours(&template));
        for (path, colour) in [
            ("body.background", "#ff0000"),
            ("buttons.primary.text", "#00000080"),
            ("cart.text", "red}*{display:none"),
            ("other", "#123456"),
        ] {
            template.colours.insert(path.to_owned(), colour.to_owned());
        }
        assert!(has_colours(&template));
        let sheet = sheet(&template);
        assert!(sheet.starts_with(":root {\n") && sheet.contains("--ground: #eff2f1;"), "{sheet}");
        assert!(!sheet.contains("--ground: #0e1311;"), "nothing of the dark page");
        let rules = sheet.split_once("}\n").unwrap().1;
        assert_eq!(rules, "body { background: #ff0000; }\n.panel .button { color: #00000080; }\n");
    }
}
