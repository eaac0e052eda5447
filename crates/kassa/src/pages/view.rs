//! The pages as data: one struct per page, rendered by the template of the same name.
//!
//! A handler decides what happened, fills in a struct and calls `render()`. The templates escape every value.
//! There is no place in these structs for a card number or a security code, so no page can echo one.

use crate::api::create_order::template::Switches;
use askama::Template;

use super::assets;
use super::cart::Bought;
use super::locale::{HeadedText, Locale, Texts};

/// What is being paid, to whom: shown beside the form and on most other pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary<'a> {
    /// The shop's name.
    pub(crate) shop: &'a str,
    /// What is being bought: plain text from the merchant.
    pub(crate) description: &'a str,
    /// The amount as [`Locale::amount`] writes it.
    pub(crate) amount: &'a str,
}

impl Summary<'_> {
    /// Whether the amount is too long for the size that amounts usually have.
    fn is_long(&self) -> bool {
        self.amount.chars().count() > 11
    }

    /// The shop's first letter, for the badge beside its name.
    fn initial(&self) -> String {
        let letter = self.shop.chars().find(|character| character.is_alphanumeric());
        letter.map(|letter| letter.to_uppercase().collect()).unwrap_or_default()
    }
}

/// A card brand, as a mark and as the word `accept_brand` carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brand {
    /// Maestro.
    Maestro,
    /// Mastercard.
    Mastercard,
    /// Visa.
    Visa,
    /// American Express.
    Amex,
}

impl Brand {
    const ALL: [Brand; 4] = [Brand::Maestro, Brand::Mastercard, Brand::Visa, Brand::Amex];

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Brand::Maestro => "Maestro",
            Brand::Mastercard => "Mastercard",
            Brand::Visa => "Visa",
            Brand::Amex => "American Express",
        }
    }

    /// The gateway id, sent by the form as `accept_brand`.
    pub(crate) fn gateway(self) -> &'static str {
        match self {
            Brand::Maestro => "MAESTRO",
            Brand::Mastercard => "MASTERCARD",
            Brand::Visa => "VISA",
            Brand::Amex => "AMEX",
        }
    }

    /// What the script calls it.
    fn key(self) -> &'static str {
        match self {
            Brand::Maestro => "maestro",
            Brand::Mastercard => "mastercard",
            Brand::Visa => "visa",
            Brand::Amex => "amex",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Brand::Maestro => assets::path("maestro.svg"),
            Brand::Mastercard => assets::path("mastercard.svg"),
            Brand::Visa => assets::path("visa.svg"),
            Brand::Amex => assets::path("amex.svg"),
        }
    }
}

/// A brand that cards with several can be paid with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrandOption {
    /// The brand.
    pub(crate) brand: Brand,
    /// Whether it is one of those to choose from right now.
    pub(crate) offered: bool,
    /// Whether it is the chosen one.
    pub(crate) checked: bool,
}

/// What was typed into the card form and what is wrong with it, to show it again. Empty for a first visit.
///
/// The errors are texts from [`super::locale::FieldTexts`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CardForm<'a> {
    /// The name as typed.
    pub(crate) holder: &'a str,
    /// The expiry date as typed.
    pub(crate) expiry: &'a str,
    /// What is wrong with the card number.
    pub(crate) number_error: Option<&'a str>,
    /// The brand that this error names.
    pub(crate) number_brand: Option<Brand>,
    /// What is wrong with the name.
    pub(crate) holder_error: Option<&'a str>,
    /// What is wrong with the expiry date.
    pub(crate) expiry_error: Option<&'a str>,
    /// What is wrong with the security code.
    pub(crate) cvc_error: Option<&'a str>,
}

/// A field of the card form that can be wrong; the first wrong one gets the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Number,
    Holder,
    Expiry,
    Cvc,
}

impl CardForm<'_> {
    fn first_wrong(&self) -> Option<Field> {
        let errors = [
            (self.number_error, Field::Number),
            (self.holder_error, Field::Holder),
            (self.expiry_error, Field::Expiry),
            (self.cvc_error, Field::Cvc),
        ];
        errors.into_iter().find_map(|(error, field)| error.map(|_| field))
    }

    fn focuses(&self, field: Field) -> bool {
        self.first_wrong() == Some(field)
    }

    /// What is wrong with the card number, with the brand in it.
    fn number_error(&self) -> Option<String> {
        let brand = self.number_brand.map(Brand::name).unwrap_or_default();
        self.number_error.map(|text| text.replace("{brand}", brand))
    }
}

