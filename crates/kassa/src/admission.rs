//! How much is worked on at once, so that more requests than the machine can answer cost it nothing but patience.
//!
//! Up to `requests_max` requests are at work. The next ones wait for their turn, for a second at most, and are then
//! refused: with 429 on the API, with a page and 503 where customers are, both with `Retry-After`. Whoever comes has
//! sent all of the request by then, so nobody holds a place by sending slowly. A request that waits for somebody else, a
//! bank, a shop, a customer on another page, gives up its place meanwhile: it takes nothing but memory, and of that
//! there is a limit too, on connections and on bodies.
//!
//! Waiting before the refusal is what keeps the refused cheap: a client that comes back at once comes back once a second
//! and not as fast as it can.

use crate::metrics::METRICS;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(1);
/// A body up to this size is nothing to ask about: as many as there are connections have room.
const SMALL_BODY: usize = 16 * 1_024;
/// How much all larger bodies take together.
const LARGE_BODIES: usize = 64 * 1_024 * 1_024;
/// The unit in which that is counted.
const PIECE: usize = 1_024;

/// The places there are.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    /// Requests that came back to their work when all places were taken. They are at work all the same, and the next
    /// places that become free are not given out.
    owed: AtomicUsize,
    bodies: Arc<Semaphore>,
}

/// A place among the requests at work, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted<'a>(&'a Admission);

/// The time in which a request waits for somebody else, until it is dropped.
#[derive(Debug)]
pub(crate) struct Away<'a>(&'a Admission);

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Admission {
    pub(crate) fn new(requests_max: usize) -> Self {
        Self {
            places: Semaphore::new(requests_max.min(Semaphore::MAX_PERMITS)),
            owed: AtomicUsize::new(0),
            bodies: Arc::new(Semaphore::new(LARGE_BODIES / PIECE)),
        }
    }

    /// A place, at once or when it is this request's turn.
    ///
    /// # Errors
    /// When that is not soon enough.
    pub(crate) async fn enter(&self) -> Result<Admitted<'_>, Busy> {
        let permit = match self.places.try_acquire() {
            Ok(permit) => permit,
            Err(_) => match tokio::time::timeout(PATIENCE, self.places.acquire()).await {
                Ok(Ok(permit)) => permit,
                Ok(Err(_)) | Err(_) => return Err(refused()),
            },
        };
        permit.forget();
        METRICS.at_work.inc();
        Ok(Admitted(self))
    }

    /// Room for a body of so many bytes, until what is answered is dropped; none is needed for a small one.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn room_for(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Busy> {
        if bytes <= SMALL_BODY {
            return Ok(None);
        }
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).map_err(|_| refused())?;
        Arc::clone(&self.bodies).try_acquire_many_owned(pieces).map(Some).map_err(|_| refused())
    }

    /// Gives up this request's place while it waits for somebody else.
    pub(crate) fn step_out(&self) -> Away<'_> {
        self.leave();
        Away(self)
    }

    fn leave(&self) {
        METRICS.at_work.dec();
        let paid = self.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |owed| owed.checked_sub(1));
        if paid.is_err() {
            self.places.add_permits(1);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        METRICS.at_work.inc();
        match self.0.places.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => {
                self.0.owed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn refused() -> Busy {
    METRICS.refused.inc();
    Busy
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn one_too_many_waits_its_turn_or_is_refused() {
        let admission = Admission::new(2);
        let first = admission.enter().await.unwrap();
        let second = admission.enter().await.unwrap();
        let began = Instant::now();
        assert_eq!(admission.enter().await.unwrap_err(), Busy);
        assert_eq!(began.elapsed(), PATIENCE);

        let (third, ()) = tokio::join!(admission.enter(), async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(first);
        });
        assert_eq!(began.elapsed(), PATIENCE * 3 / 2, "it had its turn as soon as there was one");
        drop((second, third.unwrap()));
        assert_eq!(admission.places.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_somebody_else_has_no_place_and_is_not_kept_from_coming_back() {
        let admission = Admission::new(1);
        let first = admission.enter().await.unwrap();
        let away = admission.step_out();
        let second = admission.enter().await.unwrap();
        // Both are at work now: the place that becomes free first is owed.
        drop(away);
        drop(second);
        assert!(admission.enter().await.is_err());
        drop(first);
        let third = admission.enter().await.unwrap();
        assert!(admission.enter().await.is_err(), "and there is one place again");
        drop(third);
        drop(admission.step_out());
        assert_eq!(admission.places.available_permits(), 1, "also when somebody without a place waits");
    }

    #[tokio::test]
    async fn large_bodies_have_a_limit_together() {
        let admission = Admission::new(1);
        assert!(admission.room_for(0).unwrap().is_none());
        assert!(admission.room_for(SMALL_BODY).unwrap().is_none());
        let held: Vec<_> = (0..256).map(|_| admission.room_for(256 * 1_024).unwrap()).collect();
        assert_eq!(admission.room_for(SMALL_BODY + 1).unwrap_err(), Busy);
        assert!(admission.room_for(SMALL_BODY).is_ok());
        drop(held);
        assert!(admission.room_for(SMALL_BODY + 1).unwrap().is_some());
    }
}
