//! A card on its way into an attempt: from the customer's page, from the shop, or from the vault.

use crate::app::App;
use crate::cards_in_hand::Card;
use crate::run::RunError;
use crate::simulator::cards::Manner;
use crate::store::Site;
use crate::store::db::ReadError;
use crate::threeds::browser::Visitor;
use crate::threeds::{Channel, Started};
use payments::card::{Brand, CardSummary, Pan};
use payments::decide::{Attempt, Command, Route, Screening, TokenWish};
use payments::ids::{SessionId, SiteId, TokenId, TransactionId};
use payments::order::Order;
use payments::ranges::Ranges;
use payments::token::Token;
use payments::transaction::{Settlement, Transaction};

/// Whether the customer is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authenticate {
    /// Before anything is charged.
    First,
    /// Only if the issuer wants it.
    WhenWanted,
    /// Never: nobody is there.
    Never,
}

/// A card with everything that is decided before it is submitted.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The session it goes through; the order's own when there is none yet.
    pub(crate) session: Option<SessionId>,
    pub(crate) card: Card,
    pub(crate) brand: Brand,
    pub(crate) holder: String,
    /// Who submits it, for the authentication.
    pub(crate) channel: Channel,
    /// The customer, for the authentication.
    pub(crate) visitor: Visitor,
    pub(crate) authenticate: Authenticate,
    /// The token it was taken from, when it was.
    pub(crate) token: Option<TokenWish>,
}

impl Submission {
    /// What may be kept of its card.
    pub(crate) fn summary(&self, ranges: &Ranges) -> CardSummary {
        summary(&self.card, self.brand, self.holder.clone(), ranges)
    }
}

/// Where an attempt stands once it is submitted.
#[derive(Debug)]
pub(crate) enum Submitted {
    /// It was ended at once, or the issuer has decided, or the authorisation is on its way.
    Decided(Box<Order>, TransactionId),
    /// The customer has to go to the issuer's page, at this path.
    Challenge(Box<Order>, TransactionId, String),
}

impl App {
    /// Opens an attempt and starts its authentication, or its authorisation where there is none.
    pub(crate) async fn submit(
        &self,
        site: &Site,
        order: &Order,
        submission: Submission,
    ) -> Result<Submitted, RunError> {
        let Submission { session, card, brand, holder, channel, visitor, authenticate, token } = submission;
        let session = session.unwrap_or_else(|| order.session.id.clone());
        let own_contract = brand == Brand::Amex && site.own_amex;
        let blocked = !site.live && Manner::of(&card.pan) == Manner::Blocked;
        let summary = summary(&card, brand, holder, &self.settings.ranges);
        let pan = card.pan.clone();
        let token = match token {
            None => self.wish(order, &summary, &pan).await?,
            known => known,
        };
        // Kept first: the commit of another tab's attempt takes it away again.
        let id = self.take_in_hand(site.id, card).await.map_err(|error| RunError::Failed(error.into()))?;
        let answer_within = self.acquirer.answer_within(site.id);
        let second_try = match authenticate {
            Authenticate::WhenWanted => self.draw_second_try(site, id, &pan).await,
            Authenticate::First | Authenticate::Never => Ok(None),
        };
        let second_try = second_try.map_err(|error| {
            drop(self.cards.take(site.id, id));
            RunError::Failed(error.into())
        })?;
        let command = Command::SubmitCard(Box::new(Attempt {
            session,
            transaction: id,
            card: summary,
            settlement: if own_contract { Settlement::Scheme } else { Settlement::Gateway },
            screening: if blocked { Screening::Blocked } else { Screening::Clear },
            route: match authenticate {
                Authenticate::First => Route::Authenticate,
                Authenticate::WhenWanted | Authenticate::Never => {
                    Route::Authorise { answer_within, second_try }
                }
            },
            completes_by_advice: self.acquirer.completes_by_advice(site.id),
            token,
        }));
        let ran = match channel {
            // The customer came back by another way and starts again.
            Channel::Page => self.run(site.id, &order.id, &command).await,
            Channel::Direct => self.run_unless_open(site.id, &order.id, &command).await,
        };
        let opened = ran.as_ref().ok().and_then(|order| order.transaction(id)).cloned();
        let opened = opened.filter(Transaction::is_open);
        if opened.is_none() {
            drop(self.cards.take(site.id, id));
        }
        let order = Box::new(ran?);
        let Some(opened) = opened else { return Ok(Submitted::Decided(order, id)) };
        if !opened.is_authenticating() {
            self.authorise_soon(&order, id);
            return Ok(Submitted::Decided(order, id));
        }
        Ok(match self.authenticate(&order, &opened, &pan, channel, &visitor).await? {
            Started::Decided(order) => Submitted::Decided(order, id),
            Started::Challenge(path) => Submitted::Challenge(order, id, path),
        })
    }

    /// Draws an attempt's id and keeps the card under it.
    async fn take_in_hand(&self, site: SiteId, mut card: Card) -> Result<TransactionId, ReadError> {
        loop {
            let id = self.draw_transaction(site).await?;
            match self.cards.keep(site, id, card, self.now()) {
                Ok(()) => return Ok(id),
                Err(back) => card = back,
            }
        }
    }

    /// The token that the order asks for: the one that the customer's card has already, or a new one.
    async fn wish(
        &self,
        order: &Order,
        card: &CardSummary,
        pan: &Pan,
    ) -> Result<Option<TokenWish>, RunError> {
        let Some(recurring) = &order.terms.recurring else {
            return Ok(None);
        };
        let failed = |error: anyhow::Error| RunError::Failed(error.context("keeping a card"));
        let known = self.keys.fingerprints(order.site, &recurring.reference, pan);
        let kept = self.store.token_of_card(order.site, recurring, &known).await;
        if let Some(token) = kept.map_err(|error| failed(error.into()))? {
            return Ok(Some(TokenWish::Known(token.id)));
        }
        let mut random = [0; 16];
        self.random.fill(&mut random);
        let id = TokenId::draw(random);
        let sealed = self.keys.seal_card(order.site, id, pan).map_err(failed)?;
        let fingerprint = self.keys.fingerprint(order.site, &recurring.reference, pan);
        let (recurring, card) = (recurring.clone(), card.clone());
        Ok(Some(TokenWish::Keep(Box::new(Token { id, recurring, card, sealed, fingerprint }))))
    }
}

fn summary(card: &Card, brand: Brand, holder: String, ranges: &Ranges) -> CardSummary {
    CardSummary {
        brand,
        bin: card.pan.bin().map(str::to_owned),
        last4: card.pan.last4().to_owned(),
        expiry: card.expiry,
        holder,
        issued: ranges.of(&card.pan).map(|range| range.issued.clone()).unwrap_or_default(),
    }
}
