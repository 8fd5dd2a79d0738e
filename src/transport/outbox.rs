//! The connections of one environment that have something to write.
//!
//! Normally the environment's own thread flushes them at the end of a batch. When it does not come
//! in time, because it is busy with something else, an I/O thread does: bytes that were sent are on
//! their way, whatever JavaScript does next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::bell;
use super::connection::{Connection, Flushed, Writer};
use super::pool;
use super::reactor::Reactor;
use super::runtime;
use super::tails;

/// So many connections the caller's own thread writes itself: up to here that is cheaper than
/// waking an I/O thread.
const WRITE_HERE: usize = 2;

/// So many where it also reads.
const WRITE_HERE_TOO: usize = 16;

/// So many connections are handed to the I/O threads before the flush: they write while the caller
/// goes on sending.
const HAND_OVER: usize = 32;

/// How long a flush may be in coming.
const GRACE: Duration = Duration::from_millis(1);

/// The same on a single core, where every look for it stops those who are at work.
const GRACE_OF_ONE_CORE: Duration = Duration::from_millis(5);

/// After so many idle rounds the watchman sleeps until he is called.
const IDLE_ROUNDS: u32 = 20;

/// So long those who borrow the reactors may be busy with something else. Somebody has sent before
/// that, and the peers may answer.
const BUSY: Duration = Duration::from_millis(10);

/// Connections an I/O thread flushes before others have their turn.
const FLUSHES_PER_TURN: usize = 32;

#[derive(Default)]
struct Dirty {
    list: Vec<Arc<Connection>>,
    /// Counts the times the list was taken.
    round: u64,
    /// The watchman sleeps.
    asleep: bool,
    closed: bool,
}

/// The list, and the watchman's bell.
#[derive(Default)]
pub struct Outbox {
    dirty: Mutex<Dirty>,
    bell: Notify,
}

impl Outbox {
    /// An empty outbox with a watchman of its own.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let outbox = Arc::new(Self::default());
        if let Some(runtime) = runtime::runtime() {
            runtime.spawn(watch(Arc::downgrade(&outbox)));
        }
        outbox
    }

    /// Puts a connection on the list; [`Connection::enqueue`] tells when that is due. Returns
    /// whether it is the first, so that somebody has to see to the flush.
    pub fn add(&self, connection: &Arc<Connection>) -> bool {
        let mut dirty = self.dirty.lock();
        dirty.list.push(Arc::clone(connection));
        if std::mem::take(&mut dirty.asleep) {
            self.bell.notify_one();
        }
        let first = dirty.list.len() == 1;
        if dirty.list.len() >= HAND_OVER && dirty.list.len() > write_here() {
            dirty.round += 1;
            let list = std::mem::replace(&mut dirty.list, Vec::with_capacity(HAND_OVER));
            drop(dirty);
            hand_over(list);
        }
        first
    }

    /// Nobody waits for the flush of this connection any more.
    pub fn forget(&self, connection: &Arc<Connection>) {
        let mut dirty = self.dirty.lock();
        if dirty.list.len() < HAND_OVER {
            dirty.list.retain(|other| !Arc::ptr_eq(other, connection));
        }
    }

    fn take(&self) -> Vec<Arc<Connection>> {
        let mut dirty = self.dirty.lock();
        dirty.round += 1;
        std::mem::take(&mut dirty.list)
    }

    /// Flushes: a few connections right here, many on the I/O threads. `tell` learns what
    /// became of those flushed here.
    pub fn flush(&self, mut tell: impl FnMut(&Connection, Flushed)) {
        let list = self.take();
        if list.len() <= write_here() {
            let (there, here): (Vec<_>, Vec<_>) =
                list.into_iter().partition(|connection| connection.stays_listed());
            hand_over(there);
            for connection in here {
                let flushed = connection.flush_here();
                if flushed != Flushed::default() {
                    tell(&connection, flushed);
                }
            }
        } else {
            hand_over(list);
        }
    }

    /// Sends the watchman away: nobody is flushed any more.
    pub fn close(&self) {
        let mut dirty = self.dirty.lock();
        dirty.closed = true;
        dirty.list = Vec::new();
        drop(dirty);
        self.bell.notify_one();
    }

    /// One round of the watchman: the connections of a list that has been waiting since the round
    /// before, and whether he may sleep.
    fn inspect(&self, seen: &mut u64, idle: &mut u32) -> (Late, bool) {
        let mut dirty = self.dirty.lock();
        if dirty.list.is_empty() {
            *idle += 1;
            dirty.asleep = *idle > IDLE_ROUNDS;
            return (Late::Nobody, dirty.asleep);
        }
        *idle = 0;
        if dirty.round != *seen {
            *seen = dirty.round;
            return (Late::Nobody, false);
        }
        if runtime::is_lent() && dirty.list.len() < HAND_OVER {
            return (Late::Few(dirty.list.clone()), false);
        }
        dirty.round += 1;
        (Late::Many(std::mem::take(&mut dirty.list)), false)
    }
}

