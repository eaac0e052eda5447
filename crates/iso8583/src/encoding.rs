//! How digits, characters, bits and lengths look on the wire: ASCII, EBCDIC, packed decimal (BCD) and binary.
//!
//! Inside a [`Message`](crate::Message) every character is ASCII, whatever the host speaks.

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodePage {
    Ascii,
    /// EBCDIC code page 37: United States.
    Cp037,
    /// EBCDIC code page 500: international, what Mastercard's network speaks.
    Cp500,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numeric {
    Characters(CodePage),
    /// Two digits in a byte.
    Bcd,
}

/// How bits are written: the bitmap, and fields of format `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bits {
    Raw,
    /// Two hexadecimal characters for a byte.
    Hex(CodePage),
}

/// How the length before a variable field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    Characters(CodePage),
    Bcd,
    /// Big-endian: one byte for LLVAR, two for LLLVAR.
    Binary,
}

/// What fills the half byte that an odd number of packed digits leaves, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padding {
    pub(crate) side: Side,
    /// 0 to 15.
    pub(crate) filler: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// The printable characters of ASCII in order, blank to tilde, as EBCDIC writes them.
const CP500: [u8; 95] = [
    0x40, 0x4F, 0x7F, 0x7B, 0x5B, 0x6C, 0x50, 0x7D, 0x4D, 0x5D, 0x5C, 0x4E, 0x6B, 0x60, 0x4B, 0x61, 0xF0,
    0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0x7A, 0x5E, 0x4C, 0x7E, 0x6E, 0x6F, 0x7C, 0xC1,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0x4A, 0xE0, 0x5A, 0x5F, 0x6D, 0x79, 0x81, 0x82, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xC0, 0xBB, 0xD0, 0xA1,
];

/// Where code page 37 differs from 500.
const CP037_DIFFERENCES: [(u8, u8); 5] =
    [(b'!', 0x5A), (b'[', 0xBA), (b']', 0xBB), (b'^', 0xB0), (b'|', 0x4F)];

/// What a table has for a byte that is no printable character; no format takes it.
const UNPRINTABLE: u8 = 0;

static WRITE_CP500: [u8; 256] = writing(&[]);
static WRITE_CP037: [u8; 256] = writing(&CP037_DIFFERENCES);
static READ_CP500: [u8; 256] = reading(&WRITE_CP500);
static READ_CP037: [u8; 256] = reading(&WRITE_CP037);

/// From ASCII to EBCDIC.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses to build what is out of range"
)]
const fn writing(differences: &[(u8, u8)]) -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < CP500.len() {
        table[at + b' ' as usize] = CP500[at];
        at += 1;
    }
    let mut at = 0;
    while at < differences.len() {
        table[differences[at].0 as usize] = differences[at].1;
        at += 1;
    }
    table
}

/// From EBCDIC to ASCII.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses to build what is out of range"
)]
const fn reading(writing: &[u8; 256]) -> [u8; 256] {
    let mut table = [UNPRINTABLE; 256];
    let mut ascii = b' ';
    while ascii <= b'~' {
        table[writing[ascii as usize] as usize] = ascii;
        ascii += 1;
    }
    table
}

fn look_up(table: &[u8; 256], byte: u8) -> u8 {
    table.get(usize::from(byte)).copied().unwrap_or(UNPRINTABLE)
}

impl CodePage {
    /// Appends `bytes` as ASCII. What is not printable becomes something that no format takes.
    pub(crate) fn read(self, bytes: &[u8], ascii: &mut Vec<u8>) {
        match self {
            Self::Ascii => ascii.extend_from_slice(bytes),
            Self::Cp037 => ascii.extend(bytes.iter().map(|byte| look_up(&READ_CP037, *byte))),
            Self::Cp500 => ascii.extend(bytes.iter().map(|byte| look_up(&READ_CP500, *byte))),
        }
    }

    /// Appends the bytes of `ascii`, which is printable.
    pub(crate) fn write(self, ascii: &[u8], bytes: &mut Vec<u8>) {
        match self {
            Self::Ascii => bytes.extend_from_slice(ascii),
            Self::Cp037 => bytes.extend(ascii.iter().map(|letter| look_up(&WRITE_CP037, *letter))),
            Self::Cp500 => bytes.extend(ascii.iter().map(|letter| look_up(&WRITE_CP500, *letter))),
        }
    }

    /// One byte as ASCII.
    pub(crate) fn read_one(self, byte: u8) -> u8 {
        match self {
            Self::Ascii => byte,
            Self::Cp037 => look_up(&READ_CP037, byte),
            Self::Cp500 => look_up(&READ_CP500, byte),
        }
    }

    /// The value of a decimal digit.
    pub(crate) fn digit(self, byte: u8) -> Option<u8> {
        let ascii = self.read_one(byte);
        ascii.is_ascii_digit().then(|| ascii - b'0')
    }

    /// The value of a hexadecimal digit, in either case.
    fn hex_digit(self, byte: u8) -> Option<u8> {
        match self.read_one(byte) {
            digit @ b'0'..=b'9' => Some(digit - b'0'),
            digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
            digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        }
    }
}

impl Bits {
    /// How many bytes on the wire `bytes` of bits take.
    pub(crate) fn wire_length(self, bytes: usize) -> usize {
        match self {
            Self::Raw => bytes,
            Self::Hex(_) => bytes.saturating_mul(2),
        }
    }

    /// Appends the bits that `wire` holds.
    ///
    /// # Errors
    /// Where something is no hexadecimal digit.
    pub(crate) fn read(self, wire: &[u8], bits: &mut Vec<u8>) -> Result<(), usize> {
        let page = match self {
            Self::Raw => {
                bits.extend_from_slice(wire);
                return Ok(());
            }
            Self::Hex(page) => page,
        };
        for (at, pair) in wire.chunks(2).enumerate() {
            let mut byte = 0;
            for (offset, digit) in pair.iter().enumerate() {
                byte = packed(byte, page.hex_digit(*digit).ok_or(at * 2 + offset)?);
            }
            bits.push(byte);
        }
        Ok(())
    }

