//! The JSON API as shops meet it, through the real router over sockets.

mod again;
mod balances;
mod brands;
mod captures;
mod carts;
mod chargebacks;
mod direct;
mod events;
mod gateways;
mod idempotency;
mod keys;
mod lenient;
mod lists;
mod mistakes;
mod money_stages;
mod rate_limit;
mod refunds;
mod simulator;
mod sites;
mod stages;
mod tokens;
mod transactions;
mod update_order;
mod waiting;
