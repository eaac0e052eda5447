//! What narrows the list. A value that means nothing is refused by its parameter's name, for a list that is silently
//! longer than it was asked for is worse than none; unknown parameters are ignored and `""` is as if it were not there.

use super::view::Entry;
use crate::api::error::{Error, MISSING_DATA};
use crate::api::operation::{Parameter, Place};
use crate::api::schema;
use crate::store::db::ReadError;
use crate::store::list::{Key, Lane};
use crate::store::{Site, Store};
use axum::http::Uri;
use jiff::civil;
use jiff::tz::TimeZone;
use payments::card::{Brand, Gateway};
use payments::ids::SiteId;
use payments::money::Currency;
use payments::time::Timestamp;
use serde_json::json;

/// From a moment on, until just before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Span {
    const EVER: Self = Self { from: Timestamp(i64::MIN), until: Timestamp(i64::MAX) };

    fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// What an entry has to be.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// Stored words of kinds.
    kinds: Vec<&'static str>,
    currency: Option<Currency>,
    status: Option<String>,
    financial: Option<String>,
    brands: Option<Vec<Brand>>,
    created: Span,
    /// `None`: it need not be completed.
    completed: Option<Span>,
}

const PAYMENT: &str = "payment";
/// Kind and `debit_credit` of what the list has.
const KINDS: [(&str, &str); 4] =
    [(PAYMENT, "C"), ("refund", "D"), ("chargeback", "D"), ("reverse_chargeback", "C")];
/// What the reference knows besides, and card payments never are.
const OTHER_KINDS: [&str; 12] = [
    "admin_fee",
    "affiliate_payout",
    "automatic_payout",
    "coupon",
    "currency_conversion",
    "deposit",
    "fastcheckout",
    "internal",
    "merchant_settlement",
    "monthly_fee",
    "signup_fee",
    "withdrawal",
];

/// The words of `status`, of payments and of what happened to their money.
pub(super) const ORDER_WORDS: [&str; 12] = [
    "cancelled",
    "chargedback",
    "completed",
    "declined",
    "expired",
    "initialized",
    "partial_refunded",
    "refunded",
    "reserved",
    "shipped",
    "uncleared",
    "void",
];
const FINANCIAL_WORDS: [&str; 13] = [
    "cancelled",
    "completed",
    "created",
    "declined",
    "error",
    "expired",
    "initialized",
    "manual",
    "new",
    "refunded",
    "reserved",
    "uncleared",
    "void",
];

/// What became of a payment since, in its order's word, where a refund or chargeback was opened.
const GIVEN_BACK: [&str; 3] = ["chargedback", "refunded", "partial_refunded"];

/// The stored states of payments in the order of an attempt's life, with every `status` and `financial_status` that
/// a payment in this state can have. [`GIVEN_BACK`] and `shipped` can come to the paid ones.
const STATES: [(&str, &[&str], &[&str]); 11] = [
    ("authenticating", &["initialized"], &["initialized"]),
    ("authorising", &["initialized"], &["initialized"]),
    ("unknown", &["initialized"], &["initialized"]),
    ("reversing", &["initialized"], &["initialized"]),
    ("uncleared", &["uncleared", "shipped"], &["uncleared", "initialized"]),
    ("authorised", &["completed", "shipped"], &["initialized"]),
    ("completed", &["completed", "shipped"], &["completed", "initialized"]),
    ("declined", &["declined", "void"], &["declined", "cancelled"]),
    ("expired", &["expired", "void"], &["expired", "cancelled"]),
    ("void", &["void"], &["void", "cancelled"]),
    ("cancelled", &["void", "initialized"], &["cancelled", "initialized"]),
];

/// The same of movements: kind, stored state, and the word that is both.
const MOVEMENTS: [(&str, &str, &str); 13] = [
    ("refund", "reserved", "reserved"),
    ("refund", "sending", "reserved"),
    ("refund", "unknown", "reserved"),
    ("refund", "completed", "completed"),
    ("refund", "declined", "declined"),
    ("refund", "void", "void"),
    ("chargeback", "new", "reserved"),
    ("chargeback", "submitted", "reserved"),
    ("chargeback", "ready", "reserved"),
    ("chargeback", "accepted", "completed"),
    ("chargeback", "lost", "completed"),
    ("chargeback", "won", "completed"),
    ("reverse_chargeback", "", "completed"),
];

