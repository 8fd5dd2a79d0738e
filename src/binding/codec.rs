//! The same decoder and encoder for a stream that JavaScript keeps: called synchronously, with its
//! chunks, and giving back what is to be written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::io::Errno;

use super::aside::Aside;
use super::batch::{Batch, Filled, Record};
use super::wire::Kind;
use crate::protocol::deflate::Compression;
use crate::protocol::{Decoder, Event, Limits, Progress};
use crate::transport::backlog::{Ready, Work};
use crate::transport::runtime;
use crate::transport::write_queue::WriteQueue;

/// A connection over a stream of JavaScript's.
pub struct Codec {
    reading: Reading,
    /// What JavaScript has not collected yet.
    batch: Batch,
    /// Frames for the stream.
    pub queue: WriteQueue,
    /// How it compresses, if it does.
    pub compression: Option<Compression>,
    /// The messages that a thread compresses, if they are large.
    compressing: Option<Box<Aside<(Work, Ready)>>>,
}

/// The receiving half, and where it is.
enum Reading {
    Here(Decoder),
    /// With a thread that decodes a chunk which takes long.
    Away(Box<Away>),
    /// Gone in a panic.
    Failed,
}

/// What stands for a decoder that is with another thread.
struct Away {
    aside: Aside<Decoded>,
    /// What it had of a message before this chunk.
    progress: Progress,
    /// The limits that it is to have from its next chunk on.
    limits: Option<Limits>,
}

/// A chunk that has been decoded: the decoder again, the bytes, and what they brought.
type Decoded = (Decoder, Vec<u8>, Vec<Event>);

/// What [`Codec::prepare`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// So many bytes are ready to be written.
    pub ready: u64,
    /// Compressing has failed: nothing follows them, ever.
    pub failed: bool,
}

impl Codec {
    /// A codec that goes on with `decoder`, and with `queue` to be written first.
    #[must_use]
    pub fn new(decoder: Decoder, queue: WriteQueue, compression: Option<Compression>) -> Self {
        Self {
            reading: Reading::Here(decoder),
            batch: Batch::default(),
            queue,
            compression,
            compressing: None,
        }
    }

    /// Decodes a chunk, whose events [`Self::collect`] hands out. The user's bytes stay as they are:
    /// somebody else may listen to the same stream.
    pub fn feed(&mut self, id: u32, bytes: &[u8]) {
        let Reading::Here(decoder) = &mut self.reading else { return };
        let (mut chunk, mut events) = (bytes.to_vec(), Vec::new());
        if catch_unwind(AssertUnwindSafe(|| decoder.decode(&mut chunk, &mut events))).is_ok() {
            self.batch.extend(id, &chunk, &mut events);
        } else {
            self.fail(id);
        }
    }

    /// Whether this chunk, the next one, takes so long that another thread is to decode it.
    #[must_use]
    pub fn is_heavy_with(&self, bytes: &[u8]) -> bool {
        matches!(&self.reading, Reading::Here(decoder) if decoder.is_heavy_with(bytes))
            && runtime::runtime().is_some()
    }

    /// As [`Self::feed`], by another thread, which calls `done` then. Until the events have been
    /// collected there must not be another chunk.
    pub fn feed_aside(&mut self, bytes: &[u8], done: impl FnOnce() + Send + 'static) {
        let reading = std::mem::replace(&mut self.reading, Reading::Failed);
        let Reading::Here(mut decoder) = reading else {
            self.reading = reading;
            return;
        };
        let (progress, mut chunk) = (decoder.progress(), bytes.to_vec());
        let decode = move || {
            let mut events = Vec::new();
            decoder.decode(&mut chunk, &mut events);
            (decoder, chunk, events)
        };
        let aside = Aside::begin(decode, done);
        self.reading = Reading::Away(Box::new(Away { aside, progress, limits: None }));
    }

    /// The decoder has panicked: nobody knows any more where a frame begins.
    fn fail(&mut self, id: u32) {
        let errno = Errno::IO.raw_os_error().cast_unsigned();
        self.batch.push(Record::bare(id, Kind::ReadFailed, errno));
        self.reading = Reading::Failed;
    }

