//! What a connection has still to write, in order.
//!
//! A writer takes the queue out, writes without holding any lock, and puts back what the kernel
//! refused: whoever appends never waits for a system call. The queue has no bound, as with `ws`:
//! its length is `bufferedAmount`, and the user decides.

use std::io::IoSlice;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::{Buf, Bytes};

use super::backlog::{Backlog, Job, Ready, Work};
use super::rare_queue::RareQueue;
use super::tails;
use crate::protocol::deflate::Compression;

/// Payloads from this size on are queued as they are; smaller ones share a buffer. Measured: below
/// it a copy costs less than one more slice in the vectored write.
pub const OWN_SEGMENT: usize = 16 * 1024;

/// The high water mark of new queues.
static HIGH_WATER_MARK: AtomicU32 = AtomicU32::new(16 * 1024);

/// Sets the high water mark that queues begin with.
pub fn set_high_water_mark(bytes: u32) {
    HIGH_WATER_MARK.store(bytes, Ordering::Relaxed);
}

/// Bytes from which whoever writes should wait until the queue is empty.
#[derive(Clone, Copy, Debug)]
pub struct HighWaterMark(pub u32);

impl Default for HighWaterMark {
    fn default() -> Self {
        Self(HIGH_WATER_MARK.load(Ordering::Relaxed))
    }
}

impl HighWaterMark {
    /// Whether so many bytes reach it.
    #[must_use]
    pub const fn is_reached(self, bytes: u64) -> bool {
        bytes >= self.0 as u64
    }
}

/// Slices handed to one vectored write.
const MAX_SLICES: usize = 32;

/// The queue proper: whole segments, and behind them the buffer that small frames share.
#[derive(Default)]
pub struct Pending {
    segments: RareQueue<Bytes>,
    tail: Vec<u8>,
}

impl Pending {
    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.tail.is_empty()
    }

    /// The buffer small frames are appended to.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        if self.tail.capacity() == 0 {
            self.tail = tails::take();
        }
        &mut self.tail
    }

    /// Queues a segment behind everything else.
    pub fn push(&mut self, segment: Bytes) {
        if !self.tail.is_empty() {
            self.segments.push_back(Bytes::from(std::mem::take(&mut self.tail)));
        }
        self.segments.push_back(segment);
    }

    /// Queues a frame behind everything else, beside its neighbours if it is small.
    pub fn append(&mut self, frame: Bytes) {
        if frame.len() < OWN_SEGMENT {
            self.tail().extend_from_slice(&frame);
        } else {
            self.push(frame);
        }
    }

    /// Queues everything of `other` behind everything else.
    pub fn extend(&mut self, mut other: Self) {
        if other.segments.is_empty() {
            if self.tail.is_empty() {
                self.tail = other.tail;
            } else {
                self.tail.append(&mut other.tail);
            }
            return;
        }
        for segment in other.segments {
            self.push(segment);
        }
        self.tail = other.tail;
    }

    /// Puts `rest`, which a writer had taken and could not write, before what came meanwhile.
    fn put_back(&mut self, mut rest: Self) {
        if !rest.tail.is_empty() {
            rest.segments.push_back(Bytes::from(rest.tail));
        }
        rest.segments.append(std::mem::take(&mut self.segments));
        self.segments = rest.segments;
    }

    /// Everything queued as one buffer, for a stream that wants it whole.
    #[must_use]
    pub fn into_contiguous(mut self) -> Vec<u8> {
        if self.segments.is_empty() {
            return self.tail;
        }
        let length = self.segments.iter().map(Bytes::len).sum::<usize>() + self.tail.len();
        let mut all = Vec::with_capacity(length);
        for segment in &self.segments {
            all.extend_from_slice(segment);
        }
        all.append(&mut self.tail);
        all
    }

    /// Writes with `write` until all is written, `budget` bytes are, or it refuses; returns the bytes
    /// written, and the error if there was one. What was not written stays.
    pub fn write_with(
        &mut self,
        budget: usize,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Result<usize, rustix::io::Errno>,
    ) -> (usize, Option<rustix::io::Errno>) {
        let mut total = 0;
        if !self.segments.is_empty() && !self.tail.is_empty() {
            self.segments.push_back(Bytes::from(std::mem::take(&mut self.tail)));
        }
        while !self.is_empty() && total < budget {
            let written = if self.segments.is_empty() {
                write(&[IoSlice::new(&self.tail)])
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let mut count = 0;
                for (slice, segment) in slices.iter_mut().zip(&self.segments) {
                    *slice = IoSlice::new(segment);
                    count += 1;
                }
                write(&slices[..count])
            };
            match written {
                Ok(count) => {
                    total += count;
                    self.advance(count);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return (total, Some(error)),
            }
        }
        (total, None)
    }

    fn advance(&mut self, mut count: usize) {
        if self.segments.is_empty() {
            if count == self.tail.len() {
                self.tail.clear();
                return;
            }
            // A partial write: the rest is kept as a slice, so that nothing has to be moved.
            self.segments.push_back(Bytes::from(std::mem::take(&mut self.tail)));
        }
        while let Some(front) = self.segments.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.segments.pop_front();
        }
    }
}

