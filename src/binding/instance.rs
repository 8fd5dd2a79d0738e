//! What one instance of `lib/engine/instance.js` has on this side: its connections, its mailbox and its
//! outbox. Lives on the JavaScript thread.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;

use super::batch::{Batch, Filled, Record};
use super::borrow::Borrower;
use super::codec::{Codec, Prepared};
use super::engine::ConnectionOptions;
use super::mailbox::Mailbox;
use super::masks::Masks;
use super::wire::answer::{COMPRESSION_DUE, DECODING, FLUSH_DUE, NO_CONNECTION, OUTPUT_DUE, OUTPUT_OVERDUE};
use super::wire::{Kind, SLOT_BITS, SLOT_MASK, send};
use crate::protocol::{Limits, Progress, encoder};
use crate::transport::backlog::{Job, Plain};
use crate::transport::connection::{Connection, Flushed};
use crate::transport::listener::Listener;
use crate::transport::outbox::Outbox;
use crate::transport::pool::Pooled;
use crate::transport::sink::EventSink;
use crate::transport::write_queue::{Appended, OWN_SEGMENT, Pending};

/// How the bytes of a connection travel.
enum Entry {
    Vacant,
    /// By the I/O threads.
    Adopted(Arc<Connection>),
    /// By a stream that JavaScript keeps.
    Stream(Box<Codec>),
    /// None travel: connections are made here.
    Listener(Arc<Listener>),
}

struct Slot {
    generation: u32,
    entry: Entry,
}

/// A large frame that may go to several connections in a row: encoded once, queued by reference.
struct LastFrame {
    flags: u32,
    frame: Bytes,
    header: usize,
}

/// A message to be compressed that may go to several connections in a row.
struct LastPlain {
    flags: u32,
    plain: Arc<Plain>,
}

/// The state of one `lib/engine/instance.js`.
pub struct Instance {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    /// Events from the I/O threads.
    pub mailbox: Arc<Mailbox>,
    /// Connections to be flushed.
    pub outbox: Arc<Outbox>,
    /// The batch being handed out.
    current: Batch,
    masks: Masks,
    last_frame: Option<LastFrame>,
    last_plain: Option<LastPlain>,
    /// Bytes held for JavaScript of which its garbage collector has been told.
    reported: usize,
    /// What visitors are admitted with.
    preset: Option<ConnectionOptions>,
    /// Admitted since the last flush, and to be started by the next: one call to the I/O threads
    /// for all of them.
    starting: Vec<Arc<Connection>>,
    /// No other thread of JavaScript's outlives this one.
    pub is_main: bool,
    /// Where the event loop can read itself.
    pub borrower: Option<Rc<Borrower>>,
}

/// Why a visitor is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are too many connections.
    Full,
    /// There is no visitor of this number, or no word of how to admit him.
    Nobody,
}

/// A change of less than this is not worth telling the garbage collector of.
const WORTH_REPORTING: usize = 1024 * 1024;

