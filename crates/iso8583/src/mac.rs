//! Message authentication codes: eight bytes over everything before them, in DE 64, or in DE 128 where there is a
//! second bitmap. Which algorithm and which key is for the connection to know; here is only where they go.

use crate::encoding::Bits;
use crate::error::EncodeError;
use crate::field::{Encoding, Length};
use crate::message::Message;
use crate::profile::Profile;

/// A message authentication code.
pub type Mac = [u8; 8];

impl Profile {
    /// As [`encode`](Self::encode), with what `mac` makes of the bytes before it as the last field.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), also where the profile has no such field of eight bytes.
    pub fn encode_with_mac(
        &self,
        message: &Message,
        mac: impl FnOnce(&[u8]) -> Mac,
    ) -> Result<Vec<u8>, EncodeError> {
        let number = if message.fields().any(|(number, _)| number > 64) { 128 } else { 64 };
        let mut message = message.clone();
        let mut wire = self.encode(message.set(number, Mac::default()))?;
        if let Some(bits) = self.mac_bits(number) {
            let covered = wire.len() - bits.wire_length(Mac::default().len());
            let code = mac(wire.get(..covered).unwrap_or_default());
            wire.truncate(covered);
            bits.write(&code, &mut wire);
        }
        Ok(wire)
    }

    /// The bytes of a message that was received which its code is over, and that code. `None` if the last field is
    /// no code. Whoever compares takes the same time for every difference.
    #[must_use]
    pub fn mac<'a>(&self, wire: &'a [u8], message: &Message) -> Option<(&'a [u8], Mac)> {
        let (number, value) = message.fields().last()?;
        let bits = self.mac_bits(number)?;
        let covered = wire.len().checked_sub(bits.wire_length(value.len()))?;
        Some((wire.get(..covered)?, value.try_into().ok()?))
    }

    /// How a code is written in this field, if it is one.
    fn mac_bits(&self, number: u8) -> Option<Bits> {
        let field = self.field(number).filter(|_| matches!(number, 64 | 128))?;
        match (field.length, field.encoding) {
            (Length::Fixed(8), Encoding::Bits(bits)) => Some(bits),
            (Length::Fixed(_) | Length::Variable { .. }, _) => None,
        }
    }
}