/// What was appended to a queue.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// The bytes.
    pub bytes: usize,
    /// What they count while they wait behind something that is to be compressed: as with `ws`, a
    /// frame then counts its payload.
    pub payload: usize,
    /// As with `ws`, header and payload are two writes: they wait for each other in the stream, and
    /// may reach its high water mark even if the kernel takes both at once.
    pub in_parts: bool,
}

impl From<usize> for Appended {
    fn from(bytes: usize) -> Self {
        Self { bytes, payload: bytes, in_parts: false }
    }
}

/// The state behind a connection's write lock.
#[derive(Default)]
pub struct WriteQueue {
    /// What no writer has taken yet.
    pub pending: Pending,
    /// What is to be compressed first, and what waits behind it. There is none until something is
    /// to be compressed, nor between messages that need nothing of each other.
    backlog: Option<Box<Backlog>>,
    /// A writer is at work, outside the lock.
    pub writing: bool,
    /// It writes in the place of a caller who is late.
    pub deputy: bool,
    /// The connection stands in a list of those to be flushed.
    pub dirty: bool,
    /// The end of the stream has been asked for, or has been reached.
    pub shutdown: Shutdown,
    /// The `errno` that ended writing.
    pub failed: Option<i32>,
    /// Where the high water mark is.
    pub mark: HighWaterMark,
    /// The queue reached the high water mark and has not been empty since. As for a stream of Node's,
    /// what is appended adds up only once the kernel refuses bytes.
    pub over: bool,
    /// The kernel has refused bytes that are still here.
    pub refused: bool,
    /// Bytes that were ready to be written, since the connection began.
    pub queued: u64,
    /// Bytes the kernel has taken.
    pub written: u64,
    /// Positions in the stream whose passing is to be acknowledged, ascending.
    acks: RareQueue<u64>,
}

/// How far the end of the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shutdown {
    /// Nobody asked for it.
    #[default]
    None,
    /// To follow the last queued byte.
    Requested,
    /// The FIN has been handed to the kernel.
    Done,
}

