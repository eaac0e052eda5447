//! The words that states are stored as.

use super::db::Corrupt;
use payments::change::Job;
use payments::ids::{SessionId, TransactionId};
use payments::session::Ending;
use payments::transaction::{Settlement, Verdict};

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

/// A job's kind and what it is about.
pub(super) fn job(job: &Job) -> (&'static str, String) {
    match job {
        Job::ExpireSession(session) => ("expire_session", session.to_string()),
        Job::ExpireTransaction(transaction) => ("expire_transaction", transaction.to_string()),
        Job::ResolveUnknown(transaction) => ("resolve_unknown", transaction.to_string()),
        Job::EndReview(transaction) => ("end_review", transaction.to_string()),
        Job::ReleaseApproval(transaction) => ("release_approval", transaction.to_string()),
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
        _ => Err(unknown()),
    }
}
