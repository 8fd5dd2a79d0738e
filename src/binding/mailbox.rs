//! The events of one environment between the I/O threads and JavaScript.
//!
//! The first event into an empty mailbox rings the doorbell, once; JavaScript then empties it until
//! it finds nothing. What it holds is bounded: a connection that has more than its share in it, or
//! any connection while the whole is full, is not read until JavaScript has been there. Events
//! that are no frames (ends, failures, acknowledgements) are small, few, and never refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::batch::{Batch, Record};
use super::wire::Kind;
use crate::protocol::Event;
use crate::transport::connection::Connection;
use crate::transport::sink::{EventSink, Report};

/// Bytes the mailbox holds before nobody is read any more.
const WHOLE: usize = 16 * 1024 * 1024;

/// Bytes of one connection before that connection is not read any more.
const SHARE: u32 = 256 * 1024;

/// What a record counts beside its payload, so that empty messages are bounded too.
const RECORD_COST: u32 = 24;

/// Wakes JavaScript. Called at most once between two visits.
pub type Doorbell = Box<dyn Fn() + Send + Sync>;

struct Inner {
    staged: Batch,
    /// What `staged` counts against [`WHOLE`].
    cost: usize,
    /// Connections whose share is not zero; some of them wait. Weak, since a connection that is
    /// closed must not keep its socket open until JavaScript comes.
    sharing: Vec<Weak<Connection>>,
    /// Counts the batches that were collected.
    epoch: u32,
    rung: bool,
    closed: bool,
}

/// The mailbox of one environment.
pub struct Mailbox {
    inner: Mutex<Inner>,
    doorbell: Doorbell,
    full: AtomicBool,
}

impl Mailbox {
    /// An empty mailbox.
    #[must_use]
    pub fn new(doorbell: Doorbell) -> Self {
        Self {
            inner: Mutex::new(Inner {
                staged: Batch::default(),
                cost: 0,
                sharing: Vec::new(),
                epoch: 2,
                rung: false,
                closed: false,
            }),
            doorbell,
            full: AtomicBool::new(false),
        }
    }

    /// Exchanges what has gathered for `emptied`, a batch that has been handed out. Returns whether
    /// there is anything; if not, the next event rings.
    pub fn collect(&self, emptied: &mut Batch) -> bool {
        emptied.clear();
        let mut inner = self.inner.lock();
        if inner.staged.is_empty() {
            inner.rung = false;
            return false;
        }
        std::mem::swap(&mut inner.staged, emptied);
        inner.cost = 0;
        inner.epoch = inner.epoch.wrapping_add(1);
        self.full.store(false, Ordering::Relaxed);
        for connection in inner.sharing.drain(..).filter_map(|weak| weak.upgrade()) {
            connection.share().store(0, Ordering::Relaxed);
            connection.unblock();
        }
        true
    }

    /// Whether records of this connection may wait, here or in the batch that was collected last,
    /// of which `rest` says whether there is any left.
    #[must_use]
    pub fn may_hold(&self, connection: &Connection, rest: bool) -> bool {
        let inner = self.inner.lock();
        let noted = connection.noted().load(Ordering::Relaxed);
        noted == inner.epoch || rest && noted.wrapping_add(1) == inner.epoch
    }

    /// Appends a record.
    pub fn push(&self, record: Record) {
        let mut inner = self.inner.lock();
        inner.staged.push(record);
        self.ring(&mut inner);
    }

    /// Appends a record with a payload.
    pub fn push_parts(&self, record: Record, parts: &[&[u8]]) {
        let mut inner = self.inner.lock();
        if !inner.closed {
            inner.staged.push_parts(record, parts);
            self.ring(&mut inner);
        }
    }

    /// Ends deliveries for good: the doorbell is silent when this returns.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.staged = Batch::default();
        inner.sharing = Vec::new();
    }

    fn ring(&self, inner: &mut Inner) {
        if !inner.closed && !std::mem::replace(&mut inner.rung, true) {
            (self.doorbell)();
        }
    }
}

impl EventSink for Mailbox {
    fn publish(&self, connection: &Arc<Connection>, chunk: &[u8], events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let records = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let mut inner = self.inner.lock();
        if inner.closed {
            events.clear();
            return;
        }
        let bytes = inner.staged.extend(connection.id(), chunk, events);
        let cost =
            u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(records.saturating_mul(RECORD_COST));
        inner.cost += cost as usize;
        let before = connection.share().load(Ordering::Relaxed);
        let share = before.saturating_add(cost);
        connection.share().store(share, Ordering::Relaxed);
        if before == 0 && share > 0 {
            inner.sharing.push(Arc::downgrade(connection));
        }
        connection.noted().store(inner.epoch, Ordering::Relaxed);
        if share >= SHARE || inner.cost >= WHOLE {
            connection.block();
        }
        if inner.cost >= WHOLE {
            self.full.store(true, Ordering::Relaxed);
        }
    }

    fn wake(&self) {
        let mut inner = self.inner.lock();
        if !inner.staged.is_empty() {
            self.ring(&mut inner);
        }
    }

    fn refuses(&self, connection: &Arc<Connection>) -> bool {
        if !self.full.load(Ordering::Relaxed) {
            return false;
        }
        let mut inner = self.inner.lock();
        if inner.cost < WHOLE || inner.closed {
            return false;
        }
        connection.block();
        if connection.share().swap(1, Ordering::Relaxed) == 0 {
            inner.sharing.push(Arc::downgrade(connection));
        }
        true
    }

    fn report(&self, connection: &Connection, report: Report) {
        let (kind, parameter) = match report {
            Report::Eof => (Kind::Eof, 0),
            Report::ReadFailed(errno) => (Kind::ReadFailed, errno.cast_unsigned()),
            Report::WriteFailed(errno) => (Kind::WriteFailed, errno.cast_unsigned()),
            Report::Acked(count) => (Kind::Acked, count),
            Report::Drained => (Kind::Drained, 0),
        };
        let mut inner = self.inner.lock();
        connection.noted().store(inner.epoch, Ordering::Relaxed);
        inner.staged.push(Record::bare(connection.id(), kind, parameter));
        self.ring(&mut inner);
    }
}
