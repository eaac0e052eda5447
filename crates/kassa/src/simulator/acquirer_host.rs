//! The simulated acquirer host: it decides by the card, writes its book first, and answers afterwards.

use super::cards::Manner;
use crate::clock::Clock;
use crate::random::Random;
use crate::store::Store;
use crate::store::book::{BookedMovement, Entry};
use payments::card::Pan;
use payments::decide::Outcome;
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::money::Amount;
use payments::time::Millis;
use payments::transaction::{Approval, FRAUD_SCORE_HELD};

/// How long a simulated review takes.
const REVIEW: Millis = Millis::minutes(3);
/// How many reversals a silent host ignores.
const IGNORED_REVERSALS: i64 = 2;

/// What the gateway refers to.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) site: SiteId,
    pub(crate) order: OrderId,
    pub(crate) transaction: TransactionId,
    pub(crate) amount: Amount,
    /// Approved only; captures collect it.
    pub(crate) captured_later: bool,
}

/// A capture or refund as the gateway refers to it.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) site: SiteId,
    /// Its own PSP id.
    pub(crate) reference: TransactionId,
    /// The PSP id of the authorisation it belongs to.
    pub(crate) authorisation: TransactionId,
    pub(crate) amount: Amount,
}

/// The host.
#[derive(Clone, Debug)]
pub(crate) struct AcquirerHost {
    store: Store,
    clock: Clock,
    random: Random,
}

/// What the host says when it was asked.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// It knows the authorisation.
    Answer(Outcome),
    /// It never saw it.
    Nothing,
    /// It does not answer.
    Silence,
}

impl AcquirerHost {
    pub(crate) fn new(store: Store, clock: Clock, random: Random) -> Self {
        Self { store, clock, random }
    }

    /// Authorises; `None` when no answer will ever come.
    pub(crate) async fn authorise(
        &self,
        reference: &Reference,
        pan: &Pan,
        has_cvc: bool,
    ) -> anyhow::Result<Option<Outcome>> {
        let manner = Manner::of(pan);
        if manner == Manner::RequestLost {
            return Ok(None);
        }
        let (response_code, fraud_score, review) = match manner {
            Manner::Refused(code) => (code, 1, None),
            Manner::Held(verdict) => ("00", FRAUD_SCORE_HELD + 1, Some((REVIEW, verdict))),
            _ => ("00", 1, None),
        };
        let approved = response_code == "00";
        let entry = Entry {
            site: reference.site,
            reference: reference.transaction,
            order: reference.order.clone(),
            amount_minor: reference.amount.minor,
            response_code: Some(response_code.to_owned()),
            authorization_code: approved.then(|| self.draw_code()),
            fraud_score,
            review,
            manner: manner.word().to_owned(),
            reversals: 0,
            reversed: false,
            captured_later: reference.captured_later,
        };
        self.store.book_authorisation(&entry, reference.amount, self.clock.now()).await?;
        if matches!(manner, Manner::AnswerLost | Manner::Silent) {
            return Ok(None);
        }
        // What is in the book counts: the reference may have been booked, or reversed, before.
        let booked = self.store.book_entry(reference.site, reference.transaction).await?;
        Ok(booked.map(|booked| outcome(&booked, has_cvc)))
    }

    /// Tells what became of an authorisation.
    pub(crate) async fn inquire(&self, reference: &Reference) -> anyhow::Result<Found> {
        self.store.book_inquiry(reference.site, reference.transaction).await?;
        let booked = self.store.book_entry(reference.site, reference.transaction).await?;
        Ok(match booked {
            None => Found::Nothing,
            Some(booked) if booked.manner == Manner::Silent.word() => Found::Silence,
            Some(booked) => Found::Answer(outcome(&booked, false)),
        })
    }

    /// Undoes an authorisation; whether it acknowledges.
    pub(crate) async fn reverse(&self, reference: &Reference) -> anyhow::Result<bool> {
        let (site, transaction) = (reference.site, reference.transaction);
        let now = self.clock.now();
        self.store.book_reversal(site, &reference.order, transaction, reference.amount, now).await?;
        let booked = self.store.book_entry(site, transaction).await?;
        let silent =
            |booked: &Entry| booked.manner == Manner::Silent.word() && booked.reversals <= IGNORED_REVERSALS;
        Ok(!booked.as_ref().is_some_and(silent))
    }

