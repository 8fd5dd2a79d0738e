//! Watches the sockets of an I/O thread, and serves those that have become ready.
//!
//! A reactor is one task of the runtime, with an epoll set (or a kqueue) of its own: a task and a
//! registration with the runtime for each socket would take several cache lines of every idle
//! connection, and visit all of them for every message.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Registry, Token};
use parking_lot::Mutex;
use slab::Slab;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Runtime;

use super::bell;
use super::runtime;

/// Sockets that have become ready, and as many that were called, are served before the other tasks
/// of the thread have their turn.
const EVENTS: usize = 64;

/// How long a thread looks for more before it sleeps, when it has slept little lately: to be woken
/// takes longer than most of what it would be woken for.
const LINGER: Duration = Duration::from_micros(20);

/// A sleep that is not longer than this was hardly worth it.
const BRIEF: Duration = Duration::from_micros(60);

/// What has been seen of a socket since it was served last. Edges, not levels: whoever is told
/// remembers it until the kernel refuses him.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// There is something to read, or an error to be met by reading.
    pub readable: bool,
    /// There is room, or an error to be met by writing.
    pub writable: bool,
    /// The peer has ended its side, or the connection is broken: nothing will tell so again.
    pub hung_up: bool,
}

impl Readiness {
    fn of(event: &Event) -> Self {
        let broken = event.is_error();
        let hung_up = event.is_read_closed() || broken;
        Self {
            readable: event.is_readable() || hung_up,
            writable: event.is_writable() || event.is_write_closed() || broken,
            hung_up,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            hung_up: self.hung_up || other.hung_up,
        }
    }
}

/// Who is served by a reactor.
pub trait Watched: Send + Sync + 'static {
    /// The socket has become ready, or somebody has called.
    fn serve(self: Arc<Self>, ready: Readiness);
}

/// Work to be done in parts: does one, and tells whether there is more.
pub type Errand = Box<dyn FnMut() -> bool + Send>;

#[derive(Default)]
struct Calls {
    slots: VecDeque<u32>,
    errands: VecDeque<Errand>,
}

/// The sockets of one I/O thread.
pub struct Reactor {
    registry: Registry,
    slots: Mutex<Slab<Arc<dyn Watched>>>,
    calls: Mutex<Calls>,
    /// The task knows that it has to look at the calls.
    told: AtomicBool,
    waker: AtomicWaker,
}

/// A socket's place with its reactor.
#[derive(Clone, Copy)]
pub struct Registration {
    reactor: &'static Reactor,
    slot: u32,
}

impl Registration {
    /// Has the socket served before long, whether it is ready or not.
    pub fn call(&self) {
        self.reactor.calls.lock().slots.push_back(self.slot);
        self.reactor.wake();
    }

    /// From now on `watched` is served in the place of whoever was. What the other has been told is
    /// for him to pass on.
    pub fn pass_to(&self, watched: Arc<dyn Watched>) {
        let former = self
            .reactor
            .slots
            .lock()
            .get_mut(self.slot as usize)
            .map(|slot| std::mem::replace(slot, watched));
        // Not under the lock: it may be the last one who holds it.
        drop(former);
    }

    /// Nobody is served any more; `descriptor` is no longer watched. To be called once.
    pub fn end(&self, descriptor: impl AsFd) {
        // It fails when the system has forgotten the socket by itself.
        let _ = self.reactor.registry.deregister(&mut SourceFd(&descriptor.as_fd().as_raw_fd()));
        let watched = self.reactor.slots.lock().try_remove(self.slot as usize);
        drop(watched);
    }
}

