//! The words that states are stored as.

use super::db::Corrupt;
use payments::change::Job;
use payments::ids::TokenId;
use payments::ids::{SessionId, TransactionId};
use payments::session::Ending;
use payments::token::TokenUse;
use payments::transaction::{Capturing, Settlement, Verdict};

pub(super) fn ending(why: Ending) -> &'static str {
    match why {
        Ending::Expired => "expired",
        Ending::Cancelled => "cancelled",
        Ending::Replaced => "replaced",
    }
}

pub(super) fn parse_ending(word: &str) -> Result<Ending, Corrupt> {
    match word {
        "expired" => Ok(Ending::Expired),
        "cancelled" => Ok(Ending::Cancelled),
        "replaced" => Ok(Ending::Replaced),
        other => Err(Corrupt(format!("session end {other:?}"))),
    }
}

pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Reject => "reject",
    }
}

pub(crate) fn parse_verdict(word: &str) -> Result<Verdict, Corrupt> {
    match word {
        "accept" => Ok(Verdict::Accept),
        "reject" => Ok(Verdict::Reject),
        other => Err(Corrupt(format!("verdict {other:?}"))),
    }
}

pub(super) fn settlement(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Gateway => "gateway",
        Settlement::Scheme => "scheme",
    }
}

pub(super) fn parse_settlement(word: &str) -> Result<Settlement, Corrupt> {
    match word {
        "gateway" => Ok(Settlement::Gateway),
        "scheme" => Ok(Settlement::Scheme),
        other => Err(Corrupt(format!("settlement {other:?}"))),
    }
}

/// NULL is the usual way: collected at once.
pub(super) fn capturing(capturing: Capturing) -> Option<&'static str> {
    match capturing {
        Capturing::Immediate => None,
        Capturing::Manual => Some("manual"),
    }
}

pub(super) fn parse_capturing(word: Option<&str>) -> Result<Capturing, Corrupt> {
    match word {
        None => Ok(Capturing::Immediate),
        Some("manual") => Ok(Capturing::Manual),
        Some(other) => Err(Corrupt(format!("capturing {other:?}"))),
    }
}

/// A payment whose acquirer has to be told to collect it. NULL is the usual way: nothing has to be said.
pub(super) const BY_ADVICE: &str = "advice";

/// Whether the acquirer has to be told to collect.
pub(super) fn parse_completion(word: Option<&str>) -> Result<bool, Corrupt> {
    match word {
        None => Ok(false),
        Some(BY_ADVICE) => Ok(true),
        Some(other) => Err(Corrupt(format!("completion {other:?}"))),
    }
}

pub(super) fn token_use(token: &TokenUse) -> &'static str {
    match token {
        TokenUse::Keeps(_) => "keeps",
        TokenUse::Known(_) => "known",
    }
}

pub(super) fn parse_token_use(token: &str, word: &str) -> Result<TokenUse, Corrupt> {
    let id = TokenId::parse(token).ok_or_else(|| Corrupt("a token that is none".to_owned()))?;
    match word {
        "keeps" => Ok(TokenUse::Keeps(id)),
        "known" => Ok(TokenUse::Known(id)),
        other => Err(Corrupt(format!("use of a token {other:?}"))),
    }
}

/// A job's kind and what it is about.
pub(super) fn job(job: &Job) -> (&'static str, String) {
    match job {
        Job::ExpireSession(session) => ("expire_session", session.to_string()),
        Job::ExpireTransaction(transaction) => ("expire_transaction", transaction.to_string()),
        Job::ResolveUnknown(transaction) => ("resolve_unknown", transaction.to_string()),
        Job::EndReview(transaction) => ("end_review", transaction.to_string()),
        Job::ReleaseApproval(transaction) => ("release_approval", transaction.to_string()),
        Job::ExpireAuthorisation(transaction) => ("expire_authorisation", transaction.to_string()),
        Job::SendCapture(capture) => ("send_capture", capture.to_string()),
        Job::SendCompletion(transaction) => ("send_completion", transaction.to_string()),
        Job::SendRefund(refund) => ("send_refund", refund.to_string()),
        Job::EndDispute(chargeback) => ("end_dispute", chargeback.to_string()),
    }
}

pub(super) fn parse_job(kind: &str, subject: &str) -> Result<Job, Corrupt> {
    let unknown = || Corrupt(format!("job {kind} of {subject:?}"));
    let transaction = || subject.parse().map(TransactionId).map_err(|_| unknown());
    match kind {
        "expire_session" => SessionId::parse(subject).map(Job::ExpireSession).ok_or_else(unknown),
        "expire_transaction" => transaction().map(Job::ExpireTransaction),
        "resolve_unknown" => transaction().map(Job::ResolveUnknown),
        "end_review" => transaction().map(Job::EndReview),
        "release_approval" => transaction().map(Job::ReleaseApproval),
        "expire_authorisation" => transaction().map(Job::ExpireAuthorisation),
        "send_capture" => transaction().map(Job::SendCapture),
        "send_completion" => transaction().map(Job::SendCompletion),
        "send_refund" => transaction().map(Job::SendRefund),
        "end_dispute" => transaction().map(Job::EndDispute),
        _ => Err(unknown()),
    }
}