/// The parameters that narrow the list, for the document.
pub(super) fn parameters() -> Vec<Parameter> {
    let query =
        |name, about, example, schema| Parameter { place: Place::Query, name, about, example, schema };
    const ZONE: &str =
        "A date or a date and time in the site's zone, the same with a zone of its own, or Unix seconds.";
    vec![
        query("type", "Only entries of this type.", "payment", || {
            schema::word(KINDS.iter().map(|(kind, _)| *kind).chain(OTHER_KINDS).chain(["reserve_chargeback"]))
        }),
        query("debit_credit", "`C` for what came in, `D` for what was given back.", "C", || {
            schema::word(["C", "D"])
        }),
        query("currency", "Only this currency.", "EUR", schema::currency_in_query),
        query("status", "Only this `status`.", "completed", || {
            schema::word(ORDER_WORDS.into_iter().chain(["chargeback"]))
        }),
        query("financial_status", "Only this `financial_status`.", "completed", || {
            schema::word(FINANCIAL_WORDS)
        }),
        query(
            "payment_method",
            "Only these payment methods, with commas between them.",
            "MAESTRO,VISA",
            || json!({ "type": "string", "pattern": "^(?:[A-Za-z0-9_]+(?: *, *[A-Za-z0-9_]+)*)?$" }),
        ),
        query("created_from", ZONE, "2026-01-01", schema::moment),
        query(
            "created_until",
            "The same; what was created then is no more in the list.",
            "2036-01-01",
            schema::moment,
        ),
        query("completed_from", "The same of when it was completed.", "2026-01-01", schema::moment),
        query("completed_until", "The same.", "2036-01-01", schema::moment),
        query(
            "site_id",
            "Of another site than the key's there is nothing.",
            "1",
            || json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        ),
    ]
}

/// The word of a movement as it is stored.
fn movement_word(kind: &str, state: &str) -> &'static str {
    let found = MOVEMENTS.iter().find(|(of, is, _)| *of == kind && *is == state);
    found.map_or("", |(_, _, word)| word)
}

fn is_among(wanted: Option<&str>, words: &[&str]) -> bool {
    wanted.is_none_or(|wanted| words.contains(&wanted))
}

impl Filter {
    /// What the query asks for of the caller's site.
    pub(super) fn read(uri: &Uri, site: &Site, zone: &TimeZone) -> Result<Self, Error> {
        let moment = |name| moment(uri, name, zone);
        let created = Span {
            from: moment("created_from")?.unwrap_or(Span::EVER.from),
            until: moment("created_until")?.unwrap_or(Span::EVER.until),
        };
        let completed = match (moment("completed_from")?, moment("completed_until")?) {
            (None, None) => None,
            (from, until) => {
                Some(Span { from: from.unwrap_or(Span::EVER.from), until: until.unwrap_or(Span::EVER.until) })
            }
        };
        let filter = Self {
            kinds: kinds(uri)?,
            currency: currency(uri)?,
            status: word(uri, "status", &ORDER_WORDS)?,
            financial: word(uri, "financial_status", &FINANCIAL_WORDS)?,
            brands: brands(uri)?,
            created,
            completed,
        };
        let asked = first(uri, "site_id").map(|text| {
            text.parse().map(SiteId).map_err(|_| Error::invalid(MISSING_DATA, "site_id", "must be a number"))
        });
        // A key sees its own site only.
        let other = asked.transpose()?.is_some_and(|asked| asked != site.id);
        Ok(if other { Self { kinds: Vec::new(), ..filter } } else { filter })
    }

    /// The parts of the list that have everything which fits, in the order in which they have to be read.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        if self.brands.as_ref().is_some_and(Vec::is_empty) {
            // Nothing here was paid with anything but a card.
            return lanes;
        }
        for kind in &self.kinds {
            match self.currency {
                _ if *kind == PAYMENT => lanes.extend(self.payment_lanes()),
                _ if !MOVEMENTS.iter().any(|(of, _, word)| of == kind && self.has_word(word)) => {}
                Some(currency) => lanes.push(Lane::MovementsIn(kind, currency)),
                None => lanes.push(Lane::Movements(kind)),
            }
        }
        lanes
    }

    fn payment_lanes(&self) -> Vec<Lane> {
        if self.status.as_deref().is_some_and(|word| GIVEN_BACK.contains(&word)) {
            return vec![Lane::GivenBack];
        }
        if self.status.is_some() || self.financial.is_some() {
            let states = STATES.iter().filter(|(_, order, financial)| {
                is_among(self.status.as_deref(), order) && is_among(self.financial.as_deref(), financial)
            });
            return states.map(|(state, ..)| Lane::PaymentsAs(state)).collect();
        }
        vec![self.currency.map_or(Lane::Payments, Lane::PaymentsIn)]
    }

    /// Whether something whose two words are `word` is wanted.
    fn has_word(&self, word: &str) -> bool {
        is_among(self.status.as_deref(), &[word]) && is_among(self.financial.as_deref(), &[word])
    }

    /// When an entry of a lane can have been created: nothing is completed before it is created, and the oldest payment
    /// that was completed in time says where to stop looking.
    pub(super) async fn created(&self, lane: Lane, store: &Store, site: SiteId) -> Result<Span, ReadError> {
        let Some(completed) = self.completed else {
            return Ok(self.created);
        };
        let until = self.created.until.min(completed.until);
        let mut from = self.created.from;
        if lane.has_payments() && completed.from > Span::EVER.from {
            let oldest = store.oldest_completed(site, completed.from, completed.until).await?;
            from = from.max(oldest.unwrap_or(until));
        }
        Ok(Span { from, until })
    }

    /// Whether the order of this key has to be loaded: what its row says does not speak against it.
    pub(super) fn may_take(&self, key: &Key) -> bool {
        let in_time = || self.completed.is_none_or(|span| key.completed_at.is_some_and(|at| span.has(at)));
        self.currency.is_none_or(|currency| currency == key.currency)
            && self.brands.as_ref().is_none_or(|brands| brands.contains(&key.brand))
            && (self.status.as_deref() != Some("shipped") || key.is_shipped)
            && (key.kind == PAYMENT || self.has_word(movement_word(&key.kind, &key.state)))
            && in_time()
    }

    /// Whether the entry fits.
    pub(super) fn takes(&self, entry: &Entry<'_>) -> bool {
        let status = entry.status();
        self.status.as_deref().is_none_or(|wanted| wanted == status.order)
            && self.financial.as_deref().is_none_or(|wanted| Some(wanted) == status.financial)
            && self.completed.is_none_or(|completed| entry.completed_at().is_some_and(|at| completed.has(at)))
    }
}

