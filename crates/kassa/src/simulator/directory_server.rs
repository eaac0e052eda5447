//! The simulated directory server, and the issuer behind it as far as it answers messages: card ranges, and requests
//! for authentication. What the cardholder sees of the issuer is in [`super::issuer`].
//!
//! It is a peer like any other: bytes come in and bytes go out, in one process or over HTTP.

use super::cavv;
use super::issuer::{Challenge, Memory};
use super::ranges;
use super::scheme::{First, Plan};
use crate::clock::Clock;
use crate::random::Random;
use emv3ds::areq::AReq;
use emv3ds::ares::{ARes, Outcome};
use emv3ds::fault::Fault;
use emv3ds::ids::TransId;
use emv3ds::message::{Body, Endpoint, Message};
use emv3ds::preparation::{PReq, PRes};
use emv3ds::values::{
    AuthenticationValue, ChallengeInd, Component, Eci, EciMeaning, ErrorCode, Scheme, TransStatus,
    TransStatusReason, TwoDigits, YesNo,
};
use payments::card::Pan;

/// Who speaks as the directory server.
pub(crate) const ENDPOINT: Endpoint = Endpoint::new(Component::DirectoryServer).with_loopback_http();
/// Who speaks as the issuer.
pub(crate) const ISSUER: Endpoint = Endpoint::new(Component::Acs).with_loopback_http();

/// What the issuer of a spelled card lets the customer know when it says no.
const REFUSES: &str = "Your bank has refused this payment. Call the number on the back of your card.";
/// And when it lets a cardholder pass who cannot confirm payments yet.
const INVITES: &str = "From next month your bank will ask you to confirm payments. Sign up in its app.";

/// What comes back.
#[derive(Debug)]
pub(crate) enum Reply {
    /// This text.
    Text(String),
    /// Nothing, ever.
    Silence,
}

/// The directory server with its one issuer.
#[derive(Clone, Debug)]
pub(crate) struct DirectoryServer {
    /// Where the issuer's pages are, without a slash at the end.
    base_url: String,
    pub(crate) memory: Memory,
    clock: Clock,
    random: Random,
}

impl DirectoryServer {
    pub(crate) fn new(base_url: String, memory: Memory, clock: Clock, random: Random) -> Self {
        Self { base_url, memory, clock, random }
    }

    /// Answers a message.
    pub(crate) async fn receive(&self, message: &[u8]) -> Reply {
        match Message::parse(message, &ENDPOINT) {
            Ok(Message::PReq(asked)) => self.prepare(&asked),
            Ok(Message::AReq(asked)) => self.authenticate(&asked).await,
            // An error is never answered.
            Ok(Message::Erro(_)) => Reply::Text(String::new()),
            Ok(Message::RReq(other)) => {
                refuse(&*other, ErrorCode::TRANSACTION_UNKNOWN, "threeDSServerTransID")
            }
            Ok(_) => Reply::Text(String::new()),
            Err(fault) => erro(&fault),
        }
    }

    fn prepare(&self, asked: &PReq) -> Reply {
        let Some((serial, card_ranges)) = ranges::since(asked.serial_num.as_deref(), &self.base_url) else {
            return refuse(asked, ErrorCode::SERIAL_NUMBER, "serialNum");
        };
        let answer = PRes {
            version: asked.version,
            server_trans_id: asked.server_trans_id.clone(),
            ds_trans_id: self.draw(),
            serial_num: Some(serial.to_owned()),
            ds_start: None,
            ds_end: None,
            ds_versions: Vec::new(),
            file_url: None,
            read_order: None,
            extensions: Vec::new(),
            card_ranges: Some(card_ranges).filter(|ranges| !ranges.is_empty()),
            other: Default::default(),
        };
        write(&answer, &ENDPOINT)
    }

