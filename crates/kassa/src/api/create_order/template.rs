//! `payment_options.template`: how one order's page looks.
//!
//! Only what can be used is kept: colours that a browser understands, under the names of the documentation, and
//! the switches. Anything else, misspelt or meant for another page, is ignored; it must not cost the shop an
//! order. Images are not kept: the page loads nothing from elsewhere, so that nobody else learns who pays.

use super::fields::Fields;
use crate::api::error::{Error, MISSING_DATA};
use csscolorparser::Color;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest colour that is looked at, in bytes.
const COLOUR_MAX: usize = 100;

/// Every colour of a template, by its place in it.
pub(crate) const COLOURS: &[&str] = &[
    "header.background",
    "header.text",
    "body.text",
    "body.background",
    "body.link.text",
    "body.link.hover.text",
    "body.link.hover.border",
    "container.text",
    "container.label",
    "container.background",
    "container.link.text",
    "cart.text",
    "cart.label",
    "cart.background",
    "cart.border",
    "payment_form.text",
    "payment_form.background",
    "payment_form.border",
    "payment_form.inputs.border",
    "payment_form.inputs.label",
    "buttons.payment_method.background",
    "buttons.payment_method.text",
    "buttons.payment_method.border",
    "buttons.payment_method.hover.background",
    "buttons.payment_method.hover.text",
    "buttons.payment_method.hover.border",
    "buttons.payment_method.active.background",
    "buttons.payment_method.active.text",
    "buttons.payment_method.active.border",
    "buttons.primary.background",
    "buttons.primary.text",
    "buttons.primary.hover.background",
    "buttons.primary.hover.text",
    "buttons.secondary.background",
    "buttons.secondary.text",
    "buttons.secondary.hover.background",
    "buttons.secondary.hover.text",
];

/// The request's `payment_options.template`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Template {
    /// What is left out.
    pub(crate) settings: Switches,
    /// Those of [`COLOURS`] that were sent, as `#rrggbb` or `#rrggbbaa`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) colours: BTreeMap<String, String>,
}

/// `template.settings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the documentation's switches, each independent of the others"
)]
pub(crate) struct Switches {
    /// No badge of the shop.
    pub(crate) hide_logo: bool,
    /// No choice of language.
    pub(crate) hide_flags: bool,
    /// No word of who secures the page.
    pub(crate) hide_powered: bool,
    /// No list of what is bought.
    pub(crate) hide_cart: bool,
    /// No way back to the shop.
    pub(crate) hide_btn_cancel: bool,
    /// No marks of the card brands.
    pub(crate) hide_cc_logos: bool,
    /// No other methods than the one ordered.
    pub(crate) hide_btn_all_methods: bool,
}

impl Template {
    pub(super) fn read(options: &Fields<'_>) -> Result<Self, Error> {
        let template = options.object("template", MISSING_DATA)?;
        let settings = template.get("settings");
        let on = |key: &str| settings.and_then(|settings| settings.get(key)).is_some_and(is_on);
        Ok(Self {
            settings: Switches {
                hide_logo: on("hide_logo"),
                hide_flags: on("hide_flags"),
                hide_powered: on("hide_powered"),
                hide_cart: on("hide_cart"),
                hide_btn_cancel: on("hide_btn_cancel"),
                hide_cc_logos: on("hide_cc_logos"),
                hide_btn_all_methods: on("hide_btn_all_methods"),
            },
            colours: COLOURS
                .iter()
                .filter_map(|path| Some(((*path).to_owned(), colour(&template, path)?)))
                .collect(),
        })
    }
}

fn is_on(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value == 1 || matches!(value.as_str(), Some("1" | "true"))
}

/// The colour at `path`, written anew: no byte of the shop's text reaches a style sheet.
fn colour(template: &Fields<'_>, path: &str) -> Option<String> {
    let mut keys = path.split('.');
    let mut value = template.get(keys.next()?)?;
    for key in keys {
        value = value.get(key)?;
    }
    let text = value.as_str()?.trim();
    // The parser also takes hexadecimal digits without `#`, which browsers do not.
    if text.len() > COLOUR_MAX || text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(text.parse::<Color>().ok()?.to_css_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(template: &Value) -> Template {
        let options = json!({ "template": template });
        Template::read(&Fields::top(options.as_object().unwrap())).unwrap()
    }

    #[test]
    fn only_colours_become_colours() {
        for (sent, kept) in [
            ("#ED1C24", Some("#ed1c24")),
            ("#fff", Some("#ffffff")),
            ("#ffffff80", Some("#ffffff80")),
            ("red", Some("#ff0000")),
            (" RebeccaPurple ", Some("#663399")),
            ("rgb(1, 2, 3)", Some("#010203")),
            ("rgba(255,0,0,0.5)", Some("#ff000080")),
            ("hsl(120, 100%, 50%)", Some("#00ff00")),
            ("transparent", Some("#00000000")),
            ("", None),
            ("123456", None),
            ("fff", None),
            ("#12", None),
            ("#xyzxyz", None),
            ("none", None),
            ("url(https://evil.example/x)", None),
            ("expression(alert(1))", None),
            ("red;background:url(//evil.example)", None),
            ("red}body{display:none", None),
            ("</style><script>alert(1)</script>", None),
            ("var(--x)", None),
            ("\\72 ed", None),
            ("red/**/", None),
            ("javascript:alert(1)", None),
        ] {
            let read = read(&json!({"body": {"background": sent}}));
            assert_eq!(read.colours.get("body.background").map(String::as_str), kept, "{sent:?}");
        }
    }

    #[test]
    fn what_is_no_template_is_ignored() {
        let odd = json!({
            "version": "1.0", "settings": {"hide_logo": "yes", "hide_cart": 1, "hide_flags": "true", "x": true},
            "header": {"logo": {"image": "https://shop.example/logo.png"}, "background": ["red"], "text": 7},
            "body": "red", "buttons": {"primary": {"hover": {"text": "black"}}, "other": {"text": "red"}},
        });
        let read = read(&odd);
        assert_eq!(
            read.colours,
            BTreeMap::from([("buttons.primary.hover.text".to_owned(), "#000000".to_owned())])
        );
        let expected = Switches { hide_cart: true, hide_flags: true, ..Switches::default() };
        assert_eq!(read.settings, expected);
    }
}
