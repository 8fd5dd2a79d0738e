//! Reading on the JavaScript thread, while there is little to read.
//!
//! To have another thread read takes two changes of thread a message, which is more than the reading
//! itself; and on a single core another thread takes nothing off JavaScript. While what comes is
//! little, or always where there is one core, the event loop therefore borrows the reactors. They are
//! an I/O thread's again when much comes or goes, when the event loop does not come, and as long as
//! there is a second environment, for which the event loop of the first may be too busy.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use napi::bindgen_prelude::{Env, Function};

use super::hot::{LoopHandle, LoopWatch};
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

thread_local! {
    /// During a visit: the engine that visits, and whether its mailbox has been rung.
    static RUNG: Cell<Option<(usize, bool)>> = const { Cell::new(None) };
}

/// How many engines there have been, and how many there are.
static NUMBERS: AtomicUsize = AtomicUsize::new(0);
static ENGINES: AtomicUsize = AtomicUsize::new(0);

/// Counts a new engine; returns its number.
pub fn count_engine() -> usize {
    ENGINES.fetch_add(1, Ordering::SeqCst);
    // What the only other one had borrowed.
    runtime::reactors().for_each(Reactor::take_back);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// An engine has gone.
pub fn discount_engine() {
    ENGINES.fetch_sub(1, Ordering::SeqCst);
}

/// Whether the thread that rings the mailbox of this engine is about to look into it.
#[must_use]
pub fn answers(engine: usize) -> bool {
    let answers = RUNG.get().is_some_and(|(visitor, _)| visitor == engine);
    if answers {
        RUNG.set(Some((engine, true)));
    }
    answers
}

/// One reactor that may be borrowed.
struct Visits {
    engine: usize,
    reactor: &'static Reactor,
    heavy: Rc<Cell<u32>>,
}

impl LoopWatch for Visits {
    fn visit(&self, answer: &dyn Fn()) -> bool {
        if !self.reactor.is_lent() {
            return false;
        }
        RUNG.set(Some((self.engine, false)));
        let heavy = self.reactor.visit(|| {
            // While JavaScript runs, what rings is answered by a call of its own.
            if RUNG.take().is_some_and(|(_, rung)| rung) {
                answer();
            }
            RUNG.set(Some((self.engine, false)));
        });
        RUNG.set(None);
        let before = self.heavy.get();
        self.heavy.set(if heavy { before + 1 } else { before.saturating_sub(1) });
        if before >= HEAVY_VISITS {
            self.reactor.relieve();
        }
        self.reactor.is_lent()
    }

    fn end(&self) {
        RUNG.set(None);
        self.reactor.take_back();
    }
}

/// The reactors that an event loop may borrow.
pub struct Borrower {
    reactors: Vec<(&'static Reactor, Rc<LoopHandle>)>,
    /// So often in a row little came.
    little: u32,
    /// So much more often than light visits were heavy.
    heavy: Rc<Cell<u32>>,
}

impl Borrower {
    /// That of the engine with this number, which borrows to begin with; `wake` empties its mailbox.
    pub fn new(engine: usize, env: &Env, wake: &Function<'_, (), ()>) -> Self {
        let heavy = Rc::new(Cell::new(0));
        let reactors = runtime::reactors().filter_map(|reactor| {
            let visits = Visits { engine, reactor, heavy: Rc::clone(&heavy) };
            Some((reactor, LoopHandle::open(env, reactor.descriptor(), wake, Box::new(visits))?))
        });
        let mut borrower = Self { reactors: reactors.collect(), little: 0, heavy };
        borrower.borrow();
        borrower
    }

    /// JavaScript has been woken for this: nothing, when it has been given everything.
    pub fn note(&mut self, records: usize, bytes: usize) {
        if records == 0 {
            return;
        }
        if runtime::cores() == 1 {
            return self.borrow();
        }
        self.little += 1;
        if records > MANY_RECORDS || bytes > MANY_BYTES {
            self.little = 0;
            self.heavy.set(self.heavy.get().saturating_add(2));
        } else if records > LITTLE_RECORDS {
            self.little = 0;
        } else if self.little >= LITTLE_WAKES {
            self.borrow();
        }
    }

    fn borrow(&mut self) {
        self.little = 0;
        self.heavy.set(0);
        if ENGINES.load(Ordering::Relaxed) > 1 {
            return;
        }
        for (reactor, handle) in &self.reactors {
            if !reactor.is_lent() && handle.start() {
                reactor.lend();
                // Who comes meanwhile takes it back, or is seen here.
                if ENGINES.load(Ordering::SeqCst) > 1 {
                    reactor.take_back();
                }
            }
        }
    }
}
