//! The simulated acquirer host: a host like any other, which is spoken to in ISO 8583 messages and knows only what
//! arrives in them.
//!
//! It decides by the card, writes its book first, and answers afterwards, each message on its own: answers leave in
//! the order in which they are ready. A message that it has answered before gets the same answer again.

mod amounts;
mod asked;
pub(crate) mod faults;
mod operations;
mod proof;

use crate::acquirer::link::connection::{Connection, Stream};
use crate::acquirer::messages::{INQUIRY, REFUND};
use crate::clock::Clock;
use crate::keys::KeyRing;
use crate::random::Random;
use crate::simulator::cards::Manner;
use crate::store::Store;
use amounts::Rule;
use asked::Asked;
pub(crate) use asked::{ANYONE, Merchants};
use faults::{Faults, Kind};
use iso8583::{Class, Frame, Function, Message, Mti, Profile};
use payments::card::Pan;
use payments::ids::SiteId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many messages of a connection are worked on at once.
const UNDER_WAY: usize = 256;
/// How long an answer that is to be overtaken waits for another one.
const OVERTAKEN_WITHIN: Duration = Duration::from_secs(1);
/// What is sent in place of an answer: a frame of the length of a message, and nothing in it.
const GARBAGE: [u8; 40] = [0x2a; 40];

/// DE 39 of what is approved or done.
const DONE: &str = "00";
/// DE 39 of a message that makes no sense.
const FORMAT_ERROR: &str = "30";
/// DE 39 of a message of a kind that the host does not take.
const NOT_SUPPORTED: &str = "40";
/// DE 39 of a sign-on that is refused.
const REFUSED: &str = "91";

/// DE 70 of a sign-on, and of the end of it.
const SIGN_ON: &str = "001";
const SIGN_OFF: &str = "002";

/// The host. Clones share what it does wrong.
#[derive(Clone, Debug)]
pub(crate) struct AcquirerHost {
    store: Store,
    clock: Clock,
    random: Random,
    merchants: Merchants,
    faults: Faults,
    /// What cards are recognised by.
    keys: Arc<KeyRing>,
}

/// What is said about a message once it was dealt with.
enum Said {
    Nothing,
    Answer(Frame, Message),
    Twice(Frame, Message),
    Garbage(Frame),
    /// Half of it, and then the connection ends.
    Half(Frame, Message),
    /// The connection ends.
    End,
}

impl AcquirerHost {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        random: Random,
        merchants: Merchants,
        keys: Arc<KeyRing>,
    ) -> Self {
        Self { store, clock, random, merchants, faults: Faults::default(), keys }
    }

    /// What it does wrong on purpose.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Speaks with whoever is at the other end, until they go. What has arrived by then is still done. The sign-on is
    /// refused as often as the plan of `site` says.
    pub(crate) async fn serve(self, stream: Box<dyn Stream>, profile: Profile, site: Option<SiteId>) {
        let profile = Arc::new(profile);
        let mut connection = Connection::new(stream, profile.framing());
        let mut under_way: JoinSet<Said> = JoinSet::new();
        let (left, _) = watch::channel(());
        let mut signed_on = false;
        loop {
            tokio::select! {
                turn = connection.turn(), if under_way.len() < UNDER_WAY => if let Err(why) = turn {
                    tracing::debug!(%why, "the simulated acquirer host was left");
                    return under_way.detach_all();
                },
                Some(said) = under_way.join_next() => {
                    if !say(&mut connection, &profile, said.unwrap_or(Said::Nothing)).await {
                        return under_way.detach_all();
                    }
                    left.send_replace(());
                },
            }
            while let Some(frame) = connection.next_frame() {
                let Some(message) = read(&profile, &frame) else { continue };
                if message.mti().class() == Class::NetworkManagement {
                    let refused = message.text(70) == Some(SIGN_ON)
                        && site.is_some_and(|site| self.faults.to_sign_on(site));
                    if refused {
                        tracing::info!(fault = Kind::RefuseSignOn.word(), "goes wrong as planned");
                    }
                    if let Some(answer) = manage(&message, refused, &mut signed_on) {
                        say(&mut connection, &profile, Said::Answer(frame, answer)).await;
                    }
                } else if signed_on {
                    let (host, left) = (self.clone(), left.subscribe());
                    under_way.spawn(async move { host.hear(frame, &message, left).await });
                } else {
                    tracing::warn!(mti = %message.mti(), "a message before the sign-on was dropped");
                }
            }
        }
    }

    /// Deals with a message about a card, and goes wrong where that is planned. `left` tells when another answer has
    /// left.
    async fn hear(&self, frame: Frame, message: &Message, mut left: watch::Receiver<()>) -> Said {
        let site = self.merchants.site(message);
        let fault = site.and_then(|site| {
            let planned = self.faults.to_message(site, message.mti());
            planned.or_else(|| self.rule(site, message)?.fault())
        });
        let Some(fault) = fault else {
            return self.answer(message).await.map_or(Said::Nothing, |answer| Said::Answer(frame, answer));
        };
        tracing::info!(fault = fault.kind.word(), mti = %message.mti(), "goes wrong as planned");
        match fault.kind {
            Kind::DropBefore => return Said::End,
            Kind::Held => tokio::time::sleep(fault.delay).await,
            _ => {}
        }
        let Some(answer) = self.answer(message).await else { return Said::Nothing };
        match fault.kind {
            Kind::NoAnswer => Said::Nothing,
            Kind::Late | Kind::Latency => {
                tokio::time::sleep(fault.delay).await;
                Said::Answer(frame, answer)
            }
            Kind::Duplicate => Said::Twice(frame, answer),
            Kind::Reorder => {
                // Whether another one left or nobody else was there.
                let _ = tokio::time::timeout(OVERTAKEN_WITHIN, left.changed()).await;
                Said::Answer(frame, answer)
            }
            Kind::Garbage => Said::Garbage(frame),
            Kind::HalfFrame => Said::Half(frame, answer),
            Kind::DropBefore | Kind::DropAfter => Said::End,
            Kind::RefuseSignOn | Kind::Held => Said::Answer(frame, answer),
        }
    }

    /// What the amount of an authorisation decides, where amounts decide and the card is not one of those that have
    /// an outcome of their own.
    fn rule(&self, site: SiteId, message: &Message) -> Option<Rule> {
        if !self.faults.by_amount(site) || message.mti().first() != Mti::AUTHORISATION_REQUEST {
            return None;
        }
        let pan = Pan::parse(message.text(2)?).ok()?;
        Rule::of(message.amount_minor()?).filter(|_| Manner::of(&pan) == Manner::Normal)
    }

    /// The answer to a message about a card; `None` when there will never be one.
    async fn answer(&self, message: &Message) -> Option<Message> {
        if !message.mti().is_request() {
            return None;
        }
        let mut answer = begin(message)?;
        let asked = match Asked::of(message, self.merchants) {
            Ok(asked) => asked,
            Err(code) => {
                answer.set(39, code);
                return Some(answer);
            }
        };
        match self.decide(message, &asked, &mut answer).await {
            Ok(true) => Some(answer),
            Ok(false) => None,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the simulated acquirer host failed");
                None
            }
        }
    }

    /// Does what a message asks for and completes the answer; whether that one is sent.
    async fn decide(&self, message: &Message, asked: &Asked, answer: &mut Message) -> anyhow::Result<bool> {
        let mti = message.mti();
        let pays_back = message.text(3) == Some(REFUND);
        match (mti.class(), mti.function()) {
            (Class::Authorisation, Function::Request) => self.authorise(message, asked, answer).await,
            (Class::Reversal, Function::Request | Function::Advice) => self.reverse(asked, answer).await,
            (Class::Financial, Function::Advice) => self.capture(asked, answer).await,
            (Class::Financial, Function::Request) if pays_back => {
                self.refund(asked, mti.is_repeat(), answer).await
            }
            _ if mti.first() == INQUIRY => self.inquire(asked, answer).await,
            _ => {
                answer.set(39, NOT_SUPPORTED);
                Ok(true)
            }
        }
    }
}

