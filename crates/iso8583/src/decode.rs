//! From bytes to a message.

use crate::encoding::{Numeric, Padding, Unpacked};
use crate::error::{DecodeError, Fault, Place};
use crate::field::{Counts, Encoding, Field, Format, Length};
use crate::message::Message;
use crate::mti::Mti;
use crate::profile::Profile;
use crate::values::Values;

/// The bits of both bitmaps, DE 1 first, that are no data elements.
pub(crate) const SECONDARY: u128 = 1 << 127;
const TERTIARY: u128 = 1 << (128 - 65);

impl Profile {
    /// The message that `bytes` are.
    ///
    /// The buffer of its values is not larger than `bytes`, or twice that where digits are packed.
    ///
    /// # Errors
    /// The first thing that is wrong, and at which byte.
    pub fn decode(&self, bytes: &[u8]) -> Result<Message, DecodeError> {
        let limit = self.framing.limit_bytes();
        if bytes.len() > limit {
            return Err(DecodeError {
                place: Place::Message,
                offset: limit,
                fault: Fault::TooLarge { limit },
            });
        }
        let mut reader = Reader { bytes, offset: 0, place: Place::Mti };
        let mti = self.read_mti(&mut reader)?;
        let mut present = self.read_bitmaps(&mut reader)?;
        let fields = usize::try_from(present.count_ones()).unwrap_or(0);
        let mut values = Values::with_capacity(fields, bytes.len() * self.unpacks_to);
        while present != 0 {
            let bit = present.leading_zeros();
            present &= !(SECONDARY >> bit);
            // The first bit is DE 1, the last DE 128.
            let number = u8::try_from(bit + 1).unwrap_or(0);
            reader.place = Place::Field(number);
            let field = self.defined(number).map_err(|fault| reader.error(fault))?;
            values.append(number, |value| read_field(field, &mut reader, value))?;
        }
        reader.finish()?;
        Ok(Message::of(mti, values))
    }

    fn read_mti(&self, reader: &mut Reader<'_>) -> Result<Mti, DecodeError> {
        let wire = reader.take(self.mti_length())?;
        let mut digits = Vec::with_capacity(4);
        match self.mti {
            Numeric::Characters(page) => page.read(wire, &mut digits),
            Numeric::Bcd => {
                digits.extend(wire.iter().flat_map(|byte| [b'0' + (byte >> 4), b'0' + (byte & 0xF)]))
            }
        }
        let mti = <[u8; 4]>::try_from(digits).ok().and_then(Mti::of_digits);
        mti.ok_or_else(|| reader.error_at(0, Fault::UnknownType))
    }

    /// The bits of the fields that follow. A second bitmap may be there and empty: some hosts always send one.
    fn read_bitmaps(&self, reader: &mut Reader<'_>) -> Result<u128, DecodeError> {
        reader.place = Place::Bitmap;
        let mut present = u128::from(self.read_bitmap(reader)?) << 64;
        if present & SECONDARY != 0 {
            let start = reader.offset;
            present |= u128::from(self.read_bitmap(reader)?);
            if present & TERTIARY != 0 {
                return Err(reader.error_at(start, Fault::TertiaryBitmap));
            }
        }
        Ok(present & !SECONDARY)
    }

    fn read_bitmap(&self, reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
        let start = reader.offset;
        let wire = reader.take(self.bitmap_length())?;
        let mut bits = Vec::with_capacity(8);
        self.bitmap.read(wire, &mut bits).map_err(|at| reader.error_at(start + at, Fault::Character))?;
        Ok(bits.iter().fold(0, |bitmap, byte| (bitmap << 8) | u64::from(*byte)))
    }
}

/// What is left of the bytes, and where in them it is.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    place: Place,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(self.error(Fault::CutShort { missing: count - self.bytes.len() }));
        };
        self.bytes = rest;
        self.offset += count;
        Ok(taken)
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        self.place = Place::Message;
        match self.bytes.len() {
            0 => Ok(()),
            bytes => Err(self.error(Fault::Trailing { bytes })),
        }
    }

    fn error(&self, fault: Fault) -> DecodeError {
        self.error_at(self.offset, fault)
    }

    fn error_at(&self, offset: usize, fault: Fault) -> DecodeError {
        DecodeError { place: self.place, offset, fault }
    }
}

fn read_field(field: &Field, reader: &mut Reader<'_>, value: &mut Vec<u8>) -> Result<(), DecodeError> {
    let length = read_length(field, reader)?;
    match field.encoding {
        Encoding::Characters(page) => {
            let start = reader.offset;
            let before = value.len();
            page.read(reader.take(length)?, value);
            let read = value.get(before..).unwrap_or_default();
            match field.format.find_foreign(read) {
                None => Ok(()),
                Some(at) => Err(reader.error_at(start + at, Fault::Character)),
            }
        }
        Encoding::Bcd(padding) => read_packed(field, padding, length, reader, value),
        Encoding::Bits(bits) => {
            let start = reader.offset;
            let wire = reader.take(bits.wire_length(length))?;
            bits.read(wire, value).map_err(|at| reader.error_at(start + at, Fault::Character))
        }
    }
}

/// The length of a field as its prefix tells it, or as it always is.
fn read_length(field: &Field, reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let (digits, max) = match field.length {
        Length::Fixed(length) => return Ok(length),
        Length::Variable { digits, max } => (digits, max),
    };
    let start = reader.offset;
    let wire = reader.take(field.prefix.wire_length(digits))?;
    let length = field.prefix.read(wire).map_err(|at| reader.error_at(start + at, Fault::LengthPrefix))?;
    let max = if field.counts_bytes() { max.div_ceil(2) } else { max };
    if length > max { Err(reader.error_at(start, Fault::TooLong { length, max })) } else { Ok(length) }
}

fn read_packed(
    field: &Field,
    padding: Padding,
    length: usize,
    reader: &mut Reader<'_>,
    value: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let mut digits = length;
    if field.format == Format::SignedAmount {
        let at = reader.offset;
        let sign = reader.take(1)?.first().map_or(0, |byte| field.text.read_one(*byte));
        if !matches!(sign, b'C' | b'D') {
            return Err(reader.error_at(at, Fault::Character));
        }
        value.push(sign);
        digits -= 1;
    }
    let start = reader.offset;
    let wire = if field.counts_bytes() {
        let wire = reader.take(length)?;
        digits = padding.digits_in(wire);
        match field.length {
            Length::Variable { max, .. } if digits > max => {
                return Err(reader.error_at(start, Fault::TooLong { length: digits, max }));
            }
            Length::Variable { .. } | Length::Fixed(_) => wire,
        }
    } else {
        reader.take(digits.div_ceil(2))?
    };
    padding.unpack(wire, digits, field.format.is_track(), value).map_err(|unpacked| match unpacked {
        Unpacked::NoDigit(at) => reader.error_at(start + at, Fault::Character),
        Unpacked::NotTheFiller(at) => reader.error_at(start + at, Fault::Filler),
    })
}

impl Field {
    /// Whether the length on the wire is of bytes, with two digits in each.
    pub(crate) fn counts_bytes(&self) -> bool {
        let variable = matches!(self.length, Length::Variable { .. });
        variable && self.counts == Counts::Bytes && matches!(self.encoding, Encoding::Bcd(_))
    }
}