impl WriteQueue {
    /// Bytes that are queued or in a writer's hands; what waits for its compression counts as it is.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.sent() - self.written
    }

    /// Bytes that were ever queued.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.queued + self.compressing()
    }

    /// Queues what `append` makes.
    pub fn append<A: Into<Appended>>(&mut self, acknowledge: bool, append: impl FnOnce(&mut Pending) -> A) {
        if let Some(backlog) = self.backlog.as_mut().filter(|backlog| backlog.is_active()) {
            backlog.append(acknowledge, append);
            return;
        }
        let appended: Appended = append(&mut self.pending).into();
        self.queued += appended.bytes as u64;
        self.over |= appended.in_parts && self.mark.is_reached(appended.bytes as u64);
        if acknowledge {
            self.acknowledge();
        }
    }

    /// Queues a frame to be compressed.
    pub fn compress(&mut self, options: Compression, job: Job) {
        self.backlog.get_or_insert_with(|| Box::new(Backlog::new(options))).push(job);
    }

    /// Whether whoever writes should wait until the queue is empty.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over || self.refused && self.mark.is_reached(self.queued - self.written)
    }

    /// Whether something is to be compressed and nobody does it.
    #[must_use]
    pub fn wants_compression(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.has_work())
    }

    /// Whether something is to be compressed, or is being.
    #[must_use]
    pub fn is_compressing(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.is_active())
    }

    /// Bytes of what is to be compressed, and of what waits behind it.
    #[must_use]
    pub fn compressing(&self) -> u64 {
        self.backlog.as_ref().map_or(0, |backlog| backlog.waiting())
    }

    /// Acknowledgements of what is to be compressed, and of what waits behind it.
    #[must_use]
    pub fn compressing_acks(&self) -> u32 {
        self.backlog.as_ref().map_or(0, |backlog| backlog.acks())
    }

    /// Somebody takes what is to be compressed.
    pub fn take_work(&mut self) -> Option<Work> {
        self.backlog.as_mut()?.take()
    }

    /// What was compressed comes back.
    pub fn compressed(&mut self, work: Work, ready: Ready) {
        let Some(backlog) = &mut self.backlog else { return };
        backlog.put_back(work, &ready);
        if backlog.is_idle() {
            self.backlog = None;
        }
        self.acks.extend(ready.acks.iter().map(|position| self.queued + position));
        self.queued += ready.length;
        self.over |= self.mark.is_reached(ready.length);
        self.pending.extend(ready.pending);
    }

    /// A queue that goes on with what has not been written here.
    pub fn succeed(&mut self) -> Self {
        Self {
            pending: self.take(),
            backlog: self.backlog.take(),
            queued: self.queued - self.written,
            ..Self::default()
        }
    }

    /// Asks for an acknowledgement when all that is queued now has been written.
    pub fn acknowledge(&mut self) {
        self.acks.push_back(self.queued);
    }

    /// Whether there are bytes, or the end behind them, for a writer to take.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.pending.is_empty() || self.is_ending()
    }

    /// Whether a write would have something to do.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.has_output() || self.has_ripe_acks()
    }

    /// Whether the end of the stream follows what a writer takes now.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.shutdown == Shutdown::Requested && !self.is_compressing()
    }

    fn has_ripe_acks(&self) -> bool {
        self.acks.front().is_some_and(|position| *position <= self.written)
    }

    /// A writer takes what there is.
    pub fn take(&mut self) -> Pending {
        std::mem::take(&mut self.pending)
    }

    /// The writer returns: `written` bytes went, `rest` did not.
    pub fn settle(&mut self, written: usize, rest: Pending) {
        self.written += written as u64;
        if rest.is_empty() {
            tails::give(rest.tail);
        } else {
            self.pending.put_back(rest);
        }
    }

    /// Acknowledgements whose bytes have been written. Those of the end of the stream wait for it.
    pub fn ripe_acks(&mut self) -> u32 {
        let mut count = 0;
        while self.has_ripe_acks() {
            self.acks.pop_front();
            count += 1;
        }
        count
    }

    /// Forgets everything that has not been written.
    pub fn discard(&mut self) {
        self.pending = Pending::default();
        if let Some(backlog) = &mut self.backlog {
            backlog.discard();
        }
        self.written = self.queued;
        self.acks = RareQueue::default();
        self.over = false;
        self.refused = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(pending: &mut Pending, limit: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let (written, error) = pending.write_with(usize::MAX, |slices| {
            let room = limit - out.len();
            if room == 0 {
                return Err(rustix::io::Errno::AGAIN);
            }
            let before = out.len();
            for slice in slices {
                let count = slice.len().min(room - (out.len() - before));
                out.extend_from_slice(&slice[..count]);
            }
            Ok(out.len() - before)
        });
        assert_eq!(written, out.len());
        assert_eq!(error.is_some(), !pending.is_empty());
        out
    }

    #[test]
    fn order_survives_refusals_at_every_byte() {
        for limit in 1..30 {
            let mut queue = WriteQueue::default();
            queue.pending.tail().extend_from_slice(b"one ");
            queue.pending.push(Bytes::from_static(b"large "));
            queue.pending.tail().extend_from_slice(b"two ");
            queue.queued = 14;
            let mut all = Vec::new();
            let mut more = true;
            loop {
                let mut taken = queue.take();
                if std::mem::take(&mut more) {
                    queue.pending.tail().extend_from_slice(b"three");
                    queue.queued += 5;
                }
                let out = drain(&mut taken, limit);
                queue.settle(out.len(), taken);
                all.extend(out);
                if queue.pending.is_empty() {
                    break;
                }
            }
            assert_eq!(all, b"one large two three");
            assert_eq!(queue.buffered(), 0);
        }
    }

    #[test]
    fn acknowledgements_ripen_in_order() {
        let mut queue = WriteQueue { queued: 10, ..WriteQueue::default() };
        queue.acknowledge();
        queue.queued = 20;
        queue.acknowledge();
        queue.acknowledge();
        queue.written = 9;
        assert_eq!(queue.ripe_acks(), 0);
        queue.written = 19;
        assert_eq!(queue.ripe_acks(), 1);
        queue.written = 20;
        assert_eq!(queue.ripe_acks(), 2);
    }
}