    /// The chunk that another thread has decoded, if it has been.
    fn take_decoded(&mut self, id: u32) {
        let Reading::Away(away) = &self.reading else { return };
        match (away.aside.take(), away.limits) {
            (None, _) => {}
            (Some(Ok((decoder, chunk, mut events))), limits) => {
                self.batch.extend(id, &chunk, &mut events);
                self.reading = Reading::Here(decoder);
                if let Some(limits) = limits {
                    self.limit(limits);
                }
            }
            (Some(Err(_)), _) => self.fail(id),
        }
    }

    /// Hands out records, as [`Batch::fill`] does. An idle stream keeps no memory of what it has
    /// decoded.
    pub fn collect(&mut self, id: u32, words: &mut [u32], slab: &mut [u8], offset: usize) -> Filled {
        self.take_decoded(id);
        let filled = self.batch.fill(words, slab, offset);
        if self.batch.is_empty() && self.batch.held() == 0 {
            self.batch = Batch::default();
        }
        filled
    }

    /// The next message that has a buffer of its own.
    pub fn take_large(&mut self) -> Option<Vec<u8>> {
        self.batch.take_large()
    }

    /// Changes the limits, from the next chunk on.
    pub fn limit(&mut self, limits: Limits) {
        match &mut self.reading {
            Reading::Here(decoder) => *decoder.limits_mut() = limits,
            Reading::Away(away) => away.limits = Some(limits),
            Reading::Failed => {}
        }
    }

