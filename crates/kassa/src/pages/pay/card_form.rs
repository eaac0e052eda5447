//! What the customer typed, read and checked field by field.

use super::super::locale::Locale;
use super::super::view::CardForm;
use super::super::visit::Visit;
use super::mark;
use crate::app::App;
use crate::cards_in_hand::Card;
use payments::card::{Brand, Expiry, Gateway, Pan, PanFault};
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
    /// The brand the customer chose, or agreed to pay with instead of the ordered one.
    pub(super) accept_brand: Option<Brand>,
    /// The page runs in a window that a script opened.
    pub(super) popup: bool,
    /// What our script reports of the browser.
    pub(super) browser: String,
}

/// A form without a mistake.
pub(super) struct Checked {
    pub(super) card: Card,
    pub(super) holder: String,
    pub(super) choice: Choice,
}

/// What a card can be paid with here.
pub(super) struct Choice {
    /// The brands of the card that pay this order. There is one at least, and the first is what it is paid with unless
    /// the customer wants otherwise.
    pub(super) brands: Vec<Brand>,
    /// What the customer wants: there is nothing else, or they said so.
    pub(super) made: Option<Brand>,
}

impl Choice {
    /// The only brand, if it is not what was ordered.
    pub(super) fn offer(&self, ordered: Gateway) -> Option<Brand> {
        let [brand] = self.brands[..] else { return None };
        (!ordered.takes(brand)).then_some(brand)
    }
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
    /// Nothing that is taken anywhere.
    Unknown,
    /// A brand that this order cannot be paid with.
    Brand(Brand),
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
            browser: String::new(),
        };
        for (name, value) in url::form_urlencoded::parse(body) {
            match name.as_ref() {
                "card_number" => typed.number = Zeroizing::new(value.into_owned()),
                "card_cvc" => typed.cvc = Zeroizing::new(value.trim().to_owned()),
                "card_holder" => typed.holder = value.split_whitespace().collect::<Vec<_>>().join(" "),
                "card_expiry" => typed.expiry = value.trim().to_owned(),
                "accept_brand" => typed.accept_brand = Brand::parse(&value),
                "browser" => typed.browser = value.into_owned(),
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
    pub(super) fn check(&self, app: &App, visit: &Visit) -> Result<Checked, Faults> {
        let number = self.number(app, visit);
        let choice = number.as_ref().ok().map(|(_, choice)| choice);
        let brand = choice.and_then(|choice| choice.made.or(choice.brands.first().copied()));
        let expiry = self.expiry(this_month(app.now(), visit));
        let faults = Faults {
            number: number.as_ref().err().copied(),
            holder: !is_name(&self.holder),
            expiry: expiry.as_ref().err().copied(),
            cvc: self.cvc_fault(brand, choice.is_some_and(|choice| choice.made.is_some())),
        };
        match (number, expiry) {
            (Ok((pan, choice)), Ok(expiry)) if !faults.holder && faults.cvc.is_none() => {
                let cvc = (!self.cvc.is_empty()).then(|| self.cvc.clone());
                Ok(Checked { card: Card { pan, expiry, cvc }, holder: self.holder.clone(), choice })
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
                NumberFault::Unknown => &texts.number_unknown,
                NumberFault::Brand(_) => &texts.number_brand,
            }),
            number_brand: match faults.number {
                Some(NumberFault::Brand(brand)) => Some(mark(brand)),
                Some(_) | None => None,
            },
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

    fn number(&self, app: &App, visit: &Visit) -> Result<(Pan, Choice), NumberFault> {
        let pan = Pan::parse(&self.number).map_err(|fault| match fault {
            PanFault::Missing => NumberFault::Missing,
            PanFault::Malformed => NumberFault::Incomplete,
            PanFault::CheckDigit => NumberFault::Invalid,
        })?;
        let range = app.settings.ranges.of(&pan).ok_or(NumberFault::Unknown)?;
        let usual = range.brands.first().ok_or(NumberFault::Unknown)?;
        let choice = self.choice(visit, &range.brands).ok_or(NumberFault::Brand(*usual))?;
        let is_long_enough = range.lengths.contains(pan.digits().len());
        if is_long_enough { Ok((pan, choice)) } else { Err(NumberFault::Incomplete) }
    }

    /// What a card of these brands can be paid with; `None` if nothing.
    pub(super) fn choice(&self, visit: &Visit, of_card: &[Brand]) -> Option<Choice> {
        let pays = visit.brands();
        let mut brands: Vec<Brand> = of_card.iter().copied().filter(|brand| pays.contains(brand)).collect();
        // What was ordered first, where it can be had.
        brands.sort_by_key(|brand| !visit.ordered().takes(*brand));
        let only = if let [brand] = brands[..] { Some(brand) } else { None };
        let said = self.accept_brand.filter(|brand| brands.contains(brand));
        let made = said.or(only.filter(|brand| visit.ordered().takes(*brand)));
        (!brands.is_empty()).then_some(Choice { brands, made })
    }

    /// What the form shows again: the choice, where the number was typed well enough to know it, or what was agreed to.
    pub(super) fn choice_again(&self, app: &App, visit: &Visit) -> Option<Choice> {
        match self.number(app, visit) {
            Ok((_, choice)) => Some(choice),
            Err(_) => self.choice(visit, self.accept_brand.as_slice()),
        }
    }

    fn expiry(&self, this_month: Expiry) -> Result<Expiry, ExpiryFault> {
        if self.expiry.is_empty() {
            return Err(ExpiryFault::Missing);
        }
        let expiry = Expiry::parse(&self.expiry).ok_or(ExpiryFault::Malformed)?;
        if expiry.is_before(this_month) { Err(ExpiryFault::Past) } else { Ok(expiry) }
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
