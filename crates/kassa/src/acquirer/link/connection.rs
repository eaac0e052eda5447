//! One connection: bytes in, frames out, and frames in one after the other. Both ends of a link use it.

use iso8583::{Deframer, Frame, FrameError, Framing};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use zeroize::Zeroizing;

/// Bytes both ways: TCP, TLS, or memory.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How much is read at once.
const READ: usize = 4 * 1024;

/// A connection. What it holds is wiped once it is sent, or read on.
pub(crate) struct Connection {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    deframer: Deframer,
    received: Zeroizing<Vec<u8>>,
    frames: VecDeque<Frame>,
    sending: VecDeque<Zeroizing<Vec<u8>>>,
    /// How much of the first frame is sent.
    sent: usize,
    /// Whether something may be held back below us.
    flush: bool,
}

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The other side closed it.
    Closed,
    /// It closed it in the middle of a frame.
    HalfAFrame,
    /// What arrives makes no sense.
    Garbage(FrameError),
    /// The network said so.
    Io(io::Error),
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Stream>, framing: &Framing) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            deframer: Deframer::new(framing),
            received: Zeroizing::new(vec![0; READ]),
            frames: VecDeque::new(),
            sending: VecDeque::new(),
            sent: 0,
            flush: false,
        }
    }

    /// Queues a frame.
    pub(crate) fn send(&mut self, frame: Vec<u8>) {
        self.sending.push_back(Zeroizing::new(frame));
    }

    /// Whether all that was queued has been handed to the system.
    pub(crate) fn is_drained(&self) -> bool {
        self.sending.is_empty()
    }

    /// A frame that has arrived.
    pub(crate) fn next_frame(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// Reads or writes something, whichever is possible first. Nothing is lost when this is dropped before it is
    /// ready.
    pub(crate) async fn turn(&mut self) -> Result<(), Broken> {
        let first = self.sending.front().and_then(|frame| frame.get(self.sent..)).unwrap_or_default();
        let nothing_to_flush = !self.flush || !first.is_empty();
        let (writing, flushing) = (!first.is_empty(), !nothing_to_flush);
        // A writer has two uses and only one of them at a time.
        let work = async {
            if writing {
                self.writer.write(first).await.map(Some)
            } else {
                self.writer.flush().await.map(|()| None)
            }
        };
        tokio::select! {
            read = self.reader.read(&mut self.received) => match read {
                Ok(0) if self.deframer.is_between_frames() => Err(Broken::Closed),
                Ok(0) => Err(Broken::HalfAFrame),
                Ok(length) => self.take(length),
                Err(error) => Err(Broken::Io(error)),
            },
            worked = work, if writing || flushing => match worked {
                Ok(Some(0)) => Err(Broken::Closed),
                Ok(Some(length)) => {
                    self.wrote(length);
                    Ok(())
                }
                Ok(None) => {
                    self.flush = false;
                    Ok(())
                }
                Err(error) => Err(Broken::Io(error)),
            },
        }
    }

    /// Sends what is queued and closes this direction.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        while let Some(frame) = self.sending.front() {
            let length = self.writer.write(frame.get(self.sent..).unwrap_or_default()).await?;
            if length == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.wrote(length);
        }
        self.writer.shutdown().await
    }

    fn take(&mut self, length: usize) -> Result<(), Broken> {
        let mut bytes = self.received.get(..length).unwrap_or_default();
        while let Some(frame) = self.deframer.feed(&mut bytes).map_err(Broken::Garbage)? {
            if !frame.is_keep_alive() {
                self.frames.push_back(frame);
            }
        }
        Ok(())
    }

    fn wrote(&mut self, length: usize) {
        self.flush = true;
        self.sent += length;
        if self.sending.front().is_some_and(|frame| self.sent >= frame.len()) {
            self.sending.pop_front();
            self.sent = 0;
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("sending", &self.sending.len()).finish_non_exhaustive()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the other side closed it"),
            Self::HalfAFrame => f.write_str("the other side closed it within a message"),
            Self::Garbage(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}
