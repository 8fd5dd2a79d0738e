//! Reading on the JavaScript thread, while there is little to read.
//!
//! To have another thread read takes two changes of thread a message, which is more than the reading
//! itself; and on a single core another thread takes nothing off JavaScript. While what comes is
//! little, or always where there is one core, the event loop therefore borrows the reactors, for all
//! engines that it has. They are an I/O thread's again when much comes or goes, when the event loop does
//! not come and much waits, and as long as there is a second event loop, for which the first may be too
//! busy.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use napi::bindgen_prelude::{Env, Function};

use super::hot::{self, Callback, LoopHandle, LoopWatch};
use crate::transport::reactor::Reactor;
use crate::transport::runtime;

/// So many times in a row JavaScript was woken for little before it borrows.
const LITTLE_WAKES: u32 = 64;

/// More records than this are not little.
const LITTLE_RECORDS: usize = 4;

/// More records than this, or more bytes, are much.
const MANY_RECORDS: usize = 8;
const MANY_BYTES: usize = 4096;

/// So much more often than light a visit was heavy before the reactor goes back.
const HEAVY_VISITS: u32 = 8;

/// What stands for no event loop.
const NO_LOOP: usize = 0;

/// What stands for the one of a thread whose loop is not libuv's.
const OTHER_LOOP: usize = 1;

thread_local! {
    /// The event loop that is about to answer whoever is rung.
    static VISITOR: Cell<usize> = const { Cell::new(NO_LOOP) };

    /// The engines of this thread.
    static MEMBERS: RefCell<Vec<Rc<Member>>> = const { RefCell::new(Vec::new()) };
}

/// How many engines there have been, and how many event loops have any.
static NUMBERS: AtomicUsize = AtomicUsize::new(0);
static LOOPS: AtomicUsize = AtomicUsize::new(0);

