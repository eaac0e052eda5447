//! Kassa's world: the API, the pages, the workers, the store and the simulator around the `payments` crate.

// The store's tests share the test databases of `tests/it`, which name this crate from outside.
#[cfg(test)]
extern crate self as kassa;

mod acquirer;
mod admission;
mod api;
pub mod app;
pub mod audit;
mod bench;
mod cards_in_hand;
pub mod cli;
pub mod clock;
pub mod config;
mod docs;
pub mod keys;
pub mod logging;
mod metrics;
pub mod node;
mod notify;
pub mod outbound;
mod pages;
pub mod random;
pub mod ranges;
mod reseal;
mod router;
mod run;
pub mod server;
mod simulator;
mod sites;
pub mod store;
mod submit;
pub mod threeds;
mod vault;
mod worker;
