//! Echo: each message that returns sends the next one.

use std::io;
use std::time::Instant;

use crate::connection::Connection;
use crate::drive::{Workload, drive};
use crate::establish::establish;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::options::Options;

struct Echo {
    depth: u32,
}

impl Workload for Echo {
    fn start(&mut self, connections: &mut [Connection], frames: &Frames) -> io::Result<()> {
        for connection in connections {
            connection.note(self.depth, Instant::now());
            connection.send(self.depth, frames)?;
        }
        Ok(())
    }

    fn received(
        &mut self,
        index: usize,
        count: u32,
        connections: &mut [Connection],
        frames: &Frames,
        latencies: &mut Histogram,
    ) -> io::Result<()> {
        let connection = &mut connections[index];
        let now = Instant::now();
        connection.answered(count, now, latencies)?;
        connection.note(count, now);
        connection.send(count, frames)
    }
}

/// Runs the scenario.
pub(crate) fn run(options: &Options) -> io::Result<String> {
    let connections = establish(options.port, options.connections)?;
    drive(options, connections, Echo { depth: options.depth })
}
