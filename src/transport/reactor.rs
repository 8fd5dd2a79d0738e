//! Watches the sockets of an I/O thread, and serves those that have become ready.
//!
//! A reactor is one task of the runtime, with an epoll set (or a kqueue) of its own: a task and a
//! registration with the runtime for each socket would take several cache lines of every idle
//! connection, and visit all of them for every message.
//!
//! Another thread with an event loop may borrow the set: it then watches the set's descriptor, and
//! takes the turns that are due to readiness. The task goes on to answer all other threads.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Registry, Token, Waker};
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
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

/// To serve so many sockets in a turn takes less than to have another thread do it.
const FEW: usize = 8;

/// So many bytes of one socket are much: the peer may wait for room.
const MUCH: u64 = 16 * 1024;

/// More sockets than this are not looked at one by one.
const CROWD: usize = 64;

/// Unless it takes longer than this.
const LONG: Duration = Duration::from_micros(150);

/// Whose peer has sent something in this time is at work.
const CENSUS: Duration = Duration::from_millis(5);

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

    /// So many bytes wait to be read, if that is known and allowed; all that can be when something
    /// waits to be written.
    fn waiting(&self) -> u64 {
        0
    }
}

/// Work to be done in parts: does one, and tells whether there is more.
pub type Errand = Box<dyn FnMut() -> bool + Send>;

#[derive(Default)]
struct Calls {
    slots: VecDeque<u32>,
    errands: VecDeque<Errand>,
}

/// The token of the set's own alarm: no slot has it.
const ALARM: Token = Token(usize::MAX);

thread_local! {
    static BORROWER: Cell<Borrower> = const { Cell::new(Borrower::No) };
}

/// What a thread has to do with the set of a reactor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Borrower {
    No,
    /// It watches the set.
    Watches,
    /// It is about to look whether the reactor with this descriptor has been called.
    Visits(RawFd),
}

/// The sockets of one I/O thread.
pub struct Reactor {
    registry: Registry,
    descriptor: RawFd,
    slots: Mutex<Slab<Slot>>,
    calls: Mutex<Calls>,
    work: Mutex<Work>,
    /// Somebody has been told that there are calls to be looked at.
    told: AtomicBool,
    waker: AtomicWaker,
    /// Tells a borrower.
    alarm: Waker,
    lent: AtomicBool,
    visits: AtomicU32,
}

/// Who is served in a place, and the census that has counted him last.
struct Slot {
    watched: Arc<dyn Watched>,
    counted: u32,
}

/// Counts the sockets that are at work.
struct Census {
    number: u32,
    since: Instant,
    count: usize,
}

impl Census {
    /// Ends when it has lasted long enough, and another one begins.
    fn end_in_time(&mut self) {
        if self.since.elapsed() >= CENSUS {
            bell::suit(self.count);
            *self = Self { number: self.number.wrapping_add(1), since: Instant::now(), count: 0 };
        }
    }

    fn count(&mut self, slot: &mut Slot) {
        if std::mem::replace(&mut slot.counted, self.number) != self.number {
            self.count += 1;
        }
    }
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

    /// See [`Reactor::relieve`].
    pub fn relieve(&self) {
        self.reactor.relieve();
    }

    /// From now on `descriptor` is watched for room, too: what there is now is told of.
    ///
    /// # Errors
    /// When the system cannot do that.
    pub fn watch_room(&self, descriptor: impl AsFd) -> io::Result<()> {
        self.reactor.registry.reregister(
            &mut SourceFd(&descriptor.as_fd().as_raw_fd()),
            Token(self.slot as usize),
            Interest::READABLE | Interest::WRITABLE,
        )
    }

    /// From now on `watched` is served in the place of whoever was. What the other has been told is
    /// for him to pass on.
    pub fn pass_to(&self, watched: Arc<dyn Watched>) {
        let former = self
            .reactor
            .slots
            .lock()
            .get_mut(self.slot as usize)
            .map(|slot| std::mem::replace(&mut slot.watched, watched));
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
        let set = runtime::watch_readable(poll.as_raw_fd())?;
        let reactor = &*Box::leak(Box::new(Self {
            descriptor: poll.as_raw_fd(),
            alarm: Waker::new(&registry, ALARM)?,
            registry,
            slots: Mutex::default(),
            calls: Mutex::default(),
            work: Mutex::new(Work {
                poll,
                events: Events::with_capacity(EVENTS),
                batch: Vec::with_capacity(EVENTS),
                calls: Calls::default(),
                census: Census { number: 1, since: Instant::now(), count: 0 },
            }),
            told: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            lent: AtomicBool::new(false),
            visits: AtomicU32::new(0),
        }));
        tokio.spawn(Turns {
            reactor,
            set: Some(set),
            may_linger: runtime::threads() == 1 && runtime::cores() > 1,
            asleep: None,
            lingers: false,
        });
        Ok(reactor)
    }

