//! Which answer belongs to which message, in time and after it.

use super::{Lost, Request};
use iso8583::{MatchKey, Message, Profile};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The messages of a session that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct InFlight(HashMap<MatchKey, Waiting>);

#[derive(Debug)]
struct Waiting {
    /// The message without its secrets: an answer may not contradict it.
    asked: Message,
    deadline: Instant,
    reply: oneshot::Sender<Result<Message, Lost>>,
}

impl InFlight {
    pub(super) fn holds(&self, key: &MatchKey) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, key: MatchKey, request: Request, profile: &Profile) {
        let Request { message, deadline, reply, .. } = request;
        let asked = without_secrets(&message, profile);
        self.0.insert(key, Waiting { asked, deadline, reply });
    }

    /// Hands an answer to whoever waits for it; gives it back where nobody does any more, or it is about something
    /// else.
    pub(super) fn answer(
        &mut self,
        key: &MatchKey,
        answer: Message,
        profile: &Profile,
    ) -> Result<(), Message> {
        let fits = self.0.get(key).is_some_and(|waiting| profile.confirms(&waiting.asked, &answer));
        if !fits {
            return Err(answer);
        }
        match self.0.remove(key) {
            Some(waiting) => waiting.reply.send(Ok(answer)).map_err(|unsent| match unsent {
                Ok(answer) => answer,
                Err(_) => Message::new(key.mti()),
            }),
            None => Err(answer),
        }
    }

    /// When the next one is given up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0.values().map(|waiting| waiting.deadline).min()
    }

    /// Gives up what is overdue, or all of it; what may still be answered late.
    pub(super) fn give_up(&mut self, now: Option<Instant>) -> Vec<(MatchKey, Message, Instant)> {
        let overdue = |waiting: &Waiting| now.is_none_or(|now| waiting.deadline <= now);
        let keys: Vec<MatchKey> =
            self.0.iter().filter(|(_, waiting)| overdue(waiting)).map(|(key, _)| key.clone()).collect();
        let mut given_up = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(Waiting { asked, deadline, reply }) = self.0.remove(&key) {
                // Whoever asked may have gone.
                let _ = reply.send(Err(Lost::NoAnswer));
                given_up.push((key, asked, deadline));
            }
        }
        given_up
    }
}

/// The messages whose answer is recognised although nobody waits for it any more. All sessions share them: an answer
/// may come over another connection.
#[derive(Debug, Default)]
pub(super) struct Late(HashMap<MatchKey, (Message, Instant)>);

/// How many are remembered at most.
const LATE_MAX: usize = 10_000;

impl Late {
    /// Remembers what was given up.
    pub(super) fn remember(
        &mut self,
        given_up: Vec<(MatchKey, Message, Instant)>,
        late_for: Duration,
        now: Instant,
    ) {
        if given_up.is_empty() {
            return;
        }
        self.0.retain(|_, (_, until)| *until > now);
        for (key, asked, deadline) in given_up {
            if self.0.len() < LATE_MAX {
                self.0.insert(key, (asked, deadline.max(now) + late_for));
            }
        }
    }

    /// Whether this answers what is remembered; it is forgotten then.
    pub(super) fn takes(
        &mut self,
        key: &MatchKey,
        answer: &Message,
        profile: &Profile,
        now: Instant,
    ) -> bool {
        let fits =
            self.0.get(key).is_some_and(|(asked, until)| *until > now && profile.confirms(asked, answer));
        if fits {
            self.0.remove(key);
        }
        fits
    }

    /// It is sent once more: the answer is waited for again.
    pub(super) fn forget(&mut self, key: &MatchKey) {
        self.0.remove(key);
    }
}

/// The messages that were answered last: a second answer to one of them is told from one to nothing.
#[derive(Debug, Default)]
pub(super) struct Answered {
    keys: HashSet<MatchKey>,
    in_order: VecDeque<MatchKey>,
}

/// How many are remembered.
const ANSWERED_MAX: usize = 4_096;

impl Answered {
    pub(super) fn holds(&self, key: &MatchKey) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn remember(&mut self, key: &MatchKey) {
        if !self.keys.insert(key.clone()) {
            return;
        }
        self.in_order.push_back(key.clone());
        if self.in_order.len() > ANSWERED_MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

fn without_secrets(message: &Message, profile: &Profile) -> Message {
    let mut kept = Message::new(message.mti());
    for (number, value) in message.fields().filter(|(number, _)| !profile.is_secret(*number)) {
        kept.set(number, value);
    }
    kept
}
