//! Changes as statements: one `match`, one statement per change, all guarded by the order's version.

use super::db::{Key, Statement, Value, Write, WriteError, statement};
use super::{KeptAnswer, Store, authentications, events, list, movement_row, tokens, transaction_row, words};
use payments::change::{Change, Job};
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::ledger::{Step, Transfer};
use payments::movement::Kind;
use payments::order::{Order, Terms};
use payments::session::{Ending, Session};
use payments::time::Timestamp;
use tracing::Instrument as _;

/// What a commit of changes is about.
struct Subject<'a> {
    site: SiteId,
    order: &'a OrderId,
    /// The version after the commit.
    version: i64,
    now: Timestamp,
}

impl Store {
    /// Commits the changes of one decision about an order of which `known` was looked at, or nothing, and with
    /// them the answer of the request that asked for them, when it has to be kept.
    ///
    /// # Errors
    /// [`WriteError::Stale`] when the order is no longer as `known`, or the request's key has an answer already:
    /// look again and decide again.
    pub(crate) async fn commit_answering(
        &self,
        site: SiteId,
        order: &OrderId,
        known: Option<&Order>,
        changes: &[Change],
        answer: Option<&KeptAnswer>,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let version = known.map_or(1, |known| known.version.saturating_add(1));
        let subject = Subject { site, order, version, now };
        let mut rest = Vec::with_capacity(changes.len().saturating_add(1));
        let mut first = known.map(|known| touch(&subject, known.version, known.modified_by(changes, now)));
        for change in changes {
            match (change, known) {
                (Change::OrderPlaced(order), None) => {
                    first = Some(insert_order(order, &subject));
                    rest.push(insert_session(&subject, &order.session));
                }
                (Change::PartCaptured { order, collect }, _) => {
                    rest.extend(insert_part(order, *collect, &subject));
                }
                (Change::SessionOpened(session), _) => {
                    rest.push(insert_session(&subject, session));
                    rest.push(point_at_session(&subject, session));
                }
                (Change::NotificationDue, _) => {
                    rest.push(notification_superseded(&subject));
                    rest.push(notification_due(&subject));
                    let next = Order::after(known, changes, now);
                    rest.extend(next.map(|next| events::insert(&next, now)));
                }
                (Change::MovementOpened(movement), _) => {
                    rest.push(movement_row::insert(site, order, movement));
                    if matches!(movement.kind, Kind::Refund(_) | Kind::Chargeback(_)) {
                        rest.push(list::give_back(site, movement.of, now));
                    }
                }
                (change, _) => rest.extend(statement_of(change, &subject)),
            }
            rest.extend(authenticated_no_more(change, known));
            rest.extend(not_tried_again(change, changes, known));
        }
        rest.extend(answer.into_iter().flat_map(|answer| answer.statements(now)));
        let Some(first) = first else {
            return Err(WriteError::Failed("a commit without an order".to_owned()));
        };
        let write = Write { key: key_of(site, order), first, rest, guarded: true };
        self.db.write(write).instrument(tracing::trace_span!("commit")).await?;
        // Of a new order nobody knows when it is looked at; one that changes is in the middle of a payment.
        if let Some(next) = known.and_then(|known| Order::after(Some(known), changes, now)) {
            self.seen.keep(next);
        }
        Ok(())
    }
}

/// The card of an authentication is kept no longer than that lasts.
fn authenticated_no_more(change: &Change, known: Option<&Order>) -> Option<Statement> {
    let (Change::TransactionMoved(moved), Some(known)) = (change, known) else { return None };
    let before = known.transaction(moved.id)?;
    let over = before.is_authenticating() && !moved.is_authenticating();
    over.then(|| authentications::wipe(known.site, moved.id))
}

/// The card of a second try is kept no longer than there can still be one.
fn not_tried_again(change: &Change, changes: &[Change], known: Option<&Order>) -> Option<Statement> {
    let (Change::TransactionMoved(first), Some(known)) = (change, known) else { return None };
    let was_open = known.transaction(first.id)?.is_open();
    let second = first.second_try.filter(|_| was_open && !first.is_open())?;
    let opens = |change: &Change| matches!(change, Change::TransactionOpened(opened) if opened.id == second);
    (!changes.iter().any(opens)).then(|| authentications::wipe(known.site, second))
}

/// All writes about one order share this key. One with another key would be done by another writer, and each could
/// wait for what the other has locked until the database notices.
pub(crate) fn key_of(site: SiteId, order: &OrderId) -> Key {
    Key::Order(format!("{site}:{order}"))
}

