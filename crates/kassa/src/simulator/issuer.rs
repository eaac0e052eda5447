//! The simulated issuer: what it remembers of a challenge, how it ends one, and the messages it then sends.

use super::directory_server::ISSUER;
use super::scheme::{Asking, Plan, Results};
use crate::store::Store;
use anyhow::{Context as _, anyhow};
use emv3ds::areq::AReq;
use emv3ds::ares::Outcome;
use emv3ds::challenge::{CReq, CRes};
use emv3ds::ids::TransId;
use emv3ds::message::{Body as _, Received};
use emv3ds::results::RReq;
use emv3ds::values::{
    ChallengeCancel, ChallengeInd, ChallengeWindowSize, MessageCategory, TransStatus, TransStatusReason,
    TwoDigits,
};
use emv3ds::version::Version;
use payments::card::Pan;
use payments::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A challenge as the issuer remembers it. There is no card number in it: the proofs are made beforehand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Challenge {
    version: Version,
    server_trans_id: TransId,
    ds_trans_id: TransId,
    acs_trans_id: TransId,
    /// Where the browser goes afterwards.
    pub(crate) notification_url: String,
    /// Where the result is sent.
    pub(crate) results_url: String,
    pub(crate) shop: String,
    pub(crate) amount_minor: i64,
    /// ISO 4217, numeric.
    pub(crate) currency: String,
    pub(crate) last4: String,
    pub(crate) asking: Asking,
    pub(crate) results: Results,
    /// Whether the merchant wanted it.
    #[serde(default)]
    wished: Vec<ChallengeInd>,
    /// What the issuer says when it was the cardholder, and when it cannot tell.
    values: [Outcome; 2],
    /// How large the customer sees it, once the browser was here.
    pub(crate) window: Option<ChallengeWindowSize>,
    /// What the browser brought along and takes back.
    pub(crate) session_data: Option<String>,
    /// Once it is over: the result's status.
    ended: Option<TransStatus>,
}

/// A challenge that is over.
#[derive(Debug)]
pub(crate) struct Over {
    /// The result, for the 3DS Server; `None` when it was sent before.
    pub(crate) rreq: Option<String>,
    /// The form field that the browser takes back.
    pub(crate) cres: String,
}

