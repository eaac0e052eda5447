//! How an order is paid: when the money is collected, whether the card is kept, and where the card comes from.

use super::fields::Fields;
use super::{Kind, Rules};
use crate::api::error::{self, Error};
use crate::submit::Authenticate;
use payments::card::{Brand, Expiry, Gateway, Pan};
use payments::ids::TokenId;
use payments::money::Amount;
use payments::token::{Model, Recurring};
use payments::transaction::Capturing;
use serde_json::Value;
use zeroize::Zeroizing;

/// The longest name of a card's holder.
pub(super) const HOLDER_MAX: usize = 100;

/// Where the card of an order comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// The customer types it on our page.
    Page,
    /// The shop sends it.
    Card(Box<SentCard>),
    /// It was kept before.
    Token(TokenId),
}

/// A card that a shop sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SentCard {
    pub(crate) pan: Pan,
    pub(crate) brand: Brand,
    pub(crate) expiry: Expiry,
    /// The code on the card.
    pub(crate) cvc: Option<Zeroizing<String>>,
    pub(crate) holder: String,
    pub(crate) authenticate: Authenticate,
}

impl std::fmt::Debug for SentCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentCard").field("pan", &self.pan).finish_non_exhaustive()
    }
}

pub(super) fn capturing(order: &Fields<'_>, gateway: Option<Gateway>) -> Result<Capturing, Error> {
    match order.filled("capture") {
        None => Ok(Capturing::Immediate),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("manual") => {
            if gateway == Some(Gateway::Brand(Brand::Amex)) {
                return Err(order.fault("capture", error::NOT_OFFERED, "manual is not offered with AMEX"));
            }
            Ok(Capturing::Manual)
        }
        Some(_) => Err(order.fault("capture", error::MISSING_DATA, "must be manual or absent")),
    }
}

/// What the card is kept for. A card that is only checked, for a customer with a reference, is kept as well: that
/// is what it is checked for.
pub(super) fn recurring(
    order: &Fields<'_>,
    amount: Amount,
    reference: Option<&str>,
) -> Result<Option<Recurring>, Error> {
    let newer = order.object("recurring", error::MISSING_DATA)?;
    let (at, key) = if order.filled("recurring_model").is_some() {
        (order, "recurring_model")
    } else {
        (&newer, "model")
    };
    let reference = reference.filter(|reference| !reference.trim().is_empty());
    let model = match at.filled(key) {
        None if amount.is_zero() && reference.is_some() => Some(Model::CardOnFile),
        None => None,
        Some(Value::String(word)) => Some(Model::parse(word).ok_or_else(|| {
            at.fault(key, error::MISSING_DATA, "must be cardOnFile, subscription or unscheduled")
        })?),
        Some(_) => return Err(at.fault(key, error::MISSING_DATA, "must be text")),
    };
    match (model, reference) {
        (None, _) => Ok(None),
        (Some(model), Some(reference)) => Ok(Some(Recurring { model, reference: reference.to_owned() })),
        (Some(_), None) => {
            let what = "is missing: a kept card belongs to a customer";
            Err(Error::invalid(error::MISSING_DATA, "customer.reference", what))
        }
    }
}

pub(super) fn means(
    order: &Fields<'_>,
    kind: Kind,
    gateway: Option<Gateway>,
    rules: &Rules<'_>,
) -> Result<Means, Error> {
    let newer = order.object("recurring", error::MISSING_DATA)?;
    let info = order.object("gateway_info", error::MISSING_DATA)?;
    let (at, key) =
        if order.filled("recurring_id").is_some() { (order, "recurring_id") } else { (&newer, "id") };
    let token = at.text(key, error::MISSING_DATA)?.filter(|token| !token.is_empty());
    match (kind, token) {
        (Kind::Redirect, None) => Ok(Means::Page),
        (Kind::Redirect, Some(_)) => {
            Err(at.fault(key, error::MISSING_DATA, "is paid with type direct, without the customer"))
        }
        // What is no token is one that nobody knows.
        (Kind::Direct, Some(token)) => {
            TokenId::parse(&token).map(Means::Token).ok_or_else(Error::unknown_token)
        }
        (Kind::Direct, None) if !rules.may_send_cards => {
            let what = "direct needs a token: this site may not send card data";
            Err(order.fault("type", error::NOT_OFFERED, what))
        }
        (Kind::Direct, None) => sent_card(&info, gateway, rules).map(|card| Means::Card(Box::new(card))),
    }
}