fn statement_of(change: &Change, subject: &Subject<'_>) -> Option<Statement> {
    Some(match change {
        // Written above: these take more than one statement.
        Change::OrderPlaced(_)
        | Change::PartCaptured { .. }
        | Change::SessionOpened(_)
        | Change::MovementOpened(_)
        | Change::NotificationDue => return None,
        Change::TermsReplaced(terms) => replace_terms(terms, subject),
        Change::SessionEnded { session, why, at } => end_session(subject, session, *why, *at),
        Change::AttemptCounted { session, attempts } => statement(
            "UPDATE session SET attempts = $1 WHERE site_id = $2 AND id = $3",
            [i64::from(*attempts).into(), subject.site.0.into(), session.as_str().into()],
        ),
        Change::TransactionOpened(transaction) => {
            transaction_row::insert(subject.site, subject.order, transaction)
        }
        Change::TransactionMoved(transaction) => transaction_row::update(subject.site, transaction),
        Change::MovementMoved(movement) => movement_row::update(subject.site, movement),
        Change::Shipped { at } => statement(
            "UPDATE shop_order SET shipped_at = $1 WHERE site_id = $2 AND order_id = $3",
            [at.0.into(), subject.site.0.into(), subject.order.as_str().into()],
        ),
        Change::Annotated(annotations) => statement(
            "UPDATE shop_order SET annotations = $1 WHERE site_id = $2 AND order_id = $3",
            [annotations.as_str().into(), subject.site.0.into(), subject.order.as_str().into()],
        ),
        Change::TokenKept(token) => tokens::insert(subject.site, token, subject.now),
        Change::TokenUsable { token, at } => tokens::make_usable(subject.site, *token, *at),
        Change::TokenDropped(token) => tokens::delete(subject.site, *token),
        Change::Transferred { transaction, step, transfer } => {
            transferred(subject, *transaction, *step, *transfer)
        }
        Change::JobDue { job, at } => job_due(subject, job, *at),
        Change::JobDone(job) => {
            let (kind, about) = words::job(job);
            statement(
                "DELETE FROM job WHERE site_id = $1 AND kind = $2 AND subject = $3",
                [subject.site.0.into(), kind.into(), about.into()],
            )
        }
    })
}

fn transferred(subject: &Subject<'_>, of: TransactionId, step: Step, transfer: Transfer) -> Statement {
    statement(
        "INSERT INTO ledger_transfer (site_id, transaction_id, step, order_id, debit, credit, \
         amount_minor, currency, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            subject.site.0.into(),
            of.0.into(),
            step.word().into(),
            subject.order.as_str().into(),
            transfer.debit.word().into(),
            transfer.credit.word().into(),
            transfer.amount.minor.into(),
            transfer.amount.currency.code().into(),
            subject.now.0.into(),
        ],
    )
}

/// A captured part, paid from the start. Its order id may be taken by somebody faster: then nothing of the whole
/// commit happens.
fn insert_part(part: &Order, collect: Option<Transfer>, from: &Subject<'_>) -> Vec<Statement> {
    let subject = Subject { order: &part.id, version: 1, ..*from };
    let session = &part.session;
    let mut statements = vec![
        Statement { sql: INSERT_PART, ..insert_order(part, &subject) },
        insert_session(&subject, session),
    ];
    statements.extend(session.ended.map(|ended| end_session(&subject, &session.id, ended.why, ended.at)));
    for payment in &part.transactions {
        statements.push(transaction_row::insert(subject.site, &part.id, payment));
        let transfer = collect.map(|collect| transferred(&subject, payment.id, Step::Collect, collect));
        statements.extend(transfer);
    }
    statements
}

fn end_session(subject: &Subject<'_>, session: &SessionId, why: Ending, at: Timestamp) -> Statement {
    statement(
        "UPDATE session SET ended_at = $1, ended_why = $2 WHERE site_id = $3 AND id = $4",
        [at.0.into(), words::ending(why).into(), subject.site.0.into(), session.as_str().into()],
    )
}

/// The guard: the order is as it was when it was decided upon.
fn touch(subject: &Subject<'_>, known: i64, modified_at: Timestamp) -> Statement {
    statement(
        "UPDATE shop_order SET version = $1, modified_at = $2 \
         WHERE site_id = $3 AND order_id = $4 AND version = $5",
        [
            subject.version.into(),
            modified_at.0.into(),
            subject.site.0.into(),
            subject.order.as_str().into(),
            known.into(),
        ],
    )
}

const INSERT_ORDER: &str = "INSERT INTO shop_order (site_id, order_id, version, gateway, currency, \
     amount_minor, description, details, session_id, created_at, modified_at, capturing, recurring_model, \
     customer_reference, captured_from) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14) \
     ON CONFLICT (site_id, order_id) DO NOTHING";
const INSERT_PART: &str = "INSERT INTO shop_order (site_id, order_id, version, gateway, currency, \
     amount_minor, description, details, session_id, created_at, modified_at, capturing, recurring_model, \
     customer_reference, captured_from) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14)";

