//! The event loop of the scenarios in which messages flow.

use std::io;
use std::time::Instant;

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

/// Runs the workload through warm-up and window.
pub(crate) fn drive(
    options: &Options,
    mut connections: Vec<Connection>,
    mut workload: impl Workload,
) -> io::Result<String> {
    let frames = Frames::new(options.kind, options.size);
    let mut scratch = vec![0; SCRATCH];
    let mut latencies = Histogram::new();
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    for (index, connection) in connections.iter_mut().enumerate() {
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut connection.stream, Token(index), interest)?;
    }

    let mut window = Window::new(options);
    let mut messages = 0;
    workload.start(&mut connections, &frames)?;
    loop {
        match poll.poll(&mut events, Some(window.remaining(Instant::now()))) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            let index = event.token().0;
            if event.is_writable() {
                connections[index].flush(&frames)?;
            }
            if event.is_readable() {
                let count = connections[index].receive(&mut scratch, &frames)?;
                if count > 0 {
                    messages += u64::from(count);
                    workload.received(index, count, &mut connections, &frames, &mut latencies)?;
                }
            }
        }
        if let Some(report) = window.tick(Instant::now(), messages, &mut latencies)? {
            return Ok(report);
        }
    }
}
