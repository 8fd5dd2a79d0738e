//! Idle connections: opened, used a little where that is wanted, announced, and held until the driver closes stdin.

use std::io::{self, Read, Write};

use crate::drive::exchange;
use crate::options::Options;

/// Runs the scenario.
pub(crate) fn run(options: &Options) -> io::Result<String> {
    let wires = exchange(options)?;
    println!("{{\"connected\":{}}}", wires.count());
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(format!("{{\"held\":{}}}", wires.count()))
}
