//! Movements of money after a payment: captures and cancellations of an authorisation, refunds, chargebacks.
//!
//! Each is a transaction of its own with a PSP id of its own, and belongs to the payment it moves money of.

use crate::ids::{OrderId, TransactionId};
use crate::money::Amount;
use crate::time::{Millis, Timestamp};

/// How long after its payment was completed a card order can be refunded.
pub const REFUND_WINDOW: Millis = Millis::days(180);
/// How long the same amount is not refunded a second time: it is more often a double click than two wishes.
pub const REFUND_REPEAT: Millis = Millis::minutes(5);

/// A movement of money of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Its PSP id.
    pub id: TransactionId,
    /// The payment whose money moves.
    pub of: TransactionId,
    /// The reference it runs under: the order's own, or the one that the shop gave it.
    pub order: OrderId,
    /// How much, above zero.
    pub amount: Amount,
    /// When it was asked for, or heard of.
    pub created_at: Timestamp,
    /// When its state changed last.
    pub modified_at: Timestamp,
    /// The shop's words about it, echoed and never decided upon: a document of the API's own shape.
    pub note: String,
    /// What it is, and where it stands.
    pub kind: Kind,
}

/// What a movement is, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Authorised money is collected.
    Capture {
        /// When the acquirer acknowledged it; it is repeated until then.
        told_at: Option<Timestamp>,
    },
    /// What was left of an authorisation is given back.
    Cancellation,
    /// Money goes back to the customer.
    Refund(RefundState),
    /// The issuer took money back.
    Chargeback(Dispute),
    /// The shop won: the money of a chargeback comes back.
    ReverseChargeback {
        /// Which chargeback.
        of: TransactionId,
    },
}

/// Where a refund stands. From `Sending` on the acquirer may have done it, and only its word ends it: unlike a
/// payment, a refund is never undone to be on the safe side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The money is set aside; nothing was sent and the shop may still take it back.
    Reserved,
    /// The intent is committed and the request is on its way.
    Sending,
    /// No usable answer came: the host is asked, `asked` times so far.
    Unknown {
        /// Inquiries without an answer.
        asked: u32,
    },
    /// The acquirer has paid it.
    Completed {
        /// When.
        at: Timestamp,
    },
    /// The acquirer refused it; the money is the shop's again.
    Declined {
        /// DE 39.
        response_code: String,
    },
    /// The shop took it back in time.
    Void,
}

/// A chargeback's dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The scheme's reason, such as `4837`.
    pub reason_code: String,
    /// Until when the shop can answer; no answer accepts the chargeback.
    pub respond_by: Timestamp,
    /// Where it stands.
    pub stage: Stage,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The shop has not answered.
    New,
    /// Evidence is with the gateway.
    Submitted,
    /// More evidence is wanted.
    Ready,
    /// The shop accepted it, or let the time pass.
    Accepted,
    /// Decided for the issuer.
    Lost,
    /// Decided for the shop: the money came back.
    Won,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 6] =
        [Self::New, Self::Submitted, Self::Ready, Self::Accepted, Self::Lost, Self::Won];

    /// A stable word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Submitted => "submitted",
            Self::Ready => "ready",
            Self::Accepted => "accepted",
            Self::Lost => "lost",
            Self::Won => "won",
        }
    }

    /// The stage with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }

    /// Whether the shop can still answer.
    #[must_use]
    pub fn takes_evidence(self) -> bool {
        matches!(self, Self::New | Self::Submitted | Self::Ready)
    }

    /// Whether the shop has to answer before the time is over.
    #[must_use]
    pub fn waits_for_shop(self) -> bool {
        matches!(self, Self::New | Self::Ready)
    }
}

impl Movement {
    /// Where it stands, if it is a refund.
    #[must_use]
    pub fn refund(&self) -> Option<&RefundState> {
        if let Kind::Refund(state) = &self.kind { Some(state) } else { None }
    }

    /// Its dispute, if it is a chargeback.
    #[must_use]
    pub fn dispute(&self) -> Option<&Dispute> {
        if let Kind::Chargeback(dispute) = &self.kind { Some(dispute) } else { None }
    }

    /// Whether it is a refund that counts: paid, or on its way.
    #[must_use]
    pub fn is_refunding(&self) -> bool {
        self.refund().is_some_and(RefundState::counts)
    }

    /// Whether it is a chargeback whose money has not come back.
    #[must_use]
    pub fn is_charged_back(&self) -> bool {
        self.dispute().is_some_and(|dispute| dispute.stage != Stage::Won)
    }

    /// Whether it is a capture.
    #[must_use]
    pub fn is_capture(&self) -> bool {
        matches!(self.kind, Kind::Capture { .. })
    }
}

impl RefundState {
    /// Whether the money is gone, or set aside.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Self::Reserved | Self::Sending | Self::Unknown { .. } | Self::Completed { .. } => true,
            Self::Declined { .. } | Self::Void => false,
        }
    }

    /// Whether it was paid.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed { .. })
    }
}