/// The guard of a new order: nobody has placed it meanwhile.
fn insert_order(order: &Order, subject: &Subject<'_>) -> Statement {
    let terms = &order.terms;
    let recurring = terms.recurring.as_ref();
    statement(
        INSERT_ORDER,
        [
            order.site.0.into(),
            order.id.as_str().into(),
            subject.version.into(),
            terms.gateway.map(|gateway| gateway.id()).into(),
            terms.amount.currency.code().into(),
            terms.amount.minor.into(),
            terms.description.as_str().into(),
            terms.details.as_str().into(),
            order.session.id.as_str().into(),
            subject.now.0.into(),
            words::capturing(terms.capturing).into(),
            recurring.map(|recurring| recurring.model.word()).into(),
            recurring.map(|recurring| recurring.reference.as_str()).into(),
            order.captured_from.as_ref().map(OrderId::as_str).into(),
        ],
    )
}

fn replace_terms(terms: &Terms, subject: &Subject<'_>) -> Statement {
    let recurring = terms.recurring.as_ref();
    statement(
        "UPDATE shop_order SET gateway = $1, currency = $2, amount_minor = $3, description = $4, details = $5, \
         capturing = $6, recurring_model = $7, customer_reference = $8 WHERE site_id = $9 AND order_id = $10",
        [
            terms.gateway.map(|gateway| gateway.id()).into(),
            terms.amount.currency.code().into(),
            terms.amount.minor.into(),
            terms.description.as_str().into(),
            terms.details.as_str().into(),
            words::capturing(terms.capturing).into(),
            recurring.map(|recurring| recurring.model.word()).into(),
            recurring.map(|recurring| recurring.reference.as_str()).into(),
            subject.site.0.into(),
            subject.order.as_str().into(),
        ],
    )
}

fn insert_session(subject: &Subject<'_>, session: &Session) -> Statement {
    statement(
        "INSERT INTO session (site_id, id, order_id, opened_at, ends_at, attempts, views, digest) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
        [
            subject.site.0.into(),
            session.id.as_str().into(),
            subject.order.as_str().into(),
            session.opened_at.0.into(),
            session.ends_at.0.into(),
            i64::from(session.attempts).into(),
            Value::Blob(session.digest.to_vec()),
        ],
    )
}

fn point_at_session(subject: &Subject<'_>, session: &Session) -> Statement {
    statement(
        "UPDATE shop_order SET session_id = $1 WHERE site_id = $2 AND order_id = $3",
        [session.id.as_str().into(), subject.site.0.into(), subject.order.as_str().into()],
    )
}

/// What the shop was to hear and has not, and is not being told right now, goes into the history.
fn notification_superseded(subject: &Subject<'_>) -> Statement {
    statement(
        "INSERT INTO notification_attempt (site_id, order_id, lease_epoch, version, try, method, url, \
         started_at, duration_ms, verdict, answer, status) \
         SELECT site_id, order_id, lease_epoch, version_wanted, 0, '', '', CAST($1 AS BIGINT), 0, \
         'superseded', '', '' FROM notification WHERE site_id = $2 AND order_id = $3 \
         AND version_wanted > version_acked AND lease_until <= $1 \
         AND (due_at IS NOT NULL OR parked_at IS NOT NULL)",
        [subject.now.0.into(), subject.site.0.into(), subject.order.as_str().into()],
    )
}

/// Arms the order's outbox row for its new version: the tries start over, unless a shop that timed out may
/// still be at work.
fn notification_due(subject: &Subject<'_>) -> Statement {
    statement(
        "INSERT INTO notification (site_id, order_id, version_wanted, version_acked, tries, first_at, due_at, \
         not_before, lease_until, lease_epoch) VALUES ($1, $2, $3, 0, 0, $4, $4, 0, 0, 0) \
         ON CONFLICT (site_id, order_id) DO UPDATE SET version_wanted = excluded.version_wanted, tries = 0, \
         first_at = excluded.first_at, parked_at = NULL, \
         due_at = CASE WHEN notification.not_before > excluded.due_at THEN notification.not_before \
         ELSE excluded.due_at END",
        [subject.site.0.into(), subject.order.as_str().into(), subject.version.into(), subject.now.0.into()],
    )
}

fn job_due(subject: &Subject<'_>, job: &Job, at: Timestamp) -> Statement {
    let (kind, about) = words::job(job);
    statement(
        "INSERT INTO job (site_id, kind, subject, order_id, due_at, lease_until, lease_epoch) \
         VALUES ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (site_id, kind, subject) DO UPDATE SET \
         due_at = excluded.due_at, lease_until = 0, lease_epoch = job.lease_epoch + 1",
        [subject.site.0.into(), kind.into(), about.into(), subject.order.as_str().into(), at.0.into()],
    )
}