    /// Watches `descriptor` for whom `make` makes of the registration: for something to read, and, from
    /// [`Registration::watch_room`] on, for room to write. Most never have to wait for that.
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
        self.registry.register(&mut SourceFd(&descriptor), Token(slot as usize), Interest::READABLE)?;
        let watched = make(Registration { reactor: self, slot });
        vacancy.insert(Slot { watched: Arc::clone(&watched) as _, counted: 0 });
        Ok(watched)
    }

    /// Has the thread do something, between its sockets.
    pub fn run(&self, errand: Errand) {
        self.calls.lock().errands.push_back(errand);
        // The set was lent for what is little, and errands are not.
        self.relieve();
        self.wake();
    }

    fn wake(&self) {
        let first = !self.told.swap(true, Ordering::AcqRel);
        if !self.lent.load(Ordering::Acquire) {
            if first {
                self.waker.wake();
            }
            return;
        }
        match BORROWER.get() {
            // Whether the borrower has been told or not: he may be busy for long.
            Borrower::No => self.waker.wake(),
            Borrower::Visits(visited) if visited == self.descriptor => {}
            Borrower::Watches | Borrower::Visits(_) => {
                if first && self.alarm.wake().is_err() {
                    self.waker.wake();
                }
            }
        }
    }

    /// What a borrower has to watch.
    #[must_use]
    pub const fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// Lends the set to the calling thread, which visits from now on whenever the set's descriptor is
    /// readable. There may be one borrower at a time.
    pub fn lend(&self) {
        BORROWER.set(Borrower::Watches);
        self.lent.store(true, Ordering::SeqCst);
        // The task stops watching.
        self.waker.wake();
    }

    /// Nobody borrows the set any more.
    pub fn take_back(&self) {
        if self.lent.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// Takes the set back, where there is a core for the I/O thread.
    pub fn relieve(&self) {
        if runtime::cores() > 1 {
            self.take_back();
        }
    }

    /// Takes the set back if much is ready, which the borrower would have seen to by now. Of what is
    /// little the kernel takes care, so that he sees one thing after the other when he comes.
    pub fn overtake(&self) {
        if self.is_lent() && self.is_ready() && self.has_much() {
            self.take_back();
        }
    }

    /// Whether the set has something to tell.
    fn is_ready(&self) -> bool {
        poll(&mut [PollFd::new(&self.registry, PollFlags::IN)], Some(&Timespec::default())) != Ok(0)
    }

    fn has_much(&self) -> bool {
        let slots = self.slots.lock();
        let mut waiting = slots.iter().map(|(_, slot)| slot.watched.waiting()).filter(|bytes| *bytes > 0);
        slots.len() > CROWD
            || waiting.by_ref().take(FEW).any(|bytes| bytes >= MUCH)
            || waiting.next().is_some()
    }

    /// How often the borrower has come.
    #[must_use]
    pub fn visits(&self) -> u32 {
        self.visits.load(Ordering::Relaxed)
    }

    /// Whether somebody borrows the set.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.lent.load(Ordering::Acquire)
    }

    /// The borrower's visit: serves who is ready, and calls `answer` for what that brought. Tells
    /// whether an I/O thread had better done it.
    pub fn visit(&self, mut answer: impl FnMut()) -> bool {
        BORROWER.set(Borrower::Visits(self.descriptor));
        self.visits.fetch_add(1, Ordering::Relaxed);
        let heavy = self.visit_turn(&mut answer);
        BORROWER.set(Borrower::Watches);
        // What was called for meanwhile has its turn when the borrower's other events have had theirs.
        if self.told.load(Ordering::Acquire) || self.work.lock().is_behind() {
            let _ = self.alarm.wake();
        }
        heavy
    }

    /// One turn of a visit. A few are answered one by one: their peers go on while the next is served.
    fn visit_turn(&self, answer: &mut impl FnMut()) -> bool {
        let mut spent = Duration::ZERO;
        let mut work = self.work.lock();
        work.gather(self);
        let mut batch = std::mem::take(&mut work.batch);
        drop(work);
        let served = batch.len();
        let mut left = batch.drain(..);
        while left.len() > 0 {
            let began = Instant::now();
            // Who has been given something is told at the end, and not at once.
            bell::before_sleep();
            let serving = self.work.lock();
            // Nobody is held behind that: a socket that is closed in an answer ends then.
            left.by_ref().take(if served > FEW { served } else { 1 }).for_each(|one| serve(&one));
            drop(serving);
            bell::before_leaving();
            spent += began.elapsed();
            answer();
        }
        drop(left);
        if served == 0 {
            answer();
        }
        // Its memory is used again.
        self.work.lock().batch = batch;
        served > FEW || spent > LONG
    }

    fn turn(&self) -> Turn {
        let mut work = self.work.lock();
        let mut turn = work.gather(self);
        turn.idle &= work.batch.is_empty();
        let work = &mut *work;
        work.batch.iter().for_each(serve);
        work.batch.clear();
        // What came behind the look at the calls: its alarm may be among the events of this turn.
        turn.more |= work.is_behind() || self.told.load(Ordering::Acquire);
        turn
    }
}

