//! When a sink is woken for what it was given.
//!
//! To wake a thread costs both sides more than a message does. An I/O thread that has more to read
//! therefore goes on for a little while, and wakes the sinks it has given something to before it
//! sleeps, after some events, or after some time.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sink::EventSink;

/// So many chunks a sink is given before it is woken.
const CHUNKS: u32 = 8;

/// So long a sink is not woken though it was given something.
const DELAY: Duration = Duration::from_micros(50);

struct Waiting {
    sink: Arc<dyn EventSink>,
    chunks: u32,
    since: Instant,
}

#[derive(Default)]
struct Bells {
    /// The thread tells before it sleeps, and so what it was given may wait until then.
    tells: bool,
    waiting: Vec<Waiting>,
}

thread_local! {
    static BELLS: RefCell<Bells> = RefCell::default();
}

/// An I/O thread is about to sleep: wakes all sinks that wait for it.
pub fn before_sleep() {
    BELLS.with_borrow_mut(|bells| bells.tells = true);
    wake_all();
}

/// As [`before_sleep`], by a thread that does not promise to come again: what it gives from now on is
/// told of at once.
pub fn before_leaving() {
    BELLS.with_borrow_mut(|bells| bells.tells = false);
    wake_all();
}

/// The sink has been given a chunk: wakes it now or before long.
pub fn note(sink: &Arc<dyn EventSink>) {
    let due = BELLS.with_borrow_mut(|bells| {
        if !bells.tells {
            return true;
        }
        let found = bells.waiting.iter().position(|waiting| Arc::ptr_eq(&waiting.sink, sink));
        let Some(index) = found else {
            bells.waiting.push(Waiting { sink: Arc::clone(sink), chunks: 1, since: Instant::now() });
            return false;
        };
        let waiting = &mut bells.waiting[index];
        waiting.chunks += 1;
        let due = waiting.chunks >= CHUNKS || waiting.since.elapsed() >= DELAY;
        if due {
            bells.waiting.swap_remove(index);
        }
        due
    });
    if due {
        sink.wake();
    }
}

/// Wakes the sinks that have waited long enough: called now and then by whoever works for long.
pub fn wake_overdue() {
    wake(|waiting| waiting.since.elapsed() >= DELAY);
}

fn wake_all() {
    wake(|_| true);
}

fn wake(due: impl Fn(&Waiting) -> bool) {
    let woken: Vec<_> =
        BELLS.with_borrow_mut(|bells| bells.waiting.extract_if(.., |waiting| due(waiting)).collect());
    for waiting in woken {
        waiting.sink.wake();
    }
}
