//! One open connection: what is still to be written, what has been counted, and when each message left.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::Instant;

use crate::counter::Counter;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::wire::Wire;

/// The buffer that every connection reads into.
pub(crate) const SCRATCH: usize = 256 * 1024;

/// A connection past its handshake.
pub(crate) struct Connection {
    pub(crate) wire: Wire,
    counter: Counter,
    /// The number of the message that is sent next.
    next: usize,
    /// Bytes that are due, and where in the cycle of messages the first of them stands.
    pending: usize,
    position: usize,
    /// When the messages in flight were sent: runs of (time, how many), oldest first.
    sent: VecDeque<(Instant, u32)>,
}

impl Connection {
    /// Wraps a stream; `next` is the number of its first message.
    pub(crate) fn new(wire: Wire, counter: Counter, next: usize, frames: &Frames) -> Self {
        Self { wire, counter, next, pending: 0, position: frames.start(next), sent: VecDeque::new() }
    }

    /// Makes `count` more messages due and writes what the socket takes.
    pub(crate) fn send(&mut self, count: u32, frames: &Frames) -> io::Result<()> {
        self.pending += frames.length(self.next, count as usize);
        self.next = (self.next + count as usize) % frames.messages();
        self.flush(frames)
    }

    /// Notes the time of `count` messages, for [`Self::answered`].
    pub(crate) fn note(&mut self, count: u32, now: Instant) {
        self.sent.push_back((now, count));
    }

    /// How many messages have been noted and not answered.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sent.iter().map(|(_, run)| u64::from(*run)).sum()
    }

    /// Writes what is due, until the socket is full.
    pub(crate) fn flush(&mut self, frames: &Frames) -> io::Result<()> {
        while self.pending > 0 {
            match self.wire.write(frames.outgoing(self.position, self.pending)) {
                Ok(written) => {
                    self.pending -= written;
                    self.position = (self.position + written) % frames.cycle_length();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // TLS may hold back what it took.
        match self.wire.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads until the socket is empty: how many frames were completed.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], frames: &Frames) -> io::Result<u32> {
        let mut count = 0;
        loop {
            match self.wire.read(scratch) {
                Ok(0) => return Err(io::Error::other("the server ended a connection")),
                Ok(length) => {
                    count += self.counter.count(&scratch[..length], frames)?;
                    // A short read has emptied the socket; what comes now makes a new event.
                    if length < scratch.len() {
                        return Ok(count);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Records the round trips of the `count` oldest messages in flight.
    pub(crate) fn answered(
        &mut self,
        mut count: u32,
        now: Instant,
        latencies: &mut Histogram,
    ) -> io::Result<()> {
        while count > 0 {
            let Some((time, run)) = self.sent.front_mut() else {
                return Err(io::Error::other("the server sent more messages than it got"));
            };
            let taken = count.min(*run);
            latencies.record(now.saturating_duration_since(*time).as_nanos() as u64, u64::from(taken));
            count -= taken;
            *run -= taken;
            if *run == 0 {
                self.sent.pop_front();
            }
        }
        Ok(())
    }
}