/// What every answer echoes.
const ECHOED: [u8; 14] = [3, 4, 7, 11, 12, 13, 25, 32, 33, 37, 41, 42, 49, 90];

fn begin(message: &Message) -> Option<Message> {
    let mut answer = Message::new(message.mti().response()?);
    answer.echo(message, &ECHOED);
    Some(answer)
}

/// The answer to network management; `None` to what wants none.
fn manage(message: &Message, refused: bool, signed_on: &mut bool) -> Option<Message> {
    let mut answer = Message::new(Some(message.mti()).filter(|mti| mti.is_request())?.response()?);
    answer.echo(message, &[7, 11, 32, 33, 37, 41, 70]).set(39, if refused { REFUSED } else { DONE });
    match message.text(70) {
        Some(SIGN_ON) => *signed_on = !refused,
        Some(SIGN_OFF) => *signed_on = false,
        Some(_) | None => {}
    }
    Some(answer)
}

fn read(profile: &Profile, frame: &Frame) -> Option<Message> {
    let decoded = profile.decode(frame.message());
    decoded
        .inspect_err(|error| tracing::warn!(%error, "the simulated acquirer host cannot read a message"))
        .ok()
}

/// Says it; whether the connection goes on.
async fn say(connection: &mut Connection, profile: &Profile, said: Said) -> bool {
    let (frames, goes_on) = match said {
        Said::Nothing => (Vec::new(), true),
        Said::Answer(frame, answer) => (vec![write(profile, &frame, &answer)], true),
        Said::Twice(frame, answer) => (vec![write(profile, &frame, &answer); 2], true),
        Said::Garbage(frame) => (vec![profile.framing().frame_answer(&frame, &GARBAGE).ok()], true),
        Said::Half(frame, answer) => {
            let half = write(profile, &frame, &answer).map(|mut bytes| {
                bytes.truncate(bytes.len() / 2);
                bytes
            });
            (vec![half], false)
        }
        Said::End => (Vec::new(), false),
    };
    frames.into_iter().flatten().for_each(|frame| connection.send(frame));
    if !goes_on {
        // Whoever is at the other end may have gone.
        let _ = tokio::time::timeout(OVERTAKEN_WITHIN, connection.finish()).await;
    }
    goes_on
}

fn write(profile: &Profile, frame: &Frame, answer: &Message) -> Option<Vec<u8>> {
    let encoded = profile.encode(answer).map_err(|error| error.to_string());
    let framed = encoded
        .and_then(|bytes| profile.framing().frame_answer(frame, &bytes).map_err(|error| error.to_string()));
    let failed = |error: &String| tracing::error!(mti = %answer.mti(), error, "the simulated acquirer host cannot answer");
    framed.inspect_err(failed).ok()
}
