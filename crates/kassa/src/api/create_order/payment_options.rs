//! `payment_options`: where the shop is told, where its customer goes afterwards, and how the page looks.

use super::fields::Fields;
use super::template::Template;
use super::{Rules, decimal};
use crate::api::error::{Error, MISSING_DATA};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// The longest URL, in characters. The reference documents 150 for `notification_url`, but shops with longer
/// ones work against it.
pub(super) const URL_MAX: usize = 2_048;

/// The request's `payment_options`. URLs are kept as they were sent, but for blanks around them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PaymentOptions {
    /// Where to notify the shop; the site's own URL when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notification_url: Option<String>,
    /// How to notify the shop.
    pub(crate) notification_method: NotificationMethod,
    /// Where the customer goes after paying; our own page when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_url: Option<String>,
    /// Where the customer goes after giving up; our own page when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cancel_url: Option<String>,
    /// Whether the page runs in a window of its own, which it closes at the end.
    pub(crate) close_window: bool,
    /// How the page looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<Template>,
    /// The name of a saved template; there are none so far, and another name is no reason to refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template_id: Option<String>,
    /// Settings of payment methods: none of them is about cards. Kept as they were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<Value>,
}

/// The HTTP method of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum NotificationMethod {
    /// With the signed order as its body.
    #[default]
    Post,
    /// Without a body; the shop asks for the order.
    Get,
}

impl PaymentOptions {
    pub(super) fn read(options: &Fields<'_>, rules: &Rules<'_>) -> Result<Self, Error> {
        let is_sent = |key| Ok::<_, Error>(options.object(key, MISSING_DATA)?.is_sent());
        Ok(Self {
            notification_url: url(options, "notification_url", rules)?,
            notification_method: method(options)?,
            redirect_url: url(options, "redirect_url", rules)?,
            cancel_url: url(options, "cancel_url", rules)?,
            close_window: options.flag("close_window")?,
            settings: if is_sent("settings")? { options.get("settings").map(decimal::stable) } else { None },
            template: if is_sent("template")? { Some(Template::read(options)?) } else { None },
            template_id: options.text("template_id", MISSING_DATA)?.filter(|id| !id.is_empty()),
        })
    }
}

fn method(options: &Fields<'_>) -> Result<NotificationMethod, Error> {
    match options.filled("notification_method") {
        None => Ok(NotificationMethod::Post),
        Some(Value::String(method)) if method.eq_ignore_ascii_case("POST") => Ok(NotificationMethod::Post),
        Some(Value::String(method)) if method.eq_ignore_ascii_case("GET") => Ok(NotificationMethod::Get),
        Some(_) => Err(options.fault("notification_method", MISSING_DATA, "must be POST or GET")),
    }
}

/// The URL in `key`, when there is one.
pub(in crate::api) fn url(
    options: &Fields<'_>,
    key: &str,
    rules: &Rules<'_>,
) -> Result<Option<String>, Error> {
    let fault = |what| options.fault(key, MISSING_DATA, what);
    let text = match options.get(key) {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(fault("must be text")),
    };
    if text.chars().count() > URL_MAX {
        return Err(fault("must have at most 2048 characters"));
    }
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return Ok(None);
    }
    check_url(text, rules).map_err(fault)?;
    Ok(Some(text.to_owned()))
}

fn check_url(text: &str, rules: &Rules<'_>) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    // Asked of the text itself: the URL standard also reads `http:host` and drops an empty user name.
    let (scheme, rest) = text.split_once("://").ok_or("must be a full http or https URL")?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {}
        "http" if rules.live => return Err("must be https on a live site"),
        "http" => {}
        _ => return Err("must be a full http or https URL"),
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must not contain a user name or password");
    }
    if authority.is_empty() || Url::parse(text).is_err() {
        return Err("must have a valid host and port");
    }
    Ok(())
}
