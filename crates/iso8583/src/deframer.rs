//! Cuts frames out of bytes as they arrive.

use crate::framing::{FrameError, Framing, Header, TPDU_ID};
use std::fmt;
use zeroize::Zeroizing;

/// The longest length header.
const LENGTH_MAX: usize = 4;

/// A frame that was received. Its bytes are wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    header_length: usize,
    bytes: Zeroizing<Vec<u8>>,
}

impl Frame {
    /// The message; empty if this is a keep-alive.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.bytes.get(self.header_length..).unwrap_or_default()
    }

    /// The TPDU or header before it; empty if there is none.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        self.bytes.get(..self.header_length).unwrap_or_default()
    }

    /// Whether it only keeps the connection alive.
    #[must_use]
    pub fn is_keep_alive(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.bytes.len())
    }
}

/// Cuts frames out of bytes as they arrive.
///
/// It holds one unfinished frame and nothing else, so it never has more memory than a frame may have.
///
/// ```
/// use iso8583::{Deframer, Profile};
///
/// let profile = Profile::built_in("B").unwrap();
/// let echo = b"0800\x82\x20\0\0\0\0\0\0\x04\0\0\0\0\0\0\01122080100000002301";
/// let sent = profile.framing().frame(echo)?;
///
/// let mut deframer = Deframer::new(profile.framing());
/// let mut frames = Vec::new();
/// for mut received in sent.chunks(7) {
///     while let Some(frame) = deframer.feed(&mut received)? {
///         frames.push(frame);
///     }
/// }
/// assert_eq!(frames[0].message(), echo);
/// # Ok::<(), iso8583::FrameError>(())
/// ```
pub struct Deframer {
    framing: Framing,
    /// The bytes of a length, as far as they came.
    length: [u8; LENGTH_MAX],
    length_read: usize,
    /// The frame that is being received, and how long it gets.
    open: Option<Open>,
    failed: Option<FrameError>,
}

struct Open {
    bytes: Zeroizing<Vec<u8>>,
    expected: usize,
}

impl Deframer {
    /// At the start of a stream.
    #[must_use]
    pub fn new(framing: &Framing) -> Self {
        Self { framing: framing.clone(), length: [0; LENGTH_MAX], length_read: 0, open: None, failed: None }
    }

    /// Takes bytes off the front of `received` until a frame is complete. With `None` they are all taken.
    ///
    /// # Errors
    /// The stream makes no sense, and never will: the connection has to be closed.
    pub fn feed(&mut self, received: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.advance(received).inspect_err(|error| self.failed = Some(*error))
    }

    /// Whether the stream is between two frames. If it ends anywhere else, half a frame is lost.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.open.is_none() && self.length_read == 0 && self.failed.is_none()
    }

    fn advance(&mut self, received: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let size = self.framing.length.size();
                let wanted = self.length.get_mut(self.length_read..size).unwrap_or_default();
                let bytes = take(received, wanted.len());
                wanted.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
                self.length_read += bytes.len();
                if self.length_read < size {
                    return Ok(None);
                }
                self.length_read = 0;
                match self.framing.content_length(self.length.get(..size).unwrap_or_default())? {
                    None => return Ok(Some(Frame { header_length: 0, bytes: Zeroizing::default() })),
                    // Room for all of it at once: what grows leaves copies behind.
                    Some(expected) => Open { bytes: Zeroizing::new(Vec::with_capacity(expected)), expected },
                }
            }
        };
        let missing = open.expected - open.bytes.len();
        open.bytes.extend_from_slice(take(received, missing));
        if matches!(self.framing.header, Header::Tpdu(_))
            && open.bytes.first().is_some_and(|id| *id != TPDU_ID)
        {
            return Err(FrameError::NotATpdu);
        }
        if open.bytes.len() < open.expected {
            self.open = Some(open);
            return Ok(None);
        }
        Ok(Some(Frame { header_length: self.framing.header.len(), bytes: open.bytes }))
    }
}

impl fmt::Debug for Deframer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.open.as_ref().map_or(0, |open| open.expected - open.bytes.len());
        f.debug_struct("Deframer")
            .field("waiting_for", &waiting)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Takes at most `count` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
    *bytes = rest;
    taken
}
