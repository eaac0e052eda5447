//! Authorising in the background: a committed intent is sent, and its outcome is committed, also when it comes late.

use super::answers::Said;
use super::duration;
use super::link::LateAnswers;
use crate::app::App;
use crate::metrics::{self, Stage};
use crate::run::RunError;
use crate::store::trace::Operation;
use iso8583::Message;
use payments::decide::{Command, Refused};
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::order::Order;
use payments::transaction::{State, Transaction};
use std::time::Instant;
use tracing::Instrument as _;

impl App {
    /// Authorises in the background: a customer who closes the browser changes nothing.
    pub(crate) fn authorise_soon(&self, order: &Order, transaction: TransactionId) {
        let Some(found) = order.transaction(transaction).cloned() else {
            return;
        };
        if found.state != State::Authorising {
            return;
        }
        let (app, order) = (self.clone(), order.clone());
        let span = tracing::info_span!("authorise", order.id = %order.id, transaction.id = found.id.0);
        self.underway.spawn(async move { app.authorise(&order, &found).await }.instrument(span));
    }

    async fn authorise(&self, order: &Order, transaction: &Transaction) {
        // Without the card nothing can have been sent; the job of the intent reverses all the same.
        let Some(card) = self.cards.take(order.site, transaction.id) else {
            return;
        };
        if let Err(error) = self.keep_for_second_try(order, transaction, &card.pan).await {
            tracing::error!(order.id = %order.id, ?error, "an authorisation was not sent; its intent will be undone");
            return;
        }
        let within = duration(self.acquirer.answer_within(order.site));
        let asked = Instant::now();
        let outcome = self.acquirer.authorise(order, transaction, &card, within).await;
        metrics::took_since(Stage::Authorise, asked);
        drop(card);
        let command = Command::AuthorisationAnswered { transaction: transaction.id, outcome };
        self.settle(order.site, &order.id, &command).await;
    }

    /// Commits what the host said. When that fails the intent's job asks again.
    async fn settle(&self, site: SiteId, order: &OrderId, command: &Command) {
        match self.run(site, order, command).await {
            Ok(_) | Err(RunError::Refused(Refused::OutOfTurn)) => {}
            Err(error) => tracing::error!(order.id = %order, ?error,
                "an authorisation's answer could not be recorded; it will be asked for"),
        }
    }

    /// Takes the answers that came after nobody waited for them any more, until the link is closed.
    pub(crate) fn take_late_answers(&self, mut answers: LateAnswers) {
        let app = std::sync::Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(answer) = answers.next().await {
                let Some(app) = app.upgrade().map(Self) else { return };
                if let Err(error) = app.take_late(answer).await {
                    tracing::error!(error = format!("{error:#}"), "a late answer could not be taken");
                }
            }
        });
    }

    /// A late answer to an authorisation counts while its outcome is unknown. Once a reversal is on its way that one
    /// stands: what was approved is being undone.
    async fn take_late(&self, answer: Message) -> anyhow::Result<()> {
        let mti = answer.mti();
        let Some(trace) = self.acquirer.asked(&answer).await? else {
            tracing::warn!(%mti, "a late answer is to nothing of ours");
            return Ok(());
        };
        tracing::info!(order.id = %trace.order, transaction.id = %trace.reference, operation = ?trace.operation,
            code = answer.response_code(), "an answer came late");
        if trace.operation != Operation::Authorise {
            // The job that repeats it hears the same.
            return Ok(());
        }
        let Some((_, transaction)) = self.find(trace.site, &trace.order, trace.reference).await? else {
            return Ok(());
        };
        let (brand, zero) = (transaction.card.brand, transaction.amount.is_zero());
        let answer = self.acquirer.translate(trace.site, answer, brand);
        if let Said::Final(outcome) = Said::of(&answer, brand, zero) {
            let command = Command::AuthorisationAnswered { transaction: transaction.id, outcome };
            self.settle(trace.site, &trace.order, &command).await;
        }
        Ok(())
    }
}