/// Those whose flush is late.
enum Late {
    Nobody,
    /// Of one who reads as well. They stay on their list, for all that follows from a write is his.
    Few(Vec<Arc<Connection>>),
    Many(Vec<Arc<Connection>>),
}

impl Late {
    fn flush(self) {
        match self {
            Self::Nobody => {}
            Self::Few(list) => {
                let (there, here): (Vec<_>, Vec<_>) =
                    list.into_iter().partition(|connection| connection.wants_compression());
                hand_over(there);
                for connection in here {
                    let _ = catch_unwind(AssertUnwindSafe(|| connection.flush(Writer::Deputy)));
                }
            }
            Self::Many(list) => hand_over(list),
        }
    }
}

/// How many connections the caller's own thread writes itself now.
fn write_here() -> usize {
    match (runtime::is_lent(), runtime::cores()) {
        (false, _) => WRITE_HERE,
        // There is no other that could do it meanwhile.
        (true, 1) => usize::MAX,
        (true, _) => WRITE_HERE_TOO,
    }
}

/// Lets the I/O threads flush `list`, each its part.
fn hand_over(mut list: Vec<Arc<Connection>>) {
    let part = list.len().div_ceil(runtime::threads());
    for reactor in runtime::reactors_in_turn().take(list.len()) {
        if list.is_empty() {
            return;
        }
        let rest = list.split_off(part.min(list.len()));
        let mut part = std::mem::replace(&mut list, rest).into_iter();
        reactor.run(Box::new(move || {
            for connection in part.by_ref().take(FLUSHES_PER_TURN) {
                // A panic costs the others nothing.
                let _ = catch_unwind(AssertUnwindSafe(|| connection.flush(Writer::IoThread)));
                bell::wake_overdue();
            }
            part.len() > 0
        }));
    }
}

async fn watch(outbox: Weak<Outbox>) {
    let grace = if runtime::cores() > 1 { GRACE } else { GRACE_OF_ONE_CORE };
    let (mut seen, mut idle) = (u64::MAX, 0);
    let (mut visits, mut busy) = (runtime::visits(), Duration::ZERO);
    loop {
        tokio::time::sleep(grace).await;
        let Some(outbox) = outbox.upgrade() else { return };
        let (late, asleep) = outbox.inspect(&mut seen, &mut idle);
        late.flush();
        let before = std::mem::replace(&mut visits, runtime::visits());
        busy = if visits == before { busy + grace } else { Duration::ZERO };
        if busy >= BUSY {
            busy = Duration::ZERO;
            runtime::reactors().for_each(Reactor::overtake);
        }
        if asleep {
            pool::clear();
            tails::clear();
            outbox.bell.notified().await;
            (seen, idle) = (u64::MAX, 0);
            (visits, busy) = (runtime::visits(), Duration::ZERO);
        }
        if outbox.dirty.lock().closed {
            return;
        }
    }
}
