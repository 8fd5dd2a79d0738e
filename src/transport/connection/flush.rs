//! Writing what a connection has queued, on whichever thread that is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::MutexGuard;
use rustix::io::Errno;

use super::{
    CLOSED, CORKED, Connection, EAGER_YIELDS, PATIENCE, WANT_WRITE, WATCHED, WATCHES_ROOM, WRITABLE, give_way,
};
use crate::transport::backlog::{Ready, Work};
use crate::transport::runtime;
use crate::transport::sink::Report;
use crate::transport::write_queue::{Pending, Shutdown, WriteQueue};

/// Bytes one connection may write before others have their turn.
const WRITE_BUDGET: usize = 4 * 1024 * 1024;

/// Who runs a flush, and so how acknowledgements travel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// An I/O thread: they are reported to the sink. What takes long is done on a thread aside.
    IoThread,
    /// A thread aside: as an I/O thread, but it does everything itself.
    Aside,
    /// The caller, who compresses nothing: they are returned to it.
    Caller,
    /// Somebody in the place of a caller who is late: what it sent is written, and all else is left for
    /// it to find when it comes.
    Deputy,
    /// The caller, who is about to go and does all that is to be done, but compresses no longer than
    /// until then.
    Last(Instant),
}

/// What a flush brought about that the caller is told, not the sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Acknowledgements that became ripe.
    pub acked: u32,
    /// As [`Report::Drained`].
    pub drained: bool,
}

impl Writer {
    /// Whether it may begin to compress something.
    fn compresses(self) -> bool {
        match self {
            Self::IoThread | Self::Aside => true,
            Self::Caller | Self::Deputy => false,
            Self::Last(until) => Instant::now() < until,
        }
    }
}

impl Connection {
    /// Writes what the kernel takes now, without waiting; returns the acknowledgements that this
    /// made ripe when the caller is to have them. Whoever finds another writer at work leaves the
    /// queue to it.
    pub fn flush(self: &Arc<Self>, writer: Writer) -> u32 {
        self.write_queue(writer).0.acked
    }

    /// As [`Self::flush`], with all that the caller is to have.
    pub fn flush_here(self: &Arc<Self>) -> Flushed {
        self.write_queue(Writer::Caller).0
    }

    /// As [`Self::flush`]; tells also whether the kernel has refused bytes of this very call.
    pub(super) fn write_queue(self: &Arc<Self>, writer: Writer) -> (Flushed, bool) {
        let (mut flushed, mut refused, mut yields) = (Flushed::default(), false, 0);
        let mut queue = self.queue.lock();
        // What was sent is on its way when the caller goes on, whoever writes it.
        while queue.deputy && writer == Writer::Caller && yields < EAGER_YIELDS {
            MutexGuard::unlocked(&mut queue, || give_way(&mut yields));
        }
        // What it has to have compressed keeps it on its list.
        queue.dirty &= writer == Writer::Deputy || writer == Writer::Caller && queue.wants_compression();
        while queue.failed.is_none() {
            let flags = self.flags.load(Ordering::Acquire);
            if flags & CORKED != 0 || writer != Writer::IoThread && flags & WANT_WRITE != 0 {
                // A deputy may have written before.
                if writer == Writer::Caller && !queue.writing {
                    flushed.acked += queue.ripe_acks();
                }
                break;
            }
            let stands_in = writer == Writer::Deputy && queue.dirty;
            if queue.writing || !(if stands_in { queue.has_output() } else { queue.has_work() }) {
                // Who takes the socket back waits for what is in work, not for all there is.
                if writer.compresses() && !self.is_closed() && self.compress(&mut queue, writer) {
                    continue;
                }
                if queue.wants_compression() && !queue.dirty {
                    self.leave_to_reactor();
                }
                break;
            }
            (queue.writing, queue.deputy) = (true, writer == Writer::Deputy);
            queue.over = queue.is_over();
            let mut taken = queue.take();
            let ending = queue.is_ending();
            let attempted = !taken.is_empty();
            let (written, error) = MutexGuard::unlocked(&mut queue, || self.write(&mut taken, ending));
            // A user's write counts as traffic even if the kernel takes nothing; what the reactor tries
            // again does not.
            if written > 0 || attempted && writer == Writer::Caller {
                self.note_activity();
            }
            // The others' turn: the reactor goes on with the rest.
            let unfinished = error.is_none() && !taken.is_empty();
            queue.settle(written, taken);
            if ending && error.is_none() && !unfinished {
                queue.shutdown = Shutdown::Done;
            }
            // The caller has its own, if it still comes to this.
            let has_caller = writer == Writer::Deputy && queue.dirty && error.is_none() && !unfinished;
            let ripe = if has_caller { 0 } else { queue.ripe_acks() };
            let mut drained = false;
            let mut failure = None;
            match error {
                None if queue.pending.is_empty() => {
                    drained = queue.over && self.flags.load(Ordering::Acquire) & WATCHED != 0;
                    queue.over = false;
                    queue.refused = false;
                }
                None => {}
                Some(Errno::AGAIN) => {
                    queue.refused = true;
                    queue.over = queue.is_over();
                }
                Some(error) => {
                    queue.failed = Some(error.raw_os_error());
                    queue.discard();
                    failure = Some(Report::WriteFailed(error.raw_os_error()));
                }
            }
            let mut reports = [None, failure];
            match writer {
                Writer::Caller | Writer::Last(_) => {
                    flushed.acked += ripe;
                    flushed.drained |= drained;
                }
                // In the order of Node's streams: the queue is empty before its writes are acknowledged.
                Writer::IoThread | Writer::Aside | Writer::Deputy => {
                    let acked = (ripe > 0).then_some(Report::Acked(ripe));
                    reports = if drained { [Some(Report::Drained), acked] } else { [acked, failure] };
                }
            }
            // Still writing: who closes finds that all that was written has been told of.
            MutexGuard::unlocked(&mut queue, || self.report(reports));
            (queue.writing, queue.deputy) = (false, false);
            // Not before: the reactor leaves the queue to whoever is writing.
            if error == Some(Errno::AGAIN) {
                self.leave_to_reactor();
                refused = true;
                break;
            }
            if unfinished {
                self.leave_to_reactor();
                break;
            }
        }
        (flushed, refused)
    }

