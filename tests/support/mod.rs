//! Ways to drive a decoder, and events that own their bytes.

#![allow(dead_code, reason = "no test uses all of it")]

use ws_native::protocol::{Decoder, Error, Event, Limits, Payload, Role};

/// No limits at all.
pub(crate) const NO_LIMITS: Limits =
    Limits { max_payload: 0, max_fragments: 0, max_buffered_chunks: 0, skip_utf8_validation: false };

/// An event with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Message { data: Vec<u8>, binary: bool, fragments: Option<Vec<u32>> },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, Vec<u8>),
    Error(Error, u32),
}

impl Seen {
    fn new(event: Event, chunk: &[u8]) -> Self {
        let own = |payload: Payload| payload.bytes(chunk).to_vec();
        match event {
            Event::Message { payload, binary, fragments } => {
                Self::Message { data: own(payload), binary, fragments: fragments.map(Vec::from) }
            }
            Event::Ping(payload) => Self::Ping(own(payload)),
            Event::Pong(payload) => Self::Pong(own(payload)),
            Event::Close { code, reason } => Self::Close(code, own(reason)),
            Event::Error { error, parameter } => Self::Error(error, parameter),
        }
    }
}

/// A decoder and what it has reported.
pub(crate) struct Driver {
    pub(crate) decoder: Decoder,
    pub(crate) seen: Vec<Seen>,
    events: Vec<Event>,
}

impl Driver {
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        Self { decoder: Decoder::new(role, limits), seen: Vec::new(), events: Vec::new() }
    }

    /// One chunk through `decode`.
    pub(crate) fn chunk(&mut self, chunk: &[u8]) {
        let mut chunk = chunk.to_vec();
        self.decoder.decode(&mut chunk, &mut self.events);
        self.seen.extend(self.events.drain(..).map(|event| Seen::new(event, &chunk)));
    }

    /// One chunk as the transport does it: into the body where there is one. As much of it as there
    /// is room for; gives the number of bytes taken.
    pub(crate) fn read(&mut self, chunk: &[u8]) -> usize {
        let Some(body) = self.decoder.body() else {
            self.chunk(chunk);
            return chunk.len();
        };
        let room = body.capacity() - body.len();
        assert!(room > 0, "a body has room");
        let taken = room.min(chunk.len());
        body.extend_from_slice(&chunk[..taken]);
        let behind = self.decoder.body_filled(&mut self.events);
        self.seen.extend(self.events.drain(..).map(|event| Seen::new(event, &[])));
        if let Some(behind) = behind {
            assert!(!behind.is_empty());
            self.chunk(&behind);
        }
        taken
    }

    /// All of a chunk through [`Self::read`].
    pub(crate) fn read_all(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let taken = self.read(chunk);
            chunk = &chunk[taken..];
        }
    }
}

/// What a decoder reports for these chunks.
pub(crate) fn decoded<'a>(
    role: Role,
    limits: Limits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Seen> {
    let mut driver = Driver::new(role, limits);
    for chunk in chunks {
        driver.chunk(chunk);
    }
    driver.seen
}
