//! Kassa as its users meet it: the real router over real sockets, both databases, a shop that verifies.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod api;
mod browser;
mod cli;
mod clients;
mod database_tls;
mod docs;
mod failover;
mod fuzz;
mod harness;
mod kill;
mod nodes;
mod notifications;
mod operations;
mod outcomes;
mod pages;
mod payment;
mod peers;
mod rails;
mod ranges;
mod schema;
mod secrets;
mod threeds;
mod tidy;
