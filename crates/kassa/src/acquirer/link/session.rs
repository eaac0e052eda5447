//! One session: dial, sign on, speak, and start again when the connection is lost. One task owns the connection.

use super::breaker::{Breaker, Changes};
use super::connection::Connection;
use super::counters::count;
use super::in_flight::{Answered, InFlight, Late};
use super::{Counters, Dial, Lost, Request, Settings, SignedOn, Unsent};
use crate::acquirer::stamps::Stamps;
use iso8583::{Class, Frame, MatchKey, Message, Mti, Profile};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use zeroize::Zeroizing;

/// The highest STAN.
const STAN_MAX: u32 = 999_999;

pub(super) struct Session {
    pub(super) number: usize,
    pub(super) dialer: Arc<dyn Dial>,
    pub(super) profile: Arc<Profile>,
    pub(super) settings: Settings,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) up: Arc<watch::Sender<SignedOn>>,
    /// The same, to see whether another session has taken this one's place.
    pub(super) seen: watch::Receiver<SignedOn>,
    pub(super) in_flight: InFlight,
    pub(super) late_keys: Arc<Mutex<Late>>,
    /// All sessions share them: an answer may come again over another connection.
    pub(super) answered: Arc<Mutex<Answered>>,
    pub(super) late: mpsc::Sender<Message>,
    pub(super) counters: Arc<Counters>,
    pub(super) breaker: Breaker,
    /// To ask the host at once when it has to show that it is there.
    pub(super) suspensions: Changes,
    /// Of network management, which has numbers of its own.
    pub(super) stan: u32,
}

/// Why a session is not spoken over any more.
enum Ended {
    /// Nobody has the link any more.
    Dropped,
    /// The connection is lost, or never was.
    Lost(String),
}

/// Whether the host is there.
struct Echo {
    heard_at: Instant,
    /// The echo that is not answered, and until when it may be.
    asked: Option<Instant>,
    misses: u32,
}

impl Session {
    pub(super) async fn run(mut self) {
        let mut tries = 0;
        loop {
            match self.open().await {
                Ok(connection) => {
                    tries = 0;
                    count(&self.counters.connections);
                    if let Some(host) = self.dialer.address() {
                        tracing::info!(session = self.number, host, "signed on to the acquirer's host");
                    }
                    let ended = self.speak(connection).await;
                    self.set_up(false);
                    self.give_up(None);
                    self.refuse_queued();
                    match ended {
                        Ended::Dropped => return,
                        Ended::Lost(why) => {
                            tracing::warn!(session = self.number, why, "the link to the acquirer is lost");
                        }
                    }
                }
                Err(Ended::Dropped) => return,
                Err(Ended::Lost(why)) => {
                    tracing::warn!(session = self.number, why, "the acquirer's host cannot be reached");
                }
            }
            if self.dialer.is_called() {
                continue;
            }
            let pause = self.back_off(tries);
            tries = tries.saturating_add(1);
            if self.refusing(tokio::time::sleep(pause)).await.is_err() {
                return;
            }
        }
    }