    async fn authenticate(&self, asked: &AReq) -> Reply {
        let pan = Pan::parse(asked.card.number.expose()).ok();
        let pan = pan.filter(|pan| ranges::has(pan.digits()));
        let (Some(pan), Some(purchase)) = (pan, &asked.purchase) else {
            return refuse(asked, ErrorCode::TRANSACTION_DATA, "acctNumber");
        };
        let plan = Plan::of(&pan, asked.requestor.challenge_ind.contains(&ChallengeInd::NO_PREFERENCE));
        let (ds, acs) = (self.draw(), self.draw());
        // American Express and Visa; Mastercard and Maestro.
        let scheme = if pan.digits().starts_with(['3', '4']) { Scheme::Other } else { Scheme::Mastercard };
        let amount = purchase.amount.parse().unwrap_or(0);
        let proof = |status| proof(status, scheme, &ds, &pan, amount);
        let mut answer = ARes {
            version: asked.version,
            server_trans_id: asked.server_trans_id.clone(),
            ds_trans_id: ds.clone(),
            acs_trans_id: acs.clone(),
            ds_reference_number: "KASSA-SIMULATED-DS".to_owned(),
            acs_reference_number: "KASSA-SIMULATED-ACS".to_owned(),
            outcome: Outcome::new(TransStatus::ChallengeRequired),
            acs_url: None,
            challenge_mandated: None,
            decoupled_confirmed: None,
            extensions: Vec::new(),
            other: Default::default(),
        };
        match plan.first {
            First::Silence => return Reply::Silence,
            First::Erro => return refuse(asked, ErrorCode::TRANSIENT_FAILURE, "out of order"),
            First::Nonsense => return Reply::Text("{\"messageType\":\"ARes\",\"transStatus\":".to_owned()),
            First::Final(status, reason) => {
                answer.outcome = Outcome {
                    reason: reason.map(|reason| TransStatusReason(TwoDigits::new(reason))),
                    ..proof(status)
                };
                let says = match status {
                    TransStatus::NotAuthenticated | TransStatus::Rejected => Some(REFUSES),
                    TransStatus::Attempted => Some(INVITES),
                    _ => None,
                };
                let says = says.filter(|_| super::scheme::is_spelled(&pan));
                answer.outcome.cardholder_info = says.map(Into::into);
            }
            First::Challenge => {
                answer.outcome.authentication_type = Some(TwoDigits::new(2));
                answer.challenge_mandated = Some(YesNo::No);
                answer.acs_url = Some(format!("{}/simulator/3ds/challenge/{}", self.base_url, acs.text()));
                let values = [proof(TransStatus::Authenticated), proof(TransStatus::Attempted)];
                let challenge = Challenge::new(asked, &ds, &acs, &pan, plan, values);
                if let Err(error) = self.memory.keep(&challenge, self.clock.now()).await {
                    tracing::error!(error = format!("{error:#}"), "the simulated issuer cannot remember");
                    return refuse(asked, ErrorCode::TRANSIENT_FAILURE, "memory");
                }
            }
        }
        write(&answer, &ENDPOINT)
    }

    fn draw(&self) -> TransId {
        let mut random = [0; 16];
        self.random.fill(&mut random);
        TransId::from_random(random)
    }
}

/// The outcome with its proof, where the status has one.
fn proof(status: TransStatus, scheme: Scheme, ds: &TransId, pan: &Pan, amount: i64) -> Outcome {
    let meaning = match status {
        TransStatus::Authenticated => Some(EciMeaning::Authenticated),
        TransStatus::Attempted => Some(EciMeaning::Attempted),
        _ => None,
    };
    let eci = meaning.and_then(|meaning| Eci::of(scheme, meaning));
    let value = eci.map(|eci| {
        let eci = format!("{:02}", eci.0.number());
        AuthenticationValue::from_bytes(&cavv::value(cavv::KEY, ds.text(), pan.digits(), amount, &eci))
    });
    Outcome { eci, authentication_value: value, ..Outcome::new(status) }
}

/// What cannot be used is answered with why.
fn erro(fault: &Fault) -> Reply {
    fault.erro().map_or_else(|| Reply::Text(String::new()), |erro| write(&erro, &ENDPOINT))
}

fn refuse(message: &impl Body, code: ErrorCode, detail: &str) -> Reply {
    erro(&Fault::new(code, Component::DirectoryServer, detail, message.about()))
}

fn write(message: &impl Body, endpoint: &Endpoint) -> Reply {
    match message.to_json(endpoint) {
        Ok(text) => Reply::Text(text.to_string()),
        Err(fault) => {
            tracing::error!(%fault, "the simulated directory server would break the rules");
            Reply::Silence
        }
    }
}