    /// What there is of a message or a frame whose end has not come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.reading {
            Reading::Here(decoder) => decoder.progress(),
            Reading::Away(away) => away.progress,
            Reading::Failed => Progress { announced: 0, received: 0, waiting: 0 },
        }
    }

    /// Makes ready what is to be written: all of it, or what needs no compression first. Large
    /// messages are compressed by another thread, which calls `done`, and whatever follows them waits.
    pub fn prepare(&mut self, compress: bool, done: impl FnOnce() + Send + 'static) -> Prepared {
        let mut failed = self.take_back();
        while compress && let Some(mut work) = self.queue.take_work() {
            if work.is_large() && runtime::runtime().is_some() {
                let run = move || {
                    let ready = work.run();
                    (work, ready)
                };
                self.compressing = Some(Box::new(Aside::begin(run, done)));
                break;
            }
            // Without the work, of which nobody knows how far it went, the queue gives no more: it
            // goes on to count what was to follow.
            match catch_unwind(AssertUnwindSafe(|| work.run())) {
                Ok(ready) => self.queue.compressed(work, ready),
                Err(_) => failed = true,
            }
        }
        Prepared { ready: self.ready(), failed }
    }

    /// Takes what another thread has compressed, if it is ready. Returns whether that went wrong.
    fn take_back(&mut self) -> bool {
        let Some(result) = self.compressing.as_ref().and_then(|aside| aside.take()) else { return false };
        self.compressing = None;
        match result {
            Ok((work, ready)) => {
                self.queue.compressed(work, ready);
                false
            }
            Err(_) => true,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::protocol::deflate::{Decompression, compress_alone};
    use crate::protocol::{Role, encoder};
    use crate::transport::backlog::{Job, Plain};
    use crate::transport::write_queue::Appended;

    /// A window that nobody negotiates: to keep a history of that size is a panic where arithmetic is
    /// checked, as it is in tests.
    const ABSURD: u8 = 200;

    const LARGE: usize = 200 * 1024;

    fn limits() -> Limits {
        Limits { max_payload: 1 << 20, ..Limits::default() }
    }

    fn codec(window_bits: u8) -> Codec {
        let decoder = Decoder::with_deflate(
            Role::Client,
            limits(),
            Some(Decompression { window_bits, takeover: true }),
        );
        let compression = Compression { window_bits, ..Compression::default() };
        Codec::new(decoder, WriteQueue::default(), Some(compression))
    }

    /// Bytes that do not compress.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        (0..length).map(|_| next()).collect()
    }

    /// A frame that is a compressed message.
    fn message(plain: &[u8]) -> Vec<u8> {
        let (mut payload, mut wire) = (Vec::new(), Vec::new());
        compress_alone(Compression::default(), plain, true, &mut payload);
        encoder::frame(&mut wire, 2, true, true, None, &payload);
        wire
    }

    fn bell() -> (impl FnOnce() + Send + 'static, Receiver<()>) {
        let (sender, receiver) = channel();
        (move || sender.send(()).unwrap_or(()), receiver)
    }

    fn nobody() {}

    /// As its user does it; returns whether another thread decodes.
    fn feed(codec: &mut Codec, bytes: &[u8], done: impl FnOnce() + Send + 'static) -> bool {
        let heavy = codec.is_heavy_with(bytes);
        if heavy {
            codec.feed_aside(bytes, done);
        } else {
            codec.feed(7, bytes);
        }
        heavy
    }

    /// The kinds of the records that there are.
    fn kinds(codec: &mut Codec) -> Vec<u32> {
        let (mut words, mut slab) = ([0; 64], [0; 1024]);
        let Filled::Records(count, _) = codec.collect(7, &mut words, &mut slab, 0) else {
            panic!("there is room")
        };
        words.chunks_exact(4).take(count).map(|record| record[1] & 0xff).collect()
    }

    fn send(codec: &mut Codec, plain: Vec<u8>) {
        let plain = Arc::new(Plain::new(plain, 2, true, true));
        let options = codec.compression.expect("it compresses");
        codec.queue.compress(options, Job { plain, mask: None, acknowledge: true });
    }

    fn send_plain(codec: &mut Codec, bytes: &[u8]) {
        codec.queue.append(true, |pending| {
            pending.tail().extend_from_slice(bytes);
            Appended::from(bytes.len())
        });
    }

    #[test]
    fn a_large_message_is_inflated_by_another_thread() {
        let (mut codec, plain) = (codec(15), noise(LARGE));
        let mut wire = message(&plain);
        wire.extend_from_slice(&[0x89, 0]);
        let (last, before) = (wire.split_off(wire.len() - 1000), wire);
        for chunk in before.chunks(16 * 1024) {
            assert!(!feed(&mut codec, chunk, nobody), "nothing is complete yet");
        }
        let (done, told) = bell();
        assert!(feed(&mut codec, &last, done));
        assert!(codec.progress().waiting > LARGE as u64 - 1000);
        codec.limit(Limits { max_payload: 1, ..limits() });
        told.recv().expect("done is called");
        assert_eq!(kinds(&mut codec), [Kind::Large as u32, Kind::Ping as u32]);
        assert_eq!(codec.take_large(), Some(plain));
        // The limit that it was given meanwhile holds from here on.
        assert!(!feed(&mut codec, &message(b"two"), nobody));
        assert_eq!(kinds(&mut codec), [Kind::Error as u32]);
    }

    #[test]
    fn what_is_small_is_inflated_here() {
        let mut codec = codec(15);
        for wire in [message(&noise(1000)), message(&vec![0; LARGE])] {
            assert!(!feed(&mut codec, &wire, nobody));
            assert_eq!(kinds(&mut codec).len(), 1);
            codec.take_large();
        }
    }

    #[test]
    #[cfg_attr(not(debug_assertions), ignore = "nothing panics")]
    fn a_panic_in_the_decoder_ends_the_reading() {
        for length in [1000, LARGE] {
            let (mut codec, (done, told)) = (codec(ABSURD), bell());
            if feed(&mut codec, &message(&noise(length)), done) {
                told.recv().expect("done is called");
            }
            assert_eq!(kinds(&mut codec), [Kind::ReadFailed as u32]);
            assert!(!feed(&mut codec, &message(&noise(LARGE)), nobody));
            codec.feed_aside(b"more", nobody);
            codec.limit(limits());
            assert_eq!(codec.progress().announced, 0);
            assert_eq!(kinds(&mut codec), []);
        }
    }

    #[test]
    #[cfg_attr(not(debug_assertions), ignore = "nothing panics")]
    fn a_panic_in_the_compressor_is_told_and_nothing_follows() {
        for length in [1000, LARGE] {
            let (mut codec, (done, told)) = (codec(ABSURD), bell());
            send_plain(&mut codec, b"before");
            send(&mut codec, noise(length));
            send_plain(&mut codec, b"behind");
            let mut prepared = codec.prepare(true, done);
            if length == LARGE {
                assert_eq!(prepared, Prepared { ready: 6, failed: false });
                told.recv().expect("done is called");
                prepared = codec.prepare(false, nobody);
            }
            assert_eq!(prepared, Prepared { ready: 6, failed: true });
            assert_eq!(codec.take_output(), b"before");
            // Once is enough.
            send(&mut codec, noise(length));
            assert_eq!(codec.prepare(true, nobody), Prepared { ready: 0, failed: false });
            assert_eq!(codec.queue.compressing_acks(), 3);
            assert_eq!(codec.queue.compressing(), 2 * length as u64 + 6);
        }
    }
}
