//! Members of an order that the shop sends for its own sake: kept, and read by nobody so far.

use super::fields::Fields;
use crate::api::error::{self, Error, MISSING_DATA};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The members of `plugin` that are kept.
pub(super) const PLUGIN: [&str; 6] =
    ["shop", "shop_version", "plugin_version", "partner", "shop_root_url", "sdk_version"];
/// The longest HTML of `items`, in bytes.
pub(super) const ITEMS_MAX: usize = 16 * 1024;

/// What shop software placed the order, and where it counts its visitors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Extras {
    /// `second_chance`: whether a reminder may be mailed. No mail is sent so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) second_chance: Option<bool>,
    /// `plugin`: the shop's software and its versions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) plugin: BTreeMap<String, String>,
    /// `google_analytics`: the shop's account there. Nothing of it is loaded by our pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) google_analytics: Option<String>,
}

impl Extras {
    /// Whether the shop sent nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(order: &Fields<'_>) -> Result<Self, Error> {
        let chance = order.object("second_chance", MISSING_DATA)?;
        // Clients send the first spelling, the schema has the second.
        let spelling = ["send_email", "send_mail"].into_iter().find(|key| chance.filled(key).is_some());
        Ok(Self {
            second_chance: spelling.map(|key| chance.flag(key)).transpose()?,
            plugin: PLUGIN
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), loose(order, "plugin", key)?)))
                .collect(),
            google_analytics: loose(order, "google_analytics", "account")
                .or_else(|| loose(order, "google_analytics", "account_id")),
        })
    }
}

/// A text that nothing depends on: of another type it is not worth refusing an order.
fn loose(order: &Fields<'_>, object: &'static str, key: &str) -> Option<String> {
    order.object(object, MISSING_DATA).ok()?.text(key, MISSING_DATA).ok()?.filter(|text| !text.is_empty())
}

/// `items`: HTML that the page shows instead of a cart, kept as it was sent and cleaned when it is shown.
pub(super) fn items(order: &Fields<'_>) -> Result<Option<String>, Error> {
    let fault = |what: &str| Err(order.fault("items", MISSING_DATA, what));
    match order.filled("items") {
        None => Ok(None),
        Some(Value::Array(list)) if list.is_empty() => Ok(None),
        Some(Value::String(html)) if html.len() > ITEMS_MAX => {
            fault(&format!("must have at most {ITEMS_MAX} bytes"))
        }
        Some(Value::String(html)) => Ok(Some(html.clone())),
        Some(_) => fault("must be text: HTML. A list of items belongs in shopping_cart.items"),
    }
}

/// `affiliate`: understood, to say clearly that the money will not be split.
pub(super) fn refuse_splits(order: &Fields<'_>) -> Result<(), Error> {
    let affiliate = order.object("affiliate", MISSING_DATA)?;
    let splits = affiliate.objects("split_payments", MISSING_DATA)?;
    for split in &splits {
        if split.text("merchant", MISSING_DATA)?.is_none_or(|merchant| merchant.is_empty()) {
            return Err(split.fault("merchant", MISSING_DATA, "is missing"));
        }
        split.count("fixed", 1, i64::MAX)?;
        let percentage = split.filled("percentage").map(super::decimal::read);
        if percentage.is_some_and(|read| read.is_none_or(|share| share.is_sign_negative())) {
            return Err(split.fault("percentage", MISSING_DATA, "must be a number such as 12.5"));
        }
        split.text("description", MISSING_DATA)?;
    }
    if splits.is_empty() {
        return Ok(());
    }
    Err(affiliate.fault("split_payments", error::NOT_OFFERED, "split payments are not offered"))
}
