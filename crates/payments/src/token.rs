//! Tokens: a customer's card kept for later payments, and what it may be used for.

use crate::card::CardSummary;
use crate::ids::TokenId;

/// What a kept card may be used for: the API's `recurring_model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Whenever the customer pays again.
    CardOnFile,
    /// A fixed amount at fixed times.
    Subscription,
    /// Any amount at any time, as agreed with the customer.
    Unscheduled,
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 3] = [Self::CardOnFile, Self::Subscription, Self::Unscheduled];

    /// The API's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::CardOnFile => "cardOnFile",
            Self::Subscription => "subscription",
            Self::Unscheduled => "unscheduled",
        }
    }

    /// The model with this word, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.word().eq_ignore_ascii_case(word))
    }
}

/// What an order asks for: that its customer's card be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurring {
    /// What for.
    pub model: Model,
    /// The shop's own name of the customer, `customer.reference`.
    pub reference: String,
}

/// A kept card. The number is sealed: nobody reads it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub id: TokenId,
    /// Whose card, and what for.
    pub recurring: Recurring,
    /// What may be shown of the card.
    pub card: CardSummary,
    /// The number under the key-encryption key.
    pub sealed: Vec<u8>,
    /// Keyed digest of number and customer: the same card is known again.
    pub fingerprint: [u8; 32],
}

/// What an attempt has to do with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// The card is kept with this attempt, and can be used once it is paid.
    Keeps(TokenId),
    /// The card was kept before.
    Known(TokenId),
}

impl TokenUse {
    /// The token.
    #[must_use]
    pub fn id(&self) -> TokenId {
        match self {
            Self::Keeps(id) | Self::Known(id) => *id,
        }
    }
}
