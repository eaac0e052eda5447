//! What a message brings that the host goes by.

use super::FORMAT_ERROR;
use crate::acquirer::{mark_of, terminal};
use crate::store::trace::Mark;
use iso8583::{Class, Message, OriginalDataElements};
use payments::ids::SiteId;
use payments::money::{Amount, Currency};

/// DE 39 of a merchant whom the host does not know.
const UNKNOWN_MERCHANT: &str = "03";

/// Whose messages are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merchants {
    /// Those of test sites, each with a book of its own.
    TestSites,
    /// Anybody's, in one book.
    Anyone,
}

/// Whose book it is where anybody may come.
pub(crate) const ANYONE: SiteId = SiteId(0);

impl Merchants {
    /// The site that a message is about.
    pub(super) fn site(self, message: &Message) -> Option<SiteId> {
        let merchant = message.text(42)?;
        match self {
            Self::TestSites => terminal::test_site(merchant),
            Self::Anyone => Some(ANYONE),
        }
    }
}

/// What every message about a card says.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) site: SiteId,
    pub(super) mark: Mark,
    pub(super) amount: Amount,
    /// The class and the mark of what it is about, from DE 90.
    pub(super) original: Option<(Class, Mark)>,
}

impl Asked {
    /// What `message` says; DE 39 of the refusal where that is not enough.
    pub(super) fn of(message: &Message, merchants: Merchants) -> Result<Self, &'static str> {
        let site = merchants.site(message).ok_or(UNKNOWN_MERCHANT)?;
        let mark = mark_of(message).ok_or(FORMAT_ERROR)?;
        let amount = amount(message).ok_or(FORMAT_ERROR)?;
        let original = match message.text(90) {
            None => None,
            Some(text) => Some(original(text, &mark).ok_or(FORMAT_ERROR)?),
        };
        Ok(Self { site, mark, amount, original })
    }

    /// The mark of the authorisation that this is about.
    pub(super) fn authorisation(&self) -> Option<&Mark> {
        match &self.original {
            Some((Class::Authorisation, mark)) => Some(mark),
            Some(_) | None => None,
        }
    }
}

fn amount(message: &Message) -> Option<Amount> {
    let minor = i64::try_from(message.amount_minor()?).ok()?;
    let code: u16 = message.text(49)?.parse().ok()?;
    let currency = Currency::all().find(|currency| currency.numeric() == code)?;
    Some(Amount::new(minor, currency))
}

/// What is about an earlier message comes from the same terminal, under the same retrieval reference.
fn original(text: &str, mark: &Mark) -> Option<(Class, Mark)> {
    let elements = OriginalDataElements::parse(text).ok()?;
    let original = Mark {
        transmission: elements.transmission().to_owned(),
        stan: elements.stan().parse().ok()?,
        ..mark.clone()
    };
    Some((elements.mti().class(), original))
}
