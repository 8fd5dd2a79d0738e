//! The same decoder and encoder for a stream that JavaScript keeps: called synchronously, with its
//! chunks, and giving back what is to be written.

use super::batch::{Batch, Filled};
use crate::protocol::Decoder;
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
}

impl Codec {
    /// A codec that goes on with `decoder`, and with `pending` to be written first.
    #[must_use]
    pub fn new(decoder: Decoder, pending: Pending, buffered: usize) -> Self {
        Self { decoder, batch: Batch::default(), pending, buffered }
    }

    /// Decodes a chunk; its events join the batch. The user's bytes stay as they are: somebody else
    /// may listen to the same stream. An idle stream keeps no memory of what it has decoded.
    pub fn feed(&mut self, id: u32, bytes: &[u8]) {
        let (mut chunk, mut events) = (bytes.to_vec(), Vec::new());
        self.decoder.decode(&mut chunk, &mut events);
        self.batch.extend(id, &chunk, &mut events);
    }

    /// Hands out records, as [`Batch::fill`] does.
    pub fn collect(&mut self, words: &mut [u32], slab: &mut [u8], offset: usize) -> Filled {
        let filled = self.batch.fill(words, slab, offset);
        if self.batch.is_empty() && self.batch.held() == 0 {
            self.batch = Batch::default();
        }
        filled
    }

    /// What has been queued since the last call, as one buffer.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.buffered = 0;
        std::mem::take(&mut self.pending).into_contiguous()
    }
}