    /// The reactor is to go on with the queue.
    fn leave_to_reactor(&self) {
        let before = self.flags.fetch_or(WANT_WRITE | WATCHES_ROOM, Ordering::AcqRel);
        if before & WATCHES_ROOM == 0 && self.registration.watch_room(&self.socket).is_err() {
            self.flags.fetch_and(!WATCHES_ROOM, Ordering::AcqRel);
            self.raise(WRITABLE);
        }
        // A borrower may be busy with something else when there is room.
        self.registration.relieve();
        self.call();
    }

    /// Compresses what is next, if that is to be done here and nobody does it; tells whether it has.
    fn compress(self: &Arc<Self>, queue: &mut MutexGuard<'_, WriteQueue>, writer: Writer) -> bool {
        let Some(mut work) = queue.take_work() else { return false };
        if writer == Writer::IoThread && work.is_large() {
            let connection = Arc::clone(self);
            MutexGuard::unlocked(queue, || {
                runtime::spawn_aside(move || {
                    let ready = catch_unwind(AssertUnwindSafe(|| work.run())).ok();
                    let done = connection.put_back(&mut connection.queue.lock(), work, ready);
                    if done {
                        connection.flush(Writer::Aside);
                    }
                });
            });
            return false;
        }
        let ready = MutexGuard::unlocked(queue, || catch_unwind(AssertUnwindSafe(|| work.run())).ok());
        self.put_back(queue, work, ready)
    }

    /// The work has been done, or has failed; tells whether the queue goes on.
    fn put_back(&self, queue: &mut MutexGuard<'_, WriteQueue>, work: Work, ready: Option<Ready>) -> bool {
        if queue.failed.is_some() {
            return false;
        }
        if let Some(ready) = ready {
            queue.compressed(work, ready);
        } else {
            // What the peer would get is not what was sent: it gets no more.
            queue.failed = Some(Errno::IO.raw_os_error());
            queue.discard();
            let report = Report::WriteFailed(Errno::IO.raw_os_error());
            MutexGuard::unlocked(queue, || self.report([Some(report), None]));
        }
        true
    }

    /// Writes and, when all has gone, ends the stream if that is asked for.
    fn write(&self, taken: &mut Pending, ending: bool) -> (usize, Option<Errno>) {
        let descriptor = &self.socket;
        let (written, mut error) = taken.write_with(WRITE_BUDGET, |slices| match slices {
            [slice] => rustix::io::write(descriptor, slice),
            slices => rustix::io::writev(descriptor, slices),
        });
        if ending && error.is_none() && taken.is_empty() {
            // ENOTCONN: the peer was faster; the end is what was wanted.
            error = rustix::net::shutdown(descriptor, rustix::net::Shutdown::Write)
                .err()
                .filter(|error| *error != Errno::NOTCONN);
        }
        (written, error)
    }

    /// As [`Self::flush`] by the caller, for those who must know that no byte is in a writer's
    /// hands when it returns: before the process goes, and before the descriptor does.
    pub fn flush_now(self: &Arc<Self>, writer: Writer) -> u32 {
        let mut acked = self.flush(writer);
        let (until, mut yields) = (Instant::now() + PATIENCE, 0);
        while Instant::now() < until {
            let queue = self.queue.lock();
            let in_work = queue.is_compressing() && !queue.wants_compression();
            if queue.writing || writer.compresses() && in_work {
                drop(queue);
                give_way(&mut yields);
                continue;
            }
            // Somebody else may have done a part of it. What the kernel refuses is not waited for.
            let stuck = self.flags.load(Ordering::Acquire) & (WANT_WRITE | CORKED | CLOSED) != 0;
            if !writer.compresses() || stuck || !queue.wants_compression() || queue.failed.is_some() {
                break;
            }
            drop(queue);
            acked += self.flush(writer);
        }
        acked + self.flush(writer)
    }
}