fn sent_card(info: &Fields<'_>, gateway: Option<Gateway>, rules: &Rules<'_>) -> Result<SentCard, Error> {
    let (pan, brand) = number(info, gateway, rules)?;
    let text = info.text("card_expiry_date", error::MISSING_DATA)?.unwrap_or_default();
    let expiry = Expiry::parse_yymm(text.trim()).ok_or_else(|| {
        info.fault("card_expiry_date", error::MISSING_DATA, "must be the card's year and month, YYMM")
    })?;
    let key = if info.filled("card_cvc").is_some() { "card_cvc" } else { "cvc" };
    let cvc = info.text(key, error::MISSING_DATA)?.filter(|cvc| !cvc.is_empty()).map(Zeroizing::new);
    let is_moto = info.flag("moto")?;
    let fits = |cvc: &Zeroizing<String>| {
        cvc.len() == brand.cvc_length() && cvc.bytes().all(|byte| byte.is_ascii_digit())
    };
    match &cvc {
        Some(cvc) if !fits(cvc) => {
            let what = format!("must be the {} digits on the card", brand.cvc_length());
            return Err(info.fault("card_cvc", error::MISSING_DATA, &what));
        }
        None if brand.cvc_required() && !is_moto => {
            return Err(info.fault("card_cvc", error::MISSING_DATA, "is missing"));
        }
        Some(_) | None => {}
    }
    let holder = info.text_within("card_holder_name", error::MISSING_DATA, HOLDER_MAX)?.unwrap_or_default();
    let holder = holder.split_whitespace().collect::<Vec<_>>().join(" ");
    // The same rule as on the page: a number in the name's place must not be kept.
    if holder.is_empty() || holder.chars().filter(char::is_ascii_digit).count() >= 12 {
        return Err(info.fault("card_holder_name", error::MISSING_DATA, "must be the name on the card"));
    }
    let authenticate = authenticate(info, brand, is_moto)?;
    Ok(SentCard { pan, brand, expiry, cvc, holder, authenticate })
}

/// The number, and what it is paid with: of a card with several brands what the gateway says, else the first one that
/// the site has.
fn number(info: &Fields<'_>, gateway: Option<Gateway>, rules: &Rules<'_>) -> Result<(Pan, Brand), Error> {
    let fault = |what: &str| info.fault("card_number", error::MISSING_DATA, what);
    let text = Zeroizing::new(info.text("card_number", error::MISSING_DATA)?.unwrap_or_default());
    if text.trim().is_empty() {
        return Err(fault("is missing"));
    }
    let pan = Pan::parse(&text).map_err(|_| fault("must be a card number of 12 to 19 digits"))?;
    let unknown = || fault("is of no card that is taken here");
    let range = rules.ranges.of(&pan).ok_or_else(unknown)?;
    let Some(usual) = range.brands.first() else { return Err(unknown()) };
    if !range.lengths.contains(pan.digits().len()) {
        return Err(fault("must have as many digits as this kind of card has"));
    }
    let ordered = gateway.unwrap_or(Gateway::AnyCard);
    let mut fitting = range.brands.iter().filter(|brand| ordered.takes(**brand));
    let has = |brand: &&Brand| rules.gateways.contains(&Gateway::Brand(**brand));
    let brand = match ordered {
        Gateway::AnyCard => Some(fitting.find(has).unwrap_or(usual)),
        Gateway::Brand(_) => fitting.next(),
    };
    let brand = brand.ok_or_else(|| fault("is of another card than the gateway"))?;
    Ok((pan, *brand))
}

/// Whether the customer is authenticated: always with Maestro; otherwise not when the order came by mail or phone, and
/// only if the issuer wants it when the shop says so.
fn authenticate(info: &Fields<'_>, brand: Brand, is_moto: bool) -> Result<Authenticate, Error> {
    let flexible = info.filled("flexible_3d").map(|_| info.flag("flexible_3d")).transpose()?;
    if brand == Brand::Maestro {
        if is_moto {
            let what = "is not offered with Maestro, whose cards are always authenticated";
            return Err(info.fault("moto", error::NOT_OFFERED, what));
        }
        return Ok(Authenticate::First);
    }
    Ok(match (is_moto, flexible) {
        (true, _) => Authenticate::Never,
        (false, Some(false)) => Authenticate::WhenWanted,
        (false, Some(true) | None) => Authenticate::First,
    })
}