    /// A connection that is signed on.
    async fn open(&mut self) -> Result<Connection, Ended> {
        let (dialer, within) = (Arc::clone(&self.dialer), self.settings.connect_within);
        let dialling = async move {
            if dialer.is_called() { Ok(dialer.dial().await) } else { timeout(within, dialer.dial()).await }
        };
        let dialled = self.refusing(dialling).await?;
        let stream = match dialled {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Ended::Lost(error.to_string())),
            Err(_) => return Err(Ended::Lost("connecting took too long".to_owned())),
        };
        let mut connection = Connection::new(stream, self.profile.framing());
        let sign_on = self.network(&self.settings.codes.sign_on.clone());
        let key = self.profile.match_key(&sign_on);
        self.write(&mut connection, &sign_on);
        let deadline = Instant::now() + self.settings.sign_on_within;
        loop {
            tokio::select! {
                turn = connection.turn() => turn.map_err(|why| Ended::Lost(why.to_string()))?,
                () = sleep_until(deadline) => return Err(Ended::Lost("no answer to the sign-on".to_owned())),
                request = self.requests.recv() => match request {
                    Some(request) => refuse(request),
                    None => return Err(Ended::Dropped),
                },
            }
            while let Some(frame) = connection.next_frame() {
                let Some(message) = self.read(&frame) else { continue };
                if message.mti().is_response() && self.profile.match_key(&message) == key {
                    return match message.response_code() {
                        Some("00") => {
                            self.breaker.echo_answered();
                            Ok(connection)
                        }
                        code => Err(Ended::Lost(format!("the sign-on was refused: {}", code.unwrap_or("?")))),
                    };
                }
                self.hear(&mut connection, &frame, message)?;
            }
        }
    }

    async fn speak(&mut self, mut connection: Connection) -> Ended {
        self.set_up(true);
        let mut echo = Echo { heard_at: Instant::now(), asked: None, misses: 0 };
        let (mut is_replaced, number) = (false, self.number);
        while !(is_replaced && self.in_flight.is_empty()) {
            let tick = self.next_tick(&echo);
            tokio::select! {
                turn = connection.turn() => if let Err(why) = turn {
                    return Ended::Lost(why.to_string());
                },
                // One after the other: nothing waits here once its time to be sent is over.
                request = self.requests.recv(), if connection.is_drained() => match request {
                    Some(request) if is_replaced => refuse(request),
                    Some(request) => self.send(&mut connection, request),
                    None => {
                        self.sign_off(connection).await;
                        return Ended::Dropped;
                    }
                },
                () = replaced(&mut self.seen, number), if !is_replaced => is_replaced = true,
                () = self.suspensions.next() => {}
                () = sleep_until(tick) => {}
            }
            while let Some(frame) = connection.next_frame() {
                echo = Echo { heard_at: Instant::now(), asked: None, misses: 0 };
                let Some(message) = self.read(&frame) else { continue };
                if let Err(ended) = self.hear(&mut connection, &frame, message) {
                    // What is said in return still goes out.
                    let _ = timeout(self.settings.connect_within, connection.finish()).await;
                    return ended;
                }
            }
            self.give_up(Some(Instant::now()));
            if let Err(ended) = self.look_after(&mut connection, &mut echo) {
                return ended;
            }
        }
        // What was asked over it is answered, or overdue.
        self.sign_off(connection).await;
        Ended::Lost("the host has called again since".to_owned())
    }

    /// When a host that says nothing is asked: soon, where nothing is sent before it answers.
    fn echo_at(&self, echo: &Echo) -> Instant {
        let silence = if self.breaker.is_shut() { self.settings.back_off } else { self.settings.echo_after };
        echo.heard_at + silence
    }

    fn next_tick(&self, echo: &Echo) -> Instant {
        let echo_at = echo.asked.unwrap_or_else(|| self.echo_at(echo));
        self.in_flight.next_deadline().map_or(echo_at, |deadline| deadline.min(echo_at))
    }

    /// Asks a silent host whether it is there.
    fn look_after(&mut self, connection: &mut Connection, echo: &mut Echo) -> Result<(), Ended> {
        let now = Instant::now();
        match echo.asked {
            Some(until) if now < until => return Ok(()),
            None if now < self.echo_at(echo) => return Ok(()),
            Some(_) => echo.misses += 1,
            None => {}
        }
        if echo.misses >= self.settings.echo_misses {
            return Err(Ended::Lost("it does not answer echoes".to_owned()));
        }
        let message = self.network(&self.settings.codes.echo.clone());
        self.write(connection, &message);
        echo.asked = Some(now + self.settings.echo_within);
        Ok(())
    }

    /// Sends a message whose time is not over.
    fn send(&mut self, connection: &mut Connection, request: Request) {
        let now = Instant::now();
        if now > request.send_by || request.reply.is_closed() {
            return refuse(request);
        }
        let Some(key) = self.profile.match_key(&request.message) else {
            let _ = request.reply.send(Err(Lost::NotSent(Unsent::Malformed)));
            return;
        };
        if self.in_flight.holds(&key) {
            let _ = request.reply.send(Err(Lost::NotSent(Unsent::InFlight)));
            return;
        }
        if !self.write(connection, &request.message) {
            let _ = request.reply.send(Err(Lost::NotSent(Unsent::Malformed)));
            return;
        }
        count(&self.counters.requests);
        self.late_keys().forget(&key);
        self.in_flight.insert(key, request, &self.profile);
    }

    /// Queues a message; whether the profile can write it.
    fn write(&self, connection: &mut Connection, message: &Message) -> bool {
        let encoded = match &self.settings.mac {
            Some(key) => self.profile.encode_with_mac(message, |bytes| key(bytes)),
            None => self.profile.encode(message),
        };
        let framed = encoded.map_err(|error| error.to_string()).and_then(|bytes| {
            self.profile.framing().frame(&Zeroizing::new(bytes)).map_err(|error| error.to_string())
        });
        match framed {
            Ok(frame) => {
                tracing::debug!(session = self.number, message = %message.masked(&self.profile), "sent");
                connection.send(frame);
                true
            }
            Err(error) => {
                tracing::error!(session = self.number, mti = %message.mti(), error, "a message cannot be sent");
                false
            }
        }
    }

    /// The message of a frame; `None` if there is none in it that can be read and trusted.
    fn read(&self, frame: &Frame) -> Option<Message> {
        let decoded = self.profile.decode(frame.message());
        let message = decoded.inspect_err(|error| self.unreadable(&error.to_string())).ok()?;
        if let Some(key) = &self.settings.mac {
            let found = self.profile.mac(frame.message(), &message);
            let right = found.is_some_and(|(bytes, mac)| bool::from(key(bytes).ct_eq(&mac)));
            if !right {
                self.unreadable("its authentication code is wrong");
                return None;
            }
        }
        tracing::debug!(session = self.number, message = %message.masked(&self.profile), "received");
        Some(message)
    }

    fn unreadable(&self, why: &str) {
        count(&self.counters.unreadable);
        tracing::error!(session = self.number, why, "a message from the acquirer's host was dropped");
    }

    /// Takes a message of the host's.
    fn hear(&mut self, connection: &mut Connection, frame: &Frame, message: Message) -> Result<(), Ended> {
        let mti = message.mti();
        if mti.class() == Class::NetworkManagement {
            if mti.is_request() {
                return self.managed(connection, frame, &message);
            }
            if message.response_code() == Some("00") {
                self.breaker.echo_answered();
            }
            return Ok(());
        }
        match self.profile.match_key(&message).filter(|_| mti.is_response()) {
            Some(key) => self.take(&key, message),
            None => self.unmatched(&message),
        }
        Ok(())
    }

    /// Takes an answer.
    fn take(&mut self, key: &MatchKey, answer: Message) {
        let Err(answer) = self.in_flight.answer(key, answer, &self.profile) else {
            return self.answered().remember(key);
        };
        let is_late = self.late_keys().takes(key, &answer, &self.profile, Instant::now());
        if !is_late {
            if self.answered().holds(key) {
                count(&self.counters.duplicates);
                tracing::debug!(session = self.number, key = %key, "the acquirer's host answers once more");
                return;
            }
            return self.unmatched(&answer);
        }
        self.answered().remember(key);
        count(&self.counters.late);
        if self.late.try_send(answer).is_err() {
            tracing::error!(session = self.number, key = %key, "a late answer has nowhere to go");
        }
    }

    fn unmatched(&self, message: &Message) {
        count(&self.counters.unmatched);
        let stan = message.text(11).unwrap_or("?");
        tracing::warn!(session = self.number, mti = %message.mti(), stan, "a message from the acquirer's host answers nothing");
    }

    /// Answers the host's network management.
    fn managed(&self, connection: &mut Connection, frame: &Frame, message: &Message) -> Result<(), Ended> {
        let Some(mti) = message.mti().response() else { return Ok(()) };
        let mut answer = Message::new(mti);
        answer.echo(message, &[7, 11, 32, 33, 37, 41, 70]).set(39, "00");
        let encoded = match &self.settings.mac {
            Some(key) => self.profile.encode_with_mac(&answer, |bytes| key(bytes)),
            None => self.profile.encode(&answer),
        };
        match encoded.map(|bytes| self.profile.framing().frame_answer(frame, &bytes)) {
            Ok(Ok(bytes)) => connection.send(bytes),
            Ok(Err(_)) | Err(_) => self.unreadable("it cannot be answered"),
        }
        let (codes, code) = (&self.settings.codes, message.text(70).unwrap_or_default());
        if code == codes.cutover {
            tracing::info!(session = self.number, "the acquirer's host begins a new business day");
        } else if code == codes.sign_off {
            return Err(Ended::Lost("the host signed off".to_owned()));
        }
        Ok(())
    }

    async fn sign_off(&mut self, mut connection: Connection) {
        let message = self.network(&self.settings.codes.sign_off.clone());
        self.write(&mut connection, &message);
        let _ = timeout(self.settings.connect_within, connection.finish()).await;
    }

    /// A message of network management.
    fn network(&mut self, code: &str) -> Message {
        self.stan = self.stan % STAN_MAX + 1;
        let transmission = Stamps::utc(self.settings.clock.now()).transmission;
        let mut message = Message::new(Mti::NETWORK_MANAGEMENT_REQUEST).with(7, transmission).with(70, code);
        message.set_stan(self.stan);
        message
    }

    /// Waits for something while every message is refused.
    async fn refusing<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::pin!(what);
        loop {
            tokio::select! {
                done = &mut what => return Ok(done),
                request = self.requests.recv() => match request {
                    Some(request) => refuse(request),
                    None => return Err(Ended::Dropped),
                },
            }
        }
    }

    fn refuse_queued(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            refuse(request);
        }
    }

    /// Gives up what is overdue, or everything; its answers are late from now on.
    fn give_up(&mut self, now: Option<Instant>) {
        let given_up = self.in_flight.give_up(now);
        self.late_keys().remember(given_up, self.settings.late_for, Instant::now());
    }

    fn answered(&self) -> MutexGuard<'_, Answered> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late_keys(&self) -> MutexGuard<'_, Late> {
        self.late_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages go over this session from now on, or no longer. Where that makes one more than there may be, the
    /// oldest makes room.
    fn set_up(&self, up: bool) {
        self.up.send_modify(|all| {
            let newest = all.iter().flatten().max().map_or(0, |newest| newest + 1);
            if let Some(one) = all.get_mut(self.number) {
                *one = up.then_some(newest);
            }
            if all.iter().flatten().count() > self.settings.sessions.max(1) {
                let oldest = all.iter().flatten().min().copied();
                all.iter_mut().filter(|one| **one == oldest).for_each(|one| *one = None);
            }
        });
    }

    /// Half of it is chance, so that not all come back at once.
    fn back_off(&self, tries: u32) -> Duration {
        let full = self.settings.back_off.saturating_mul(1 << tries.min(10)).min(self.settings.back_off_max);
        let mut random = [0; 4];
        self.settings.random.fill(&mut random);
        let half = full / 2;
        half + half / 1_000 * (u32::from_le_bytes(random) % 1_000)
    }
}

fn refuse(request: Request) {
    // Whoever asked may have gone.
    let _ = request.reply.send(Err(Lost::NotSent(Unsent::NotConnected)));
}

/// Waits until another session has taken the place of number `number`.
async fn replaced(seen: &mut watch::Receiver<SignedOn>, number: usize) {
    // Who says it is this session itself, so that there is always somebody who does.
    let _ = seen.wait_for(|all| all.get(number).is_none_or(Option::is_none)).await;
}
