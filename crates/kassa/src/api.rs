//! The JSON API under `/v1/json`: what shops send, read into types, and what they are answered.

pub(crate) mod create_order;
pub(crate) mod error;
pub(crate) mod json;
