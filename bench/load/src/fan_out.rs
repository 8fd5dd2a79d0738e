//! Broadcast: one connection sends, all receive; what counts are the deliveries.

use std::io;
use std::time::Instant;

use crate::connection::Connection;
use crate::drive::{Workload, drive};
use crate::establish::establish;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::options::Options;

struct FanOut {
    depth: u32,
    /// Deliveries that are still to come.
    outstanding: u64,
}

impl FanOut {
    /// Every connection will get each message, so each notes its time.
    fn broadcast(&mut self, count: u32, connections: &mut [Connection], frames: &Frames) -> io::Result<()> {
        let now = Instant::now();
        for connection in connections.iter_mut() {
            connection.note(count, now);
        }
        self.outstanding += u64::from(count) * connections.len() as u64;
        connections[0].send(count, frames)
    }
}

impl Workload for FanOut {
    fn start(&mut self, connections: &mut [Connection], frames: &Frames) -> io::Result<()> {
        self.broadcast(self.depth, connections, frames)
    }

    fn received(
        &mut self,
        index: usize,
        count: u32,
        connections: &mut [Connection],
        frames: &Frames,
        latencies: &mut Histogram,
    ) -> io::Result<()> {
        connections[index].answered(count, Instant::now(), latencies)?;
        self.outstanding -= u64::from(count);
        // With a depth of one, the next message leaves when everybody has the last one.
        if self.outstanding <= u64::from(self.depth - 1) * connections.len() as u64 {
            self.broadcast(1, connections, frames)?;
        }
        Ok(())
    }
}

/// Runs the scenario.
pub(crate) fn run(options: &Options) -> io::Result<String> {
    let connections = establish(options.port, options.connections)?;
    drive(options, connections, FanOut { depth: options.depth, outstanding: 0 })
}
