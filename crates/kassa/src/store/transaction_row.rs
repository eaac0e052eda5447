//! A transaction as a row: the state's facts are columns, empty where the state has none.

use super::db::{Columns, Corrupt, Statement, Value};
use super::words;
use payments::card::{Brand, CardSummary, Expiry};
use payments::decline::{Decline, DeclineClass};
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::money::{Amount, Currency};
use payments::ranges::{Funding, Issued};
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::Timestamp;
use payments::transaction::{Approval, Completion, Review, Settlement, State, Transaction};

/// The columns of [`parse`], in its order, each behind the alias `t.`.
pub(super) const COLUMNS: &str = "t.id, t.session_id, t.created_at, t.modified_at, t.amount_minor, t.currency, \
     t.brand, t.bin, t.last4, t.expiry, t.holder, t.settlement, t.state, t.completed_at, t.released_at, \
     t.unanswered, t.authentication_status, t.authentication_flow, t.authentication_reason, \
     t.authentication_cancel, t.eci, t.cavv, t.ds_transaction_id, t.acs_transaction_id, t.threeds_version, \
     t.authorization_code, t.response_code, t.fraud_score, t.cvc_result, t.review_ends_at, t.review_verdict, \
     t.decline_code, t.decline_reason, t.decline_class, t.authorised_until, t.capturing, t.authorised_by, \
     t.token_id, t.token_use, t.issuer_country, t.card_funding, t.card_product, t.completion, t.told_at, t.second_try";

const INSERT: &str = "INSERT INTO payment_transaction (site_id, id, modified_at, state, finished_at, completed_at, \
     released_at, unanswered, authentication_status, authentication_flow, authentication_reason, \
     authentication_cancel, eci, cavv, ds_transaction_id, acs_transaction_id, threeds_version, \
     authorization_code, response_code, fraud_score, cvc_result, review_ends_at, review_verdict, \
     decline_code, decline_reason, decline_class, authorised_until, told_at, order_id, session_id, created_at, \
     amount_minor, currency, brand, bin, last4, expiry, holder, settlement, capturing, authorised_by, \
     token_id, token_use, issuer_country, card_funding, card_product, completion, second_try) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
     $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, \
     $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48)";

const UPDATE: &str = "UPDATE payment_transaction SET modified_at = $3, state = $4, finished_at = $5, completed_at = $6, \
     released_at = $7, unanswered = $8, authentication_status = $9, authentication_flow = $10, \
     authentication_reason = $11, authentication_cancel = $12, eci = $13, cavv = $14, ds_transaction_id = \
     $15, acs_transaction_id = $16, threeds_version = $17, authorization_code = $18, response_code = $19, \
     fraud_score = $20, cvc_result = $21, review_ends_at = $22, review_verdict = $23, decline_code = $24, \
     decline_reason = $25, decline_class = $26, authorised_until = $27, told_at = $28 WHERE site_id = $1 AND id = $2";

pub(super) fn insert(site: SiteId, order: &OrderId, transaction: &Transaction) -> Statement {
    let mut params = state_params(site, transaction);
    let card = &transaction.card;
    params.extend([
        order.as_str().into(),
        transaction.session.as_str().into(),
        transaction.created_at.0.into(),
        transaction.amount.minor.into(),
        transaction.amount.currency.code().into(),
        card.brand.id().into(),
        card.bin.clone().into(),
        card.last4.as_str().into(),
        card.expiry.yymm().into(),
        card.holder.as_str().into(),
        words::settlement(transaction.settlement).into(),
        words::capturing(transaction.capturing).into(),
        transaction.authorised_by.map(|id| id.0).into(),
        transaction.token.as_ref().map(|token| token.id().to_string()).into(),
        transaction.token.as_ref().map(words::token_use).into(),
        card.issued.country.clone().into(),
        card.issued.funding.map(Funding::letter).into(),
        card.issued.product.clone().into(),
        transaction.completion.map(|_| words::BY_ADVICE).into(),
        transaction.second_try.map(|id| id.0).into(),
    ]);
    Statement { sql: INSERT, params }
}

pub(super) fn update(site: SiteId, transaction: &Transaction) -> Statement {
    Statement { sql: UPDATE, params: state_params(site, transaction) }
}

/// The word that a state is stored as.
pub(crate) fn state_word(state: &State) -> &'static str {
    match state {
        State::Authenticating => "authenticating",
        State::Authorising => "authorising",
        State::Unknown { .. } => "unknown",
        State::Reversing { .. } => "reversing",
        State::Uncleared { .. } => "uncleared",
        State::Authorised { .. } => "authorised",
        State::Completed { .. } => "completed",
        State::Declined(_) => "declined",
        State::Expired => "expired",
        State::Void { .. } => "void",
        State::Cancelled => "cancelled",
    }
}

