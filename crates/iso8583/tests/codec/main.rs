//! The codec from outside: real messages, what is refused, and that no bytes upset it.
//!
//! `TEST_FRAMES` says how many random messages are tried.

mod vectors;
