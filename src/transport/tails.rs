//! Used buffers of small frames, for the next ones.
//!
//! One thread fills such a buffer and mostly another one writes it and would free it: the allocator's
//! slowest case. So those that have been written go back, many at a time. What is kept is bounded;
//! all of it goes when an environment has been quiet, but for a few of each thread.

use std::cell::RefCell;

use parking_lot::Mutex;

/// Larger buffers are not kept.
const LARGEST: usize = 1024;
/// So many go from thread to thread at a time.
const LOT: usize = 64;
/// Lots kept at most.
const LOTS: usize = 16;

static LOTS_KEPT: Mutex<Vec<Vec<Vec<u8>>>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer, with room if there is one.
#[must_use]
pub fn take() -> Vec<u8> {
    OWN.with_borrow_mut(|own| {
        if own.is_empty()
            && let Some(lot) = LOTS_KEPT.lock().pop()
        {
            *own = lot;
        }
        own.pop().unwrap_or_default()
    })
}

/// Takes a buffer back.
pub fn give(mut buffer: Vec<u8>) {
    if !(1..=LARGEST).contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    OWN.with_borrow_mut(|own| {
        if own.len() >= LOT {
            let lot = std::mem::take(own);
            let mut kept = LOTS_KEPT.lock();
            if kept.len() < LOTS {
                kept.push(lot);
            }
        }
        own.push(buffer);
    });
}

/// Frees what no thread has for itself.
pub fn clear() {
    let kept = std::mem::take(&mut *LOTS_KEPT.lock());
    drop(kept);
}