/// What both statements start with: the key, then everything that a move may change.
fn state_params(site: SiteId, transaction: &Transaction) -> Vec<Value> {
    let state = &transaction.state;
    let unanswered = match state {
        State::Unknown { asked: count } | State::Reversing { sent: count } => Some(i64::from(*count)),
        _ => None,
    };
    let (completed_at, released_at) = match state {
        State::Completed { at, .. } | State::Authorised { at, .. } => (Some(at.0), None),
        State::Void { released_at, .. } => (None, released_at.map(|at| at.0)),
        _ => (None, None),
    };
    let finished = !transaction.is_open() && !transaction.is_paid();
    let mut params = vec![
        site.0.into(),
        transaction.id.0.into(),
        transaction.modified_at.0.into(),
        state_word(state).into(),
        finished.then_some(transaction.modified_at.0).into(),
        completed_at.into(),
        released_at.into(),
        unanswered.into(),
    ];
    params.extend(authentication_params(transaction.authentication.as_ref()));
    params.extend(outcome_params(state, transaction.approval()));
    let until = if let State::Authorised { expires_at, .. } = state { Some(expires_at.0) } else { None };
    params.push(until.into());
    let told_at = transaction.completion.and_then(|completion| completion.told_at);
    params.push(told_at.map(|at| at.0).into());
    params
}

fn authentication_params(authentication: Option<&Authentication>) -> [Value; 9] {
    let Some(known) = authentication else {
        return std::array::from_fn(|_| Value::Null);
    };
    [
        known.status.letter().into(),
        known.flow.word().into(),
        known.reason.clone().into(),
        known.cancel.clone().into(),
        known.eci.clone().into(),
        known.cavv.clone().into(),
        known.ds_transaction_id.clone().into(),
        known.acs_transaction_id.clone().into(),
        known.version.as_str().into(),
    ]
}

fn outcome_params(state: &State, approval: Option<&Approval>) -> [Value; 9] {
    let decline = if let State::Declined(decline) = state { Some(decline) } else { None };
    let review = if let State::Uncleared { review, .. } = state { Some(review) } else { None };
    let response_code = approval
        .map(|approval| approval.response_code.clone())
        .or_else(|| decline.and_then(|decline| decline.response_code.clone()));
    [
        approval.map(|approval| approval.authorization_code.as_str()).into(),
        response_code.into(),
        approval.map(|approval| i64::from(approval.fraud_score)).into(),
        approval.and_then(|approval| approval.cvc_result.clone()).into(),
        review.map(|review| review.ends_at.0).into(),
        review.map(|review| words::verdict(review.verdict)).into(),
        decline.map(|decline| i64::from(decline.reason_code)).into(),
        decline.map(|decline| decline.reason.as_str()).into(),
        decline.map(|decline| decline.class.word()).into(),
    ]
}

/// Reads [`COLUMNS`]; `None` where the outer join found no transaction.
pub(super) fn parse(columns: &mut Columns) -> Result<Option<Transaction>, Corrupt> {
    let Some(id) = columns.optional_int()? else {
        return Ok(None);
    };
    let wrong = |what: &str| Corrupt(format!("transaction {id}: {what}"));
    let session = SessionId::parse(&columns.text()?).ok_or_else(|| wrong("session id"))?;
    let created_at = Timestamp(columns.int()?);
    let modified_at = Timestamp(columns.int()?);
    let minor = columns.int()?;
    let currency = Currency::parse(&columns.text()?).ok_or_else(|| wrong("currency"))?;
    let mut card = CardSummary {
        brand: Brand::parse(&columns.text()?).ok_or_else(|| wrong("brand"))?,
        bin: columns.optional_text()?,
        last4: columns.text()?,
        expiry: Expiry::parse_yymm(&columns.text()?).ok_or_else(|| wrong("expiry"))?,
        holder: columns.text()?,
        issued: Issued::default(),
    };
    let settlement: Settlement = words::parse_settlement(&columns.text()?)?;
    let state = columns.text()?;
    let facts = Facts::parse(columns)?;
    let capturing = words::parse_capturing(columns.optional_text()?.as_deref())?;
    let authorised_by = columns.optional_int()?.map(TransactionId);
    let token = columns.optional_text()?.zip(columns.optional_text()?);
    let token = token.map(|(token, used)| words::parse_token_use(&token, &used)).transpose()?;
    card.issued = issued(columns)?;
    let is_by_advice = words::parse_completion(columns.optional_text()?.as_deref())?;
    let told_at = columns.optional_int()?.map(Timestamp);
    let second_try = columns.optional_int()?.map(TransactionId);
    let state = facts.state(&state).ok_or_else(|| wrong(&format!("state {state} lacks its facts")))?;
    Ok(Some(Transaction {
        id: TransactionId(id),
        session,
        created_at,
        modified_at,
        amount: Amount::new(minor, currency),
        card,
        settlement,
        capturing,
        completion: is_by_advice.then_some(Completion { told_at }),
        authorised_by,
        second_try,
        token,
        authentication: facts.authentication,
        state,
    }))
}

