//! When a sink is woken for what it was given.
//!
//! To wake a thread costs both sides more than a message does. An I/O thread that has more to read
//! therefore goes on for a little while, and wakes the sinks it has given something to before it
//! sleeps, after some events, or after some time.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sink::EventSink;

/// So many chunks a sink is given at least before it is woken,
const FEW_CHUNKS: usize = 8;

/// and so many at most. In between it is half of the sockets that are at work: when all of them wait
/// for the same wake-up, this thread and the one it wakes work in turns.
const MANY_CHUNKS: usize = 64;

/// A sink is woken in any case when it has waited so long for each of the chunks.
const DELAY_PER_CHUNK: Duration = Duration::from_micros(10);

struct Waiting {
    sink: Arc<dyn EventSink>,
    chunks: usize,
    since: Instant,
}

struct Bells {
    /// The thread tells before it sleeps, and so what it was given may wait until then.
    tells: bool,
    /// So many chunks are waited for, by all sinks together.
    chunks: usize,
    waiting: Vec<Waiting>,
}

impl Bells {
    /// The chunks a sink waits for: each has a part of the sockets.
    fn enough(&self) -> usize {
        (self.chunks / self.waiting.len().max(1)).max(FEW_CHUNKS)
    }

    fn delay(&self) -> Duration {
        DELAY_PER_CHUNK * u32::try_from(self.enough()).unwrap_or(u32::MAX)
    }
}

thread_local! {
    static BELLS: RefCell<Bells> = const {
        RefCell::new(Bells { tells: false, chunks: FEW_CHUNKS, waiting: Vec::new() })
    };
}

/// So many of the sockets that this thread serves are at work.
pub fn suit(sockets: usize) {
    BELLS.with_borrow_mut(|bells| bells.chunks = (sockets / 2).clamp(FEW_CHUNKS, MANY_CHUNKS));
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
        let (enough, delay) = (bells.enough(), bells.delay());
        let waiting = &mut bells.waiting[index];
        waiting.chunks += 1;
        let due = waiting.chunks >= enough || waiting.since.elapsed() >= delay;
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
    wake(Bells::delay);
}

fn wake_all() {
    wake(|_| Duration::ZERO);
}

/// Wakes those that have waited for so long.
fn wake(delay: impl FnOnce(&Bells) -> Duration) {
    let woken: Vec<_> = BELLS.with_borrow_mut(|bells| {
        let delay = delay(bells);
        bells.waiting.extract_if(.., |waiting| waiting.since.elapsed() >= delay).collect()
    });
    for waiting in woken {
        waiting.sink.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::protocol::Event;
    use crate::transport::connection::Connection;
    use crate::transport::sink::Report;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl EventSink for Counter {
        fn publish(&self, _: &Arc<Connection>, _: &[u8], _: &mut Vec<Event>) {}

        fn report(&self, _: &Connection, _: Report) {}

        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn nobody_waits_for_more_chunks_than_there_may_be() {
        for (sockets, most) in [(0, FEW_CHUNKS), (40, 20), (10_000, MANY_CHUNKS)] {
            let counter = Arc::new(Counter::default());
            let sink = Arc::clone(&counter) as Arc<dyn EventSink>;
            suit(sockets);
            assert_eq!(BELLS.with_borrow(Bells::enough), most);
            before_sleep();
            // Sooner, should this thread be stopped for a while.
            (0..most).for_each(|_| note(&sink));
            assert!(counter.0.load(Ordering::Relaxed) > 0, "{sockets} sockets");
            before_leaving();
            let before = counter.0.load(Ordering::Relaxed);
            note(&sink);
            assert_eq!(counter.0.load(Ordering::Relaxed), before + 1, "who leaves tells at once");
        }
    }

    #[test]
    fn several_sinks_wait_for_a_part_each() {
        let sinks = [(); 4].map(|()| Arc::new(Counter::default()) as Arc<dyn EventSink>);
        suit(128);
        before_sleep();
        sinks.iter().for_each(note);
        assert_eq!(BELLS.with_borrow(Bells::enough), 16);
        before_leaving();
        assert_eq!(BELLS.with_borrow(Bells::enough), 64);
    }
}
