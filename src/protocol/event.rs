//! What the decoder reports.

use std::ops::Range;

use super::Error;

/// Where the bytes of an event are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// In the chunk that was given to `decode`, unmasked in place.
    Chunk(Range<usize>),
    /// In a buffer of their own, since they came in several chunks.
    Owned(Vec<u8>),
}

impl Payload {
    /// The bytes, given the chunk in which they came.
    pub fn bytes<'a>(&'a self, chunk: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Chunk(range) => chunk.get(range.clone()).unwrap_or_default(),
            Self::Owned(bytes) => bytes,
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Chunk(range) => range.len(),
            Self::Owned(bytes) => bytes.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves out the first `count` bytes, or all there are.
    pub(super) fn skip(&mut self, count: usize) {
        let count = count.min(self.len());
        match self {
            Self::Chunk(range) => range.start += count,
            Self::Owned(bytes) => drop(bytes.drain(..count)),
        }
    }
}

/// One thing the peer did, in the order of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole message.
    Message {
        /// Its bytes, those of all fragments joined.
        payload: Payload,
        /// Whether its first frame was binary.
        binary: bool,
        /// The lengths of the fragments that were not empty; `None` for a message of one frame.
        fragments: Option<Box<[u32]>>,
    },
    /// A ping with its payload.
    Ping(Payload),
    /// A pong with its payload.
    Pong(Payload),
    /// A close frame: nothing behind it is looked at.
    Close {
        /// The code, or 1005 when the frame was empty.
        code: u16,
        /// The reason, UTF-8 unless validation is off.
        reason: Payload,
    },
    /// A violation: nothing behind it is looked at.
    Error {
        /// Which one.
        error: Error,
        /// The number that belongs into its message, or 0.
        parameter: u32,
    },
}
