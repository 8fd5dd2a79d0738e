//! A connection: one adopted socket, its decoder and its write queue.
//!
//! It is served by a reactor, on an I/O thread; while that would take long, on a thread aside.
//! Everybody else talks to a connection by its queue and its flags, and calls the reactor when it
//! has to look at them.

mod flush;

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;

pub use self::flush::{Flushed, Writer};
use super::backlog::Job;
use super::bell;
use super::pool;
use super::reactor::{Readiness, Registration, Watched};
use super::runtime;
use super::sink::{EventSink, Report};
use super::write_queue::{Appended, HighWaterMark, Pending, Shutdown, WriteQueue};
use crate::protocol::deflate::Compression;
use crate::protocol::{Decoder, Event, Limits, Role};

/// Bytes one read takes at most into the shared scratch buffer: what libuv offers as well, so that
/// the chunks, which `ws` shows in the order of its events, are alike.
const SCRATCH: usize = 64 * 1024;

/// Bytes one connection may read before the other ones of its thread have their turn.
const READ_BUDGET: usize = 256 * 1024;

/// How long somebody waits for a writer to finish, who is not to be waited for for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// So often somebody who has to wait for a writer only gives way to it, before he sleeps.
const EAGER_YIELDS: u32 = 1000;

/// How long he sleeps then, before he looks again.
const POLL: Duration = Duration::from_micros(50);

/// Lets a writer go on, for whom somebody has waited so often.
fn give_way(yields: &mut u32) {
    *yields += 1;
    if *yields < EAGER_YIELDS {
        std::thread::yield_now();
    } else {
        std::thread::sleep(POLL);
    }
}

/// The user does not want to read.
const PAUSED: u16 = 1;
/// The sink has had enough of this connection for now.
const BLOCKED: u16 = 1 << 1;
/// Reading is over: end of stream, or an error.
const ENDED: u16 = 1 << 2;
/// The kernel has refused bytes; whoever serves is to write when it takes more.
const WANT_WRITE: u16 = 1 << 3;
/// Nobody wants this connection any more; the reactor forgets it, and the descriptor goes with it.
const CLOSED: u16 = 1 << 4;
/// Times of traffic are to be kept.
const TIMED: u16 = 1 << 5;
/// The user holds writes back.
const CORKED: u16 = 1 << 6;

/// There may be something to read: cleared before the read that finds out.
const READABLE: u16 = 1 << 7;
/// There may be room: cleared before the write that finds out.
const WRITABLE: u16 = 1 << 8;
/// The peer has ended its side: a read that leaves nothing is followed by another one.
const HUNG_UP: u16 = 1 << 9;

/// The reactor has been called, and has not come yet.
const CALLED: u16 = 1 << 10;
/// Somebody is serving this connection.
const SERVING: u16 = 1 << 11;
/// There was something new while somebody did.
const AGAIN: u16 = 1 << 12;
/// The reactor has forgotten it.
const GONE: u16 = 1 << 13;
/// The user wants to know when a queue that was over its high water mark is empty.
const WATCHED: u16 = 1 << 14;
/// The reactor is told when there is room.
const WATCHES_ROOM: u16 = 1 << 15;

/// Nothing may be read in these states.
const NOT_READING: u16 = PAUSED | BLOCKED | ENDED | CLOSED;

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
    /// What is there may take long to decode, and so stays for a thread aside.
    Heavy,
    /// Reading is over.
    Ended(Report),
}

fn flags_of(ready: Readiness) -> u16 {
    [(ready.readable, READABLE), (ready.writable, WRITABLE), (ready.hung_up, HUNG_UP)]
        .into_iter()
        .filter_map(|(is, flag)| is.then_some(flag))
        .fold(0, |flags, flag| flags | flag)
}

/// How a pass over what is to be done ended.
enum Pass {
    /// There is nothing left that could be done now.
    Done,
    /// There is more, but others have their turn.
    More,
    /// The rest is for a thread aside.
    Heavy,
}

/// An adopted socket. What a `send` and a write touch comes first, in few cache lines.
#[repr(C)]
pub struct Connection {
    queue: Mutex<WriteQueue>,
    flags: AtomicU16,
    id: u32,
    socket: OwnedFd,
    compression: Option<Compression>,
    registration: Registration,
    sink: Arc<dyn EventSink>,
    decoder: Mutex<Decoder>,
    share: AtomicU32,
    noted: AtomicU32,
    received: AtomicU64,
    active: AtomicU64,
}

/// Times of traffic that are none: there was no traffic since the idle clock started, or since it was
/// reported that the connection is idle.
const UNTOUCHED: u64 = 0;
const REPORTED: u64 = u64::MAX;

/// Milliseconds on a clock of the process's own, beginning with 1.
fn uptime() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed().as_millis();
    u64::try_from(elapsed).unwrap_or(u64::MAX / 2).saturating_add(1)
}

