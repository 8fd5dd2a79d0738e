//! Warm memory for large payloads.
//!
//! Fresh memory of a mebibyte costs 256 page faults, which is more than all that is done with it.
//! What is kept is bounded; what does not fit goes back to the system, as all of it does when an
//! environment has been quiet.

use parking_lot::Mutex;

/// Smaller buffers are the allocator's business.
const SMALLEST: usize = 64 * 1024;
/// Larger ones are too dear to keep.
const LARGEST: usize = 4 * 1024 * 1024;
/// Bytes kept at most.
const KEPT: usize = 16 * 1024 * 1024;
/// Buffers kept at most: they are looked through one by one.
const COUNT: usize = 32;

struct Pool {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { buffers: Vec::new(), bytes: 0 });

/// An empty buffer with room for `wanted` bytes and for less than twice as many, if there is one:
/// who keeps a message must not keep much more.
#[must_use]
pub fn take(wanted: usize) -> Option<Vec<u8>> {
    if !(SMALLEST..=LARGEST).contains(&wanted) {
        return None;
    }
    let mut pool = POOL.lock();
    let index = pool.buffers.iter().rposition(|buffer| (wanted..wanted * 2).contains(&buffer.capacity()))?;
    let buffer = pool.buffers.swap_remove(index);
    pool.bytes -= buffer.capacity();
    Some(buffer)
}

/// Takes a buffer back.
pub fn give(mut buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    if !(SMALLEST..=LARGEST).contains(&capacity) {
        return;
    }
    buffer.clear();
    let mut pool = POOL.lock();
    if pool.bytes + capacity <= KEPT && pool.buffers.len() < COUNT {
        pool.bytes += capacity;
        pool.buffers.push(buffer);
    }
}

/// Gives everything back to the system.
pub fn clear() {
    let buffers = {
        let mut pool = POOL.lock();
        pool.bytes = 0;
        std::mem::take(&mut pool.buffers)
    };
    drop(buffers);
}

/// A buffer that returns to the pool when nobody needs it any more.
pub struct Pooled(Vec<u8>);

impl Pooled {
    /// Room for `wanted` bytes, filled by `fill`.
    pub fn filled(wanted: usize, fill: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut buffer = take(wanted).unwrap_or_else(|| Vec::with_capacity(wanted));
        fill(&mut buffer);
        Self(buffer)
    }
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}