    /// Appends `bits` as they go on the wire.
    pub(crate) fn write(self, bits: &[u8], wire: &mut Vec<u8>) {
        match self {
            Self::Raw => wire.extend_from_slice(bits),
            Self::Hex(page) => {
                for byte in bits {
                    page.write(&[hex_letter(byte >> 4), hex_letter(byte & 0xF)], wire);
                }
            }
        }
    }
}

/// Two half bytes in one.
pub(crate) fn packed(high: u8, low: u8) -> u8 {
    (high << 4) | (low & 0xF)
}

/// A hexadecimal digit, in capitals, of a value up to 15.
pub(crate) fn hex_letter(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + (value & 0xF) - 10 }
}

/// Why packed digits cannot be read, and in which of their bytes.
pub(crate) enum Unpacked {
    NoDigit(usize),
    NotTheFiller(usize),
}

/// Half a byte for the separator of track data.
const SEPARATOR: u8 = 0xD;

impl Padding {
    /// Appends the `digits` digits that `wire` packs, which is exactly as long as they need.
    pub(crate) fn unpack(
        self,
        wire: &[u8],
        digits: usize,
        track: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Unpacked> {
        let padded = wire.len() * 2 > digits;
        let skipped = match self.side {
            Side::Left => 0,
            Side::Right => (wire.len() * 2).saturating_sub(1),
        };
        for (at, byte) in wire.iter().enumerate() {
            for (half, nibble) in [byte >> 4, byte & 0xF].into_iter().enumerate() {
                match nibble {
                    filler if padded && at * 2 + half == skipped => {
                        if filler != self.filler {
                            return Err(Unpacked::NotTheFiller(at));
                        }
                    }
                    0..=9 => out.push(b'0' + nibble),
                    SEPARATOR if track => out.push(b'='),
                    _ => return Err(Unpacked::NoDigit(at)),
                }
            }
        }
        Ok(())
    }

    /// How many digits `wire` packs, where only its length was told. A filler that is a digit itself cannot be told
    /// from one.
    pub(crate) fn digits_in(self, wire: &[u8]) -> usize {
        let pad = match self.side {
            Side::Left => wire.first().map(|byte| byte >> 4),
            Side::Right => wire.last().map(|byte| byte & 0xF),
        };
        let padded = self.filler > 9 && pad == Some(self.filler);
        wire.len() * 2 - usize::from(padded)
    }

    /// Appends `digits` packed. They are digits, or separators of track data.
    pub(crate) fn pack(self, digits: &[u8], wire: &mut Vec<u8>) {
        let nibble = |digit: u8| if digit == b'=' { SEPARATOR } else { digit & 0xF };
        let odd = digits.len() % 2 == 1;
        let (first, even) = match (odd, self.side) {
            (true, Side::Left) => digits.split_at(1),
            (_, _) => (&[][..], digits),
        };
        wire.extend(first.iter().map(|digit| packed(self.filler, nibble(*digit))));
        let (pairs, last) = even.as_chunks::<2>();
        wire.extend(pairs.iter().map(|[high, low]| packed(nibble(*high), nibble(*low))));
        wire.extend(last.iter().map(|digit| packed(nibble(*digit), self.filler)));
    }
}

impl Prefix {
    /// How many bytes a length of this many digits takes.
    pub(crate) fn wire_length(self, digits: u8) -> usize {
        usize::from(match self {
            Self::Characters(_) => digits,
            Self::Bcd => digits.div_ceil(2),
            Self::Binary => {
                if digits > 2 {
                    2
                } else {
                    1
                }
            }
        })
    }

    /// The greatest length that this many digits can tell.
    pub(crate) fn greatest(self, digits: u8) -> usize {
        match self {
            Self::Characters(_) | Self::Bcd => 10_usize.pow(u32::from(digits)) - 1,
            Self::Binary => {
                if digits > 2 {
                    0xFFFF
                } else {
                    0xFF
                }
            }
        }
    }

    /// The length that `wire` tells.
    ///
    /// # Errors
    /// Where something is no digit.
    pub(crate) fn read(self, wire: &[u8]) -> Result<usize, usize> {
        let mut length = 0;
        for (at, byte) in wire.iter().enumerate() {
            match self {
                Self::Characters(page) => length = length * 10 + usize::from(page.digit(*byte).ok_or(at)?),
                Self::Bcd => {
                    let (high, low) = (byte >> 4, byte & 0xF);
                    if high > 9 || low > 9 {
                        return Err(at);
                    }
                    length = length * 100 + usize::from(high * 10 + low);
                }
                Self::Binary => length = (length << 8) | usize::from(*byte),
            }
        }
        Ok(length)
    }

    /// Appends `length`, which is not over [`greatest`](Self::greatest), in this many digits.
    pub(crate) fn write(self, length: usize, digits: u8, wire: &mut Vec<u8>) {
        let bytes = self.wire_length(digits);
        let (base, places) = match self {
            Self::Characters(_) => (10, bytes),
            Self::Bcd => (100, bytes),
            Self::Binary => (256, bytes),
        };
        for place in (0..places).rev() {
            let divisor = (0..place).fold(1, |power: usize, _| power * base);
            let value = u8::try_from(length / divisor % base).unwrap_or(0);
            match self {
                Self::Characters(page) => page.write(&[b'0' + value], wire),
                Self::Bcd => wire.push(packed(value / 10, value % 10)),
                Self::Binary => wire.push(value),
            }
        }
    }
}
