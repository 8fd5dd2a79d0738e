//! The same decoder and encoder for a stream that JavaScript keeps: called synchronously, with its
//! chunks, and giving back what is to be written.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::batch::{Batch, Filled};
use crate::protocol::Decoder;
use crate::protocol::deflate::Compression;
use crate::transport::backlog::{Ready, Work};
use crate::transport::runtime;
use crate::transport::write_queue::WriteQueue;

/// A connection over a stream of JavaScript's.
pub struct Codec {
    /// The receiving half.
    pub decoder: Decoder,
    /// What JavaScript has not collected yet.
    pub batch: Batch,
    /// Frames for the stream.
    pub queue: WriteQueue,
    /// How it compresses, if it does.
    pub compression: Option<Compression>,
    /// Where a thread puts the large messages that it compresses.
    aside: Option<Arc<Aside>>,
}

/// A large message on another thread, and what becomes of it. `None` when that went wrong.
type Aside = Mutex<Option<Option<(Work, Ready)>>>;

impl Codec {
    /// A codec that goes on with `decoder`, and with `queue` to be written first.
    #[must_use]
    pub fn new(decoder: Decoder, queue: WriteQueue, compression: Option<Compression>) -> Self {
        Self { decoder, batch: Batch::default(), queue, compression, aside: None }
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

    /// Makes ready what is to be written: all of it, or what needs no compression first. Large
    /// messages are compressed by another thread, which calls `done`, and whatever follows them waits.
    /// Returns how many bytes are ready.
    pub fn prepare(&mut self, compress: bool, done: impl FnOnce() + Send + 'static) -> u64 {
        self.take_back();
        while compress && let Some(mut work) = self.queue.take_work() {
            if work.is_large() && runtime::runtime().is_some() {
                self.compress_aside(work, done);
                break;
            }
            let ready = work.run();
            self.queue.compressed(work, ready);
        }
        self.ready()
    }

    fn compress_aside(&mut self, mut work: Work, done: impl FnOnce() + Send + 'static) {
        let aside = Arc::new(Aside::default());
        self.aside = Some(Arc::clone(&aside));
        runtime::spawn_aside(move || {
            let result = catch_unwind(AssertUnwindSafe(|| work.run())).ok();
            *aside.lock() = Some(result.map(|ready| (work, ready)));
            done();
        });
    }

    /// What another thread has compressed, if it is ready.
    fn take_back(&mut self) {
        let Some(result) = self.aside.as_ref().and_then(|aside| aside.lock().take()) else { return };
        self.aside = None;
        match result {
            Some((work, ready)) => self.queue.compressed(work, ready),
            None => self.queue.discard(),
        }
    }

    /// Bytes that [`Self::take_output`] would give.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.queue.queued - self.queue.written
    }

    /// What has become ready since the last call, as one buffer.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.queue.written = self.queue.queued;
        // JavaScript counts them by itself.
        self.queue.ripe_acks();
        self.queue.take().into_contiguous()
    }
}
