//! Frames: how messages are told apart in a stream of bytes.
//!
//! A frame is a length, perhaps a header (a TPDU, or bytes that are always the same), and a message. A length of zero
//! keeps the connection alive and says nothing.

use crate::deframer::Frame;
use crate::encoding::packed;
use std::fmt;

/// How the messages of a profile are framed: its `[framing]`.
///
/// | key | value |
/// |---|---|
/// | `length` | `"binary-2"`, `"binary-4"`, `"bcd-2"` or `"ascii-4"` |
/// | `counts_itself` | whether the length counts its own bytes; `false` |
/// | `tpdu` | `{ destination = "0001", source = "0000" }`: five bytes before the message, swapped in an answer |
/// | `header` | bytes before the message that are always the same, in hexadecimal; none |
/// | `counts_header` | whether the length counts the TPDU or header; `true` |
/// | `limit_bytes` | the longest message, with its header; `8192` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    pub(crate) length: LengthHeader,
    pub(crate) counts_itself: bool,
    pub(crate) header: Header,
    pub(crate) counts_header: bool,
    pub(crate) limit_bytes: usize,
    /// No message is shorter than its type and a bitmap.
    pub(crate) minimum_bytes: usize,
}

/// How the length of a frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LengthHeader {
    /// Two bytes, big-endian.
    Binary2,
    /// Four bytes, big-endian.
    Binary4,
    /// Four digits in two bytes.
    Bcd2,
    /// Four ASCII digits.
    Ascii4,
}

/// What is between the length and the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    None,
    Tpdu(Tpdu),
    Fixed(Vec<u8>),
}

/// A transport protocol data unit: 60, where to, where from, as network international identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tpdu {
    pub(crate) destination: [u8; 2],
    pub(crate) source: [u8; 2],
}

/// The first byte of a TPDU.
pub(crate) const TPDU_ID: u8 = 0x60;

/// Why bytes are no frame. The stream cannot be read on: where the next frame begins is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The length is not in digits.
    NotALength,
    /// The frame is longer than the profile allows.
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The frame is too short for a message.
    TooShort {
        /// Its length.
        length: usize,
        /// The least.
        minimum: usize,
    },
    /// There should be a TPDU, and its first byte is not 60.
    NotATpdu,
}

/// Two bytes of length, and no header.
impl Default for Framing {
    fn default() -> Self {
        Self {
            length: LengthHeader::Binary2,
            counts_itself: false,
            header: Header::None,
            counts_header: true,
            limit_bytes: 8 * 1024,
            minimum_bytes: 0,
        }
    }
}

impl Framing {
    /// The frame of a message.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] and [`FrameError::TooShort`]: the other side would not read it.
    pub fn frame(&self, message: &[u8]) -> Result<Vec<u8>, FrameError> {
        match &self.header {
            Header::None => self.assemble(&[], message),
            Header::Tpdu(tpdu) => self.assemble(&tpdu.bytes(), message),
            Header::Fixed(bytes) => self.assemble(bytes, message),
        }
    }

