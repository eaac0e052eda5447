//! The authentication value: the issuer's proof, called AAV or CAVV.

use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// `authenticationValue`: base64, 20 bytes in 2.2.0 and up to 4000 characters in 2.3.1. It is used once, in the
/// authorisation, and never prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthenticationValue(Secret);

impl AuthenticationValue {
    /// How many bytes authorisation messages have room for.
    pub const BYTES: usize = 20;

    /// Writes the bytes of an issuer.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Secret::new(STANDARD.encode(bytes)))
    }

    /// Takes base64 of any length; the rules of a message say which it may have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(|_| Self(Secret::new(text)))
    }

    /// The base64 of the message, which the authorisation carries on.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The bytes, to compare or to pack.
    #[must_use]
    pub fn expose_bytes(&self) -> Zeroizing<Vec<u8>> {
        decode(self.0.expose()).unwrap_or_default()
    }
}

/// The bytes of base64 with its padding.
pub(crate) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty()).map(Zeroizing::new)
}