/// The page with the card form.
#[derive(Debug, Template)]
#[template(path = "pages/pay.html")]
pub(crate) struct PayPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Whether no money moves.
    pub(crate) test: bool,
    /// What is being paid.
    pub(crate) order: Summary<'a>,
    /// Where the form is posted.
    pub(crate) action: &'a str,
    /// Where Cancel leads: on our own site, which redirects to the shop.
    pub(crate) cancel_href: &'a str,
    /// Whether that is so: a shop may not have said where to.
    pub(crate) cancel_leads_to_shop: bool,
    /// This page's own address without a query, for the language links; empty for the address of the moment.
    pub(crate) page_href: &'a str,
    /// What follows the language in an address of this page.
    pub(crate) methods: &'a str,
    /// What the shop wants left out.
    pub(crate) switches: Switches,
    /// The shop's own colours.
    pub(crate) style_href: Option<&'a str>,
    /// What is bought, if the shop said so.
    pub(crate) bought: Option<&'a Bought>,
    /// The way to the form that takes every brand of the site.
    pub(crate) all_methods_href: Option<&'a str>,
    /// The brands that can be used, in the order shown.
    pub(crate) brands: &'a [Brand],
    /// Whether the security code may be left empty.
    pub(crate) cvc_optional: bool,
    /// What was typed before.
    pub(crate) form: CardForm<'a>,
    /// Why the last attempt did not succeed: a text from [`super::locale::DeclineTexts`].
    pub(crate) notice: Option<&'a str>,
    /// The card ranges, for the script.
    pub(crate) ranges: &'a str,
    /// What a card of several brands can be paid with; empty where no such card is known.
    pub(crate) brand_options: &'a [BrandOption],
    /// The brand that was ordered, if it was one.
    pub(crate) ordered: Option<Brand>,
    /// The brand the customer's card turned out to have, when the order can be paid with it as well.
    pub(crate) brand_offer: Option<Brand>,
    /// Test cards to show on a test site: what each one does, and its number.
    pub(crate) test_cards: &'a [(String, &'a str)],
}

impl PayPage<'_> {
    fn title(&self) -> String {
        let title = self.locale.texts.pay.title.replace("{shop}", self.order.shop);
        match self.notice() {
            Some(_) => format!("{} {title}", self.locale.texts.common.error_prefix),
            None => title,
        }
    }

    /// What the button says: that pressing it is paying, and how much.
    fn button(&self) -> String {
        let pay = &self.locale.texts.pay;
        let text = match self.brand_offer {
            Some(brand) => pay.button_as.replace("{brand}", brand.name()),
            None => pay.button.clone(),
        };
        text.replace("{amount}", self.order.amount)
    }

    /// Whether the customer has to choose between brands right now.
    fn has_choice(&self) -> bool {
        self.brand_options.iter().any(|option| option.offered)
    }

    /// What stands above the form: the reason of a decline, else that some fields are wrong.
    fn notice(&self) -> Option<&str> {
        let wrong = self.form.first_wrong().map(|_| self.locale.texts.pay.check_fields.as_str());
        self.notice.or(wrong)
    }
}

/// A payment is being decided; the page asks again by itself.
#[derive(Debug, Template)]
#[template(path = "pages/processing.html")]
pub(crate) struct ProcessingPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Whether no money moves.
    pub(crate) test: bool,
    /// What is being paid.
    pub(crate) order: Summary<'a>,
    /// After how many seconds to ask again.
    pub(crate) seconds: u32,
    /// Where to ask: an address without quotes or spaces, on our own site.
    pub(crate) url: &'a str,
}

/// How a payment ended, or why it cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Paid.
    Paid,
    /// Cancelled by the shop.
    Cancelled,
    /// The link is too old.
    Expired,
    /// The order was paid before.
    AlreadyPaid,
    /// There is no such link.
    NotFound,
    /// The link was used too often.
    TooManyAttempts,
    /// The customer left without paying; the link still works.
    NotPaid,
    /// A request that no page of ours sends: by another site, too long, by a wrong method.
    Refused,
    /// There is too much to do; nothing was done.
    Busy,
    /// We failed, and cannot say whether money moved.
    Failed,
}

/// Which sign stands above the heading of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Good,
    Waiting,
    Bad,
    Neutral,
}

impl Outcome {
    fn texts(self, texts: &Texts) -> &HeadedText {
        match self {
            Outcome::Paid => &texts.result.paid,
            Outcome::Cancelled => &texts.result.cancelled,
            Outcome::Expired => &texts.result.expired,
            Outcome::AlreadyPaid => &texts.result.already_paid,
            Outcome::NotFound => &texts.result.not_found,
            Outcome::TooManyAttempts => &texts.result.too_many_attempts,
            Outcome::NotPaid => &texts.result.not_paid,
            Outcome::Refused => &texts.result.refused,
            Outcome::Busy => &texts.result.busy,
            Outcome::Failed => &texts.result.failed,
        }
    }

    fn sign(self) -> Sign {
        match self {
            Outcome::Paid | Outcome::AlreadyPaid => Sign::Good,
            Outcome::Expired | Outcome::Busy => Sign::Waiting,
            Outcome::TooManyAttempts | Outcome::Refused | Outcome::Failed => Sign::Bad,
            Outcome::Cancelled | Outcome::NotFound | Outcome::NotPaid => Sign::Neutral,
        }
    }

