//! The event loop of the scenarios in which messages flow.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, SCRATCH};
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Window;

/// What a scenario does when messages come.
pub(crate) trait Workload {
    /// Sends the first messages.
    fn start(&mut self, connections: &mut [Connection], frames: &Frames) -> io::Result<()>;

    /// `count` messages have come on the connection of that index.
    fn received(
        &mut self,
        index: usize,
        count: u32,
        connections: &mut [Connection],
        frames: &Frames,
        latencies: &mut Histogram,
    ) -> io::Result<()>;
}

/// How long what is in flight at the end may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the workload through warm-up and window.
pub(crate) fn drive(
    options: &Options,
    connections: Vec<Connection>,
    mut workload: impl Workload,
) -> io::Result<String> {
    let mut wires = Wires::new(options, connections)?;
    let mut latencies = Histogram::new();
    let mut window = Window::new(options);
    let mut messages = 0;
    workload.start(&mut wires.connections, &wires.frames)?;
    let report = loop {
        wires.poll(window.remaining(Instant::now()), |index, count, connections, frames| {
            messages += u64::from(count);
            workload.received(index, count, connections, frames, &mut latencies)
        })?;
        if let Some(report) = window.tick(Instant::now(), messages, &mut latencies)? {
            break report;
        }
    };
    drain(&mut wires)?;
    Ok(report)
}

/// Waits for what is in flight: a server that lost a message, or left a connection to itself, has no result,
/// however many messages it moved on the others.
fn drain(wires: &mut Wires) -> io::Result<()> {
    let mut unheard = Histogram::new();
    let mut missing: u64 = wires.connections.iter().map(Connection::in_flight).sum();
    let deadline = Instant::now() + PATIENCE;
    while missing > 0 {
        let now = Instant::now();
        if now >= deadline {
            return Err(io::Error::other(format!("{missing} messages never came")));
        }
        wires.poll(deadline - now, |index, count, connections, _| {
            missing = missing.saturating_sub(u64::from(count));
            connections[index].answered(count, Instant::now(), &mut unheard)
        })?;
    }
    Ok(())
}

/// All connections and what it takes to move bytes on them.
struct Wires {
    connections: Vec<Connection>,
    frames: Frames,
    scratch: Vec<u8>,
    poll: Poll,
    events: Events,
}

impl Wires {
    fn new(options: &Options, mut connections: Vec<Connection>) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (index, connection) in connections.iter_mut().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut connection.stream, Token(index), interest)?;
        }
        Ok(Self {
            connections,
            frames: Frames::new(options.kind, options.size),
            scratch: vec![0; SCRATCH],
            poll,
            events: Events::with_capacity(1024),
        })
    }

    /// Waits for events, at most for `timeout`, and tells how many messages came on which connection.
    fn poll(
        &mut self,
        timeout: Duration,
        mut received: impl FnMut(usize, u32, &mut [Connection], &Frames) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            let index = event.token().0;
            if event.is_writable() {
                self.connections[index].flush(&self.frames)?;
            }
            if event.is_readable() {
                let count = self.connections[index].receive(&mut self.scratch, &self.frames)?;
                if count > 0 {
                    received(index, count, &mut self.connections, &self.frames)?;
                }
            }
        }
        Ok(())
    }
}
