//! The event loop of the scenarios in which messages flow.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, SCRATCH};
use crate::establish::establish;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Window;
use crate::workload::{Scene, Workload};

/// How long what is in flight at the end may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the workload through warm-up and window.
pub(crate) fn drive(options: &Options, mut workload: impl Workload) -> io::Result<String> {
    let mut wires = Wires::new(options)?;
    let mut latencies = Histogram::new();
    let mut window = Window::new(options);
    let mut messages = 0;
    workload.start(&mut wires.scene(&mut latencies))?;
    let report = loop {
        let timeout = window.remaining(Instant::now());
        wires.poll(timeout, &mut latencies, |index, count, scene| {
            messages += u64::from(count);
            workload.received(index, count, scene)
        })?;
        if let Some(report) = window.tick(Instant::now(), messages, &mut latencies)? {
            break report;
        }
    };
    // A server that lost a message, or left a connection to itself, has no result, however many messages it moved on
    // the others.
    let missing = wires.connections.iter().map(Connection::in_flight).sum();
    wires.drain(missing, |index, count, scene| scene.answered(index, count))?;
    Ok(report)
}

/// Opens the connections of a run and lets each carry some messages, one after the other: all of them, idle.
pub(crate) fn exchange(options: &Options) -> io::Result<Wires> {
    let mut wires = Wires::new(options)?;
    let mut unsent = vec![options.exchange; wires.connections.len()];
    let missing = u64::from(options.exchange) * unsent.len() as u64;
    if missing == 0 {
        return Ok(wires);
    }
    for (index, unsent) in unsent.iter_mut().enumerate() {
        *unsent -= 1;
        wires.scene(&mut Histogram::new()).send(index, 1)?;
    }
    wires.drain(missing, |index, count, scene| {
        scene.answered(index, count)?;
        if unsent[index] > 0 {
            unsent[index] -= 1;
            scene.send(index, 1)?;
        }
        Ok(())
    })?;
    Ok(wires)
}

/// All connections and what it takes to move bytes on them.
pub(crate) struct Wires {
    connections: Vec<Connection>,
    frames: Frames,
    scratch: Vec<u8>,
    poll: Poll,
    events: Events,
}

impl Wires {
    fn new(options: &Options) -> io::Result<Self> {
        let frames = options.frames()?;
        let mut connections = establish(options, &frames)?;
        let poll = Poll::new()?;
        for (index, connection) in connections.iter_mut().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(connection.wire.socket(), Token(index), interest)?;
        }
        Ok(Self { connections, frames, scratch: vec![0; SCRATCH], poll, events: Events::with_capacity(1024) })
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        self.connections.len()
    }

    fn scene<'a>(&'a mut self, latencies: &'a mut Histogram) -> Scene<'a> {
        Scene { connections: &mut self.connections, frames: &self.frames, latencies }
    }

    /// Waits for events, at most for `timeout`, and tells how many messages came on which connection.
    fn poll(
        &mut self,
        timeout: Duration,
        latencies: &mut Histogram,
        mut received: impl FnMut(usize, u32, &mut Scene<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut scene = Scene { connections: &mut self.connections, frames: &self.frames, latencies };
        for event in &self.events {
            let index = event.token().0;
            if event.is_writable() {
                scene.connections[index].flush(scene.frames)?;
            }
            if event.is_readable() {
                let count = scene.connections[index].receive(&mut self.scratch, scene.frames)?;
                if count > 0 {
                    received(index, count, &mut scene)?;
                }
            }
        }
        Ok(())
    }

    /// Waits for `missing` messages.
    fn drain(
        &mut self,
        mut missing: u64,
        mut received: impl FnMut(usize, u32, &mut Scene<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut unheard = Histogram::new();
        let deadline = Instant::now() + PATIENCE;
        while missing > 0 {
            let now = Instant::now();
            if now >= deadline {
                return Err(io::Error::other(format!("{missing} messages never came")));
            }
            self.poll(deadline - now, &mut unheard, |index, count, scene| {
                missing = missing.saturating_sub(u64::from(count));
                received(index, count, scene)
            })?;
        }
        Ok(())
    }
}