fn serve((watched, ready): &(Arc<dyn Watched>, Readiness)) {
    let _ = catch_unwind(AssertUnwindSafe(|| Arc::clone(watched).serve(*ready)));
}

/// What a turn works with.
struct Work {
    poll: mio::Poll,
    events: Events,
    batch: Vec<(Arc<dyn Watched>, Readiness)>,
    calls: Calls,
    census: Census,
}

/// What a turn was.
struct Turn {
    /// There was nothing to be done.
    idle: bool,
    /// There is more.
    more: bool,
}

impl Work {
    /// Something that was called for is left.
    fn is_behind(&self) -> bool {
        !self.calls.errands.is_empty() || !self.calls.slots.is_empty()
    }

    /// Finds some who have been called or have become ready, and does a part of an errand.
    fn gather(&mut self, reactor: &Reactor) -> Turn {
        reactor.told.store(false, Ordering::Release);
        {
            let mut calls = reactor.calls.lock();
            self.calls.slots.append(&mut calls.slots);
            self.calls.errands.append(&mut calls.errands);
        }
        let errand = self.calls.errands.pop_front();
        let idle = errand.is_none();
        if let Some(mut errand) = errand
            // A panic is of one errand, as below of one socket.
            && catch_unwind(AssertUnwindSafe(&mut errand)).unwrap_or(false)
        {
            self.calls.errands.push_back(errand);
        }
        let full = match self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            Ok(()) => self.events.iter().count() == EVENTS,
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
        };
        self.census.end_in_time();
        let mut slots = reactor.slots.lock();
        let called = self.calls.slots.len().min(EVENTS);
        let called = self.calls.slots.drain(..called).map(|slot| (slot as usize, Readiness::default()));
        let ready = self.events.iter().map(|event| (event.token().0, Readiness::of(event)));
        let served = called.chain(ready);
        // A slot may be free meanwhile, or another's: he then looks for nothing.
        self.batch.extend(served.filter_map(|(slot, ready)| {
            let slot = slots.get_mut(slot)?;
            if ready.readable {
                self.census.count(slot);
            }
            Some((Arc::clone(&slot.watched), ready))
        }));
        Turn { idle, more: full }
    }
}

/// The work of a reactor: a task of the runtime that does not end before it does.
struct Turns {
    reactor: &'static Reactor,
    /// Watches the set, unless that is lent.
    set: Option<AsyncFd<RawFd>>,
    /// No other thread of the runtime looks for work: one that does would be woken for what was to
    /// be done without waking anybody. And there is a second core, for those it would be in the way
    /// of.
    may_linger: bool,
    /// When it went to sleep.
    asleep: Option<Instant>,
    /// The last sleep was brief.
    lingers: bool,
}

impl Turns {
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
            if !self.reactor.turn().idle {
                return true;
            }
        }
        false
    }

    /// Has the task called when the set has something to tell, unless that is the borrower's;
    /// returns whether that is seen to.
    fn watch(&mut self, context: &mut Context<'_>) -> bool {
        if self.reactor.is_lent() {
            self.set = None;
            return true;
        }
        if self.set.is_none() {
            self.set = runtime::watch_readable(self.reactor.descriptor).ok();
        }
        let Some(set) = &mut self.set else { return false };
        loop {
            match set.poll_read_ready_mut(context) {
                Poll::Ready(Ok(mut guard)) => guard.clear_ready(),
                Poll::Ready(Err(_)) => return false,
                Poll::Pending => return true,
            }
        }
    }
}

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.reactor.waker.register(context.waker());
        // First, so that what comes behind the turn's own look wakes the task again.
        let watched = self.watch(context);
        let (reactor, lent) = (self.reactor, self.reactor.is_lent());
        if lent && !reactor.told.load(Ordering::Acquire) && !reactor.work.lock().is_behind() {
            // What is ready is the borrower's.
            return Poll::Pending;
        }
        if let Some(since) = self.asleep.take() {
            self.lingers = self.may_linger && since.elapsed() <= BRIEF && !lent;
        }
        let more = reactor.turn().more || self.linger();
        // Where the system cannot watch the set now, turns look for what there is. Told it may have
        // been by an alarm that its own turn has found.
        if more || !watched || reactor.told.load(Ordering::Acquire) {
            context.waker().wake_by_ref();
        } else {
            self.asleep = Some(Instant::now());
        }
        Poll::Pending
    }
}
