//! A connection: one adopted socket, its decoder, its write queue, and the task that serves it.
//!
//! The task runs on the I/O threads. Everybody else talks to a connection by its queue and its
//! flags, and wakes the task when it has to look at them.

mod flush;

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

pub use self::flush::Writer;
use super::backlog::Job;
use super::bell;
use super::pool;
use super::runtime;
use super::sink::{EventSink, Report};
use super::write_queue::{Appended, Pending, Shutdown, WriteQueue};
use crate::protocol::deflate::Compression;
use crate::protocol::{Decoder, Event, Limits, Role};

/// Bytes one read takes at most into the shared scratch buffer: what libuv offers as well, so that
/// the chunks, which `ws` shows in the order of its events, are alike.
const SCRATCH: usize = 64 * 1024;

/// Bytes one connection may read before the other ones of its thread have their turn.
const READ_BUDGET: usize = 256 * 1024;

/// How often somebody looks whether a writer has finished, who is not to be waited for for ever.
const PATIENCE: u32 = 100_000;

/// So often somebody who has to wait for a writer only gives way to it, before he sleeps.
const EAGER_YIELDS: u32 = 1000;

/// How long he sleeps then, before he looks again.
const POLL: Duration = Duration::from_micros(50);

/// The user does not want to read.
const PAUSED: u8 = 1;
/// The sink has had enough of this connection for now.
const BLOCKED: u8 = 2;
/// Reading is over: end of stream, or an error.
const ENDED: u8 = 4;
/// The kernel has refused bytes; the task is to write when it takes more.
const WANT_WRITE: u8 = 8;
/// Nobody wants this connection any more; the task goes, and the descriptor with it.
const CLOSED: u8 = 16;
/// Times of traffic are to be kept.
const TIMED: u8 = 32;

/// The user holds writes back.
const CORKED: u8 = 64;

/// The task has been spawned.
const STARTED: u8 = 128;

/// Nothing may be read in these states.
const NOT_READING: u8 = PAUSED | BLOCKED | ENDED | CLOSED;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::default());
}

/// What an I/O thread reads into: an idle connection holds no buffer of its own.
#[derive(Default)]
struct Buffers {
    scratch: Vec<u8>,
    events: Vec<Event>,
}

/// What reading one chunk led to.
enum Chunk {
    /// So many bytes came, and perhaps there are more.
    Full(usize),
    /// So many bytes came, and the socket is empty now.
    Last(usize),
    /// Nothing is there.
    Empty,
    /// Somebody stopped the reading; what is there stays.
    Stopped,
    /// Reading is over.
    Ended(Report),
}

/// An adopted socket.
pub struct Connection {
    id: u32,
    flags: AtomicU8,
    share: AtomicU32,
    noted: AtomicU32,
    io: AsyncFd<OwnedFd>,
    waker: AtomicWaker,
    decoder: Mutex<Decoder>,
    queue: Mutex<WriteQueue>,
    compression: Option<Compression>,
    sink: Arc<dyn EventSink>,
    received: AtomicU64,
    active: AtomicU64,
}

