//! The link to an acquirer's host: long-lived sessions over which many messages are in flight at once, and answers
//! come in any order.
//!
//! A message is bound to one session. What is known about one that was not answered is whether it can have left:
//! [`Lost::NotSent`] says that not one byte did, [`Lost::NoAnswer`] covers everything else, and is where an outcome
//! becomes unknown. An answer that comes later is handed on as a [late](LateAnswers) one.

mod breaker;
pub(crate) mod connection;
mod counters;
pub(crate) mod dial;
mod in_flight;
pub(crate) mod listen;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use counters::{Counters, count};
pub(crate) use dial::Dial;

use crate::clock::Clock;
use crate::random::Random;
use breaker::Breaker;
use in_flight::{Answered, Late};
use iso8583::{Mac, Message, Profile};
use session::Session;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Not one byte has left, nor ever will.
    NotSent(Unsent),
    /// It may have arrived.
    NoAnswer,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// There was no connection, and none came in time.
    NotConnected,
    /// Too much is in flight.
    QueueFull,
    /// The profile cannot write it.
    Malformed,
    /// The same message is in flight already.
    InFlight,
    /// The host has not answered for so long that it has to answer an echo first.
    Suspended,
}

/// A code over a message, for hosts that want one: made of the bytes before it.
pub(crate) type MacKey = Arc<dyn Fn(&[u8]) -> Mac + Send + Sync>;

/// DE 70 of network management, which every host has its own of.
#[derive(Clone, Debug)]
pub(crate) struct NetworkCodes {
    pub(crate) sign_on: String,
    pub(crate) sign_off: String,
    pub(crate) echo: String,
    pub(crate) cutover: String,
}

/// How a link behaves.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) codes: NetworkCodes,
    /// How many sessions there are at once.
    pub(crate) sessions: usize,
    /// How many messages may be in flight in a session.
    pub(crate) in_flight: usize,
    pub(crate) connect_within: Duration,
    pub(crate) sign_on_within: Duration,
    /// How long a message waits for a connection before it counts as not sent.
    pub(crate) hand_over_within: Duration,
    /// How long after its deadline an answer is still recognised.
    pub(crate) late_for: Duration,
    /// After so long without a word from the host it is asked whether it is there.
    pub(crate) echo_after: Duration,
    pub(crate) echo_within: Duration,
    /// So many echoes without an answer end the connection.
    pub(crate) echo_misses: u32,
    /// After so many failures in a row nothing is sent before the host has answered an echo; 0 is never.
    pub(crate) suspend_after: u32,
    /// The wait before the first reconnection; it doubles from there.
    pub(crate) back_off: Duration,
    pub(crate) back_off_max: Duration,
    /// None where the connection itself keeps messages from being changed.
    pub(crate) mac: Option<MacKey>,
}

impl Settings {
    pub(crate) fn new(clock: Clock, random: Random) -> Self {
        Self {
            clock,
            random,
            codes: NetworkCodes::default(),
            sessions: 1,
            in_flight: 64,
            connect_within: Duration::from_secs(5),
            sign_on_within: Duration::from_secs(10),
            hand_over_within: Duration::from_secs(5),
            late_for: Duration::from_secs(120),
            echo_after: Duration::from_secs(45),
            echo_within: Duration::from_secs(10),
            echo_misses: 2,
            suspend_after: 0,
            back_off: Duration::from_secs(1),
            back_off_max: Duration::from_secs(60),
            mac: None,
        }
    }
}

impl Default for NetworkCodes {
    fn default() -> Self {
        let code = str::to_owned;
        Self { sign_on: code("001"), sign_off: code("002"), echo: code("301"), cutover: code("201") }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// A link. Cheap to clone; the sessions end once there is none left.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    doors: Arc<[Door]>,
    next: Arc<AtomicUsize>,
    hand_over_within: Duration,
    up: watch::Receiver<SignedOn>,
    sessions: usize,
    /// How many messages may be in flight in a session.
    in_flight: usize,
    breaker: Breaker,
    counters: Arc<Counters>,
}

/// How a link is doing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// How many sessions are signed on, and how many there should be.
    pub(crate) signed_on: usize,
    pub(crate) sessions: usize,
    /// How many messages wait for an answer.
    pub(crate) in_flight: usize,
    /// Whether nothing is sent because the host stopped answering.
    pub(crate) is_suspended: bool,
}

/// Which sessions are signed on: each with a number that says how old it is, the lowest the oldest.
type SignedOn = Vec<Option<u64>>;

/// Where a session takes messages.
#[derive(Debug)]
struct Door {
    queue: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
}

/// A message that wants an answer.
struct Request {
    message: Message,
    /// Not sent after this.
    send_by: Instant,
    /// Not waited for after this.
    deadline: Instant,
    reply: oneshot::Sender<Result<Message, Lost>>,
}

/// Answers that came after their deadline. Whoever drops this lets them go.
#[derive(Debug)]
pub(crate) struct LateAnswers(mpsc::Receiver<Message>);

/// Where links leave what came too late.
#[derive(Clone, Debug)]
pub(crate) struct LateSender(mpsc::Sender<Message>);

impl LateAnswers {
    /// For one link or many.
    pub(crate) fn channel() -> (LateSender, Self) {
        let (sender, receiver) = mpsc::channel(LATE_QUEUE);
        (LateSender(sender), Self(receiver))
    }

    /// The next one; `None` once all links are closed.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        self.0.recv().await
    }
}