/// The values of a parameter that are not empty.
fn all(uri: &Uri, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let query = uri.query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let values = pairs.filter(|(key, _)| is_wanted(key)).map(|(_, value)| value.trim().to_owned());
    values.filter(|value| !value.is_empty()).collect()
}

/// The first value of a parameter that is not empty.
pub(in crate::api) fn first(uri: &Uri, name: &str) -> Option<String> {
    all(uri, |key| key == name).into_iter().next()
}

fn word(uri: &Uri, name: &str, known: &[&str]) -> Result<Option<String>, Error> {
    let Some(word) = first(uri, name).map(|word| word.to_ascii_lowercase()) else {
        return Ok(None);
    };
    match word.as_str() {
        // The reference spells the filter like this, and what it filters by as we do.
        "chargeback" if known.contains(&"chargedback") => Ok(Some("chargedback".to_owned())),
        known_word if known.contains(&known_word) => Ok(Some(word)),
        _ => Err(Error::invalid(MISSING_DATA, name, &format!("must be one of {}", known.join(", ")))),
    }
}

fn kinds(uri: &Uri) -> Result<Vec<&'static str>, Error> {
    let side = first(uri, "debit_credit").map(|side| side.to_ascii_uppercase());
    if side.as_deref().is_some_and(|side| !matches!(side, "C" | "D")) {
        return Err(Error::invalid(MISSING_DATA, "debit_credit", "must be C or D"));
    }
    let kind = first(uri, "type").map(|kind| kind.to_ascii_lowercase());
    let kind = match kind.as_deref() {
        // The reference's own slip.
        Some("reserve_chargeback") => Some("reverse_chargeback"),
        kind => kind,
    };
    let is_known = |kind: &str| OTHER_KINDS.contains(&kind) || KINDS.iter().any(|(known, _)| *known == kind);
    if kind.is_some_and(|kind| !is_known(kind)) {
        return Err(Error::invalid(MISSING_DATA, "type", "must be a type of transaction, such as payment"));
    }
    let wanted = KINDS.into_iter().filter(|(known, known_side)| {
        kind.is_none_or(|kind| kind == *known) && side.as_deref().is_none_or(|side| side == *known_side)
    });
    Ok(wanted.map(|(known, _)| known).collect())
}

fn currency(uri: &Uri) -> Result<Option<Currency>, Error> {
    let what = "must be the code of a currency that is collected, such as EUR";
    let found = first(uri, "currency").map(|code| {
        Currency::parse(&code.to_ascii_uppercase())
            .ok_or_else(|| Error::invalid(MISSING_DATA, "currency", what))
    });
    found.transpose()
}

/// Names separated by commas, or the parameter again and again, with or without PHP's brackets. A name of something
/// else than a card finds nothing.
fn brands(uri: &Uri) -> Result<Option<Vec<Brand>>, Error> {
    let values = all(uri, |key| key == "payment_method" || key.starts_with("payment_method["));
    if values.is_empty() {
        return Ok(None);
    }
    let mut brands = Vec::new();
    for name in values.iter().flat_map(|value| value.split(',')).map(str::trim) {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match Gateway::parse(name) {
            Some(Gateway::AnyCard) => brands.extend(Brand::ALL),
            Some(Gateway::Brand(brand)) => brands.push(brand),
            None if is_name && !name.is_empty() => {}
            None => {
                let what = "must be payment methods, such as MAESTRO,VISA";
                return Err(Error::invalid(MISSING_DATA, "payment_method", what));
            }
        }
    }
    Ok(Some(brands))
}

/// A date or a date and time in the zone of the site, the same with a zone of its own, or Unix seconds.
fn moment(uri: &Uri, name: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Error> {
    let Some(text) = first(uri, name) else { return Ok(None) };
    let what = "must be a date, a date and time, or Unix seconds";
    parse_moment(&text, zone).map(Some).ok_or_else(|| Error::invalid(MISSING_DATA, name, what))
}

fn parse_moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let at = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        jiff::Timestamp::from_second(text.parse().ok()?).ok()?
    } else if let Ok(at) = text.parse::<jiff::Timestamp>() {
        at
    } else {
        let at: civil::DateTime = text.parse().ok()?;
        zone.to_timestamp(at).ok()?
    };
    Some(Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests;