/// A number for a new engine.
pub fn next_number() -> usize {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// Whether the thread that rings the mailbox of this engine is about to look into it.
#[must_use]
pub fn answers(engine: usize) -> bool {
    let visitor = VISITOR.get();
    visitor != NO_LOOP
        && MEMBERS.with_borrow(|members| {
            let member = members.iter().find(|member| member.number == engine);
            let member = member.filter(|member| member.event_loop == visitor && member.wake.is_some());
            member.inspect(|member| member.rung.set(true)).is_some()
        })
}

/// An engine, as its event loop knows it.
struct Member {
    number: usize,
    event_loop: usize,
    /// Its mailbox has been rung during a visit.
    rung: Cell<bool>,
    /// Empties the mailbox.
    wake: Option<Callback>,
    borrower: Option<Rc<Borrower>>,
}

/// The engine of this number begins; `wake` empties its mailbox. With `libuv` the event loop is
/// libuv's, and borrows to begin with.
pub fn join(number: usize, env: &Env, wake: &Function<'_, (), ()>, libuv: bool) -> Option<Rc<Borrower>> {
    let found = if libuv { hot::event_loop_of(env) } else { None };
    let event_loop = found.unwrap_or(OTHER_LOOP);
    let neighbour = MEMBERS.with_borrow(|members| {
        members.iter().find(|member| member.event_loop == event_loop).map(|member| member.borrower.clone())
    });
    if neighbour.is_none() {
        LOOPS.fetch_add(1, Ordering::SeqCst);
        // What the only other one had borrowed.
        runtime::reactors().for_each(Reactor::take_back);
    }
    let wake = found.and_then(|_| Callback::new(env, wake));
    let borrower = if wake.is_none() {
        None
    } else if let Some(borrower) = neighbour {
        borrower
    } else {
        Some(Borrower::new(event_loop, env))
    };
    let member = Member { number, event_loop, rung: Cell::new(false), wake, borrower: borrower.clone() };
    MEMBERS.with_borrow_mut(|members| members.push(Rc::new(member)));
    if let Some(borrower) = &borrower {
        borrower.borrow();
    }
    borrower
}

/// The engine of this number ends, with its environment.
pub fn leave(number: usize) {
    let gone = MEMBERS.with_borrow_mut(|members| {
        let index = members.iter().position(|member| member.number == number)?;
        let member = members.remove(index);
        if members.iter().all(|other| other.event_loop != member.event_loop) {
            LOOPS.fetch_sub(1, Ordering::SeqCst);
        }
        Some(member)
    });
    if let Some(wake) = gone.as_ref().and_then(|member| member.wake.as_ref()) {
        wake.end();
    }
}

/// Calls JavaScript for the engines of this event loop that have been rung.
fn answer(event_loop: usize) {
    loop {
        // While JavaScript runs there may come, and go, engines.
        let rung = MEMBERS.with_borrow(|members| {
            members.iter().find(|member| member.event_loop == event_loop && member.rung.take()).cloned()
        });
        let Some(member) = rung else { return };
        if let Some(wake) = &member.wake {
            wake.call();
        }
    }
}

/// One reactor that may be borrowed.
struct Visits {
    event_loop: usize,
    reactor: &'static Reactor,
    heavy: Rc<Cell<u32>>,
}

impl LoopWatch for Visits {
    fn visit(&self) -> bool {
        if !self.reactor.is_lent() {
            return false;
        }
        VISITOR.set(self.event_loop);
        let heavy = self.reactor.visit(|| {
            // While JavaScript runs, what rings is answered by a call of its own.
            VISITOR.set(NO_LOOP);
            answer(self.event_loop);
            VISITOR.set(self.event_loop);
        });
        VISITOR.set(NO_LOOP);
        let before = self.heavy.get();
        self.heavy.set(if heavy { before + 1 } else { before.saturating_sub(1) });
        if before >= HEAVY_VISITS {
            self.reactor.relieve();
        }
        self.reactor.is_lent()
    }

    fn end(&self) {
        VISITOR.set(NO_LOOP);
        self.reactor.take_back();
    }
}

/// The reactors that an event loop may borrow.
pub struct Borrower {
    reactors: Vec<(&'static Reactor, Rc<LoopHandle>)>,
    /// So often in a row little came.
    little: Cell<u32>,
    /// So much more often than light visits were heavy.
    heavy: Rc<Cell<u32>>,
}

impl Borrower {
    fn new(event_loop: usize, env: &Env) -> Rc<Self> {
        let heavy = Rc::new(Cell::new(0));
        let reactors = runtime::reactors().filter_map(|reactor| {
            let visits = Visits { event_loop, reactor, heavy: Rc::clone(&heavy) };
            Some((reactor, LoopHandle::open(env, reactor.descriptor(), Box::new(visits))?))
        });
        Rc::new(Self { reactors: reactors.collect(), little: Cell::new(0), heavy })
    }

    /// JavaScript has been woken for this: nothing, when it has been given everything.
    pub fn note(&self, records: usize, bytes: usize) {
        if records == 0 {
            return;
        }
        if runtime::cores() == 1 {
            return self.borrow();
        }
        let little = self.little.get() + 1;
        if records > MANY_RECORDS || bytes > MANY_BYTES {
            self.little.set(0);
            self.heavy.set(self.heavy.get().saturating_add(2));
        } else if records > LITTLE_RECORDS {
            self.little.set(0);
        } else if little >= LITTLE_WAKES {
            self.borrow();
        } else {
            self.little.set(little);
        }
    }

    fn borrow(&self) {
        self.little.set(0);
        self.heavy.set(0);
        if LOOPS.load(Ordering::Relaxed) > 1 {
            return;
        }
        for (reactor, handle) in &self.reactors {
            if !reactor.is_lent() && handle.start() {
                reactor.lend();
                // Who comes meanwhile takes it back, or is seen here.
                if LOOPS.load(Ordering::SeqCst) > 1 {
                    reactor.take_back();
                }
            }
        }
    }
}