fn uptime() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Connection {
    pub(super) fn new(
        id: u32,
        io: AsyncFd<OwnedFd>,
        decoder: Decoder,
        compression: Option<Compression>,
        sink: Arc<dyn EventSink>,
    ) -> Self {
        Self {
            id,
            flags: AtomicU8::new(PAUSED),
            share: AtomicU32::new(0),
            noted: AtomicU32::new(0),
            io,
            waker: AtomicWaker::new(),
            decoder: Mutex::new(decoder),
            queue: Mutex::new(WriteQueue::default()),
            compression,
            sink,
            received: AtomicU64::new(0),
            active: AtomicU64::new(0),
        }
    }

    /// The number its user gave it.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Another descriptor for the socket, for an owner beside this one.
    ///
    /// # Errors
    /// Those of [`super::adopt::duplicate`].
    pub fn duplicate(&self) -> std::io::Result<OwnedFd> {
        super::adopt::duplicate(self.io.get_ref())
    }

    /// Bytes read from the socket.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// A number for the sink's own accounting, kept here so that it needs no map.
    #[must_use]
    pub const fn share(&self) -> &AtomicU32 {
        &self.share
    }

    /// Another number of the sink's: when it heard of this connection last.
    #[must_use]
    pub const fn noted(&self) -> &AtomicU32 {
        &self.noted
    }

    /// Milliseconds since bytes came or went; `None` until [`Self::keep_time`].
    #[must_use]
    pub fn idle_for(&self) -> Option<u64> {
        (self.flags.load(Ordering::Relaxed) & TIMED != 0)
            .then(|| uptime().saturating_sub(self.active.load(Ordering::Relaxed)))
    }

    /// From now on notes when bytes come and go.
    pub fn keep_time(&self) {
        self.active.store(uptime(), Ordering::Relaxed);
        self.flags.fetch_or(TIMED, Ordering::Relaxed);
    }

    fn note_activity(&self) {
        if self.flags.load(Ordering::Relaxed) & TIMED != 0 {
            self.active.store(uptime(), Ordering::Relaxed);
        }
    }

    fn raise(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
    }

    fn lower_and_wake(&self, flag: u8) {
        if self.flags.fetch_and(!flag, Ordering::AcqRel) & flag != 0 {
            self.waker.wake();
        }
    }

    fn is_closed(&self) -> bool {
        self.flags.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Begins or goes on to read. The first call gives the connection its task.
    pub fn start(self: &Arc<Self>) {
        if self.flags.fetch_or(STARTED, Ordering::AcqRel) & STARTED != 0 {
            self.lower_and_wake(PAUSED);
        } else if let Some(runtime) = runtime::runtime() {
            self.flags.fetch_and(!PAUSED, Ordering::AcqRel);
            runtime.spawn(run(Arc::clone(self)));
        }
    }

    /// Stops reading. Bytes that an I/O thread is decoding at this moment are still published.
    pub fn pause(&self) {
        self.raise(PAUSED);
    }

    /// Called by the sink: stops reading until [`Self::unblock`].
    pub fn block(&self) {
        self.raise(BLOCKED);
    }

    /// Called by the sink when it can take more.
    pub fn unblock(&self) {
        self.lower_and_wake(BLOCKED);
    }

    /// Runs `with` on the decoder. Waits for a chunk that is being decoded at this moment.
    pub fn with_decoder<T>(&self, with: impl FnOnce(&mut Decoder) -> T) -> T {
        with(&mut self.decoder.lock())
    }

    /// Decodes bytes that somebody had read, and counted, before the socket was adopted.
    pub fn decode_early(self: &Arc<Self>, bytes: &mut [u8]) {
        let mut events = Vec::new();
        self.decoder.lock().decode(bytes, &mut events);
        self.publish(bytes, &mut events);
    }

    /// Appends to the queue what `append` makes; returns whether the connection has to be put on a
    /// list of those to be flushed (it stands on none).
    pub fn enqueue<A: Into<Appended>>(
        &self,
        acknowledge: bool,
        append: impl FnOnce(&mut Pending) -> A,
    ) -> bool {
        let mut queue = self.queue.lock();
        if queue.failed.is_some() {
            return false;
        }
        queue.append(acknowledge, append);
        !std::mem::replace(&mut queue.dirty, true)
    }

    /// Appends a segment that is shared with others, or too large to be copied.
    pub fn enqueue_segment(&self, acknowledge: bool, segment: Bytes) -> bool {
        self.enqueue(acknowledge, |pending| {
            let count = segment.len();
            pending.push(segment);
            count
        })
    }

    /// Queues a frame that an I/O thread compresses. Returns as [`Self::enqueue`] does. Without
    /// permessage-deflate nothing is queued.
    pub fn enqueue_job(&self, job: Job) -> bool {
        let Some(options) = self.compression else { return false };
        let mut queue = self.queue.lock();
        if queue.failed.is_some() {
            return false;
        }
        queue.compress(options, job);
        !std::mem::replace(&mut queue.dirty, true)
    }

    /// How it compresses, if it does.
    #[must_use]
    pub const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Takes it off its list, to be flushed by the caller, and tells `false`; or, when a flush has
    /// something to compress, leaves it marked for the I/O thread that flushes it then.
    #[must_use]
    pub fn stays_listed(&self) -> bool {
        if self.compression.is_none() {
            return false;
        }
        let mut queue = self.queue.lock();
        // At once: what an I/O thread is compressing may come back at any moment.
        let stays = queue.wants_compression();
        queue.dirty &= stays;
        stays
    }

    /// Acknowledgements and bytes of what is being compressed, or waits behind that.
    #[must_use]
    pub fn compressing(&self) -> (u32, u64) {
        let queue = self.queue.lock();
        (queue.compressing_acks(), queue.compressing())
    }

    /// Holds everything back that is queued, until it is told otherwise. Returns as
    /// [`Self::enqueue`] does.
    pub fn cork(&self, corked: bool) -> bool {
        if corked {
            self.raise(CORKED);
            return false;
        }
        self.flags.fetch_and(!CORKED, Ordering::AcqRel);
        let mut queue = self.queue.lock();
        (queue.has_work() || queue.wants_compression()) && !std::mem::replace(&mut queue.dirty, true)
    }

    /// Asks for a FIN behind all that is queued, and for an acknowledgement of it.
    pub fn shutdown(&self) -> bool {
        let mut queue = self.queue.lock();
        if queue.failed.is_some() || queue.shutdown != Shutdown::None {
            return false;
        }
        queue.shutdown = Shutdown::Requested;
        queue.append(true, |_| 0_usize);
        !std::mem::replace(&mut queue.dirty, true)
    }

    /// Bytes queued and not yet taken by the kernel.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.queue.lock().buffered()
    }

    /// Bytes that were ever queued, those that wait among them.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.queue.lock().sent()
    }

    fn report(&self, reports: [Option<Report>; 2]) {
        for report in reports.into_iter().flatten() {
            if matches!(report, Report::Acked(_)) || !self.is_closed() {
                self.sink.report(self, report);
            }
        }
    }

    /// Gives up the socket: what is not compressed and what the kernel does not take now is lost, no
    /// event follows.
    pub fn close(&self) {
        self.flush_now(Writer::Caller);
        self.raise(CLOSED);
        if self.compression.is_some() {
            self.queue.lock().failed.get_or_insert(0);
        }
        self.waker.wake();
    }

    /// Takes the connection away from the I/O threads: when this returns none of them touches the
    /// descriptor any more. Returns what a successor needs to go on at this very byte.
    pub fn release(&self) -> (Decoder, WriteQueue) {
        self.raise(CLOSED);
        let idle = Decoder::new(Role::Server, Limits::default());
        let decoder = std::mem::replace(&mut *self.decoder.lock(), idle);
        let mut queue = self.queue.lock();
        let mut yields = 0;
        // Whoever writes or compresses holds messages, and does come back with what is left.
        while queue.writing || queue.is_compressing() && !queue.wants_compression() {
            yields += 1;
            MutexGuard::unlocked(&mut queue, || {
                if yields < EAGER_YIELDS {
                    std::thread::yield_now();
                } else {
                    std::thread::sleep(POLL);
                }
            });
        }
        let successor = queue.succeed();
        // Whoever still has this connection on a list finds nothing to do.
        queue.failed = Some(0);
        drop(queue);
        self.waker.wake();
        (decoder, successor)
    }

    fn poll(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        bell::wake_overdue();
        let (mut budget, mut unfinished) = (READ_BUDGET, false);
        while self.flags.load(Ordering::Acquire) & (WANT_WRITE | CLOSED) == WANT_WRITE
            && let Poll::Ready(ready) = self.io.poll_write_ready(context)
        {
            let Ok(guard) = ready else { return Poll::Ready(()) };
            if !self.write_on(guard) {
                unfinished = self.flags.load(Ordering::Acquire) & WANT_WRITE != 0;
                break;
            }
        }
        while budget > 0 {
            let flags = self.flags.load(Ordering::Acquire);
            if flags & CLOSED != 0 {
                return Poll::Ready(());
            }
            if flags & NOT_READING != 0 {
                break;
            }
            let mut guard = match self.io.poll_read_ready(context) {
                Poll::Ready(Ok(guard)) => guard,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            };
            match self.read_chunk() {
                Chunk::Full(count) => budget = budget.saturating_sub(count),
                Chunk::Last(count) => {
                    guard.clear_ready();
                    budget = budget.saturating_sub(count);
                }
                Chunk::Empty => guard.clear_ready(),
                // The readiness is still true, and no other edge will say so.
                Chunk::Stopped => {}
                Chunk::Ended(report) => {
                    self.raise(ENDED);
                    self.report([Some(report), None]);
                }
            }
        }
        if budget == 0 || unfinished {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Writes; returns whether the kernel has refused bytes.
    fn write_on(&self, mut guard: AsyncFdReadyGuard<'_, OwnedFd>) -> bool {
        self.flags.fetch_and(!WANT_WRITE, Ordering::AcqRel);
        // A refusal that another writer met may be older than the readiness: only our own counts.
        let (_, refused) = self.write_queue(Writer::IoThread);
        if refused {
            guard.clear_ready();
        }
        refused
    }

    /// Reads once and publishes what that completes. The decoder's lock is held from before the
    /// read until the events are published, so that a [`Self::release`] finds all or nothing.
    fn read_chunk(self: &Arc<Self>) -> Chunk {
        BUFFERS.with_borrow_mut(|Buffers { scratch, events }| {
            // What a panic may have left belongs to another connection.
            events.clear();
            let mut decoder = self.decoder.lock();
            if self.flags.load(Ordering::Acquire) & NOT_READING != 0 {
                return Chunk::Stopped;
            }
            if self.sink.refuses(self) {
                return Chunk::Stopped;
            }
            let descriptor = self.io.get_ref();
            let heavy = decoder.is_heavy();
            let (read, offered) = if let Some(body) = decoder.body_from(&mut pool::take) {
                let offered = body.capacity() - body.len();
                (rustix::io::read(descriptor, rustix::buffer::spare_capacity(body)), offered)
            } else {
                scratch.resize(SCRATCH, 0);
                let read = rustix::io::read(descriptor, scratch.as_mut_slice());
                if let Ok(count) = read {
                    if heavy {
                        runtime::aside(|| decoder.decode(&mut scratch[..count], events));
                    } else {
                        decoder.decode(&mut scratch[..count], events);
                    }
                    if count > 0 {
                        self.count_received(count);
                        self.publish(&scratch[..count], events);
                    }
                    return if count == 0 {
                        Chunk::Ended(Report::Eof)
                    } else if count < SCRATCH {
                        Chunk::Last(count)
                    } else {
                        Chunk::Full(count)
                    };
                }
                (read, SCRATCH)
            };
            match read {
                Ok(0) => Chunk::Ended(Report::Eof),
                Ok(count) => {
                    let surplus = if heavy {
                        runtime::aside(|| decoder.body_filled(events))
                    } else {
                        decoder.body_filled(events)
                    };
                    self.count_received(count);
                    self.publish(&[], events);
                    if let Some(mut surplus) = surplus {
                        decoder.decode(&mut surplus, events);
                        self.publish(&surplus, events);
                    }
                    if count < offered { Chunk::Last(count) } else { Chunk::Full(count) }
                }
                Err(Errno::AGAIN) => Chunk::Empty,
                Err(Errno::INTR) => Chunk::Full(0),
                Err(error) => Chunk::Ended(Report::ReadFailed(error.raw_os_error())),
            }
        })
    }

    /// Gives the sink what a chunk brought.
    fn publish(self: &Arc<Self>, chunk: &[u8], events: &mut Vec<Event>) {
        if !events.is_empty() {
            self.sink.publish(self, chunk, events);
            bell::note(&self.sink);
        }
    }

    pub(super) fn count_received(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
        self.note_activity();
    }
}

/// Tells the sink when a connection's task ends by a panic: its user must see the connection die.
struct Alive(Arc<Connection>);

impl Drop for Alive {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.raise(ENDED);
            self.0.report([Some(Report::ReadFailed(Errno::IO.raw_os_error())), None]);
        }
    }
}

/// The task of a connection: lives until the connection is closed or released.
async fn run(connection: Arc<Connection>) {
    let alive = Alive(connection);
    std::future::poll_fn(|context| alive.0.poll(context)).await;
}
