//! The simulated acquirer host: a host like any other, which is spoken to in ISO 8583 messages and knows only what
//! arrives in them.
//!
//! It decides by the card, writes its book first, and answers afterwards, each message on its own: answers leave in
//! the order in which they are ready. A message that it has answered before gets the same answer again.

mod asked;
mod operations;

use crate::acquirer::link::connection::{Connection, Stream};
use crate::acquirer::messages::{INQUIRY, REFUND};
use crate::clock::Clock;
use crate::random::Random;
use crate::store::Store;
use asked::Asked;
use iso8583::{Class, Frame, Function, Message, Profile};
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many messages of a connection are worked on at once.
const UNDER_WAY: usize = 256;

/// DE 39 of what is approved or done.
const DONE: &str = "00";
/// DE 39 of a message that makes no sense.
const FORMAT_ERROR: &str = "30";
/// DE 39 of a message of a kind that the host does not take.
const NOT_SUPPORTED: &str = "40";

/// DE 70 of a sign-on, and of the end of it.
const SIGN_ON: &str = "001";
const SIGN_OFF: &str = "002";

/// The host.
#[derive(Clone, Debug)]
pub(crate) struct AcquirerHost {
    store: Store,
    clock: Clock,
    random: Random,
}

/// The answer to a message, with the frame it came in; `None` when there will never be one.
type Answered = Option<(Frame, Message)>;

impl AcquirerHost {
    pub(crate) fn new(store: Store, clock: Clock, random: Random) -> Self {
        Self { store, clock, random }
    }

    /// Speaks with whoever is at the other end, until they go. What has arrived by then is still done.
    pub(crate) async fn serve(self, stream: Box<dyn Stream>, profile: Profile) {
        let profile = Arc::new(profile);
        let mut connection = Connection::new(stream, profile.framing());
        let mut under_way: JoinSet<Answered> = JoinSet::new();
        let mut signed_on = false;
        loop {
            tokio::select! {
                turn = connection.turn(), if under_way.len() < UNDER_WAY => if let Err(why) = turn {
                    tracing::debug!(%why, "the simulated acquirer host was left");
                    return under_way.detach_all();
                },
                Some(done) = under_way.join_next() => if let Ok(Some((frame, answer))) = done {
                    say(&mut connection, &profile, &frame, &answer);
                },
            }
            while let Some(frame) = connection.next_frame() {
                let Some(message) = read(&profile, &frame) else { continue };
                if message.mti().class() == Class::NetworkManagement {
                    if let Some(answer) = manage(&message, &mut signed_on) {
                        say(&mut connection, &profile, &frame, &answer);
                    }
                } else if signed_on {
                    let host = self.clone();
                    under_way.spawn(async move { Some((frame, host.answer(&message).await?)) });
                } else {
                    tracing::warn!(mti = %message.mti(), "a message before the sign-on was dropped");
                }
            }
        }
    }

    /// The answer to a message about a card; `None` when there will never be one.
    async fn answer(&self, message: &Message) -> Option<Message> {
        if !message.mti().is_request() {
            return None;
        }
        let mut answer = begin(message)?;
        let asked = match Asked::of(message) {
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
fn manage(message: &Message, signed_on: &mut bool) -> Option<Message> {
    let mut answer = Message::new(Some(message.mti()).filter(|mti| mti.is_request())?.response()?);
    answer.echo(message, &[7, 11, 32, 33, 37, 41, 70]).set(39, DONE);
    match message.text(70) {
        Some(SIGN_ON) => *signed_on = true,
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

fn say(connection: &mut Connection, profile: &Profile, frame: &Frame, answer: &Message) {
    let encoded = profile.encode(answer).map_err(|error| error.to_string());
    let framed = encoded
        .and_then(|bytes| profile.framing().frame_answer(frame, &bytes).map_err(|error| error.to_string()));
    match framed {
        Ok(bytes) => connection.send(bytes),
        Err(error) => {
            tracing::error!(mti = %answer.mti(), error, "the simulated acquirer host cannot answer")
        }
    }
}
