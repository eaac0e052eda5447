//! What keeps a link from sending more to a host that does not answer: every message that is sent then becomes an
//! unknown outcome, and every customer waits for nothing.
//!
//! After so many failures in a row nothing is sent. Once the host has answered an echo, or a sign-on, one message is
//! sent to try it; its answer ends the suspension, and its failure begins it anew.

use std::sync::Arc;
use tokio::sync::watch;

/// Whether messages may be sent. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    /// So many failures in a row; 0 is never.
    after: u32,
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Default)]
struct State {
    gate: Gate,
    /// In a row.
    failures: u32,
    /// Grows with every suspension: what was sent before one says nothing about the time after it by failing.
    suspensions: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// Everything may be sent.
    #[default]
    Open,
    /// Nothing may.
    Shut,
    /// One message may be sent to try the host, if it is not under way.
    Trying { is_under_way: bool },
}

/// Leave to send a message. What became of it is to be said; without a word it says nothing about the host.
#[derive(Debug)]
pub(super) struct Leave {
    breaker: Breaker,
    suspensions: u64,
    is_trial: bool,
}

impl Breaker {
    pub(super) fn new(after: u32) -> Self {
        Self { after, state: Arc::default() }
    }

    /// Leave for one message; `None` when it may not be sent.
    pub(super) fn leave(&self) -> Option<Leave> {
        let mut leave = None;
        self.state.send_if_modified(|state| {
            let is_trial = match state.gate {
                Gate::Shut | Gate::Trying { is_under_way: true } => return false,
                Gate::Open => false,
                Gate::Trying { is_under_way: false } => {
                    state.gate = Gate::Trying { is_under_way: true };
                    true
                }
            };
            leave = Some(Leave { breaker: self.clone(), suspensions: state.suspensions, is_trial });
            false
        });
        leave
    }

    /// The host answered an echo or a sign-on: it may be tried.
    pub(super) fn echo_answered(&self) {
        self.state.send_if_modified(|state| {
            let was_shut = state.gate == Gate::Shut;
            if was_shut {
                state.gate = Gate::Trying { is_under_way: false };
            }
            was_shut
        });
    }

    /// Whether the host has to answer an echo before it is sent anything.
    pub(super) fn is_shut(&self) -> bool {
        self.state.borrow().gate == Gate::Shut
    }

    /// Whether there is no suspension, nor the end of one.
    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().gate == Gate::Open
    }

    /// To be woken when a suspension begins or ends.
    pub(super) fn watch(&self) -> Changes {
        Changes(self.state.subscribe())
    }
}

/// The beginnings and ends of suspensions.
#[derive(Debug)]
pub(super) struct Changes(watch::Receiver<State>);

impl Changes {
    /// The next one; never, once nobody is there any more.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Leave {
    /// It was answered: the host is there.
    pub(super) fn answered(self) {
        self.breaker.state.send_if_modified(|state| {
            state.failures = 0;
            let was_shut = state.gate != Gate::Open;
            state.gate = Gate::Open;
            was_shut
        });
    }

    /// It was not answered, or there was no connection to send it over.
    pub(super) fn failed(self) {
        self.breaker.state.send_if_modified(|state| {
            if self.suspensions != state.suspensions {
                return false;
            }
            state.failures = state.failures.saturating_add(1);
            let is_enough = self.breaker.after > 0 && state.failures >= self.breaker.after;
            let shuts = state.gate != Gate::Shut && is_enough;
            if shuts {
                state.gate = Gate::Shut;
                state.suspensions += 1;
                let failures = state.failures;
                tracing::warn!(failures, "nothing is sent to the acquirer's host before it answers an echo");
            }
            shuts
        });
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.is_trial {
            self.breaker.state.send_if_modified(|state| {
                if state.gate == (Gate::Trying { is_under_way: true }) {
                    state.gate = Gate::Trying { is_under_way: false };
                }
                false
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32) {
        (0..times).for_each(|_| breaker.leave().unwrap().failed());
    }

    #[test]
    fn failures_in_a_row_suspend_until_an_echo_and_a_trial_succeed() {
        let breaker = Breaker::new(3);
        fail(&breaker, 2);
        breaker.leave().unwrap().answered();
        fail(&breaker, 2);
        assert!(breaker.is_open(), "never three in a row");
        let (before, answered_later) = (breaker.leave().unwrap(), breaker.leave().unwrap());
        fail(&breaker, 1);
        assert!(breaker.is_shut() && breaker.leave().is_none());
        breaker.echo_answered();
        let trial = breaker.leave().unwrap();
        assert!(breaker.leave().is_none(), "one at a time");
        before.failed();
        assert!(!breaker.is_shut(), "what was sent before says nothing by failing");
        trial.failed();
        assert!(breaker.is_shut(), "at once");
        breaker.echo_answered();
        drop(breaker.leave().unwrap());
        breaker.leave().unwrap().answered();
        assert!(breaker.is_open());
        fail(&breaker, 3);
        assert!(breaker.is_shut());
        answered_later.answered();
        assert!(breaker.is_open(), "whatever is answered shows that the host is there");
    }

    #[test]
    fn without_a_number_nothing_is_ever_suspended() {
        let breaker = Breaker::new(0);
        fail(&breaker, 100);
        assert!(breaker.is_open());
    }
}