impl Challenge {
    pub(super) fn new(
        asked: &AReq,
        ds: &TransId,
        acs: &TransId,
        pan: &Pan,
        plan: Plan,
        values: [Outcome; 2],
    ) -> Self {
        let purchase = asked.purchase.as_ref();
        Self {
            version: asked.version,
            server_trans_id: asked.server_trans_id.clone(),
            ds_trans_id: ds.clone(),
            acs_trans_id: acs.clone(),
            notification_url: asked.notification_url.clone().unwrap_or_default(),
            results_url: asked.server.url.clone(),
            shop: asked.merchant.name.clone().unwrap_or_default(),
            amount_minor: purchase.and_then(|purchase| purchase.amount.parse().ok()).unwrap_or_default(),
            currency: purchase.map(|purchase| purchase.currency.clone()).unwrap_or_default(),
            last4: pan.last4().to_owned(),
            asking: plan.asking,
            results: plan.results,
            wished: asked.requestor.challenge_ind.clone(),
            values,
            window: None,
            session_data: None,
            ended: None,
        }
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether the customer sees it in a frame of the shop's.
    pub(crate) fn is_framed(&self) -> bool {
        self.window.is_some_and(|window| window.pixels().is_some())
    }

    /// The browser came with this form. One that says something else than the request is refused.
    pub(crate) fn begin(&mut self, creq: &str, session_data: Option<String>) -> anyhow::Result<()> {
        let request = match CReq::from_form(creq, &ISSUER) {
            Ok(Received::Message(request)) => request,
            Ok(Received::Erro(_)) => return Err(anyhow!("the browser brought an error")),
            Err(fault) => return Err(anyhow!("{fault}")),
        };
        let is_ours = request.acs_trans_id == self.acs_trans_id
            && request.server_trans_id == self.server_trans_id
            && request.version == self.version;
        if !is_ours {
            return Err(anyhow!("the browser came with the request of another challenge"));
        }
        self.window = request.window_size;
        self.session_data = session_data;
        Ok(())
    }

    /// Ends it as chosen; what was chosen first stands. `None`: there is no such choice.
    pub(crate) fn end(&mut self, chosen: &str) -> anyhow::Result<Option<Over>> {
        let (outcome, cancel) = match chosen {
            "Y" => (self.values.first().cloned().context("a proof")?, None),
            "A" => (self.values.last().cloned().context("a proof")?, None),
            "N" => (refused(TransStatus::NotAuthenticated, 1), None),
            "cancel" => (refused(TransStatus::NotAuthenticated, 1), Some(ChallengeCancel::BY_CARDHOLDER)),
            "R" => (refused(TransStatus::Rejected, 11), None),
            "U" => (refused(TransStatus::Unavailable, 22), None),
            _ => return Ok(None),
        };
        let rreq = match self.ended {
            Some(_) => None,
            None => {
                self.ended = Some(outcome.status);
                Some(self.rreq(outcome, cancel)?)
            }
        };
        let passed = matches!(self.ended, Some(TransStatus::Authenticated | TransStatus::Attempted));
        let cres = CRes {
            version: self.version,
            server_trans_id: self.server_trans_id.clone(),
            acs_trans_id: self.acs_trans_id.clone(),
            status: if passed { TransStatus::Authenticated } else { TransStatus::NotAuthenticated },
            completed: None,
            extensions: Vec::new(),
        };
        let cres = cres.to_form(&ISSUER).map_err(|fault| anyhow!("{fault}"))?;
        Ok(Some(Over { rreq, cres }))
    }

    /// What the issuer chooses by itself.
    pub(crate) fn chooses(&self) -> Option<&'static str> {
        match self.asking {
            Asking::Page => None,
            Asking::Passes => Some("Y"),
            Asking::Fails => Some("N"),
            Asking::GivenUp => Some("cancel"),
        }
    }

    fn rreq(&self, outcome: Outcome, cancel: Option<ChallengeCancel>) -> anyhow::Result<String> {
        let result = RReq {
            version: self.version,
            category: MessageCategory::PAYMENT,
            server_trans_id: self.server_trans_id.clone(),
            ds_trans_id: self.ds_trans_id.clone(),
            acs_trans_id: self.acs_trans_id.clone(),
            outcome: Outcome { authentication_type: Some(TwoDigits::new(2)), ..outcome },
            challenge_cancel: cancel,
            interaction_counter: Some(TwoDigits::new(1)),
            extensions: Vec::new(),
            other: Default::default(),
        };
        let text = result.to_json(&ISSUER).map_err(|fault| anyhow!("{fault}"))?;
        Ok(text.to_string())
    }
}

fn refused(status: TransStatus, reason: u8) -> Outcome {
    Outcome { reason: Some(TransStatusReason(TwoDigits::new(reason))), ..Outcome::new(status) }
}

/// Where the issuer remembers its challenges.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    /// In the gateway's store: they outlive a restart.
    Store(Store),
    /// In this process.
    Process(Arc<Mutex<HashMap<String, Challenge>>>),
}

impl Memory {
    pub(crate) async fn keep(&self, challenge: &Challenge, now: Timestamp) -> anyhow::Result<()> {
        let id = challenge.acs_trans_id.text();
        match self {
            Self::Store(store) => {
                let content = serde_json::to_string(challenge)?;
                Ok(store.keep_simulator_challenge(id, &content, now).await?)
            }
            Self::Process(known) => {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(id.to_owned(), challenge.clone());
                Ok(())
            }
        }
    }

    pub(crate) async fn find(&self, id: &str) -> anyhow::Result<Option<Challenge>> {
        match self {
            Self::Store(store) => {
                let content = store.simulator_challenge(id).await?;
                Ok(content.map(|content| serde_json::from_str(&content)).transpose()?)
            }
            Self::Process(known) => Ok(known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()),
        }
    }
}