    /// A stable word for style sheets and tests: `already-paid`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Cancelled => "cancelled",
            Outcome::Expired => "expired",
            Outcome::AlreadyPaid => "already-paid",
            Outcome::NotFound => "not-found",
            Outcome::TooManyAttempts => "too-many-attempts",
            Outcome::NotPaid => "not-paid",
            Outcome::Refused => "refused",
            Outcome::Busy => "busy",
            Outcome::Failed => "failed",
        }
    }
}

/// The last page of a payment that ends with us, and every page that says why there is no form.
#[derive(Debug, Template)]
#[template(path = "pages/result.html")]
pub(crate) struct ResultPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Whether no money moves.
    pub(crate) test: bool,
    /// What there is to say.
    pub(crate) outcome: Outcome,
    /// What was to be paid, when the link is known.
    pub(crate) order: Option<Summary<'a>>,
    /// What the issuer lets the customer know.
    pub(crate) issuer_says: Option<&'a str>,
    /// The way back to the form, where the order can still be paid.
    pub(crate) pay_href: Option<&'a str>,
    /// The way back to the shop.
    pub(crate) back_href: Option<&'a str>,
}

impl ResultPage<'_> {
    fn words(&self) -> &HeadedText {
        self.outcome.texts(&self.locale.texts)
    }
}

/// The last page in a pop-up window: hands `target` to the window that opened it and closes itself.
#[derive(Debug, Template)]
#[template(path = "pages/close.html")]
pub(crate) struct ClosePage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Whether no money moves.
    pub(crate) test: bool,
    /// Where the customer goes next: the shop's address, already checked to be http or https.
    pub(crate) target: &'a str,
}

/// The simulator's bank asks the cardholder, that is the tester, how to answer.
#[derive(Debug, Template)]
#[template(path = "pages/challenge.html")]
pub(crate) struct ChallengePage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// What is being paid.
    pub(crate) order: Summary<'a>,
    /// The last four digits of the card.
    pub(crate) last4: &'a str,
    /// Where the form is posted.
    pub(crate) action: &'a str,
}

/// The 3DS Method: the issuer looks at the browser, unseen.
#[derive(Debug, Template)]
#[template(path = "pages/method.html")]
pub(crate) struct MethodPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Whether no money moves.
    pub(crate) test: bool,
    /// What is being paid.
    pub(crate) order: Summary<'a>,
    /// Where the page goes on: on our own site.
    pub(crate) action: &'a str,
    /// Where the hidden frame is sent, if anywhere.
    pub(crate) method_url: Option<&'a str>,
    /// What it takes there.
    pub(crate) method_data: &'a str,
    /// How long the page waits for it.
    pub(crate) limit_ms: u128,
}

/// The end of the 3DS Method, in its frame.
#[derive(Debug, Template)]
#[template(path = "pages/method_done.html")]
pub(crate) struct MethodDonePage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
}

/// The way to the issuer's page, or its frame.
#[derive(Debug, Template)]
#[template(path = "pages/issuer.html")]
pub(crate) struct IssuerPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Whether no money moves.
    pub(crate) test: bool,
    /// What is being paid.
    pub(crate) order: Summary<'a>,
    /// The issuer's page: its scheme is http or https.
    pub(crate) issuer_url: &'a str,
    /// What the browser takes there.
    pub(crate) creq: &'a str,
    /// Width and height of its frame; without them it is a page of its own.
    pub(crate) size: Option<(u16, u16)>,
    /// What the issuer lets the customer know: a text from outside.
    pub(crate) info: Option<&'a str>,
    /// The way out.
    pub(crate) back: &'a str,
}

/// Out of the issuer's frame.
#[derive(Debug, Template)]
#[template(path = "pages/break_out.html")]
pub(crate) struct BreakOutPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Where the whole window goes: on our own site.
    pub(crate) target: &'a str,
}

/// The simulated issuer's page that only carries a form on.
#[derive(Debug, Template)]
#[template(path = "pages/hand_over.html")]
pub(crate) struct HandOverPage<'a> {
    /// The language of the page.
    pub(crate) locale: &'a Locale,
    /// Where to.
    pub(crate) url: &'a str,
    /// The fields and their values.
    pub(crate) fields: &'a [(&'a str, &'a str)],
}

impl ChallengePage<'_> {
    /// The answers a bank can give: the value of `transStatus` and what it means.
    fn answers(&self) -> [(&'static str, &str); 6] {
        let texts = &self.locale.texts.challenge;
        [
            ("Y", &texts.yes),
            ("N", &texts.no),
            ("U", &texts.unavailable),
            ("A", &texts.attempted),
            ("R", &texts.rejected),
            ("cancel", &texts.cancel),
        ]
    }

    fn card_ending(&self) -> String {
        self.locale.texts.challenge.card_ending.replace("{digits}", self.last4)
    }
}

#[cfg(test)]
mod tests;
