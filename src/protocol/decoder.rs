//! Bytes in, events out.

use super::{Event, Limits, Role};

/// The receiving half of one connection.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    limits: Limits,
    finished: bool,
}

impl Decoder {
    /// A decoder for the first byte after the handshake.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self { role, limits, finished: false }
    }

    /// The limits, which hold from the next frame on.
    pub fn limits_mut(&mut self) -> &mut Limits {
        &mut self.limits
    }

    /// Decodes one chunk as it came from the stream, unmasking in place.
    pub fn decode(&mut self, chunk: &mut [u8], events: &mut Vec<Event>) {
        let _ = (chunk, events, self.role);
    }

    /// The buffer to read a large payload's rest into, when there is one.
    pub fn body(&mut self) -> Option<&mut Vec<u8>> {
        None
    }

    /// Takes what was appended to [`Self::body`]; gives back what lies beyond the frame.
    pub fn body_filled(&mut self, events: &mut Vec<Event>) -> Option<Vec<u8>> {
        let _ = events;
        None
    }

    /// Whether a close frame or an error has ended it.
    pub fn is_finished(&self) -> bool {
        self.finished
    }
}
