//! What the customer typed, read and checked field by field.

use super::super::locale::Locale;
use super::super::view::CardForm;
use super::super::visit::Visit;
use crate::app::App;
use crate::cards_in_hand::Card;
use payments::card::{Brand, Expiry, Pan, PanFault};
use payments::time::Timestamp;
use zeroize::Zeroizing;

/// The longest name that is kept.
const HOLDER_MAX: usize = 100;

/// The form's fields as typed. Number and code are wiped when this is dropped.
pub(super) struct Typed {
    number: Zeroizing<String>,
    cvc: Zeroizing<String>,
    holder: String,
    expiry: String,
    /// The brand the customer agreed to pay with instead of the ordered one.
    pub(super) accept_brand: Option<Brand>,
    /// The page runs in a window that a script opened.
    pub(super) popup: bool,
}

/// What was wrong with each field.
#[derive(Debug, Default)]
pub(super) struct Faults {
    number: Option<NumberFault>,
    holder: bool,
    expiry: Option<ExpiryFault>,
    cvc: Option<CvcFault>,
}

#[derive(Clone, Copy, Debug)]
enum NumberFault {
    Missing,
    Incomplete,
    Invalid,
    Brand,
}

#[derive(Clone, Copy, Debug)]
enum ExpiryFault {
    Missing,
    Malformed,
    Past,
}

#[derive(Clone, Copy, Debug)]
enum CvcFault {
    Missing,
    Length,
}

impl Typed {
    /// Reads a submitted form; what is missing is empty.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut typed = Self {
            number: Zeroizing::default(),
            cvc: Zeroizing::default(),
            holder: String::new(),
            expiry: String::new(),
            accept_brand: None,
            popup: false,
        };
        for (name, value) in url::form_urlencoded::parse(body) {
            match name.as_ref() {
                "card_number" => typed.number = Zeroizing::new(value.into_owned()),
                "card_cvc" => typed.cvc = Zeroizing::new(value.trim().to_owned()),
                "card_holder" => typed.holder = value.split_whitespace().collect::<Vec<_>>().join(" "),
                "card_expiry" => typed.expiry = value.trim().to_owned(),
                "accept_brand" => typed.accept_brand = Brand::parse(&value),
                "popup" => typed.popup = value == "1",
                _ => {}
            }
        }
        typed
    }

    /// The card and its holder, or everything that is wrong.
    ///
    /// A brand that is still to be offered does not have to come with its code: the customer filled in a form
    /// for another brand.
    pub(super) fn check(&self, app: &App, visit: &Visit, brands: &[Brand]) -> Result<(Card, String), Faults> {
        let number = self.number(brands);
        let brand = number.as_ref().ok().and_then(Pan::brand);
        let expiry = self.expiry(this_month(app.now(), visit));
        let faults = Faults {
            number: number.as_ref().err().copied(),
            holder: !is_name(&self.holder),
            expiry: expiry.as_ref().err().copied(),
            cvc: self.cvc_fault(brand, brand.is_some_and(|brand| self.has_chosen(visit, brand))),
        };
        match (number, expiry) {
            (Ok(pan), Ok(expiry)) if !faults.holder && faults.cvc.is_none() => {
                let cvc = (!self.cvc.is_empty()).then(|| self.cvc.clone());
                Ok((Card { pan, expiry, cvc }, self.holder.clone()))
            }
            _ => Err(faults),
        }
    }

    /// The form again: what was typed, but never number and code, with what was wrong beside it.
    pub(super) fn form<'a>(&'a self, faults: &Faults, locale: &'a Locale) -> CardForm<'a> {
        let texts = &locale.texts.field;
        // Somebody who types the number into the wrong field shall not see it again either.
        let shown = |text: &'a str| if digits_in(text) < 12 { text } else { "" };
        CardForm {
            holder: shown(&self.holder),
            expiry: shown(&self.expiry),
            number_error: faults.number.map(|fault| match fault {
                NumberFault::Missing => texts.number_missing.as_str(),
                NumberFault::Incomplete => &texts.number_incomplete,
                NumberFault::Invalid => &texts.number_invalid,
                NumberFault::Brand => &texts.number_brand,
            }),
            holder_error: faults.holder.then_some(texts.holder_missing.as_str()),
            expiry_error: faults.expiry.map(|fault| match fault {
                ExpiryFault::Missing => texts.expiry_missing.as_str(),
                ExpiryFault::Malformed => &texts.expiry_malformed,
                ExpiryFault::Past => &texts.expiry_past,
            }),
            cvc_error: faults.cvc.map(|fault| match fault {
                CvcFault::Missing => texts.cvc_missing.as_str(),
                CvcFault::Length => &texts.cvc_length,
            }),
        }
    }

    fn number(&self, brands: &[Brand]) -> Result<Pan, NumberFault> {
        let pan = Pan::parse(&self.number).map_err(|fault| match fault {
            PanFault::Missing => NumberFault::Missing,
            PanFault::Malformed => NumberFault::Incomplete,
            PanFault::CheckDigit => NumberFault::Invalid,
        })?;
        let brand = pan.brand().filter(|brand| brands.contains(brand)).ok_or(NumberFault::Brand)?;
        if brand.fits_length(pan.digits().len()) { Ok(pan) } else { Err(NumberFault::Incomplete) }
    }

    fn expiry(&self, this_month: Expiry) -> Result<Expiry, ExpiryFault> {
        if self.expiry.is_empty() {
            return Err(ExpiryFault::Missing);
        }
        let expiry = Expiry::parse(&self.expiry).ok_or(ExpiryFault::Malformed)?;
        if expiry.is_before(this_month) { Err(ExpiryFault::Past) } else { Ok(expiry) }
    }

    /// Whether the customer knows that the payment will be made with this brand.
    pub(super) fn has_chosen(&self, visit: &Visit, brand: Brand) -> bool {
        visit.ordered().takes(brand) || self.accept_brand == Some(brand)
    }

    fn cvc_fault(&self, brand: Option<Brand>, chosen: bool) -> Option<CvcFault> {
        let digits = self.cvc.bytes().all(|byte| byte.is_ascii_digit());
        match brand {
            Some(brand) if self.cvc.is_empty() => {
                (chosen && brand.cvc_required()).then_some(CvcFault::Missing)
            }
            Some(brand) if digits && self.cvc.len() == brand.cvc_length() => None,
            None if self.cvc.is_empty() || (digits && matches!(self.cvc.len(), 3 | 4)) => None,
            Some(_) | None => Some(CvcFault::Length),
        }
    }
}

fn digits_in(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// A name has letters and is not a card number.
fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=HOLDER_MAX).contains(&length)
        && text.chars().any(char::is_alphabetic)
        && digits_in(text) < 12
        && !text.chars().any(char::is_control)
}

/// The month it is where the shop is.
fn this_month(now: Timestamp, visit: &Visit) -> Expiry {
    let zone = visit.site.zone().unwrap_or(jiff::tz::TimeZone::UTC);
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().to_zoned(zone);
    Expiry { year: now.year(), month: now.month() }
}