    /// The frame of the answer to `request`: its TPDU goes back where it came from.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn frame_answer(&self, request: &Frame, message: &[u8]) -> Result<Vec<u8>, FrameError> {
        match (&self.header, request.header()) {
            (Header::Tpdu(_), [id, a, b, c, d]) => self.assemble(&[*id, *c, *d, *a, *b], message),
            (Header::None | Header::Tpdu(_) | Header::Fixed(_), _) => self.frame(message),
        }
    }

    /// A frame without a message, which keeps the connection alive.
    #[must_use]
    pub fn keep_alive(&self) -> Vec<u8> {
        self.length.bytes(0)
    }

    /// The longest message, with its header.
    #[must_use]
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    fn assemble(&self, header: &[u8], message: &[u8]) -> Result<Vec<u8>, FrameError> {
        if message.len() < self.minimum_bytes {
            return Err(FrameError::TooShort { length: message.len(), minimum: self.minimum_bytes });
        }
        let content = header.len() + message.len();
        let told = content - self.uncounted() + self.itself();
        if content > self.limit_bytes || told > self.length.greatest() {
            let limit = self.limit_bytes.min(self.length.greatest());
            return Err(FrameError::TooLong { length: content, limit });
        }
        // Room for all of it at once: what grows leaves copies behind.
        let mut frame = Vec::with_capacity(self.length.size() + content);
        frame.extend_from_slice(&self.length.bytes(told));
        frame.extend_from_slice(header);
        frame.extend_from_slice(message);
        Ok(frame)
    }

    /// How many bytes follow a length, header and message; `None` after a keep-alive.
    pub(crate) fn content_length(&self, length: &[u8]) -> Result<Option<usize>, FrameError> {
        let told = self.length.read(length).ok_or(FrameError::NotALength)?;
        if told == 0 || told == self.itself() {
            return Ok(None);
        }
        let minimum = self.header.len() + self.minimum_bytes;
        let content = (told + self.uncounted()).saturating_sub(self.itself());
        if content < minimum {
            Err(FrameError::TooShort { length: content, minimum })
        } else if content > self.limit_bytes {
            Err(FrameError::TooLong { length: content, limit: self.limit_bytes })
        } else {
            Ok(Some(content))
        }
    }

    fn itself(&self) -> usize {
        if self.counts_itself { self.length.size() } else { 0 }
    }

    fn uncounted(&self) -> usize {
        if self.counts_header { 0 } else { self.header.len() }
    }
}

impl Header {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Tpdu(_) => 5,
            Self::Fixed(bytes) => bytes.len(),
        }
    }
}

impl Tpdu {
    fn bytes(self) -> [u8; 5] {
        let ([a, b], [c, d]) = (self.destination, self.source);
        [TPDU_ID, a, b, c, d]
    }
}

impl LengthHeader {
    /// How many bytes it has.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Binary2 | Self::Bcd2 => 2,
            Self::Binary4 | Self::Ascii4 => 4,
        }
    }

    /// The greatest length it can tell.
    fn greatest(self) -> usize {
        match self {
            Self::Binary2 => 0xFFFF,
            Self::Binary4 => 0xFFFF_FFFF,
            Self::Bcd2 | Self::Ascii4 => 9_999,
        }
    }

    fn read(self, bytes: &[u8]) -> Option<usize> {
        bytes.iter().try_fold(0_usize, |length, byte| match self {
            Self::Binary2 | Self::Binary4 => Some((length << 8) | usize::from(*byte)),
            Self::Bcd2 => {
                let (high, low) = (byte >> 4, byte & 0xF);
                (high < 10 && low < 10).then(|| length * 100 + usize::from(high * 10 + low))
            }
            Self::Ascii4 => byte.is_ascii_digit().then(|| length * 10 + usize::from(byte - b'0')),
        })
    }

    /// The bytes of a length that is not over [`greatest`](Self::greatest).
    fn bytes(self, length: usize) -> Vec<u8> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let [a, b, c, d] = length.to_be_bytes();
        let digits = [length / 1000 % 10, length / 100 % 10, length / 10 % 10, length % 10];
        let [e, f, g, h] = digits.map(|digit| digit.to_le_bytes()[0]);
        match self {
            Self::Binary2 => vec![c, d],
            Self::Binary4 => vec![a, b, c, d],
            Self::Bcd2 => vec![packed(e, f), packed(g, h)],
            Self::Ascii4 => [e, f, g, h].map(|digit| b'0' + digit).to_vec(),
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALength => f.write_str("the frame's length is not in digits"),
            Self::TooLong { length, limit } => {
                write!(f, "a frame of {length} bytes is over the limit of {limit}")
            }
            Self::TooShort { length, minimum } => {
                write!(
                    f,
                    "a frame of {length} bytes is too short for a message, which has at least {minimum}"
                )
            }
            Self::NotATpdu => f.write_str("the frame's TPDU does not begin with 60"),
        }
    }
}

impl std::error::Error for FrameError {}
