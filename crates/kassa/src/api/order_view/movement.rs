//! `related_transactions`: what happened to the money of an order since it was paid.

use super::wall_clock;
use crate::api::refunds::Note;
use jiff::tz::TimeZone;
use payments::ids::OrderId;
use payments::movement::{Dispute, Kind, Movement, Stage};
use payments::order::Order;
use payments::status;
use schemars::JsonSchema;
use serde::Serialize;

/// An entry of `related_transactions`. `dispute` is there for chargebacks only, `refund_order_id` for refunds that
/// were given a reference of their own.
#[derive(Serialize, JsonSchema)]
pub(super) struct Related {
    amount: i64,
    costs: [(); 0],
    created: String,
    currency: &'static str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<DisputeView>,
    modified: String,
    order_id: String,
    reference_transaction_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_order_id: Option<String>,
    #[schemars(extend("enum" = ["completed", "declined", "reserved", "void"]))]
    status: &'static str,
    transaction_id: i64,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["auth-cancellation", "capture", "chargeback", "refund", "reverse-chargeback"]))]
    kind: &'static str,
    var1: Option<String>,
    var2: Option<String>,
    var3: Option<String>,
}

/// A dispute, in the schemes' words.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct DisputeView {
    /// Until when the shop can answer it.
    merchant_response_date: String,
    reason_code: String,
    reason_description: &'static str,
    #[schemars(extend("enum" = ["accepted", "closed", "new", "ready", "submitted"]))]
    status: &'static str,
}

/// Every movement, oldest first; `None` when there is none. Some plugins take an entry for a capture, whatever it
/// is, so nothing else belongs here.
pub(super) fn all(order: &Order, zone: &TimeZone) -> anyhow::Result<Option<Vec<Related>>> {
    if order.movements.is_empty() {
        return Ok(None);
    }
    let related = order.movements.iter().map(|movement| Related::of(order, movement, zone));
    related.collect::<anyhow::Result<_>>().map(Some)
}

impl Related {
    fn of(order: &Order, movement: &Movement, zone: &TimeZone) -> anyhow::Result<Self> {
        let note: Note = serde_json::from_str(&movement.note).unwrap_or_default();
        let own_reference = movement.refund().is_some() && movement.order != order.id;
        Ok(Self {
            amount: movement.amount.minor,
            costs: [],
            created: wall_clock(movement.created_at, zone)?,
            currency: movement.amount.currency.code(),
            description: note.description.unwrap_or_else(|| describe(movement, &order.id)),
            dispute: movement.dispute().map(|dispute| DisputeView::of(dispute, zone)).transpose()?,
            modified: wall_clock(movement.modified_at, zone)?,
            order_id: movement.order.as_str().to_owned(),
            reference_transaction_id: reference(movement),
            refund_order_id: own_reference.then(|| movement.order.as_str().to_owned()),
            status: status::of_movement(movement).order,
            transaction_id: movement.id.0,
            kind: word(&movement.kind),
            var1: note.var1,
            var2: note.var2,
            var3: note.var3,
        })
    }
}

impl DisputeView {
    /// The dispute with the times of `zone`.
    pub(in crate::api) fn of(dispute: &Dispute, zone: &TimeZone) -> anyhow::Result<Self> {
        Ok(Self {
            merchant_response_date: wall_clock(dispute.respond_by, zone)?,
            reason_code: dispute.reason_code.clone(),
            reason_description: reason(&dispute.reason_code),
            status: match dispute.stage {
                Stage::New => "new",
                Stage::Submitted => "submitted",
                Stage::Ready => "ready",
                Stage::Accepted => "accepted",
                Stage::Lost | Stage::Won => "closed",
            },
        })
    }
}

/// What a movement is of: its payment, or the chargeback that it reverses.
fn reference(movement: &Movement) -> i64 {
    if let Kind::ReverseChargeback { of } = movement.kind { of.0 } else { movement.of.0 }
}

/// The word of `related_transactions[].type`.
fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Capture { .. } => "capture",
        Kind::Cancellation => "auth-cancellation",
        Kind::Refund(_) => "refund",
        Kind::Chargeback(_) => "chargeback",
        Kind::ReverseChargeback { .. } => "reverse-chargeback",
    }
}

/// What a movement is called when the shop gave it no description.
pub(in crate::api) fn describe(movement: &Movement, order: &OrderId) -> String {
    let what = match &movement.kind {
        Kind::Capture { .. } => "Capture of",
        Kind::Cancellation => "Cancelled authorisation of",
        Kind::Refund(_) => "Refund of",
        Kind::Chargeback(_) => "Chargeback of",
        Kind::ReverseChargeback { .. } => "Reversed chargeback of",
    };
    format!("{what} order {order}")
}

/// What the schemes' reason codes mean, in a few words.
fn reason(code: &str) -> &'static str {
    match code {
        "10.4" | "4837" | "4863" | "4526" | "4540" | "4573" | "4798" | "6006" => "Fraud",
        "4808" => "Authorisation",
        "12.2" | "12.5" | "12.6" | "4831" | "4834" | "4512" | "4513" | "4515" | "4516" | "4517" | "4534" => {
            "Processing error"
        }
        "13.1" => "Goods or services not received",
        "13.2" => "Recurring payment cancelled",
        "13.3" => "Not as described",
        "13.4" => "Counterfeit",
        "13.5" => "Misrepresentation",
        "13.6" => "Credit not processed",
        "13.7" => "Goods or services cancelled",
        "4841" | "4853" | "4544" | "4553" | "4554" => "Customer dispute",
        _ => "Other",
    }
}