    /// Takes a capture, whatever it makes of it: an advice is never refused, only booked as what it is.
    pub(crate) async fn capture(&self, moved: &Moved) -> anyhow::Result<()> {
        let authorised = self.store.book_entry(moved.site, moved.authorisation).await?;
        let captured = self.store.booked_sum(moved.site, moved.authorisation, "capture").await?;
        let fits = authorised.is_some_and(|entry| {
            entry.captured_later
                && entry.response_code.as_deref() == Some("00")
                && captured.saturating_add(moved.amount.minor) <= entry.amount_minor
        });
        self.book(moved, "capture", if fits { "00" } else { "13" }).await
    }

    /// Pays a refund; `None` when no answer will ever come. The same reference is paid once.
    pub(crate) async fn refund(&self, moved: &Moved, again: bool) -> anyhow::Result<Option<Outcome>> {
        let paid = self.store.book_entry(moved.site, moved.authorisation).await?;
        let manner = paid.as_ref().map(|entry| entry.manner.as_str()).unwrap_or_default();
        if manner == Manner::RefundNeverArrives.word() && !again {
            return Ok(None);
        }
        let refunded = self.store.booked_sum(moved.site, moved.authorisation, "refund").await?;
        let fits = paid.as_ref().is_some_and(|entry| {
            entry.response_code.as_deref() == Some("00")
                && refunded.saturating_add(moved.amount.minor) <= entry.amount_minor
        });
        let code = if fits && manner != Manner::RefundRefused.word() { "00" } else { "57" };
        self.book(moved, "refund", code).await?;
        if manner == Manner::RefundLost.word() {
            return Ok(None);
        }
        Ok(match self.inquire_refund(moved).await? {
            Found::Answer(outcome) => Some(outcome),
            Found::Nothing | Found::Silence => None,
        })
    }

    /// Tells what became of a refund.
    pub(crate) async fn inquire_refund(&self, moved: &Moved) -> anyhow::Result<Found> {
        Ok(match self.store.booked_movement(moved.site, moved.reference).await? {
            None => Found::Nothing,
            Some((code, _)) if code == "00" => Found::Answer(Outcome::Approved {
                approval: Approval {
                    authorization_code: self.draw_code(),
                    response_code: code,
                    fraud_score: 1,
                    cvc_result: None,
                },
                review: None,
            }),
            Some((response_code, _)) => Found::Answer(Outcome::Declined { response_code }),
        })
    }

    async fn book(&self, moved: &Moved, kind: &'static str, code: &str) -> anyhow::Result<()> {
        let booked = BookedMovement {
            site: moved.site,
            reference: moved.reference,
            authorisation: moved.authorisation,
            kind,
            amount_minor: moved.amount.minor,
            response_code: code.to_owned(),
        };
        Ok(self.store.book_movement(&booked, self.clock.now()).await?)
    }

    fn draw_code(&self) -> String {
        let mut random = [0; 4];
        self.random.fill(&mut random);
        format!("{:06}", u32::from_le_bytes(random) % 1_000_000)
    }
}

fn outcome(booked: &Entry, has_cvc: bool) -> Outcome {
    match (&booked.response_code, &booked.authorization_code) {
        (Some(response_code), Some(authorization_code)) if booked.is_charged() => Outcome::Approved {
            approval: Approval {
                authorization_code: authorization_code.clone(),
                response_code: response_code.clone(),
                fraud_score: booked.fraud_score,
                cvc_result: has_cvc.then(|| "M".to_owned()),
            },
            review: booked.review,
        },
        (Some(response_code), _) if response_code != "00" => {
            Outcome::Declined { response_code: response_code.clone() }
        }
        // Reversed, or forbidden before it arrived.
        _ => Outcome::Declined { response_code: "12".to_owned() },
    }
}
