//! The words and codes that messages carry, as types.
//!
//! Codes of two digits are open lists: 80–99 are left to each directory server, so they are numbers with names for
//! those that matter here. What only ever is one of a few letters is an enum.

mod authentication;
mod codes;
mod errors;
mod outcome;

pub use authentication::AuthenticationValue;
pub(crate) use authentication::decode as decode_base64;
pub use codes::{
    AuthenticationInd, ChallengeInd, ChallengeWindowSize, MessageCategory, ResultsStatus, ThreeRiInd,
    TwoDigits,
};
pub use errors::{Component, ErrorCode};
pub use outcome::{
    AcsChallengeMandated, ChallengeCancel, CompInd, DeviceChannel, Eci, EciMeaning, Scheme, TransStatus,
    TransStatusReason, YesNo,
};
