//! What a connection is told before its first byte: its side, and how much it takes.

/// Which end of the connection decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes frames from clients: they must be masked.
    Server,
    /// Takes frames from a server: they must not be masked.
    Client,
}

/// Bounds on what the peer may send; a zero means no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes of a message, over all its fragments.
    pub max_payload: u64,
    /// Frames of a message, empty ones and the final one included.
    pub max_fragments: u32,
    /// Chunks held for a frame that is not complete yet.
    pub max_buffered_chunks: u32,
    /// Lets text and close reasons through unchecked.
    pub skip_utf8_validation: bool,
}

impl Limits {
    /// `max_payload` as a number to compare with.
    pub(super) const fn longest(&self) -> u64 {
        if self.max_payload == 0 { u64::MAX } else { self.max_payload }
    }
}
