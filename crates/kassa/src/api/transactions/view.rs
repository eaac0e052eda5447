//! An entry of the list, and how it is shown.

use super::filter::ORDER_WORDS;
use crate::api::order_view::{self, DisputeView, FINANCIAL_STATUSES, completed_at, describe, wall_clock};
use crate::api::refunds::Note;
use anyhow::Context as _;
use jiff::tz::TimeZone;
use payments::card::Brand;
use payments::ids::TransactionId;
use payments::money::Amount;
use payments::movement::{Kind, Movement, RefundState, Stage};
use payments::order::Order;
use payments::status::{self, Status};
use payments::time::Timestamp;
use payments::transaction::{Capturing, State, Transaction};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A payment, or what happened to its money.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    order: &'a Order,
    moved: Moved<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Moved<'a> {
    Payment(&'a Transaction),
    Movement(&'a Movement, Back),
}

/// The kinds of movements that are entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    Refund,
    Chargeback,
    ReverseChargeback,
}

impl<'a> Entry<'a> {
    /// The entry of `order` with this PSP id. Captures and cancellations are none.
    pub(super) fn find(order: &'a Order, id: TransactionId) -> Option<Self> {
        if let Some(payment) = order.transaction(id) {
            return Some(Self { order, moved: Moved::Payment(payment) });
        }
        let movement = order.movement(id)?;
        let back = match movement.kind {
            Kind::Refund(_) => Back::Refund,
            Kind::Chargeback(_) => Back::Chargeback,
            Kind::ReverseChargeback { .. } => Back::ReverseChargeback,
            Kind::Capture { .. } | Kind::Cancellation => return None,
        };
        Some(Self { order, moved: Moved::Movement(movement, back) })
    }

    /// The pair of its status words.
    pub(super) fn status(&self) -> Status {
        match self.moved {
            Moved::Payment(payment) => status::of_attempt(self.order, payment),
            Moved::Movement(movement, _) => status::of_movement(movement),
        }
    }

    /// When it was completed, if it was: a dispute is when it is decided.
    pub(super) fn completed_at(&self) -> Option<Timestamp> {
        let movement = match self.moved {
            Moved::Payment(payment) => return completed_at(payment),
            Moved::Movement(movement, _) => movement,
        };
        match &movement.kind {
            Kind::Refund(RefundState::Completed { at }) => Some(*at),
            Kind::Refund(_) | Kind::Capture { .. } | Kind::Cancellation => None,
            Kind::Chargeback(dispute) => {
                let is_over = matches!(dispute.stage, Stage::Accepted | Stage::Lost | Stage::Won);
                is_over.then_some(movement.modified_at)
            }
            Kind::ReverseChargeback { .. } => Some(movement.created_at),
        }
    }

    fn kind(&self) -> &'static str {
        match self.moved {
            Moved::Payment(_) => "payment",
            Moved::Movement(_, Back::Refund) => "refund",
            Moved::Movement(_, Back::Chargeback) => "chargeback",
            Moved::Movement(_, Back::ReverseChargeback) => "reverse_chargeback",
        }
    }

    fn debit_credit(&self) -> &'static str {
        match self.moved {
            Moved::Payment(_) | Moved::Movement(_, Back::ReverseChargeback) => "C",
            Moved::Movement(_, Back::Refund | Back::Chargeback) => "D",
        }
    }

    /// What was to be paid; once it is, what was collected under the order's own reference. What was captured in
    /// parts has their orders' entries.
    fn amount(&self) -> Amount {
        match self.moved {
            Moved::Payment(Transaction {
                state: State::Completed { .. },
                capturing: Capturing::Manual,
                amount,
                ..
            }) => Amount::new(self.order.collected(), amount.currency),
            Moved::Payment(payment) => payment.amount,
            Moved::Movement(movement, _) => movement.amount,
        }
    }

    fn brand(&self) -> Option<Brand> {
        match self.moved {
            Moved::Payment(payment) => Some(payment.card.brand),
            Moved::Movement(movement, _) => {
                self.order.transaction(movement.of).map(|payment| payment.card.brand)
            }
        }
    }
}

