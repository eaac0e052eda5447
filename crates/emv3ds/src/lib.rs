//! EMV 3-D Secure: how a card's issuer is asked whether the one who pays is the cardholder.
//!
//! Messages of protocol versions 2.2.0 and 2.3.1, to and from JSON, with the rules for every field; the card ranges;
//! the browser's data. All of it can be used from each side: the 3DS Server of a merchant, the directory server of a
//! scheme, and the access control server (ACS) of an issuer. There is no I/O here, no clock and no randomness.
//!
//! # A conversation
//!
//! | who | message | what |
//! |---|---|---|
//! | server → directory | [`PReq`](preparation::PReq), answered by [`PRes`](preparation::PRes) | daily: which cards take part → [`RangeCache`](range_cache::RangeCache) |
//! | browser → ACS | [`MethodData`](method::MethodData) | unseen: the ACS looks at the browser |
//! | server → directory → ACS | [`AReq`](areq::AReq), answered by [`ARes`](ares::ARes) | is it the cardholder? often the answer is final |
//! | browser → ACS | [`CReq`](challenge::CReq) | the challenge: the cardholder is asked |
//! | ACS → directory → server | [`RReq`](results::RReq), answered by [`RRes`](results::RRes) | how it ended: this decides |
//! | ACS → browser → server | [`CRes`](challenge::CRes) | the browser is back: this decides nothing |
//! | anybody | [`Erro`](erro::Erro) | a message could not be used; never answered |
//!
//! [`message::receive`] reads an answer and [`message::Message::parse`] any message; [`message::Body::to_json`]
//! writes one. Both check it by the same [tables](rules), and say what is wrong as a [`Fault`](fault::Fault), which
//! becomes the `Erro` to answer with. The types have the shape of 2.3.1; what 2.2.0 calls or shapes otherwise is
//! translated in one place. Card numbers, names and authentication values never print, and are wiped when dropped.
//!
//! ```
//! use emv3ds::ares::{ARes, Outcome};
//! use emv3ds::ids::TransId;
//! use emv3ds::message::{Body, Endpoint, Received, receive};
//! use emv3ds::values::{AuthenticationValue, Component, Eci, EciMeaning, ErrorCode, Scheme, TransStatus};
//! use emv3ds::version::Version;
//!
//! let (acs, server) = (Endpoint::new(Component::Acs), Endpoint::new(Component::Server));
//! let id = |random| TransId::from_random([random; 16]);
//!
//! // The issuer answers: authenticated, without asking the cardholder.
//! let answer = ARes {
//!     version: Version::V220,
//!     server_trans_id: id(1),
//!     ds_trans_id: id(2),
//!     acs_trans_id: id(3),
//!     ds_reference_number: "DS-1".to_owned(),
//!     acs_reference_number: "ACS-1".to_owned(),
//!     outcome: Outcome {
//!         authentication_value: Some(AuthenticationValue::from_bytes(&[7; 20])),
//!         eci: Eci::of(Scheme::Mastercard, EciMeaning::Authenticated),
//!         ..Outcome::new(TransStatus::Authenticated)
//!     },
//!     acs_url: None,
//!     challenge_mandated: None,
//!     decoupled_confirmed: None,
//!     extensions: Vec::new(),
//!     other: Default::default(),
//! };
//! let json = answer.to_json(&acs)?;
//!
//! // The merchant's side reads it.
//! let Received::Message(read) = receive::<ARes>(json.as_bytes(), &server)? else { panic!("an Erro") };
//! assert_eq!(read, answer);
//! assert!(!format!("{read:?}").contains("BwcHBwcH"), "the proof does not print");
//!
//! // Without its proof it is refused, and the answer to that says why.
//! let broken = json.replace("authenticationValue", "somethingElse");
//! let fault = receive::<ARes>(broken.as_bytes(), &server).unwrap_err();
//! assert_eq!((fault.code, fault.detail.as_str()), (ErrorCode::REQUIRED_MISSING, "authenticationValue"));
//! let erro = fault.erro().expect("an answer").to_json(&server)?;
//! assert!(erro.contains(r#""errorCode":"201""#));
//! # Ok::<(), emv3ds::fault::Fault>(())
//! ```

#![warn(clippy::indexing_slicing)]

pub mod areq;
pub mod ares;
pub mod base64url;
pub mod browser;
pub mod card_range;
pub mod challenge;
mod dialect;
pub mod erro;
pub mod fault;
pub mod fields;
pub mod ids;
pub mod message;
pub mod method;
pub mod preparation;
pub mod range_cache;
pub mod results;
pub mod rules;
pub mod secret;
pub mod values;
pub mod version;
