//! A card is submitted: an attempt is born.

use super::authorise::intent;
use super::{Refused, moved};
use crate::card::CardSummary;
use crate::change::{Change, Job};
use crate::decline::Decline;
use crate::ids::TokenId;
use crate::ids::{SessionId, TransactionId};
use crate::order::Order;
use crate::session::{ATTEMPTS_MAX, Ending};
use crate::time::{Millis, Timestamp};
use crate::token::{Token, TokenUse};
use crate::transaction::{Capturing, Completion, Settlement, State, Transaction};

/// A submitted card, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The session it was submitted through.
    pub session: SessionId,
    /// The PSP id drawn for this attempt.
    pub transaction: TransactionId,
    /// What may be kept of the card.
    pub card: CardSummary,
    /// Whose balance the money would enter.
    pub settlement: Settlement,
    /// What the gateway's own fraud filter says.
    pub screening: Screening,
    /// Whether the customer is authenticated first.
    pub route: Route,
    /// Whether its acquirer collects what is paid at once only when it is told to.
    pub completes_by_advice: bool,
    /// What it has to do with a token.
    pub token: Option<TokenWish>,
}

/// What the gateway's own fraud filter says about a card before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screening {
    /// Nothing against it.
    Clear,
    /// It is refused here.
    Blocked,
}

/// What comes after the submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The customer is authenticated.
    Authenticate,
    /// The customer is not there, or need not be asked: the authorisation is sent at once.
    Authorise {
        /// How long the acquirer may take to answer before the outcome counts as unknown.
        answer_within: Millis,
        /// The PSP id drawn for a second try, with the customer authenticated, should the issuer want that; `None`
        /// when there is no customer who could be.
        second_try: Option<TransactionId>,
    },
}

/// What an attempt has to do with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenWish {
    /// The card is to be kept, and is sealed already.
    Keep(Box<Token>),
    /// The card was kept before.
    Known(TokenId),
}

impl TokenWish {
    fn used(&self) -> TokenUse {
        match self {
            Self::Keep(token) => TokenUse::Keeps(token.id),
            Self::Known(id) => TokenUse::Known(*id),
        }
    }
}

pub(super) fn submit_card(order: &Order, attempt: Attempt, now: Timestamp) -> Result<Vec<Change>, Refused> {
    may_submit(order, &attempt.session, now)?;
    let mut changes = Vec::new();
    if let Some(abandoned) = order.open() {
        if abandoned.is_money_moving() {
            return Err(Refused::PaymentInProgress);
        }
        // The customer came back from the issuer's page by another way and starts again.
        changes.push(moved(abandoned, State::Declined(Decline::authentication_cancelled()), now));
        changes.push(Change::JobDone(Job::ExpireTransaction(abandoned.id)));
    }
    let attempts = order.session.attempts.saturating_add(1);
    changes.push(Change::AttemptCounted { session: attempt.session.clone(), attempts });
    let id = attempt.transaction;
    let expires_at = now.plus(crate::transaction::TRANSACTION_LIFETIME);
    let (state, job) = match (attempt.screening, attempt.route) {
        (Screening::Blocked, _) => (State::Declined(Decline::blocked()), None),
        (Screening::Clear, Route::Authenticate) => {
            let job = Job::ExpireTransaction(id);
            (State::Authenticating, Some(Change::JobDue { job, at: expires_at }))
        }
        (Screening::Clear, Route::Authorise { answer_within, .. }) => {
            (State::Authorising, Some(intent(id, answer_within, now)))
        }
    };
    let collected_at_once = order.terms.capturing == Capturing::Immediate && !order.terms.amount.is_zero();
    let by_advice = attempt.completes_by_advice && collected_at_once;
    let second_try = match (attempt.screening, attempt.route) {
        (Screening::Clear, Route::Authorise { second_try, .. }) => second_try,
        (Screening::Blocked, _) | (_, Route::Authenticate) => None,
    };
    let token = attempt.token.filter(|_| job.is_some());
    changes.extend(job);
    let transaction = Transaction {
        id,
        session: attempt.session,
        created_at: now,
        modified_at: now,
        amount: order.terms.amount,
        card: attempt.card,
        settlement: attempt.settlement,
        capturing: order.terms.capturing,
        completion: by_advice.then(Completion::default),
        authorised_by: None,
        second_try,
        token: token.as_ref().map(TokenWish::used),
        authentication: None,
        state,
    };
    if let Some(TokenWish::Keep(token)) = token {
        changes.push(Change::TokenKept(token));
    }
    changes.push(Change::TransactionOpened(Box::new(transaction)));
    changes.push(Change::NotificationDue);
    Ok(changes)
}

fn may_submit(order: &Order, session: &SessionId, now: Timestamp) -> Result<(), Refused> {
    if order.has_money() {
        return Err(Refused::AlreadyPaid);
    }
    if order.session.id != *session {
        return Err(Refused::SessionReplaced);
    }
    match order.session.ended.map(|ended| ended.why) {
        Some(Ending::Cancelled) => return Err(Refused::SessionCancelled),
        Some(Ending::Replaced) => return Err(Refused::SessionReplaced),
        Some(Ending::Expired) => return Err(Refused::SessionExpired),
        None => {}
    }
    if now >= order.session.ends_at {
        return Err(Refused::SessionExpired);
    }
    if order.session.attempts >= ATTEMPTS_MAX {
        return Err(Refused::TooManyAttempts);
    }
    Ok(())
}
