//! ISO 8583:1987, the messages between a payment gateway and the host of an acquirer: bytes to fields and back.
//!
//! A message is a type (the MTI), one or two bitmaps that say which data elements (DE) are there, and those elements.
//! Every host writes them in its own way, so how a host speaks is data: a [`Profile`], read from TOML. A [`Message`]
//! is the same whatever the profile.
//!
//! ```
//! use iso8583::{Message, Mti, Profile};
//!
//! let profile = Profile::built_in("B").expect("ASCII with a raw bitmap");
//! let mut request = Message::new(Mti::AUTHORISATION_REQUEST)
//!     .with(2, "6799990000000000011")
//!     .with(3, "000000")
//!     .with(7, "1122143015")
//!     .with(49, "978");
//! request.set_amount_minor(37_98).set_stan(123);
//!
//! let bytes = profile.encode(&request)?;
//! let read = profile.decode(&bytes)?;
//! assert_eq!(read.mti().response(), Mti::parse("0110"));
//! assert_eq!(read.amount_minor(), Some(37_98));
//! assert_eq!(
//!     read.masked(&profile).to_string().lines().take(2).collect::<Vec<_>>(),
//!     [
//!         "0100 authorisation request",
//!         "   2 primary account number                        679999*********0011",
//!     ]
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | read a host's file, or take a built-in profile | [`Profile::parse`], [`Profile::built_in`] |
//! | turn a message into bytes and back | [`Profile::encode`], [`Profile::decode`] |
//! | protect it with a code in DE 64 or 128 | [`Profile::encode_with_mac`], [`Profile::mac`] |
//! | put it on a stream and take it off again | [`Framing`], [`Deframer`] |
//! | find the request that an answer is to | [`Profile::match_key`], [`Profile::confirms`] |
//! | look inside DE 48, 54, 90, 95 | [`SubElements`], [`AdditionalAmount`], [`OriginalDataElements`], [`ReplacementAmounts`] |
//! | show it to somebody | [`Message::masked`] |
//!
//! # A profile
//!
//! Encodings are `"ascii"`, `"ebcdic-cp500"`, `"ebcdic-cp037"`, `"bcd"` (two digits in a byte) and `"binary"`; of
//! bits, the first three mean hexadecimal characters. This one packs numbers, and its host has two habits of its own:
//!
//! ```
//! let profile = iso8583::Profile::parse(r#"
//! name = "our acquirer"
//! mti = "bcd"
//! bitmap = "binary"
//! numeric = "bcd"            # fields of format n and z, and the digits of x+n
//! text = "ascii"             # fields of letters
//! binary = "binary"          # fields of format b
//! length_prefix = "bcd"      # before LLVAR and LLLVAR
//! length_counts = "digits"   # of packed fields; or "bytes"
//! pad = "left"               # of an odd number of packed digits: on this side,
//! filler = "0"               # with this
//! match_on = [7, 11, 32, 41] # what an answer echoes; 7, 11, 32, 33 and 41 unless it is said
//! match_check = [37]         # what it must not contradict
//!
//! [fields]                   # what differs from ISO 8583:1987, key by key
//! 2 = { pad = "right", filler = "F" }
//! 63 = { name = "network data", format = "b ...255", secret = true }
//!
//! [framing]                  # see Framing
//! length = "binary-2"
//! tpdu = { destination = "0001", source = "0000" }
//! "#)?;
//! assert_eq!(profile.field_name(63), Some("network data"));
//! # Ok::<(), iso8583::ProfileError>(())
//! ```
//!
//! A field's keys are `name`, `format` in the notation of the standard, `secret`, `encoding`, `length_prefix`,
//! `length_counts`, `pad` and `filler`. `profiles/fields.toml` has the fields of the standard and explains the
//! notation.
//!
//! # Rules and limits
//!
//! - No I/O, clock, randomness or async: sockets and timers are for whoever uses this.
//! - No bytes make it panic, and none make it take more memory than twice what a frame may have.
//! - What breaks the profile is refused in both directions, with the field and the byte, and never with the value.
//!   After the last field nothing may follow; a second bitmap may be there and empty; there is no third.
//! - Messages and received frames are wiped when they are dropped, and `Debug` shows no value of a field.
//! - PIN data, DE 52 and 53, is never built: PINs do not occur in e-commerce.

#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    clippy::indexing_slicing
)]

mod decode;
mod deframer;
mod elements;
mod encode;
mod encoding;
mod error;
mod field;
mod framing;
mod mac;
mod masked;
mod match_key;
mod message;
mod mti;
mod profile;
mod values;

pub use deframer::{Deframer, Frame};
pub use elements::{
    AdditionalAmount, Malformed, OriginalDataElements, ReplacementAmounts, Sign, SubElements,
};
pub use error::{DecodeError, EncodeError, Fault, Place};
pub use framing::{FrameError, Framing};
pub use mac::Mac;
pub use masked::Masked;
pub use match_key::MatchKey;
pub use message::Message;
pub use mti::{Class, Function, Mti, Origin, Version};
pub use profile::{Profile, ProfileError};