impl Reactor {
    /// Gives the runtime a task for a new reactor. Both last as long as the process.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn start(tokio: &Runtime) -> io::Result<&'static Self> {
        let _entered = tokio.enter();
        let poll = mio::Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let set = runtime::watch_readable(poll)?;
        let reactor = &*Box::leak(Box::new(Self {
            registry,
            slots: Mutex::default(),
            calls: Mutex::default(),
            told: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }));
        tokio.spawn(Turns {
            reactor,
            set,
            events: Events::with_capacity(EVENTS),
            batch: Vec::with_capacity(EVENTS),
            calls: Calls::default(),
            may_linger: runtime::threads() == 1 && cores > 1,
            asleep: None,
            lingers: false,
        });
        Ok(reactor)
    }

    /// Watches `descriptor` for whom `make` makes of the registration.
    ///
    /// # Errors
    /// When the system cannot watch it.
    pub fn watch<T: Watched>(
        &'static self,
        descriptor: RawFd,
        make: impl FnOnce(Registration) -> Arc<T>,
    ) -> io::Result<Arc<T>> {
        let mut slots = self.slots.lock();
        let vacancy = slots.vacant_entry();
        let slot = u32::try_from(vacancy.key()).map_err(io::Error::other)?;
        // Before it is taken: what the set says before that is for this one.
        self.registry.register(
            &mut SourceFd(&descriptor),
            Token(slot as usize),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        let watched = make(Registration { reactor: self, slot });
        vacancy.insert(Arc::clone(&watched) as _);
        Ok(watched)
    }

    /// Has the thread do something, between its sockets.
    pub fn run(&self, errand: Errand) {
        self.calls.lock().errands.push_back(errand);
        self.wake();
    }

    fn wake(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

/// The work of a reactor: a task of the runtime that does not end before it does.
struct Turns {
    reactor: &'static Reactor,
    set: AsyncFd<mio::Poll>,
    events: Events,
    batch: Vec<(Arc<dyn Watched>, Readiness)>,
    calls: Calls,
    /// No other thread of the runtime looks for work: one that does would be woken for what was to
    /// be done without waking anybody. And there is a second core, for those it would be in the way
    /// of.
    may_linger: bool,
    /// When it went to sleep.
    asleep: Option<Instant>,
    /// The last sleep was brief.
    lingers: bool,
}

/// How a turn ended.
#[derive(PartialEq, Eq)]
enum Turn {
    /// There was nothing to be done.
    Idle,
    /// It has done what there was.
    Done,
    /// There is more.
    More,
}

impl Turns {
    /// Serves some who have been called or have become ready, and does a part of an errand.
    fn turn(&mut self) -> Turn {
        self.reactor.told.store(false, Ordering::Release);
        {
            let mut calls = self.reactor.calls.lock();
            self.calls.slots.append(&mut calls.slots);
            self.calls.errands.append(&mut calls.errands);
        }
        let errand = self.calls.errands.pop_front();
        let mut idle = errand.is_none();
        if let Some(mut errand) = errand
            // A panic is of one errand, as below of one socket.
            && catch_unwind(AssertUnwindSafe(&mut errand)).unwrap_or(false)
        {
            self.calls.errands.push_back(errand);
        }
        let full = match self.set.get_mut().poll(&mut self.events, Some(Duration::ZERO)) {
            Ok(()) => self.events.iter().count() == EVENTS,
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
        };
        {
            let slots = self.reactor.slots.lock();
            let called = self.calls.slots.len().min(EVENTS);
            let called = self.calls.slots.drain(..called).map(|slot| (slot as usize, Readiness::default()));
            let ready = self.events.iter().map(|event| (event.token().0, Readiness::of(event)));
            let served = called.chain(ready);
            // A slot may be free meanwhile, or another's: he then looks for nothing.
            self.batch.extend(served.filter_map(|(slot, ready)| Some((Arc::clone(slots.get(slot)?), ready))));
        }
        idle &= self.batch.is_empty();
        for (watched, ready) in self.batch.drain(..) {
            let _ = catch_unwind(AssertUnwindSafe(|| watched.serve(ready)));
        }
        if full || !self.calls.errands.is_empty() || !self.calls.slots.is_empty() {
            Turn::More
        } else if idle {
            Turn::Idle
        } else {
            Turn::Done
        }
    }

    /// Looks for more for a little while, if that is promising; tells whether there was any.
    fn linger(&mut self) -> bool {
        if !self.lingers {
            return false;
        }
        // What there is may be taken meanwhile.
        bell::before_sleep();
        let until = Instant::now() + LINGER;
        while Instant::now() < until {
            std::thread::yield_now();
            if self.turn() != Turn::Idle {
                return true;
            }
        }
        false
    }
}

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.reactor.waker.register(context.waker());
        // First, so that what comes behind the turn's own look wakes the task again.
        loop {
            match self.set.poll_read_ready_mut(context) {
                Poll::Ready(Ok(mut guard)) => guard.clear_ready(),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        if let Some(since) = self.asleep.take() {
            self.lingers = self.may_linger && since.elapsed() <= BRIEF;
        }
        if self.turn() == Turn::More || self.linger() {
            context.waker().wake_by_ref();
        } else if !self.reactor.told.load(Ordering::Acquire) {
            // Otherwise it has called itself, and does not sleep.
            self.asleep = Some(Instant::now());
        }
        Poll::Pending
    }
}
