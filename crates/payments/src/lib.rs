//! What is true about a payment, in flow order: an order is placed, a session lets the customer pay,
//! a transaction authenticates and authorises a card, movements capture and refund it, the ledger moves, the shop is
//! told.
//!
//! There is no I/O, no clock, no randomness and no serialisation here. [`decide()`] takes an order, a
//! command and the time, and answers the changes to commit.

#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    clippy::arithmetic_side_effects
)]

pub mod card;
pub mod change;
pub mod decide;
pub mod decline;
pub mod ids;
pub mod ledger;
pub mod money;
pub mod movement;
pub mod notify;
pub mod order;
pub mod ranges;
mod response_codes;
pub mod session;
pub mod status;
pub mod threeds;
pub mod time;
pub mod token;
pub mod transaction;

pub use decide::{decide, place};
