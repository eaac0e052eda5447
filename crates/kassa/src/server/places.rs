//! How many connections there may be, in total and for one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::visitors::{Visitor, Visitors};
use crate::metrics::METRICS;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long it is waited for somebody to go before others are told to.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The places there are.
pub(super) struct Places {
    seats: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_ip: usize,
    visitors: Arc<Visitors>,
}

/// One connection's place, given back when it is dropped.
pub(super) struct Place {
    _seat: OwnedSemaphorePermit,
    address: Option<IpAddr>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    visitors: Arc<Visitors>,
    pub(super) visitor: Arc<Visitor>,
}

impl Places {
    pub(super) fn new(total: usize, per_ip: usize) -> Self {
        Places {
            seats: Arc::new(Semaphore::new(total.min(Semaphore::MAX_PERMITS))),
            taken: Arc::default(),
            per_ip,
            visitors: Arc::new(Visitors::new()),
        }
    }

    /// A seat for somebody who is there already: at once, or when one of those who have nothing under way has made room,
    /// or when somebody goes.
    pub(super) async fn wait_for_seat(&self) -> OwnedSemaphorePermit {
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return seat;
        }
        loop {
            self.visitors.make_room();
            let seat = Arc::clone(&self.seats).acquire_owned();
            if let Ok(seat) = timeout(LOOK_AGAIN, seat).await {
                return seat.expect("nobody closes the semaphore");
            }
        }
    }

    /// The place of a connection from `peer`, unless its address has all that one address may have.
    pub(super) fn take(&self, seat: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let address = counted_as(peer);
        if let Some(address) = address {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let count = taken.entry(address).or_default();
            if *count >= self.per_ip {
                return None;
            }
            *count += 1;
        }
        METRICS.connections.inc();
        let (visitors, visitor) = (Arc::clone(&self.visitors), self.visitors.enter());
        Some(Place { _seat: seat, address, taken: Arc::clone(&self.taken), visitors, visitor })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        METRICS.connections.dec();
        self.visitors.left(&self.visitor);
        let Some(address) = self.address else { return };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = taken.entry(address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// What an address counts as: loopback as nothing, since a proxy on this machine speaks for everyone, and an IPv6
/// address as the network a single household is given.
fn counted_as(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(v4) => Some(v4.into()),
        IpAddr::V6(v6) => Some(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_has_its_share_and_gets_it_back() {
        let places = Places::new(100, 2);
        let seats = || Arc::clone(&places.seats).try_acquire_owned().unwrap();
        let take = |text: &str| places.take(seats(), text.parse().unwrap());
        let first = take("192.0.2.1").unwrap();
        let _mapped = take("::ffff:192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        let _other = take("192.0.2.2").unwrap();
        drop(first);
        let _again = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());

        let household = [take("2001:db8:0:1::1").unwrap(), take("2001:db8:0:1:ffff::2").unwrap()];
        assert!(take("2001:db8:0:1::3").is_none());
        assert!(take("2001:db8:0:2::1").is_some());
        drop(household);
        assert!(take("2001:db8:0:1::3").is_some());

        let loopback: Vec<_> = ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"]
            .into_iter()
            .cycle()
            .take(20)
            .map(|text| take(text).unwrap())
            .collect();
        assert_eq!(loopback.len(), 20);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_visitors_who_left() {
        let places = Places::new(3, 3);
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(places.take(places.wait_for_seat().await, peer).unwrap());
        }
        assert_eq!(places.seats.available_permits(), 0);
        held.clear();
        assert_eq!(places.seats.available_permits(), 3);
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
