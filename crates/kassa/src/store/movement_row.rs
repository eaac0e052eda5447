//! A movement as a row: the facts of its kind are columns, empty where the kind has none.

use super::db::{Columns, Corrupt, Statement, Value};
use super::orders;
use payments::ids::{OrderId, SiteId, TransactionId};
use payments::money::{Amount, Currency};
use payments::movement::{Dispute, Kind, Movement, RefundState, Stage};
use payments::time::Timestamp;

/// The columns of [`parse`], in its order, each behind the alias `m.`.
pub(super) const COLUMNS: &str = "m.id, m.transaction_id, m.reference, m.amount_minor, m.currency, \
     m.created_at, m.modified_at, m.note, m.kind, m.state, m.done_at, m.unanswered, m.code, m.respond_by, \
     m.reverses";

const INSERT: &str = "INSERT INTO movement (site_id, id, modified_at, state, done_at, unanswered, code, \
     respond_by, order_id, transaction_id, reference, kind, amount_minor, currency, created_at, note, reverses) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

const UPDATE: &str = "UPDATE movement SET modified_at = $3, state = $4, done_at = $5, unanswered = $6, \
     code = $7, respond_by = $8 WHERE site_id = $1 AND id = $2";

pub(super) fn insert(site: SiteId, order: &OrderId, movement: &Movement) -> Statement {
    let mut params = state_params(site, movement);
    let reverses = if let Kind::ReverseChargeback { of } = movement.kind { Some(of.0) } else { None };
    params.extend([
        order.as_str().into(),
        movement.of.0.into(),
        movement.order.as_str().into(),
        kind(&movement.kind).into(),
        movement.amount.minor.into(),
        movement.amount.currency.code().into(),
        movement.created_at.0.into(),
        movement.note.as_str().into(),
        reverses.into(),
    ]);
    Statement { sql: INSERT, params }
}

pub(super) fn update(site: SiteId, movement: &Movement) -> Statement {
    Statement { sql: UPDATE, params: state_params(site, movement) }
}

/// The word that a kind is stored as.
pub(crate) fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Capture { .. } => "capture",
        Kind::Cancellation => "cancellation",
        Kind::Refund(_) => "refund",
        Kind::Chargeback(_) => "chargeback",
        Kind::ReverseChargeback { .. } => "reverse_chargeback",
    }
}

/// The word that the state of a kind is stored as; empty for kinds that have none.
pub(crate) fn state(kind: &Kind) -> &'static str {
    match kind {
        Kind::Capture { .. } | Kind::Cancellation | Kind::ReverseChargeback { .. } => "",
        Kind::Refund(RefundState::Reserved) => "reserved",
        Kind::Refund(RefundState::Sending) => "sending",
        Kind::Refund(RefundState::Unknown { .. }) => "unknown",
        Kind::Refund(RefundState::Completed { .. }) => "completed",
        Kind::Refund(RefundState::Declined { .. }) => "declined",
        Kind::Refund(RefundState::Void) => "void",
        Kind::Chargeback(dispute) => dispute.stage.word(),
    }
}

/// What both statements start with: the key, then everything that a move may change.
fn state_params(site: SiteId, movement: &Movement) -> Vec<Value> {
    let (done_at, unanswered, code, respond_by) = match &movement.kind {
        Kind::Capture { told_at } => (*told_at, None, None, None),
        Kind::Refund(RefundState::Unknown { asked }) => (None, Some(*asked), None, None),
        Kind::Refund(RefundState::Completed { at }) => (Some(*at), None, None, None),
        Kind::Refund(RefundState::Declined { response_code }) => {
            (None, None, Some(response_code.as_str()), None)
        }
        Kind::Chargeback(Dispute { reason_code, respond_by, .. }) => {
            (None, None, Some(reason_code.as_str()), Some(*respond_by))
        }
        Kind::Refund(RefundState::Reserved | RefundState::Sending | RefundState::Void)
        | Kind::Cancellation
        | Kind::ReverseChargeback { .. } => (None, None, None, None),
    };
    vec![
        site.0.into(),
        movement.id.0.into(),
        movement.modified_at.0.into(),
        state(&movement.kind).into(),
        done_at.map(|at| at.0).into(),
        unanswered.map(i64::from).into(),
        code.into(),
        respond_by.map(|at| at.0).into(),
    ]
}

/// Reads [`COLUMNS`]; `None` where the outer join found no movement.
pub(super) fn parse(columns: &mut Columns) -> Result<Option<Movement>, Corrupt> {
    let Some(id) = columns.optional_int()? else {
        return Ok(None);
    };
    let wrong = |what: &str| Corrupt(format!("movement {id}: {what}"));
    let of = TransactionId(columns.int()?);
    let order = orders::order_id(columns)?;
    let minor = columns.int()?;
    let currency = Currency::parse(&columns.text()?).ok_or_else(|| wrong("currency"))?;
    let created_at = Timestamp(columns.int()?);
    let modified_at = Timestamp(columns.int()?);
    let note = columns.text()?;
    let (kind, state) = (columns.text()?, columns.text()?);
    let facts = Facts {
        done_at: columns.optional_int()?.map(Timestamp),
        unanswered: columns.optional_int()?.and_then(|count| u32::try_from(count).ok()),
        code: columns.optional_text()?,
        respond_by: columns.optional_int()?.map(Timestamp),
        reverses: columns.optional_int()?.map(TransactionId),
    };
    let kind = facts.kind(&kind, &state).ok_or_else(|| wrong(&format!("{kind} {state} lacks its facts")))?;
    let (id, amount) = (TransactionId(id), Amount::new(minor, currency));
    Ok(Some(Movement { id, of, order, amount, created_at, modified_at, note, kind }))
}

/// The columns that kinds take their facts from.
struct Facts {
    done_at: Option<Timestamp>,
    unanswered: Option<u32>,
    code: Option<String>,
    respond_by: Option<Timestamp>,
    reverses: Option<TransactionId>,
}

impl Facts {
    /// The kind behind two words; `None` when a fact that always belongs to it is missing.
    fn kind(self, kind: &str, state: &str) -> Option<Kind> {
        Some(match (kind, state) {
            ("capture", "") => Kind::Capture { told_at: self.done_at },
            ("cancellation", "") => Kind::Cancellation,
            ("refund", "reserved") => Kind::Refund(RefundState::Reserved),
            ("refund", "sending") => Kind::Refund(RefundState::Sending),
            ("refund", "unknown") => Kind::Refund(RefundState::Unknown { asked: self.unanswered? }),
            ("refund", "completed") => Kind::Refund(RefundState::Completed { at: self.done_at? }),
            ("refund", "declined") => Kind::Refund(RefundState::Declined { response_code: self.code? }),
            ("refund", "void") => Kind::Refund(RefundState::Void),
            ("chargeback", stage) => Kind::Chargeback(Dispute {
                reason_code: self.code?,
                respond_by: self.respond_by?,
                stage: Stage::parse(stage)?,
            }),
            ("reverse_chargeback", "") => Kind::ReverseChargeback { of: self.reverses? },
            _ => return None,
        })
    }
}