/// An entry as it is shown. `completed` is left out until it is, `dispute` but for chargebacks, and `invoice_id` until
/// the shop has noted one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Transaction")]
pub(super) struct View {
    amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<String>,
    #[schemars(length(equal = 0))]
    costs: Vec<()>,
    created: String,
    currency: &'static str,
    customer: CustomerView,
    #[schemars(extend("enum" = ["C", "D"]))]
    debit_credit: &'static str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<DisputeView>,
    #[schemars(extend("enum" = financial_words()))]
    financial_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<String>,
    /// The amount less the costs, of which there are none.
    net: i64,
    order_id: String,
    payment_method: Option<&'static str>,
    site_id: i64,
    #[schemars(extend("enum" = ORDER_WORDS))]
    status: &'static str,
    transaction_id: i64,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["payment", "refund", "chargeback", "reverse_chargeback"]))]
    kind: &'static str,
    updated: String,
    var1: Option<String>,
    var2: Option<String>,
    var3: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TransactionCustomer")]
struct CustomerView {
    email: Option<String>,
    first_name: Option<String>,
    /// Cards have none.
    iban: (),
    last_name: Option<String>,
}

/// An order's words, and that of a movement that is not over.
fn financial_words() -> Vec<Option<&'static str>> {
    FINANCIAL_STATUSES.into_iter().chain([Some("reserved")]).collect()
}

/// What the shop said of an entry.
struct Words {
    description: String,
    invoice_id: Option<String>,
    vars: [Option<String>; 3],
}

impl View {
    /// The entry with the times of `zone`.
    pub(super) fn of(entry: &Entry<'_>, zone: &TimeZone) -> anyhow::Result<Self> {
        let order = entry.order;
        let show = || Self::show(entry, zone);
        show().with_context(|| format!("listing order {} of site {}", order.id, order.site))
    }

    fn show(entry: &Entry<'_>, zone: &TimeZone) -> anyhow::Result<Self> {
        let Entry { order, moved } = entry;
        let details = order_view::details(order)?;
        let status = entry.status();
        let amount = entry.amount();
        let (id, order_id, created_at, updated_at, words) = match moved {
            Moved::Payment(payment) => {
                let words = Words {
                    description: order.terms.description.clone(),
                    invoice_id: invoice(order),
                    vars: [details.var1, details.var2, details.var3],
                };
                (payment.id, &order.id, payment.created_at, payment.modified_at, words)
            }
            Moved::Movement(movement, _) => {
                let words = Words::of(order, movement);
                (movement.id, &movement.order, movement.created_at, movement.modified_at, words)
            }
        };
        let dispute = if let Moved::Movement(movement, _) = moved { movement.dispute() } else { None };
        let [var1, var2, var3] = words.vars;
        Ok(Self {
            amount: amount.minor,
            completed: entry.completed_at().map(|at| wall_clock(at, zone)).transpose()?,
            costs: Vec::new(),
            created: wall_clock(created_at, zone)?,
            currency: amount.currency.code(),
            customer: CustomerView {
                email: details.customer.email,
                first_name: details.customer.first_name,
                iban: (),
                last_name: details.customer.last_name,
            },
            debit_credit: entry.debit_credit(),
            description: words.description,
            dispute: dispute.map(|dispute| DisputeView::of(dispute, zone)).transpose()?,
            financial_status: status.financial,
            invoice_id: words.invoice_id,
            net: amount.minor,
            order_id: order_id.as_str().to_owned(),
            payment_method: entry.brand().map(Brand::id),
            site_id: order.site.0,
            status: status.order,
            transaction_id: id.0,
            kind: entry.kind(),
            updated: wall_clock(updated_at, zone)?,
            var1,
            var2,
            var3,
        })
    }
}

impl Words {
    fn of(order: &Order, movement: &Movement) -> Self {
        let note: Note = serde_json::from_str(&movement.note).unwrap_or_default();
        Self {
            description: note.description.unwrap_or_else(|| describe(movement, &order.id)),
            invoice_id: note.invoice_id,
            vars: [note.var1, note.var2, note.var3],
        }
    }
}

/// The invoice that the shop noted on the order.
fn invoice(order: &Order) -> Option<String> {
    let notes: Value = serde_json::from_str(&order.annotations).ok()?;
    notes.get("invoice_id")?.as_str().map(str::to_owned)
}