impl Connection {
    pub(super) fn new(
        id: u32,
        socket: OwnedFd,
        registration: Registration,
        decoder: Decoder,
        compression: Option<Compression>,
        sink: Arc<dyn EventSink>,
    ) -> Self {
        Self {
            id,
            flags: AtomicU16::new(PAUSED),
            share: AtomicU32::new(0),
            noted: AtomicU32::new(0),
            socket,
            registration,
            decoder: Mutex::new(decoder),
            queue: Mutex::new(WriteQueue::default()),
            compression,
            sink,
            received: AtomicU64::new(0),
            active: AtomicU64::new(UNTOUCHED),
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
        super::adopt::duplicate(&self.socket)
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

    /// Starts or stops the idle clock. It starts without traffic.
    pub fn keep_time(&self, timed: bool) {
        self.active.store(UNTOUCHED, Ordering::Relaxed);
        if timed {
            self.flags.fetch_or(TIMED, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!TIMED, Ordering::Relaxed);
        }
    }

    /// Milliseconds that are left until the connection has been idle for `period`. When none are
    /// left it returns 0 once, and `None` from then on until there is traffic.
    #[must_use]
    pub fn idle_left(&self, period: u64) -> Option<u64> {
        loop {
            let active = self.active.load(Ordering::Relaxed);
            let left = match active {
                REPORTED => return None,
                // The caller's own timer has measured the period.
                UNTOUCHED => 0,
                time => period.saturating_sub(uptime().saturating_sub(time)),
            };
            let swapped = || {
                self.active.compare_exchange(active, REPORTED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            };
            if left > 0 || swapped() {
                return Some(left);
            }
        }
    }

    /// Restarts the idle clock, if it runs: there is traffic.
    pub fn note_activity(&self) {
        if self.flags.load(Ordering::Relaxed) & TIMED != 0 {
            self.active.store(uptime(), Ordering::Relaxed);
        }
    }

    /// This was seen of the socket before it had this connection.
    pub(super) fn note(&self, ready: Readiness) {
        self.raise(flags_of(ready));
    }

    fn raise(&self, flags: u16) {
        self.flags.fetch_or(flags, Ordering::AcqRel);
    }

    /// Reading goes on, as far as this flag is concerned. If nothing is known to be there, what comes
    /// will be told of.
    fn lower(&self, flag: u16) {
        let before = self.flags.fetch_and(!flag, Ordering::AcqRel);
        if before & flag != 0 && before & (READABLE | HUNG_UP | SERVING) != 0 {
            self.call();
        }
    }

    /// The reactor is to look at the flags.
    fn call(&self) {
        if self.flags.fetch_or(CALLED, Ordering::AcqRel) & (CALLED | GONE) == 0 {
            self.registration.call();
        }
    }

    fn is_closed(&self) -> bool {
        self.flags.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Begins or goes on to read.
    pub fn start(&self) {
        self.lower(PAUSED);
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
        self.lower(BLOCKED);
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

    /// Whether a flush has something to compress.
    #[must_use]
    pub fn wants_compression(&self) -> bool {
        self.compression.is_some() && self.queue.lock().wants_compression()
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

    /// From now on tells when a queue that has reached `mark` is empty again; with `over` as if it had.
    /// Returns whether it has.
    pub fn watch(&self, mark: u32, over: bool) -> bool {
        // Whoever empties the queue looks at the flag under the lock.
        self.raise(WATCHED);
        let mut queue = self.queue.lock();
        queue.mark = HighWaterMark(mark);
        queue.over = queue.is_over() || over && queue.buffered() > 0;
        queue.over
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
    pub fn close(self: &Arc<Self>) {
        self.flush_now(Writer::Caller);
        self.raise(CLOSED);
        if self.compression.is_some() {
            self.queue.lock().failed.get_or_insert(0);
        }
        self.leave();
    }

    /// Has the reactor forget it.
    fn leave(self: &Arc<Self>) {
        if runtime::is_lent() {
            // Whoever borrows the reactor may be about to be busy, and the peer waits for the end.
            Arc::clone(self).serve(Readiness::default());
        } else {
            self.call();
        }
    }

    /// Takes the connection away from the I/O threads: when this returns none of them touches the
    /// descriptor any more. Returns what a successor needs to go on at this very byte.
    pub fn release(self: &Arc<Self>) -> (Decoder, WriteQueue) {
        self.raise(CLOSED);
        let idle = Decoder::new(Role::Server, Limits::default());
        let decoder = std::mem::replace(&mut *self.decoder.lock(), idle);
        let mut queue = self.queue.lock();
        let mut yields = 0;
        // Whoever writes or compresses holds messages, and does come back with what is left.
        while queue.writing || queue.is_compressing() && !queue.wants_compression() {
            MutexGuard::unlocked(&mut queue, || give_way(&mut yields));
        }
        // What a deputy has written: the caller does not come for it any more.
        let ripe = queue.ripe_acks();
        self.report([(ripe > 0).then_some(Report::Acked(ripe)), None]);
        let successor = queue.succeed();
        // Whoever still has this connection on a list finds nothing to do.
        queue.failed = Some(0);
        drop(queue);
        self.leave();
        (decoder, successor)
    }

    /// Does what is to be done until it is done, or is somebody else's. The caller has set SERVING.
    fn go_on(self: Arc<Self>, aside: bool) {
        let pass = catch_unwind(AssertUnwindSafe(|| self.pass(aside))).unwrap_or_else(|_| {
            // Its user must see the connection die.
            self.raise(ENDED);
            let broken = Some(Report::ReadFailed(Errno::IO.raw_os_error()));
            let _ = catch_unwind(AssertUnwindSafe(|| self.report([broken, None])));
            Pass::Done
        });
        if matches!(pass, Pass::Heavy) {
            runtime::spawn_aside(move || self.go_on(true));
            return;
        }
        if self.is_closed() && self.flags.fetch_or(GONE, Ordering::AcqRel) & GONE == 0 {
            self.registration.end(&self.socket);
        }
        let before = self.flags.fetch_and(!(SERVING | AGAIN), Ordering::AcqRel);
        if before & AGAIN != 0 || matches!(pass, Pass::More) {
            self.call();
        }
    }

    fn pass(self: &Arc<Self>, aside: bool) -> Pass {
        bell::wake_overdue();
        let (mut budget, mut more) = (READ_BUDGET, false);
        let may_write = WANT_WRITE | WRITABLE;
        while self.flags.load(Ordering::Acquire) & (may_write | CLOSED) == may_write {
            self.flags.fetch_and(!may_write, Ordering::AcqRel);
            // A refusal that another writer met may be older than the readiness: only our own counts.
            let (_, refused) = self.write_queue(Writer::IoThread);
            if !refused {
                self.raise(WRITABLE);
                more = self.flags.load(Ordering::Acquire) & WANT_WRITE != 0;
                break;
            }
        }
        while budget > 0 {
            let flags = self.flags.load(Ordering::Acquire);
            if flags & NOT_READING != 0 || flags & (READABLE | HUNG_UP) == 0 {
                break;
            }
            let seen = self.flags.fetch_and(!(READABLE | HUNG_UP), Ordering::AcqRel) & (READABLE | HUNG_UP);
            match self.read_chunk(aside) {
                Chunk::Full(count) => {
                    self.raise(READABLE | seen);
                    budget = budget.saturating_sub(count);
                }
                Chunk::Last(_) if seen & HUNG_UP != 0 => {
                    self.raise(HUNG_UP);
                    // The end has a turn of its own, as with libuv, so that what came before it is
                    // answered first; but not where this side has ended as well.
                    if self.queue.lock().shutdown != Shutdown::Done {
                        return Pass::More;
                    }
                }
                Chunk::Last(count) => budget = budget.saturating_sub(count),
                Chunk::Empty => {}
                // No other edge will say so.
                Chunk::Stopped => self.raise(seen),
                Chunk::Heavy => {
                    self.raise(seen);
                    return Pass::Heavy;
                }
                Chunk::Ended(report) => {
                    self.raise(ENDED);
                    self.report([Some(report), None]);
                }
            }
        }
        if budget == 0 || more { Pass::More } else { Pass::Done }
    }

    /// Reads once and publishes what that completes. The decoder's lock is held from before the
    /// read until the events are published, so that a [`Self::release`] finds all or nothing.
    fn read_chunk(self: &Arc<Self>, aside: bool) -> Chunk {
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
            if !aside && decoder.is_heavy() {
                return Chunk::Heavy;
            }
            let descriptor = &self.socket;
            let (read, offered) = if let Some(body) = decoder.body_from(&mut pool::take) {
                let offered = body.capacity() - body.len();
                (rustix::io::read(descriptor, rustix::buffer::spare_capacity(body)), offered)
            } else {
                scratch.resize(SCRATCH, 0);
                let read = rustix::io::read(descriptor, scratch.as_mut_slice());
                if let Ok(count) = read {
                    decoder.decode(&mut scratch[..count], events);
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
                    let surplus = decoder.body_filled(events);
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

impl Watched for Connection {
    fn serve(self: Arc<Self>, ready: Readiness) {
        let news = flags_of(ready);
        let update = |flags: u16| {
            let begun = if flags & SERVING == 0 { SERVING } else { AGAIN };
            Some((flags | news | begun) & !CALLED)
        };
        let before = self.flags.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
        if before.is_ok_and(|flags| flags & SERVING == 0) {
            self.go_on(false);
        }
    }

    fn waiting(&self) -> u64 {
        let flags = self.flags.load(Ordering::Acquire);
        if flags & WANT_WRITE != 0 {
            return u64::MAX;
        }
        if flags & NOT_READING != 0 { 0 } else { rustix::io::ioctl_fionread(&self.socket).unwrap_or(0) }
    }
}
