//! The 3-D Secure seam: starting an authentication, and taking its outcome, server to server.

use crate::app::App;
use crate::run::RunError;
use crate::simulator::directory_server::{self, Answer};
use payments::card::Pan;
use payments::decide::Command;
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::order::Order;
use payments::threeds::Authentication;
use payments::transaction::Transaction;

/// Where the customer goes next.
#[derive(Debug)]
pub(crate) enum Started {
    /// Nowhere: the issuer has decided.
    Decided(Box<Order>),
    /// To the issuer's page.
    Challenge(String),
}

/// Where a card comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The customer typed it on our page.
    Page,
    /// The shop sent it.
    Direct,
}

impl App {
    /// Starts the authentication of a transaction that waits for it.
    pub(crate) async fn authenticate(
        &self,
        order: &Order,
        transaction: &Transaction,
        pan: &Pan,
        channel: Channel,
    ) -> Result<Started, RunError> {
        let brand = transaction.card.brand;
        match directory_server::answer(&self.keys, transaction.id, brand, pan, channel) {
            Answer::Challenge => Ok(Started::Challenge(challenge_path(&transaction.session, transaction.id))),
            Answer::Decided(authentication) => {
                let taken = self.authenticated(order.site, &order.id, transaction.id, *authentication);
                Ok(Started::Decided(Box::new(taken.await?)))
            }
        }
    }

    /// Whether the customer of this attempt has to go to the issuer's page: what its authentication was answered.
    pub(crate) fn is_asked(&self, transaction: &Transaction, pan: &Pan, channel: Channel) -> bool {
        let brand = transaction.card.brand;
        let answer = directory_server::answer(&self.keys, transaction.id, brand, pan, channel);
        matches!(answer, Answer::Challenge)
    }

    /// Takes an authentication's outcome and, when it allows that, starts the authorisation. It goes on when
    /// whoever brought the outcome hangs up: from the committed intent on nothing may stop half-way.
    pub(crate) async fn authenticated(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
        authentication: Authentication,
    ) -> Result<Order, RunError> {
        let (app, order) = (self.clone(), order.clone());
        let taken = self
            .underway
            .spawn(async move { app.take_authentication(site, &order, transaction, authentication).await });
        taken.await.unwrap_or_else(|error| Err(RunError::Failed(error.into())))
    }

    async fn take_authentication(
        &self,
        site: SiteId,
        order: &OrderId,
        transaction: TransactionId,
        authentication: Authentication,
    ) -> Result<Order, RunError> {
        let command = Command::Authenticated {
            transaction,
            authentication,
            card_at_hand: self.cards.holds(site, transaction),
            answer_within: self.settings.answer_within,
        };
        let order = self.run(site, order, &command).await?;
        self.authorise_soon(&order, transaction);
        Ok(order)
    }
}

/// The path of the simulator's challenge page.
pub(crate) fn challenge_path(session: &SessionId, transaction: TransactionId) -> String {
    format!("/simulator/acs/{session}/{transaction}")
}