impl Instance {
    /// An instance without connections.
    #[must_use]
    pub fn new(mailbox: Arc<Mailbox>, is_main: bool) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            mailbox,
            outbox: Outbox::new(),
            current: Batch::default(),
            masks: Masks::default(),
            last_frame: None,
            last_plain: None,
            reported: 0,
            preset: None,
            starting: Vec::new(),
            is_main,
            borrower: None,
        }
    }

    /// How much more (or less) is held for JavaScript than was said the last time, when that is
    /// worth telling.
    pub fn change_of_held(&mut self) -> Option<i64> {
        let held = self.current.held();
        let change = held.abs_diff(self.reported);
        if change < WORTH_REPORTING {
            return None;
        }
        let change = i64::try_from(change).ok()?;
        let change = if held < self.reported { -change } else { change };
        self.reported = held;
        Some(change)
    }

    /// A number for a new connection: its slot, and how often that has been used, so that a late
    /// record of its predecessor is not taken for one of its own. `None` when there are too many.
    pub fn reserve(&mut self) -> Option<u32> {
        let slot = if let Some(slot) = self.vacant.pop() {
            slot
        } else {
            let slot = u32::try_from(self.slots.len()).ok().filter(|slot| *slot <= SLOT_MASK)?;
            self.slots.push(Slot { generation: 0, entry: Entry::Vacant });
            slot
        };
        let generation = self.slots[slot as usize].generation;
        Some(slot | generation << SLOT_BITS)
    }

    fn slot(&mut self, id: u32) -> Option<&mut Slot> {
        self.slots.get_mut((id & SLOT_MASK) as usize).filter(|slot| slot.generation == id >> SLOT_BITS)
    }

    fn set(&mut self, id: u32, entry: Entry) {
        if let Some(slot) = self.slot(id) {
            slot.entry = entry;
        }
    }

    /// Registers an adopted socket.
    pub fn set_adopted(&mut self, id: u32, connection: Arc<Connection>) {
        self.set(id, Entry::Adopted(connection));
    }

    /// Registers a stream.
    pub fn set_stream(&mut self, id: u32, codec: Codec) {
        self.set(id, Entry::Stream(Box::new(codec)));
    }

    /// Registers a listener.
    pub fn set_listener(&mut self, id: u32, listener: Arc<Listener>) {
        self.set(id, Entry::Listener(listener));
    }

    /// The listener of this number.
    pub fn listener(&mut self, id: u32) -> Option<Arc<Listener>> {
        match &self.slot(id)?.entry {
            Entry::Listener(listener) => Some(Arc::clone(listener)),
            _ => None,
        }
    }

    /// What visitors are admitted with from now on.
    pub fn set_preset(&mut self, options: ConnectionOptions) {
        self.preset = Some(options);
    }

    /// Makes a connection of a visitor, which reads from the next [`Self::flush`] on.
    ///
    /// # Errors
    /// When there is no number for it, or no such visitor.
    pub fn admit(&mut self, listener: u32, visitor: u32) -> Result<Arc<Connection>, Refusal> {
        let options = self.preset.as_ref().ok_or(Refusal::Nobody)?;
        let (decoder, compression) = (options.decoder(), options.compression());
        let id = self.reserve().ok_or(Refusal::Full)?;
        let Some(visitor) = self.listener(listener).and_then(|listener| listener.take(visitor)) else {
            self.free(id);
            return Err(Refusal::Nobody);
        };
        let sink = Arc::clone(&self.mailbox) as Arc<dyn EventSink>;
        let connection = visitor.admit(id, decoder, compression, sink);
        self.set_adopted(id, Arc::clone(&connection));
        self.starting.push(Arc::clone(&connection));
        Ok(connection)
    }

    /// Starts whoever has been admitted. To be called also before anything that has a say in whether
    /// a connection reads.
    pub fn start_admitted(&mut self) {
        for connection in self.starting.drain(..) {
            connection.start();
        }
    }

    /// Gives a number back.
    pub fn free(&mut self, id: u32) {
        if let Some(slot) = self.slot(id) {
            slot.entry = Entry::Vacant;
            slot.generation = (slot.generation + 1) & (u32::MAX >> SLOT_BITS);
            self.vacant.push(id & SLOT_MASK);
        }
    }

    /// The adopted connection of this number.
    pub fn adopted(&mut self, id: u32) -> Option<Arc<Connection>> {
        match &self.slot(id)?.entry {
            Entry::Adopted(connection) => Some(Arc::clone(connection)),
            _ => None,
        }
    }

    /// The stream of this number.
    pub fn stream(&mut self, id: u32) -> Option<&mut Codec> {
        match &mut self.slot(id)?.entry {
            Entry::Stream(codec) => Some(codec),
            _ => None,
        }
    }

    /// Changes the limits of a connection.
    pub fn limit(&mut self, id: u32, limits: Limits) {
        match self.slot(id).map(|slot| &mut slot.entry) {
            Some(Entry::Adopted(connection)) => {
                connection.with_decoder(|decoder| *decoder.limits_mut() = limits);
            }
            Some(Entry::Stream(codec)) => codec.limit(limits),
            _ => {}
        }
    }

    /// What a connection has of a message whose end has not come.
    pub fn progress(&mut self, id: u32) -> Option<Progress> {
        match &self.slot(id)?.entry {
            Entry::Adopted(connection) => Some(connection.with_decoder(|decoder| decoder.progress())),
            Entry::Stream(codec) => Some(codec.progress()),
            _ => None,
        }
    }

    /// How many acknowledgements are owed for messages that are being compressed, or wait behind
    /// one, and how many bytes those have.
    pub fn compressing(&mut self, id: u32) -> (u32, u64) {
        match self.slot(id).map(|slot| &slot.entry) {
            Some(Entry::Adopted(connection)) => connection.compressing(),
            Some(Entry::Stream(codec)) => (codec.queue.compressing_acks(), codec.queue.compressing()),
            _ => (0, 0),
        }
    }

    /// Gives up the socket of an adopted connection. Returns whether records of it may still be on
    /// their way to JavaScript, or `collected`, which says that JavaScript has some in hand; if so,
    /// [`Kind::Gone`] follows them.
    pub fn close(&mut self, id: u32, collected: bool) -> bool {
        let Some(connection) = self.adopted(id) else { return false };
        connection.close();
        // The peer sees the end when nobody has the socket any more.
        self.outbox.forget(&connection);
        self.starting.retain(|other| !Arc::ptr_eq(other, &connection));
        self.set(id, Entry::Vacant);
        self.mark_end(&connection, collected)
    }

    fn mark_end(&mut self, connection: &Connection, collected: bool) -> bool {
        let waiting = collected || self.mailbox.may_hold(connection, !self.current.is_empty());
        if waiting {
            self.mailbox.push(Record::bare(connection.id(), Kind::Gone, 0));
        }
        waiting
    }

    /// Makes a stream of an adopted connection: from here on JavaScript reads and writes the
    /// socket. What is in the mailbox comes first; the result is that of [`Self::close`].
    pub fn release(&mut self, id: u32, collected: bool) -> bool {
        self.start_admitted();
        let Some(connection) = self.adopted(id) else { return false };
        let (decoder, queue) = connection.release();
        self.outbox.forget(&connection);
        self.set_stream(id, Codec::new(decoder, queue, connection.compression()));
        self.mark_end(&connection, collected)
    }

    /// Hands out records of the mailbox.
    pub fn drain(&mut self, words: &mut [u32], slab: &mut [u8], offset: usize) -> Filled {
        if self.current.is_empty() && !self.mailbox.collect(&mut self.current) {
            return Filled::Records(0, offset);
        }
        let filled = self.current.fill(words, slab, offset);
        if let (Filled::Records(count, end), Some(borrower)) = (&filled, &self.borrower) {
            borrower.note(*count, end.saturating_sub(offset) + self.current.held());
        }
        filled
    }

    /// The next message of the mailbox's batch (`id` 0), or of a stream, that has its own buffer.
    pub fn take_large(&mut self, id: Option<u32>) -> Option<Vec<u8>> {
        match id {
            None => self.current.take_large(),
            Some(id) => self.stream(id)?.take_large(),
        }
    }

    /// The key to mask a frame with, if it is to be masked.
    ///
    /// # Errors
    /// See [`Masks::draw`].
    pub fn mask(&mut self, flags: u32, given: u32) -> Result<Option<[u8; 4]>, getrandom::Error> {
        if flags & send::GIVEN_MASK != 0 {
            Ok(Some(given.to_be_bytes()))
        } else if flags & send::MASK != 0 {
            self.masks.draw().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Queues what `append` puts into the queue of a connection.
    pub fn queue<A: Into<Appended>>(
        &mut self,
        id: u32,
        flags: u32,
        append: impl FnOnce(&mut Pending) -> A,
    ) -> u32 {
        let acknowledge = flags & send::ACK != 0;
        let slot = (id & SLOT_MASK) as usize;
        match self.slots.get_mut(slot) {
            Some(Slot { generation, entry }) if *generation == id >> SLOT_BITS => match entry {
                Entry::Vacant | Entry::Listener(_) => NO_CONNECTION,
                Entry::Adopted(connection) => {
                    if connection.enqueue(acknowledge, append) && self.outbox.add(connection) {
                        FLUSH_DUE
                    } else {
                        0
                    }
                }
                Entry::Stream(codec) => {
                    let empty = codec.queue.buffered() == 0;
                    let compressing = codec.queue.is_compressing();
                    codec.queue.append(acknowledge && compressing, append);
                    // Its user may look at the stream to know how much is queued.
                    if !compressing && codec.queue.mark.is_reached(codec.queue.buffered()) {
                        OUTPUT_OVERDUE
                    } else if empty {
                        OUTPUT_DUE
                    } else {
                        0
                    }
                }
            },
            _ => NO_CONNECTION,
        }
    }

    /// Queues a frame with this payload; for `in_parts` see [`Appended`].
    pub fn send(
        &mut self,
        id: u32,
        flags: u32,
        mask: Option<[u8; 4]>,
        payload: &[u8],
        in_parts: bool,
    ) -> u32 {
        let (opcode, fin, rsv1) = opcode_of(flags);
        if payload.len() < OWN_SEGMENT {
            return self.queue(id, flags, |pending| {
                let tail = pending.tail();
                let before = tail.len();
                encoder::frame(tail, opcode, fin, rsv1, mask, payload);
                Appended { bytes: tail.len() - before, payload: payload.len(), in_parts }
            });
        }
        let segment = match &self.last_frame {
            Some(last)
                if mask.is_none()
                    && last.flags == flags & !send::ACK
                    && last.frame[last.header..] == *payload =>
            {
                last.frame.clone()
            }
            _ => {
                let frame = Pooled::filled(encoder::MAX_HEADER + payload.len(), |frame| {
                    encoder::frame(frame, opcode, fin, rsv1, mask, payload);
                });
                self.remember(id, flags, Bytes::from_owner(frame), payload.len())
            }
        };
        self.queue(id, flags, |pending| {
            let bytes = segment.len();
            pending.push(segment);
            Appended { bytes, payload: payload.len(), in_parts }
        })
    }

    /// Queues a frame whose payload is to be compressed. One that goes to several connections in a
    /// row is compressed once for all of them.
    pub fn compress(&mut self, id: u32, flags: u32, mask: Option<[u8; 4]>, payload: Cow<'_, [u8]>) -> u32 {
        let (opcode, fin, rsv1) = opcode_of(flags);
        let kind = flags & !send::ACK;
        let plain = match &self.last_plain {
            Some(last) if mask.is_none() && last.flags == kind && last.plain.bytes() == &*payload => {
                last.plain.share();
                Arc::clone(&last.plain)
            }
            _ => Arc::new(Plain::new(payload.into_owned(), opcode, fin, rsv1)),
        };
        let acknowledge = flags & send::ACK != 0;
        let Some(slot) = self.slot(id) else { return NO_CONNECTION };
        match &mut slot.entry {
            Entry::Vacant | Entry::Listener(_) => NO_CONNECTION,
            Entry::Stream(codec) => {
                let due = if codec.queue.is_compressing() { 0 } else { COMPRESSION_DUE };
                if let Some(options) = codec.compression {
                    codec.queue.compress(options, Job { plain, mask, acknowledge });
                }
                due
            }
            Entry::Adopted(connection) => {
                let connection = Arc::clone(connection);
                let job = Job { plain: Arc::clone(&plain), mask, acknowledge };
                if mask.is_none() {
                    self.last_plain = Some(LastPlain { flags: kind, plain });
                }
                if connection.enqueue_job(job) && self.outbox.add(&connection) { FLUSH_DUE } else { 0 }
            }
        }
    }

    /// Decodes a chunk of a stream: here, or by another thread if it takes long and `aside` allows
    /// that. Returns [`DECODING`] then.
    pub fn feed(&mut self, id: u32, bytes: &[u8], aside: bool) -> u32 {
        let Some(codec) = self.stream(id) else { return NO_CONNECTION };
        if !aside || !codec.is_heavy_with(bytes) {
            codec.feed(id, bytes);
            return 0;
        }
        let done = self.tell(id, Kind::Decoded);
        if let Some(codec) = self.stream(id) {
            codec.feed_aside(bytes, done);
        }
        DECODING
    }

    /// Makes ready what a stream has to write, as [`Codec::prepare`] does, and returns how many bytes
    /// those are. [`Kind::Compressed`] tells when more can be made ready, [`Kind::WriteFailed`] that
    /// this has failed.
    pub fn prepare(&mut self, id: u32, compress: bool) -> Option<u64> {
        let done = self.tell(id, Kind::Compressed);
        let Prepared { ready, failed } = self.stream(id)?.prepare(compress, done);
        if failed {
            let errno = Errno::IO.raw_os_error().cast_unsigned();
            self.mailbox.push(Record::bare(id, Kind::WriteFailed, errno));
        }
        Some(ready)
    }

    /// What a thread does when it has done something for a stream.
    fn tell(&self, id: u32, kind: Kind) -> impl FnOnce() + Send + 'static {
        let mailbox = Arc::clone(&self.mailbox);
        move || mailbox.push(Record::bare(id, kind, 0))
    }

    /// Queues a frame that is complete already.
    pub fn send_frame(&mut self, id: u32, flags: u32, frame: Bytes) -> u32 {
        self.queue(id, flags, |pending| {
            let count = frame.len();
            pending.push(frame);
            count
        })
    }

    /// Keeps a frame that the next connection may be sent as well. A flush, which follows what is
    /// queued for adopted connections only, forgets it.
    fn remember(&mut self, id: u32, flags: u32, frame: Bytes, payload: usize) -> Bytes {
        if flags & (send::MASK | send::GIVEN_MASK) == 0 && self.adopted(id).is_some() {
            let header = frame.len() - payload;
            self.last_frame = Some(LastFrame { flags: flags & !send::ACK, frame: frame.clone(), header });
        }
        frame
    }

    /// Flushes what is due; `tell` learns what became of connections flushed here.
    pub fn flush(&mut self, tell: impl FnMut(&Connection, Flushed)) {
        self.start_admitted();
        self.last_frame = None;
        self.last_plain = None;
        self.outbox.flush(tell);
    }

    /// Every adopted connection.
    pub fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.slots.iter().filter_map(|slot| match &slot.entry {
            Entry::Adopted(connection) => Some(connection),
            _ => None,
        })
    }

    /// The environment goes: nothing is delivered any more, and every connection ends, having
    /// written what the kernel takes.
    pub fn tear_down(&mut self) {
        self.mailbox.close();
        self.outbox.close();
        for connection in self.connections() {
            connection.close();
        }
        for slot in &self.slots {
            if let Entry::Listener(listener) = &slot.entry {
                listener.close();
            }
        }
        self.starting = Vec::new();
        self.borrower = None;
        self.slots = Vec::new();
        self.vacant = Vec::new();
        self.last_frame = None;
        self.last_plain = None;
    }
}

/// Opcode, FIN and RSV1 of a send's flags.
#[must_use]
pub fn opcode_of(flags: u32) -> (u8, bool, bool) {
    ((flags & 0xf) as u8, flags & send::FIN != 0, flags & send::RSV1 != 0)
}
