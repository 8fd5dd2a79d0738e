//! What the connections of a run do when messages come.

use std::io;
use std::time::Instant;

use crate::connection::Connection;
use crate::drive::drive;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::options::Options;

/// What a workload acts on.
pub(crate) struct Scene<'a> {
    pub(crate) connections: &'a mut [Connection],
    pub(crate) frames: &'a Frames,
    pub(crate) latencies: &'a mut Histogram,
}

impl Scene<'_> {
    /// Sends `count` messages that will return on the same connection.
    pub(crate) fn send(&mut self, index: usize, count: u32) -> io::Result<()> {
        let connection = &mut self.connections[index];
        connection.note(count, Instant::now());
        connection.send(count, self.frames)
    }

    /// Sends `count` messages on the first connection that will return on all of them.
    fn send_to_all(&mut self, count: u32) -> io::Result<()> {
        let now = Instant::now();
        for connection in self.connections.iter_mut() {
            connection.note(count, now);
        }
        self.connections[0].send(count, self.frames)
    }

    /// Records the round trips of messages that have returned.
    pub(crate) fn answered(&mut self, index: usize, count: u32) -> io::Result<()> {
        self.connections[index].answered(count, Instant::now(), self.latencies)
    }
}

/// What a scenario does when messages come.
pub(crate) trait Workload {
    /// Sends the first messages.
    fn start(&mut self, scene: &mut Scene<'_>) -> io::Result<()>;

    /// `count` messages have come on the connection of that index.
    fn received(&mut self, index: usize, count: u32, scene: &mut Scene<'_>) -> io::Result<()>;
}

/// Each message that returns sends the next one.
struct Echo {
    depth: u32,
}

impl Workload for Echo {
    fn start(&mut self, scene: &mut Scene<'_>) -> io::Result<()> {
        (0..scene.connections.len()).try_for_each(|index| scene.send(index, self.depth))
    }

    fn received(&mut self, index: usize, count: u32, scene: &mut Scene<'_>) -> io::Result<()> {
        scene.answered(index, count)?;
        scene.send(index, count)
    }
}

/// One connection sends, all receive; what counts are the deliveries.
struct FanOut {
    depth: u32,
    /// Deliveries that are still to come.
    outstanding: u64,
}

impl FanOut {
    fn send(&mut self, count: u32, scene: &mut Scene<'_>) -> io::Result<()> {
        self.outstanding += u64::from(count) * scene.connections.len() as u64;
        scene.send_to_all(count)
    }
}

impl Workload for FanOut {
    fn start(&mut self, scene: &mut Scene<'_>) -> io::Result<()> {
        self.send(self.depth, scene)
    }

    fn received(&mut self, index: usize, count: u32, scene: &mut Scene<'_>) -> io::Result<()> {
        scene.answered(index, count)?;
        self.outstanding -= u64::from(count);
        // With a depth of one, the next message leaves when everybody has the last one.
        if self.outstanding <= u64::from(self.depth - 1) * scene.connections.len() as u64 {
            self.send(1, scene)?;
        }
        Ok(())
    }
}

/// Runs an echo.
pub(crate) fn echo(options: &Options) -> io::Result<String> {
    drive(options, Echo { depth: options.depth })
}

/// Runs a broadcast.
pub(crate) fn broadcast(options: &Options) -> io::Result<String> {
    drive(options, FanOut { depth: options.depth, outstanding: 0 })
}
