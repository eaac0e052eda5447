//! From a message to bytes.

use crate::decode::SECONDARY;
use crate::encoding::{Numeric, packed};
use crate::error::{EncodeError, Fault, Place};
use crate::field::{Characters, Encoding, Field, Format, Length};
use crate::message::Message;
use crate::mti::Mti;
use crate::profile::Profile;
use zeroize::Zeroizing;

/// PIN data, and what belongs to it.
const PIN_FIELDS: [u8; 2] = [52, 53];

/// More than the type, the bitmaps and anything's length prefix take.
const HEAD_MAX: usize = 4 + 32;
const PREFIX_MAX: usize = 4;

impl Profile {
    /// The bytes of `message`.
    ///
    /// They have the card number in them: whoever is done with them wipes them, for instance by keeping them in a
    /// [`Zeroizing`].
    ///
    /// # Errors
    /// The first field that the profile cannot write, and where in its value.
    pub fn encode(&self, message: &Message) -> Result<Vec<u8>, EncodeError> {
        let values = message.values();
        let fields = values.iter().count();
        // Room for all of it at once, even in hexadecimal: what grows leaves copies behind.
        let capacity = HEAD_MAX + fields * PREFIX_MAX + values.total() * 2;
        let mut wire = Zeroizing::new(Vec::with_capacity(capacity));
        self.write_mti(message.mti(), &mut wire);
        self.write_bitmaps(message, &mut wire);
        for (number, value) in values.iter() {
            let error = |(offset, fault)| EncodeError { place: Place::Field(number), offset, fault };
            if PIN_FIELDS.contains(&number) {
                return Err(error((0, Fault::Pin)));
            }
            let field = self.defined(number).map_err(|fault| error((0, fault)))?;
            write_field(field, value, &mut wire).map_err(error)?;
        }
        debug_assert!(wire.len() <= capacity, "the buffer of a message that is written does not grow");
        let limit = self.framing.limit_bytes();
        if wire.len() > limit {
            return Err(EncodeError {
                place: Place::Message,
                offset: limit,
                fault: Fault::TooLarge { limit },
            });
        }
        Ok(std::mem::take(&mut *wire))
    }

    fn write_mti(&self, mti: Mti, wire: &mut Vec<u8>) {
        let digits = mti.digits();
        match self.mti {
            Numeric::Characters(page) => page.write(&digits, wire),
            Numeric::Bcd => {
                let [version, class, function, origin] = digits.map(|digit| digit & 0xF);
                wire.extend([packed(version, class), packed(function, origin)]);
            }
        }
    }

    /// One bitmap, or two where there are fields above 64.
    fn write_bitmaps(&self, message: &Message, wire: &mut Vec<u8>) {
        let bit = |number: u8| 1_u128.checked_shl(128_u32.saturating_sub(u32::from(number))).unwrap_or(0);
        let present = message.fields().fold(0, |present, (number, _)| present | bit(number));
        let secondary = present & u128::from(u64::MAX) != 0;
        let bits = if secondary { present | SECONDARY } else { present }.to_be_bytes();
        let count = if secondary { 16 } else { 8 };
        self.bitmap.write(bits.get(..count).unwrap_or_default(), wire);
    }
}

fn write_field(field: &Field, value: &[u8], wire: &mut Vec<u8>) -> Result<(), (usize, Fault)> {
    if let Some(at) = field.format.find_foreign(value) {
        return Err((at, Fault::Character));
    }
    write_length(field, value.len(), wire)?;
    match field.encoding {
        Encoding::Characters(page) => page.write(value, wire),
        Encoding::Bits(bits) => bits.write(value, wire),
        Encoding::Bcd(padding) => {
            let (sign, digits) = match field.format {
                Format::SignedAmount => value.split_at_checked(1).unwrap_or_default(),
                Format::Text(_) | Format::Bits => (&[][..], value),
            };
            // Whatever its format, only digits can be packed.
            let packable = if field.format.is_track() { Characters::TRACK } else { Characters::NUMERIC };
            if let Some(at) = packable.find_foreign(digits) {
                return Err((sign.len() + at, Fault::Character));
            }
            field.text.write(sign, wire);
            padding.pack(digits, wire);
        }
    }
    Ok(())
}

/// Checks the length of a value, and writes it where the field has a length prefix.
fn write_length(field: &Field, length: usize, wire: &mut Vec<u8>) -> Result<(), (usize, Fault)> {
    match field.length {
        Length::Fixed(expected) if length != expected => Err((0, Fault::WrongLength { length, expected })),
        Length::Fixed(_) => Ok(()),
        Length::Variable { max, .. } if length > max => Err((0, Fault::TooLong { length, max })),
        Length::Variable { digits, .. } => {
            let told = if field.counts_bytes() { length.div_ceil(2) } else { length };
            field.prefix.write(told, digits, wire);
            Ok(())
        }
    }
}