/// How many late answers wait for whoever takes them.
const LATE_QUEUE: usize = 1_024;

impl Link {
    /// A link over what `dialer` connects to, in the host's way of speaking. Answers that come too late go to `late`.
    /// Needs a runtime.
    pub(crate) fn over(
        dialer: &Arc<dyn Dial>,
        profile: &Arc<Profile>,
        settings: &Settings,
        late: &LateSender,
    ) -> Self {
        // One more for a host that calls: it may be back before its last connection is known to be lost.
        let sessions = settings.sessions.max(1) + usize::from(dialer.is_called());
        let (up, is_up) = watch::channel(vec![None; sessions]);
        let counters = Arc::<Counters>::default();
        let late_keys = Arc::new(Mutex::new(Late::default()));
        let breaker = Breaker::new(settings.suspend_after);
        let answered = Arc::new(Mutex::new(Answered::default()));
        let up = Arc::new(up);
        let doors = (0..sessions).map(|number| {
            let (queue, requests) = mpsc::channel(settings.in_flight.max(1));
            let session = Session {
                number,
                dialer: Arc::clone(dialer),
                profile: Arc::clone(profile),
                settings: settings.clone(),
                requests,
                seen: up.subscribe(),
                up: Arc::clone(&up),
                in_flight: in_flight::InFlight::default(),
                late_keys: Arc::clone(&late_keys),
                answered: Arc::clone(&answered),
                late: late.0.clone(),
                counters: Arc::clone(&counters),
                breaker: breaker.clone(),
                suspensions: breaker.watch(),
                stan: 0,
            };
            tokio::spawn(session.run());
            Door { queue, room: Arc::new(Semaphore::new(settings.in_flight.max(1))) }
        });
        Self {
            doors: doors.collect(),
            next: Arc::default(),
            hand_over_within: settings.hand_over_within,
            up: is_up,
            sessions: settings.sessions.max(1),
            in_flight: settings.in_flight.max(1),
            breaker,
            counters,
        }
    }

    /// Sends a message and waits for its answer until `deadline`. It is sent at once or not at all: while there is
    /// no connection it waits for one for a moment.
    pub(crate) async fn exchange(&self, message: Message, deadline: Instant) -> Result<Message, Lost> {
        let Some(leave) = self.breaker.leave() else {
            count(&self.counters.suspended);
            return Err(Lost::NotSent(Unsent::Suspended));
        };
        let answer = self.send(message, deadline).await;
        match &answer {
            Ok(_) => leave.answered(),
            Err(Lost::NoAnswer) => leave.failed(),
            Err(Lost::NotSent(Unsent::NotConnected)) => {
                count(&self.counters.not_connected);
                leave.failed();
            }
            Err(Lost::NotSent(Unsent::QueueFull)) => count(&self.counters.queue_full),
            Err(Lost::NotSent(Unsent::Malformed | Unsent::InFlight | Unsent::Suspended)) => {}
        }
        answer
    }

    async fn send(&self, message: Message, deadline: Instant) -> Result<Message, Lost> {
        let send_by = Instant::now() + self.hand_over_within;
        loop {
            let door = self.open_door(send_by).await?;
            let Ok(_room) = door.room.try_acquire() else {
                return Err(Lost::NotSent(Unsent::QueueFull));
            };
            let (reply, answer) = oneshot::channel();
            let request = Request { message: message.clone(), send_by, deadline, reply };
            // There is room: as many may be in the queue as there are permits.
            if door.queue.try_send(request).is_err() {
                return Err(Lost::NotSent(Unsent::NotConnected));
            }
            // The session answers in any case; should it not, nobody knows.
            let patience = send_by.max(deadline) + Duration::from_secs(1);
            let answer = match timeout_at(patience, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Err(Lost::NoAnswer),
            };
            match answer {
                // The connection was lost just before; another may be there in time.
                Err(Lost::NotSent(Unsent::NotConnected)) if Instant::now() < send_by => {}
                answer => return answer,
            }
        }
    }

    /// Whether a session is signed on.
    #[cfg(test)]
    pub(crate) fn is_up(&self) -> bool {
        self.up.borrow().iter().any(Option::is_some)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How it is doing.
    pub(crate) fn standing(&self) -> Standing {
        let free = |door: &Door| self.in_flight.saturating_sub(door.room.available_permits());
        Standing {
            signed_on: self.up.borrow().iter().flatten().count(),
            sessions: self.sessions,
            in_flight: self.doors.iter().map(free).sum(),
            is_suspended: !self.breaker.is_open(),
        }
    }

    /// A session that is signed on and has room, the next one in turn.
    async fn open_door(&self, send_by: Instant) -> Result<&Door, Lost> {
        let mut up = self.up.clone();
        let waited = timeout_at(send_by, up.wait_for(|up| up.iter().any(Option::is_some))).await;
        let Ok(Ok(up)) = waited else {
            return Err(Lost::NotSent(Unsent::NotConnected));
        };
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.doors.len()).map(|at| first.wrapping_add(at) % self.doors.len());
        let open = in_turn.filter(|at| up.get(*at).is_some_and(Option::is_some));
        let doors = open.filter_map(|at| self.doors.get(at));
        let mut full = None;
        for door in doors {
            if door.room.available_permits() > 0 {
                return Ok(door);
            }
            full = Some(door);
        }
        full.ok_or(Lost::NotSent(Unsent::NotConnected))
    }
}