fn issued(columns: &mut Columns) -> Result<Issued, Corrupt> {
    let country = columns.optional_text()?;
    let funding = columns
        .optional_text()?
        .map(|letter| Funding::parse(&letter).ok_or_else(|| Corrupt(format!("card funding {letter:?}"))));
    Ok(Issued { country, funding: funding.transpose()?, product: columns.optional_text()? })
}

/// The columns that states take their facts from.
struct Facts {
    completed_at: Option<Timestamp>,
    released_at: Option<Timestamp>,
    unanswered: Option<u32>,
    authentication: Option<Authentication>,
    approval: Option<Approval>,
    review: Option<Review>,
    decline: Option<Decline>,
    authorised_until: Option<Timestamp>,
}

impl Facts {
    fn parse(columns: &mut Columns) -> Result<Self, Corrupt> {
        let completed_at = columns.optional_int()?.map(Timestamp);
        let released_at = columns.optional_int()?.map(Timestamp);
        let unanswered = columns.optional_int()?.and_then(|count| u32::try_from(count).ok());
        let authentication = parse_authentication(columns)?;
        let authorization_code = columns.optional_text()?;
        let response_code = columns.optional_text()?;
        let fraud_score = columns.optional_int()?.and_then(|score| u8::try_from(score).ok());
        let cvc_result = columns.optional_text()?;
        let approval = authorization_code.zip(response_code.clone()).zip(fraud_score).map(
            |((authorization_code, response_code), fraud_score)| Approval {
                authorization_code,
                response_code,
                fraud_score,
                cvc_result,
            },
        );
        let ends_at = columns.optional_int()?.map(Timestamp);
        let verdict = columns.optional_text()?.map(|word| words::parse_verdict(&word)).transpose()?;
        let review = ends_at.zip(verdict).map(|(ends_at, verdict)| Review { ends_at, verdict });
        let reason_code = columns.optional_int()?.and_then(|code| u16::try_from(code).ok());
        let reason = columns.optional_text()?;
        let class = columns.optional_text()?.and_then(|word| DeclineClass::parse(&word));
        let decline = reason_code.zip(reason).zip(class).map(|((reason_code, reason), class)| Decline {
            reason_code,
            reason,
            response_code,
            class,
        });
        let authorised_until = columns.optional_int()?.map(Timestamp);
        Ok(Self {
            completed_at,
            released_at,
            unanswered,
            authentication,
            approval,
            review,
            decline,
            authorised_until,
        })
    }

    /// The state behind a word; `None` when a fact that always belongs to it is missing.
    fn state(&self, word: &str) -> Option<State> {
        let approval = || self.approval.clone();
        Some(match word {
            "authenticating" => State::Authenticating,
            "authorising" => State::Authorising,
            "unknown" => State::Unknown { asked: self.unanswered? },
            "reversing" => State::Reversing { sent: self.unanswered? },
            "uncleared" => State::Uncleared { approval: approval()?, review: self.review? },
            "authorised" => State::Authorised {
                approval: approval()?,
                at: self.completed_at?,
                expires_at: self.authorised_until?,
            },
            "completed" => State::Completed { approval: approval()?, at: self.completed_at? },
            "declined" => State::Declined(self.decline.clone()?),
            "expired" => State::Expired,
            "void" => State::Void { approval: approval()?, released_at: self.released_at },
            "cancelled" => State::Cancelled,
            _ => return None,
        })
    }
}

fn parse_authentication(columns: &mut Columns) -> Result<Option<Authentication>, Corrupt> {
    let status = columns.optional_text()?;
    let flow = columns.optional_text()?;
    let rest: [Option<String>; 7] = [
        columns.optional_text()?,
        columns.optional_text()?,
        columns.optional_text()?,
        columns.optional_text()?,
        columns.optional_text()?,
        columns.optional_text()?,
        columns.optional_text()?,
    ];
    let Some(status) = status else {
        return Ok(None);
    };
    let status = TransStatus::parse(&status).ok_or_else(|| Corrupt(format!("transStatus {status:?}")))?;
    let flow = match flow.as_deref() {
        Some("challenge") => Flow::Challenge,
        Some("frictionless") => Flow::Frictionless,
        other => return Err(Corrupt(format!("authentication flow {other:?}"))),
    };
    let [reason, cancel, eci, cavv, ds_transaction_id, acs_transaction_id, version] = rest;
    let version = version.ok_or_else(|| Corrupt("an authentication without a version".to_owned()))?;
    Ok(Some(Authentication {
        status,
        flow,
        reason,
        cancel,
        eci,
        cavv,
        ds_transaction_id,
        acs_transaction_id,
        version,
    }))
}
