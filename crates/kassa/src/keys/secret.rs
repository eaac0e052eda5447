//! An API key in the clear.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::random::Random;

/// How long a drawn key is: 238 bits.
const DRAWN_LENGTH: usize = 40;

/// An API key in the clear. It is wiped when dropped, prints masked and cannot be serialised.
#[derive(Clone)]
pub struct ApiSecret(Zeroizing<String>);

impl ApiSecret {
    /// Draws a new key of 40 letters and digits.
    #[must_use]
    pub fn draw(random: &Random) -> Self {
        ApiSecret(Zeroizing::new(random.alphanumeric(DRAWN_LENGTH)))
    }

    /// Takes a key somebody chose.
    ///
    /// # Errors
    /// Unless it fits into a header and is not a slip.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be printable ASCII without blanks");
        }
        if !(5..=100).contains(&text.len()) {
            return Err("must have 5 to 100 characters");
        }
        Ok(ApiSecret(Zeroizing::new(text.to_owned())))
    }

    /// The key itself, to sign with it or to show it to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// In constant time for keys of the same length.
impl PartialEq for ApiSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for ApiSecret {}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiSecret(…)")
    }
}
