//! ISO 8583:1987, the messages between a payment gateway and the host of an acquirer: from bytes to fields and back.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    clippy::indexing_slicing
)]

mod decode;
mod deframer;
mod encode;
mod encoding;
mod error;
mod field;
mod framing;
mod message;
mod mti;
mod profile;
mod values;

pub use deframer::{Deframer, Frame};
pub use error::{DecodeError, EncodeError, Fault, Place};
pub use framing::{FrameError, Framing};
pub use message::Message;
pub use mti::{Class, Function, Mti, Origin, Version};
pub use profile::{Profile, ProfileError};
