//! A transaction: one attempt to pay an order, born when the customer submits a card.

use crate::card::{Brand, CardSummary};
use crate::decline::Decline;
use crate::ids::{SessionId, TransactionId};
use crate::money::Amount;
use crate::threeds::Authentication;
use crate::time::{Millis, Timestamp};
use crate::token::TokenUse;

/// How long a card transaction may take until it expires: one hour, fixed.
pub const TRANSACTION_LIFETIME: Millis = Millis::hours(1);
/// How long a held payment waits for a reviewer before it lapses: five days.
pub const REVIEW_LIFETIME: Millis = Millis::days(5);
/// Fraud scores from here on hold the payment for review (1–5 pass, 6–10 are held).
pub const FRAUD_SCORE_HELD: u8 = 6;

/// One attempt to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The PSP id.
    pub id: TransactionId,
    /// The session it was made through.
    pub session: SessionId,
    /// When the card was submitted.
    pub created_at: Timestamp,
    /// When its state changed last, as far as the shop can see.
    pub modified_at: Timestamp,
    /// What is to be paid, fixed at submission.
    pub amount: Amount,
    /// What may be kept of the card.
    pub card: CardSummary,
    /// Whose balance the money enters.
    pub settlement: Settlement,
    /// When the money is collected.
    pub capturing: Capturing,
    /// How the acquirer is told to collect it, where an approval alone does not collect; fixed at submission.
    pub completion: Option<Completion>,
    /// The authorisation this was captured from, when it is a part of another order's.
    pub authorised_by: Option<TransactionId>,
    /// The PSP id of its second try, which there is once the issuer wants the customer authenticated. `None` when the
    /// customer was asked already or is not there to be.
    pub second_try: Option<TransactionId>,
    /// The token it is paid with, or keeps the card as.
    pub token: Option<TokenUse>,
    /// What 3-D Secure answered, once it has.
    pub authentication: Option<Authentication>,
    /// Where it stands.
    pub state: State,
}

/// Whose balance the money enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The gateway collects and pays out.
    Gateway,
    /// The scheme settles with the merchant directly (own Amex merchant number).
    Scheme,
}

/// When an approved payment is collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capturing {
    /// At once.
    #[default]
    Immediate,
    /// When the shop says so: until then it is authorised only.
    Manual,
}

/// A payment that is collected at once, at an acquirer that collects nothing before it is told to: an advice follows
/// the approval, and is repeated until it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// When the acquirer acknowledged it.
    pub told_at: Option<Timestamp>,
}

/// How long an authorisation can be captured: 7 days for Visa, 30 for Mastercard and Maestro.
#[must_use]
pub fn authorisation_lifetime(brand: Brand) -> Millis {
    match brand {
        Brand::Visa | Brand::Amex => Millis::days(7),
        Brand::Mastercard | Brand::Maestro => Millis::days(30),
    }
}

/// Where a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The customer is being authenticated.
    Authenticating,
    /// The intent to authorise is committed and the request is on its way.
    Authorising,
    /// No usable answer came: the host is asked `asked` times so far. Nobody knows whether the card was charged.
    Unknown {
        /// Inquiries without an answer.
        asked: u32,
    },
    /// The host is being told to undo whatever it did; it was told `sent` times so far.
    Reversing {
        /// Reversals without an acknowledgement.
        sent: u32,
    },
    /// Approved and held for review.
    Uncleared {
        /// The issuer's approval.
        approval: Approval,
        /// How the hold ends when no reviewer decides.
        review: Review,
    },
    /// Approved and not collected: the shop captures it, whole or in parts, or cancels it.
    Authorised {
        /// The issuer's approval.
        approval: Approval,
        /// When it was approved.
        at: Timestamp,
        /// Until when it can be captured.
        expires_at: Timestamp,
    },
    /// Approved: the order is paid.
    Completed {
        /// The issuer's approval.
        approval: Approval,
        /// When it was completed.
        at: Timestamp,
    },
    /// Refused by the issuer, the authentication or the gateway.
    Declined(Decline),
    /// The customer never came back from the authentication.
    Expired,
    /// Held and then rejected, or authorised and not captured: what is left of the approval is released at the
    /// acquirer.
    Void {
        /// The issuer's approval.
        approval: Approval,
        /// When the acquirer acknowledged the release.
        released_at: Option<Timestamp>,
    },
    /// Ended by the shop before it was paid.
    Cancelled,
}

/// An issuer's approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Six characters, DE 38.
    pub authorization_code: String,
    /// DE 39, normally `00`.
    pub response_code: String,
    /// The gateway's risk score, 1 (none) to 10.
    pub fraud_score: u8,
    /// The outcome of the card code check, `M` match, when one was made.
    pub cvc_result: Option<String>,
}

/// How a hold for review ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// When.
    pub ends_at: Timestamp,
    /// With which verdict.
    pub verdict: Verdict,
}

/// A reviewer's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The payment stands.
    Accept,
    /// The payment is rejected and released.
    Reject,
}

impl Transaction {
    /// When the customer's time is up.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus(TRANSACTION_LIFETIME)
    }

    /// Whether money may be moving: the host was or is being spoken to and has not settled it, or still holds
    /// an approval that was rejected.
    #[must_use]
    pub fn is_money_moving(&self) -> bool {
        matches!(
            self.state,
            State::Authorising
                | State::Unknown { .. }
                | State::Reversing { .. }
                | State::Void { released_at: None, .. }
        )
    }

    /// Whether it waits for the customer at the issuer's page.
    #[must_use]
    pub fn is_authenticating(&self) -> bool {
        matches!(self.state, State::Authenticating)
    }

    /// Whether it is neither paid nor ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_authenticating() || self.is_money_moving()
    }

    /// Whether the order counts as paid through it: collected, authorised or held.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Authorised { .. } | State::Uncleared { .. })
    }

    /// Whether the acquirer has yet to acknowledge that it collects this payment. Until then nothing that comes after
    /// it is sent.
    #[must_use]
    pub fn is_completion_due(&self) -> bool {
        let untold = self.completion.is_some_and(|completion| completion.told_at.is_none());
        untold && matches!(self.state, State::Completed { .. })
    }

    /// What the acquirer knows its money by.
    #[must_use]
    pub fn authorisation(&self) -> TransactionId {
        self.authorised_by.unwrap_or(self.id)
    }

    /// The issuer's approval, when there is one.
    #[must_use]
    pub fn approval(&self) -> Option<&Approval> {
        match &self.state {
            State::Uncleared { approval, .. }
            | State::Authorised { approval, .. }
            | State::Completed { approval, .. }
            | State::Void { approval, .. } => Some(approval),
            State::Authenticating
            | State::Authorising
            | State::Unknown { .. }
            | State::Reversing { .. }
            | State::Declined(_)
            | State::Expired
            | State::Cancelled => None,
        }
    }
}
