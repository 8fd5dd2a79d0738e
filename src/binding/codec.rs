//! The same decoder and encoder for a stream that JavaScript keeps: called synchronously, with its
//! chunks, and giving back what is to be written.

use super::batch::Batch;
use crate::protocol::{Decoder, Event};
use crate::transport::write_queue::Pending;

/// A connection over a stream of JavaScript's.
pub struct Codec {
    /// The receiving half.
    pub decoder: Decoder,
    /// What JavaScript has not collected yet.
    pub batch: Batch,
    /// Frames for the stream.
    pub pending: Pending,
    /// Bytes in `pending`.
    pub buffered: usize,
    events: Vec<Event>,
    chunk: Vec<u8>,
}

impl Codec {
    /// A codec that goes on with `decoder`, and with `pending` to be written first.
    #[must_use]
    pub fn new(decoder: Decoder, pending: Pending, buffered: usize) -> Self {
        Self { decoder, batch: Batch::default(), pending, buffered, events: Vec::new(), chunk: Vec::new() }
    }

    /// Decodes a chunk; its events join the batch. The user's bytes stay as they are: somebody else
    /// may listen to the same stream.
    pub fn feed(&mut self, id: u32, bytes: &[u8]) {
        if self.batch.is_empty() {
            self.batch.clear();
        }
        self.chunk.clear();
        self.chunk.extend_from_slice(bytes);
        self.decoder.decode(&mut self.chunk, &mut self.events);
        self.batch.extend(id, &self.chunk, &mut self.events);
        self.chunk = Vec::new();
    }

    /// What has been queued since the last call, as one buffer.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.buffered = 0;
        std::mem::take(&mut self.pending).into_contiguous()
    }
}
